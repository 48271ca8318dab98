package pair

import (
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
)

// Swallowed names an exception of the incident's type that the patch makes the
// program swallow.
func (p *Pair) Swallowed() (string, error) {
	if p.Green == nil {
		return "", nil
	}
	changed, err := patch.ChangedLines(p.Base, p.Overlay)
	if err != nil {
		return "", err
	}
	type place struct{ file, name string }
	before := map[place]int{}
	if p.Red != nil {
		for _, s := range p.Red.Swallowed() {
			if s.Type == p.Signature.Type {
				before[place{s.File, incident.BareName(s.Name)}]++
			}
		}
	}
	for _, s := range p.Green.Swallowed() {
		if s.Type != p.Signature.Type {
			continue
		}
		at := place{s.File, incident.BareName(s.Name)}
		crashed := len(p.Stack) > 0 && at.file == treeRoot+p.Stack[len(p.Stack)-1].Path && at.name == p.Stack[len(p.Stack)-1].Function
		handler := strings.TrimPrefix(s.HandlerFile, treeRoot)
		if slices.ContainsFunc(p.Analysis.Guards, func(g language.Guard) bool {
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

// Hides applies the rule on band-aids to each guard and handler that the patch
// adds: why the first that hides the failure does, else why those on the failure's
// path do not, and the guards that are not on it. docs/band-aid.md has the rule,
// with examples; its numbers are those of the comments here.
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
// (Pair.Outer), their calls are followed too (Pair.Callers). Where j < n the
// guard must test the parameters as such: a local that Lj computed and passed on
// is a value that Lj produced.
//
// If the traces do not tell which call is Lj (the red one lacks the stack, the
// green one is missing or has gaps), every guard in a function of the stack
// counts as one of Lj, for the innermost level of that function. So a missing
// trace never helps a patch.
func (p *Pair) Hides() (why string, passed []string, elsewhere []language.Guard) {
	at, seen := p.innermostShared()
	for _, g := range p.Analysis.Guards {
		why, pass := p.hides(g, at, seen)
		switch {
		case why != "":
			return why, nil, nil
		case pass != "":
			passed = append(passed, pass)
		default:
			elsewhere = append(elsewhere, g)
		}
	}
	return "", passed, elsewhere
}

// hides applies the rule to a guard or handler: why it is rejected, or why one
// on the failure's path is accepted; both empty if it is not on the path. at is j
// of rule 2; seen says that the traces show it.
func (p *Pair) hides(g language.Guard, at int, seen bool) (why, pass string) {
	place := fmt.Sprintf("%s at %s:%d", g.Function, g.Path, g.Line)
	n := len(p.Stack) - 1
	if len(g.Levels) == 0 {
		return p.hidesOnWay(g, place)
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
		return fmt.Sprintf("the patch adds a handler for %s in %s, where the failure passed", p.Signature.Type, place), ""
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
	recursion := at > 0 && p.Stack[at-1].Path == p.Stack[at].Path && p.Stack[at-1].Function == p.Stack[at].Function
	fromInput := slices.Contains(g.DirectAt, at) || (at == n && slices.Contains(g.InputAt, at))
	switch { // rules 4, 5 and 6
	case fromInput && p.Outer <= len(p.Callers):
		return "", fmt.Sprintf("the condition added to %s tests production's input (%s), which no code in the tree produced", place, strings.Join(g.Roots, ", "))
	case g.Documented != "":
		return "", fmt.Sprintf("the condition added to %s is for a value that base documents (%s)", place, g.Documented)
	case p.Rules.Exhausts(p.Signature.Type) || (recursion && g.BaseCase):
		return "", fmt.Sprintf("the condition added to %s is the base case of a recursion", place)
	}
	if fromInput {
		return fmt.Sprintf("the patch adds a guard (%s) to %s on a value that %s: that may be where the value is produced", g.Kind, place, callers(p.Outer)), ""
	}
	shown := "where the failure passed"
	if seen {
		shown = fmt.Sprintf("and with the patch %s is called with the same arguments as on base", g.Function)
		if args := p.arguments(at); args != "" {
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

// hidesOnWay applies rule 3, to a guard in a function off the stack: one that
// had a part in the bad value, where it ran before the failure and the guard
// takes effect with the patch.
func (p *Pair) hidesOnWay(g language.Guard, place string) (why, pass string) {
	switch {
	case !g.OnWay, g.Kind == language.GuardRefusal, g.Kind == language.GuardFormat, !g.Constant:
		return "", ""
	case g.Effect > 0 && p.Green != nil && !p.Green.Executed()[treeRoot+g.Path][g.Effect]:
		return "", ""
	case g.Documented != "":
		return "", fmt.Sprintf("the guard added to %s is for a value that base documents (%s)", place, g.Documented)
	case g.Input && p.Outer <= len(p.Callers):
		return "", fmt.Sprintf("the condition added to %s tests production's input (%s), which no code in the tree produced", place, strings.Join(g.Roots, ", "))
	}
	return fmt.Sprintf("the patch adds a guard (%s) to %s, through which the value came that failed later: it is replaced by a constant, and its cause is still there", g.Kind, place), ""
}
