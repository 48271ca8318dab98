package tracer_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// T9: where others hold the tool ids, the tracer takes one that is free, never
// those of debuggers, coverage tools and Hypothesis, and without any it falls
// back to sys.settrace.
func TestToolIDsOfOthersAreLeftAlone(t *testing.T) {
	t.Parallel()
	const script = `
import sys
taken = [int(n) for n in sys.argv[1].split(",") if n]
m = sys.monitoring
for n in taken:
    m.use_tool_id(n, "other%%d" %% n)
seen = []
if 1 in taken:
    m.register_callback(1, m.events.PY_START, lambda code, at: seen.append(code.co_name))
    m.set_events(1, m.events.PY_START)
sys.path.insert(0, %q)
import repaird_tracer
sys.path.pop(0)
assert repaird_tracer.start({"include": [%q], "out": %q, "engine": sys.argv[2]}) == (sys.argv[3] != ""), "started"
print(repaird_tracer.engine(), [n for n in range(6) if m.get_tool(n) == "repaird"])
sys.path.insert(0, %q)
import prog
prog.f(1)
repaird_tracer.stop()
print([n for n in range(6) if m.get_tool(n) == "repaird"], [n for n in taken if m.get_tool(n) != "other%%d" %% n])
if 1 in taken:
    m.set_events(1, 0)
    print(seen.count("f"))
`
	for _, version := range []string{"3.12", "3.13", "3.15"} {
		p, ok := tracertest.ByVersion()[version]
		if !ok {
			t.Logf("there is no Python %s on this machine", version)
			continue
		}
		for _, row := range []struct{ taken, engine, want string }{
			{"", "", "monitoring [4]\n[] []\n"},
			{"0,1,3", "", "monitoring [4]\n[] []\n1\n"},
			{"4", "", "monitoring [5]\n[] []\n"},
			{"4,5", "monitoring", "monitoring [2]\n[] []\n"},
			{"4,5,2", "", "settrace []\n[] []\n"},
		} {
			t.Run(version+"/"+row.taken+row.engine, func(t *testing.T) {
				t.Parallel()
				dir, _ := tracertest.Program(t, "def f(n):\n    return n\n")
				out, tracer := t.TempDir(), tracertest.Dir(t)
				s := tracertest.Run(t, p.Path, nil, "-I", "-B", "-c", fmt.Sprintf(script, tracer, dir, out, dir), row.taken, row.engine, "yes")
				if s.Code != 0 || string(s.Out) != row.want {
					t.Fatalf("got %q, want %q; %s", s.Out, row.want, s.Err)
				}
				trace, err := trace.ReadDir(out)
				if err != nil {
					t.Fatal(err)
				}
				if k := tracertest.Kinds(trace, "f"); k != "call ret" {
					t.Errorf("records of f: %q", k)
				}
			})
		}
	}
}

// T10: a program may trace itself. With sys.monitoring nothing is lost by it.
func TestAProgramThatTracesItselfLosesNothingToMonitoring(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
import sys
seen = []
def watch(frame, event, arg):
    seen.append(event)
    return watch
def f(n):
    return g(n)
def g(n):
    return n
f(1)
before = sys.gettrace()
sys.settrace(watch)
f(2)
sys.settrace(before)
f(3)
print(seen)
`, tracer.Config{Engine: engine})
		want := 3
		if engine == "settrace" {
			want = 2 // the second call was the program's own to trace
		}
		if n := strings.Count(tracertest.Kinds(s.Trace, "g"), "call ret"); n != want {
			t.Errorf("%d calls of g recorded, want %d", n, want)
		}
	})
}

// T11: a RecursionError that is caught takes the trace function away on every
// version. Where ours can, it comes back when the program is done with the
// error; sys.monitoring loses nothing. The depth at which the error comes
// changes by little.
func TestACaughtRecursionErrorDoesNotEndTheTrace(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		dir, file := tracertest.Program(t, `
import sys
sys.setrecursionlimit(300)
deepest = 0
def down(n):
    global deepest
    deepest = n
    down(n + 1)
def after(n):
    return n
for i in range(3):
    try:
        down(0)
    except RecursionError:
        pass
    after(i)
sys.stderr.write("RecursionError expected\n")
print(deepest)
`)
		bare := tracertest.Run(t, python, nil, file)
		s := tracertest.Run(t, python, &tracer.Config{Engine: engine, Include: []string{dir}, PerCode: 1 << 30, MaxDepth: 1000}, file)
		var was, is int
		if _, err := fmt.Sscan(string(bare.Out), &was); err != nil {
			t.Fatalf("bare: %v: %s", err, bare.Err)
		}
		if _, err := fmt.Sscan(string(s.Out), &is); err != nil {
			t.Fatalf("traced: %v: %s", err, s.Err)
		}
		if is < was-8 || is > was+1 {
			t.Errorf("depth %d traced, %d bare", is, was)
		}
		n := strings.Count(tracertest.Kinds(s.Trace, "after"), "call ret")
		if engine == "monitoring" && n != 3 {
			t.Errorf("%d calls recorded after the error, want 3", n)
		}
		if n < 3 && s.Trace.Processes[0].Lost == "" {
			t.Errorf("%d calls recorded after the error, and nothing says that the trace function was lost", n)
		}
	})
}

// T16: no object of the program is kept alive by the tracer. From 3.13 on
// nothing is to be emptied; before, the frame's own dictionary of variables is.
func TestObjectsEndWhenTheProgramIsDoneWithThem(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		tracertest.RunSource(t, python, `
import gc, weakref
class A(object):
    def method(self, other):
        return other
def gone(a, b):
    a.method(b)
    a, b = weakref.ref(a), weakref.ref(b)
    tick()
    return a() is None, b() is None
def tick():
    pass
def scalars(n, a):
    r = weakref.ref(a)
    del a
    tick()
    return r() is None
def raises(a):
    raise ValueError(weakref.ref(a))
def made():
    class B(A):
        pass
    B().method(B)
    return weakref.ref(B)
def numbers(a):
    r = weakref.ref(a)
    del a
    tick()
    yield r() is None
def kept(items):
    for a in items:
        yield a
class Cycle(object):
    def __init__(self):
        self.me = self
def suspended():
    items = [Cycle()]
    r = weakref.ref(items[0])
    g = kept(items)
    next(g)
    del items, g
    gc.collect()
    return r() is None
for i in range(40):
    print(suspended())
    print(gone(A(), A()), scalars(i, A()), list(numbers(A())))
    try:
        raises(A())
    except ValueError as e:
        r = e.args[0]
        del e
    tick()
    print(r() is None)
    r = made()
    tick()
    gc.collect()
    print(r() is None)
`, tracer.Config{Engine: engine})
	})
}

// T35: events of frames that the tracer never saw begin.
func TestFramesThatBeganBeforeTheTracerDoNoHarm(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		dir, file := tracertest.Program(t, `
import sys
def outer():
    g = numbers()
    next(g)
    inner()
    list(g)
    try:
        inner()
    finally:
        return "end"
def numbers():
    yield 1
    yield 2
def inner():
    import repaird_tracer
    if not repaird_tracer.engine():
        assert repaird_tracer.start(CONFIG)
    return 1
def fails():
    raise KeyError("k")
`)
		tracer, out := tracertest.Dir(t), t.TempDir()
		s := tracertest.Run(t, python, nil, "-I", "-B", "-c", fmt.Sprintf(`
import sys
sys.path[:0] = [%q, %q]
import prog, repaird_tracer
prog.CONFIG = {"include": [%q], "out": %q, "engine": %q}
print(prog.outer())
try:
    prog.fails()
except KeyError:
    pass
repaird_tracer.stop()
`, tracer, dir, dir, out, engine))
		if s.Code != 0 || string(s.Out) != "end\n" {
			t.Fatalf("%s: %s%s", file, s.Out, s.Err)
		}
		trace, err := trace.ReadDir(out)
		if err != nil {
			t.Fatal(err)
		}
		if k := tracertest.Kinds(trace, "fails"); k != "call raise unwind" || trace.Footer.Faults != 0 {
			t.Errorf("records of fails: %q, footer %+v", k, trace.Footer)
		}
	})
}

// T37, T38: code is told apart by its file, not by its equality; files that are
// none, relative names and archives are decided each in its way.
func TestScopeOfUnusualCode(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		dir := t.TempDir()
		same := "def f():\n    return 1\n"
		for name, text := range map[string]string{
			"app/mod.py":                        same,
			"app/venv/lib/site-packages/mod.py": same,
			"run.py": `
import os, sys, zipfile
sys.path.insert(0, sys.argv[1])
import mod
mod.f()
del sys.modules["mod"]
sys.path.insert(0, sys.argv[1] + "/venv/lib/site-packages")
import mod
mod.f()
names = {}
exec(compile("def text(): return 1", "<string>", "exec"), names)
names["text"]()
exec(compile("def page(): return 1", sys.argv[1] + "/page.html", "exec"), names)
names["page"]()
os.chdir(sys.argv[1])
exec(compile("def rel(): return 1", "rel.py", "exec"), names)
names["rel"]()
with zipfile.ZipFile("lib.zip", "w") as z:
    z.writestr("zipped.py", "def packed(): return 1\n")
sys.path.insert(0, sys.argv[1] + "/lib.zip")
import zipped
zipped.packed()
`,
		} {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		app := filepath.Join(dir, "app")
		s := tracertest.Run(t, python, &tracer.Config{Engine: engine, Include: []string{app}}, filepath.Join(dir, "run.py"), app)
		if s.Code != 0 {
			t.Fatalf("%s", s.Err)
		}
		var got []string
		for r := range s.Trace.All() {
			if r.Kind == wire.KindCall && r.Code.Name != "<module>" {
				rel, _ := filepath.Rel(app, r.Code.File)
				got = append(got, r.Code.Name+" "+rel)
			}
		}
		want := []string{"f mod.py", "page page.html", "packed lib.zip/zipped.py"}
		if !slices.Equal(got, want) {
			t.Errorf("calls %q, want %q", got, want)
		}
	})
}

// T39: programs that compile without end reuse addresses of code objects, and
// the table of code is bounded.
func TestCodeThatComesAndGoesIsNotMistaken(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
for i in range(3000):
    names = {}
    exec(compile("def f%d(): return %d" % (i, i), __file__ if i % 2 else "<made>", "exec"), names)
    assert names["f%d" % i]() == i
`, tracer.Config{Engine: engine})
		for r := range s.Trace.All() {
			if r.Kind != wire.KindReturn || !strings.HasPrefix(r.Code.Name, "f") {
				continue
			}
			if v := r.Value(); v == nil || "f"+v.Text != r.Code.Name {
				t.Fatalf("%s returned %+v", r.Code.Name, v)
			}
		}
		if n := len(s.Trace.Codes()); n < 1500 {
			t.Errorf("%d code objects, want those of the file", n)
		}
	})
}

// T49: a program without end keeps its trace within its bounds (T48 and T50:
// TestBoundsKeepHeadTailAndTheWayToTheCrash).
func TestTheTraceOfALongLoopKeepsWithinItsBytes(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
def f(text, n):
    return text * 2
for i in range(20000):
    f("x" * 90, i)
`, tracer.Config{Engine: engine, PerCode: 1 << 30, MaxRecords: 1 << 20, MaxBytes: 2 << 20})
		var total int64
		files, _ := filepath.Glob(filepath.Join(s.Dir, "*"))
		for _, f := range files {
			if info, err := os.Stat(f); err == nil {
				total += info.Size()
			}
		}
		if total > 5<<20 { // each file is at least 1 MiB and has room for definitions
			t.Errorf("%d bytes in %d files", total, len(files))
		}
		if f := s.Trace.Footer; f.Recorded-f.Dropped != s.Trace.Len() || f.Recorded < 40000 || f.Dropped == 0 {
			t.Errorf("footer %+v with %d records", f, s.Trace.Len())
		}
	})
}

// What the configuration leaves out is not recorded, and what it names is.
func TestTheConfigurationChoosesCalls(t *testing.T) {
	t.Parallel()
	const source = `
class Cart(object):
    def add(self, n):
        return helper(n)
    def total(self):
        return sum(n for n in [1, 2])
def helper(n):
    return [x for x in range(n)]
def _hidden(n):
    return Cart().add(n)
_hidden(2)
Cart().total()
`
	for name, row := range map[string]struct {
		config tracer.Config
		want   string
	}{
		"a function by its last part":      {tracer.Config{Functions: []string{"add"}}, "Cart.add"},
		"a function by its qualified name": {tracer.Config{Functions: []string{"Cart.total", "helper"}}, "helper Cart.total"},
		"patterns to leave out":            {tracer.Config{ExcludeFunctions: []string{"_*", "Cart.t*", "<module>"}}, "Cart.add helper"},
		"generator expressions":            {tracer.Config{Comprehensions: true, Functions: []string{"*<genexpr>"}}, "<genexpr>"},
		"a module by its name":             {tracer.Config{Modules: []string{"__main__"}, Functions: []string{"helper"}}, "helper"},
		"a module that is not there":       {tracer.Config{Modules: []string{"nowhere"}}, ""},
		"counts only":                      {tracer.Config{CountsOnly: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engines(t, func(t *testing.T, python, engine string) {
				dir, file := tracertest.Program(t, source)
				config := row.config
				config.Engine = engine
				if config.Modules == nil {
					config.Include = []string{dir}
				}
				s := tracertest.Run(t, python, &config, file)
				var got []string
				for r := range s.Trace.All() {
					if r.Kind == wire.KindCall {
						got = append(got, strings.TrimPrefix(r.Code.Name, "Cart.total.<locals>.")) // from 3.11 on
					}
				}
				if g := strings.Join(got, " "); g != row.want {
					t.Errorf("calls %q, want %q", g, row.want)
				}
				if config.CountsOnly {
					for _, c := range s.Trace.Codes() {
						if c.Name == "Cart.add" && c.Calls != 1 {
							t.Errorf("%s was called %d times", c.Name, c.Calls)
						}
					}
				}
				if bytes.Contains(s.Err, []byte("Error")) {
					t.Errorf("%s", s.Err)
				}
			})
		})
	}
}

// T13: a library that puts another clock in the place of the real one, in each
// module that has it, does not change the times of a trace.
func TestAReplacedClockIsNotTheTraces(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
import sys, time
real = [time.perf_counter]
def fake():
    return -26000.0
for module in list(sys.modules.values()):
    for name, value in list(getattr(module, "__dict__", {}).items()):
        if value is real[0]:
            setattr(module, name, fake)
def numbers():
    yield 1
    yield 2
print(sum(numbers()))
`, tracer.Config{Engine: engine})
		before := int64(0)
		for r := range s.Trace.All() {
			if r.Micros < before || r.Micros > 60_000_000 {
				t.Fatalf("a %s at %d µs, after %d µs", r.Kind, r.Micros, before)
			}
			before = r.Micros
		}
	})
}

// There is a bound of functions; what is beyond it is counted.
func TestFunctionsBeyondTheBoundAreCounted(t *testing.T) {
	t.Parallel()
	tracertest.EachPython(t, []string{"3.11", "3.13"}, func(t *testing.T, p tracertest.Interpreter) {
		s := tracertest.RunSource(t, p.Path, `
space = {}
exec(compile("\n".join("def f%d():\n    pass" % i for i in range(20100)), __file__, "exec"), space)
for i in range(20100):
    space["f%d" % i]()
    space["f%d" % i]()
`, tracer.Config{MaxRecords: 1 << 20, MaxBytes: 64 << 20})
		if n, codes := s.Trace.Footer.Undefined, len(s.Trace.Codes()); n+codes != 20102 || n < 100 {
			t.Errorf("%d functions, %d beyond the bound", codes, n)
		}
	})
}
