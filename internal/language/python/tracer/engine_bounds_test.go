package tracer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/wire"
)

func TestBoundsKeepHeadTailAndTheWayToTheCrash(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
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
`, tracer.Config{Engine: engine, MaxRecords: 400, PerCode: 100000})
		if n := s.Trace.Len(); n > 400 || n < 300 {
			t.Errorf("%d records, want 300 to 400", n)
		}
		if f := s.Trace.Footer; f.Recorded-f.Dropped != s.Trace.Len() || f.Dropped < 11000 || !f.Ended {
			t.Errorf("footer %+v with %d records", f, s.Trace.Len())
		}
		path, raise := s.Trace.Crash()
		if raise.ID == 0 || len(path) != 3 || path[1].Code().Name != "outer" {
			t.Errorf("crash %+v, path %d", raise, len(path))
		}
		for _, c := range s.Trace.Codes() {
			if c.Name == "leaf" && c.Calls != 3000 {
				t.Errorf("leaf was called %d times, want 3000", c.Calls)
			}
		}
	})
}

func TestAHotFunctionIsCountedAndTheRareCallKept(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
def hot(i):
    return i
def rare():
    return "seen"
for i in range(5000):
    hot(i)
rare()
`, tracer.Config{Engine: engine, PerCode: 100})
		if n := strings.Count(tracertest.Kinds(s.Trace, "hot"), "call"); n != 100 {
			t.Errorf("%d calls of hot recorded, want 100", n)
		}
		if tracertest.Kinds(s.Trace, "rare") != "call ret" || (engine == "settrace" && s.Trace.Footer.Uncalled != 4900) || s.Trace.Footer.Uncalled < 1 {
			t.Errorf("rare: %q, counted %d", tracertest.Kinds(s.Trace, "rare"), s.Trace.Footer.Uncalled)
		}
	})
}

// A call of hundreds of large arguments still fits a record: the first are told
// in full, the others lightly.
func TestACallOfManyLargeArgumentsIsRecorded(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
names = ["p%d" % i for i in range(250)]
source = "def wide(" + ", ".join(names) + "):\n    return len(locals())\n"
space = {}
exec(compile(source, __file__, "exec"), space)
row = [{"name": "x" * 30, "n": i} for i in range(20)]
print(space["wide"](*[list(row) for _ in names]))
`, tracer.Config{Engine: engine})
		if tracertest.Kinds(s.Trace, "wide") != "call ret" || s.Trace.Footer.Oversize > 0 {
			t.Fatalf("wide: %q; footer %+v", tracertest.Kinds(s.Trace, "wide"), s.Trace.Footer)
		}
		args := s.Trace.Record(1).Args()
		for r := range s.Trace.All() {
			if r.Kind == wire.KindCall && r.Code.Name == "wide" {
				args = r.Args()
			}
		}
		if len(args) != 250 || args[0].Value.Cut && len(args[0].Value.Items) == 0 || args[249].Value.Len != 20 {
			t.Errorf("%d arguments; the first %v, the last %v", len(args), args[0], args[len(args)-1])
		}
	})
}

// A program of very many functions has its values in full at first; from a
// million characters on each function still has one call that is told in full.
func TestALargeProgramHasOneCallOfEachFunctionInFull(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
row = [{"name": "x" * 10, "n": i} for i in range(12)]
space = {}
for i in range(1800):
    exec(compile("def f%d(row):\n    return 1\n" % i, __file__, "exec"), space)
for i in range(1800):
    f = space["f%d" % i]
    f(row)
    f(row)
`, tracer.Config{Engine: engine, MaxRecords: 100000, MaxBytes: 64 << 20})
		cut := map[string][]bool{}
		for r := range s.Trace.All() {
			if r.Kind == wire.KindCall && strings.HasPrefix(r.Code.Name, "f") {
				cut[r.Code.Name] = append(cut[r.Code.Name], r.Args()[0].Value.Cut)
			}
		}
		for name, want := range map[string][]bool{"f0": {false, false}, "f1799": {false, true}} {
			if !slices.Equal(cut[name], want) {
				t.Errorf("%s: cut %v, want %v", name, cut[name], want)
			}
		}
	})
}

// What a call changes in place is found also where its arguments are too many
// to be told in full.
func TestChangesOfArgumentsBeyondTheBoundAreRecorded(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
class Part(object):
    def __init__(self):
        self.items = [{"sku": "A%d" % i, "n": [i] * 6} for i in range(12)]
        self.more = {"k%d" % i: "v" * 9 for i in range(12)}
def change(a, b, c, d, e, out):
    out.append(1)
    c.total = 99
change(Part(), Part(), Part(), Part(), Part(), [])
`, tracer.Config{Engine: engine})
		var changed []string
		for r := range s.Trace.All() {
			if r.Kind == wire.KindReturn && r.Code.Name == "change" {
				for _, v := range r.Changed() {
					changed = append(changed, v.Name)
				}
			}
		}
		if !slices.Equal(changed, []string{"c", "out"}) {
			t.Errorf("changed %v", changed)
		}
	})
}
