package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/trace"
)

// hidesOnWay applies rule 3, to a guard in a function off the stack: one that
// had a part in the bad value, where it ran before the failure and the guard
// takes effect with the patch.
func (j *verification) hidesOnWay(g language.Guard, place string) (why, pass string) {
	switch {
	case !g.OnWay, g.Kind == language.GuardRefusal, g.Kind == language.GuardFormat, !g.Constant:
		return "", ""
	case g.Effect > 0 && j.green.read != nil && !j.green.read.Executed()[treeRoot+g.Path][g.Effect]:
		return "", ""
	case g.Documented != "":
		return "", fmt.Sprintf("the guard added to %s is for a value that base documents (%s)", place, g.Documented)
	case g.Input && j.in.Outer <= len(j.in.Callers):
		return "", fmt.Sprintf("the condition added to %s tests production's input (%s), which no code in the tree produced", place, strings.Join(g.Roots, ", "))
	}
	return fmt.Sprintf("the patch adds a guard (%s) to %s, through which the value came that failed later: it is replaced by a constant, and its cause is still there", g.Kind, place), ""
}

// maxWays limits the functions off the stack whose origin is followed.
const maxWays = 50

// ways returns the calls that lead to each function of the patched files that
// ran before the failure and is not on its stack: the bad value may have come
// through it.
func (j *verification) ways() (ways [][]language.Level) {
	if j.red.read == nil {
		return nil
	}
	on := map[language.Level]bool{}
	for _, l := range j.stack {
		on[language.Level{Path: l.Path, Function: l.Function}] = true
	}
	for i := range j.red.read.Nodes() {
		call := j.red.read.CallAt(int32(i) + 1)
		if call.Code() == nil || j.v.Rules.Body(call.Code().Name) || len(ways) == maxWays {
			continue
		}
		file, ok := strings.CutPrefix(call.Code().File, treeRoot)
		key := language.Level{Path: file, Function: incident.BareName(call.Code().Name)}
		if _, patched := j.overlay[file]; !ok || !patched || on[key] {
			continue
		}
		on[key] = true
		ways = append(ways, j.way(call))
	}
	return ways
}

// way is the path to a call as levels, each with the line of the next call; the
// last with its first line.
func (j *verification) way(call trace.Call) (way []language.Level) {
	path := call.Path()
	for i, c := range path {
		file, ok := strings.CutPrefix(c.Code().File, treeRoot)
		if !ok || file == j.in.Test.Path || j.v.Rules.Inlined(incident.BareName(c.Code().Name)) {
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

// raised are the types of the exceptions in the run on base.
func (j *verification) raised() (types []string) {
	if j.red.read == nil {
		return nil
	}
	for _, r := range j.red.read.Raised() {
		if !slices.Contains(types, r.Type) && len(types) < maxWays {
			types = append(types, r.Type)
		}
	}
	return types
}

// expressionGone is a ground against a repair after which the failing expression
// no longer runs: operands were swapped, the function is left before it, or it
// was put where nothing reaches it. The exception is gone then whatever the
// right answer is.
func (j *verification) expressionGone() {
	if j.refused != nil || j.green.read == nil || j.in.Test.Own || len(j.stack) == 0 {
		return
	}
	crash := j.stack[len(j.stack)-1]
	failing := j.analysis.Failing
	if failing == nil { // the patch does not touch its file
		failing = [][]int{{crash.Line}}
	}
	executed := j.green.read.Executed()[treeRoot+crash.Path]
	for _, lines := range failing {
		if !slices.ContainsFunc(lines, func(n int) bool { return executed[n] }) {
			j.grounds = append(j.grounds, behaviour.Ground{Name: "expression-gone", Effect: behaviour.Lowers,
				Evidence: fmt.Sprintf("what failed in %s at %s:%d no longer runs with the patch, so that it passes whatever the call answers", crash.Function, crash.Path, crash.Line)})
			return
		}
	}
}
