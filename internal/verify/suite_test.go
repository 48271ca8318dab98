package verify

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// suites is a session that answers with the results that a suite has on base and
// on head.
type suites struct {
	language.Session
	base, head *testrun.Result
	first      *[]string
}

func (s suites) Run(_ context.Context, req testrun.Request) (*testrun.Result, error) {
	if req.Overlay == nil {
		return s.base, nil
	}
	*s.first = req.First
	return s.head, nil
}

func ended(cause sandbox.Cause, tests ...testrun.Outcome) *testrun.Result {
	return &testrun.Result{Cause: cause, Tests: tests}
}

func TestASuiteThatIsNotRunToItsEndIsNotPassed(t *testing.T) {
	t.Parallel()
	ran := map[string][]int{"a.py": {2}}
	pass := func(id string, seconds float64, ran map[string][]int) testrun.Outcome {
		return testrun.Outcome{ID: id, Status: testrun.Passed, Seconds: seconds, Ran: ran}
	}
	fail := func(id, kind string) testrun.Outcome {
		return testrun.Outcome{ID: id, Status: testrun.Failed, Type: kind}
	}
	uncollected := &testrun.Result{Cause: sandbox.Exited, Errors: []string{"SyntaxError"}}
	forged := &testrun.Result{Cause: sandbox.Exited, Forged: "two reports"}
	for _, tt := range []struct {
		name       string
		base, head *testrun.Result
		want       Outcome
		says       string
		effect     behaviour.Effect // of the ground, "" none
		risk       string
	}{
		{"it ran to its end", ended(sandbox.Exited, pass("t", 0, nil)), ended(sandbox.Exited, pass("t", 0, ran)), Held, "all 1 tests that pass on base pass on head; changed lines are executed: a.py:2 by 1 test", "", ""},
		{"it was cut, and what ran executes the change", ended(sandbox.Timeout, pass("t", 0, nil)), ended(sandbox.Timeout, pass("t", 0, ran)), NotApplied, "1 test that pass on base and were run pass on head", behaviour.Shown, "The suite was not run to its end"},
		{"it was cut, and nothing that ran executes the change", ended(sandbox.Timeout, pass("t", 0, nil)), ended(sandbox.Timeout, pass("t", 0, nil)), NotApplied, "a.py:2 by none", behaviour.Lowers, "The suite was not run to its end"},
		{"it was cut after a test that fails now", ended(sandbox.Timeout, pass("t", 0, nil)), ended(sandbox.Timeout, fail("t", "AssertionError")), Failed, "1 of 1 tests that pass on base fail twice on head: t", "", ""},
		{"it is cut on head before a test that passes on base", ended(sandbox.Exited, pass("t", 0, nil), pass("u", 0, nil)), ended(sandbox.Timeout, pass("t", 0, ran)), NotApplied, "1 test did not end in time", behaviour.Shown, "did not end in time"},
		{"a test takes too long on base", ended(sandbox.Exited, pass("t", 0, nil), fail("slow", testrun.TimeoutType)), ended(sandbox.Exited, pass("t", 0, ran), fail("slow", testrun.TimeoutType)), Held, "not run to the end: slow", "", "Tests that take too long"},
		{"a slow test does not end with the patch", ended(sandbox.Exited, pass("t", 0, nil), pass("slow", 4, nil)), ended(sandbox.Exited, pass("t", 0, ran), fail("slow", testrun.TimeoutType)), NotApplied, "1 test did not end in time", behaviour.Shown, "did not end in time"},
		{"a quick test hangs with the patch", ended(sandbox.Exited, pass("t", 0.1, nil)), ended(sandbox.Exited, fail("t", testrun.TimeoutType)), Failed, "fail twice on head: t", "", ""},
		{"a test is not collected with the patch", ended(sandbox.Exited, pass("t", 0, nil), pass("u", 0, nil)), ended(sandbox.Exited, pass("t", 0, nil)), Failed, "fail twice on head: u", "", ""},
		{"it cannot be collected", uncollected, uncollected, NotApplied, "cannot be collected on base", behaviour.Lowers, "cannot be collected"},
		{"its result is forged", forged, forged, NotApplied, "cannot be trusted", behaviour.Lowers, "cannot be trusted"},
		{"only a test that did not end executes the change", ended(sandbox.Exited, pass("t", 0, nil), pass("slow", 4, nil)), ended(sandbox.Exited, pass("t", 0, nil), testrun.Outcome{ID: "slow", Status: testrun.Failed, Type: testrun.TimeoutType, Ran: ran}), NotApplied, "a.py:2 by none", behaviour.Lowers, "did not end in time"},
		{"every test fails on base", ended(sandbox.Exited, fail("t", "E")), ended(sandbox.Exited, fail("t", "E")), NotApplied, "passes twice on base", behaviour.Shown, "passes twice on base"},
		{"no test ends on base", ended(sandbox.Exited, fail("t", testrun.TimeoutType)), ended(sandbox.Exited, fail("t", testrun.TimeoutType)), NotApplied, "passes twice on base", behaviour.Lowers, "passes twice on base"},
		{"there is none", ended(sandbox.Exited), ended(sandbox.Exited), NotApplied, "the repository has no tests", behaviour.Shown, "The repository has no tests."},
		{"no test of it ended", ended(sandbox.Timeout), ended(sandbox.Timeout), NotApplied, "no test of it ended", behaviour.Lowers, "no test of it ended"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tree := t.TempDir()
			write(t, tree+"/a.py", "def f():\n    return 1\n")
			var first []string
			v := &Verifier{Session: suites{base: tt.base, head: tt.head, first: &first}}
			j := newVerification(v, Input{Tree: tree}, nil)
			j.overlay = map[string][]byte{"a.py": []byte("def f():\n    return 2\n")}
			j.analysis = &language.Analysis{Lines: map[string]map[int][2]int{"a.py": {2: {2, 2}}}, Tests: []string{"tests/test_a.py"}}
			got, err := j.suite(t.Context())
			if err != nil || got.outcome != tt.want || !strings.Contains(got.evidence, tt.says) {
				t.Errorf("got %s %q (%v), want %s saying %q", got.outcome, got.evidence, err, tt.want, tt.says)
			}
			var effect behaviour.Effect
			for _, g := range j.grounds {
				effect = g.Effect
			}
			if effect != tt.effect {
				t.Errorf("got grounds %+v, want one that is %q", j.grounds, tt.effect)
			}
			if risks := strings.Join(j.risks, " "); !strings.Contains(risks, tt.risk) || (tt.risk == "" && risks != "") {
				t.Errorf("got risks %q, want %q", risks, tt.risk)
			}
			if tt.want != NotApplied && !slices.Equal(first, j.analysis.Tests) {
				t.Errorf("%v ran first, want those that import the changed file", first)
			}
		})
	}
}
