package templates

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repair"
)

const (
	// lookAhead is how many candidates after the first accepted one are also
	// verified, if they behave differently and are almost as likely.
	lookAhead = 2
	// near is the score difference below which two candidates are almost
	// equally likely.
	near = 0.1
	// tie is the difference below which nothing says which one is intended.
	tie = 0.015
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
		in.Record("engine", map[string]any{"generated": found.Generated, "tried": found.Tried, "passed": found.Passed,
			"per_template": found.PerTemplate, "kept": len(found.Candidates)})
	}
	if !found.Observed {
		return nil, stop(fault.NoPatch, "The model-free search could not observe the failure: "+in.Redactor.Text(found.Note, in.Known).String()+".",
			"Configure a model, which works from the recorded trace.")
	}
	progress(fmt.Sprintf("templates: %d candidates, %d tried, %d pass the test, %d worth verifying",
		found.Generated, found.Tried, found.Passed, len(found.Candidates)))
	if len(found.Candidates) == 0 {
		return nil, stop(fault.NoPatch, fmt.Sprintf("None of %d candidates for known kinds of mistakes repairs the failure without merely avoiding it.", found.Generated),
			"Configure a model, or repair by hand with the diagnosis card.")
	}
	r := &round{in: in, budget: budget, progress: progress, total: len(found.Candidates)}
	result, err := r.verifyAll(limited, found.Candidates)
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
	total    int
	attempts []repair.Attempt
}

// A hit is an accepted candidate.
type hit struct {
	candidate candidate
	patch     patch.Patch
}

// verifyAll has candidates verified until one is accepted. The result has what
// was tried, also beside an error.
func (r *round) verifyAll(ctx context.Context, candidates []candidate) (result *repair.Result, err error) {
	result = &repair.Result{Proposer: "templates"}
	defer func() { result.Attempts = r.attempts }()
	var first *hit
	var others []hit
	ahead, gates := 0, map[string]int{}
	for _, c := range candidates {
		if first != nil && (ahead >= lookAhead || c.Class != first.candidate.Class || first.candidate.Score-c.Score > near) {
			break
		}
		if first != nil && c.Behaviour == first.candidate.Behaviour {
			continue // it does the same; the likelier one came first
		}
		if len(r.attempts) >= r.budget.Attempts {
			if first != nil {
				break
			}
			return result, stop(fault.OverBudget, fmt.Sprintf("%d candidates were verified, none was accepted, and more remain.", len(r.attempts)),
				"Raise the repair's attempt budget.")
		}
		judged, err := r.verify(ctx, c)
		if err != nil {
			return result, err
		}
		if first != nil {
			ahead++
		}
		switch {
		case judged == nil:
		case !judged.Accepted:
			gates[judged.Gate]++
		case first == nil:
			first = &hit{c, judged.Patch}
		default:
			others = append(others, hit{c, judged.Patch})
		}
	}
	if first == nil {
		return result, stop(fault.Rejected, fmt.Sprintf("All %d candidates failed a gate: %s.", len(r.attempts), tally(gates)),
			"Configure a model, or repair by hand with the diagnosis card.")
	}
	for _, o := range others {
		result.Alternatives = append(result.Alternatives, r.redacted(o))
	}
	for _, o := range others {
		if first.candidate.Score-o.candidate.Score < tie {
			result.Alternatives = append([]patch.Patch{r.redacted(*first)}, result.Alternatives...)
			return result, stop(fault.Rejected, fmt.Sprintf(
				"Two patches pass every gate but behave differently (%s at %s:%d; %s at %s:%d), and nothing in the code says which is intended.",
				first.candidate.Template, first.candidate.Path, first.candidate.Line, o.candidate.Template, o.candidate.Path, o.candidate.Line),
				"A test or docstring that states what "+first.candidate.Function+" should return would settle it.")
		}
	}
	result.Patch = first.patch
	result.Why = r.in.Redactor.Text(why(first.candidate, others), r.in.Known).String()
	return result, nil
}

// redacted is the patch of a hit with what speaks for it.
func (r *round) redacted(h hit) patch.Patch {
	p := h.patch
	p.Why = r.in.Redactor.Text(why(h.candidate, nil), r.in.Known).String()
	return p
}

// verify has one candidate verified; nil if it is not worth verifying.
func (r *round) verify(ctx context.Context, c candidate) (*repair.Assessment, error) {
	p := patch.Patch{Edits: c.Edits, Why: c.Template + ": " + c.Why}
	if r.in.Policy.Check(patch.Dir(r.in.Tree), p) != nil {
		return nil, nil //nolint:nilerr // the next candidate's turn
	}
	r.progress(fmt.Sprintf("templates: verifying candidate %d (%s in %s)", len(r.attempts)+1, c.Template, c.Function))
	judged, err := r.in.Judge.Judge(ctx, p)
	if err != nil {
		return nil, err
	}
	attempt := repair.Attempt{Patch: p, Template: c.Template}
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
	best, n := "none was verified", 0
	for gate, count := range gates {
		if count > n || count == n && gate < best {
			best, n = fmt.Sprintf("%s (%d)", gate, count), count
		}
	}
	return "most often " + best
}

// why is the root cause, and the evidence for this patch.
func why(c candidate, others []hit) string {
	text := fmt.Sprintf("In %s (%s:%d), %s.", c.Function, c.Path, c.Line, c.Why)
	if s := c.Siblings; s.Asked > 0 {
		text += fmt.Sprintf(" Of %d calls close to production's, %d that returned before still return the same, and %d of %d that failed now return.",
			s.Asked, s.Equal, s.Healed, s.Healed+s.Still)
	}
	for _, o := range others {
		text += fmt.Sprintf(" Another patch also passes, but was considered less likely: %s.", o.candidate.Why)
	}
	return text
}
