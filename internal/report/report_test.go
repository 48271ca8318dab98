package report

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/verify"
)

var update = flag.Bool("update", false, "write the golden files")

var redactor = redact.New([]byte("0123456789abcdef0123456789abcdef"))

const sampleDiff = `diff --git a/shop/cart.py b/shop/cart.py
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -38,5 +38,5 @@
 def pick(scores, k):
     above = [x for x in scores if x > pivot]
-    return pick(above, k)
+    return pick(above, k - num_lessoreq)
--- a comment that was removed
`

// sample is a plain repair, as the reviewer of a small shop would get it.
func sample(t testing.TB) Input {
	t.Helper()
	handled := false
	event := incident.Event{
		ID: "9b1f4f2f6c2f4d0e8a0c6a2d3b4c5d6e", Source: incident.SourceSentry, Project: "shop", Platform: "python",
		Time: time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC), TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
		Exceptions: []incident.Exception{{Type: "IndexError", Message: "list index out of range", Handled: &handled, Frames: []incident.Frame{
			{File: "shop/views.py", Function: "top", Line: 12, InApp: true},
			{File: "shop/cart.py", Function: "pick", Line: 40, InApp: true},
		}}},
	}
	b, err := bundle.Seal(bundle.Incident{
		ID: "inc-5d1c0a52b7d94e66", Project: "shop", Fingerprint: "5d1c0a52b7d94e6688aa01c2f00d1234",
		FirstSeen: time.Date(2026, 11, 18, 7, 0, 0, 0, time.UTC), LastSeen: event.Time, Count: 12,
	}, bundle.Code{Repository: "shop/api", Commit: "4257f44b0ff1181dedaddee43c1f0ff4fce3a011", Language: "python"}, redactor.Event(event))
	if err != nil {
		t.Fatal(err)
	}
	gates := []verify.Gate{
		{Name: "applies", Outcome: verify.Held, Evidence: "1 file, 1 line added, 1 removed; allowed by policy."},
		{Name: "base-sha", Outcome: verify.Held, Evidence: "5 of 5 runs on 4257f44 failed with IndexError in pick."},
		{Name: "head-green", Outcome: verify.Held, Evidence: "5 of 5 runs passed, 1 test collected in each."},
		{Name: "suite", Outcome: verify.NotApplied, Evidence: "the repository has no tests of its own"},
		{Name: "reverted-fix", Outcome: verify.Held, Evidence: "with the patch taken out the test failed in 5 of 5 runs."},
		{Name: "minimal", Outcome: verify.Held, Evidence: "the only hunk is needed."},
		{Name: "on-path", Outcome: verify.Held, Evidence: "the changed line ran."},
		{Name: "no-band-aid", Outcome: verify.Held, Evidence: "no exception was swallowed in the green run."},
		{Name: "same-failure-gone", Outcome: verify.Held, Evidence: "the green run holds the incident's exception neither escaping nor newly swallowed, and parts from the red one in what the patch changes."},
		{Name: "conditions", Outcome: verify.Held, Evidence: "the test passes twice in one process with another home, working directory, place of the tree, seed, process id and clock, and no test runner."},
		{Name: "lint", Outcome: verify.Held, Evidence: "ruff, mypy: no new error in the changed files"},
	}
	return Input{
		Run: "run-01jd4k", Key: "3f1c0a52b7d94e6688aa01c2", Bundle: b, Redactor: redactor, PageURL: "http://127.0.0.1:8080/runs/run-01jd4k",
		Reproduction: &repro.Reproduction{
			Test: testrun.Test{Path: "tests/test_repaird_5d1c0a.py", Name: "test_top", Source: "def test_top():\n    pass\n",
				Command: []string{"python", "-m", "pytest", "tests/test_repaird_5d1c0a.py"}},
			Signature: incident.Signature{Type: "IndexError", File: "shop/cart.py", Function: "pick", Message: "list index out of range"},
			Called:    "shop.views.top", Strategy: "outermost-literal", Failed: 5, Runs: 5,
			Fidelity: repro.Fidelity{Score: 0.964, Type: 1, Message: 1, Path: 1, Locals: 0.88},
			Output:   "    def test_top():\n>       assert top([3, 1, 2], 3) == 1\nE       IndexError: list index out of range\n\nshop/cart.py:40: IndexError\n1 failed in 0.02s\n",
			Trace:    []byte(`{"kind":"call"}` + "\n"),
			Frames: []language.Frame{
				{Frame: incident.Frame{Function: "top", Line: 12}, Path: "shop/views.py"},
				{Frame: incident.Frame{Function: "pick", Line: 40}, Path: "shop/cart.py"},
			},
		},
		Repair: &repair.Result{
			Proposer: "templates", Why: "The recursive call passes `k` on although the items below the pivot were dropped; k has to be reduced by their number.",
			Attempts: make([]repair.Attempt, 7), Wall: 41300 * time.Millisecond,
			Patch: patch.Patch{Edits: []patch.Edit{{Path: "shop/cart.py", Search: "k)", Replace: "k - num_lessoreq)"}}},
		},
		Verdict: &verify.Verdict{
			Decision: verify.Accepted, Gates: gates, ProofModes: []string{"base-sha", "reverted-fix", "captured-failure"}, Diff: sampleDiff,
			Strength: behaviour.Supported, Call: "top([3, 1, 2], 3)", Answer: &language.Answer{End: language.Returned, Value: "1", Type: "int", Literal: "1"},
			Grounds: []behaviour.Ground{
				{Name: "preserved", Effect: behaviour.Shown, Evidence: "61 calls near the failing one that base answers are answered the same with the patch"},
				{Name: "half-fix", Effect: behaviour.Shown, Evidence: "2 calls near the failing one still fail as it did; 9 no longer do", Examples: []behaviour.Difference{
					{Call: "top([3, 1], 2)", Before: "raises IndexError: list index out of range", After: "returns 1"},
					{Call: "top([], 3)", Before: "raises IndexError: list index out of range", After: "raises IndexError: list index out of range"},
				}},
				{Name: "rivals", Effect: behaviour.Supports, Evidence: "variants of the patch were refuted: 4 by the test"},
			},
			Red: []byte("{}\n"), Green: []byte("{}\n"),
		},
		Assertion: Assertion{What: "the value"},
		Diagnosis: "# pick raised IndexError\n\ntop(scores=[3, 1, 2], k=3)\n  pick(scores=[3, 1, 2], k=3)\n    pick(scores=[3], k=3)   <- k is larger than the list\n",
		Divergence: &diverge.Divergence{Found: true, Kind: "argument", Text: strings.Join([]string{
			"red                                  | green",
			"top(scores=[3, 1, 2], k=3)           | top(scores=[3, 1, 2], k=3)",
			"  pick(scores=[3, 1, 2], k=3)        |   pick(scores=[3, 1, 2], k=3)",
			"≠   pick(scores=[3], k=3)            |     pick(scores=[3], k=1)",
			"    raise IndexError                 |     return 3",
		}, "\n")},
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got; rewrite with -update):\n%s", name, d)
	}
}

func TestAPullRequestReadsAsTheGoldenFile(t *testing.T) {
	t.Parallel()
	p := PullRequest(sample(t))
	golden(t, "pull_request.golden.md", "# "+p.Title.String()+"\n\n"+p.Body.String()+"\n")
	golden(t, "commit_message.golden.txt", p.Message.String()+"\n")
	golden(t, "check.golden.md", p.Check.Summary.String()+"\n\n---\n\n"+p.Check.Text.String()+"\n")
	if p.Check.Name != "repaird/verdict" || !p.Check.Passed {
		t.Errorf("check %q, passed %t", p.Check.Name, p.Check.Passed)
	}
	assertInert(t, p.Body.String())
}

func TestAModelsPullRequestSaysWhatItCost(t *testing.T) {
	t.Parallel()
	in := sample(t)
	in.Repair.Proposer = "anthropic/some-model"
	in.Repair.Usage, in.Repair.Dollars = llm.Usage{Input: 41200, Output: 3100, Cached: 30000}, 0.1834
	body := PullRequest(in).Body.String()
	for _, want := range []string{"| tokens | 41200 in (30000 cached), 3100 out |", "| cost | 0.18 USD |", "| candidates verified | 7 |"} {
		if !strings.Contains(body, want) {
			t.Errorf("body lacks %q", want)
		}
	}
	in.Repair.Dollars, in.Repair.Unpriced = 0, true
	if body := PullRequest(in).Body.String(); !strings.Contains(body, "| cost | unknown: no price is configured for the model |") || strings.Contains(body, "0.00 USD") {
		t.Error("an unknown cost is not said to be unknown")
	}
}

func TestWhatMattersFitsOnOneScreen(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]Input{"plain": sample(t), "hostile": hostile(t)} {
		top, _, found := strings.Cut(PullRequest(in).Body.String(), "<details>")
		if !found {
			t.Fatalf("%s: nothing is folded", name)
		}
		if n := strings.Count(top, "\n"); n > 70 {
			t.Errorf("%s: %d lines before the fold, at most 70", name, n)
		}
	}
}

func TestABodyNeverExceedsTheLimit(t *testing.T) {
	t.Parallel()
	in := hostile(t)
	body := PullRequest(in).Body.String()
	if n := utf8.RuneCountInString(body); n > forge.BodyLimit-200 {
		t.Errorf("%d characters", n)
	}
	if published := forge.WithMarker(body, in.Key); strings.Contains(published, "Truncated to the length") {
		t.Error("the forge has to cut the body; the bounds of its parts are too large")
	}
	if n := utf8.RuneCountInString(PullRequest(in).Title.String()); n > forge.TitleLimit {
		t.Errorf("title of %d characters", n)
	}
}

func TestEveryStopHasItsComment(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, typ := range fault.StopTypes {
		text := Stop(StopInput{
			Stop:     &fault.Stop{Type: typ, Detail: "Frame 3 of `top` has no locals.", Help: "Set include_local_variables=True in sentry_sdk.init."},
			Incident: "inc-5d1c0a52b7d94e66", Run: "run-01jd4k", Summary: "IndexError: list index out of range in pick", Redactor: redactor,
		}).String()
		if strings.Contains(text, "unknown to this version") {
			t.Errorf("%s has no meaning in words", typ)
		}
		assertInert(t, text)
		all.WriteString(text + "\n\n---\n\n")
	}
	golden(t, "stops.golden.md", all.String())
	if text := Stop(StopInput{Stop: &fault.Stop{Type: "new"}, Redactor: redactor}).String(); !strings.Contains(text, "unknown to this version") {
		t.Errorf("an unknown stop reads %q", text)
	}
	withLog := Stop(StopInput{Stop: &fault.Stop{Type: fault.NeedsEnvironment, Detail: "pip failed.", Log: "ERROR: no matching distribution\n````\n</details>"}, Redactor: redactor}).String()
	assertInert(t, withLog)
	if !strings.Contains(withLog, "no matching distribution") {
		t.Errorf("the log is lost: %q", withLog)
	}
}
