package tracer_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/wire"
)

// T16: also the variables of closures, and those of a function that has handled
// an exception, keep nothing alive, whether its calls are recorded or counted.
func TestObjectsEndInClosuresAndAfterHandlers(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		tracertest.RunSource(t, python, `
import weakref
class A(object):
    pass
def tick():
    pass
def fails():
    raise KeyError(1)
def shares(a):
    box = lambda: a
    r = weakref.ref(a)
    try:
        fails()
    except KeyError:
        pass
    a = None
    tick()
    return r() is None
def outer():
    x = A()
    r = weakref.ref(x)
    def inner():
        nonlocal x
        x = None
        tick()
        return r() is None
    return inner()
def handles():
    a = A()
    r = weakref.ref(a)
    try:
        fails()
    except KeyError:
        pass
    a = None
    tick()
    return r() is None
for f in (lambda: shares(A()), outer, handles):
    print(sum(f() for i in range(120)))
`, tracer.Config{Engine: engine, PerCode: 60})
	})
}

// A mixin before a class that C made, which keeps the attributes of its objects
// to itself, such as a future's before 3.12: reading them fails for the program
// too. Other C classes share them.
func TestObjectsThatShowNoAttributesAreNamed(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
import asyncio, collections
class Mixin(object):
    def note(self):
        self.noted = [1]
        return self
class Future(Mixin, asyncio.Future):
    pass
class Error(Mixin, OSError):
    pass
class Deque(Mixin, collections.deque):
    pass
def show(v):
    return None
loop = asyncio.new_event_loop()
show(Future(loop=loop).note())
show(Error().note())
show(Deque().note())
loop.close()
`, tracer.Config{Engine: engine})
		var got []string
		for r := range s.Trace.All() {
			if r.Kind == wire.KindCall && r.Code.Name == "show" {
				got = append(got, wire.RenderVars(r.Args(), 100, 100, false))
			}
		}
		if len(got) != 3 || !strings.Contains(got[0], "Future") || !strings.Contains(got[1], "noted=[1]") || !strings.Contains(got[2], "noted=[1]") {
			t.Errorf("shown: %q", got)
		}
	})
}

// T12: what a program prints of an exception that a signal handler raised shows
// its own frames alone, wherever the signal struck. Before 3.11 nothing can take
// the tracer's off; with sys.settrace it must stay on the way of an exception
// that no function of the program raised, to notice that it is over.
func TestTracebacksOfSignalHandlersShowTheProgramAlone(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		dir, file := tracertest.Program(t, `
import signal, sys
class TimeUp(Exception):
    pass
def ring(*args):
    raise TimeUp()
def f(x):
    return x
def spin():
    while True:
        f([1, {"a": [2, 3]}])
def files(e):
    out = set()
    tb = e.__traceback__
    while tb is not None:
        out.add(tb.tb_frame.f_code.co_filename)
        tb = tb.tb_next
    return out - {__file__}
def strikes(handler):
    signal.signal(signal.SIGALRM, handler)
    found = set()
    for i in range(30):
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.003)
            spin()
        except (TimeUp, KeyboardInterrupt) as e:
            if sys.version_info >= (3, 11):
                found |= files(e)
            if e.__context__ is not None:
                found.add(repr(e.__context__))
    return found
print(strikes(ring))
print(strikes(signal.default_int_handler) if sys.gettrace() is None else set())
`)
		config, err := json.Marshal(tracer.Config{Engine: engine, Include: []string{dir}, Out: t.TempDir(), PerCode: 1 << 30, MaxRecords: 1 << 30, MaxBytes: 4 << 20})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(python, file)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+tracertest.Dir(t), "PYTHONDONTWRITEBYTECODE=1", "REPAIRD_TRACE_CONFIG="+string(config))
		if text, err := cmd.CombinedOutput(); err != nil || string(text) != "set()\nset()\n" {
			t.Errorf("%v; what is not the program's: %s", err, text)
		}
	})
}
