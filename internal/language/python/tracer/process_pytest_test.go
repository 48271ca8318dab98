package tracer_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/wire"
)

// T8: pytest-cov neither blinds the tracer where both need sys.settrace, nor
// fails a passing run because it measured nothing.
func TestCoverageWithALimitPasses(t *testing.T) {
	t.Parallel()
	for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons, "pytest_cov"), tracertest.OnePython(t, tracertest.NewerPythons, "pytest_cov")} {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			j := tracertest.Job{Python: p, Args: []string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=.", "--cov-fail-under=80", "test_it.py"},
				Files: map[string]string{"test_it.py": "def f(n):\n    return n\ndef test_f():\n    for n in range(20):\n        assert f(n) == n\n"}}
			bare, traced := j.Both(t)
			if bare.Code != 0 {
				t.Fatalf("bare: %s", bare.Out)
			}
			if n := strings.Count(tracertest.Outline(traced.Trace, wire.KindCall), "f(n="); n != 20 {
				t.Errorf("%d calls, want 20", n)
			}
			lost := traced.Trace.Processes[0].Engine == "settrace"
			if said := len(traced.Trace.Problems()) == 1; said != lost {
				t.Errorf("engine %s, problems %+v", traced.Trace.Processes[0].Engine, traced.Trace.Problems())
			}
		})
	}
}

// T14: a limit on time does not fail a test for the time that tracing takes,
// and examples are not kept in the project.
func TestHypothesisHasNoDeadline(t *testing.T) {
	t.Parallel()
	p := tracertest.OnePython(t, tracertest.AnyPythons, "pytest", "hypothesis")
	j := tracertest.Job{Python: p, Args: []string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"}, Files: map[string]string{"test_it.py": `
import os, time
from hypothesis import given, settings, strategies as st

def slow():
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        pass

@settings(deadline=50, max_examples=2)
@given(st.just(1))
def test_function(n):
    slow()

class TestClass:
    @settings(deadline=50, max_examples=2)
    @given(st.just(1))
    def test_method(self, n):
        slow()

def test_folder():
    assert not os.path.exists(".hypothesis")
`}}
	if bare := j.Run(t, false); bare.Code != 1 || !strings.Contains(string(bare.Out), "2 failed") && !strings.Contains(string(bare.Out), "3 failed") {
		t.Fatalf("bare, the deadlines should fail: %s", bare.Out)
	}
	s := j.Run(t, true)
	if s.Code != 0 {
		t.Errorf("traced: %s", s.Out)
	}
	if files, _ := os.ReadDir(filepath.Join(s.Dir, "hypothesis")); len(files) == 0 {
		t.Error("the examples are not beside the trace")
	}
}

// The plugin loads once, also where the environment names it, says nothing, and
// does not keep a pytest from starting that cannot find it.
func TestThePluginIsSilent(t *testing.T) {
	t.Parallel()
	p := tracertest.OnePython(t, tracertest.AnyPythons, "pytest")
	j := tracertest.Job{Python: p, Args: []string{"-m", "pytest", "-p", "no:cacheprovider", "test_it.py"}, Env: []string{"PYTEST_PLUGINS=repaird_tracer.pytest"},
		Files: map[string]string{"test_it.py": `
import os, subprocess, sys
def test_child():
    assert "PYTEST_PLUGINS" not in os.environ
    env = dict(os.environ, PYTHONPATH="")
    assert subprocess.call([sys.executable, "-I", "-m", "pytest", "--version"], env=env, stdout=subprocess.DEVNULL) == 0
`}}
	bare := j
	bare.Env = nil
	want, got := bare.Run(t, false), j.Run(t, true)
	if w, g := withoutTimes(string(want.Out)), withoutTimes(string(got.Out)); w != g || want.Code != 0 || got.Code != 0 {
		t.Errorf("traced, exit %d:\n%s\nbare, exit %d:\n%s", got.Code, g, want.Code, w)
	}
	marks := card.Select(got.Trace, card.Query{Kind: wire.KindMark})
	if len(marks) != 4 {
		t.Errorf("%d marks, want setup, call, passed, teardown", len(marks))
	}
}

// T11: after a caught RecursionError, which takes the trace function away from
// sys.settrace, the next test is traced again.
func TestTheNextTestIsTracedAfterARecursionError(t *testing.T) {
	t.Parallel()
	for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons, "pytest"), tracertest.OnePython(t, tracertest.NewerPythons, "pytest")} {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			j := tracertest.Job{Python: p, Args: []string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"}, Config: tracer.Config{MaxDepth: 5000}, Files: map[string]string{"test_it.py": `
def down(n):
    return down(n + 1)
def test_deep():
    try:
        down(0)
    except RecursionError:
        pass
def after(n):
    return n
def test_after():
    after(1)
`}}
			bare, traced := j.Run(t, false), j.Run(t, true)
			if bare.Code != 0 || traced.Code != 0 {
				t.Errorf("exit %d traced, %d bare: %s", traced.Code, bare.Code, traced.Out)
			}
			if !strings.Contains(tracertest.Outline(traced.Trace, wire.KindCall), "after(n=1)") {
				t.Error("the call of the next test is not recorded")
			}
		})
	}
}
