package verify

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

// depot is the cases of package eval that hide a failure, and honest ones beside
// them.
type depot struct {
	dir   string
	Tests map[string]struct {
		Imports, Body, Type, File, Function, Message string
	}
	Patches []struct {
		Name, Kind, Key string
		Edits           []patch.Edit
	}
}

func openDepot(t *testing.T) *depot {
	t.Helper()
	const cases = "../eval/testdata/cases/depot"
	d := &depot{dir: sandboxtest.Dir(t)}
	data, err := os.ReadFile(cases + ".json")
	if err == nil {
		err = json.Unmarshal(data, d)
	}
	if err != nil {
		t.Fatal(err)
	}
	archive, err := txtar.ParseFile(cases + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		write(t, filepath.Join(d.dir, f.Name), string(f.Data))
	}
	return d
}

// input asks for the full verdict on a patch, by the name that it has in the cases.
func (d *depot) input(t *testing.T, name string) Input {
	t.Helper()
	for _, p := range d.Patches {
		if p.Name != name {
			continue
		}
		f := d.Tests[p.Key]
		return Input{
			Run: "test", Tree: d.dir, Test: testOf(f.Imports, f.Body), Patch: patch.Patch{Edits: p.Edits}, Repeats: 1, Policy: patch.Policy{Rules: patchrules.Rules{}},
			Signature: incident.Signature{Type: f.Type, File: f.File, Function: f.Function, Message: incident.MaskMessage(f.Message)},
		}
	}
	t.Fatalf("no patch %q", name)
	return Input{}
}

// Patches that hide the failure, and the gate that sees it although the policy on
// code does not look.
func TestAHiddenFailureIsSeenWithoutThePolicyOnCode(t *testing.T) {
	t.Parallel()
	d := openDepot(t)
	v := verifier(t, "bwrap", "suite", "code", "behaviour")
	for name, by := range map[string]string{
		"working directory":              Conditions,
		"clock: before a day":            Conditions,
		"a module that only tests load":  Conditions,
		"exit stack that swallows":       SameFailureGone,
		"failure in a thread":            SameFailureGone,
		"generator instead of a sum":     SameFailureGone,
		"a coroutine that nobody awaits": SameFailureGone,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Log("uses-backend: bwrap")
			rejectedBy(t, judge(t, v, d.input(t, name)), by, "")
		})
	}
}

func TestWhatHidesAFailureIsAskedAbout(t *testing.T) {
	t.Parallel()
	d := openDepot(t)
	v := verifier(t, "bwrap", "suite", "behaviour", "conditions")
	for name, names := range map[string]string{
		"clock: of the day's date":    "depot/route.py:13",
		"the third call fails":        "length keeps a default",
		"a list that has every index": "Stops.__getitem__",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Log("uses-backend: bwrap")
			verdict := judge(t, v, d.input(t, name))
			if verdict.Decision != Asked || verdict.Question == nil || verdict.Question.Kind != AskPermission || !strings.Contains(verdict.Question.Text, names) {
				t.Errorf("got %s, %+v, want to be asked about %s; gates:\n%s", verdict.Decision, verdict.Question, names, table(verdict))
			}
		})
	}
}

// Rejected stays rejected, whatever there is to ask about.
func TestNobodyIsAskedAboutARejectedPatch(t *testing.T) {
	t.Parallel()
	d := openDepot(t)
	verdict := judge(t, verifier(t, "bwrap", "suite", "behaviour"), d.input(t, "place of the file"))
	if verdict.Decision != Rejected || verdict.Question != nil {
		t.Errorf("got %s and question %+v", verdict.Decision, verdict.Question)
	}
}

func TestHonestPatchesAreNotTakenForHidingOnes(t *testing.T) {
	t.Parallel()
	d := openDepot(t)
	v := verifier(t, "bwrap", "suite", "behaviour")
	for _, name := range []string{"an order of bays by total_ordering", "a deep copy of the defaults", "pairs of stops"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Log("uses-backend: bwrap")
			if verdict := judge(t, v, d.input(t, name)); verdict.Decision != Accepted {
				t.Errorf("got %s; gates:\n%s", verdict.Decision, table(verdict))
			}
		})
	}
}

// A session whose trace lacks records says less: the driver's watch stands in, and
// without it nothing says that the failure is gone.
func TestARunThatWasNotSeenWholeDoesNotShowThatTheFailureIsGone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		driven testrun.Driven
		want   Outcome
	}{
		{"watched, and nothing was raised", testrun.Driven{Calls: make([]testrun.Outcome, 2), Whole: true}, Held},
		{"watched, and it was raised", testrun.Driven{Calls: make([]testrun.Outcome, 2), Whole: true, Raised: []testrun.Outcome{raisedIn("kth")}}, Failed},
		{"watched, and it was raised elsewhere", testrun.Driven{Calls: make([]testrun.Outcome, 2), Whole: true, Raised: []testrun.Outcome{raisedIn("other")}}, Held},
		{"not watched to the end", testrun.Driven{Calls: make([]testrun.Outcome, 2)}, NotApplied},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := newVerification(verifier(t, "bwrap"), Input{Test: ranking.test, Signature: ranking.sig}, nil)
			j.failure = raisedIn("kth")
			j.green = readTrace(&testrun.Result{Traced: true, Trace: []byte(partial)})
			j.driven = &c.driven
			f, err := j.sameFailureGone(t.Context())
			if err != nil || f.outcome != c.want {
				t.Errorf("got %+v %v, want %s", f, err, c.want)
			}
			if lowered := len(j.grounds) > 0; lowered != (c.want == NotApplied) {
				t.Errorf("got grounds %+v", j.grounds)
			}
		})
	}
}

func raisedIn(function string) testrun.Outcome {
	return testrun.Outcome{Status: testrun.Failed, Type: "IndexError", Message: "list index out of range", Frames: []incident.Frame{{File: "shop/ranking.py", Function: function, Line: 6, InApp: true}}}
}

// partial is a trace all of whose records were given up.
const partial = `{"k":"meta","v":1,"f":"trace-7","pid":7,"ppid":1,"python":"3.11.2","impl":"cpython","engine":"settrace","ts":1796000000}
{"k":"end","records":9,"dropped":9}
`
