package report

import (
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/verify"
)

// established is a repair of which nothing is open.
func established(t *testing.T) Input {
	in := sample(t)
	v := in.Verdict
	v.Strength, v.Covered = behaviour.Established, true
	v.Grounds = append(v.Grounds, behaviour.Ground{Name: "person", Effect: behaviour.Establishes, Evidence: "ann answered on 2026-11-20: 1"})
	for i := range v.Gates {
		v.Gates[i].Outcome = verify.Held
	}
	return in
}

func TestRiskIsLowOnlyWhereNothingIsOpen(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*Input)
		want   string
	}{
		"established, and covered by the suite": {func(*Input) {}, "**Low**"},
		"supported":                             {func(in *Input) { in.Verdict.Strength = behaviour.Supported }, "Nothing establishes"},
		"a line that the suite does not run":    {func(in *Input) { in.Verdict.Covered = false }, "Not every changed line"},
		"a risk that the verdict names":         {func(in *Input) { in.Verdict.Risks = []string{"Nothing that was run executes shop/cart.py:9."} }, "Nothing that was run executes shop/cart.py:9."},
		"a ground that lowers": {func(in *Input) {
			in.Verdict.Grounds = append(in.Verdict.Grounds, behaviour.Ground{Name: "shape", Effect: behaviour.Lowers, Evidence: "no answer of base is negative"})
		}, "no answer of base is negative"},
		"a gate that was not applied":        {func(in *Input) { in.Verdict.Gates[3].Outcome = verify.NotApplied }, "Not evaluated: `suite`"},
		"a failure unlike production's":      {func(in *Input) { in.Reproduction.Fidelity.Score = 0.8 }, "not identical"},
		"a verdict of before strength there": {func(in *Input) { in.Verdict.Strength, in.Verdict.Grounds = "", nil }, "Nothing establishes"},
	} {
		in := established(t)
		tt.change(&in)
		got := risk(in, quoter{in.Redactor, in.Known}).String()
		if !strings.Contains(got, tt.want) || strings.Contains(got, "**Low**") != (tt.want == "**Low**") {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
}

func TestAnUndecidedStopShowsTheCandidatesSideBySide(t *testing.T) {
	t.Parallel()
	change := func(after string) []behaviour.Difference {
		return []behaviour.Difference{{Call: "ring_up({'milk': 1, 'crate': 2})", Before: "raises TypeError", After: after}}
	}
	text := Stop(StopInput{
		Stop:     &fault.Stop{Type: fault.Undecided, Detail: "What should ring_up({'crate': 1}) answer?", Help: "Answer."},
		Incident: "inc-5d1c0a52b7d94e66", Run: "run-01jd4k", Summary: "TypeError in ring_up", Redactor: redactor, PageURL: "http://127.0.0.1:8080/runs/run-01jd4k",
		Question: &verify.Question{Kind: verify.AskAnswer, Text: "What should ring_up({'crate': 1}) answer?", Options: []verify.Option{
			{Key: "A", Answer: "returns 0", Literal: "0", Standing: "every gate holds; not known: one other behaviour passes the test", Diff: "--- a/till.py\n+++ b/till.py\n@@ -1 +1,2 @@\n+continue\n", Changes: change("returns 125")},
			{Key: "B", Answer: "returns 150", Literal: "150", Standing: "passes the test | @ann </details>", Diff: "--- a/till.py\n+++ b/till.py\n@@ -1 +1,2 @@\n+price = DEPOSIT\n", Changes: change("returns 425")},
		}},
	}).String()
	golden(t, "undecided.golden.md", text+"\n")
	assertInert(t, text)
}
