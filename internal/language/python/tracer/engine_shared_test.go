package tracer_test

import (
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
)

// Up to 3.12 the interpreter writes variables back after each call of a trace
// function (CPython issue 74929): what another thread did meanwhile to a
// variable of a closure must not be undone.
func TestVariablesThatThreadsShareKeepEveryUpdate(t *testing.T) {
	t.Parallel()
	// Before 3.10 an empty trace function loses some of them too.
	tracertest.EachPython(t, []string{"3.10", "3.11", "3.12", "3.13"}, func(t *testing.T, p tracertest.Interpreter) {
		s := tracertest.RunSource(t, p.Path, `import threading
def main():
    n = 0
    lock = threading.Lock()
    def bump(a, b, c):
        nonlocal n
        with lock:
            n += 1
    def work():
        for i in range(5000):
            bump([i] * 20, {"a": i}, "x")
    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return n
print(main())
`, tracer.Config{Engine: "settrace", PerCode: 1000000})
		if got := strings.TrimSpace(string(s.Out)); got != "20000" {
			t.Errorf("counted %s of 20000", got)
		}
	})
}

// A recursion error that passes through library code and a callback in scope is
// the program's to catch; below 3.10 going on above the limit would abort it.
func TestARecursionErrorInACallbackIsCaughtAsBefore(t *testing.T) {
	t.Parallel()
	tracertest.EachPython(t, []string{"3.8", "3.9", "3.10", "3.11"}, func(t *testing.T, p tracertest.Interpreter) {
		tracertest.RunSource(t, p.Path, `import functools
def callback(x):
    return x
def deep(n):
    return functools.reduce(lambda a, b: deep(callback(a)), [n, n])
caught = 0
for i in range(10):
    try:
        deep(0)
    except RecursionError:
        caught += 1
print("caught", caught)
`, tracer.Config{})
	})
}

// A function that two threads call for the first time at once is one function.
func TestThreadsThatMeetAFunctionAtOnceKnowItByOneNumber(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `import sys, threading
sys.setswitchinterval(1e-6)
def fresh(n):
    names = {}
    exec(compile("def made_%d(a, b, c):\n    return a" % n, __file__, "exec"), names)
    return names["made_%d" % n]
def work(f, gate):
    gate.wait()
    f(1, 2, 3)
for n in range(60):
    f, gate = fresh(n), threading.Barrier(4)
    threads = [threading.Thread(target=work, args=(f, gate)) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
`, tracer.Config{Engine: engine, Functions: []string{"made_*", "work"}})
		seen := map[string]int{}
		for _, c := range s.Trace.Codes() {
			seen[c.Name]++
		}
		if len(seen) < 61 {
			t.Errorf("%d functions", len(seen))
		}
		for name, n := range seen {
			if n > 1 {
				t.Errorf("%s is %d functions", name, n)
			}
		}
	})
}
