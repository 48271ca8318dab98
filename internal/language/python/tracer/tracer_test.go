package tracer_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/findings"
	"github.com/repaird/repaird/internal/trace/wire"
)

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
	for _, python := range tracertest.Pythons(t) {
		t.Run(python, func(t *testing.T) {
			t.Parallel()
			s := tracertest.RunSource(t, python, hostileProgram, tracer.Config{})
			var text strings.Builder
			for r := range s.Trace.All() {
				text.WriteString(r.Text() + wire.RenderVars(r.Args(), 20000, 20000, true) + "\n")
			}
			for _, want := range []string{"Hostile#", "(x=1)", "Slots#", "(a=1)", "Dict{'k': 1}", "<list again#", "…(1000000)", "…99968 more", "<masked str>", "<masked list>",
				"'tokens': [1, 2]", "{'secret': <masked str>, 'port': 1}", "(1, 2): {3}", "<function f>", "<module sys>", "<type Hostile>", "range(0, 3)", "nan"} {
				if !strings.Contains(text.String(), want) {
					t.Errorf("no %q in:\n%s", want, text.String())
				}
			}
			for _, secret := range []string{"hunter2", "s3cr3t", "user code"} {
				if files, _ := filepath.Glob(s.Dir + "/*"); grep(t, files, secret) {
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
	s := tracertest.RunSource(t, tracertest.Pythons(t)[0], `
import ast
class Own(list): pass
def f(v): pass
for v in [1, -2.5, "a'b", None, True, b"x", [], {}, (), (1,), [1, [2, {"a": (3,)}]], {1, 2}, {"k": None},
          float("nan"), set(), [float("inf")], [object()], Own([1]), "x" * 500, list(range(500)), 10**400, range(3), [set()], {"password": "x"}]:
    f(v)
`, tracer.Config{})
	var got []bool
	for r := range s.Trace.All() {
		if r.Kind == wire.KindCall && r.Code.Name == "f" {
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

func TestAKilledProcessLeavesWhatItRecorded(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"SIGKILL":  "os.kill(os.getpid(), 9)",
		"abort":    "os.abort()",
		"os._exit": "os._exit(3)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tracertest.RunSource(t, tracertest.Pythons(t)[0], "import os\ndef last(n):\n    "+end+"\ndef step(n):\n    return n\nfor i in range(500):\n    step(i)\nlast(7)\n", tracer.Config{})
			last := s.Trace.Record(s.Trace.Len())
			if last.Kind != wire.KindCall || last.Code.Name != "last" || last.Args()[0].Value.Text != "7" {
				t.Errorf("last record %+v", last)
			}
			if s.Trace.Footer.Ended || s.Trace.Processes[0].Ended {
				t.Error("the trace says that the process ended in order")
			}
			if n := strings.Count(tracertest.Kinds(s.Trace, "step"), "ret"); n != 500 {
				t.Errorf("%d returns, want 500", n)
			}
		})
	}
}

func TestForkedAndSpawnedProcessesHaveTheirOwnFiles(t *testing.T) {
	t.Parallel()
	s := tracertest.RunSource(t, tracertest.Pythons(t)[0], `
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
`, tracer.Config{})
	who := map[string]int{}
	procs := map[int]bool{}
	for r := range s.Trace.All() {
		if r.Kind == wire.KindCall && r.Code.Name == "work" {
			who[r.Args()[0].Value.Text]++
			procs[r.Process] = true
		}
	}
	if len(s.Trace.Processes) != 4 || who["'parent'"] != 2 || who["'child'"] != 2 || who["'after'"] != 2 || len(procs) != 4 {
		t.Errorf("%d processes, calls %v in %d of them; want 4, each call twice", len(s.Trace.Processes), who, len(procs))
	}
}

func TestAForkedChildNeverWritesIntoItsParentsFile(t *testing.T) {
	t.Parallel()
	for _, python := range tracertest.Pythons(t) {
		t.Run(python, func(t *testing.T) {
			t.Parallel()
			s := tracertest.RunSource(t, python, `
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
`, tracer.Config{})
			who := map[string]int{}
			for r := range s.Trace.All() {
				if r.Kind == wire.KindCall && r.Code.Name == "work" && r.Process == 0 {
					who[r.Args()[0].Value.Text]++
				}
			}
			if len(who) != 2 || who["'parent'"] != 1 || who["'after'"] != 1 || !s.Trace.Processes[0].Ended {
				t.Errorf("calls of the parent: %v, processes %+v", who, s.Trace.Processes)
			}
		})
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
			python := tracertest.Pythons(t)[0]
			outs := [2]string{}
			ours := tracertest.Dir(t)
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
			if trace, err := trace.ReadDir(dir); err != nil || !trace.Traced() {
				t.Errorf("not traced: %v", err)
			}
		})
	}
}

func TestAFaultOfTheTracerDoesNotFailTheProgram(t *testing.T) {
	t.Parallel()
	dir, file := tracertest.Program(t, "def f(n):\n    return n\nprint(sum(f(i) for i in range(1000)))\n")
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
			cmd := exec.Command(tracertest.Pythons(t)[0], file)
			cmd.Env = append(os.Environ(), "PYTHONPATH="+tracertest.Dir(t), "PYTHONDONTWRITEBYTECODE=1", "REPAIRD_TRACE_CONFIG="+config)
			out, err := cmd.CombinedOutput()
			if err != nil || string(out) != "499500\n" {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	t.Run("a file size limit", func(t *testing.T) {
		t.Parallel()
		cmd := exec.Command("/bin/sh", "-c", "ulimit -f 1200; exec "+tracertest.Pythons(t)[0]+" "+file)
		cmd.Env = append(os.Environ(), "PYTHONPATH="+tracertest.Dir(t), "PYTHONDONTWRITEBYTECODE=1", `REPAIRD_TRACE_CONFIG={"include":["`+dir+`"],"out":"`+full+`"}`)
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != "499500\n" {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func TestARunnerThatIgnoresTheEnvironmentStartsAndStops(t *testing.T) {
	t.Parallel()
	dir, file := tracertest.Program(t, "def f(n):\n    if n == 3:\n        raise ValueError(n)\n    return n\n")
	out, tracer := t.TempDir(), tracertest.Dir(t)
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
	cmd := exec.Command(tracertest.Pythons(t)[0], "-I", "-B", "-c", script)
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	trace, err := trace.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	if k := tracertest.Kinds(trace, "f"); k != "call ret call raise unwind call ret call raise unwind" {
		t.Errorf("records of f: %q; program %s", k, file)
	}
	marks := card.Select(trace, card.Query{Kind: wire.KindMark})
	if len(marks) != 2 || marks[1].Text() != "prog::two" || marks[0].State() != "call" {
		t.Errorf("marks %+v", marks)
	}
	if n := len(trace.Raised()); n != 2 || trace.Processes[0].Lost == "" {
		t.Errorf("%d raises; lost %q, want two and a notice", n, trace.Processes[0].Lost)
	}
}

func TestPatchedBuiltinsDoNotReachTheTracer(t *testing.T) {
	t.Parallel()
	s := tracertest.RunSource(t, tracertest.Pythons(t)[0], `
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
`, tracer.Config{})
	if n := strings.Count(tracertest.Kinds(s.Trace, "f"), "call"); n != 3 {
		t.Errorf("%d calls of f, want 3", n)
	}
}

func TestPytestGivesTheSameResultsTraced(t *testing.T) {
	t.Parallel()
	dir, err := filepath.Abs("../../../trace/card/testdata/cart")
	if err != nil {
		t.Fatal(err)
	}
	for _, python := range tracertest.Pythons(t)[:2] {
		if exec.Command(python, "-c", "import pytest").Run() != nil {
			t.Logf("%s has no pytest", python)
			continue
		}
		args := []string{"-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "-rA", "--durations=0", dir}
		bare := tracertest.Run(t, python, nil, args...)
		s := tracertest.Run(t, python, &tracer.Config{Include: []string{dir}}, args...)
		if bare.Code != 1 || s.Code != 1 || !bytes.Contains(s.Out, []byte("1 failed, 2 passed")) {
			t.Errorf("%s: exit %d traced, %d untraced: %s", python, s.Code, bare.Code, s.Out)
		}
		if f := findings.Find(s.Trace); len(f) == 0 || f[0].Kind != "shared" {
			t.Errorf("%s: findings %+v", python, f)
		}
	}
}
