package tracer_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
)

func TestExpressionsThatAreNotAllowedAreProblems(t *testing.T) {
	t.Parallel()
	cases := []struct{ expr, problem string }{
		{"open('x')", "a call of open is not allowed"},
		{"items.pop()", "a call of a method is not allowed"},
		{"eval('1')", "a call of eval is not allowed"},
		{"__import__('os')", "a call of __import__ is not allowed"},
		{"getattr(self, 'x')", "a call of getattr is not allowed"},
		{"(lambda: 1)()", "a call of a method is not allowed"},
		{"lambda: 1", "lambda is not allowed"},
		{"(x := 1)", "assignment (:=) is not allowed"},
		{"self.__class__", "the name __class__ is not allowed"},
		{"__builtins__", "the name __builtins__ is not allowed"},
		{"[__name__ for __name__ in items]", "the name __name__ is not allowed"},
		{"generator.gi_frame", "the attribute gi_frame is not allowed"},
		{"f'{x}'", "an f-string is not allowed"},
		{"[*items]", "* is not allowed"},
		{"{**table}", "** is not allowed"},
		{"len(*items)", "* is not allowed"},
		{"dict(**table)", "the argument ** of dict is not allowed"},
		{"sorted(items, key=len)", "the argument key of sorted is not allowed"},
		{"type('X', (), {})", "type takes up to 1 arguments here"},
		{"import os", "it is no valid expression: "},
		{"x = 1", "it is no valid expression: "},
		{"", "it is no valid expression: "},
		{strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500), "it is no valid expression"},
		{strings.Repeat("-", 60) + "1", "it is nested too deeply"},
		{strings.Repeat("x", 1001), "it is longer than 1000 characters"},
	}
	var config tracer.Config
	for _, c := range cases {
		config.Watches = append(config.Watches, c.expr)
	}
	config.Breakpoints = []tracer.Breakpoint{{File: "prog.py", Line: 1, Condition: "x.y()"}, {File: "prog.py"}, {Line: 3}}
	probePythons(t, func(t *testing.T, python, engine string) {
		config := config
		config.Engine = engine
		s := tracertest.RunSource(t, python, "print(1)\n", config)
		found := s.Trace.Problems()
		if len(s.Trace.Snapshots()) != 0 {
			t.Errorf("snapshots %v", snaps(s.Trace))
		}
		for _, c := range cases {
			if strings.Contains(c.expr, ":=") && !atLeast(s.Trace.Processes[0].Python, 8) {
				continue // no syntax there
			}
			ok := false
			for _, p := range found {
				if strings.HasPrefix(p.Text, "watch ") && strings.Contains(p.Text, c.problem) && strings.Contains(p.Text, c.expr[:min(len(c.expr), 20)]) {
					ok = true
				}
			}
			if strings.HasPrefix(c.expr, "(((") { // how deep the parser goes depends on the version
				ok = ok || strings.Contains(strings.Join(problems(s.Trace), "\n"), "it is n")
			}
			if !ok {
				t.Errorf("%.100q: no problem with %q", c.expr, c.problem)
			}
		}
		all := strings.Join(problems(s.Trace), "\n")
		for _, want := range []string{"condition 'x.y()' of breakpoint prog.py:1: a call of a method is not allowed",
			"breakpoint prog.py:0: want FILE:LINE", "breakpoint :3: want FILE:LINE"} {
			if !strings.Contains(all, want) {
				t.Errorf("no %q in\n%s", want, all)
			}
		}
	})
}

func TestExpressionsThatAreAllowedGiveTheirValue(t *testing.T) {
	t.Parallel()
	const source = `
import collections
class Point:
    kind = "p"
    def __init__(self, x, y):
        self.x, self.y = x, y
    @property
    def size(self):
        return self.x + self.y
def f(items, table, point, n):
    missing = collections.defaultdict(list)
    numbers = iter(items)
    squares = (i * i for i in items)
    here = 1
    print(sorted(missing), list(numbers), list(squares))
f([3, 1, 2], {"a": {"b": 5}}, Point(1, 2), 7)
`
	cases := []struct{ expr, want string }{
		{"items", "[3, 1, 2]"},
		{"table['a']['b'] + n", "12"},
		{"point.size * 2", "6"},
		{"point.x < n <= 7", "True"},
		{"n if point.x > 5 else -n", "-7"},
		{"not items or n", "7"},
		{"'a' in table and 'b' not in table", "True"},
		{"items[-1]", "2"},
		{"items[::2]", "[3, 2]"},
		{"sorted(items, reverse=True)", "[3, 2, 1]"},
		{"[i * 2 for i in items if i > 1]", "[6, 4]"},
		{"{k: len(v) for k, v in zip(['x'], [items])}", "{'x': 3}"},
		{"sum(a * b for a in items for b in items)", "36"},
		{"max(items) - min(items) + abs(-3) + round(2.6) + int('4')", "12"},
		{"[(i, v) for i, v in enumerate(items)]", "[(0, 3), (1, 1), (2, 2)]"},
		{"any(i > 2 for i in items)", "True"},
		{"all([]) and isinstance(n, int)", "True"},
		{"str(n) + repr('x') + 'y' * 3", `"7'x'yyy"`},
		{"(n, None, 1.5, b'z', KeyError)", "(7, None, 1.5, b'z', <type KeyError>)"},
		{"list(range(3)) + list({1}) + list((2,))", "[0, 1, 2, 1, 2]"},
		{"type(point).kind", "'p'"},
		{"n ** 2 | 1 << 3", "57"},
		{"float('1.5') == 1.5 and bool(n)", "True"},
		// Reading changes nothing.
		{"list(numbers)", "!refused: an iterator: reading it would use it up"},
		{"[i for i in squares]", "!refused: an iterator: reading it would use it up"},
		{"3 in numbers", "!refused: an iterator: reading it would use it up"},
		{"missing['k']", "!KeyError: 'k'"},
		// Bounds.
		{"10 ** 10 ** 10", "!refused: the number would be too large"},
		{"1 << 10 ** 9", "!refused: the number would be too large"},
		{"'x' * 10 ** 9", "!refused: over 100000 items"},
		{"sum(range(10 ** 9))", "!refused: over 100000 items"},
		{"'%1000000000d' % n", "!refused: formatting is not allowed"},
		{"len([1 for a in range(90000) for b in range(90000)])", "!refused: over 100000 steps"},
		// Errors.
		{"nowhere", "!NameError: name 'nowhere' is not defined"},
		{"open", "!NameError: name 'open' is not defined"},
		{"items[10]", "!IndexError: list index out of range"},
		{"point.z", "!AttributeError: 'Point' object has no attribute 'z'"},
		{"n / 0", "!ZeroDivisionError: division by zero"},
		{"len(n)", "!TypeError: object of type 'int' has no len()"},
	}
	var config tracer.Config
	for _, c := range cases {
		config.Watches = append(config.Watches, c.expr)
	}
	probePythons(t, func(t *testing.T, python, engine string) {
		config := config
		config.Engine, config.Breakpoints = engine, []tracer.Breakpoint{{File: "prog.py", Line: 13}}
		s := tracertest.RunSource(t, python, source, config)
		if got := problems(s.Trace); len(got) > 0 || len(s.Trace.Snapshots()) != 1 {
			t.Fatalf("problems %v, snapshots %v", got, snaps(s.Trace))
		}
		for i, w := range s.Trace.Snapshots()[0].Snapshot().Watches {
			got := "!" + w.Err
			if w.Value != nil {
				got = w.Value.Plain()
			}
			if got != cases[i].want {
				t.Errorf("%s: got %s, want %s", w.Expr, got, cases[i].want)
			}
		}
	})
}

// What a watch's property raises or how deep it goes is contained. Pure Python cannot enforce that one ends without tracing it; the deadline of the run is for that.
func TestWhatAWatchRunsIsContained(t *testing.T) {
	t.Parallel()
	const source = `
import sys
class Evil:
    calls = 0
    @property
    def exits(self):
        sys.exit(9)
    @property
    def fatal(self):
        raise BaseException("fatal")
    @property
    def interrupts(self):
        raise KeyboardInterrupt
    @property
    def deep(self):
        return self.deep
    @property
    def message(self):
        class Quiet(Exception):
            def __str__(self):
                raise SystemExit(8)
        raise Quiet(1, self)
    def __len__(self):
        Evil.calls += 1
        return 10 ** 30
    def __repr__(self):
        raise MemoryError
def f(evil):
    token = "0123456789abcdef0123"
    password = "x"
    return evil
for i in range(3):
    f(Evil())
print("done", Evil.calls, sys.getrecursionlimit())
`
	watches := []string{"evil.exits", "evil.fatal", "evil.interrupts", "evil.deep", "evil.message", "len(evil)", "repr(evil)", "evil", "password", "token",
		"[password]", "len(password)", "password is None"}
	probePythons(t, func(t *testing.T, python, engine string) {
		dir, file := tracertest.Program(t, source)
		s := tracertest.Run(t, python, &tracer.Config{Engine: engine, Include: []string{dir}, Watches: watches, Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 30}}}, file)
		if s.Code != 0 || !strings.HasPrefix(string(s.Out), "done 3 ") || len(s.Err) > 0 {
			t.Fatalf("exit %d: %s%s", s.Code, s.Out, s.Err)
		}
		if n := len(s.Trace.Snapshots()); n != 3 {
			t.Fatalf("%d snapshots", n)
		}
		for i, w := range s.Trace.Snapshots()[2].Snapshot().Watches {
			got := w.Err
			if w.Value != nil {
				got = w.Value.Plain()
			}
			want := []string{"SystemExit: 9", "BaseException: fatal", "KeyboardInterrupt", "RecursionError: ", "Evil.message.<locals>.Quiet: (1, <Evil>)",
				"OverflowError: ", "MemoryError", "Evil(", "<masked str>", "<masked str>", "<masked list>", "1", "False"}[i]
			if !strings.HasPrefix(got, want) {
				t.Errorf("%s: got %q, want %q", w.Expr, got, want)
			}
		}
		if tracertest.Kinds(s.Trace, "f") == "" {
			t.Error("nothing recorded after the watches")
		}
	})
}

// T12: an exception that a signal handler raises while a watch is evaluated is
// the program's, and reaches it.
func TestASignalDuringAWatchReachesTheProgram(t *testing.T) {
	t.Parallel()
	const source = `
import signal, sys
class Late(Exception):
    pass
def on_alarm(number, frame):
    raise Late()
class Slow:
    @property
    def wait(self):
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        while True:
            pass
    @property
    def stop(self):
        signal.raise_signal(signal.SIGINT) if hasattr(signal, "raise_signal") else __import__("os").kill(__import__("os").getpid(), signal.SIGINT)
        while True:
            pass
def f(slow):
    here = 1
    return here
signal.signal(signal.SIGALRM, on_alarm)
reached = 0
for i in range(20):
    try:
        f(Slow())
    except Late:
        reached += 1
print("late", reached)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
`
	probePythons(t, func(t *testing.T, python, engine string) {
		for watch, exception := range map[string]string{"slow.wait": "Late", "slow.stop": "KeyboardInterrupt"} {
			dir, file := tracertest.Program(t, strings.ReplaceAll(source, "except Late", "except "+exception))
			out := t.TempDir()
			config, err := json.Marshal(tracer.Config{Engine: engine, Include: []string{dir}, Watches: []string{watch},
				Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 18}}, Out: out})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(python, file)
			cmd.Env = append(os.Environ(), "PYTHONPATH="+tracertest.Dir(t), "REPAIRD_TRACE_CONFIG="+string(config))
			text, err := cmd.CombinedOutput()
			trace, traceErr := trace.ReadDir(out)
			if err != nil || traceErr != nil || !trace.Traced() {
				t.Fatalf("%v, %v: %s", err, traceErr, text)
			}
			// An exception that leaves a trace function removes it; it comes back
			// when the program is done with the exception.
			want := "late 20\n"
			if string(text) != want {
				t.Errorf("%s: got %q, want %q", watch, text, want)
			}
		}
	})
}
