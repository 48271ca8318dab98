package repair

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/trace/card"
)

// Limits of the opening message's parts, in bytes.
const (
	maxIncident  = 4 << 10
	maxTest      = 8 << 10
	maxOutput    = 6 << 10
	maxCard      = 14 << 10
	maxCode      = 28 << 10
	maxFunctions = 10
	functionRows = 150
)

// opening is the first message: what happened, and the code where it happened.
func (s *session) opening() redact.Clean {
	diagnosis := "no trace was recorded"
	if s.trace != nil {
		diagnosis = card.Diagnose(s.trace, card.Options{Root: treeRoot, Source: func(file string) []byte {
			text, err := s.tree.read(strings.TrimPrefix(file, treeRoot+"/"))
			if err != nil {
				return nil
			}
			return []byte(text)
		}}).Text
	}
	c := s.clean
	return c.fill(incidentPrompt, map[string]redact.Clean{
		"incident": quoted(redact.Constant("incident"), c.text(s.summary(), maxIncident)),
		"test":     quoted(redact.Constant("synthesized.test"), c.code(s.in.Test.Source, maxTest)),
		"output":   quoted(redact.Constant("pytest.output"), c.tail(s.in.Output, maxOutput)),
		"card":     quoted(redact.Constant("trace"), c.text(diagnosis, maxCard)),
		"code":     s.functions(),
	})
}

// summary is the incident in a few lines; the bundle is already redacted.
func (s *session) summary() string {
	var b strings.Builder
	if bn := s.in.Bundle; bn != nil {
		fmt.Fprintf(&b, "summary: %s\nseen: %d times\n", bn.Incident.Summary, bn.Incident.Count)
		for _, x := range bn.Event.Exceptions {
			fmt.Fprintf(&b, "exception: %s: %s\n", x.Type, clip(x.Message, 500))
		}
		e := bn.Event.Environment
		fmt.Fprintf(&b, "environment: Python %s, %s\n", e.Python, e.Name)
		if r := bn.Event.Request; r != nil {
			fmt.Fprintf(&b, "request: %s %s\n", r.Method, clip(r.URL, 300))
		}
	}
	o := s.in.Outcome
	fmt.Fprintf(&b, "the test fails with: %s: %s\n", o.Type, clip(o.Message, 500))
	frames := s.in.Frames
	if len(frames) == 0 {
		frames = o.Frames
	}
	if len(frames) > 30 {
		frames = frames[len(frames)-30:]
	}
	for _, f := range frames {
		fmt.Fprintf(&b, "  %s:%d in %s: %s\n", f.File, f.Line, f.Function, strings.TrimSpace(clip(f.Code, 200)))
	}
	return b.String()
}

// functions is the source of the frames' functions, the crash frame's first.
func (s *session) functions() redact.Clean {
	type place struct {
		file string
		line int
	}
	var parts []redact.Clean
	seen, size := map[place]bool{}, 0
	frames := append(append([]incident.Frame(nil), s.in.Frames...), s.in.Outcome.Frames...)
	for i := len(frames) - 1; i >= 0 && len(parts) < maxFunctions && size < maxCode; i-- {
		f := frames[i]
		text, err := s.tree.read(f.File)
		if err != nil {
			continue
		}
		source, first := function(text, f.Line, functionRows)
		if source == "" || seen[place{f.File, first}] {
			continue
		}
		seen[place{f.File, first}] = true
		part := quoted(s.clean.code(fmt.Sprintf("%s:%d", f.File, first), 300), s.clean.code(source, maxCode-size))
		size += part.Len()
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return redact.Constant("None could be read; use the tools.")
	}
	return redact.Join(redact.Constant("\n\n"), parts...)
}
