package tracer_test

import (
	"maps"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// callers says for each function who called it, and how often: "leaf < work": 3.
func callers(t *trace.Trace) map[string]int {
	out := map[string]int{}
	for r := range t.All() {
		if r.Kind != wire.KindCall || r.Code.Kind == "module" {
			continue
		}
		parent := "nobody"
		if c := t.Call(r.Parent); r.Parent != 0 && c.Code() != nil {
			parent = last(c.Code().Name)
		}
		out[last(r.Code.Name)+" < "+parent]++
	}
	return out
}

// last is the last part of a qualified name, which not every version knows.
func last(name string) string { return name[strings.LastIndex(name, ".")+1:] }

// T31: tasks that run side by side have each call once, under the coroutine
// that awaits it, and each call that began ends, in the task that it began in.
func TestCallsOfTasksAreRecordedOnceEach(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
import asyncio, sys

async def child(n):
    await asyncio.sleep(0)
    await step(n)
    if n == 3:
        raise KeyError(n)
    return n

async def step(n):
    await asyncio.sleep(0)
    return leaf(n)

def leaf(n):
    return n

async def forever(n):
    try:
        await asyncio.sleep(1000)
    finally:
        leaf(n)

async def gathers():
    return await asyncio.gather(child(0), child(1), child(2), child(3), return_exceptions=True)

async def cancels():
    tasks = [asyncio.ensure_future(forever(n)) for n in range(2)]
    await asyncio.sleep(0)
    for t in tasks:
        t.cancel()
    return len(await asyncio.gather(*tasks, return_exceptions=True))

async def groups():
    try:
        async with asyncio.TaskGroup() as group:
            for n in range(4):
                group.create_task(child(n))
            group.create_task(forever(9))
    except BaseException as e:
        return len(e.exceptions)

async def main():
    print([repr(x) for x in await gathers()], await cancels())
    if sys.version_info >= (3, 11):
        print(await groups())

loop = asyncio.new_event_loop()
loop.run_until_complete(main())
loop.close()
`, tracer.Config{Engine: engine})
		want := map[string]int{"main < nobody": 1, "gathers < main": 1, "cancels < main": 1, "child < nobody": 4, "step < child": 4, "leaf < step": 4,
			"forever < nobody": 2, "leaf < forever": 2}
		if strings.Contains(string(s.Out), "\n1\n") {
			want = map[string]int{"main < nobody": 1, "gathers < main": 1, "cancels < main": 1, "groups < main": 1, "child < nobody": 8, "step < child": 8,
				"leaf < step": 8, "forever < nobody": 3, "leaf < forever": 3}
		}
		got := callers(s.Trace)
		for k, n := range maps.Clone(got) { // the loop that runs them was called by the module
			if f, ok := strings.CutSuffix(k, " < <module>"); ok {
				got[f+" < nobody"] += n
				delete(got, k)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("calls − want, + got:\n%s", diff)
		}
		task := map[int64]int{}
		for r := range s.Trace.All() {
			switch {
			case r.Code == nil || last(r.Code.Name) == "<module>":
			case r.Kind == wire.KindCall:
				task[r.Call] = r.Task
			case r.Kind == wire.KindResume && r.Task != task[r.Call]:
				t.Errorf("%s began in task %d and goes on in %d", r.Code.Name, task[r.Call], r.Task)
			case r.Kind == wire.KindReturn || r.Kind == wire.KindUnwind:
				delete(task, r.Call)
			}
		}
		if len(task) > 0 || s.Trace.Footer.Faults > 0 {
			t.Errorf("%d calls without an end, footer %+v", len(task), s.Trace.Footer)
		}
	})
}

// T32: threads of pools and timers have trees of their own. Those that are begun
// without the threading module are seen by sys.monitoring alone: sys.settrace
// has no way into them.
func TestThreadsOfPoolsAreTraced(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
import _thread, threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

def leaf(n):
    return n

def raw(n, done):
    leaf(n)
    done.release()

def pooled(n):
    return leaf(n)

done = _thread.allocate_lock()
done.acquire()
_thread.start_new_thread(raw, (1, done))
done.acquire()
with ThreadPoolExecutor(2) as executor:
    print(list(executor.map(pooled, range(6))))
pool = ThreadPool(2)
print(pool.map(pooled, range(6)))
pool.close()
pool.join()
timer = threading.Timer(0, pooled, (7,))
timer.start()
timer.join()
`, tracer.Config{Engine: engine})
		want := map[string]int{"pooled < nobody": 13, "leaf < pooled": 13}
		if engine == "monitoring" {
			want["raw < nobody"], want["leaf < raw"] = 1, 1
		}
		if diff := cmp.Diff(want, callers(s.Trace)); diff != "" {
			t.Errorf("calls − want, + got:\n%s", diff)
		}
		for r := range s.Trace.All() {
			if r.Kind == wire.KindCall && r.Code.Kind != "module" && r.Thread == 0 {
				t.Errorf("%s ran in the main thread", r.Code.Name)
			}
		}
	})
}

// T33, T34: how each call ended, as it was: with a value, None among them, or by
// an exception. The end of an iteration is not a failure.
func TestReturnsAndExceptionsAreToldApart(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"nothing": "ret None", "says_none": "ret None", "falls_through": "ret None", "value": "ret 1",
		"fails": "unwind ValueError", "in_finally": "ret 'kept'", "suppresses": "ret None", "passes_on": "unwind ValueError",
		"raises_from": "unwind KeyError", "none_in_handler": "ret None", "exits": "unwind SystemExit",
		"ends": "unwind", "exhausts": "ret [0]", "yields": "ret None",
	}
	everyEngine(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
import contextlib

def nothing():
    pass

def says_none():
    return None

def falls_through(n=0):
    if n:
        return n

def value():
    return 1

def fails():
    raise ValueError("v")

def in_finally():
    try:
        fails()
    finally:
        return "kept"

def suppresses():
    with contextlib.suppress(ValueError):
        fails()

def passes_on():
    try:
        fails()
    except ValueError:
        raise

def raises_from():
    try:
        fails()
    except ValueError as e:
        raise KeyError("k") from e

def none_in_handler():
    try:
        fails()
    except ValueError:
        return None

def exits():
    raise SystemExit(3)

class Once(object):
    def __init__(self):
        self.left = 1
    def __iter__(self):
        return self
    def __next__(self):
        return self.ends()
    def ends(self):
        if not self.left:
            raise StopIteration
        self.left = 0
        return 0

def exhausts():
    return list(Once())

def yields():
    yield 1

def main():
    for f in (nothing, says_none, falls_through, value, fails, in_finally, suppresses, passes_on, raises_from, none_in_handler, exits,
              exhausts, lambda: list(yields())):
        try:
            f()
        except BaseException:
            pass

main()
`, tracer.Config{Engine: engine, ExcludeFunctions: []string{"*<lambda>"}})
		types := map[int64]string{}
		got := map[string]string{}
		for r := range s.Trace.All() {
			switch r.Kind {
			case wire.KindRaise:
				types[r.Exc] = r.Value().Type
			case wire.KindReturn:
				got[last(r.Code.Name)] = "ret " + r.Value().Plain()
			case wire.KindUnwind:
				got[last(r.Code.Name)] = strings.TrimSpace("unwind " + types[r.Exc])
			}
		}
		for name, w := range want {
			if got[name] != w {
				t.Errorf("%s: %q, want %q", name, got[name], w)
			}
		}
		for _, r := range s.Trace.Raised() {
			if r.Type == "StopIteration" {
				t.Errorf("%+v: the end of an iteration is not a failure", r)
			}
		}
	})
}

// T40: a fork's child runs what modules of the library registered for it; where
// they are in scope it must have files of its own by then.
func TestAChildWritesNothingIntoItsParentsFileBeforeItsOwnIsThere(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		dir, file := tracertest.Program(t, `
import os, sys, threading
def child():
    if os.fork() == 0:
        os._exit(0)
    os.wait()
for i in range(5):
    thread = threading.Thread(target=child)
    thread.start()
    thread.join()
`)
		out, err := exec.Command(python, "-I", "-c", "import threading; print(threading.__file__)").Output()
		if err != nil {
			t.Fatal(err)
		}
		// The run fails for lines that do not fit the schema.
		s := tracertest.Run(t, python, &tracer.Config{Engine: engine, Include: []string{dir, strings.TrimSpace(string(out))}}, file)
		want := 6
		if strings.HasSuffix(python, "3.6") { // which tells nobody of a fork: the child records nothing
			want = 1
		}
		if s.Code != 0 || len(s.Trace.Processes) != want {
			t.Errorf("exit %d, %s, %d processes, want %d", s.Code, s.Err, len(s.Trace.Processes), want)
		}
		if n := strings.Count(tracertest.Kinds(s.Trace, "child"), "call ret"); n != 5 {
			t.Errorf("child returned %d times, want 5", n)
		}
	})
}
