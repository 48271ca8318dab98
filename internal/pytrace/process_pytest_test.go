package pytrace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// T8: pytest-cov neither blinds the tracer where both need sys.settrace, nor
// fails a passing run because it measured nothing.
func TestCoverageWithALimitPasses(t *testing.T) {
	t.Parallel()
	for _, p := range []interpreter{onePython(t, olderPythons, "pytest_cov"), onePython(t, newerPythons, "pytest_cov")} {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			j := job{python: p, args: []string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=.", "--cov-fail-under=80", "test_it.py"},
				files: map[string]string{"test_it.py": "def f(n):\n    return n\ndef test_f():\n    for n in range(20):\n        assert f(n) == n\n"}}
			bare, traced := j.both(t)
			if bare.code != 0 {
				t.Fatalf("bare: %s", bare.out)
			}
			if n := strings.Count(outline(traced.trace, KindCall), "f(n="); n != 20 {
				t.Errorf("%d calls, want 20", n)
			}
			lost := traced.trace.Processes[0].Engine == "settrace"
			if said := len(traced.trace.Problems()) == 1; said != lost {
				t.Errorf("engine %s, problems %+v", traced.trace.Processes[0].Engine, traced.trace.Problems())
			}
		})
	}
}

// T14: a limit on time does not fail a test for the time that tracing takes,
// and examples are not kept in the project.
func TestHypothesisHasNoDeadline(t *testing.T) {
	t.Parallel()
	p := onePython(t, anyPythons, "pytest", "hypothesis")
	j := job{python: p, args: []string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"}, files: map[string]string{"test_it.py": `
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
	if bare := j.run(t, false); bare.code != 1 || !strings.Contains(string(bare.out), "2 failed") && !strings.Contains(string(bare.out), "3 failed") {
		t.Fatalf("bare, the deadlines should fail: %s", bare.out)
	}
	s := j.run(t, true)
	if s.code != 0 {
		t.Errorf("traced: %s", s.out)
	}
	if files, _ := os.ReadDir(filepath.Join(s.dir, "hypothesis")); len(files) == 0 {
		t.Error("the examples are not beside the trace")
	}
}

// The plugin loads once, also where the environment names it, says nothing, and
// does not keep a pytest from starting that cannot find it.
func TestThePluginIsSilent(t *testing.T) {
	t.Parallel()
	p := onePython(t, anyPythons, "pytest")
	j := job{python: p, args: []string{"-m", "pytest", "-p", "no:cacheprovider", "test_it.py"}, env: []string{"PYTEST_PLUGINS=repaird_trace_pytest"},
		files: map[string]string{"test_it.py": `
import os, subprocess, sys
def test_child():
    assert "PYTEST_PLUGINS" not in os.environ
    env = dict(os.environ, PYTHONPATH="")
    assert subprocess.call([sys.executable, "-I", "-m", "pytest", "--version"], env=env, stdout=subprocess.DEVNULL) == 0
`}}
	bare := j
	bare.env = nil
	want, got := bare.run(t, false), j.run(t, true)
	if w, g := withoutTimes(string(want.out)), withoutTimes(string(got.out)); w != g || want.code != 0 || got.code != 0 {
		t.Errorf("traced, exit %d:\n%s\nbare, exit %d:\n%s", got.code, g, want.code, w)
	}
	marks := got.trace.Query(Query{Kind: KindMark})
	if len(marks) != 4 {
		t.Errorf("%d marks, want setup, call, passed, teardown", len(marks))
	}
}

// T11: after a caught RecursionError, which takes the trace function away from
// sys.settrace, the next test is traced again.
func TestTheNextTestIsTracedAfterARecursionError(t *testing.T) {
	t.Parallel()
	for _, p := range []interpreter{onePython(t, olderPythons, "pytest"), onePython(t, newerPythons, "pytest")} {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			j := job{python: p, args: []string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"}, config: Config{MaxDepth: 5000}, files: map[string]string{"test_it.py": `
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
			bare, traced := j.run(t, false), j.run(t, true)
			if bare.code != 0 || traced.code != 0 {
				t.Errorf("exit %d traced, %d bare: %s", traced.code, bare.code, traced.out)
			}
			if !strings.Contains(outline(traced.trace, KindCall), "after(n=1)") {
				t.Error("the call of the next test is not recorded")
			}
		})
	}
}
