package templates_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language/python/templates"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

// suite is a judge of one gate: the failing test passes.
type suite struct {
	t *testing.T
	s sample
}

func (j suite) Judge(_ context.Context, p patch.Patch) (*repair.Assessment, error) {
	if !pytest(j.t, patched(j.t, j.s.tree, p), j.s.own) {
		return &repair.Assessment{Gate: "head-green", Feedback: "still fails"}, nil
	}
	return &repair.Assessment{Accepted: true, Patch: p}, nil
}

// pytest reports whether a test passes in a tree.
func pytest(t *testing.T, tree, id string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", "-s", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", id)
	cmd.Dir = tree
	cmd.Env = append(cmd.Environ(), "PYTHONPATH="+tree)
	return cmd.Run() == nil
}

func repairOwn(t *testing.T, s sample) (*repair.Result, error) {
	t.Helper()
	in := input(s, suite{t, s})
	file, name, _ := strings.Cut(s.own, "::")
	in.Test = testrun.Test{Path: file, Name: name, Source: s.test, Own: true}
	return templates.New(sandboxtest.Host{TB: t}, templates.Options{}).Repair(t.Context(), in)
}

func TestAFailingTestOfTheRepositoryIsRepairedRightly(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, file := range samples(t, "own/*.txtar") {
		s := load(t, file)
		seen[s.template]++
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if s.kind != testrun.TimeoutType && (pytest(t, s.tree, s.own) || python(t, s.tree, s.oracle)) {
				t.Fatal("the sample is not broken")
			}
			res, err := repairOwn(t, s)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(res.Why)
			if !python(t, patched(t, s.tree, res.Patch), s.oracle) {
				t.Errorf("the patch is wrong: %+v", res.Patch.Edits)
			}
			if got := accepted(res); got != s.template {
				t.Errorf("template: got %s, want %s", got, s.template)
			}
			for _, a := range res.Attempts {
				if !strings.HasPrefix(a.Diff, "diff --git") {
					t.Errorf("an attempt has the diff %q", a.Diff)
				}
			}
			if len(res.Trials) == 0 || res.Trials[0].End == "" {
				t.Error("nothing says what was tried")
			}
		})
	}
	for _, name := range []string{"wrong-name", "wrong-expression", "missing-statement", "missing-condition"} {
		if seen[name] < 2 {
			t.Errorf("template %s has %d samples, want at least 2", name, seen[name])
		}
	}
}

func TestWhatTestsDoNotDecideIsLeftOpen(t *testing.T) {
	t.Parallel()
	for _, file := range samples(t, "open/*.txtar") {
		s := load(t, file)
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			res, err := repairOwn(t, s)
			stop := fault.AsStop(err)
			if stop == nil || stop.Type != fault.Undecided && stop.Type != fault.NoPatch {
				t.Fatalf("got %+v, %v, want a stop undecided or no_patch", res, err)
			}
			if res == nil || len(res.Alternatives) == 0 || res.Alternatives[0].Why == "" {
				t.Errorf("the stop comes without alternatives to choose from: %+v", res)
			}
		})
	}
}
