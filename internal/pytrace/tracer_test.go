package pytrace

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const exceptionsProgram = `
import contextlib

def fails(n):
    raise ValueError("no %d" % n)

def handled():
    x = 1
    try:
        fails(1)
    except KeyError:
        x = 2
    except (TypeError, ValueError):
        x = 3
    return x

def returned_from_handler():
    try:
        fails(2)
    except ValueError:
        return "default"

def reraised():
    try:
        fails(3)
    except ValueError:
        raise

def replaced():
    try:
        fails(4)
    except ValueError as e:
        raise RuntimeError("wrapped") from e

def finally_returns():
    try:
        fails(5)
    finally:
        return "swallowed"

def finally_passes():
    try:
        fails(6)
    finally:
        x = 1

def suppressed():
    with contextlib.suppress(ValueError):
        fails(7)
    return "after"

def looped():
    n = 0
    for i in range(3):
        try:
            fails(i)
        except ValueError:
            n += 1
    return n

class Lazy:
    @property
    def size(self):
        raise AttributeError("size")

def asks():
    return hasattr(Lazy(), "size")

def library():
    try:
        return int("x")
    except ValueError:
        return None

def catch(f):
    try:
        f()
    except Exception:
        pass

handled(); returned_from_handler(); catch(reraised); catch(replaced); finally_returns()
catch(finally_passes); suppressed(); looped(); asks(); library()
`

// The handler lines are those of exceptionsProgram, whose first line is "import".
var exceptionsWant = []string{
	"ValueError: no 1 in fails swallowed by handled:12 continue → 3",
	"ValueError: no 2 in fails swallowed by returned_from_handler:19 return → 'default'",
	"ValueError: no 3 in fails swallowed by catch:77 return → None",
	"RuntimeError: wrapped in replaced swallowed by catch:77 return → None",
	"ValueError: no 5 in fails swallowed by finally_returns:38 return → 'swallowed'",
	"ValueError: no 6 in fails swallowed by catch:77 return → None",
	"ValueError: no 7 in fails swallowed by suppressed:47 continue → 'after'",
	"ValueError: no 0 in fails swallowed by looped:56 continue → 3",
	"ValueError: no 1 in fails swallowed by looped:56 continue → 3",
	"ValueError: no 2 in fails swallowed by looped:56 continue → 3",
	"AttributeError: size in Lazy.size swallowed by asks:0 outside → False",
	"ValueError: invalid literal for int() with base 10: 'x' in library swallowed by library:71 return → None",
}

func TestEveryPythonSaysWhereExceptionsAreSwallowed(t *testing.T) {
	t.Parallel()
	for _, python := range pythons(t) {
		t.Run(python, func(t *testing.T) {
			t.Parallel()
			s := runSource(t, python, exceptionsProgram, Config{})
			var got []string
			for _, w := range s.trace.Swallowed() {
				got = append(got, fmt.Sprintf("%s: %s in %s swallowed by %s:%d %s → %s", w.Type, w.Message, w.Name, w.HandlerName, w.Handler, w.Outcome, w.Returned))
			}
			if g, w := strings.Join(got, "\n"), strings.Join(exceptionsWant, "\n"); g != w {
				t.Errorf("swallowed:\n%s\nwant:\n%s", g, w)
			}
			if k := kinds(s.trace, "reraised"); k != "call pass unwind" {
				t.Errorf("reraised: records %q", k)
			}
			if k := kinds(s.trace, "replaced"); k != "call pass raise unwind" {
				t.Errorf("replaced: records %q", k)
			}
		})
	}
}

const suspendProgram = `
import asyncio

def numbers(n):
    for i in range(n):
        got = yield i

def outer():
    result = yield from inner()
    yield result

def inner():
    yield "a"
    return "b"

def guarded():
    try:
        yield 1
    except KeyError:
        yield 2
    finally:
        cleanup()

def cleanup():
    pass

async def child(n):
    await asyncio.sleep(0)
    return n

async def parent():
    return await asyncio.gather(child(1), child(2))

def main():
    list(numbers(2))
    list(outer())
    g = guarded(); next(g); g.throw(KeyError); g.close()
    g = guarded(); next(g); g.close()
    unfinished = numbers(5); next(unfinished)
    loop = asyncio.new_event_loop()
    print(loop.run_until_complete(parent()))
    loop.close()
    print([x for x in (y for y in range(3))])

main()
`

func TestSuspendingIsNotReturning(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"numbers": "call yield resume yield resume ret call yield",
		"inner":   "call yield resume ret",
		"outer":   "call yield resume yield resume ret",
		"guarded": "call yield resume raise yield resume handled unwind call yield resume unwind",
		"child":   "call yield call yield resume ret resume ret",
		"parent":  "call yield resume ret",
	}
	for _, python := range pythons(t) {
		t.Run(python, func(t *testing.T) {
			t.Parallel()
			s := runSource(t, python, suspendProgram, Config{})
			for name, w := range want {
				if g := kinds(s.trace, name); g != w && !(name == "numbers" && strings.HasPrefix(g, w)) {
					t.Errorf("%s: records %q, want %q", name, g, w)
				}
			}
			for r := range s.trace.All() {
				if r.Kind != KindCall || r.Code.Name != "cleanup" {
					continue
				}
				if p := s.trace.Call(r.Parent); p.ID() == 0 || p.Code().Name != "guarded" {
					t.Errorf("cleanup was called by %+v, want guarded", p)
				}
			}
			if n := len(s.trace.Swallowed()); n != 1 {
				t.Errorf("%d swallowed exceptions, want 1, the KeyError: %+v", n, s.trace.Swallowed())
			}
		})
	}
}

const hostileProgram = `
import sys

class Hostile(object):
    def __init__(self):
        self.x = 1
    def _no(self, *args):
        sys.stdout.write("user code was run\n")
        raise BaseException("user code was run")
    __repr__ = __str__ = __eq__ = __len__ = __hash__ = __iter__ = __bool__ = __getattr__ = _no
    __class__ = property(_no)

class Meta(type):
    def __instancecheck__(self, other):
        sys.stdout.write("user code was run\n")
        raise BaseException("user code was run")
    __repr__ = __hash__ = __eq__ = __subclasscheck__ = __instancecheck__

M = Meta("M", (), {"method": lambda self: None})

class Slots(object):
    __slots__ = ("a", "b")
    def __init__(self):
        self.a = 1

class Dict(dict):
    def items(self):
        sys.stdout.write("user code was run\n")
    __iter__ = __len__ = keys = items

class Error(Exception):
    def __str__(self):
        sys.stdout.write("user code was run\n")
        return "x"

class Props(object):
    @property
    def __dict__(self):
        sys.stdout.write("user code was run\n")
        return {}

def f(*values, **named):
    return values

def boom(e):
    raise e

cycle = []
cycle.append(cycle)
deep = []
for i in range(3000):
    deep = [deep]
d = Dict(); dict.__setitem__(d, "k", 1)
f(Hostile(), M(), M, Slots(), d, Props(), cycle, deep)
f("x" * 1000000, list(range(100000)), 10 ** 5000, {i: i for i in range(10000)}, float("nan"), float("inf"), b"y" * 1000, bytearray(b"z" * 1000))
f("\ud800 \x00 \n \u2028", {"\udcff": 1}, {(1, 2): {3}}, set(), frozenset([1]), range(3), Ellipsis, f, sys, len, Hostile, lambda: 1)
f(password="hunter2", api_key=["a", "b"], tokens=[1, 2], config={"secret": "s3cr3t", "port": 1})
try:
    boom(Error("m", Hostile()))
except Error:
    pass
`

func TestValuesRunNoCodeOfTheProgram(t *testing.T) {
	t.Parallel()
	for _, python := range pythons(t) {
		t.Run(python, func(t *testing.T) {
			t.Parallel()
			s := runSource(t, python, hostileProgram, Config{})
			var text strings.Builder
			for r := range s.trace.All() {
				text.WriteString(r.Text() + renderVars(r.Args(), 20000, 20000, true) + "\n")
			}
			for _, want := range []string{"Hostile#", "(x=1)", "Slots#", "(a=1)", "Dict{'k': 1}", "<list again#", "…(1000000)", "…99968 more", "<masked str>", "<masked list>",
				"'tokens': [1, 2]", "{'secret': <masked str>, 'port': 1}", "(1, 2): {3}", "<function f>", "<module sys>", "<type Hostile>", "range(0, 3)", "nan"} {
				if !strings.Contains(text.String(), want) {
					t.Errorf("no %q in:\n%s", want, text.String())
				}
			}
			for _, secret := range []string{"hunter2", "s3cr3t", "user code"} {
				if files, _ := filepath.Glob(s.dir + "/*"); grep(t, files, secret) {
					t.Errorf("%q is in the trace", secret)
				}
			}
		})
	}
}

func grep(t *testing.T, files []string, text string) bool {
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

func TestLiteralsAreMarkedOnlyWhereTheyCanBeRebuilt(t *testing.T) {
	t.Parallel()
	s := runSource(t, pythons(t)[0], `
import ast
class Own(list): pass
def f(v): pass
for v in [1, -2.5, "a'b", None, True, b"x", [], {}, (), (1,), [1, [2, {"a": (3,)}]], {1, 2}, {"k": None},
          float("nan"), set(), [float("inf")], [object()], Own([1]), "x" * 500, list(range(500)), 10**400, range(3), [set()], {"password": "x"}]:
    f(v)
`, Config{})
	var got []bool
	for r := range s.trace.All() {
		if r.Kind == KindCall && r.Code.Name == "f" {
			got = append(got, r.Args()[0].Value.Literal)
		}
	}
	for i, lit := range got {
		if want := i < 13; lit != want {
			t.Errorf("value %d: literal %v, want %v", i, lit, want)
		}
	}
	if len(got) != 24 {
		t.Errorf("%d calls, want 24", len(got))
	}
}

func TestRecursionToTheLimitKeepsTheWayToTheCrash(t *testing.T) {
	t.Parallel()
	for _, python := range pythons(t) {
		t.Run(python, func(t *testing.T) {
			t.Parallel()
			dir, file := program(t, `
def merge(a, b):
    return a + b
def mergesort(arr):
    if len(arr) == 0:
        return arr
    middle = len(arr) // 2
    left = mergesort(arr[:middle])
    right = mergesort(arr[middle:])
    return merge(left, right)
mergesort([3, 1, 2])
`)
			bare := run(t, python, nil, file)
			s := run(t, python, &Config{Include: []string{dir}}, file)
			if s.code != bare.code || !bytes.Contains(s.err, []byte("RecursionError")) {
				t.Fatalf("exit %d, %s", s.code, s.err)
			}
			path, raise := s.trace.crash()
			if raise.Type() != "RecursionError" || len(path) < 10 {
				t.Fatalf("crash %+v on a path of %d calls; processes %+v", raise, len(path), s.trace.Processes)
			}
			f := s.trace.Findings()
			if len(f) == 0 || f[0].Kind != "recursion" || f[0].Name != "mergesort" || !strings.Contains(f[0].Text, "without progress") {
				t.Errorf("first finding: %+v, want recursion without progress", f)
			}
			if card := Diagnose(s.trace, CardOptions{Tokens: 800}); card.Tokens > 800 || !strings.Contains(card.Text, "mergesort") {
				t.Errorf("card of %d tokens:\n%s", card.Tokens, card.Text)
			}
		})
	}
}

func TestDeepRecursionIsCountedAndItsCrashIsBackfilled(t *testing.T) {
	t.Parallel()
	s := runSource(t, pythons(t)[0], `
def down(n):
    if n == 0:
        raise KeyError("bottom")
    return down(n - 1)
try:
    down(800)
except KeyError:
    print("caught")
`, Config{MaxDepth: 50})
	raised := s.trace.Raised()
	if len(raised) != 1 || raised[0].Type != "KeyError" || raised[0].Name != "down" || raised[0].Line != 3 {
		t.Fatalf("raised %+v", raised)
	}
	c := s.trace.Call(raised[0].Call).Start()
	if !c.Late || c.Args()[0].Value.Text != "0" {
		t.Errorf("the call that raised is not backfilled with n=0: %+v", c)
	}
	if s.trace.Footer.Uncalled != 801-49 {
		t.Errorf("%d calls only counted, want %d", s.trace.Footer.Uncalled, 801-49)
	}
	if w := s.trace.Swallowed(); len(w) != 1 || w[0].HandlerName != "<module>" {
		t.Errorf("swallowed %+v", w)
	}
	if n := len(s.trace.Call(raised[0].Call).path()); n < 40 {
		t.Errorf("path of %d calls", n)
	}
}

func TestThreadsHaveTheirOwnTrees(t *testing.T) {
	t.Parallel()
	s := runSource(t, pythons(t)[0], `
import threading
def work(n):
    return step(n)
def step(n):
    return n * 2
threads = [threading.Thread(target=work, args=(i,), name="w%d" % i) for i in range(4)]
for t in threads: t.start()
for t in threads: t.join()
`, Config{})
	seen := map[int]bool{}
	for r := range s.trace.All() {
		if r.Kind != KindCall || r.Code.Name != "step" {
			continue
		}
		seen[r.Thread] = true
		p := s.trace.Call(r.Parent)
		if p.ID() == 0 || p.Code().Name != "work" || p.Start().Args()[0].Value.Text != r.Args()[0].Value.Text {
			t.Errorf("step(%s) under %+v", r.Args()[0].Value.Text, p)
		}
	}
	if len(seen) != 4 || seen[0] {
		t.Errorf("threads %v, want four, none the main one", seen)
	}
	if n := len(s.trace.Processes[0].Threads); n != 5 {
		t.Errorf("%d threads named, want 5", n)
	}
}

func TestBoundsKeepHeadTailAndTheWayToTheCrash(t *testing.T) {
	t.Parallel()
	s := runSource(t, pythons(t)[0], `
def leaf(i):
    return i
def other(i):
    return i
def outer(name):
    for i in range(3000):
        leaf(i)
        other(i)
    crash(name)
def crash(name):
    return {}[name]
outer("key")
`, Config{MaxRecords: 400, PerCode: 100000})
	if n := s.trace.Len(); n > 400 || n < 300 {
		t.Errorf("%d records, want 300 to 400", n)
	}
	if f := s.trace.Footer; f.Recorded-f.Dropped != s.trace.Len() || f.Dropped < 11000 || !f.Ended {
		t.Errorf("footer %+v with %d records", f, s.trace.Len())
	}
	path, raise := s.trace.crash()
	if raise.ID == 0 || len(path) != 3 || path[1].Code().Name != "outer" {
		t.Errorf("crash %+v, path %d", raise, len(path))
	}
	for _, c := range s.trace.Codes() {
		if c.Name == "leaf" && c.Calls != 3000 {
			t.Errorf("leaf was called %d times, want 3000", c.Calls)
		}
	}
}

func TestAHotFunctionIsCountedAndTheRareCallKept(t *testing.T) {
	t.Parallel()
	s := runSource(t, pythons(t)[0], `
def hot(i):
    return i
def rare():
    return "seen"
for i in range(5000):
    hot(i)
rare()
`, Config{PerCode: 100})
	if n := strings.Count(kinds(s.trace, "hot"), "call"); n != 100 {
		t.Errorf("%d calls of hot recorded, want 100", n)
	}
	if kinds(s.trace, "rare") != "call ret" || s.trace.Footer.Uncalled != 4900 {
		t.Errorf("rare: %q, counted %d", kinds(s.trace, "rare"), s.trace.Footer.Uncalled)
	}
}

func TestLinesAreCompleteWhereCallsAreNot(t *testing.T) {
	t.Parallel()
	for _, python := range pythons(t) {
		t.Run(python, func(t *testing.T) {
			t.Parallel()
			s := runSource(t, python, `
def hot(i):
    if i == 4000:
        x = 1
    elif i > 9000:
        y = 2
    return [k
            for k in range(2)]
class A:
    b = 1
    def never(self):
        return 3
def deep(n):
    if n == 0:
        z = 5
        return z
    return deep(n - 1)
for i in range(5000):
    hot(i)
deep(300)
`, Config{Lines: true, PerCode: 10, MaxRecords: 100, MaxDepth: 20})
			for file, ran := range s.trace.Executed() {
				for _, line := range []int{2, 3, 4, 6, 9, 13, 14, 15, 16, 17, 18} {
					if !ran[line] {
						t.Errorf("line %d of %s ran but is not in %v", line, file, ran)
					}
				}
				for _, line := range []int{5, 11, 19} {
					if ran[line] != (line == 19) {
						t.Errorf("line %d: executed %v", line, ran[line])
					}
				}
				can := s.trace.Executable()[file]
				if !can[5] || !can[11] || can[21] {
					t.Errorf("executable %v: want lines 5 and 11, not 21", can)
				}
			}
			if len(s.trace.Executed()) != 1 {
				t.Errorf("executed %v", s.trace.Executed())
			}
		})
	}
}

func TestAKilledProcessLeavesWhatItRecorded(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"SIGKILL":  "os.kill(os.getpid(), 9)",
		"abort":    "os.abort()",
		"os._exit": "os._exit(3)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := runSource(t, pythons(t)[0], "import os\ndef last(n):\n    "+end+"\ndef step(n):\n    return n\nfor i in range(500):\n    step(i)\nlast(7)\n", Config{})
			last := s.trace.Record(s.trace.Len())
			if last.Kind != KindCall || last.Code.Name != "last" || last.Args()[0].Value.Text != "7" {
				t.Errorf("last record %+v", last)
			}
			if s.trace.Footer.Ended || s.trace.Processes[0].Ended {
				t.Error("the trace says that the process ended in order")
			}
			if n := strings.Count(kinds(s.trace, "step"), "ret"); n != 500 {
				t.Errorf("%d returns, want 500", n)
			}
		})
	}
}

func TestForkedAndSpawnedProcessesHaveTheirOwnFiles(t *testing.T) {
	t.Parallel()
	s := runSource(t, pythons(t)[0], `
import os, subprocess, sys
def work(who):
    return who
work("parent")
pid = os.fork()
if pid == 0:
    work("child")
    os._exit(0)
os.waitpid(pid, 0)
work("after")
if len(sys.argv) < 2:
    subprocess.check_call([sys.executable, __file__, "again"])
`, Config{})
	who := map[string]int{}
	procs := map[int]bool{}
	for r := range s.trace.All() {
		if r.Kind == KindCall && r.Code.Name == "work" {
			who[r.Args()[0].Value.Text]++
			procs[r.Process] = true
		}
	}
	if len(s.trace.Processes) != 4 || who["'parent'"] != 2 || who["'child'"] != 2 || who["'after'"] != 2 || len(procs) != 4 {
		t.Errorf("%d processes, calls %v in %d of them; want 4, each call twice", len(s.trace.Processes), who, len(procs))
	}
}

func TestAForkedChildNeverWritesIntoItsParentsFile(t *testing.T) {
	t.Parallel()
	for _, python := range pythons(t) {
		t.Run(python, func(t *testing.T) {
			t.Parallel()
			s := runSource(t, python, `
import os, sys
def work(who):
    return who
work("parent")
pid = os.fork()
if pid == 0:
    for i in range(100):
        work("child")
    sys.exit(0)
os.waitpid(pid, 0)
work("after")
`, Config{})
			who := map[string]int{}
			for r := range s.trace.All() {
				if r.Kind == KindCall && r.Code.Name == "work" && r.Process == 0 {
					who[r.Args()[0].Value.Text]++
				}
			}
			if len(who) != 2 || who["'parent'"] != 1 || who["'after'"] != 1 || !s.trace.Processes[0].Ended {
				t.Errorf("calls of the parent: %v, processes %+v", who, s.trace.Processes)
			}
		})
	}
}

func TestScopeIsByRealPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const same = "def f():\n    return 1\n"
	write("tree/app.py", same)
	write("tree/vendor/third.py", same)
	write("tree/venv/lib/site-packages/pkg.py", same)
	write("outside/lib.py", same+"def back(g):\n    return g()\n")
	write("run.py", "import sys\nfor d in sys.argv[1:]: sys.path.insert(0, d)\nimport app, third, pkg, lib\napp.f(); third.f(); pkg.f(); lib.f(); lib.back(app.f)\n")
	if err := os.Symlink(filepath.Join(dir, "tree"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	s := run(t, pythons(t)[0], &Config{Include: []string{link}, Exclude: []string{filepath.Join(dir, "tree/vendor")}},
		filepath.Join(dir, "run.py"), link, link+"/vendor", link+"/venv/lib/site-packages", filepath.Join(dir, "outside"))
	if s.code != 0 {
		t.Fatalf("%s", s.err)
	}
	calls := map[string]int{}
	for r := range s.trace.All() {
		if r.Kind == KindCall && r.Code.Name == "f" {
			calls[filepath.Base(r.Code.File)]++
		}
	}
	if len(calls) != 1 || calls["app.py"] != 2 {
		t.Errorf("calls by file %v, want app.py twice, called back by the library included", calls)
	}
}

func TestAShadowedSitecustomizeRunsOnce(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"present": "print('theirs')\n", "raising": "print('theirs')\nraise RuntimeError('broken')\n", "absent": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			theirs, dir := t.TempDir(), t.TempDir()
			if body != "" {
				if err := os.WriteFile(filepath.Join(theirs, "sitecustomize.py"), []byte(body), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			show := "import sys; m = sys.modules.get('sitecustomize'); print(sys.path); print(getattr(m, '__file__', None))"
			python := pythons(t)[0]
			outs := [2]string{}
			ours := tracerDir(t)
			for i, path := range []string{theirs, ours + ":" + theirs} {
				cmd := exec.Command(python, "-c", show)
				cmd.Env = append(os.Environ(), "PYTHONPATH="+path, "PYTHONDONTWRITEBYTECODE=1", `REPAIRD_TRACE_CONFIG={"include":["/nowhere"],"out":"`+dir+`"}`)
				out, _ := cmd.CombinedOutput()
				outs[i] = string(out)
			}
			if body == "" { // without one of theirs ours stays, for the import system wants it
				outs[1] = strings.Replace(outs[1], filepath.Join(ours, "sitecustomize.py"), "None", 1)
			}
			if outs[0] != outs[1] {
				t.Errorf("traced:\n%s\nuntraced:\n%s", outs[1], outs[0])
			}
			if trace, err := ReadDir(dir); err != nil || !trace.Traced() {
				t.Errorf("not traced: %v", err)
			}
		})
	}
}

func TestAFaultOfTheTracerDoesNotFailTheProgram(t *testing.T) {
	t.Parallel()
	dir, file := program(t, "def f(n):\n    return n\nprint(sum(f(i) for i in range(1000)))\n")
	full := filepath.Join(dir, "full")
	if err := os.Mkdir(full, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]string{
		"no JSON":             "{nonsense",
		"not a configuration": "[]",
		"a path that is not":  "/no/such/file",
		"no directory":        `{"include":["` + dir + `"],"out":"/no/such/directory"}`,
		"a wrong type":        `{"include":7,"out":"` + dir + `","max_records":"many"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(pythons(t)[0], file)
			cmd.Env = append(os.Environ(), "PYTHONPATH="+tracerDir(t), "PYTHONDONTWRITEBYTECODE=1", "REPAIRD_TRACE_CONFIG="+config)
			out, err := cmd.CombinedOutput()
			if err != nil || string(out) != "499500\n" {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	t.Run("a file size limit", func(t *testing.T) {
		t.Parallel()
		cmd := exec.Command("/bin/sh", "-c", "ulimit -f 1200; exec "+pythons(t)[0]+" "+file)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+tracerDir(t), "PYTHONDONTWRITEBYTECODE=1", `REPAIRD_TRACE_CONFIG={"include":["`+dir+`"],"out":"`+full+`"}`)
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != "499500\n" {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func TestASignalHandlersExceptionReachesTheProgram(t *testing.T) {
	t.Parallel()
	// The alarm nearly always strikes inside the tracer; the program must see it.
	dir, file := program(t, `
import signal
class TimeUp(Exception): pass
def ring(*args):
    raise TimeUp()
signal.signal(signal.SIGALRM, ring)
def f(x):
    return x
def spin():
    while True:
        f([1, {"a": [2, 3]}])
for i in range(20):
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    try:
        spin()
    except TimeUp:
        pass
print("done")
`)
	s := session{}
	cmd := exec.Command(pythons(t)[0], file)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+tracerDir(t), "PYTHONDONTWRITEBYTECODE=1", `REPAIRD_TRACE_CONFIG={"include":["`+dir+`"],"out":"`+t.TempDir()+`"}`)
	s.out, _ = cmd.CombinedOutput()
	if string(s.out) != "done\n" {
		t.Errorf("%s", s.out)
	}
}

func TestARunnerThatIgnoresTheEnvironmentStartsAndStops(t *testing.T) {
	t.Parallel()
	dir, file := program(t, "def f(n):\n    if n == 3:\n        raise ValueError(n)\n    return n\n")
	out, tracer := t.TempDir(), tracerDir(t)
	script := fmt.Sprintf(`
import sys
sys.path.insert(0, %q)
import repaird_tracer
sys.path.remove(%q)
assert repaird_tracer.start({"include": [%q], "out": %q, "max_records": 1000})
assert not repaird_tracer.start({})
sys.path.insert(0, %q)
import prog
repaird_tracer.mark("prog::one", "call")
prog.f(1)
try:
    prog.f(3)
except ValueError as e:
    repaird_tracer.failure(e)
sys.settrace(None)
repaird_tracer.mark("prog::two", "call")
prog.f(2)
sys.settrace(None)
try:
    prog.f(3)
except ValueError as e:
    repaird_tracer.failure(e)
repaird_tracer.stop()
repaird_tracer.stop()
prog.f(4)
`, tracer, tracer, dir, out, dir)
	cmd := exec.Command(pythons(t)[0], "-I", "-B", "-c", script)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	trace, err := ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	if k := kinds(trace, "f"); k != "call ret call raise unwind call ret call raise unwind" {
		t.Errorf("records of f: %q; program %s", k, file)
	}
	marks := trace.Query(Query{Kind: KindMark})
	if len(marks) != 2 || marks[1].Text() != "prog::two" || marks[0].State() != "call" {
		t.Errorf("marks %+v", marks)
	}
	if n := len(trace.Raised()); n != 2 || trace.Processes[0].Lost == "" {
		t.Errorf("%d raises; lost %q, want two and a notice", n, trace.Processes[0].Lost)
	}
}

func TestPatchedBuiltinsDoNotReachTheTracer(t *testing.T) {
	t.Parallel()
	s := runSource(t, pythons(t)[0], `
import builtins, os, time
from unittest import mock
def f(v):
    return v
def no(*a, **k):
    raise AssertionError("the tracer used a patched function")
names = ["len", "repr", "id", "sorted", "min", "max", "hasattr"]
with mock.patch("os.open", no), mock.patch("os.getpid", no), mock.patch("os.readlink", no), mock.patch("time.perf_counter_ns", no):
    saved = {n: getattr(builtins, n) for n in names}
    for n in names: setattr(builtins, n, no)
    try:
        f([1, {"a": (2,)}])
        f(mock)
    finally:
        for n in names: setattr(builtins, n, saved[n])
m = mock.MagicMock()
f(m)
print(m.mock_calls, sorted(m._mock_children))
`, Config{})
	if n := strings.Count(kinds(s.trace, "f"), "call"); n != 3 {
		t.Errorf("%d calls of f, want 3", n)
	}
}

func TestPytestGivesTheSameResultsTraced(t *testing.T) {
	t.Parallel()
	dir, err := filepath.Abs("testdata/cart")
	if err != nil {
		t.Fatal(err)
	}
	for _, python := range pythons(t)[:2] {
		if exec.Command(python, "-c", "import pytest").Run() != nil {
			t.Logf("%s has no pytest", python)
			continue
		}
		args := []string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "-rA", "--durations=0", dir}
		bare := run(t, python, nil, args...)
		s := run(t, python, &Config{Include: []string{dir}}, args...)
		if bare.code != 1 || s.code != 1 || !bytes.Contains(s.out, []byte("1 failed, 2 passed")) {
			t.Errorf("%s: exit %d traced, %d untraced: %s", python, s.code, bare.code, s.out)
		}
		if f := s.trace.Findings(); len(f) == 0 || f[0].Kind != "shared" {
			t.Errorf("%s: findings %+v", python, f)
		}
	}
}
