package repro

import (
	"fmt"
	"strings"

	"cmp"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
	"slices"
)

// maxOuterFrames is the minimum number of a stack's frames that the hurdles
// cover.
const maxOuterFrames = 30

const helpInput = "An event with these values would help. Literals, containers and objects whose state was recorded can be reconstructed; connections cannot."

// problem is a kind of missing evidence in the attempt's event.
func (a *attempt) problem(kind language.ProblemKind, name string) language.Problem {
	e := &a.in.Bundle.Event
	return language.Problem{Kind: kind, Name: name, Source: e.Source, Recorded: e.Described()}
}

// tainted is the stop for an event that does not match the commit.
func tainted(in Input, frames []language.Frame, why string) error {
	where := "its stack"
	if n := len(frames); n > 0 {
		f := frames[n-1]
		where = fmt.Sprintf("%s:%d in %s", text.Line(f.File, 200), f.Line, text.Line(f.Function, 80))
	}
	commit := in.Bundle.Code.Commit
	if commit == "" {
		commit = "the tree"
	}
	return &fault.Stop{
		Type: fault.Tainted, Detail: fmt.Sprintf("The crash frame %s does not exist in %s: %s.", where, commit, why),
		Help: "Set the SDK's release to the deployed commit, and point the project at the repository that contains this file.",
	}
}

// needsLocals is the stop for events without local variables.
func (a *attempt) needsLocals() error {
	return &fault.Stop{
		Type: fault.NeedsLocals, Detail: "The event has no local variables in any of the application's frames.",
		Help: a.r.Language.Help(a.problem(language.NoLocals, "")),
	}
}

// noCall explains, frame by frame, why no call could be reconstructed.
func (a *attempt) noCall(hurdles []language.Hurdle) error {
	slices.SortStableFunc(hurdles, func(x, y language.Hurdle) int { return cmp.Compare(x.Frame, y.Frame) })
	var lines []string
	var gone *language.Hurdle
	seen := map[string]bool{}
	for i := range hurdles {
		h := &hurdles[i]
		if h.Name != "" && (h.Loss == language.Cut || h.Loss == language.Filtered || h.Loss == language.Absent && h.At.Cut) && gone == nil {
			gone = h
		}
		if line := h.String(); !seen[line] && len(lines) < 20 {
			seen[line] = true
			lines = append(lines, line)
		}
	}
	if outside := len(a.frames) - len(hurdles); outside > 0 && len(hurdles) < maxOuterFrames {
		lines = append(lines, text.Count(outside, "frame")+" outside the repository's functions")
	}
	log := strings.Join(lines, "\n")
	if gone == nil {
		return &fault.Stop{
			Type: fault.NeedsInput, Log: log, Help: strings.TrimSpace(helpInput + " " + a.r.Language.Help(a.problem(language.ObjectState, ""))),
			Detail: "No call in the stack can be reconstructed from the recorded locals: " + text.Line(strings.Join(lines[:min(len(lines), 3)], "; "), 500) + ".",
		}
	}
	stop := &fault.Stop{
		Type: fault.ValueLost, Log: log,
		Detail: fmt.Sprintf("The value of %s in %s (%s:%d) was lost: it %s.", gone.Name, incident.BareName(gone.At.Function),
			gone.At.Path, gone.At.Line, strings.TrimPrefix(gone.What, gone.Name+" ")),
	}
	problem := a.problem(language.ValueCut, gone.Name)
	switch gone.Loss {
	case language.Filtered:
		problem.Kind = language.ValueFiltered
	case language.Absent:
		problem.Kind = language.ValueAbsent
	}
	stop.Help = a.r.Language.Help(problem)
	return stop
}
