package verify

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace"
)

func TestABaseIsKnownByItsTreesName(t *testing.T) {
	t.Parallel()
	one, two := t.TempDir(), t.TempDir()
	named := baseKey(Input{Tree: one, TreeID: "abc"})
	if err := os.WriteFile(filepath.Join(one, "a.py"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, same := range map[string]bool{
		"in another folder, and whatever is in it": baseKey(Input{Tree: two, TreeID: "abc"}) == named,
		"in the same folder, whatever is in it":    baseKey(Input{Tree: one, TreeID: "abc"}) == named,
	} {
		if !same {
			t.Errorf("the same name %s is another base", name)
		}
	}
	if baseKey(Input{Tree: one, TreeID: "abd"}) == named {
		t.Error("another name in the same folder is the same base")
	}
	nameless := baseKey(Input{Tree: one})
	if err := os.WriteFile(filepath.Join(one, "b.py"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if baseKey(Input{Tree: one}) == nameless {
		t.Error("a folder without a name that has changed is the same base")
	}
}

// counting is a session in which the test fails; it counts its runs.
type counting struct {
	language.Session
	plain, traced atomic.Int32
}

var failure = testrun.Outcome{ID: "t", Status: testrun.Failed, Type: "E", Frames: []incident.Frame{{File: "a.py", Function: "f", InApp: true}}}

func (c *counting) Run(_ context.Context, req testrun.Request) (*testrun.Result, error) {
	if req.Trace != nil {
		c.traced.Add(1)
	} else {
		c.plain.Add(1)
	}
	return &testrun.Result{Cause: sandbox.Exited, Tests: []testrun.Outcome{failure}}, nil
}

func (c *counting) Repeat(ctx context.Context, req testrun.Request, n int) (results []*testrun.Result, err error) {
	for range n {
		res, err := c.Run(ctx, req)
		if err != nil {
			return nil, err
		}
		results = append(results, res)
	}
	return results, nil
}

func TestEarlierRunsOnBaseCount(t *testing.T) {
	t.Parallel()
	read := runTrace{read: &trace.Trace{}}
	for _, tt := range []struct {
		name          string
		earlier       *baseRuns
		quick         bool
		plain, traced int32
		runs          int
	}{
		{"nothing is known", nil, false, 4, 1, 5},
		{"nothing is known, for feedback", nil, true, 0, 1, 1},
		{"after a quick verification", &baseRuns{runs: 1, matched: 1, red: read}, false, 4, 0, 5},
		{"after a full one, one run is repeated", &baseRuns{runs: 5, matched: 5, red: read}, false, 1, 0, 5},
		{"after a full one, for feedback", &baseRuns{runs: 5, matched: 5, red: read}, true, 0, 0, 5},
		{"more runs are known than are wanted", &baseRuns{runs: 9, matched: 9, red: read}, false, 1, 0, 5},
		{"one ended differently", &baseRuns{runs: 2, matched: 1, red: read}, false, 4, 1, 5},
		{"there is no trace", &baseRuns{runs: 1, matched: 1}, false, 4, 1, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			session := &counting{}
			v := &Verifier{Session: session, Rules: noRules{}}
			in := Input{TreeID: "abc", Test: testrun.Test{Path: "t.py", Name: "t"}, Signature: failure.Signature(), Repeats: 5, Quick: tt.quick}
			if tt.earlier != nil {
				v.kept(in).runs = kept[*baseRuns]{known: true, value: tt.earlier}
			}
			n := 5
			if tt.quick {
				n = 1
			}
			b, err := newVerification(v, in, nil).baseRuns(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			if b.runs != tt.runs || b.matched != tt.runs || session.plain.Load() != tt.plain || session.traced.Load() != tt.traced {
				t.Errorf("%d of %d runs count, %d plain and %d traced took place; want %d, %d and %d", b.matched, b.runs, session.plain.Load(), session.traced.Load(), tt.runs, tt.plain, tt.traced)
			}
		})
	}
}

type noRules struct{ language.Rules }

func (noRules) Exhausts(string) bool { return false }

func TestASuiteThatWasCutShortIsRunAgainWhereThereIsMoreTime(t *testing.T) {
	t.Parallel()
	passes := &testrun.Result{Cause: sandbox.Exited, Tests: []testrun.Outcome{{ID: "t", Status: testrun.Passed}}}
	for _, tt := range []struct {
		name    string
		earlier baseSuite
		quick   bool
		again   bool
	}{
		{"it ran to its end", baseSuite{limit: time.Minute}, false, false},
		{"it was cut with less time", baseSuite{cut: true, limit: time.Minute}, false, true},
		{"it was cut with as much time", baseSuite{cut: true, limit: time.Hour}, false, false},
		{"it was cut in another order", baseSuite{cut: true, limit: time.Hour, order: "b.py"}, false, true},
		{"nothing could be learnt", baseSuite{lacking: true, limit: time.Hour, absent: "no"}, false, true},
		{"nothing could be learnt, for feedback", baseSuite{lacking: true, limit: time.Hour, absent: "no"}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := &Verifier{Session: suites{base: passes}}
			in := Input{TreeID: "abc", Quick: tt.quick}
			v.kept(in).suite = kept[*baseSuite]{known: true, value: &tt.earlier}
			b, err := newVerification(v, in, nil).suiteOnBase(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if again := b != &tt.earlier; again != tt.again {
				t.Errorf("run again: got %v, want %v", again, tt.again)
			}
		})
	}
}
