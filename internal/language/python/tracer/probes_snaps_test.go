package tracer_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

const shopProgram = `
# A shop.

class Cart:
    def __init__(self):
        self.items = []
        self.open = True

    def add(self, name, price):
        total = sum(p for n, p in self.items)
        self.items.append((name, price))
        return total + price

def fill(cart, n):
    password = "hunter2-and-more-of-it"
    for i in range(n):
        cart.add("item%d" % i, i * 10)
    return cart

def one_line(x): return x + 1

cart = fill(Cart(), 5)
one_line(3)
print(len(cart.items))
`

// snaps renders snapshots: "prog.py:9#1 fill/<module> watch=value".
func snaps(trace *trace.Trace) []string {
	var out []string
	for _, r := range trace.Snapshots() {
		s := r.Snapshot()
		var names []string
		for _, f := range s.Stack {
			names = append(names, f.Name)
		}
		text := fmt.Sprintf("%s#%d %s", s.At, s.Hit, strings.Join(names, "/"))
		for _, w := range s.Watches {
			if w.Value != nil {
				text += fmt.Sprintf(" %s=%s", w.Expr, w.Value.Plain())
			} else {
				text += fmt.Sprintf(" %s!%s", w.Expr, w.Err)
			}
		}
		out = append(out, text)
	}
	return out
}

func problems(trace *trace.Trace) []string {
	var out []string
	for _, p := range trace.Problems() {
		out = append(out, p.Text)
	}
	return out
}

func TestBreakpointsTakeSnapshots(t *testing.T) {
	t.Parallel()
	probePythons(t, func(t *testing.T, python, engine string) {
		cases := []struct {
			name           string
			config         tracer.Config
			want, problems []string
		}{
			{"each hit of a line, with watches",
				tracer.Config{Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 10}}, Watches: []string{"len(self.items)", "name", "total * 2"}},
				[]string{"prog.py:10#1 Cart.add/fill/<module> len(self.items)=0 name='item0' total * 2=0",
					"prog.py:10#2 Cart.add/fill/<module> len(self.items)=1 name='item1' total * 2=0",
					"prog.py:10#3 Cart.add/fill/<module> len(self.items)=2 name='item2' total * 2=20",
					"prog.py:10#4 Cart.add/fill/<module> len(self.items)=3 name='item3' total * 2=60",
					"prog.py:10#5 Cart.add/fill/<module> len(self.items)=4 name='item4' total * 2=120"}, nil},
			{"where the condition holds",
				tracer.Config{Breakpoints: []tracer.Breakpoint{{File: "./prog.py", Line: 11, Condition: "price > 10 and name != 'item3'"}}},
				[]string{"./prog.py:11#1 Cart.add/fill/<module>", "./prog.py:11#2 Cart.add/fill/<module>"}, nil},
			{"at one hit",
				tracer.Config{Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 16, Hits: 3}}, Watches: []string{"i"}},
				[]string{"prog.py:16#3 fill/<module> i=2"}, nil},
			{"at one hit of those where the condition holds",
				tracer.Config{Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 16, Hits: 2, Condition: "i % 2"}}, Watches: []string{"i"}},
				[]string{"prog.py:16#2 fill/<module> i=3"}, nil},
			{"up to a number",
				tracer.Config{Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 16}}, Snapshots: 2},
				[]string{"prog.py:16#1 fill/<module>", "prog.py:16#2 fill/<module>"}, nil},
			{"also when the calls are over their cap",
				tracer.Config{Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 11, Hits: 5}}, PerCode: 1, Watches: []string{"price"}},
				[]string{"prog.py:11#5 Cart.add/fill/<module> price=40"}, nil},
			{"of a function on one line, in its call and where it is defined",
				tracer.Config{Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 19}}, Watches: []string{"x"}},
				[]string{"prog.py:19#1 <module> x!NameError: name 'x' is not defined", "prog.py:19#2 one_line/<module> x=3"}, []string{
					"breakpoint prog.py:19: this line runs when the definition is made, not when the function is called; put it on a line inside the body"}},
			{"a problem with a line that is not code, or not reached, or of another file",
				tracer.Config{Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 12}, {File: "prog.py", Line: 16, Condition: "i > 100"}, {File: "other.py", Line: 1},
					{File: "rog.py", Line: 16}, {File: "prog.py", Line: 16, Hits: 7}}}, nil,
				[]string{"breakpoint prog.py:12: there is no code on that line, the next is line 13",
					"breakpoint prog.py:16: the line was not reached, or its condition never held",
					"breakpoint other.py:1: no code in scope of a file of that name ran",
					"breakpoint rog.py:16: no code in scope of a file of that name ran",
					"breakpoint prog.py:16: hit number 7 never came, there were 5"}},
			{"a problem with a condition that fails",
				tracer.Config{Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 16, Condition: "nothing > 1"}}}, nil,
				[]string{"condition 'nothing > 1' of breakpoint prog.py:16: NameError: name 'nothing' is not defined"}},
		}
		for _, c := range cases {
			c.config.Engine = engine
			s := tracertest.RunSource(t, python, shopProgram, c.config)
			expect(t, c.name, snaps(s.Trace), c.want)
			expect(t, c.name+": problems", problems(s.Trace), c.problems)
		}
	})
}

func TestASnapshotHoldsTheStackWithVariables(t *testing.T) {
	t.Parallel()
	probePythons(t, func(t *testing.T, python, engine string) {
		for _, all := range []bool{false, true} {
			s := tracertest.RunSource(t, python, shopProgram, tracer.Config{Engine: engine, Locals: all,
				Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 11, Hits: 2}}})
			found := s.Trace.Snapshots()
			if len(found) != 1 {
				t.Fatalf("%d snapshots", len(found))
			}
			snap := found[0].Snapshot()
			if snap.Why != "breakpoint" || snap.Line != 11 || found[0].Code == nil || found[0].Code.Name != "Cart.add" || found[0].Call == 0 ||
				time.Since(time.UnixMicro(int64(snap.Time*1e6))).Abs() > time.Hour {
				t.Errorf("got %+v of %+v", snap, found[0])
			}
			var got []string
			for _, f := range snap.Stack {
				text := fmt.Sprintf("%s %s:%d", f.Name, filepath.Base(f.File), f.Line)
				for _, v := range f.Locals {
					text += " " + v.Name + "=" + v.Value.Plain()
				}
				got = append(got, text)
			}
			want := []string{"Cart.add prog.py:11 self=Cart(items=[('item0', 0), ('item1', 10)], open=True) name='item1' price=10 total=0",
				"fill prog.py:16", "<module> prog.py:21"}
			if all {
				want[1] += " cart=Cart(items=[('item0', 0), ('item1', 10)], open=True) n=5 password=<masked str> i=1"
			}
			expect(t, fmt.Sprint("locals ", all), got, want)
		}
	})
}

// State of an object before and after a method, and of its class.
func TestACallShowsItsObjectBeforeAndAfter(t *testing.T) {
	t.Parallel()
	const source = `
class Session:
    seen = []
    def __init__(self):
        self.user = None
    def login(self, user):
        self.user = user
        self.seen.append(user)
for name in ["ann"] * 40:
    Session().login(name)
`
	probePythons(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, source, tracer.Config{Level: "variables", Engine: engine})
		for r := range s.Trace.All() {
			if r.Code == nil || r.Code.Name != "Session.login" || r.Nth != 1 && r.Kind == wire.KindCall {
				continue
			}
			switch r.Kind {
			case wire.KindCall:
				if got := r.Args()[0].Value.Plain(); got != "Session(user=None, Session.seen=[])" {
					t.Errorf("before: %s", got)
				}
			case wire.KindReturn:
				if len(r.Changed()) == 0 || r.Changed()[0].Value.Plain() != "Session(user='ann', Session.seen=['ann'])" {
					t.Errorf("after: %v", r.Changed())
				}
				return
			}
		}
		t.Error("no return")
	})
}

const crashProgram = `
import sys, threading

def worker(n):
    left = n - 1
    raise LookupError("in a thread", left)

def inner(order):
    ratio = order["total"] / order["count"]
    return ratio

def outer():
    order = {"total": 3, "count": 0}
    inner(order)

%s
t = threading.Thread(target=worker, args=(2,), name="w")
t.start()
t.join()
%s
`

func TestAnUncaughtExceptionLeavesASnapshot(t *testing.T) {
	t.Parallel()
	probePythons(t, func(t *testing.T, python, engine string) {
		threads := atLeast(pythonVersion(t, python), 8) // threading.excepthook
		cases := []struct {
			name, before, last string
			main               string
		}{
			{"of the main thread", "", "outer()", "ZeroDivisionError inner/outer/<module>"},
			{"but a request to exit", "", "sys.exit(3)", ""},
			{"but one that was caught", "", "try:\n    outer()\nexcept Exception:\n    pass", ""},
			{"also where the program has a hook of its own",
				"sys.excepthook = lambda k, e, tb: print('mine', k)", "outer()", "ZeroDivisionError inner/outer/<module>"},
			{"once where the program calls our hook from its own",
				"previous = sys.excepthook\nsys.excepthook = lambda k, e, tb: (print('mine', k), previous(k, e, tb))", "outer()", "ZeroDivisionError inner/outer/<module>"},
		}
		for _, c := range cases {
			s := tracertest.RunSource(t, python, fmt.Sprintf(crashProgram, c.before, c.last), tracer.Config{ExceptionSnapshot: true, Locals: true, Engine: engine})
			var got, want []string
			if threads {
				want = append(want, "LookupError worker thread 1 n=2 left=1")
			}
			if c.main != "" {
				want = append(want, c.main+" thread 0 order={'total': 3, 'count': 0}")
			}
			for _, r := range s.Trace.Snapshots() {
				snap := r.Snapshot()
				var names []string
				for _, f := range snap.Stack {
					if filepath.Base(f.File) == "prog.py" {
						names = append(names, f.Name)
					}
				}
				text := fmt.Sprintf("%s %s thread %d", snap.Type, strings.Join(names, "/"), r.Thread)
				for _, v := range snap.Stack[0].Locals {
					text += " " + v.Name + "=" + v.Value.Plain()
				}
				got = append(got, text)
				if snap.Why != "exception" || !strings.HasSuffix(snap.At, fmt.Sprintf("prog.py:%d", snap.Line)) {
					t.Errorf("%s: %+v", c.name, snap)
				}
			}
			expect(t, c.name, got, want)
		}
	})
}

func TestASnapshotOfADeepStackKeepsWithinALine(t *testing.T) {
	t.Parallel()
	const source = `
def down(n, big):
    text = "x" * 300
    if n == 0:
        raise RuntimeError("deep")
    down(n - 1, big)
down(150, [["y" * 150] * 30] * 30)
`
	probePythons(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, source, tracer.Config{ExceptionSnapshot: true, Locals: true, Engine: engine,
			Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 4}}})
		found := s.Trace.Snapshots()
		if len(found) != 2 || s.Trace.Footer.Dropped > 0 {
			t.Fatalf("%d snapshots, footer %+v", len(found), s.Trace.Footer)
		}
		for _, r := range found {
			stack := r.Snapshot().Stack
			if len(stack) != 64 || stack[0].Name != "down" || stack[63].Name != "<module>" || len(stack[0].Locals) != 3 {
				t.Errorf("%d frames, first %+v, last %+v", len(stack), stack[0], stack[len(stack)-1])
			}
		}
	})
}

// T10: a program that sets trace functions of its own, or runs under pdb,
// behaves as without us, and what was recorded before is kept.
func TestAProgramMayTraceItself(t *testing.T) {
	t.Parallel()
	const source = `
import sys
def traced(n):
    a = n + 1
    return a
seen = []
def tracer(frame, event, arg):
    if frame.f_code.co_name == "traced":
        seen.append((event, frame.f_lineno))
    return tracer
traced(0)
before = sys.gettrace()
sys.settrace(tracer)
traced(1)
sys.settrace(before)
traced(2)
print(seen)
import pdb, io
out = io.StringIO()
debugger = pdb.Pdb(stdin=io.StringIO("n\nn\np n\nc\n"), stdout=out, nosigint=True, readrc=False)
debugger.runcall(traced, 5)
print(out.getvalue().count("5"))
`
	probePythons(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, source, tracer.Config{Level: "variables", Engine: engine, Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 3, Hits: 1}}})
		if got := steps(s.Trace, "traced"); len(got) < 3 || strings.Join(got[:3], ", ") != "3, 4 a=1, ret" {
			t.Errorf("got %v", got)
		}
		expect(t, "snapshots", snaps(s.Trace), []string{"prog.py:3#1 traced/<module>"})
	})
}

// T28: names that pytest's assertion rewriting makes are not shown.
func TestNamesOfRewrittenAssertionsAreLeftOut(t *testing.T) {
	t.Parallel()
	const test = `
def test_sum():
    values = [1, 2]
    assert sum(values) == len(values) + 1
    done = True
`
	for _, python := range tracertest.Pythons(t) {
		if probe := tracertest.Run(t, python, nil, "-c", "import pytest"); probe.Code != 0 {
			continue
		}
		t.Run(python, func(t *testing.T) {
			t.Parallel()
			dir, file := tracertest.Program(t, test)
			config := tracer.Config{Level: "variables", Include: []string{dir}, Breakpoints: []tracer.Breakpoint{{File: "prog.py", Line: 4}}, ExceptionSnapshot: true}
			s := tracertest.Run(t, python, &config, "-m", "pytest", "-q", "-p", "no:cacheprovider", file)
			if s.Code != 0 || !bytes.Contains(s.Out, []byte("1 passed")) {
				t.Fatalf("exit %d: %s%s", s.Code, s.Out, s.Err)
			}
			got := steps(s.Trace, "test_sum")
			expect(t, "steps", got, []string{"2", "3 values=[1, 2]", "4", "ret done=True"})
			for _, r := range s.Trace.Snapshots() {
				for _, v := range r.Snapshot().Stack[0].Locals {
					if strings.HasPrefix(v.Name, "@") {
						t.Errorf("a snapshot shows %s", v.Name)
					}
				}
			}
			if len(s.Trace.Snapshots()) != 1 {
				t.Errorf("%d snapshots, want that of the breakpoint", len(s.Trace.Snapshots()))
			}
		})
	}
}

func TestLinesWithoutVariablesAreRecordedForXtrace(t *testing.T) {
	t.Parallel()
	const source = `
class A:
    x = 1
def f(n):
    y = [i for i in range(n)]
    return y
f(2)
`
	probePythons(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, source, tracer.Config{Steps: true, Engine: engine})
		var got []string
		for r := range s.Trace.All() {
			if r.Kind == wire.KindStep && r.Code.Name != "f.<locals>.<listcomp>" && r.Code.Name != "<listcomp>" {
				// From 3.12 a comprehension's rounds begin its line anew.
				if at := fmt.Sprintf("%s:%d", r.Code.Name, r.Line); len(got) == 0 || got[len(got)-1] != at {
					got = append(got, at)
				}
				if len(r.Assigned()) > 0 {
					t.Errorf("line %d has variables", r.Line)
				}
			}
		}
		want := "<module>:1 A:1 A:2 <module>:3 <module>:6 f:4 f:5"
		if strings.Join(got, " ") != want {
			t.Errorf("got %v, want %s", got, want)
		}
	})
}
