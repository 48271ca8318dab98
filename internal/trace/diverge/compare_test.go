package diverge

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
)

// twoRuns traces a program that fails and one that passes: the same, but for
// what is between % and % in the source, red|green.
func twoRuns(t *testing.T, source string) (red, green *trace.Trace) {
	t.Helper()
	parts := strings.Split(source, "%%")
	var sources [2]strings.Builder
	for i, part := range parts {
		if i%2 == 0 {
			sources[0].WriteString(part)
			sources[1].WriteString(part)
			continue
		}
		r, g, ok := strings.Cut(part, "|")
		if !ok {
			t.Fatal(part)
		}
		sources[0].WriteString(r)
		sources[1].WriteString(g)
	}
	dir, file := tracertest.Program(t, sources[1].String())
	passing := tracertest.Run(t, tracertest.Pythons(t)[0], &tracer.Config{Include: []string{dir}}, file)
	if passing.Code != 0 {
		t.Fatalf("the passing program fails: %s", passing.Err)
	}
	return tracertest.RunFailing(t, sources[0].String()).Trace, passing.Trace
}

func TestTheDivergenceIsTheOneThatLeadsToTheFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind, in string
		change         Change
		passed         bool
		source         string
	}{
		{"a value that is made up in each run is passed over", "return", "rate", Change{"return", "0", "2"}, true, `
import os, time, uuid
def stamp(now, pid, key):
    return (now, pid)
def rate(n):
    return %%0|2%%
def share(n):
    stamp(time.time(), os.getpid(), str(uuid.uuid4()))
    return 10 // rate(n)
def test():
    assert share(4) == 5
test()
`},
		{"a message that has no effect is passed over", "argument", "split", Change{"n", "0", "2"}, true, `
def log(text):
    return None
def audit(text):
    log("audit: " + text)
def split(total, n):
    return total / n
def test():
    audit(%%"begin"|"start"%%)
    split(10, %%0|2%%)
test()
`},
		{"a call that was put in does not hide what follows", "call", "check", Change{"call", "no call", "check(x=1)"}, false, `
def check(x):
    return x
def use(x):
    return 1 // x
def test():
    use(1)
    %%pass|check(1)%%
    use(2)
    use(%%0|3%%)
test()
`},
		{"calls within one that ended alike are passed over", "return", "parse", Change{"return", "None", "4"}, true, `
def helper(n):
    return n
def total(rows):
    out = 0
    for row in rows:
        out += helper(row)
    return out
def parse(text):
    return %%None|4%%
def test():
    total(%%[1, 2, 3]|[3, 3]%%)
    parse("4") + 1
test()
`},
		{"large numbers that are the same everywhere are ids", "argument", "finish", Change{"size", "None", "3"}, true, `
def begin(job):
    return job
def step(job):
    return job
def finish(job, size):
    return size + 1
def test():
    job = begin(%%123456789123|987654321987%%)
    step(job)
    finish(job, %%None|3%%)
test()
`},
		{"a large number that another one became is not an id", "argument", "step", Change{"job", "111111111111", "987654321987"}, true, `
def begin(job):
    return job
def step(job):
    return 1 // (job - 111111111111)
def test():
    begin(%%123456789123|987654321987%%)
    step(%%111111111111|987654321987%%)
test()
`},
		{"where only noise differs, it is shown", "argument", "store", Change{"at", "1700000001", "1700000002"}, false, `
import atexit, os
def store(at):
    return None
def test():
    store(%%1700000001|1700000002%%)
atexit.register(os._exit, %%1|0%%)
test()
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			red, green := twoRuns(t, c.source)
			d := Compare(red, green, card.Options{})
			in := ""
			for _, r := range []*trace.Record{d.RedCall, d.GreenCall} {
				if r != nil {
					in = r.Code.Name
				}
			}
			if !d.Found || d.Kind != c.kind || in != c.in || len(d.Changed) == 0 || d.Changed[0] != c.change || (d.Passed > 0) != c.passed {
				t.Errorf("%s in %s, changed %+v, passed over %d; want %s in %s, %+v, %v\n%s", d.Kind, in, d.Changed, d.Passed, c.kind, c.in, c.change, c.passed, d.Text)
			}
			if c.passed != strings.Contains(d.Text, "passed over: ") {
				t.Errorf("the card does not say what was passed over:\n%s", d.Text)
			}
		})
	}
}

func TestComparedWithAPassingRunTheMissingCallIsFound(t *testing.T) {
	t.Parallel()
	red, green := twoRuns(t, `
class Ledger:
    def __init__(self, rows):
        self.rows, self.total = rows, 0
    def add_up(self):
        self.total = sum(self.rows)
    def text(self):
        return "total: %d" % self.total
def noisy(n):
    try:
        return {}[n]
    except KeyError:
        return None
def publish(rows):
    ledger = Ledger(rows)
    noisy(1)
    %%pass|ledger.add_up()%%
    return ledger.text()
def test():
    assert publish([1, 2]) == "total: 3"
test()
`)
	f := Findings(red, green)
	if len(f) < 3 || f[0].Kind != "diverges" || f[0].Name != "publish" || !strings.Contains(f[0].Text, "the failing run made no call, the passing one Ledger.add_up(") {
		t.Fatalf("findings %+v", f)
	}
	missing := -1
	for i := range f {
		switch f[i].Kind {
		case "missing":
			missing = i
			if !strings.Contains(f[i].Text, "publish never called Ledger.add_up") || len(f[i].Records) == 0 || red.Record(f[i].Records[0]).Code.Name != "publish" {
				t.Errorf("finding %+v", f[i])
			}
		case "swallowed":
			if f[i].Weight > 0.35 || !strings.Contains(f[i].Text, "The passing run has this too.") {
				t.Errorf("what both runs have weighs much: %+v", f[i])
			}
		}
	}
	if missing != 1 {
		t.Errorf("the missing call is at %d of %+v", missing, f)
	}
	for _, f := range Findings(green, green) {
		if f.Kind == "diverges" || f.Kind == "missing" || f.Kind == "extra" {
			t.Errorf("a run compared with itself: %+v", f)
		}
	}
}

func TestMatchesAreACommonSequence(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		a, b := make([]uint64, rng.IntN(40)), make([]uint64, rng.IntN(40))
		kinds := 1 + rng.Uint64N(6)
		for i := range a {
			a[i] = rng.Uint64N(kinds)
		}
		for i := range b {
			b[i] = rng.Uint64N(kinds)
		}
		got := matches(a, b)
		x, y := -1, -1
		for _, m := range got {
			if m[0] <= x || m[1] <= y || a[m[0]] != b[m[1]] {
				t.Fatalf("%v and %v: matches %v", a, b, got)
			}
			x, y = m[0], m[1]
		}
		if want := longest(a, b); len(got) != want {
			t.Fatalf("%v and %v: %d matches, want %d: %v", a, b, len(got), want, got)
		}
	}
	a, b := make([]uint64, 5000), make([]uint64, 5000) // too far apart for a shortest edit
	for i := range a {
		a[i], b[i] = uint64(i), uint64(i)*3
	}
	if got := matches(a, b); len(got) < 100 {
		t.Errorf("%d matches", len(got))
	}
}

// longest is the length of a longest common sequence, by the table.
func longest(a, b []uint64) int {
	table := make([][]int, len(a)+1)
	table[0] = make([]int, len(b)+1)
	for i := range a {
		table[i+1] = make([]int, len(b)+1)
		for j := range b {
			table[i+1][j+1] = max(table[i][j+1], table[i+1][j])
			if a[i] == b[j] {
				table[i+1][j+1] = table[i][j] + 1
			}
		}
	}
	return table[len(a)][len(b)]
}

func TestAHandlerThatSwallowsWhatItIsForInThePassingRunIsStillTheCause(t *testing.T) {
	t.Parallel()
	red, green := twoRuns(t, `
def check(config):
    if "port" not in config:
        raise ValueError("no port")
    return config
def read(name):
    raise FileNotFoundError(name)
def load(config):
    try:
        return check(config) if config else read("none")
    except %%Exception|FileNotFoundError%%:
        return {}
def test():
    assert load(None) == {}
    try:
        load({"x": 1})
    except ValueError:
        return
    raise AssertionError("no ValueError: no port")
test()
`)
	f := Findings(red, green)
	if len(f) == 0 || f[0].Kind != "swallowed" || !strings.HasPrefix(f[0].Text, "ValueError: no port") || strings.Contains(f[0].Text, "passing run") {
		t.Fatalf("findings %+v", f)
	}
	for _, x := range f {
		if strings.HasPrefix(x.Text, "FileNotFoundError") && !strings.Contains(x.Text, "The passing run has this too.") {
			t.Errorf("what both runs swallow: %+v", x)
		}
	}
}
