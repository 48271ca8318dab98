package tracer_test

import (
	"encoding/json"
	"fmt"
	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/findings"
	"github.com/repaird/repaird/internal/trace/wire"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The corpus of testdata/handlers: programs in which exceptions meet handlers
// that the compiler made. Its judges are an oracle that follows lines, and what
// the programs count themselves.
var handlerPrograms = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "handlers")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("python3", "testdata/handlers/generate.py", dir).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return dir, err
})

// An account of the corpus says of each program what became of its exceptions,
// and how often its functions were called.
type account struct {
	Stories map[string][]string       `json:"stories"`
	Calls   map[string]map[string]int `json:"calls"`
	Taken   map[string][]string       `json:"taken"`
}

func readAccount(t *testing.T, file string) account {
	t.Helper()
	var a account
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, lines := range a.Stories {
		slices.Sort(lines)
	}
	for _, lines := range a.Taken {
		slices.Sort(lines)
	}
	return a
}

// judged returns what the judges say of the corpus on a Python. They must agree.
func judged(t *testing.T, python, programs string) account {
	t.Helper()
	result := filepath.Join(t.TempDir(), "result.json")
	if s := tracertest.Run(t, python, nil, "-W", "ignore", "testdata/handlers/oracle.py", programs, result); s.Code != 0 {
		t.Fatalf("exit %d: %s", s.Code, s.Err)
	}
	a := readAccount(t, result)
	for name, stories := range a.Stories {
		if taken := takenOf(stories); !slices.Equal(taken, a.Taken[name]) {
			t.Errorf("%s: the judges differ: by lines %q, by the program itself %q", name, taken, a.Taken[name])
		}
	}
	return a
}

// takenOf leaves of stories what was taken, and where.
func takenOf(stories []string) []string {
	out := []string{}
	for _, s := range stories {
		label, way, _ := strings.Cut(s, ": ")
		for step := range strings.SplitSeq(way, ", ") {
			if strings.HasPrefix(step, "taken in") {
				out = append(out, label+" "+step)
			}
		}
	}
	slices.Sort(out)
	return out
}

// recorded runs the corpus under the tracer, whose files are in a folder, and
// returns what the trace says of it.
func recorded(t *testing.T, python, programs, tracerDir, engine string) account {
	t.Helper()
	out := t.TempDir()
	config, err := json.Marshal(tracer.Config{Engine: engine, Include: []string{programs}, Out: out, MaxRecords: 1 << 22, MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	result := filepath.Join(t.TempDir(), "result.json")
	cmd := exec.Command(python, "-W", "ignore", "testdata/handlers/run.py", programs, result)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+tracerDir, "PYTHONDONTWRITEBYTECODE=1", "REPAIRD_TRACE_CONFIG="+string(config))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	read, err := trace.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	if f := read.Footer; !f.Ended || f.Faults > 0 || f.Skipped > 0 || f.Dropped > 0 {
		t.Errorf("footer %+v", f)
	}
	return accountOf(read)
}

func accountOf(read *trace.Trace) account {
	a := account{Stories: map[string][]string{}, Calls: map[string]map[string]int{}}
	program := func(c *trace.Code) string { return strings.TrimSuffix(filepath.Base(c.File), ".py") }
	bare := func(c *trace.Code) string { return c.Name[strings.LastIndex(c.Name, ".")+1:] }
	type exception struct{ program, label, way string }
	excs := map[int64]*exception{}
	for r := range read.All() {
		if r.Code == nil {
			continue
		}
		switch r.Kind {
		case wire.KindCall:
			calls := a.Calls[program(r.Code)]
			if calls == nil {
				calls = map[string]int{}
				a.Calls[program(r.Code)] = calls
			}
			calls[bare(r.Code)]++
		case wire.KindRaise:
			label := strings.TrimSpace(r.Type() + " " + r.Text())
			if strings.HasSuffix(r.Type(), "ExceptionGroup") {
				label = r.Type()
			}
			excs[r.Exc] = &exception{program(r.Code), label, "raised in " + bare(r.Code)}
		case wire.KindHandled, wire.KindUnwind:
			step := "left " + bare(r.Code)
			if r.Kind == wire.KindHandled {
				if step = fmt.Sprintf("taken in %s:%d", bare(r.Code), r.Handler()); r.Outcome() == "outside" {
					step = "taken outside in " + bare(r.Code)
				}
			} else if r.Exc == 0 && r.Type() != "" {
				continue
			}
			if excs[r.Exc] == nil {
				excs[r.Exc] = &exception{program: program(r.Code), label: "unknown", way: "came"}
			}
			excs[r.Exc].way += ", " + step
		}
	}
	for _, x := range excs {
		a.Stories[x.program] = append(a.Stories[x.program], x.label+": "+x.way)
	}
	for _, stories := range a.Stories {
		slices.Sort(stories)
	}
	for _, c := range read.Codes() {
		if n := a.Calls[program(c)][bare(c)]; n != c.Calls {
			a.Calls[program(c)][bare(c)+" by count"] = c.Calls
		}
	}
	return a
}

// objections tells of the programs of which an account is not what the judges say.
func objections(want, got account) map[string]string {
	why := map[string]string{}
	for name, stories := range want.Stories {
		switch {
		case !slices.Equal(got.Stories[name], stories):
			why[name] = fmt.Sprintf("got\n  %s\nwant\n  %s", strings.Join(got.Stories[name], "\n  "), strings.Join(stories, "\n  "))
		case !maps.Equal(got.Calls[name], want.Calls[name]):
			why[name] = fmt.Sprintf("calls %v, want %v", got.Calls[name], want.Calls[name])
		}
	}
	return why
}

// A handlerLimit is a part of the corpus in which the tracer is known not to
// tell the truth.
type handlerLimit struct {
	reason   string
	from, to int // minor versions
	programs *regexp.Regexp
}

var handlerLimits = []handlerLimit{
	{"class bodies are part of the code around them: what they handle is told without a line, or not at all", 6, 15,
		regexp.MustCompile(`__class$`)},
	{"no line begins where a with ends, so that of several the innermost is named", 6, 9,
		regexp.MustCompile(`suppress|__in__(async_)?with|async_with`)},
	{"what is raised where a cancelled task is awaited is not the exception that left the task", 8, 10,
		regexp.MustCompile(`__cancelled__`)},
	{"a return through a finally ends at an instruction that an exception may leave at", 6, 7, regexp.MustCompile(`finally_returns`)},
	{"a coroutine that is thrown into does not say what it is handling", 6, 6,
		regexp.MustCompile(`^(gather|shielded|task|wait_for)__in__in_handler`)},
}

func TestHandlersThatTheCompilerMadeAreNotTheProgramsOwn(t *testing.T) {
	t.Parallel()
	programs, err := handlerPrograms()
	if err != nil {
		t.Fatal(err)
	}
	dir := tracertest.Dir(t)
	for _, p := range tracertest.ByVersion() {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			want := judged(t, p.Path, programs)
			engines := []string{"settrace"}
			if p.AtLeast(12) {
				engines = append(engines, "monitoring")
			}
			for _, engine := range engines {
				t.Run(engine, func(t *testing.T) {
					why := objections(want, recorded(t, p.Path, programs, dir, engine))
					for _, limit := range handlerLimits {
						n := len(why)
						maps.DeleteFunc(why, func(name, _ string) bool { return limit.programs.MatchString(name) })
						if here := limit.from <= p.Minor() && p.Minor() <= limit.to; here && n == len(why) {
							t.Errorf("a known limit is gone: %s", limit.reason)
						}
					}
					for i, name := range slices.Sorted(maps.Keys(why)) {
						if i < 10 {
							t.Errorf("%s: %s", name, why[name])
						}
					}
					if len(why) > 0 {
						t.Errorf("%d of %d programs", len(why), len(want.Stories))
					}
				})
			}
		})
	}
}

// The judges must be able to object: to a recorder that takes every handler for
// one of the program.
func TestTheJudgesObjectToARecorderThatTakesAllHandlersForTheProgramsOwn(t *testing.T) {
	t.Parallel()
	all, err := handlerPrograms()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(all, "*.py"))
	if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir() // some of them will do
	for i := 0; i < len(files); i += 5 {
		if err := os.Link(files[i], filepath.Join(programs, filepath.Base(files[i]))); err != nil {
			t.Fatal(err)
		}
	}
	p := tracertest.OnePython(t, []string{"3.13", "3.14", "3.12", "3.15"})
	want := judged(t, p.Path, programs)
	for name, mutation := range map[string]string{
		"each handler is the source's":     "original = h.Handlers.__init__\ndef init(self, code):\n    original(self, code)\n    self.way = frozenset()\nh.Handlers.__init__ = init\nh.Handlers.take = lambda self, at: any(s <= at < e for s, e, _ in self.table)\n",
		"a with's end is a line as others": "original = h.Handlers.__init__\ndef init(self, code):\n    original(self, code)\n    self.pushes = frozenset()\nh.Handlers.__init__ = init\n",
		"no handler is the source's":       "h.Handlers.take = lambda self, at: False\n",
		"handlers have no blocks":          "h.within = lambda lines, header, n: False\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tracertest.Dir(t)
			file := filepath.Join(dir, "repaird_tracer", "handlers.py")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, "\n\nimport sys\nh = sys.modules[__name__]\n"+mutation...)
			if err := os.WriteFile(file, text, 0o644); err != nil {
				t.Fatal(err)
			}
			why := objections(want, recorded(t, p.Path, programs, dir, "monitoring"))
			maps.DeleteFunc(why, func(name, _ string) bool { return handlerLimits[0].programs.MatchString(name) })
			if len(why) == 0 {
				t.Error("the judges do not object")
			}
			t.Logf("%d of %d programs", len(why), len(want.Stories))
		})
	}
}

// What the findings and the counts say of an exception that leaves an inlined
// comprehension, and of one that leaves other parts that clean up.
func TestAnExceptionThatLeavesAComprehensionIsNotSwallowedThere(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
def g(x): return 1 / x
def f(xs): return [g(x) for x in xs]
try: f([1, 0])
except ZeroDivisionError: print("caught")
`, tracer.Config{Engine: engine})
		calls := map[string]int{}
		for _, c := range s.Trace.Codes() {
			calls[c.Name] = c.Calls
		}
		for r := range s.Trace.All() {
			if r.Kind == wire.KindCall {
				calls[r.Code.Name+" recorded"]++
			}
		}
		if want := map[string]int{"<module>": 1, "f": 1, "g": 2, "<module> recorded": 1, "f recorded": 1, "g recorded": 2}; !maps.Equal(calls, want) {
			t.Errorf("calls %v, want %v", calls, want)
		}
		if w := s.Trace.Swallowed(); len(w) != 1 || w[0].HandlerName != "<module>" || w[0].Handler != 4 || w[0].Name != "g" {
			t.Errorf("swallowed %+v", w)
		}
		for _, f := range findings.Find(s.Trace) {
			if strings.Contains(f.Text, "line 0") {
				t.Errorf("finding %q", f.Text)
			}
		}
	})
}

func TestWhatCleansUpSwallowsNothing(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, cleaningProgram, tracer.Config{Engine: engine})
		var got []string
		for _, w := range s.Trace.Swallowed() {
			got = append(got, fmt.Sprintf("%s:%d", w.HandlerName, w.Handler))
		}
		want := []string{"<module>:43", "<module>:43", "<module>:43", "<module>:43", "<module>:43", "lc_try:31", "<module>:43", "<module>:43", "<module>:43"}
		if !slices.Equal(got, want) {
			t.Errorf("swallowed by %q, want %q", got, want)
		}
		calls := map[string]int{}
		for _, c := range s.Trace.Codes() {
			calls[c.Name] = c.Calls
		}
		if calls["g"] != 9 || calls["fin"] != 1 || calls["A.__aexit__"] != 1 {
			t.Errorf("calls %v", calls)
		}
		for r := range s.Trace.All() {
			if r.Kind == wire.KindCall && r.Late {
				t.Errorf("a call of %s was recorded again", r.Code.Name)
			}
		}
	})
}

const cleaningProgram = `
import asyncio
def g(x): return 1 / x
def fin():
    try: g(0)
    finally: g(1)
def wi():
    with open("/dev/null") as f: g(0)
def named():
    try: g(0)
    except KeyError as e: pass
def gen():
    yield from (g(x) for x in [0])
async def co():
    async with A(): g(0)
class A:
    async def __aenter__(self): pass
    async def __aexit__(self, *a): return False
def asy():
    loop = asyncio.new_event_loop()
    try: loop.run_until_complete(co())
    finally: loop.close()


def other(): pass


def lc_try():
    try:
        return [g(x)
            for x in [0]]
    except ZeroDivisionError: return "mine"
def lc_two():
    return [[g(y) for y in [x]] for x in [0]]
def sc():
    return {g(x) for x in [0]}
def lc_locals():
    return [1 / x for x in [0]]


for f in (fin, wi, named, gen, asy, lc_try, lc_two, sc, lc_locals):
    try:
        list(f() or ())
    except ZeroDivisionError:
        pass
`
