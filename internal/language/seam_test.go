package language_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/report"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/verify"
)

// shop is a repository in the language sum: part takes one too many off.
var shop = map[string]string{
	"shop/bill.sum":       "bill total people = + 1 part total people\n",
	"shop/part.sum":       "# shares\npart total people = / total - people 1\n",
	"tests/bill_test.sum": "bill_of_none = ? 1 bill 0 5\n",
}

var redactor = redact.New([]byte("0123456789abcdef0123456789abcdef"))

// failure is what production's tracker sent.
func failure(t *testing.T) *bundle.Bundle {
	t.Helper()
	arguments := func(total, people string) []incident.Variable {
		return []incident.Variable{
			{Name: "total", Value: incident.Value{Kind: incident.KindRepr, Repr: total}},
			{Name: "people", Value: incident.Value{Kind: incident.KindRepr, Repr: people}},
		}
	}
	event := incident.Event{
		ID: "9b1f4f2f6c2f4d0e8a0c6a2d3b4c5d6e", Source: incident.SourceSentry, Project: "shop", Platform: "sum",
		Time: time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC),
		Exceptions: []incident.Exception{{Type: "NoQuotient", Message: "nothing can be shared among 0", Frames: []incident.Frame{
			{File: "shop/bill.sum", Function: "bill", Line: 1, InApp: true, HasVars: true, Locals: arguments("40", "1")},
			{File: "shop/part.sum", Function: "part", Line: 2, InApp: true, HasVars: true, Locals: arguments("40", "1")},
		}}},
	}
	if !(sum{}).Claims(&event) {
		t.Fatal("the language does not claim its event")
	}
	sig, _ := incident.SignatureOf(&event)
	b, err := bundle.Seal(bundle.Incident{ID: "inc-5d1c0a52b7d94e66", Project: "shop", Fingerprint: incident.Fingerprint("shop", sig), Signature: sig, Count: 3},
		bundle.Code{Repository: "shop/sum", Commit: "4257f44b0ff1181dedaddee43c1f0ff4fce3a011", Language: "sum"}, redactor.Event(event))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range shop {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// reproduce generates the failing test.
func reproduce(t *testing.T, b *bundle.Bundle, dir string) *repro.Reproduction {
	t.Helper()
	lang := sum{}
	r := repro.Reproducer{Language: lang, Session: lang, Rules: lang}
	got, err := r.Reproduce(t.Context(), repro.Input{Run: "run", Bundle: b, Tree: dir})
	if err != nil {
		t.Fatal(err)
	}
	if got.Fidelity.Score != 1 || got.Failed != 5 || got.Runs != 5 {
		t.Errorf("got fidelity %+v, %d of %d", got.Fidelity, got.Failed, got.Runs)
	}
	return got
}

// A language of another kind goes from the event to the pull request: what it
// needs is asked through the contract, and nothing is said of any other.
func TestAnotherLanguageGoesTheWholeWay(t *testing.T) {
	t.Parallel()
	dir, b := tree(t), failure(t)
	r := reproduce(t, b, dir)
	if r.Called != "bill" {
		t.Errorf("the test calls %s, want the outermost function, bill", r.Called)
	}
	lang := sum{}
	v := verify.Verifier{Session: lang, Analyser: lang, Rules: lang, Prober: lang}
	for _, tt := range []struct {
		name, path, search, replace string
		gate, says                  string // the gate that rejects it; "" none does
	}{
		{"the mistake mended", "shop/part.sum", "/ total - people 1", "/ total people", "", ""},
		{"a catch-all handler", "shop/part.sum", "- people 1", "- people 1 else 0", verify.NoBandAid, "else in part"},
		{"another mistake", "shop/part.sum", "- people 1", "- 1 people", verify.HeadGreen, "nothing can be shared"},
		{"what the suite tests broken", "shop/bill.sum", "+ 1 part total people", "+ 2 total", verify.Suite, "bill_of_none"},
		{"the tests changed", "tests/bill_test.sum", "? 1", "? 2", verify.Applies, "tests"},
		{"another kind of file", "README.md", "", "x\n", verify.Applies, "only .sum files"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := patch.Patch{Edits: []patch.Edit{{Path: tt.path, Search: tt.search, Replace: tt.replace}}, Why: "the caller is one of the people"}
			verdict, err := v.Judge(t.Context(), verify.Input{
				Run: "run", Tree: dir, Env: r.Env, Test: r.Test, Patch: p, Signature: r.Signature, Repeats: 2, Policy: patch.Policy{Rules: lang},
			})
			if err != nil {
				t.Fatal(err)
			}
			failed := verdict.Failed()
			switch {
			case tt.gate == "" && (verdict.Decision != verify.Asked || slices.ContainsFunc(verdict.Gates, func(g verify.Gate) bool { return g.Outcome == verify.Failed || g.Outcome == verify.NotReached })):
				t.Fatalf("got %s, want it asked about with every gate held, because other bills change too: %+v", verdict.Decision, verdict.Gates)
			case tt.gate != "" && (failed == nil || failed.Name != tt.gate || !strings.Contains(failed.Evidence, tt.says)):
				t.Fatalf("got %+v, want it rejected by %s saying %q", failed, tt.gate, tt.says)
			}
			page := report.PullRequest(report.Input{
				Run: "run", Key: "3f1c0a52b7d9aa00", Bundle: b, Reproduction: r, Verdict: verdict, Redactor: redactor,
				Repair: &repair.Result{Patch: verdict.Patch, Proposer: "a person", Why: p.Why},
			})
			body := page.Body.String()
			if !strings.Contains(body, "sum --test "+r.Test.Path) || !strings.Contains(body, "`NoQuotient: nothing can be shared among 0`") {
				t.Errorf("the page lacks the test's command, or the failure:\n%s", body)
			}
			if other := regexp.MustCompile(`(?i)python|pytest|\.py\b`).FindString(body + page.Check.Summary.String() + page.Message.String()); other != "" {
				t.Errorf("the page says %q:\n%s", other, body)
			}
		})
	}
}
