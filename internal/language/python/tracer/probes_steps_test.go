package tracer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// probePythons runs a test on every interpreter and engine.
func probePythons(t *testing.T, f func(t *testing.T, python, engine string)) {
	t.Helper()
	found := tracertest.Pythons(t)
	state := os.Getenv("REPAIRD_PYTHONS")
	if state == "" {
		state = "/var/lib/repaird/pythons"
	}
	newer, _ := filepath.Glob(filepath.Join(state, "bin/python3.1[4-9]"))
	sort.Strings(newer)
	for _, python := range append(found, newer...) {
		version := pythonVersion(t, python)
		if version == "" {
			continue // a folder that is being created
		}
		engines := []string{"settrace"}
		if _, ok := tracer.Files()["repaird_tracer/monitoring.py"]; ok && atLeast(version, 12) {
			engines = append(engines, "monitoring")
		}
		for _, engine := range engines {
			t.Run(version+" "+engine, func(t *testing.T) {
				t.Parallel()
				f(t, python, engine)
			})
		}
	}
}

func pythonVersion(t *testing.T, python string) string {
	s := tracertest.Run(t, python, nil, "-c", "import sys; print('3.%d' % sys.version_info[1])")
	return strings.TrimSpace(string(s.Out))
}

// atLeast compares a version such as 3.9 with 3.minor.
func atLeast(version string, minor int) bool {
	var n int
	_, err := fmt.Sscanf(version, "3.%d", &n)
	return err == nil && n >= minor
}

// steps renders the steps and the end of one function's calls: "12 x=1 y=2".
func steps(trace *trace.Trace, function string) []string {
	var out []string
	for r := range trace.All() {
		if r.Code == nil || r.Code.Name != function {
			continue
		}
		var b strings.Builder
		switch r.Kind {
		case wire.KindStep:
			fmt.Fprintf(&b, "%d", r.Line)
		case wire.KindReturn, wire.KindUnwind:
			b.WriteString(string(r.Kind))
		default:
			continue
		}
		for _, v := range r.Assigned() {
			fmt.Fprintf(&b, " %s=%s", v.Name, v.Value.Plain())
		}
		out = append(out, b.String())
	}
	return out
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("%s: got\n%s\nwant\n%s", what, g, w)
	}
}

const variablesProgram = `
def work(n):
    total = 0
    items = []
    for i in range(n):
        items.append(i)
        total += i
    table = {"a": 1}
    table["a"] = 2
    try:
        1 / 0
    except ZeroDivisionError as e:
        kept = 1.5
    del total
    return items

class Counter:
    shared = []
    def __init__(self):
        self.n = 0
        self.log = []
    def hit(self, k):
        self.n += k
        self.log.append(k)
        self.shared.append(k)

def outer():
    count = 0
    def inner():
        nonlocal count
        count += 1
        return count
    inner()
    return count

def generator():
    for x in (1, 2):
        got = x * 10
        yield got

work(2)
c = Counter()
c.hit(5)
outer()
list(generator())
`

func TestEachLineShowsTheVariablesThatChanged(t *testing.T) {
	t.Parallel()
	probePythons(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, variablesProgram, tracer.Config{Level: "variables", Engine: engine})
		work := steps(s.Trace, "work")
		for i, line := range work { // before 3.8 an exception's own text has a comma
			work[i] = strings.Replace(line, "'division by zero',", "'division by zero'", 1)
		}
		expect(t, "work", work, []string{"2", "3 total=0", "4 items=[]", "5 i=0", "6 items=[0]", "4", "5 i=1", "6 items=[0, 1]",
			"4 total=1", "7", "8 table={'a': 1}", "9 table={'a': 2}", "10", "11",
			"12 e=ZeroDivisionError('division by zero')", "13 e=unbound() kept=1.5", "14 total=unbound()", "ret"})
		expect(t, "Counter.hit", steps(s.Trace, "Counter.hit"), []string{"22", "23 self=Counter(n=5, log=[], Counter.shared=[])",
			"24 self=Counter(n=5, log=[5], Counter.shared=[])", "ret self=Counter(n=5, log=[5], Counter.shared=[5])"})
		expect(t, "outer", steps(s.Trace, "outer"), []string{"27", "28 count=0", "32 inner=<function outer.<locals>.inner>", "33 count=1", "ret"})
		inner := "outer.<locals>.inner"
		if !atLeast(s.Trace.Processes[0].Python, 11) {
			inner = "inner"
		}
		expect(t, "inner", steps(s.Trace, inner), []string{"30 count=0", "31 count=1", "ret"})
		expect(t, "generator", steps(s.Trace, "generator"), []string{"36", "37 x=1", "38 got=10", "36", "37 x=2", "38 got=20", "36", "ret"})
	})
}
