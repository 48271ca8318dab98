package tracer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
)

// T16: what is remembered of variables keeps no object alive. Up to 3.12 the
// interpreter itself does when a frame's variables are read.
func TestRememberedVariablesKeepNothingAlive(t *testing.T) {
	t.Parallel()
	const source = `
import weakref
class Thing:
    pass
def f():
    thing = Thing()
    thing.more = [1]
    r = weakref.ref(thing)
    thing = None
    again = r() is None
    print("freed", again)
    class Local:
        pass
    local = Local()
    local.x = 1
    local.x = 2
    kind = weakref.ref(Local)
    local = None
    return kind
kind = f()
import gc
gc.collect()
print("class freed", kind() is None)
`
	probePythons(t, func(t *testing.T, python, engine string) {
		if !atLeast(pythonVersion(t, python), 13) {
			return
		}
		tracertest.RunSource(t, python, source, tracer.Config{Level: "variables", Engine: engine})
	})
}

// CPython 3.13.0 to 3.13.2 crash when a variable that a closure shares is read
// while a comprehension has one of the same name (gh-128396).
func TestVariablesOfComprehensionsAreReadWithoutACrash(t *testing.T) {
	t.Parallel()
	const source = `
def fails(v):
    raise ValueError(v)
def f(xs):
    base = 5
    shared = lambda: base
    try:
        return [
            fails(base)
            for base in xs]
    except ValueError:
        return shared()
def g(xs):
    base = 5
    shared = lambda: base
    return [
        len(base)
        for base in xs] + [shared()]
print(f([object, int, "abc"]), g(["abc", "d"]))
`
	probePythons(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, source, tracer.Config{Level: "control", Engine: engine, ExceptionSnapshot: true, Locals: true,
			Watches: []string{"base", "len(xs)"}, Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 2}, {File: "prog.py", Line: 16}}})
		if string(s.Out) != "5 [3, 1, 5]\n" || len(s.Trace.Snapshots()) < 2 {
			t.Errorf("%q, snapshots %v", s.Out, snaps(s.Trace))
		}
	})
}

// Looking at an object must not make it another: a partial object that has an
// attribute dictionary, which is made when it is asked for, nests otherwise.
func TestLookingAtAnObjectOfCLeavesItAsItIs(t *testing.T) {
	t.Parallel()
	const source = `
import functools
def f():
    inner = functools.partial(print, 1)
    nested = functools.partial(inner, 2)
    print(nested.func is print, nested.args)
f()
`
	probePythons(t, func(t *testing.T, python, engine string) {
		tracertest.RunSource(t, python, source, tracer.Config{Level: "variables", Engine: engine})
	})
}

// A hot line gives steps up to a bound, and the variables are right after it.
func TestAHotLoopGivesABoundedNumberOfSteps(t *testing.T) {
	t.Parallel()
	const source = `
def f(n):
    total = 0
    for i in range(n):
        total += i
    return total
print(f(5000))
`
	probePythons(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, source, tracer.Config{Level: "variables", Engine: engine, PerCode: 100})
		got := steps(s.Trace, "f")
		// 100 of each of the two lines, then at 128, 256, … 4096.
		if n := len(got); n < 200 || n > 220 {
			t.Errorf("%d steps", n)
		}
		if last := strings.Join(got[len(got)-2:], "; "); !strings.HasPrefix(last, "5") || !strings.Contains(last, "total=12497500") {
			t.Errorf("ends in %q", last)
		}
	})
}

// Snapshots are kept where the ring gives up what was around them.
func TestSnapshotsAreKeptWhereRecordsAreDropped(t *testing.T) {
	t.Parallel()
	const source = `
def f(n):
    return n
for i in range(3000):
    f(i)
`
	probePythons(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, source, tracer.Config{Engine: engine, MaxRecords: 200, PerCode: 10000,
			Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 2, Condition: "n in (10, 1500, 2900)"}}})
		if s.Trace.Footer.Dropped == 0 {
			t.Fatal("nothing was dropped")
		}
		var got []string
		for _, r := range s.Trace.Snapshots() {
			got = append(got, fmt.Sprintf("%d %s", r.Snapshot().Hit, r.Snapshot().Stack[0].Locals[0].Value.Plain()))
		}
		expect(t, "snapshots", got, []string{"1 10", "2 1500", "3 2900"})
	})
}

// The stacks of a killed process are part of its trace.
func TestStacksOfAHangingProgramAreInItsTrace(t *testing.T) {
	t.Parallel()
	const source = `
def hangs(n):
    print("ready", flush=True)
    while True:
        n += 1
hangs(1)
`
	for _, python := range tracertest.Pythons(t) {
		t.Run(python, func(t *testing.T) {
			t.Parallel()
			dir, file := tracertest.Program(t, source)
			out := t.TempDir()
			config, err := json.Marshal(tracer.Config{Include: []string{dir}, Out: out, Timeout: 5})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(python, file)
			cmd.Env = append(os.Environ(), "PYTHONPATH="+tracertest.Dir(t), "REPAIRD_TRACE_CONFIG="+string(config))
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ready := make([]byte, 6)
			if _, err := stdout.Read(ready); err != nil {
				t.Fatal(err)
			}
			asked, err := trace.RequestStacks(out)
			if err != nil || len(asked) != 1 {
				t.Fatalf("asked %v, %v", asked, err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			if !trace.WaitStacks(ctx, out, asked) {
				t.Fatal("no stacks")
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // killed
			if _, err := trace.CollectStacks(out); err != nil {
				t.Fatal(err)
			}
			trace, err := trace.ReadDir(out)
			if err != nil {
				t.Fatal(err)
			}
			found := trace.Stacks()
			if len(found) != 1 || found[0].Name != "MainThread" || found[0].Why != "timeout" || len(found[0].Frames) != 2 || found[0].Frames[0].Name != "hangs" {
				t.Errorf("got %+v", found)
			}
			if trace.Footer.Skipped > 0 || tracertest.Kinds(trace, "hangs") != "call" {
				t.Errorf("footer %+v, records %s", trace.Footer, tracertest.Kinds(trace, "hangs"))
			}
		})
	}
}
