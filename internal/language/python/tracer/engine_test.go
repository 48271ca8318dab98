package tracer_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
)

// everyEngine runs a subtest with each engine of each release that is at hand.
func everyEngine(t *testing.T, test func(t *testing.T, python, engine string)) {
	t.Helper()
	all := slices.SortedFunc(maps.Values(tracertest.ByVersion()), func(a, b tracertest.Interpreter) int { return cmp.Compare(a.Minor(), b.Minor()) })
	withEngines(t, all, test)
}

// engines runs a subtest with each engine of a few releases: the oldest, the
// last with sys.settrace alone, the first with sys.monitoring, and the newest.
func engines(t *testing.T, test func(t *testing.T, python, engine string)) {
	t.Helper()
	all := slices.SortedFunc(maps.Values(tracertest.ByVersion()), func(a, b tracertest.Interpreter) int { return cmp.Compare(a.Minor(), b.Minor()) })
	var chosen []tracertest.Interpreter
	for i, p := range all {
		if i == 0 || i == len(all)-1 || p.Version == "3.11" || p.Version == "3.12" {
			chosen = append(chosen, p)
		}
	}
	withEngines(t, chosen, test)
}

func withEngines(t *testing.T, pythons []tracertest.Interpreter, test func(t *testing.T, python, engine string)) {
	t.Helper()
	if len(pythons) == 0 {
		t.Skip("no python3 on this machine")
	}
	for _, p := range pythons {
		names := []string{"settrace"}
		if p.AtLeast(12) {
			names = append(names, "monitoring")
		}
		for _, engine := range names {
			t.Run(p.Version+"/"+engine, func(t *testing.T) {
				t.Parallel()
				test(t, p.Path, engine)
			})
		}
	}
}
