package verify

import (
	"context"
	"fmt"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace"
)

// A refusal is an exception in which the test's call ends with the patch, and
// that is meant: the input is bad, and base says what to raise for it.
type refusal struct {
	signature incident.Signature
	shown     string // as describe has it
	why       string
}

// ends says why the test did not end on head as it has to; "" if it did: it
// passed, or the call refuses its input as in the first run.
func (j *verification) ends(res *testrun.Result) string {
	why := passes(res)
	if why == "" && j.refused != nil {
		return "it passed, where the call refuses its input in other runs"
	}
	if why == "" || j.refused == nil {
		return why
	}
	_, differs := fails(res, j.refused.signature)
	return differs
}

// refuses reports whether the exception in which a run on head ended is meant,
// and notes it. An exception that production's outer functions or the framework
// handle, that the documentation names, or that the code beside it raises for
// bad input too, is an answer.
func (j *verification) refuses(ctx context.Context, res *testrun.Result) (bool, error) {
	if unbelievable(res) != "" || len(res.Tests) != 1 || j.in.Test.Own {
		return false, nil
	}
	t := res.Tests[0]
	if t.Status != testrun.Failed || t.Type == "" || t.Type == j.in.Signature.Type || t.Type == testrun.TimeoutType || j.v.Rules.Expects(t.Type) {
		return false, nil
	}
	raised := language.Raise{Exception: t.Type, Stack: j.v.stackOf(t, j.in.Test)}
	if len(raised.Stack) == 0 {
		return false, nil
	}
	why, err := j.v.Analyser.Refuses(ctx, j.asked(), raised)
	if err != nil {
		return false, err
	}
	g := behaviour.Ground{Name: "refusal", Effect: behaviour.Supports}
	r := &refusal{signature: t.Signature(), shown: describe(t)}
	switch {
	case why.Handled != "":
		r.why = why.Handled
	case why.Documented != "":
		r.why = why.Documented
	case why.Usual != "":
		r.why, g.Effect = why.Usual, behaviour.Lowers
	default:
		return false, nil
	}
	g.Evidence = fmt.Sprintf("the call refuses its input with %s: %s", t.Type, r.why)
	j.refused = r
	j.grounds = append(j.grounds, g)
	return true, nil
}

// qualified is the exception's type with its module, as far as a trace tells.
func (r *refusal) qualified(green *trace.Trace) string {
	if green != nil {
		for _, raised := range green.Raised() {
			if raised.Type == r.signature.Type && raised.Module != "" && raised.Module != "builtins" {
				return raised.Module + "." + raised.Type
			}
		}
	}
	return r.signature.Type
}
