package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/verify"
)

// reader says what it is told and keeps what it was shown.
type reader struct {
	says  *repair.Reading
	err   error
	shown []repair.Review
}

func (r *reader) Read(_ context.Context, v repair.Review) (*repair.Reading, error) {
	r.shown = append(r.shown, v)
	return r.says, r.err
}

func TestASecondReaderLowersAndNeverRaises(t *testing.T) {
	t.Parallel()
	accepted := func() *verify.Verdict {
		return &verify.Verdict{Decision: verify.Accepted, Strength: behaviour.Supported, Patch: patch.Patch{Edits: []patch.Edit{{Path: "a"}}},
			Grounds: []behaviour.Ground{{Name: "preserved", Effect: behaviour.Supports, Examples: []behaviour.Difference{{Call: "f(1)", Before: "returns 1", After: "returns 2"}}}}}
	}
	usage := llm.Usage{Input: 100, Output: 10}
	for name, c := range map[string]struct {
		reader  *reader
		verdict *verify.Verdict
		budget  repair.Budget
		asked   bool
		again   bool // the verdict is computed again
	}{
		"no objection":                   {&reader{says: &repair.Reading{Usage: usage, Dollars: 0.5}}, accepted(), repair.Budget{}, true, false},
		"a reader who cannot be reached": {&reader{says: &repair.Reading{Usage: usage, Dollars: 0.5}, err: errors.New("down")}, accepted(), repair.Budget{}, true, false},
		"a veto":                         {&reader{says: &repair.Reading{Veto: true, Reason: "made up", Usage: usage, Dollars: 0.5}}, accepted(), repair.Budget{}, true, true},
		"a rejected patch":               {&reader{}, &verify.Verdict{Decision: verify.Rejected}, repair.Budget{}, false, false},
		"a patch that is asked about":    {&reader{}, &verify.Verdict{Decision: verify.Asked}, repair.Budget{}, false, false},
		"an answer that is established":  {&reader{}, &verify.Verdict{Decision: verify.Accepted, Strength: behaviour.Established}, repair.Budget{}, false, false},
		"no money left":                  {&reader{}, accepted(), repair.Budget{Dollars: 1.5}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := &repair.Result{Dollars: 1.5}
			a := &at{&Pipeline{Reader: c.reader, Verifier: &verify.Verifier{}}, &Job{Project: Project{RedactKey: []byte("0123456789abcdef"), Budget: c.budget}}}
			got, reading, err := a.read(t.Context(), Patched{Red: Red{Bundle: &bundle.Bundle{}}, Repair: result}, verify.Input{}, c.verdict)
			if asked := len(c.reader.shown) > 0; asked != c.asked {
				t.Fatalf("the reader was asked: %v, want %v", asked, c.asked)
			}
			// A verifier without a test cannot judge: the error shows that it was asked to.
			if again := fault.KindOf(err) == fault.Invalid; again != c.again {
				t.Errorf("judged again: %v (%v), want %v", again, err, c.again)
			}
			if !c.again && got != c.verdict {
				t.Errorf("got %+v, want the verdict as it was", got)
			}
			if reading != c.reader.says {
				t.Errorf("the reading is %+v, want %+v", reading, c.reader.says)
			}
			if n := len(c.verdict.Grounds); c.reader.says != nil && !c.reader.says.Veto && c.reader.err == nil && (n != 2 || c.verdict.Grounds[1].Effect != behaviour.Shown) {
				t.Errorf("grounds: %+v", c.verdict.Grounds)
			}
			if !c.asked {
				return
			}
			if result.Dollars != 2 || result.Usage != usage {
				t.Errorf("the reading's cost is missing: %+v", result)
			}
			shown := c.reader.shown[0]
			if shown.Budget.Dollars != repair.DefaultDollars-1.5 || shown.Redactor == nil || shown.Known == nil || len(shown.Answers) != 1 || shown.Answers[0].After != "returns 2" {
				t.Errorf("the reader was shown %+v", shown)
			}
		})
	}
}

func TestARepairWithoutMajorityGoesOnToTheQuestion(t *testing.T) {
	t.Parallel()
	one, two := patch.Patch{Why: "one", Edits: []patch.Edit{{Path: "a"}}}, patch.Patch{Why: "two", Edits: []patch.Edit{{Path: "b"}}}
	undecided := &fault.Stop{Type: fault.Undecided, Detail: "They disagree."}
	r := &repair.Result{Alternatives: []patch.Patch{one, two}}
	if err := contested(r, undecided); err != nil || r.Patch.ID() != one.ID() || r.Why != "one" || len(r.Alternatives) != 1 || !strings.Contains(r.Disagreement, "disagree") {
		t.Errorf("got %+v, %v", r, err)
	}
	alone := &repair.Result{Alternatives: []patch.Patch{one}} // which nobody but a person can choose
	if err := contested(alone, undecided); err != nil || alone.Patch.ID() != one.ID() || len(alone.Alternatives) != 0 {
		t.Errorf("alone: got %+v, %v", alone, err)
	}
	for name, c := range map[string]struct {
		result *repair.Result
		err    error
	}{
		"no candidate":      {&repair.Result{}, undecided},
		"no result":         {nil, undecided},
		"another stop":      {&repair.Result{Alternatives: []patch.Patch{one, two}}, &fault.Stop{Type: fault.Rejected}},
		"no stop, no error": {&repair.Result{Patch: one, Alternatives: []patch.Patch{two, two}}, nil},
	} {
		if err := contested(c.result, c.err); err != c.err || c.result != nil && c.result.Disagreement != "" {
			t.Errorf("%s: got %+v, %v", name, c.result, err)
		}
	}
}
