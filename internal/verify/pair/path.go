package pair

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/text"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// RanRemoved names a line of base that the patch removes and the test executed
// there, "" for none.
func (p *Pair) RanRemoved() (string, error) {
	removed, err := patch.RemovedLines(p.Base, p.Overlay)
	if err != nil || p.Red == nil {
		return "", err
	}
	executed := p.Red.Executed()
	for _, path := range slices.Sorted(maps.Keys(removed)) {
		for _, line := range removed[path] {
			if executed[treeRoot+path][line] {
				return fmt.Sprintf("%s:%d", path, line), nil
			}
		}
	}
	return "", nil
}

// CallsAgain reports whether the run with the patch makes the outermost call of
// the failure's stack; true also where the traces do not tell. Arguments are not
// compared: a patch may rightly change a default, or what an object that the
// test makes first holds.
func (p *Pair) CallsAgain() bool {
	red := p.redCalls()
	if p.Rules.Exhausts(p.Signature.Type) || len(red) == 0 || !Whole(p.Red) || !Whole(p.Green) {
		return true
	}
	outer := red[0].Code
	for _, c := range callsOf(p.Green) {
		if c.Code.File == outer.File && incident.BareName(c.Code.Name) == incident.BareName(outer.Name) {
			return true
		}
	}
	return false
}

// Whole reports whether a trace has every call of its run.
func Whole(t *trace.Trace) bool {
	f := t.Footer
	return f.Dropped == 0 && f.Uncalled == 0 && f.Faults == 0 && f.Undefined == 0 && f.Unnamed == 0 && f.Skipped == 0 && !f.Cut
}

// Ran reports whether the green run executed one of the lines first to last of a
// file of the tree.
func (p *Pair) Ran(path string, first, last int) bool {
	if p.Green == nil {
		return false
	}
	lines := p.Green.Executed()[treeRoot+path]
	for n := first; n <= last; n++ {
		if lines[n] {
			return true
		}
	}
	return false
}

// redCalls returns the failure's stack as calls of the red runTrace, outermost
// first; nil when the trace does not show it.
func (p *Pair) redCalls() []*trace.Record {
	if p.Red == nil {
		return nil
	}
	calls := callsOf(p.Red)
	var crash int64
	for _, r := range p.Red.Raised() {
		if r.Type == p.Signature.Type && r.Escaped {
			crash = r.Call
		}
	}
	var stack []*trace.Record
	for c := calls[crash]; c != nil && len(stack) <= len(p.Stack); c = calls[c.Parent] {
		if strings.HasPrefix(c.Code.File, treeRoot) && c.Code.File != treeRoot+p.Test.Path && !p.Rules.Inlined(incident.BareName(c.Code.Name)) {
			stack = append(stack, c)
		}
	}
	slices.Reverse(stack)
	if len(stack) != len(p.Stack) {
		return nil
	}
	for i, c := range stack {
		if strings.TrimPrefix(c.Code.File, treeRoot) != p.Stack[i].Path || incident.BareName(c.Code.Name) != p.Stack[i].Function {
			return nil
		}
	}
	return stack
}

func callsOf(t *trace.Trace) map[int64]*trace.Record {
	calls := map[int64]*trace.Record{}
	for r := range t.All() {
		if r.Kind == wire.KindCall && r.Code != nil {
			calls[r.Call] = &r
		}
	}
	return calls
}

// innermostShared returns j of the rule on guards, -1 when the green run makes
// none of the calls; ok is false when the traces do not tell.
func (p *Pair) innermostShared() (at int, ok bool) {
	red := p.redCalls()
	if red == nil || p.Green == nil {
		return -1, false
	}
	type function struct{ file, name string }
	made := map[function][]*trace.Record{}
	for r := range p.Green.All() {
		if r.Kind == wire.KindCall && r.Code != nil {
			key := function{r.Code.File, r.Code.Name}
			made[key] = append(made[key], &r)
		}
	}
	// Calls that the tracer only counted may have been deeper ones.
	for i := len(red) - 1; i >= 0; i-- {
		for _, green := range made[function{red[i].Code.File, red[i].Code.Name}] {
			if sameArguments(red[i], green) {
				return i, Whole(p.Green) || i == len(red)-1
			}
		}
	}
	return -1, false // the test makes the outermost call in both runs, so these traces cannot be right
}

func (p *Pair) arguments(at int) string {
	red := p.redCalls()
	if at < 0 || at >= len(red) {
		return ""
	}
	var parts []string
	for _, a := range red[at].Args() {
		parts = append(parts, a.Name+"="+text.Clip(a.Value.String(), 60))
	}
	return text.Clip(strings.Join(parts, ", "), 200)
}
