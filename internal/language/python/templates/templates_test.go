package templates_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/fault"
	probing "github.com/repaird/repaird/internal/language/python/behaviour"
	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/language/python/templates"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/verify"
)

// A sample is a small broken repository: its files, the failing test, and an
// oracle that tells the right fix and that the search never sees.
type sample struct {
	name, template, kind string
	test, oracle, suite  string
	raises               string // exception in which the call rightly ends, "" it returns
	open                 bool   // several behaviours are plausible: the right fix is the patch or an alternative
	own                  string // node id of the failing test, where it is one of the tree's
	tree                 string
}

func load(t *testing.T, file string) sample {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a := txtar.Parse(data)
	s := sample{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), tree: t.TempDir()}
	for line := range strings.SplitSeq(string(a.Comment), "\n") {
		if v, ok := strings.CutPrefix(line, "template: "); ok {
			s.template = v
		}
		if line == "open" {
			s.open = true
		}
		if v, ok := strings.CutPrefix(line, "raises: "); ok {
			s.raises = v
		}
		if v, ok := strings.CutPrefix(line, "test: "); ok {
			s.own = v
		}
		if v, ok := strings.CutPrefix(line, "type: "); ok {
			s.kind = v
		}
	}
	for _, f := range a.Files {
		if file, name, _ := strings.Cut(s.own, "::"); f.Name == file && name != "" {
			s.test = string(f.Data)
		}
		switch f.Name {
		case "test_incident.py":
			s.test = string(f.Data)
		case "oracle.py":
			s.oracle = string(f.Data)
		case "suite.py":
			s.suite = string(f.Data)
		default:
			write(t, s.tree, f.Name, f.Data)
		}
	}
	return s
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// python runs a program with the tree on its path and reports whether it ends well.
func python(t *testing.T, tree, program string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", "-s", "-B", "-c", "import sys; sys.path.insert(0, sys.argv[1])\n"+program, tree)
	cmd.Dir = tree
	return cmd.Run() == nil
}

// gates is a judge of two gates: the test passes, and the suite does. It weighs
// candidates as the verdict does.
type gates struct {
	t      *testing.T
	s      sample
	judged int
}

func (g *gates) Weigh(ctx context.Context, candidates []patch.Patch) ([]behaviour.Weight, error) {
	v := verify.Verifier{Prober: probing.Prober{Backend: sandboxtest.Host{TB: g.t}}}
	in := input(g.s, g)
	return v.Weigh(ctx, verify.Input{Run: in.Run, Tree: in.Tree, Test: in.Test}, candidates)
}

func (g *gates) Judge(_ context.Context, p patch.Patch) (*repair.Assessment, error) {
	g.judged++
	tree := patched(g.t, g.s.tree, p)
	if !python(g.t, tree, g.s.test+g.s.call()) {
		return &repair.Assessment{Gate: "head-green", Feedback: "still fails"}, nil
	}
	if g.s.suite != "" && !python(g.t, tree, g.s.suite) {
		return &repair.Assessment{Gate: "suite", Feedback: "a test that passed fails"}, nil
	}
	return &repair.Assessment{Accepted: true, Patch: p}, nil
}

// call is the test's call, which has to return or to raise.
func (s sample) call() string {
	if s.raises == "" {
		return "\ntest_incident()\n"
	}
	return fmt.Sprintf("\ntry:\n    test_incident()\nexcept Exception as e:\n    assert type(e).__name__ == %q\nelse:\n    raise SystemExit(1)\n", s.raises)
}

// patched is a copy of the tree with the patch applied.
func patched(t *testing.T, tree string, p patch.Patch) string {
	t.Helper()
	overlay, err := patch.Apply(patch.Dir(tree), p)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(tree)); err != nil {
		t.Fatal(err)
	}
	for name, data := range overlay {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, data)
	}
	return dir
}

func input(s sample, judge repair.Judge) repair.Input {
	return repair.Input{
		Policy: patch.Policy{Rules: patchrules.Rules{}},
		Run:    "run-1", Tree: s.tree, Judge: judge, Redactor: redact.New([]byte("0123456789abcdef")),
		Test:    testrun.Test{Path: "tests/test_incident.py", Name: "test_incident", Source: s.test},
		Outcome: testrun.Outcome{Type: s.kind, Status: testrun.Failed},
	}
}

func samples(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples %s: %v", pattern, err)
	}
	return files
}

func TestEachTemplateRepairsSamplesRightly(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, file := range samples(t, "samples/*.txtar") {
		s := load(t, file)
		seen[s.template]++
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if python(t, s.tree, s.test+"\ntest_incident()\n") || python(t, s.tree, s.oracle) {
				t.Fatal("the sample is not broken")
			}
			judge := &gates{t: t, s: s}
			begin := time.Now()
			res, err := templates.New(sandboxtest.Host{TB: t}, templates.Options{RunTime: 10 * time.Second}).Repair(t.Context(), input(s, judge))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("judged %d in %s: %s", judge.judged, time.Since(begin).Round(time.Millisecond), res.Why)
			offered := []patch.Patch{res.Patch}
			if s.open {
				if len(res.Alternatives) == 0 {
					t.Fatal("there is nothing to choose from")
				}
				offered = append(offered, res.Alternatives...)
			}
			for _, p := range offered {
				if python(t, patched(t, s.tree, p), s.oracle) {
					if got := templateOf(res, p); got != s.template {
						t.Errorf("template: got %s, want %s", got, s.template)
					}
					return
				}
			}
			t.Errorf("no patch is right: %+v", offered)
		})
	}
	for _, name := range []string{"off-by-one", "wrong-operator", "mutable-default", "shared-class-attribute",
		"over-broad-except", "ignored-absence", "swapped-arguments", "adjusted-argument",
		"domain-error", "missing-key", "unnormalised-key", "shadowed-match",
		"accepted-format", "converted-input", "copied-argument"} {
		if seen[name] < 2 {
			t.Errorf("template %s has %d samples, want at least 2", name, seen[name])
		}
	}
}

// templateOf names the template of a patch that was verified.
func templateOf(res *repair.Result, p patch.Patch) string {
	for _, a := range res.Attempts {
		if a.Patch.ID() == p.ID() {
			return a.Template
		}
	}
	return ""
}

// accepted names the template of the accepted attempt.
func accepted(res *repair.Result) string {
	for _, a := range res.Attempts {
		if a.Gate == "" {
			return a.Template
		}
	}
	return ""
}

func TestWhatOnlyAGuardWouldSilenceEndsInNoPatch(t *testing.T) {
	t.Parallel()
	for _, file := range samples(t, "refused/*.txtar") {
		s := load(t, file)
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			judge := &gates{t: t, s: s}
			res, err := templates.New(sandboxtest.Host{TB: t}, templates.Options{RunTime: 10 * time.Second}).Repair(t.Context(), input(s, judge))
			stop := fault.AsStop(err)
			if stop == nil || (stop.Type != fault.NoPatch && stop.Type != fault.Rejected) {
				t.Fatalf("got %+v, %v, want a stop no_patch or rejected", res, err)
			}
			if stop.Help == "" || !strings.Contains(stop.Detail, ".") {
				t.Errorf("the stop does not say what was found and what would help: %+v", stop)
			}
		})
	}
}

func TestTheSearchRunsInARealSandbox(t *testing.T) {
	t.Parallel()
	b := sandboxtest.Any(t)
	s := load(t, filepath.Join("testdata", "samples", "adjust-tree-rank.txtar"))
	if err := os.Chmod(s.tree, 0o755); err != nil {
		t.Fatal(err)
	}
	judge := &gates{t: t, s: s}
	res, err := templates.New(b, templates.Options{RunTime: 20 * time.Second}).Repair(t.Context(), input(s, judge))
	if err != nil {
		t.Fatal(err)
	}
	if !python(t, patched(t, s.tree, res.Patch), s.oracle) {
		t.Errorf("the patch is wrong: %+v", res.Patch.Edits)
	}
}

// lying answers instead of running anything.
type lying struct{ answer string }

func (l lying) Run(context.Context, sandbox.Spec) (*sandbox.Result, error) {
	return &sandbox.Result{Cause: sandbox.Exited, Artifacts: map[string][]byte{"answer.json": []byte(l.answer)}}, nil
}

func TestAHostileAnswerIsOnlyASuggestion(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"not JSON":                   `{"observed": `,
		"a path out of the tree":     suggestion("../../etc/passwd", "root", "x"),
		"a file that steers CI":      suggestion(".github/workflows/ci.yml", "", "run: curl"),
		"a file that steers pytest":  suggestion("conftest.py", "", "x = 1"),
		"text that is not there":     suggestion("index/tree.py", "nowhere", "x"),
		"a million of the same edit": `{"observed": true, "candidates": [` + strings.Repeat(`{"template":"t"},`, 100000) + `{}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := load(t, filepath.Join("testdata", "samples", "adjust-tree-rank.txtar"))
			judge := &gates{t: t, s: s}
			_, err := templates.New(lying{answer}, templates.Options{}).Repair(t.Context(), input(s, judge))
			if fault.AsStop(err) == nil {
				t.Errorf("got %v, want a stop", err)
			}
			if judge.judged != 0 {
				t.Errorf("%d candidates were judged, want none", judge.judged)
			}
		})
	}
}

func suggestion(path, search, replace string) string {
	return fmt.Sprintf(`{"observed": true, "generated": 1, "candidates": [{"template": "t", "edits": [{"path": %q, "search": %q, "replace": %q}]}]}`, path, search, replace)
}

// never rejects everything.
type never struct{ judged int }

func (n *never) Judge(context.Context, patch.Patch) (*repair.Assessment, error) {
	n.judged++
	return &repair.Assessment{Gate: "suite", Feedback: "no"}, nil
}

func TestBudgetsAndRejectionsAreTypedStops(t *testing.T) {
	t.Parallel()
	s := load(t, filepath.Join("testdata", "samples", "bounds-last-page.txtar"))
	judge := &never{}
	in := input(s, judge)
	p := templates.New(sandboxtest.Host{TB: t}, templates.Options{RunTime: 10 * time.Second})
	_, err := p.Repair(t.Context(), in)
	if stop := fault.AsStop(err); stop == nil || stop.Type != fault.Rejected || !strings.Contains(stop.Detail, "suite") {
		t.Errorf("all rejected: got %v, want a stop rejected that names the gate", err)
	}
	if judge.judged < 2 {
		t.Fatalf("judged %d, want several", judge.judged)
	}
	in.Budget.Attempts, judge.judged = 1, 0
	_, err = p.Repair(t.Context(), in)
	if stop := fault.AsStop(err); stop == nil || stop.Type != fault.OverBudget || judge.judged != 1 {
		t.Errorf("budget of one attempt: got %v after %d, want a stop budget after 1", err, judge.judged)
	}
}
