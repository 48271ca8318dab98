package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/trace/view"
)

// smallTrace is a trace that was written by hand.
const smallTrace = "../../internal/trace/view/testdata/small.jsonl"

// viewed runs a view and returns what it wrote to standard output. Standard
// output is the process's, so these tests are not parallel.
func viewed(t *testing.T, want int, args ...string) string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stdout := os.Stdout
	os.Stdout = file
	code := run(append([]string{"trace"}, args...))
	os.Stdout = stdout
	if code != want {
		t.Errorf("repaird trace %v: exit code %d, want %d", args, code, want)
	}
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEachViewOfARecordedTrace(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"tree", smallTrace}, "Cart.items#2 += 'x' (len 0 → 1)"},
		{[]string{"tree", "--call", "4", smallTrace}, "SWALLOWED at line 7"},
		{[]string{"tree", smallTrace, "--json"}, `"function": "Cart.add"`},
		{[]string{"tree", "--color", "always", smallTrace}, "\x1b[31m"},
		{[]string{"counts", smallTrace}, "Call Counts (Top 10):\n1200+ calls to check (cart.py:9)\n"},
		{[]string{"counts", "--sort", "self", "--top", "2", smallTrace}, "main (app.py:1)"},
		{[]string{"show", smallTrace, "--function", "Cart.add", "--kind", "handled"}, "swallowed exception 1: handler at line 7"},
		{[]string{"slice", "--object", "#3", "--callers", smallTrace}, "main()"},
		{[]string{"slice", "--from", "70us", "--to", "80us", "--out", "-", smallTrace}, `{"k":"yield"`},
		{[]string{"findings", smallTrace}, "[swallowed]"},
		{[]string{"diff", smallTrace, smallTrace}, "same calls with the same values"},
		{[]string{"export", "--format", "perfetto", smallTrace}, `"traceEvents":[`},
		{[]string{"export", "--format", "html", "--green", smallTrace, smallTrace}, "<!doctype html>"},
	} {
		if got := viewed(t, 0, c.args...); !strings.Contains(got, c.want) {
			t.Errorf("repaird trace %v lacks %q:\n%s", c.args, c.want, got)
		}
	}
}

func TestWrongArgumentsOfViewsAreUsage(t *testing.T) {
	for _, args := range [][]string{
		{"tree"}, {"tree", smallTrace, smallTrace}, {"diff", smallTrace}, {"tree", "--call", "x", smallTrace}, {"counts", "--sort", "age", smallTrace},
		{"show", "--kind", "leap", smallTrace}, {"show", "--record", "9-2", smallTrace}, {"slice", "--object", "me", smallTrace}, {"tree", "--color", "red", smallTrace},
		{"export", smallTrace}, {"export", "--format", "svg", smallTrace}, {"export", "--format", "chrome", "--green", smallTrace, smallTrace},
	} {
		if got := viewed(t, 2, args...); got != "" {
			t.Errorf("repaird trace %v wrote %q to standard output", args, got)
		}
	}
	viewed(t, 1, "tree", filepath.Join(t.TempDir(), "none"))
}

func TestAnExportedFileIsKnownByItsName(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{"a.html": "<!doctype html>", "b.json": `{"displayTimeUnit"`, "c.speedscope.json": `{"$schema"`} {
		file := filepath.Join(dir, name)
		viewed(t, 0, "export", "--out", file, smallTrace)
		text, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s begins with %.40q, %v", name, text, err)
		}
	}
	part := filepath.Join(dir, "part.jsonl.zst")
	viewed(t, 0, "slice", "--function", "check", "--callers", "--out", part, smallTrace)
	if trace, err := view.Open(part, nil); err != nil || !trace.Traced() || trace.Len() == 0 {
		t.Errorf("the slice is not a trace: %v", err)
	}
}
