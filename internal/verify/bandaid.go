package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// noBandAid asks whether the failure is gone because its cause is, or because
// it is hidden: is the wrong value still there, and only tolerated now?
// docs/band-aid.md has the rule, with examples; its numbers are those of the
// comments here.
//
// Rule 2 in detail. Let L0 … Ln be the calls of the failure's stack that are in
// the tree, L0 called by the test and Ln the one that crashed, each a function
// with the arguments it had in the red run. Runs are repeatable, so the green
// run equals the red one up to the first changed statement that behaves
// differently. Let Lj be the innermost of these calls that the green run makes
// too, with equal arguments: what arrives there is what arrived on base, and
// what differs happens inside Lj. If the patch adds a guard to Lj's function (a
// construct of language.Guard), then the wrong value is still produced as
// before, but tolerated, unless one of the rules 4 to 6 lets it pass.
//
// Rule 4 in detail. What the guard tests depends on Lj's parameters only, and
// these are, call by call, parts of L0's own arguments, or entered the tree in
// one of these calls. Where functions of the tree were outside L0 in production
// (Input.Outer), their calls are followed too (Input.Callers). Where j < n the
// guard must test the parameters as such: a local that Lj computed and passed on
// is a value that Lj produced.
//
// If the traces do not tell which call is Lj (the red one lacks the stack, the
// green one is missing or has gaps), every guard in a function of the stack
// counts as one of Lj, for the innermost level of that function. So a missing
// trace never helps a patch.
func (j *verification) noBandAid(context.Context) (finding, error) {
	if b := j.analysis.Broad; len(b) > 0 && !j.v.lax["code"] {
		return failed("the patch adds a catch-all handler at %s:%d: %s", b[0].Path, b[0].Line, b[0].Detail), nil
	}
	if s, err := j.swallowed(); err != nil || s != "" {
		return failed("%s", s), err
	}
	if j.in.Test.Own {
		return held("no %s is swallowed that was not swallowed on base, and no catch-all handler is added; what else is right, the repository's own test says", j.in.Signature.Type), nil
	}
	j.expressionGone()
	at, seen := j.innermostShared()
	var passed, others []string
	for _, g := range j.analysis.Guards {
		why, pass := j.hides(g, at, seen)
		switch {
		case why != "":
			return failed("%s", why), nil
		case pass != "":
			passed = append(passed, pass)
		default:
			others = append(others, fmt.Sprintf("%s in %s at %s:%d", g.Kind, g.Function, g.Path, g.Line))
		}
	}
	evidence := fmt.Sprintf("no %s is swallowed that was not swallowed on base, and no catch-all handler is added", j.in.Signature.Type)
	if len(passed) == 0 {
		passed = []string{"the patch adds no guard where the failure passed"}
	}
	evidence += "; " + strings.Join(passed, "; ")
	if len(others) > 0 {
		j.risks = append(j.risks, sentence("the patch adds guards where the failure did not pass: "+clip(strings.Join(others, ", "), 300)))
	}
	return held("%s", evidence), nil
}

// swallowed names an exception of the incident's type that the patch makes the
// program swallow.
func (j *verification) swallowed() (string, error) {
	if j.green.read == nil {
		return "", nil
	}
	changed, err := patch.ChangedLines(j.base, j.overlay)
	if err != nil {
		return "", err
	}
	type place struct{ file, name string }
	before := map[place]int{}
	if j.red.read != nil {
		for _, s := range j.red.read.Swallowed() {
			if s.Type == j.in.Signature.Type {
				before[place{s.File, incident.BareName(s.Name)}]++
			}
		}
	}
	for _, s := range j.green.read.Swallowed() {
		if s.Type != j.in.Signature.Type {
			continue
		}
		at := place{s.File, incident.BareName(s.Name)}
		crashed := len(j.stack) > 0 && at.file == treeRoot+j.stack[len(j.stack)-1].Path && at.name == j.stack[len(j.stack)-1].Function
		handler := strings.TrimPrefix(s.HandlerFile, treeRoot)
		if slices.ContainsFunc(j.analysis.Guards, func(g language.Guard) bool {
			return g.Path == handler && g.Handler == s.Handler && (g.Kind == language.GuardFormat || g.Documented != "")
		}) {
			continue // rule 1 decides
		}
		if before[at]--; before[at] < 0 && (crashed || slices.Contains(changed[handler], s.Handler)) {
			return fmt.Sprintf("with the patch, %s is still raised in %s at %s:%d, and swallowed in %s at line %d",
				s.Type, s.Name, strings.TrimPrefix(s.File, treeRoot), s.Line, s.HandlerName, s.Handler), nil
		}
	}
	return "", nil
}

// hides applies the rules to a guard or handler: why it is rejected, or why one
// on the failure's path is accepted; both empty if it is not on the path. at is j
// of rule 2; seen says that the traces show it.
func (j *verification) hides(g language.Guard, at int, seen bool) (why, pass string) {
	place := fmt.Sprintf("%s at %s:%d", g.Function, g.Path, g.Line)
	n := len(j.stack) - 1
	if len(g.Levels) == 0 {
		return j.hidesOnWay(g, place)
	}
	switch g.Kind { // rules 1 and 7
	case language.GuardRefusal:
		return "", fmt.Sprintf("the handler added to %s raises another exception: the input is refused", place)
	case language.GuardFormat:
		return "", fmt.Sprintf("the handler added to %s reads the same value in another way", place)
	case language.GuardHandler:
		if g.Documented != "" {
			return "", fmt.Sprintf("the handler added to %s is for an absence that base documents (%s)", place, g.Documented)
		}
		return fmt.Sprintf("the patch adds a handler for %s in %s, where the failure passed", j.in.Signature.Type, place), ""
	case language.GuardUnchecked:
		return fmt.Sprintf("the check that failed is removed from %s", place), ""
	case language.GuardConstant:
		return fmt.Sprintf("in %s a constant replaces the computation that failed", place), ""
	case language.GuardRemoved:
		return fmt.Sprintf("the statement that failed is removed from %s without a replacement", place), ""
	}
	if !seen && len(g.Levels) > 0 {
		at = min(slices.Max(g.Levels), n)
	}
	if at < 0 || !slices.Contains(g.Levels, at) {
		return "", ""
	}
	recursion := at > 0 && j.stack[at-1].Path == j.stack[at].Path && j.stack[at-1].Function == j.stack[at].Function
	fromInput := slices.Contains(g.DirectAt, at) || (at == n && slices.Contains(g.InputAt, at))
	switch { // rules 4, 5 and 6
	case fromInput && j.in.Outer <= len(j.in.Callers):
		return "", fmt.Sprintf("the condition added to %s tests production's input (%s), which no code in the tree produced", place, strings.Join(g.Roots, ", "))
	case g.Documented != "":
		return "", fmt.Sprintf("the condition added to %s is for a value that base documents (%s)", place, g.Documented)
	case j.v.Rules.Exhausts(j.in.Signature.Type) || (recursion && g.BaseCase):
		return "", fmt.Sprintf("the condition added to %s is the base case of a recursion", place)
	}
	if fromInput {
		return fmt.Sprintf("the patch adds a guard (%s) to %s on a value that %s: that may be where the value is produced", g.Kind, place, callers(j.in.Outer)), ""
	}
	shown := "where the failure passed"
	if seen {
		shown = fmt.Sprintf("and with the patch %s is called with the same arguments as on base", g.Function)
		if args := j.arguments(at); args != "" {
			shown += " (" + args + ")"
		}
	}
	return fmt.Sprintf("the patch adds a guard (%s) to %s, %s: the bad value is still produced; fix the code that produces it", g.Kind, place, shown), ""
}

func callers(n int) string {
	if n == 1 {
		return "in production came from another function of the repository, which the test does not call"
	}
	return fmt.Sprintf("in production came through %d other functions of the repository, which the test does not call", n)
}

// redCalls returns the failure's stack as calls of the red runTrace, outermost
// first; nil when the trace does not show it.
func (j *verification) redCalls() []*trace.Record {
	if j.red.read == nil {
		return nil
	}
	calls := callsOf(j.red.read)
	var crash int64
	for _, r := range j.red.read.Raised() {
		if r.Type == j.in.Signature.Type && r.Escaped {
			crash = r.Call
		}
	}
	var stack []*trace.Record
	for c := calls[crash]; c != nil && len(stack) <= len(j.stack); c = calls[c.Parent] {
		if strings.HasPrefix(c.Code.File, treeRoot) && c.Code.File != treeRoot+j.in.Test.Path && !j.v.Rules.Inlined(incident.BareName(c.Code.Name)) {
			stack = append(stack, c)
		}
	}
	slices.Reverse(stack)
	if len(stack) != len(j.stack) {
		return nil
	}
	for i, c := range stack {
		if strings.TrimPrefix(c.Code.File, treeRoot) != j.stack[i].Path || incident.BareName(c.Code.Name) != j.stack[i].Function {
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
func (j *verification) innermostShared() (at int, ok bool) {
	red := j.redCalls()
	if red == nil || j.green.read == nil {
		return -1, false
	}
	type function struct{ file, name string }
	made := map[function][]*trace.Record{}
	for r := range j.green.read.All() {
		if r.Kind == wire.KindCall && r.Code != nil {
			key := function{r.Code.File, r.Code.Name}
			made[key] = append(made[key], &r)
		}
	}
	// Calls that the tracer only counted may have been deeper ones.
	for i := len(red) - 1; i >= 0; i-- {
		for _, green := range made[function{red[i].Code.File, red[i].Code.Name}] {
			if sameArguments(red[i], green) {
				return i, whole(j.green.read) || i == len(red)-1
			}
		}
	}
	return -1, false // the test makes the outermost call in both runs, so these traces cannot be right
}

func (j *verification) arguments(at int) string {
	red := j.redCalls()
	if at < 0 || at >= len(red) {
		return ""
	}
	var parts []string
	for _, a := range red[at].Args() {
		parts = append(parts, a.Name+"="+clip(a.Value.String(), 60))
	}
	return clip(strings.Join(parts, ", "), 200)
}
