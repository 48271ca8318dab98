package tracer_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
)

// T12: an exception that a signal handler raises reaches the program also when
// the signal comes while a boundary is being recorded or a task is looked up.
func TestSignalHandlersReachTheProgramOutOfBoundariesAndTasks(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
import sys

try:
    import repaird_tracer, repaird_tracer.tasks, repaird_tracer.process
except ImportError:
    repaird_tracer = None

class Alarm(Exception):
    pass

def handler():
    raise Alarm("of a handler")

def reaches(call):
    try:
        call()
        return False
    except Alarm:
        return True

class Interrupted(object):
    """In the place of a part of the tracer, in which the signal comes."""
    def __getattr__(self, name):
        return lambda *a: handler()

answers = [True] * 5
if repaird_tracer is not None:
    state = dict(repaird_tracer._state)
    repaird_tracer._state["backend"] = Interrupted()
    answers = [reaches(lambda: repaird_tracer.mark("a", "b")), reaches(lambda: repaird_tracer.failure(Alarm()))]
    repaird_tracer._state.update(writer=Interrupted())
    answers.append(reaches(lambda: repaird_tracer.problem("a")))
    repaird_tracer._state.update(state)
    assert state["core"].faults == 2  # counted, as they cost a record
    state["core"].faults = 0
    tasks = repaird_tracer.tasks.Tasks(None)
    tasks.current = handler
    answers.append(reaches(tasks.suffix))
    class Popen(object):
        pass
    repaird_tracer.process._watch_pid(Popen, lambda *a: handler(), repaird_tracer._state["own"])
    answers.append(reaches(lambda: setattr(Popen(), "pid", 5)))
print(answers)
`, tracer.Config{Engine: engine, MaxRecords: 5000})
		if want := "[True, True, True, True, True]\n"; string(s.Out) != want {
			t.Errorf("reached: %s", s.Out)
		}
	})
}

// T12: a handler that strikes as a function is met for the first time does not
// leave its calls without a definition.
func TestASignalAtTheFirstCallLeavesTheFunctionDefined(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		dir, file := tracertest.Program(t, `
import random, signal
class Struck(Exception):
    pass
armed = False
def strike(*args):
    global armed
    if armed:
        armed = False
        raise Struck()
signal.signal(signal.SIGALRM, strike)
made = []
for k in range(600):
    space = {}
    exec(compile("def f%d(a, b):\n    return a\n" % k, __file__, "exec"), space)
    made.append(space["f%d" % k])
chance = random.Random(1)
for k, f in enumerate(made):
    try:
        armed = True
        signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.00001, 0.00012))
        f(k, 2)
        armed = False
    except Struck:
        pass
    armed = False
    f(k, 3)
    f(k, 4)
signal.setitimer(signal.ITIMER_REAL, 0)
`)
		out := t.TempDir()
		config, err := json.Marshal(tracer.Config{Engine: engine, Include: []string{dir}, Out: out, MaxRecords: 100000})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(python, file)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+tracertest.Dir(t), "PYTHONDONTWRITEBYTECODE=1", "REPAIRD_TRACE_CONFIG="+string(config))
		if text, err := cmd.CombinedOutput(); err != nil || len(text) > 0 {
			t.Fatalf("%v: %s", err, text)
		}
		trace, err := trace.ReadDir(out)
		if err != nil {
			t.Fatal(err)
		}
		// Each strike may cost the records of one event, and no more.
		if f := trace.Footer; f.Unnamed > 0 || f.Faults > 600 || f.Recorded < 600 {
			t.Errorf("footer %+v", f)
		}
	})
}
