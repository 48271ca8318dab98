package repair_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/trace"
)

// write puts files into a tree.
func write(t *testing.T, tree string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// opening is the first message that a model gets.
func opening(t *testing.T, in repair.Input, opts repair.ModelOptions) string {
	t.Helper()
	m := &llm.Scripted{Turns: []llm.Turn{llm.Call("give_up", map[string]any{"reason": "x"})}, Loop: true}
	_, _ = proposer(m, opts).Repair(t.Context(), in)
	return m.Requests()[0].Messages[0].Text.String()
}

func TestTheOpeningShowsAFunctionWithWhatItDependsOn(t *testing.T) {
	t.Parallel()
	filler := strings.Repeat("\n\ndef unrelated():\n    \"\"\"def not_me(): and {[( not brackets.\"\"\"\n    return 'UNRELATED'\n", 120)
	ledger := `"""Ledgers."""
import decimal
import os.path
from .rates import (
    rate as rate_of,
    known,
)

UNUSED = {"a": 1}
SCALES = {
    "EUR": 2,
    "JPY": 0,
}


class Ledger(dict):
    """Sums by currency."""
    places: int = 2
    entries = []

    def other(self):
        return "OTHER"

    @property
    @decimal.wrap
    def total(
        self,
    ):
        def inner(entry):
            return entry * SCALES[self.currency] * rate_of(self.currency)
        return sum(map(inner, self.entries))
` + filler
	tree := t.TempDir()
	write(t, tree, map[string]string{
		"bank/ledger.py":            ledger,
		"bank/rates.py":             "def rate(code):\n    return RATES[code]\n",
		"tests/test_ledger.py":      "from bank.ledger import Ledger\n\n\ndef test_total_of_yen():\n    assert Ledger('JPY').total == 0\n\n\ndef test_unrelated():\n    assert 'QUITE' + 'ELSE'\n",
		"tests/fixtures/orders.csv": "a,b\n",
	})
	in := input(tree, &judge{})
	line := 1 + strings.Count(ledger[:strings.Index(ledger, "return entry *")], "\n")
	in.Frames = []incident.Frame{{File: "bank/ledger.py", Function: "inner", Line: line, Code: "return entry * SCALES", InApp: true}}
	in.Output = "=== FAILURES ===\nbank/ledger.py:30: in inner\n    return entry * SCALES\nE   KeyError: 'CHF'\n--- Captured stdout call ---\nloaded 3 entries\n=== short test summary info ===\nFAILED x\n"
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in.Bundle = &bundle.Bundle{Event: incident.Event{
		Logs: []incident.Log{{Time: at, Level: "warning", Category: "bank", Message: "no scale for CHF"}},
		Spans: []incident.Span{{Name: "SELECT entries", Kind: "client", Start: at, End: at.Add(time.Second), Status: "ok"},
			{Name: "GET /total", Kind: "server", Start: at, End: at.Add(2 * time.Second), Status: "error"}},
	}}
	in.Budget = repair.Budget{Attempts: 4, Tokens: 123_000, Time: time.Minute}
	got := opening(t, in, repair.ModelOptions{Turns: 9})
	for _, want := range []string{
		"import decimal", "from .rates import (\n    rate as rate_of,\n    known,\n)", "SCALES = {\n    \"EUR\": 2,", "class Ledger(dict):", "places: int = 2", "entries = []",
		"    @property\n    @decimal.wrap\n    def total(\n", "def inner(entry):", "return sum(map(inner",
		"def test_total_of_yen", "tests/fixtures/ orders.csv", "bank/ ledger.py rates.py",
		"no scale for CHF", "GET /total, error, 2s", "E   KeyError: 'CHF'", "loaded 3 entries",
		"4 patches can be verified, within 9 answers", "123000 tokens", "60 seconds",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the opening lacks %q", want)
		}
	}
	for _, unwanted := range []string{"UNUSED", "os.path", "OTHER", "UNRELATED", "QUITE", "FAILED x"} {
		if strings.Contains(got, unwanted) {
			t.Errorf("the opening holds %q", unwanted)
		}
	}
	if n := strings.Count(got, "in inner"); n != 1 {
		t.Errorf("the stack is shown %d times, want once", n)
	}
	if t.Failed() {
		t.Log(got)
	}
}

// traced runs a program that fails under the tracer and returns its trace as the
// sandbox has it: the program is /work/prog.py.
func traced(t *testing.T, source string) []byte {
	t.Helper()
	tracing.Lock()
	defer tracing.Unlock()
	if b := traces[source]; b != nil {
		return b
	}
	dir, file := tracertest.Program(t, source)
	run := tracertest.Run(t, tracertest.Pythons(t)[0], &tracer.Config{Include: []string{dir}}, file)
	var b bytes.Buffer
	if err := trace.Merge(&b, run.Dir); err != nil {
		t.Fatal(err)
	}
	traces[source] = bytes.ReplaceAll(b.Bytes(), []byte(dir), []byte("/work"))
	return traces[source]
}

var (
	tracing sync.Mutex
	traces  = map[string][]byte{} // by source
)

const tolls = `
def fold(code):
    return code


def toll(code):
    return {"A": 2}.get(fold(code))


def spread(total, toll):
    return total * toll


def bill(code):
    return spread(3.5, toll(code))
` + "\n\ndef unrelated():\n    return 'UNRELATED'\n" + "\n\nbill('a')\n"

func TestTheOpeningShowsWhatReturnedTheBadValue(t *testing.T) {
	t.Parallel()
	padding := strings.Repeat("\n\ndef padding():\n    return 'PADDING'\n", 200)
	tree := t.TempDir()
	write(t, tree, map[string]string{"prog.py": strings.TrimLeft(tolls, "\n") + padding})
	in := input(tree, &judge{})
	in.Trace = traced(t, tolls)
	in.Frames = []incident.Frame{{File: "prog.py", Function: "bill", Line: 14, InApp: true}, {File: "prog.py", Function: "spread", Line: 10, InApp: true}}
	got := opening(t, in, repair.ModelOptions{})
	for _, want := range []string{"def spread(", "def toll(code):\n    return {", "def fold(code):\n    return code", "toll(code='a') → None"} {
		if !strings.Contains(got, want) {
			t.Errorf("the opening lacks %q\n%s", want, got)
		}
	}
	if strings.Contains(got, "UNRELATED") || strings.Contains(got, "PADDING") {
		t.Error("the opening holds functions that did not run")
	}
}

func TestTheOpeningSaysWhichCommitBrokeTheCall(t *testing.T) {
	t.Parallel()
	tree, _ := repository(t)
	in := input(tree, &judge{})
	if got := opening(t, in, repair.ModelOptions{}); strings.Contains(got, "history:") {
		t.Error("the opening tells of a history that is not known")
	}
	in.Broken = "broken by 82b1cdd9e7dd of 2025-05-01 (Simplify); before it the call returns 7"
	if got := opening(t, in, repair.ModelOptions{}); !strings.Contains(got, "history: broken by 82b1cdd9e7dd") {
		t.Errorf("the opening lacks the commit\n%s", got)
	}
}
