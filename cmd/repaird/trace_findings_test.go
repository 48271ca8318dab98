package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/trace/findings"
)

// exampleProject copies a project of examples/trace.
func exampleProject(t *testing.T, name string) *traceProject {
	t.Helper()
	files := map[string]string{}
	root := filepath.Join("../../examples/trace", name)
	if err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, root+"/")] = string(text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return newTraceProject(t, files)
}

func TestFindingsOfAFailingRunAgainstAPassingOne(t *testing.T) {
	t.Parallel()
	p := exampleProject(t, "orders")
	if green := p.trace(t, "--out", "green.jsonl.zst", "--", "app.py"); green.code != 0 {
		t.Fatalf("the passing run fails: %s", green.stderr)
	}
	if red := p.trace(t, "--out", "red.jsonl", "--", "app.py", "new-customer.json"); red.code != 1 {
		t.Fatalf("the failing run ends with %d: %s", red.code, red.stderr)
	}
	alone := p.trace(t, "findings", "red.jsonl")
	if alone.code != 0 || strings.Contains(alone.stdout, "[missing]") || strings.Contains(alone.stdout, "[diverges]") {
		t.Errorf("without a passing run: %d\n%s", alone.code, alone.stdout)
	}
	both := p.trace(t, "findings", "red.jsonl", "--green", "green.jsonl.zst")
	for _, want := range []string{"1. [diverges] The runs part in main: path is 'new-customer.json'; in the passing run 'orders.json'.",
		"2. [missing] main never called render, which it did in the passing run", "[chain] rate_of raised KeyError: 'none'"} {
		if !strings.Contains(both.stdout, want) {
			t.Errorf("no %q in\n%s", want, both.stdout)
		}
	}

	var got struct {
		Traced   bool
		Green    string
		Findings []findings.Finding
	}
	text := p.trace(t, "findings", "--json", "--green", "green.jsonl.zst", "red.jsonl")
	if err := json.Unmarshal([]byte(text.stdout), &got); err != nil {
		t.Fatalf("%v\n%s", err, text.stdout)
	}
	if !got.Traced || !strings.Contains(got.Green, "records") || len(got.Findings) < 3 || got.Findings[1].Kind != "missing" || len(got.Findings[1].Records) == 0 {
		t.Errorf("as JSON: %+v", got)
	}
	for i := 1; i < len(got.Findings); i++ {
		if got.Findings[i].Weight > got.Findings[i-1].Weight {
			t.Errorf("finding %d weighs more than the one before it", i+1)
		}
	}
	if without := p.trace(t, "findings", "--json", "red.jsonl"); strings.Contains(without.stdout, `"green"`) {
		t.Errorf("a passing run without one: %s", without.stdout)
	}
}

func TestAPassingRunThatCannotBeComparedIsSaidToBeThat(t *testing.T) {
	t.Parallel()
	p := exampleProject(t, "orders")
	p.trace(t, "--out", "red.jsonl", "--", "app.py", "new-customer.json")
	p.trace(t, "--out", "other.jsonl", "--", "python3", "-c", "import store; store.load('orders.json')")
	const note = "The passing run never ran "
	if got := p.trace(t, "findings", "red.jsonl", "--green", "other.jsonl"); !strings.HasPrefix(got.stdout, note) || !strings.Contains(got.stdout, "rate_of raised KeyError") {
		t.Errorf("got %s", got.stdout)
	}
	if got := p.trace(t, "findings", "--json", "red.jsonl", "--green", "other.jsonl"); !strings.Contains(got.stdout, note) {
		t.Errorf("got %s", got.stdout)
	}
	if got := p.trace(t, "findings", "red.jsonl", "--green", "nowhere.jsonl"); got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, "nowhere.jsonl") {
		t.Errorf("a passing run that is not there: %d %s%s", got.code, got.stdout, got.stderr)
	}
}

func TestReplayCallsOnlyWhatIsBelowTheProgramsRoot(t *testing.T) {
	t.Parallel()
	p := exampleProject(t, "orders")
	p.trace(t, "--out", "run.jsonl", "--", "app.py")
	if err := os.Mkdir(filepath.Join(p.dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	got := p.shell(t, "cd sub && repaird trace replay ../run.jsonl")
	if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, " main is not repeated: its file "+p.dir+"/app.py is not below "+p.dir+"/sub, and only") ||
		!strings.Contains(got.stderr, "give the program's directory with --root") {
		t.Errorf("from another directory: %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	for _, line := range []string{"repaird trace replay run.jsonl", "cd sub && repaird trace replay --root .. ../run.jsonl", "cd sub && repaird trace replay --import-root .. ../run.jsonl"} {
		if got := p.shell(t, line); got.code != 0 || !strings.Contains(got.stdout, "app.main(path='orders.json')") {
			t.Errorf("%s: %d\n%s%s", line, got.code, got.stdout, got.stderr)
		}
	}
}
