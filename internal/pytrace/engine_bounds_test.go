package pytrace

import (
	"strings"
	"testing"
)

func TestBoundsKeepHeadTailAndTheWayToTheCrash(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := runSource(t, python, `
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
`, Config{Engine: engine, MaxRecords: 400, PerCode: 100000})
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
	})
}

func TestAHotFunctionIsCountedAndTheRareCallKept(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, python, engine string) {
		s := runSource(t, python, `
def hot(i):
    return i
def rare():
    return "seen"
for i in range(5000):
    hot(i)
rare()
`, Config{Engine: engine, PerCode: 100})
		if n := strings.Count(kinds(s.trace, "hot"), "call"); n != 100 {
			t.Errorf("%d calls of hot recorded, want 100", n)
		}
		if kinds(s.trace, "rare") != "call ret" || (engine == "settrace" && s.trace.Footer.Uncalled != 4900) || s.trace.Footer.Uncalled < 1 {
			t.Errorf("rare: %q, counted %d", kinds(s.trace, "rare"), s.trace.Footer.Uncalled)
		}
	})
}
