package pair

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// same reports whether an exception is the incident's: of its type and message,
// from the function that crashed.
func (p *Pair) same(kind, message string, at language.Level) bool {
	if p.Rules.Exhausts(kind) {
		return kind == p.Signature.Type
	}
	return kind == p.Signature.Type && plain(message) == plain(p.Message) &&
		(p.Signature.Function == "" || at.Path == p.Signature.File && at.Function == p.Signature.Function)
}

// plain is a message without what varies; a trace has the beginning of a long one.
func plain(message string) string {
	message = volatile.ReplaceAllString(message, "")
	return message[:min(len(message), 150)]
}

func (p *Pair) sameRaise(r trace.Raise) bool {
	return p.same(r.Type, r.Message, language.Level{Path: strings.TrimPrefix(r.File, treeRoot), Function: incident.BareName(r.Name)})
}

// Fails reports whether an outcome is the incident's failure.
func (p *Pair) Fails(o testrun.Outcome) bool {
	sig := o.Signature()
	return p.same(o.Type, o.Message, language.Level{Path: sig.File, Function: sig.Function})
}

// Count counts the outcomes that are the incident's failure.
func (p *Pair) Count(outcomes []testrun.Outcome) (n int) {
	for _, o := range outcomes {
		if p.Fails(o) {
			n++
		}
	}
	return n
}

// SwallowedOnBase counts how often the red run swallows the incident's exception.
func (p *Pair) SwallowedOnBase() (n int) {
	if p.Red == nil {
		return 0
	}
	for _, s := range p.Red.Swallowed() {
		if p.sameRaise(s.Raise) {
			n++
		}
	}
	return n
}

// Contradicted says where the trace tells of another test than the session.
func (p *Pair) Contradicted() string {
	if p.Test.Own {
		return "" // it has more than a function of its name
	}
	calls, ended := 0, ""
	for _, c := range callsOf(p.Green) {
		if incident.BareName(c.Code.Name) != p.Test.Name || path.Base(c.Code.File) != path.Base(p.Test.Path) {
			continue
		}
		calls++
		if end := p.Green.Call(c.Call).End(); end.Kind == wire.KindUnwind {
			ended = end.Type()
		}
	}
	switch {
	case ended != "" && (ended != p.Refusal):
		return fmt.Sprintf("the session says that the test passed, and the trace that it ended with %s", text.Clip(ended, 100))
	case calls == 0 && Whole(p.Green):
		return "the session says that the test passed, and in the trace its function is never called"
	}
	return ""
}

// StillRaised names an exception of the green run that is the incident's.
func (p *Pair) StillRaised() string {
	for _, r := range p.Green.Raised() {
		if r.Escaped && p.sameRaise(r) {
			return fmt.Sprintf("with the patch, %s is still raised in %s at %s:%d, and leaves it", r.Type, r.Name, strings.TrimPrefix(r.File, treeRoot), r.Line)
		}
	}
	type pair struct{ file, function, handlerFile, handler string }
	known := map[pair]bool{}
	of := func(s trace.Swallow) pair {
		return pair{s.File, incident.BareName(s.Name), s.HandlerFile, incident.BareName(s.HandlerName)}
	}
	if p.Red != nil {
		for _, s := range p.Red.Swallowed() {
			known[of(s)] = known[of(s)] || p.sameRaise(s.Raise)
		}
	}
	for _, s := range p.Green.Swallowed() {
		if p.sameRaise(s.Raise) && !known[of(s)] && !p.handles(s) {
			return fmt.Sprintf("with the patch, %s is still raised in %s at %s:%d, and swallowed in %s at line %d, a handler that it does not add",
				s.Type, s.Name, strings.TrimPrefix(s.File, treeRoot), s.Line, s.HandlerName, s.Handler)
		}
	}
	return ""
}

// handles reports whether an exception ended in a handler that the patch adds or
// changes.
func (p *Pair) handles(s trace.Swallow) bool {
	return slices.ContainsFunc(p.Analysis.Guards, func(g language.Guard) bool {
		return (g.Kind == language.GuardHandler || g.Handler > 0) && g.Path == strings.TrimPrefix(s.HandlerFile, treeRoot) &&
			incident.BareName(g.Function) == incident.BareName(s.HandlerName)
	})
}

// A calling is a call of the tree in the order of a trace.
type calling struct {
	*trace.Record
	function language.Level // without its line
}

func (p *Pair) callings(t *trace.Trace) []calling {
	var list []calling
	for r := range t.All() {
		if r.Kind == wire.KindCall && r.Code != nil && strings.HasPrefix(r.Code.File, treeRoot) {
			list = append(list, calling{&r, language.Level{Path: strings.TrimPrefix(r.Code.File, treeRoot), Function: incident.BareName(r.Code.Name)}})
		}
	}
	return list
}

// patched returns the functions that the patch changes; ok is false where it
// changes something else too, which may show anywhere.
func (p *Pair) patched() (functions map[language.Level]bool, ok bool) {
	functions = map[language.Level]bool{}
	for name := range p.Overlay {
		changed, known := p.Analysis.Changed[name]
		if !known || slices.Contains(changed, "") {
			return nil, false
		}
		for _, f := range changed {
			functions[language.Level{Path: name, Function: incident.BareName(f)}] = true
		}
	}
	return functions, true
}

// PartsEarly says where the runs part if that is before the patch; "" where it is
// not, or where the traces do not tell.
func (p *Pair) PartsEarly() string {
	if p.Red == nil || !Whole(p.Red) || !Whole(p.Green) || len(p.Green.Processes) != 1 || len(p.Green.Processes[0].Threads) > 1 {
		return ""
	}
	functions, ok := p.patched()
	if !ok {
		return ""
	}
	red, green := p.callings(p.Red), p.callings(p.Green)
	n := 0
	called := func(c calling) bool { return functions[c.function] }
	if !slices.ContainsFunc(red, called) && !slices.ContainsFunc(green, called) {
		return "" // on-path asks whether what changed ran
	}
	// Arguments are not compared: the order of a set of objects may be another.
	for n < len(red) && n < len(green) && red[n].function == green[n].function {
		if functions[green[n].function] {
			return "" // what it does otherwise is the patch's
		}
		n++
	}
	at := "their end"
	for i, run := range [][]calling{red, green} {
		if n >= len(run) {
			continue
		}
		calls := callsOf([]*trace.Trace{p.Red, p.Green}[i])
		for c := calls[run[n].Call]; c != nil; c = calls[c.Parent] {
			if functions[language.Level{Path: strings.TrimPrefix(c.Code.File, treeRoot), Function: incident.BareName(c.Code.Name)}] {
				return ""
			}
		}
		at = fmt.Sprintf("%s in %s", run[n].function.Function, run[n].function.Path)
	}
	return fmt.Sprintf("the runs with and without the patch part at %s, and no function that the patch changes was called until then", at)
}

// PartsInPatch reports whether the runs are known to part in what the patch changes.
func (p *Pair) PartsInPatch() bool {
	_, ok := p.patched()
	return ok && p.Red != nil && Whole(p.Red) && Whole(p.Green)
}
