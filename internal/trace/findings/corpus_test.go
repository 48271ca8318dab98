package findings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/findings"
)

// corpusPythons are those that the programs with defects run on: both back
// ends, the oldest and the newest.
var corpusPythons = []string{"3.6", "3.9", "3.11", "3.12", "3.13", "3.15"}

// corpusRun traces a program of testdata/findings.
func corpusRun(t *testing.T, p tracertest.Interpreter, name string) *trace.Trace {
	t.Helper()
	read, err := trace.ReadDir(corpusSession(t, p, name))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// corpusSession is the directory of the trace of a program of testdata/findings.
func corpusSession(t *testing.T, p tracertest.Interpreter, name string) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata/findings", name+".py"))
	if err != nil {
		t.Fatal(err)
	}
	s := tracertest.Job{Python: p, Files: map[string]string{"prog.py": string(source)}}.Run(t, true)
	if !s.Trace.Traced() {
		t.Fatalf("not traced: %s", s.Err)
	}
	if failed := s.Code != 0; failed == strings.HasPrefix(name, "healthy") {
		t.Fatalf("exit %d: %s", s.Code, s.Err)
	}
	return s.Dir
}

// TestTheFirstFindingNamesThePlantedDefect runs small programs with one defect
// each. What a trace alone cannot show, for it takes knowing what the program
// should do, must not be covered by something that claims to be the cause.
func TestTheFirstFindingNamesThePlantedDefect(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		program string
		kind    string  // of the first finding; "" for none that may be sure
		text    string  // in it
		name    string  // function that it names
		least   float64 // weight
		most    float64
		since   int // minor version from which this holds; before it, nothing may be sure
	}{
		{program: "class_attribute", kind: "shared", text: "Basket.lines is an attribute of the class, shared by 2 instances", name: "Basket.add", least: 0.85},
		{program: "mutable_default", kind: "shared", text: "The default value of ticket's parameter labels is one object for all calls", name: "ticket", least: 0.85},
		{program: "swallowed", kind: "swallowed", text: "KeyError: 'GBP' was raised by rate (line 7) and swallowed by the handler at line 13 of convert, which returned 0", name: "convert", least: 0.6},
		{program: "parser_type", kind: "type", text: "field(text=' 7') returned ' 7', of type str at line 5, and equals n at the crash; 7 of its 8 recorded calls returned a value of type int", name: "field", least: 0.7},
		{program: "lookup_none", kind: "chain", text: "user=None at the crash in address equals what find(name='Cid') returned at line 7", name: "find", least: 0.7},
		{program: "partial_type", kind: "chain", text: "amount=None at the crash in add equals what price(", name: "price", least: 0.7},
		{program: "mutated_argument", kind: "mutated", text: "median changed its argument values in place: [3, 9, 4]", name: "median", least: 0.5},
		{program: "never_awaited", kind: "unawaited", text: "fetch is a coroutine that was never awaited: item of label was given it by main", name: "label", least: 0.9},
		{program: "exhausted", kind: "exhausted", text: "average was given the generator readings as values after it had been read to its end by highest", name: "average", least: 0.8},
		{program: "race", kind: "race", text: "changed one object at the same time", name: "Account.w", least: 0.6},
		{program: "recursion", kind: "recursion", text: "path calls itself without progress", name: "path", least: 0.9},
		{program: "callback", kind: "swallowed", text: "KeyError: 'written' was raised by flush (line 17) and swallowed by code out of scope that send had called", name: "send", least: 0.55, since: 7},
		{program: "off_by_one", kind: "chain", text: "IndexError: list index out of range: items=[1, 2, 3, 4, 5]", name: "window", most: 0.6},
		{program: "stale_cache", most: 0.5},
		{program: "wrong_order", most: 0.5},
		{program: "lost_copy", most: 0.5},
	} {
		t.Run(c.program, func(t *testing.T) {
			t.Parallel()
			tracertest.EachPython(t, corpusPythons, func(t *testing.T, p tracertest.Interpreter) {
				if c.program == "never_awaited" && !p.AtLeast(7) {
					t.Skip("asyncio.run came with 3.7")
				}
				f := findings.Find(corpusRun(t, p, c.program))
				if c.kind == "" || !p.AtLeast(c.since) {
					if len(f) > 0 && f[0].Weight > max(c.most, 0.5) {
						t.Errorf("nothing shows the defect, and yet: %+v", f[0])
					}
					return
				}
				if len(f) == 0 || f[0].Kind != c.kind || !strings.Contains(f[0].Text, c.text) || !strings.HasPrefix(f[0].Name, c.name) ||
					f[0].Weight < c.least || c.most > 0 && f[0].Weight > c.most || len(f[0].Records) == 0 {
					t.Errorf("findings %+v", f)
				}
			})
		})
	}
}

func TestHealthyProgramsHaveNoFindingThatIsSure(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/findings/healthy_*.py")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".py")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracertest.EachPython(t, corpusPythons, func(t *testing.T, p tracertest.Interpreter) {
				if name == "healthy_async" && !p.AtLeast(7) {
					t.Skip("asyncio.run came with 3.7")
				}
				for _, f := range findings.Find(corpusRun(t, p, name)) {
					if f.Weight > 0.5 {
						t.Errorf("finding %+v", f)
					}
				}
			})
		})
	}
}
