package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// everything is a program whose trace has records of nearly every kind.
const everything = `
import asyncio, os, subprocess, sys, threading
class Cart:
    seen = []
    def __init__(self, n):
        self.n, self.lines = n, [n, {"a": object()}]
    def add(self, item, into=[]):
        into.append(item)
        self.lines.append(item)
        return self
def gen(n):
    for i in range(n):
        yield i
def fails(x):
    raise ValueError("no %s" % x)
def quiet(x):
    try:
        fails(x)
    except ValueError:
        return None
async def job(n):
    await asyncio.sleep(0)
    return n
async def main():
    return await asyncio.gather(job(1), job(2))
cart = Cart(3)
for i in range(4):
    cart.add(i)
    if i == 2:
        quiet(cart)
list(gen(2))
int_of = [int(x) for x in "12"]
try:
    int("x" * 3)
except ValueError:
    pass
asyncio.run(main())
t = threading.Thread(target=quiet, args=(b"\xff",), name="worker")
t.start(); t.join()
subprocess.call([sys.executable, "-c", "pass"])
pid = os.fork()
if pid == 0:
    cart.add("child")
    os._exit(0)
os.waitpid(pid, 0)
Cart(float("nan")).add(10**300).add({1, 2}).add("\u00e9\ud800")
fails(range(3))
`

func TestRealTracesFitTheSchema(t *testing.T) {
	t.Parallel()
	resolved, err := schema(t).Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, python := range tracertest.Pythons(t) {
		dir, file := tracertest.Program(t, everything)
		for _, c := range []tracer.Config{
			{},
			{Level: "control", Lines: true, ExceptionSnapshot: true, Locals: true, Breakpoints: []tracer.Breakpoint{{File: file, Line: 9}}, Watches: []string{"self.n", "nothing"}},
			{MaxRecords: 60, PerCode: 3},
			{CallsOnly: true},
		} {
			c.Include = []string{dir}
			s := tracertest.Run(t, python, &c, file)
			var merged bytes.Buffer
			if err := trace.Merge(&merged, s.Dir); err != nil {
				t.Fatal(err)
			}
			for line := range bytes.Lines(merged.Bytes()) {
				var v map[string]any
				if err := json.Unmarshal(line, &v); err != nil {
					t.Fatalf("%s: %.300q: %v", python, line, err)
				}
				if err := resolved.Validate(v); err != nil {
					name, _ := v["k"].(string)
					t.Errorf("%s: %.300s: %v", python, line, why(t, name, v, err))
				}
				kinds[fmt.Sprint(v["k"])]++
			}
		}
	}
	for name := range schema(t).Defs {
		if isKind(t, name) && kinds[name] == 0 && !slices.Contains([]string{"stack", "problem", "mark"}, name) {
			t.Errorf("no %s in any trace", name)
		}
	}
}

// why says what is wrong with a line, by its own kind's schema.
func why(t *testing.T, name string, v any, err error) error {
	s := schema(t)
	if s.Defs[name] == nil {
		return err
	}
	s.OneOf = []*jsonschema.Schema{{Ref: "#/$defs/" + name}}
	resolved, rerr := s.Resolve(nil)
	if rerr != nil {
		return rerr
	}
	return resolved.Validate(v)
}

func isKind(t *testing.T, name string) bool {
	t.Helper()
	s := schema(t).Defs[name]
	return s != nil && s.Properties["k"] != nil
}

func TestWrongLinesDoNotFitTheSchema(t *testing.T) {
	t.Parallel()
	resolved, err := schema(t).Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`{}`, `{"k":"telepathy"}`, `{"k":"call","i":"1","c":1}`, `{"k":"call","i":1,"c":1,"zz":1}`, `{"k":"call","i":-1,"c":1}`,
		`{"k":"ret","i":1,"c":1,"v":5}`, `{"k":"ret","i":1,"c":1,"v":{"r":"1"}}`, `{"k":"call","i":1,"c":1,"a":[["x"]]}`, `{"k":"call","i":1,"c":1,"a":[[1,"2"]]}`, `{"k":"handled","i":1,"c":1,"e":1,"o":"maybe"}`} {
		var v any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		if resolved.Validate(v) == nil {
			t.Errorf("%s fits", line)
		}
	}
}

// properties are the keys of a kind's schema, and of what is inside that is not a value.
func properties(s *jsonschema.Schema, all map[string]*jsonschema.Schema) map[string]bool {
	out := map[string]bool{}
	var visit func(s *jsonschema.Schema)
	visit = func(s *jsonschema.Schema) {
		if s == nil {
			return
		}
		if s.Ref == "#/$defs/frames" {
			visit(all["frames"])
		}
		for name, p := range s.Properties {
			if name != "k" {
				out[name] = true
				visit(p)
			}
		}
		for _, v := range s.Enum {
			if text, ok := v.(string); ok {
				out["="+text] = true
			}
		}
		visit(s.Items)
	}
	visit(s)
	return out
}

var (
	inTicks  = regexp.MustCompile("`([^`]+)`")
	wordOnly = regexp.MustCompile(`[a-z_]+`)
)

// words are the words in backticks of a line of the document.
func words(line string) map[string]bool {
	out := map[string]bool{}
	for _, m := range inTicks.FindAllStringSubmatch(line, -1) {
		if strings.ToLower(m[1]) == m[1] {
			for _, w := range wordOnly.FindAllString(m[1], -1) {
				out[w] = true
			}
		}
	}
	return out
}

func TestTheDocumentAndTheSchemaHaveTheSameKeys(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("SCHEMA.md")
	if err != nil {
		t.Fatal(err)
	}
	defs := schema(t).Defs
	common := map[string]bool{"i": true, "c": true, "t": true, "th": true, "ta": true, "e": true, "l": true, "loc": true}
	prose := map[string]bool{}
	for _, w := range strings.Fields("except finally with if elif while for case unbound max_events wall stacks txt threading get_ident file line fork exec forkserver late settrace monitoring meta v") {
		prose[w] = true
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		rest := words(strings.Join(cells[2:], "|"))
		for name := range words(cells[1]) {
			if !isKind(t, name) {
				continue
			}
			seen[name] = true
			keys := properties(defs[name], defs)
			for key := range keys {
				if value, ok := strings.CutPrefix(key, "="); !rest[key] && !common[key] && !ok && key != "o" || ok && name != "handled" && value != "" && !rest[value] {
					t.Errorf("the document does not say that %s has %s", name, key)
				}
			}
			for w := range rest {
				if !keys[w] && !keys["="+w] && !prose[w] && !((strings.Contains(cells[1], ",") || name == "mark") && common[w]) && !isKind(t, w) && w != "p" && !sharedRow(cells[1], w, defs) {
					t.Errorf("the schema of %s has no %s", name, w)
				}
			}
		}
	}
	for name := range defs {
		if isKind(t, name) && !seen[name] {
			t.Errorf("the document has no %s", name)
		}
	}
	_, values, _ := strings.Cut(string(text), "## Values")
	documented := map[string]bool{}
	for line := range strings.Lines(values) {
		if cells := strings.Split(line, "|"); len(cells) > 3 {
			maps.Copy(documented, words(cells[1]))
			for _, m := range regexp.MustCompile("`([a-z]+)` 1").FindAllStringSubmatch(line, -1) {
				documented[m[1]] = true
			}
		}
	}
	object := defs["value"].AnyOf[1].Properties
	for name := range object {
		if !documented[name] {
			t.Errorf("the document says nothing of a value's %s", name)
		}
	}
	for name := range documented {
		if object[name] == nil && name != "key" {
			t.Errorf("the schema of a value has no %s", name)
		}
	}
}

// sharedRow says whether a word is a key of another kind in the same row.
func sharedRow(cell, word string, defs map[string]*jsonschema.Schema) bool {
	for name := range words(cell) {
		if s := defs[name]; s != nil && s.Properties[word] != nil {
			return true
		}
	}
	return false
}
