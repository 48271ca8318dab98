package mutants_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/mutants"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// mutantsOf returns the changes made to a file of which all lines are new.
func mutantsOf(t *testing.T, source string, limit int) []language.Rival {
	t.Helper()
	if testing.Short() {
		t.Skip("runs Python, which -short does without")
	}
	m := mutants.Maker{Backend: sandboxtest.Host{TB: t}}
	list, err := m.Mutants(t.Context(), language.Probe{Run: "test", Tree: t.TempDir(), Overlay: patch.Overlay{"a.py": []byte(source)}}, limit)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestOneConstantOrOperatorIsAnother(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		source string
		want   string // changes, sorted
	}{
		"numbers":                      {"x = 20\n", "20 → (-20), 20 → 0, 20 → 19, 20 → 2, 20 → 200, 20 → 21"},
		"fractions":                    {"x = 0.5\n", "0.5 → (-0.5), 0.5 → 0, 0.5 → 0.05, 0.5 → 1.5, 0.5 → 5.0"},
		"texts and others of the file": {"x = 'Ab', 'c'\n", `'Ab' → '', 'Ab' → 'AB', 'Ab' → 'ab', 'Ab' → 'c', 'c' → '', 'c' → 'Ab', 'c' → 'C'`},
		"truth":                        {"x = True\n", "True → False"},
		"comparisons":                  {"x = a < b\n", "< → <=, < → ==, < → >"},
		"membership":                   {"x = a not  in b\n", "not in → in"},
		"a chain":                      {"x = a is b is not c\n", "is not → is, is → is not"},
		"arithmetic":                   {"x = a // b\n", "// → %, // → *, // → /"},
		"arithmetic in place":          {"x += y\n", "+= → -="},
		"an operator beside a comment": {"x = (a  # + b\n    + b)\n", "+ → -"},
		"and, or":                      {"x = a and b\n", "and → or"},
		"a sign":                       {"x = -a\n", "-a → (a)"},
		"conditions":                   {"if a:\n    pass\n", "a → (not (a))"},
		"a condition that compares":    {"if a == b:\n    pass\n", "== → !=, == → <=, == → >="},
		"methods":                      {"x = a.upper()\n", "upper → lower, upper → title"},
		"functions":                    {"x = min(a, b)\n", "min → max"},
		"letters beyond ASCII before":  {"x = é + ß\n", "+ → -"},
		"documentation stays":          {"\"\"\"Says 1 + 1.\"\"\"\n\n\ndef f():\n    \"\"\"Adds.\"\"\"\n", ""},
		"formatted texts stay":         {"x = f'{a + 1}'\n", ""},
		"what is not Python stays":     {"x = = 1\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, m := range mutantsOf(t, tt.source, 100) {
				got = append(got, m.Change)
			}
			slices.Sort(got)
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("got %s\nwant %s", s, tt.want)
			}
		})
	}
}

func TestTheRestOfThePatchStays(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs Python, which -short does without")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.py"), []byte("x = 1\ny = a < b\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	overlay := patch.Overlay{"a.py": []byte("x = 1\ny = a <= b  # both\n"), "b.json": []byte("[1]"), "gone.py": nil}
	list, err := mutants.Maker{Backend: sandboxtest.Host{TB: t}}.Mutants(t.Context(), language.Probe{Run: "test", Tree: dir, Overlay: overlay}, 100)
	if err != nil || len(list) != 3 {
		t.Fatalf("got %d mutants, %v; want 3, of the added line alone", len(list), err)
	}
	for _, m := range list {
		text := string(m.Overlay["a.py"])
		if m.Line != 2 || !strings.HasPrefix(text, "x = 1\ny = a ") || !strings.HasSuffix(text, " b  # both\n") || string(m.Overlay["b.json"]) != "[1]" {
			t.Errorf("got line %d, %q", m.Line, text)
		}
		if _, ok := m.Overlay["gone.py"]; !ok {
			t.Error("a deletion is lost")
		}
	}
}

func TestAFewHaveManyKinds(t *testing.T) {
	t.Parallel()
	list := mutantsOf(t, "x = 1, 2, 3, 4, 5, 6, 7, 8\ny = a < b and c + d\n", 4)
	kinds := map[string]bool{}
	for _, m := range list {
		kinds[strings.TrimRight(strings.Fields(m.Change)[0], "0123456789")] = true
	}
	if len(list) != 4 || len(kinds) != 4 {
		t.Errorf("got %v, want one each of a number, a comparison, logic and arithmetic", list)
	}
	if again := mutantsOf(t, "x = 1, 2, 3, 4, 5, 6, 7, 8\ny = a < b and c + d\n", 4); again[0].Change != list[0].Change || again[3].Change != list[3].Change {
		t.Error("the order is another")
	}
}
