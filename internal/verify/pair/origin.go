package pair

import (
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/trace"
)

// maxWays limits the functions off the stack whose origin is followed.
const maxWays = 50

// Ways returns the calls that lead to each function of the patched files that
// Ran before the failure and is not on its stack: the bad value may have come
// through it.
func (p *Pair) Ways() (ways [][]language.Level) {
	if p.Red == nil {
		return nil
	}
	on := map[language.Level]bool{}
	for _, l := range p.Stack {
		on[language.Level{Path: l.Path, Function: l.Function}] = true
	}
	for i := range p.Red.Nodes() {
		call := p.Red.CallAt(int32(i) + 1)
		if call.Code() == nil || p.Rules.Body(call.Code().Name) || len(ways) == maxWays {
			continue
		}
		file, ok := strings.CutPrefix(call.Code().File, treeRoot)
		key := language.Level{Path: file, Function: incident.BareName(call.Code().Name)}
		if _, patched := p.Overlay[file]; !ok || !patched || on[key] {
			continue
		}
		on[key] = true
		ways = append(ways, p.way(call))
	}
	return ways
}

// way is the path to a call as levels, each with the line of the next call; the
// last with its first line.
func (p *Pair) way(call trace.Call) (way []language.Level) {
	path := call.Path()
	for i, c := range path {
		file, ok := strings.CutPrefix(c.Code().File, treeRoot)
		if !ok || file == p.Test.Path || p.Rules.Inlined(incident.BareName(c.Code().Name)) {
			continue
		}
		line := c.Code().Line
		if i+1 < len(path) {
			line = path[i+1].Start().Line
		}
		way = append(way, language.Level{Path: file, Function: incident.BareName(c.Code().Name), Line: line})
	}
	return way
}

// Raised are the types of the exceptions in the run on base.
func (p *Pair) Raised() (types []string) {
	if p.Red == nil {
		return nil
	}
	for _, r := range p.Red.Raised() {
		if !slices.Contains(types, r.Type) && len(types) < maxWays {
			types = append(types, r.Type)
		}
	}
	return types
}

// ExpressionGone says where the failing expression is that no longer runs with
// the patch: operands were swapped, the function is left before it, or it was put
// where nothing reaches it. The exception is gone then whatever the right answer
// is. It is "" where the expression runs.
func (p *Pair) ExpressionGone() string {
	if p.Refusal != "" || p.Green == nil || p.Test.Own || len(p.Stack) == 0 {
		return ""
	}
	crash := p.Stack[len(p.Stack)-1]
	failing := p.Analysis.Failing
	if failing == nil { // the patch does not touch its file
		failing = [][]int{{crash.Line}}
	}
	executed := p.Green.Executed()[treeRoot+crash.Path]
	for _, lines := range failing {
		if !slices.ContainsFunc(lines, func(n int) bool { return executed[n] }) {
			return fmt.Sprintf("%s at %s:%d", crash.Function, crash.Path, crash.Line)
		}
	}
	return ""
}
