package pytrace

import "testing"

// T12: an exception that a signal handler raises reaches the program also when
// the signal comes while a boundary is being recorded or a task is looked up.
func TestSignalHandlersReachTheProgramOutOfBoundariesAndTasks(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := runSource(t, python, `
import sys

try:
    import repaird_tracer, repaird_trace_tasks, repaird_trace_process
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
    tasks = repaird_trace_tasks.Tasks(None)
    tasks.current = handler
    answers.append(reaches(tasks.suffix))
    class Popen(object):
        pass
    repaird_trace_process._watch_pid(Popen, lambda *a: handler(), repaird_tracer._state["own"])
    answers.append(reaches(lambda: setattr(Popen(), "pid", 5)))
print(answers)
`, Config{Engine: engine, MaxRecords: 5000})
		if want := "[True, True, True, True, True]\n"; string(s.out) != want {
			t.Errorf("reached: %s", s.out)
		}
	})
}
