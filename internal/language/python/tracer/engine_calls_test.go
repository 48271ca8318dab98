package tracer_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/wire"
)

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
	everyEngine(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, suspendProgram, tracer.Config{Engine: engine})
		for name, w := range want {
			if g := tracertest.Kinds(s.Trace, name); g != w && !(name == "numbers" && strings.HasPrefix(g, w)) {
				t.Errorf("%s: records %q, want %q", name, g, w)
			}
		}
		for r := range s.Trace.All() {
			if r.Kind != wire.KindCall || r.Code.Name != "cleanup" {
				continue
			}
			if p := s.Trace.Call(r.Parent); p.ID() == 0 || p.Code().Name != "guarded" {
				t.Errorf("cleanup was called by %+v, want guarded", p)
			}
		}
		if n := len(s.Trace.Swallowed()); n != 1 {
			t.Errorf("%d swallowed exceptions, want 1, the KeyError: %+v", n, s.Trace.Swallowed())
		}
	})
}

func TestThreadsHaveTheirOwnTrees(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
import threading
def work(n):
    return step(n)
def step(n):
    return n * 2
threads = [threading.Thread(target=work, args=(i,), name="w%d" % i) for i in range(4)]
for t in threads: t.start()
for t in threads: t.join()
`, tracer.Config{Engine: engine})
		seen := map[int]bool{}
		for r := range s.Trace.All() {
			if r.Kind != wire.KindCall || r.Code.Name != "step" {
				continue
			}
			seen[r.Thread] = true
			p := s.Trace.Call(r.Parent)
			if p.ID() == 0 || p.Code().Name != "work" || p.Start().Args()[0].Value.Text != r.Args()[0].Value.Text {
				t.Errorf("step(%s) under %+v", r.Args()[0].Value.Text, p)
			}
		}
		if len(seen) != 4 || seen[0] {
			t.Errorf("threads %v, want four, none the main one", seen)
		}
		if n := len(s.Trace.Processes[0].Threads); n != 5 {
			t.Errorf("%d threads named, want 5", n)
		}
	})
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
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.Run(t, python, &tracer.Config{Engine: engine, Include: []string{link}, Exclude: []string{filepath.Join(dir, "tree/vendor")}},
			filepath.Join(dir, "run.py"), link, link+"/vendor", link+"/venv/lib/site-packages", filepath.Join(dir, "outside"))
		if s.Code != 0 {
			t.Fatalf("%s", s.Err)
		}
		calls := map[string]int{}
		for r := range s.Trace.All() {
			if r.Kind == wire.KindCall && r.Code.Name == "f" {
				calls[filepath.Base(r.Code.File)]++
			}
		}
		if len(calls) != 1 || calls["app.py"] != 2 {
			t.Errorf("calls by file %v, want app.py twice, called back by the library included", calls)
		}
	})
}

func TestLinesAreCompleteWhereCallsAreNot(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
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
`, tracer.Config{Engine: engine, Lines: true, PerCode: 10, MaxRecords: 100, MaxDepth: 20})
		for file, ran := range s.Trace.Executed() {
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
			can := s.Trace.Executable()[file]
			if !can[5] || !can[11] || can[21] {
				t.Errorf("executable %v: want lines 5 and 11, not 21", can)
			}
		}
		if len(s.Trace.Executed()) != 1 {
			t.Errorf("executed %v", s.Trace.Executed())
		}
	})
}
