package tracer_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/wire"
)

// T36: what library code calls back is recorded, all of it, under the call in
// scope that called the library.
func TestCallbacksFromLibrariesAreRecorded(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
import atexit, bisect, functools, json, re, signal, sys, os, weakref

def back(*a):
    return a[0] if a else None

class Item(object):
    def __lt__(self, other):
        return back(False)
    def __hash__(self):
        return back(7)
    def __del__(self):
        back()

def sorts():
    return len(sorted(range(1000), key=lambda n: back(-n)))

def reduces():
    return functools.reduce(lambda a, b: back(a + b), range(11))

def matches():
    return re.sub("[ab]", lambda m: back("x"), "abcab")

def dumps():
    return json.dumps({"k": Item()}, default=lambda o: back("item"))

def compares():
    return max([Item(), Item(), Item()]) is None

def signals():
    signal.signal(signal.SIGUSR1, lambda n, f: back(n))
    os.kill(os.getpid(), signal.SIGUSR1)
    return len(str(range(3)))

def last_things():
    atexit.register(back, 5)

def main():
    print(sorts(), reduces(), matches(), dumps(), compares(), hash(Item()) and 7, signals(), last_things())

main()
`, tracer.Config{Engine: engine, PerCode: 10000, Functions: []string{"back", "main", "sorts", "reduces", "matches", "dumps", "compares", "signals", "last_things"}})
		got := callers(s.Trace)
		// When an object ends is the interpreter's affair: its calls are counted in all.
		ofItems := got["back < dumps"] + got["back < compares"] + got["back < main"]
		for _, k := range []string{"back < dumps", "back < compares", "back < main"} {
			delete(got, k)
		}
		got["back"] = ofItems
		want := map[string]int{"main < nobody": 1, "back < sorts": 1000, "back < reduces": 10, "back < matches": 4, "back < signals": 1, "back < nobody": 1,
			"back": 9}
		for _, name := range []string{"sorts", "reduces", "matches", "dumps", "compares", "signals", "last_things"} {
			want[name+" < main"] = 1
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("calls − want, + got:\n%s", diff)
		}
	})
}

// T26: an argument that is changed later has in the call's record the value that
// it had then, and in the return's what the call did to it.
func TestArgumentsAreThoseOfTheMomentThroughBothEngines(t *testing.T) {
	t.Parallel()
	everyEngine(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
def change(items, named):
    items.append(len(items))
    named[len(named)] = None
    return items
def keep(items, named):
    return len(items)
items, named = [], {}
for i in range(3):
    change(items, named)
    keep(items, named)
`, tracer.Config{Engine: engine})
		var got []string
		for r := range s.Trace.All() {
			switch r.Kind {
			case wire.KindCall:
				if r.Code.Kind != "module" {
					got = append(got, r.Code.Name+" "+wire.RenderVars(r.Args(), 100, 100, false))
				}
			case wire.KindReturn:
				if r.Code.Kind != "module" {
					got = append(got, "ret "+wire.RenderVars(r.Changed(), 100, 100, false))
				}
			}
		}
		want := []string{}
		lists, dicts := []string{"[]", "[0]", "[0, 1]", "[0, 1, 2]"}, []string{"{}", "{0: None}", "{0: None, 1: None}", "{0: None, 1: None, 2: None}"}
		for i := range 3 {
			want = append(want, fmt.Sprintf("change items=%s, named=%s", lists[i], dicts[i]), fmt.Sprintf("ret items=%s, named=%s", lists[i+1], dicts[i+1]),
				fmt.Sprintf("keep items=%s, named=%s", lists[i+1], dicts[i+1]), "ret ")
		}
		if !slices.Equal(got, want) {
			t.Errorf("− want, + got:\n%s", cmp.Diff(want, got))
		}
	})
}

// T10: profilers of the program work beside the tracer, and it beside them.
func TestProfilersOfTheProgramWorkBesideTheTracer(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := tracertest.RunSource(t, python, `
import cProfile, sys, threading
def f(n):
    return g(n)
def g(n):
    return n
seen = []
def profile(frame, event, arg):
    if event == "call" and frame.f_code.co_filename == __file__:
        seen.append(frame.f_code.co_name)
threading.setprofile(profile)
sys.setprofile(profile)
f(1)
sys.setprofile(None)
threading.setprofile(None)
p = cProfile.Profile()
p.enable()
f(2)
p.disable()
print(seen, sorted((e.code.co_name, e.callcount) for e in p.getstats() if hasattr(e.code, "co_name") and e.code.co_filename == __file__))
f(3)
print(sys.getprofile())
`, tracer.Config{Engine: engine})
		if k := tracertest.Kinds(s.Trace, "g"); k != "call ret call ret call ret" {
			t.Errorf("records of g: %q", k)
		}
	})
}
