package pipeline

import (
	"context"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/verify"
)

// read has an accepted patch read a second time. A veto lowers the verdict, which
// is computed again with it; that there is none raises nothing, and a reader who
// cannot be reached is passed over: the verdict does not depend on a model.
// What it costs comes out of the repair's budget and is added to its result.
func (a *at) read(ctx context.Context, p Patched, in verify.Input, v *verify.Verdict) (*verify.Verdict, *repair.Reading, error) {
	if a.Reader == nil || v.Decision != verify.Accepted || v.Strength == behaviour.Established {
		return v, nil, nil
	}
	left := a.Project.Budget.WithDefaults(repair.DefaultModelAttempts)
	left.Dollars -= p.Repair.Dollars
	left.Tokens -= p.Repair.Usage.Input + p.Repair.Usage.Output
	if left.Dollars <= 0 || left.Tokens <= 0 {
		a.progress("no second reader: the budget is spent")
		return v, nil, nil
	}
	a.progress("a second reader")
	red := a.redactor()
	review := repair.Review{Tree: in.Tree, Patch: v.Patch, Redactor: red, Known: red.Event(p.Bundle.Event).Known(), Budget: left, Record: a.record}
	if v.Answer != nil {
		review.Answers = append(review.Answers, repair.AnswerPair{Call: v.Call, Before: "fails as in production", After: behaviour.Show(*v.Answer)})
	}
	for _, g := range v.Grounds {
		for _, e := range g.Examples {
			review.Answers = append(review.Answers, repair.AnswerPair{Call: e.Call, Before: e.Before, After: e.After})
		}
	}
	if d := divergence(v.Red, v.Green, red); d != nil {
		review.Divergence = d.Text
	}
	reading, err := a.Reader.Read(ctx, review)
	if reading != nil {
		p.Repair.Usage = p.Repair.Usage.Add(reading.Usage)
		p.Repair.Dollars += reading.Dollars
		p.Repair.Unpriced = p.Repair.Unpriced || reading.Unpriced
	}
	switch {
	case ctx.Err() != nil:
		return nil, reading, ctx.Err()
	case err != nil:
		why := err.Error()
		if stop := fault.AsStop(err); stop != nil {
			why = stop.Detail
		}
		a.progress("the second reader has not read the patch: %s", red.Text(why, nil))
		return v, reading, nil
	case !reading.Veto:
		v.Grounds = append(v.Grounds, behaviour.Ground{Name: "reader", Effect: behaviour.Shown, Evidence: "a second reader has no objection: " + reading.Reason})
		return v, reading, nil
	}
	a.progress("the second reader objects: %s", reading.Reason)
	in.Grounds = append(in.Grounds, behaviour.Ground{Name: "reader", Effect: behaviour.Lowers, Evidence: "a second reader objects: " + reading.Reason})
	v, err = a.Verifier.Judge(ctx, in)
	return v, reading, err
}
