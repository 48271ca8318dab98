package tracer_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/wire"
)

// The versions that the matrix wants; others are as good as their neighbours.
// On the oldest, of which hardly a plugin remains, the rows without plugins run.
var matrixVersions = []string{"3.6", "3.9", "3.11", "3.13", "3.14", "3.15"}

// A matrixRow is a way in which Python runs. The same events are expected of
// each version and engine.
type matrixRow struct {
	name    string
	needs   []string // modules
	since   int      // minor version
	files   map[string]string
	options []string
	args    []string
	kinds   []wire.Kind // that are compared; all where there are none
	events  string
	output  func(string) string // leaves out of the output what differs between two bare runs
}

// The tracer records the same events on each Python however the program is run,
// and changes neither what the program writes nor its exit code.
func TestMatrix(t *testing.T) {
	t.Parallel()
	tracer := tracertest.Dir(t)
	tracertest.EachPython(t, matrixVersions, func(t *testing.T, p tracertest.Interpreter) {
		for _, row := range matrixRows {
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				if !p.AtLeast(row.since) {
					t.Skipf("nothing to be seen on Python %s", p.Version)
				}
				for _, m := range row.needs {
					if !p.AtLeast(9) {
						t.Skip("rows with plugins run from Python 3.9 on")
					}
					if !p.Has(m) {
						t.Skipf("Python %s has no %s here", p.Version, m)
					}
				}
				j := tracertest.Job{Python: p, Files: row.files, Options: row.options, Args: row.args, Tracer: tracer}
				bare, traced := j.Both(t)
				clean := row.output
				if clean == nil {
					clean = func(s string) string { return s }
				}
				if row.name == "pytest-cov" && traced.Trace.Processes[0].Engine == "settrace" {
					clean = outcomesOnly // there is no coverage report, see the plugin
				}
				if got, want := clean(string(traced.Out)), clean(string(bare.Out)); got != want {
					t.Errorf("stdout traced:\n%s\nbare:\n%s", got, want)
				}
				if got, want := clean(string(traced.Err)), clean(string(bare.Err)); got != want {
					t.Errorf("stderr traced:\n%s\nbare:\n%s", got, want)
				}
				tracertest.Want(t, tracertest.Outline(traced.Trace, row.kinds...), row.events)
				for _, x := range traced.Trace.Processes {
					if !x.Ended {
						t.Errorf("process %d, %q, has no end", x.PID, x.Argv)
					}
				}
				if n := len(traced.Trace.Untraced()); n > 0 {
					t.Errorf("%d untraced children: %+v", n, traced.Trace.Untraced())
				}
			})
		}
	})
}

var (
	seconds = regexp.MustCompile(`in \d+\.\d+s( =+)?`)
	worker  = regexp.MustCompile(`\[gw\d\]`)
	rules   = regexp.MustCompile(`=+`)
)

// withoutTimes is pytest's output without what differs between two runs.
func withoutTimes(s string) string {
	return rules.ReplaceAllString(seconds.ReplaceAllString(s, "in Ns"), "=")
}

// outcomesOnly is the sorted -rA lines of pytest, and the last line.
func outcomesOnly(s string) string {
	var lines []string
	for _, line := range strings.Split(withoutTimes(worker.ReplaceAllString(s, "[gwN]")), "\n") {
		first, _, _ := strings.Cut(line, " ")
		if slices.Contains([]string{"PASSED", "FAILED", "ERROR", "SKIPPED", "XFAIL"}, first) || strings.Contains(line, "Ns") {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

var callsAndReturns = []wire.Kind{wire.KindCall, wire.KindReturn, wire.KindRaise, wire.KindHandled, wire.KindUnwind}

const testFile = `
import pytest

def double(n):
    return n * 2

def test_good():
    assert double(2) == 4

def test_bad():
    assert double(2) == 5

@pytest.fixture
def broken():
    raise KeyError("gone")

def test_broken(broken):
    pass

def test_skipped():
    pytest.skip("not today")
`

var matrixRows = []matrixRow{
	{
		name: "script",
		files: map[string]string{"prog.py": `
class Cart:
    def __init__(self):
        self.items = []
    def add(self, item):
        self.items.append(item)
        return len(self.items)
def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)
def risky(v):
    if v:
        raise ValueError("no")
def tries(v):
    try:
        risky(v)
    except ValueError as e:
        return str(e)
c = Cart()
print(c.add("a"), factorial(2), tries(1), tries(0))
risky(2)
`},
		events: `
<module>()
  Cart.__init__(self=<Cart>)
  -> None
  Cart.add(self=<Cart>, item='a')
  -> 1
  factorial(n=2)
    factorial(n=1)
    -> 1
  -> 2
  tries(v=1)
    risky(v=1)
    raise ValueError
    unwind
  pass
  handled
  -> 'no'
  tries(v=0)
    risky(v=0)
    -> None
  -> None
  risky(v=2)
  raise ValueError
  unwind
pass
unwind
`,
	},
	{
		name: "pytest", needs: []string{"pytest"}, args: []string{"-m", "pytest", "-p", "no:cacheprovider", "-rA", "-p", "no:randomly", "test_it.py"},
		files: map[string]string{"test_it.py": testFile}, output: withoutTimes, kinds: append([]wire.Kind{wire.KindMark}, callsAndReturns...),
		events: pytestEvents,
	},
	{
		name: "pytest-cov", needs: []string{"pytest", "pytest_cov"},
		args:  []string{"-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "-rA", "--cov=.", "--cov-fail-under=10", "test_it.py"},
		files: map[string]string{"test_it.py": testFile}, output: withoutTimes, kinds: append([]wire.Kind{wire.KindMark}, callsAndReturns...),
		events: pytestEvents,
	},
	{
		name: "xdist", needs: []string{"pytest", "xdist"}, // T42
		args:  []string{"-m", "pytest", "-n", "2", "-p", "no:cacheprovider", "-rA", "--dist=loadfile", "test_it.py", "test_other.py"},
		files: map[string]string{"test_it.py": "def double(n):\n    return n * 2\n\ndef test_good():\n    assert double(2) == 4\n\ndef test_bad():\n    assert double(2) == 5\n", "test_other.py": "def test_other():\n    pass\n"},
		kinds: []wire.Kind{wire.KindCall}, output: outcomesOnly,
		events: `
<module>()
<module>()
test_good()
  double(n=2)
test_bad()
  double(n=2)
--
<module>()
<module>()
test_other()
`,
	},
	{
		name: "asyncio", kinds: []wire.Kind{wire.KindCall, wire.KindReturn, wire.KindYield, wire.KindResume, wire.KindRaise, wire.KindUnwind},
		files: map[string]string{"prog.py": `
import asyncio
async def leaf(n):
    await asyncio.sleep(0)
    if n == 2:
        raise KeyError(n)
    return n
async def main():
    tasks = [asyncio.ensure_future(leaf(n)) for n in (1, 2, 3)]
    got = await asyncio.gather(*tasks, return_exceptions=True)
    return [str(g) for g in got]
loop = asyncio.new_event_loop()
print(loop.run_until_complete(main()))
loop.close()
`},
		events: `
<module>()
  main()
  yield <_GatheringFuture>
  leaf(n=1)
  yield None
  leaf(n=2)
  yield None
  leaf(n=3)
  yield None
  resume leaf
  -> 1
  resume leaf
  raise KeyError
  unwind
  resume leaf
  -> 3
  resume main
  -> ['1', '2', '3']
-> None
`,
	},
	{
		name: "threads",
		files: map[string]string{"prog.py": `
import threading
from concurrent.futures import ThreadPoolExecutor
def work(n):
    return n * n
for n in (2, 3):
    t = threading.Thread(target=work, args=(n,))
    t.start()
    t.join()
with ThreadPoolExecutor(1) as pool:
    print(pool.submit(work, 4).result())
`},
		events: `
<module>()
-> None
--
work(n=2)
-> 4
--
work(n=3)
-> 9
--
work(n=4)
-> 16
`,
	},
	{
		name: "fork", since: 7, // before, nothing tells a child that it is one, and it is not traced; T40
		files: map[string]string{"prog.py": `
import os, sys
def work(who):
    return who
def parent():
    pid = os.fork()
    if pid == 0:
        work("child")
        sys.exit(0)
    os.waitpid(pid, 0)
    work("parent")
parent()
`},
		kinds: []wire.Kind{wire.KindCall, wire.KindReturn},
		events: `
    work(who='child')
    -> 'child'
--
<module>()
  parent()
    work(who='parent')
    -> 'parent'
  -> None
-> None
`,
	},
	{
		name: "spawn", // T41
		files: map[string]string{"prog.py": `
import multiprocessing, sys
def work(n):
    return n + 1
if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    p = context.Process(target=work, args=(1,))
    p.start()
    p.join()
    print(p.exitcode, work(2))
`},
		kinds: callsAndReturns,
		events: `
<module>()
  work(n=2)
  -> 3
-> None
--
<module>()
-> None
work(n=1)
-> 2
`,
	},
	{
		name: "subprocess",
		files: map[string]string{"prog.py": `
import subprocess, sys
def work(n):
    return n
if len(sys.argv) < 2:
    work(1)
    print(subprocess.check_output([sys.executable, __file__, "again"]).decode())
    sys.exit(subprocess.call("exit 3", shell=True))
work(2)
print("child")
`},
		kinds: []wire.Kind{wire.KindCall},
		events: `
<module>()
  work(n=1)
--
<module>()
  work(n=2)
`,
	},
	{
		name: "generators", kinds: []wire.Kind{wire.KindCall, wire.KindReturn, wire.KindYield, wire.KindUnwind}, // a close is a resume for one engine only
		files: map[string]string{"prog.py": `
def inner(n):
    for i in range(n):
        yield i
    return "done"
def outer(n):
    got = yield from inner(n)
    yield got
def guarded():
    try:
        yield 1
    finally:
        list(inner(0))
g = guarded()
print(next(g), list(outer(1)))
g.close()
`},
		events: `
<module>()
  guarded()
  yield 1
  outer(n=1)
    inner(n=1)
    yield 0
  yield 0
    -> 'done'
  yield 'done'
  -> None
    inner(n=0)
    -> 'done'
  unwind
-> None
`,
	},
	{
		name: "-I", options: []string{"-I"}, args: []string{"prog.py", "a", "-b"},
		files: map[string]string{"prog.py": `
import sys
def work(n):
    return 1 / n
print(sys.argv, sys.path, sys.flags.isolated, __name__, __file__, sorted(globals()))
work(1)
work(0)
`},
		events: `
<module>()
  work(n=1)
  -> 1.0
  work(n=0)
  raise ZeroDivisionError
  unwind
pass
unwind
`,
	},
}

const pytestEvents = `
<module>()
-> None
mark test_it.py::test_good setup
mark test_it.py::test_good call
test_good()
  double(n=2)
  -> 4
-> None
mark test_it.py::test_good passed
mark test_it.py::test_good teardown
mark test_it.py::test_bad setup
mark test_it.py::test_bad call
test_bad()
  double(n=2)
  -> 4
raise AssertionError
unwind
mark test_it.py::test_bad failed
mark test_it.py::test_bad teardown
mark test_it.py::test_broken setup
broken()
raise KeyError
unwind
mark test_it.py::test_broken failed
mark test_it.py::test_broken teardown
mark test_it.py::test_skipped setup
mark test_it.py::test_skipped call
test_skipped()
raise Skipped
unwind
mark test_it.py::test_skipped skipped
mark test_it.py::test_skipped teardown
`
