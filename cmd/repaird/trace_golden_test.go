package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/scrub"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	goldenPython = "/usr/bin/python3" // the distribution's: what is recorded depends on the version
	goldenDir    = "testdata/trace"
	findingsDir  = "../../internal/trace/findings/testdata/findings"
)

// The golden files hold what was recorded of a program, and what each view
// makes of these records. The views read the golden records, in which what
// differs from run to run is masked, so that their output needs no masks.
func TestTraceGolden(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source string   // "": the program of that name beside the golden files
		flags  []string // of the recording
		green  [2]string
		shows  bool // what was printed while it ran belongs to the golden files
	}{
		"comprehension":    {},
		"handlers":         {},
		"made_in":          {flags: []string{"--level", "variables"}},
		"made_text":        {flags: []string{"--level", "control"}},
		"qualified_names":  {flags: []string{"--xtrace"}, shows: true}, // it prints nothing, which would stand between the lines
		"shared_table":     {},
		"small":            {flags: []string{"--comprehensions"}},
		"values":           {flags: []string{"--break-func", "look", "--break-func", "fail", "--watch", "[value]"}, shows: true},
		"swallowed":        {source: findingsDir, flags: []string{"--level", "control"}, green: [2]string{`"USD": 0.9}`, `"USD": 0.9, "GBP": 1.2}`}},
		"mutable_default":  {source: findingsDir, flags: []string{"--calls", "--out", "t.jsonl"}, shows: true},
		"class_attribute":  {source: findingsDir, flags: []string{"--call-counts", "5"}, shows: true},
		"exhausted":        {source: findingsDir, flags: []string{"--on-exception", "snapshot", "--locals"}, shows: true},
		"callback":         {source: findingsDir},
		"off_by_one":       {source: findingsDir, green: [2]string{"range(", "range(0 * "}},
		"never_awaited":    {source: findingsDir},
		"healthy_async":    {source: findingsDir},
		"mutated_argument": {source: findingsDir},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, err := os.ReadFile(filepath.Join(cmp.Or(c.source, goldenDir), name+".py"))
			if err != nil {
				t.Fatal(err)
			}
			x := goldenCase{name: name}
			recorded, shown := recordGolden(t, name, string(source), c.flags)
			x.add("records.jsonl", recorded)
			if c.shows {
				x.add("shown", shown)
			}
			green := ""
			if c.green[0] != "" {
				changed := strings.ReplaceAll(string(source), c.green[0], c.green[1])
				if changed == string(source) {
					t.Fatalf("no %q in the program", c.green[0])
				}
				green, _ = recordGolden(t, name, changed, c.flags)
				x.add("green.jsonl", green)
			}
			if *update {
				x.write(t)
			}
			golden := x.compare(t)
			x.files = nil // the views show the golden records, even where others were recorded just now
			x.views(t, string(source), golden["records.jsonl"], golden["green.jsonl"])
			if *update {
				recorded := []txtar.File{}
				for _, f := range golden.archive(t, name) {
					if f.Name == "records.jsonl" || f.Name == "green.jsonl" || f.Name == "shown" {
						recorded = append(recorded, f)
					}
				}
				x.files = append(recorded, x.files...)
				x.write(t)
				return
			}
			x.compare(t)
		})
	}
}

// A goldenCase collects what a golden file is to hold.
type goldenCase struct {
	name  string
	files []txtar.File
}

// goldenFile is what one holds: name → content.
type goldenFile map[string]string

func (goldenFile) archive(t *testing.T, name string) []txtar.File {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join(goldenDir, name+".golden"))
	if err != nil {
		t.Fatal(err)
	}
	return a.Files
}

func (x *goldenCase) add(name, content string) {
	if content != "" && !strings.HasSuffix(content, "\n") {
		content += "\n"
	}
	x.files = append(x.files, txtar.File{Name: name, Data: []byte(content)})
}

func (x *goldenCase) write(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(goldenDir, x.name+".golden"), txtar.Format(&txtar.Archive{Files: x.files}), 0o644); err != nil {
		t.Fatal(err)
	}
}

// compare compares what was collected with the golden file, and returns that.
func (x *goldenCase) compare(t *testing.T) goldenFile {
	t.Helper()
	want := goldenFile{}
	for _, f := range want.archive(t, x.name) {
		want[f.Name] = string(f.Data)
	}
	for _, f := range x.files {
		golden, ok := want[f.Name]
		if got := string(f.Data); !ok || got != golden {
			t.Errorf("%s of %s.golden differs (go test -run TestTraceGolden -update writes it anew):\n%s", f.Name, x.name, firstDifference(got, golden))
		}
	}
	return want
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		var g, w string
		if i < len(a) {
			g = a[i]
		}
		if i < len(b) {
			w = b[i]
		}
		if g != w {
			return fmt.Sprintf("line %d\ngot  %.400s\nwant %.400s", i+1, g, w)
		}
	}
	return "only in how many lines there are"
}

// recordGolden runs a program under the tracer and masks what its records hold
// of this run alone.
func recordGolden(t *testing.T, name, source string, flags []string) (records, shown string) {
	t.Helper()
	p := newTraceProject(t, map[string]string{name + ".py": source})
	cmd := p.command(append(append([]string{"--python", goldenPython, "--quiet", "--out", "t.jsonl"}, flags...), name+".py")...)
	cmd.Env = append(cmd.Env, "PYTHONHASHSEED=0", "LC_ALL=C.UTF-8")
	got := p.finish(t, cmd)
	if strings.Contains(got.stderr, "not traced") || strings.Contains(got.stderr, "not started") {
		t.Fatalf("exit code %d, standard error:\n%s", got.code, got.stderr)
	}
	records = p.read(t, "t.jsonl")
	n := 0
	for _, m := range goldenMasks {
		records = m.in.ReplaceAllStringFunc(records, func(s string) string {
			n++
			return m.in.ReplaceAllString(s, strings.ReplaceAll(m.by, "N", fmt.Sprint(10*n)))
		})
	}
	shown = "exit code " + fmt.Sprint(got.code) + "\n" + got.stdout + "--\n" + got.stderr
	clean := strings.NewReplacer(p.dir, "/project", "\x00", "")
	shown = moment.ReplaceAllString(address.ReplaceAllString(clean.Replace(shown), "0xADDRESS"), "${1}1700000000.5")
	return clean.Replace(records), shown
}

var (
	address = regexp.MustCompile(`0x[0-9a-f]{6,}`)
	moment  = regexp.MustCompile(`("timestamp": )[\d.]+`)
)

// goldenMasks say what is masked, by name: times (which become multiples of 10
// in the order of the records), processes, versions, addresses.
var goldenMasks = []struct {
	in *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`"t":\d+`), `"t":N`},
	{regexp.MustCompile(`"ts":[\d.]+`), `"ts":1700000000.000000`},
	{regexp.MustCompile(`"(pid|ppid|forked)":[1-9]\d*`), `"$1":1000`},
	{regexp.MustCompile(`"f":"trace-\d+`), `"f":"trace-1000`},
	{regexp.MustCompile(`"python":"3\.(\d+)\.\d+"`), `"python":"3.$1.0"`},
	{address, "0xADDRESS"},
}

// views adds what the commands show of records.
func (x *goldenCase) views(t *testing.T, source, red, green string) {
	t.Helper()
	p := newTraceProject(t, map[string]string{x.name + ".py": source, "t.jsonl": red, "green.jsonl": green})
	// What is replayed must lie in the directory.
	if err := os.WriteFile(filepath.Join(p.dir, "here.jsonl"), []byte(strings.ReplaceAll(red, "/project", p.dir)), 0o644); err != nil {
		t.Fatal(err)
	}
	commands := []struct{ name, line string }{
		{"tree", "tree t.jsonl"},
		{"tree.json", "tree --json --times t.jsonl"},
		{"findings", "findings t.jsonl"},
		{"counts", "counts --qualified --sort total t.jsonl"},
		{"show", "show t.jsonl"},
		{"slice.jsonl", "slice --kind call --kind ret --kind raise --callers --out - t.jsonl"},
		{"chrome", "export --format chrome t.jsonl"},
		{"speedscope", "export --format speedscope t.jsonl"},
		{"events", "export --format events t.jsonl"},
		{"page", "export --format html --source /project=. t.jsonl"},
		{"replay.py", "replay here.jsonl"},
	}
	if green != "" {
		commands = append(commands, []struct{ name, line string }{
			{"diff", "diff t.jsonl green.jsonl"},
			{"compared", "findings t.jsonl --green green.jsonl"},
			{"pages", "export --format html --source /project=. --green green.jsonl t.jsonl"},
		}...)
	}
	var script strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&script, "repaird trace %s > %s.out 2> %s.err; echo \"exit code $?\" >> %[2]s.err\n", c.line, c.name, c.name)
	}
	if got := p.shell(t, script.String()); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	for _, c := range commands {
		out := p.read(t, c.name+".out")
		switch {
		case strings.HasPrefix(c.name, "page"):
			out = pageData(t, out)
		case strings.HasSuffix(c.name, ".json"), c.name == "speedscope":
			out = indented(t, out)
		}
		said := p.read(t, c.name+".err")
		if said == "exit code 0\n" {
			said = ""
		}
		x.add(c.name, strings.ReplaceAll(said+out, p.dir, "/project"))
	}
	trace, err := trace.Read(strings.NewReader(red))
	if err != nil {
		t.Fatal(err)
	}
	x.add("card", card.Diagnose(trace, card.Options{Root: "/project", Source: func(string) []byte { return []byte(source) }}).Text)
	var redacted bytes.Buffer
	if _, err := scrub.Trace(&redacted, strings.NewReader(red), redact.New(bytes.Repeat([]byte("k"), 32))); err != nil {
		t.Fatal(err)
	}
	x.add("redacted.jsonl", redacted.String())
}

var pageScript = regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`)

func pageData(t *testing.T, page string) string {
	t.Helper()
	m := pageScript.FindStringSubmatch(page)
	if m == nil {
		t.Fatal("a page without data")
	}
	return indented(t, m[1])
}

// indented makes JSON one that can be read and compared line by line.
func indented(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", " "); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	return b.String()
}
