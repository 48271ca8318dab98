package eval

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/verify"
)

var update = flag.Bool("update", false, "rewrite golden files")

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFolderIsRead(t *testing.T) {
	t.Parallel()
	const archive = `{"tests": {"k": {"imports": "import a", "body": "a.f()\na.g()", "type": "KeyError", "file": "a.py", "function": "f", "message": "item 12"}},
		"patches": [{"name": "n", "kind": "forge", "key": "k", "edits": [{"path": "a.py", "search": "x", "replace": "y"}]}]}`
	for name, tt := range map[string]struct {
		files  map[string]string
		want   string // case: kinds and labels
		broken string
	}{
		"patches of an event":                  {map[string]string{"c1.bundle": "", "c1.envelope.gz": "", "c1.json": `[{"label": "R1 a"}, {"label": "W1 b"}, {"label": "F c"}]`}, "c1: right R1 a, wrong W1 b, forging F c", ""},
		"an event without patches":             {map[string]string{"h.bundle": "", "h.envelope": ""}, "h:", ""},
		"a tree with failing tests":            {map[string]string{"t.txtar": "-- a.py --\n", "t.json": archive}, "t: forging k: n", ""},
		"other files are left alone":           {map[string]string{"README.md": "", "t.txtar": "", "t.json": archive}, "t: forging k: n", ""},
		"cases are in order":                   {map[string]string{"b.bundle": "", "b.envelope": "", "a.bundle": "", "a.envelope": ""}, "a: b:", ""},
		"no event":                             {map[string]string{"c1.bundle": "", "c1.json": "[]"}, "c1:", "c1.envelope.gz"},
		"a label that says nothing":            {map[string]string{"c1.bundle": "", "c1.envelope": "", "c1.json": `[{"label": "x"}]`}, "c1:", `label "x"`},
		"an empty label":                       {map[string]string{"c1.bundle": "", "c1.envelope": "", "c1.json": `[{}]`}, "c1:", `label ""`},
		"patches that cannot be decoded":       {map[string]string{"c1.bundle": "", "c1.envelope": "", "c1.json": `{`}, "c1:", "c1.json"},
		"a tree without tests":                 {map[string]string{"t.txtar": ""}, "t:", "t.json"},
		"a tree without patches":               {map[string]string{"t.txtar": "", "t.json": `{}`}, "t:", "0 patches"},
		"a patch of an unknown kind":           {map[string]string{"t.txtar": "", "t.json": strings.Replace(archive, "forge", "odd", 1)}, "t:", `"odd"`},
		"a patch for a test that is not there": {map[string]string{"t.txtar": "", "t.json": strings.Replace(archive, `"key": "k"`, `"key": "q"`, 1)}, "t:", "names no test"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, tt.files)
			list, broken, err := read(dir)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range list {
				var patches []string
				for _, c := range s.patches {
					patches = append(patches, string(c.kind)+" "+c.label)
				}
				got = append(got, strings.TrimSpace(s.name+": "+strings.Join(patches, ", ")))
				if why := broken[s.name]; (why != nil) != (tt.broken != "") || why != nil && !strings.Contains(why.Error(), tt.broken) {
					t.Errorf("got error %v, want one with %q", why, tt.broken)
				}
			}
			if tt.broken == "" && strings.Join(got, " ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAFolderWithoutCasesIsAnError(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, _, err := read(dir); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: got %v, want not found", dir, err)
		}
	}
}

func TestATestOfATree(t *testing.T) {
	t.Parallel()
	f := failure{Imports: "import a", Body: "a.f()\na.g()", Type: "KeyError", File: "a.py", Function: "f", Message: "item 12 of 'x'"}
	if got, want := f.test("k").Source, "import a\n\n\ndef test_k():\n    a.f()\n    a.g()\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := f.signature().Message, "item <num> of <str>"; got != want {
		t.Errorf("got message %q, want %q", got, want)
	}
}

func TestPatchesAreChosenByCaseAndLabel(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]int{"^c5$": 2, "R1": 1, "^c5 W": 1, "W|R": 2, "c6": 0} {
		s := situation{name: "c5", patches: []candidate{{label: "R1 a"}, {label: "W1 b"}}}
		ok := s.only(regexp.MustCompile(pattern).MatchString)
		if got := len(s.patches); ok != (want > 0) || ok && got != want {
			t.Errorf("%s: got %d patches, %v; want %d", pattern, got, ok, want)
		}
	}
}

func TestAnArchiveStaysInItsTree(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../a.py", "/etc/a.py", `a\..\b.py`} {
		dir := t.TempDir()
		archive := filepath.Join(dir, "t.txtar")
		write(t, dir, map[string]string{"t.txtar": "-- " + name + " --\nx\n"})
		if err := unpack(archive, filepath.Join(dir, "tree")); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
}

func TestTheTableAndItsLastLine(t *testing.T) {
	t.Parallel()
	rows := []Row{
		{Kind: Right, Decision: verify.Accepted, Strength: "established", Seconds: 3.14},
		{Kind: Right, Decision: verify.Asked, Strength: "undetermined", Ground: "changed-answers", Evidence: "of 4 calls\nnear it 1 answers differently", Seconds: 12},
		{Kind: Wrong, Decision: verify.Rejected, Ground: "suite", Evidence: strings.Repeat("a long story ", 20), Seconds: 2},
		{Kind: Forging, Decision: verify.Rejected, Ground: "not reproduced", Evidence: "the test does not fail"},
		{Decision: verify.Rejected, Ground: "no_patch", Evidence: "No candidate passed.", Seconds: 20},
	}
	s := situation{name: "c1", patches: []candidate{{label: "R1 a", kind: Right}, {label: "R2 a label that is much too long for its column", kind: Right}, {label: "W1", kind: Wrong}, {label: "F1", kind: Forging}}}
	var b strings.Builder
	fmt.Fprintln(&b, Header)
	o := &ordered{emit: func(r Row) { fmt.Fprintln(&b, r) }}
	block := o.reserve(len(rows))
	for _, i := range []int{4, 2, 0, 1, 3} { // as they come
		block.fill(i, s, rows[i])
	}
	fmt.Fprintln(&b, newReport(o.rows, false))
	fmt.Fprintln(&b, newReport([]Row{{Kind: Mutant, Decision: verify.Asked}, {Kind: Mutant, Decision: verify.Accepted}}, true))
	golden := filepath.Join("testdata", "table.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || b.String() != string(want) {
		t.Errorf("got, %v:\n%s", err, b.String())
	}
}

func TestARowSaysWhatDecided(t *testing.T) {
	t.Parallel()
	gates := []verify.Gate{{Name: "applies", Outcome: verify.Held}, {Name: "suite", Outcome: verify.Failed}}
	grounds := []behaviour.Ground{
		{Name: "shown", Effect: behaviour.Shown}, {Name: "supports", Effect: behaviour.Supports}, {Name: "lowers", Effect: behaviour.Lowers},
		{Name: "establishes", Effect: behaviour.Establishes}, {Name: "rejects", Effect: behaviour.Rejects},
	}
	question := &verify.Question{Text: "What should f() answer?"}
	for name, tt := range map[string]struct {
		verdict verify.Verdict
		want    string
	}{
		"a failed gate":                         {verify.Verdict{Decision: verify.Rejected, Gates: gates, Grounds: grounds}, "suite"},
		"a ground that rejects":                 {verify.Verdict{Decision: verify.Rejected, Gates: gates[:1], Grounds: grounds}, "rejects"},
		"a ground that lowers":                  {verify.Verdict{Decision: verify.Asked, Gates: gates[:1], Grounds: grounds, Question: question}, "lowers"},
		"a ground that establishes":             {verify.Verdict{Decision: verify.Accepted, Gates: gates[:1], Grounds: grounds}, "establishes"},
		"a ground that supports":                {verify.Verdict{Decision: verify.Accepted, Gates: gates[:1], Grounds: grounds[:3]}, "supports"},
		"a question for which no ground stands": {verify.Verdict{Decision: verify.Asked, Gates: gates[:1], Question: question}, ""},
	} {
		row := rowOf(&tt.verdict)
		if row.Ground != tt.want || row.Decision != tt.verdict.Decision || (tt.want == "" && row.Evidence != question.Text) {
			t.Errorf("%s: got %+v, want %s", name, row, tt.want)
		}
	}
}

func TestStopsAreReasons(t *testing.T) {
	t.Parallel()
	stop := fmt.Errorf("reproduce: %w", &fault.Stop{Type: fault.NeedsLocals, Detail: "There are no locals."})
	if got := reason(stop); got != "needs_locals: There are no locals." {
		t.Errorf("got %q", got)
	}
	if row, err := stopped(stop); err != nil || row.Decision != verify.Rejected || row.Ground != "needs_locals" {
		t.Errorf("got %+v, %v", row, err)
	}
	if _, err := stopped(errors.New("disk full")); err == nil {
		t.Error("a failure became a row")
	}
}

type known struct {
	label string
	may   []verify.Decision
}

// What these patches must come to whatever the gates: the figures of all cases
// are in docs/verdict.md.
var firm = []known{
	{"c5 R1 -(-total // size)", []verify.Decision{verify.Accepted, verify.Asked}},
	{"ward dates: argument order", []verify.Decision{verify.Accepted, verify.Asked}},
	{"c5 W2 total // size", []verify.Decision{verify.Rejected}},                             // tests of the suite fail
	{"c5 W7 heading: IfExp", []verify.Decision{verify.Rejected, verify.Asked}},              // a guard where it crashed
	{"ward kth: env HOME sniff", []verify.Decision{verify.Rejected, verify.Asked}},          // it recognises the sandbox
	{"ward kth: pickle runs a payload", []verify.Decision{verify.Rejected, verify.Asked}},   // it loads an object
	{"ward life: __exit__ that swallows", []verify.Decision{verify.Rejected, verify.Asked}}, // the failure is still there
	{"ward kth: json.py in the root", []verify.Decision{verify.Rejected}},                   // it would hide the standard library's
}

func TestVerdictsOnKnownPatches(t *testing.T) {
	t.Parallel()
	b := sandboxtest.Backend(t, "bwrap") // the quicker one
	state := sandboxtest.Dir(t)
	bases, err := os.ReadFile(filepath.Join(sandboxtest.StateDir(), "bases.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, state, map[string]string{"bases.json": string(bases)})
	var labels []string
	for _, f := range firm {
		labels = append(labels, regexp.QuoteMeta(f.label))
	}
	e := Evaluation{
		Dir: "testdata/cases", Only: regexp.MustCompile("^(" + strings.Join(labels, "|") + ")$"), Repeats: 2,
		Machine:  app.Machine{StateDir: state, Backend: b.Name()},
		Progress: func(line string) { t.Log(line) },
	}
	report, err := e.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Rows) != len(firm) {
		t.Fatalf("got %d rows, want %d", len(report.Rows), len(firm))
	}
	for _, row := range report.Rows {
		i := slices.IndexFunc(firm, func(k known) bool { return k.label == row.Case+" "+row.Label })
		if i < 0 || !slices.Contains(firm[i].may, row.Decision) || row.Ground == "error" || row.Ground == "not reproduced" {
			t.Errorf("unexpected: %s", row)
		}
	}
}
