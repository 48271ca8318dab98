package pipeline

import (
	"context"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/app/samples"
	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/behaviour/history"
	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python"
	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/verify"
)

// trees are a repository of few commits; head is what its branch points at.
type trees struct {
	head string
	err  error
	dirs map[string]string
}

func (s trees) Resolve(context.Context, Project, string) (string, error) { return s.head, s.err }
func (s trees) Branch(context.Context, Project) (string, error)          { return "main", nil }
func (s trees) Checkout(_ context.Context, _ Project, sha string) (string, func(), error) {
	return s.dirs[sha], func() {}, nil
}
func (s trees) History(context.Context, Project) (repro.History, error) { return nil, nil }
func (s trees) Ancestors(Project, string) history.Source                { return nil }

// The sample tariff, whose search for a band runs past the table: what was
// accepted on the commit that failed is judged on the branch's head too.
func TestTheVerdictIsMadeOnTheBranchsHeadToo(t *testing.T) {
	t.Parallel()
	const failed, head, bands = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222", "tariff/bands.py"
	b := sandboxtest.Any(t)
	lang := python.New(b, python.Host{})
	base := map[string]string{}
	all, err := samples.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == "tariff" {
			for _, f := range s.Files {
				base[f.Name] = string(f.Data)
			}
		}
	}
	sig := incident.Signature{Type: "IndexError", File: bands, Function: "band", Message: "list index out of range"}
	test := testrun.Test{Path: "tests/test_repaird_1a2b.py", Name: "test_incident",
		Source: "from tariff.bands import price\n\n\ndef test_incident():\n    assert price(30000) == 2490\n"}
	accepted := patch.Patch{Edits: []patch.Edit{{Path: bands, Search: "index <= len(LIMITS)", Replace: "index < len(LIMITS)"}}, Why: "one step too far"}
	for _, c := range []struct {
		name          string
		at            trees
		path, old, by string // what head changes
		stop          fault.StopType
		says          string
		judged        string // the commit of the verdict that is gone on with
	}{
		{name: "the branch has not moved", at: trees{head: failed}, judged: failed},
		{name: "the branch cannot be read", at: trees{err: fault.Errorf(fault.NotFound, "no branch")}, judged: failed},
		{name: "the code host is down", at: trees{err: fault.Errorf(fault.Retryable, "try later")}, says: "try later"},
		{name: "it moved elsewhere in the file", path: bands, old: "prices.\"\"\"", by: "prices.\n\nIn cents.\n\"\"\"", judged: head},
		{name: "it moved in another file", path: "README.md", old: "Quotes", by: "Prices", judged: head},
		{name: "it changed the line that the patch changes", path: bands, old: "while index <= len(LIMITS) and grams", by: "while index <= len(LIMITS) and  grams",
			stop: fault.Rejected, says: "does not apply there: tariff/bands.py was changed where the patch changes it"},
		{name: "it no longer has the file", path: bands, by: "-", stop: fault.Rejected, says: "no longer there"},
		{name: "the test passes there", path: bands, old: "index <= len(LIMITS)", by: "index < len(LIMITS)", stop: fault.AlreadyFixed, says: "222222222222"},
		{name: "a test of its suite depends on the fault", path: "tests/test_quote.py", old: "def test_express_costs_more", by: "def test_too_heavy():\n    with pytest.raises(IndexError):\n        quote(order(30000))\n\n\ndef test_express_costs_more",
			stop: fault.Rejected, says: "gate suite failed there: 1 of 7 tests"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			layout := func(files map[string]string) string {
				var archive strings.Builder
				for name, text := range files {
					archive.WriteString("-- " + name + " --\n" + text)
				}
				return sandboxtest.Tree(t, archive.String())
			}
			moved := map[string]string{}
			for name, text := range base {
				if name == c.path && c.by == "-" {
					continue
				}
				if name == c.path {
					if !strings.Contains(text, c.old) {
						t.Fatalf("%s does not contain %q", name, c.old)
					}
					text = strings.Replace(text, c.old, c.by, 1)
				}
				moved[name] = text
			}
			source := c.at
			if source.head == "" {
				source.head = head
			}
			source.dirs = map[string]string{failed: layout(base), head: layout(moved)}
			a := &at{&Pipeline{
				Source: source, Language: lang, Reproducer: &repro.Reproducer{Language: lang, Session: lang, Rules: lang},
				Verifier: &verify.Verifier{Session: lang, Analyser: lang, Rules: lang, Prober: lang, Documenter: lang}, Repeats: 1,
			}, &Job{Run: "test", Project: Project{Name: "tariff", RedactKey: []byte("0123456789abcdef")}}}
			red := Red{Bundle: &bundle.Bundle{Code: bundle.Code{Commit: failed}}, Reproduction: &repro.Reproduction{Test: test, Signature: sig, Called: "price"}}
			input := verify.Input{
				Run: "test", Tree: source.dirs[failed], TreeID: failed, Test: test, Patch: accepted, Signature: sig, Repeats: 1, Policy: patch.Policy{Rules: patchrules.Rules{}},
				Grounds: []behaviour.Ground{{Name: verify.Person, Effect: behaviour.Establishes, Evidence: "2490"}},
			}
			v := &verify.Verdict{Decision: verify.Accepted, Patch: accepted}
			judged := ""
			err := a.onHead(t.Context(), Patched{Red: red}, input, v, func(in verify.Input, _ *verify.Verdict) error { judged = in.TreeID; return nil })
			if judged != c.judged {
				t.Errorf("went on with the verdict on %q, want that on %q", judged, c.judged)
			}
			if stop := fault.AsStop(err); c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) || (stop == nil) != (c.stop == "") || stop != nil && stop.Type != c.stop {
				t.Errorf("got %v, want %q saying %q", err, c.stop, c.says)
			}
			if (v.Head != nil) != (c.judged == head) {
				t.Fatalf("got the verdict on head %+v", v.Head)
			}
			if v.Head != nil && (v.Head.Commit != head || len(v.Head.Gates) != len(verify.GateNames) || !strings.Contains(v.Head.Diff, "+    while index < len(LIMITS)")) {
				t.Errorf("got %+v", v.Head)
			}
		})
	}
}

func TestLevelsOfFilesThatChangedAreLeftOut(t *testing.T) {
	t.Parallel()
	from, onto := sandboxtest.Tree(t, "-- a.py --\nx\n-- b.py --\ny\n"), sandboxtest.Tree(t, "-- a.py --\nx\n-- b.py --\nz\n")
	got := unmoved([]language.Level{{Path: "a.py", Line: 1}, {Path: "b.py", Line: 1}, {Path: "c.py", Line: 1}}, from, onto)
	if len(got) != 1 || got[0].Path != "a.py" {
		t.Errorf("got %v, want a.py's alone", got)
	}
}

func TestAPullRequestIsBasedOnTheBranchsHead(t *testing.T) {
	t.Parallel()
	const failed, head = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	redactor := redact.New([]byte("0123456789abcdef"))
	event := incident.Event{Project: "tariff", Exceptions: []incident.Exception{{Type: "IndexError", Message: "list index out of range"}}}
	b, err := bundle.Seal(bundle.Incident{ID: "inc-1", Project: "tariff", Fingerprint: "f1"}, bundle.Code{Repository: "acme/tariff", Commit: failed, Language: "python"}, redactor.Event(event))
	if err != nil {
		t.Fatal(err)
	}
	edit := func(search string) patch.Patch {
		return patch.Patch{Edits: []patch.Edit{{Path: "a.py", Search: search, Replace: "fixed\n"}}}
	}
	source := trees{dirs: map[string]string{
		failed: sandboxtest.Tree(t, "-- a.py --\nfault\n"), head: sandboxtest.Tree(t, "-- a.py --\nnew\n\nfault\n"),
	}}
	for commit, want := range map[string]string{failed: "fixed\n", head: "new\n\nfixed\n"} {
		c := &Case{
			Job: Job{Run: "test", Project: Project{Name: "tariff", Repository: "acme/tariff", RedactKey: []byte("0123456789abcdef")}}, Bundle: b,
			Reproduction: &repro.Reproduction{Test: testrun.Test{Path: "tests/test_a.py", Name: "test_a", Source: "x\n"}, Signature: incident.Signature{Type: "IndexError"}},
			Repair:       &repair.Result{}, Verdict: &verify.Verdict{Decision: verify.Accepted, Patch: edit("fault\n")},
		}
		if commit == head {
			c.Verdict.Head = &verify.Head{Commit: head, Patch: edit("\nfault\n")}
			c.Verdict.Head.Patch.Edits[0].Replace = "\nfixed\n"
		}
		p, err := (&at{&Pipeline{Source: source}, &c.Job}).proposal(t.Context(), Accepted{c.Bundle, c.Reproduction, c.Verdict, nil, c.ReportInput()})
		if err != nil {
			t.Fatal(err)
		}
		if p.BaseSHA != commit || p.BaseBranch != "main" || string(p.Files["a.py"]) != want || string(p.Files["tests/test_a.py"]) != "x\n" {
			t.Errorf("based on %s (%s) with %q, want it on %s with %q", p.BaseSHA, p.BaseBranch, p.Files["a.py"], commit, want)
		}
		if both := strings.Contains(p.Body.String(), "two commits") && strings.Contains(p.Body.String(), head); both != (commit == head) {
			t.Errorf("on %s the text names two commits: %v\n%s", commit, both, p.Body)
		}
	}
}
