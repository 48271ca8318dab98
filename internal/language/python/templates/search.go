package templates

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/text"
)

const (
	// lookAhead is how many candidates after the first accepted one are also
	// verified, if they behave differently and are almost as likely.
	lookAhead = 2
	// near is the score difference below which two candidates are almost
	// equally likely.
	near = 0.1
	// tie and tieAlone are differences below which nothing says which of two
	// candidates that pass the repository's tests is intended: of the wrong ones
	// that pass them all, few come as close to the right one as tie; where the
	// failing test is the only one, more do.
	tie, tieAlone = 0.04, 0.15

	maxAlternatives = 4
	maxTrials       = 500
)

// Repair searches and has the candidates verified, best first. Its error is a
// *fault.Stop: no_patch if no candidate passes the test, rejected if the judge
// accepts none, or two between which it cannot decide, budget.
func (p *Proposer) Repair(ctx context.Context, in repair.Input) (_ *repair.Result, err error) {
	defer fault.Wrap(&err, "templates")
	begin := time.Now()
	budget := in.Budget.WithDefaults(repair.DefaultTemplateAttempts)
	limited, cancel := context.WithTimeout(ctx, budget.Time)
	defer cancel()
	progress := in.Progress
	if progress == nil {
		progress = func(string) {}
	}
	progress("templates: searching for known kinds of mistakes")
	found, err := p.search(limited, in)
	if err != nil {
		return nil, outOfTime(ctx, limited, budget, err)
	}
	if in.Record != nil {
		in.Record("engine", map[string]any{"generated": found.Generated, "tried": found.Tried, "passed": found.Passed, "seconds": found.Seconds,
			"per_template": found.PerTemplate, "kept": len(found.Candidates)})
	}
	if !found.Observed {
		return nil, stop(fault.NoPatch, "The model-free search could not observe the failure: "+in.Redactor.Text(found.Note, in.Known).String()+".",
			"Configure a model, which works from the recorded trace.")
	}
	r := &round{in: in, budget: budget, progress: progress, found: found}
	if err := r.weigh(limited); err != nil {
		return nil, outOfTime(ctx, limited, budget, err)
	}
	progress(fmt.Sprintf("templates: %d candidates, %d tried in %.1f s, %d pass the test, %d worth verifying",
		found.Generated, found.Tried, found.Seconds, found.Passed, len(found.Candidates)))
	result, err := r.verifyAll(limited)
	result.Wall = time.Since(begin)
	if err != nil {
		return result, outOfTime(ctx, limited, budget, err)
	}
	return result, nil
}

// outOfTime turns the end of the budgeted time into a stop.
func outOfTime(ctx, limited context.Context, b repair.Budget, err error) error {
	if ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return stop(fault.OverBudget, fmt.Sprintf("The repair's time budget of %s is exhausted.", b.Time), "Raise the repair's time budget.")
	}
	return err
}

// A round is the verification of one search's candidates.
type round struct {
	in       repair.Input
	budget   repair.Budget
	progress func(string)
	found    *answer
	attempts []repair.Attempt
	gates    map[string]int // how many candidates failed each
	open     []candidate    // that nothing speaks against, but too little for
}

// A hit is an accepted candidate.
type hit struct {
	candidate candidate
	patch     patch.Patch
}

// verifyAll has candidates verified until one is accepted. The result has what
// was tried, also beside an error.
func (r *round) verifyAll(ctx context.Context) (result *repair.Result, err error) {
	result = &repair.Result{Proposer: "templates", Trials: r.trials()}
	r.gates = map[string]int{}
	first, others, err := r.accepted(ctx)
	result.Attempts = r.attempts
	for _, o := range others {
		result.Alternatives = append(result.Alternatives, r.redacted(o))
	}
	for _, c := range r.open {
		if first == nil || c.Behaviour != first.candidate.Behaviour {
			result.Alternatives = append(result.Alternatives, r.redacted(hit{c, patchOf(c)}))
		}
	}
	result.Alternatives = result.Alternatives[:min(len(result.Alternatives), maxAlternatives)]
	switch {
	case err != nil:
		return result, err
	case first == nil:
		return r.asked(ctx, result)
	}
	// What an event's test does not decide, the verdict asks a person: it tries the
	// alternatives. A test of the repository asserts, so that no verdict would ask.
	for _, o := range others {
		if r.in.Test.Own && first.candidate.Score-o.candidate.Score < r.tie() {
			result.Alternatives = append([]patch.Patch{r.redacted(*first)}, result.Alternatives...)
			return result, stop(fault.Undecided, fmt.Sprintf(
				"Two patches pass every gate but behave differently (%s at %s:%d; %s at %s:%d), and nothing in the code says which is intended.",
				first.candidate.Template, first.candidate.Path, first.candidate.Line, o.candidate.Template, o.candidate.Path, o.candidate.Line),
				"A test or docstring that states what "+first.candidate.Function+" should return would settle it.")
		}
	}
	result.Patch = first.patch
	result.Why = r.in.Redactor.Text(why(first.candidate, others), r.in.Known).String()
	return result, nil
}

// accepted has candidates verified in their order until one is accepted, and a
// few after it that are almost as likely and behave differently.
func (r *round) accepted(ctx context.Context) (first *hit, others []hit, err error) {
	ahead := 0
	for _, c := range r.found.Candidates {
		// What inverts a condition needs a test that tells, or a past that does: that
		// says in the verdict which way is right.
		if len(c.Partial) > 0 || c.Guess && r.in.Broken == "" {
			r.open = append(r.open, c)
			continue
		}
		if first != nil && (ahead >= lookAhead || r.likelier(first.candidate, c)) {
			break
		}
		if first != nil && c.Behaviour == first.candidate.Behaviour {
			continue // it does the same; the likelier one came first
		}
		if len(r.attempts) >= r.budget.Attempts {
			if first != nil {
				break
			}
			return nil, nil, stop(fault.OverBudget, fmt.Sprintf("%d candidates were verified, none was accepted, and more remain.", len(r.attempts)),
				"Raise the repair's attempt budget.")
		}
		judged, err := r.verify(ctx, c)
		if err != nil {
			return first, others, err
		}
		if first != nil {
			ahead++
		}
		switch {
		case judged == nil:
		case !judged.Accepted:
			r.gates[judged.Gate]++
		case first == nil:
			first = &hit{c, judged.Patch}
		default:
			others = append(others, hit{c, judged.Patch})
		}
	}
	return first, others, nil
}

// asked ends a repair without a candidate that could be accepted: with those
// that invert a condition as alternatives to choose from, if they pass every
// other gate, and otherwise with what was searched.
func (r *round) asked(ctx context.Context, result *repair.Result) (*repair.Result, error) {
	var open []patch.Patch
	first := ""
	for _, c := range r.open {
		if len(c.Partial) > 0 || len(open) == maxAlternatives || len(r.attempts) >= r.budget.Attempts {
			continue
		}
		judged, err := r.verify(ctx, c)
		if err != nil {
			return result, err
		}
		if judged != nil && judged.Accepted {
			open = append(open, r.redacted(hit{c, judged.Patch}))
			first = cmp.Or(first, fmt.Sprintf("%s at %s:%d", c.Template, c.Path, c.Line))
		}
	}
	if result.Attempts = r.attempts; len(open) == 0 {
		return result, r.nothing()
	}
	result.Alternatives = open
	return result, stop(fault.Undecided, fmt.Sprintf("%s every gate but inverts a condition (%s), and no passing test executes it to say which way is meant.",
		passing(len(open)), first), "A test that executes the condition would settle it.")
}

func passing(n int) string {
	if n == 1 {
		return "One patch passes"
	}
	return fmt.Sprintf("Each of %d patches passes", n)
}

// likelier reports whether a candidate is so much likelier than another that a
// person need not choose between them. About one that changes what the code
// answers elsewhere a person is asked anyway.
func (r *round) likelier(first, c candidate) bool {
	return !first.changes && (c.Class != first.Class || first.Score-c.Score > max(near, r.tie()))
}

// tie is the difference in score below which nothing says which of two
// behaviours is intended; 0 for an event's test, where the verdict decides.
func (r *round) tie() float64 {
	switch {
	case !r.in.Test.Own:
		return 0
	case r.found.Witnesses == 0:
		return tieAlone
	}
	return tie
}

// nothing says what was searched, and why nothing is left of it.
func (r *round) nothing() *fault.Stop {
	f := r.found
	searched := fmt.Sprintf("%s for %s of mistakes were tried in the functions that the failure passed through",
		text.Count(f.Tried, "candidate"), text.Count(len(f.PerTemplate), "known kind"))
	if f.Tried < f.Generated {
		searched += fmt.Sprintf(" (%d more were not, for lack of time)", f.Generated-f.Tried)
	}
	help := "Configure a model, or repair by hand with the diagnosis card."
	partial, guesses := 0, 0
	for _, c := range r.open {
		if len(c.Partial) > 0 {
			partial++
		} else {
			guesses++
		}
	}
	var left []string
	count := func(n int, what string) {
		if n > 0 {
			left = append(left, fmt.Sprintf(what, n))
		}
	}
	count(f.Passed-f.Kept, "%d break tests that passed")
	count(f.Kept-len(f.Candidates), "%d only avoid the failing computation or change what the code answers elsewhere")
	count(partial, "under %d other failing tests that execute the changed lines still fail")
	count(guesses, "%d invert a condition, which no passing test confirms")
	count(len(r.attempts), "%d were verified, and a gate refused each, "+tally(r.gates))
	t := fault.NoPatch
	if len(r.attempts) > 0 {
		t = fault.Rejected
	}
	switch {
	case f.Tried == 0:
		return stop(t, "The functions that the failure passed through show none of the known kinds of mistakes.", help)
	case f.Passed == 0:
		return stop(t, searched+"; under none of them does the test pass.", help)
	}
	return stop(t, fmt.Sprintf("%s; the test passes under %d. Of these, %s.", searched, f.Passed, strings.Join(left, "; ")), help)
}

// trials are the engine's, redacted.
func (r *round) trials() []repair.Trial {
	var made []repair.Trial
	for _, t := range r.found.Trials[:min(len(r.found.Trials), maxTrials)] {
		t.Why = r.in.Redactor.Text(t.Why, r.in.Known).Truncate(300).String()
		t.End = r.in.Redactor.Text(t.End, r.in.Known).Truncate(300).String()
		t.Diff = r.in.DiffOf(patch.Patch{Edits: t.Edits})
		made = append(made, t.Trial)
	}
	return made
}

func patchOf(c candidate) patch.Patch {
	return patch.Patch{Edits: c.Edits, Why: c.Template + ": " + c.Why}
}

// redacted is the patch of a hit with what speaks for it.
func (r *round) redacted(h hit) patch.Patch {
	p := h.patch
	p.Why = r.in.Redactor.Text(why(h.candidate, nil), r.in.Known).String()
	return p
}

// verify has one candidate verified; nil if it is not worth verifying.
func (r *round) verify(ctx context.Context, c candidate) (*repair.Assessment, error) {
	p := patchOf(c)
	if r.in.Policy.Check(patch.Dir(r.in.Tree), p) != nil {
		return nil, nil //nolint:nilerr // the next candidate's turn
	}
	r.progress(fmt.Sprintf("templates: verifying candidate %d (%s in %s)", len(r.attempts)+1, c.Template, c.Function))
	judged, err := r.in.Judge.Judge(ctx, p)
	if err != nil {
		return nil, err
	}
	attempt := repair.Attempt{Patch: p, Template: c.Template, Diff: r.in.DiffOf(p)}
	if !judged.Accepted {
		attempt.Gate = judged.Gate
		attempt.Feedback = r.in.Redactor.Text(judged.Feedback, r.in.Known).Truncate(2000).String()
	}
	r.attempts = append(r.attempts, attempt)
	if r.in.Record != nil {
		r.in.Record("judged", attempt)
	}
	if len(judged.Patch.Edits) == 0 {
		judged.Patch = p
	}
	return judged, nil
}

func tally(gates map[string]int) string {
	best, n := "", 0
	for gate, count := range gates {
		if count > n || count == n && gate < best {
			best, n = fmt.Sprintf("%s (%d)", gate, count), count
		}
	}
	return "most often " + best
}

// why is the root cause. What calls near the failing one answer, the verdict says.
func why(c candidate, others []hit) string {
	text := fmt.Sprintf("In %s (%s:%d), %s.", c.Function, c.Path, c.Line, c.Why)
	for _, o := range others {
		text += fmt.Sprintf(" Another patch also passes, but was considered less likely: %s.", o.candidate.Why)
	}
	return text
}
