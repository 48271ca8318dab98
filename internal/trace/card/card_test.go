package card_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/trace/findings"
	"github.com/repaird/repaird/internal/trace/wire"
	"github.com/repaird/repaird/internal/trace/wire/wiretest"
)

// sample traces the tests of a folder of testdata with the stand-in runner,
// with some files replaced.
func sample(t *testing.T, name string, replace map[string][2]string) (*trace.Trace, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	for file, r := range replace {
		path := filepath.Join(dir, file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(text), r[0], r[1], 1)
		if changed == string(text) {
			t.Fatalf("%s has no %q", file, r[0])
		}
		if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := tracertest.Run(t, tracertest.Pythons(t)[0], &tracer.Config{Include: []string{dir}}, "testdata/runner.py", dir)
	if !s.Trace.Traced() {
		t.Fatalf("not traced: %s", s.Err)
	}
	return s.Trace, dir
}

func TestTheFirstFindingNamesASharedClassAttribute(t *testing.T) {
	t.Parallel()
	trace, dir := sample(t, "cart", nil)
	f := findings.Find(trace)
	if len(f) == 0 || f[0].Kind != "shared" || !strings.HasPrefix(f[0].Text, "Cart.items is an attribute of the class") || f[0].Name != "Cart.add_item" || len(f[0].Records) < 3 {
		t.Fatalf("findings %+v", f)
	}
	card := card.Diagnose(trace, card.Options{Root: dir})
	for _, want := range []string{"AssertionError: Cart1 has 7 items", "test_cart.py:21", "Cart.items=[{", "Cart.get_item_count("} {
		if !strings.Contains(card.Text, want) {
			t.Errorf("the card lacks %q:\n%s", want, card.Text)
		}
	}
	if card.Tokens > 3000 || card.Tokens < 100 {
		t.Errorf("%d tokens", card.Tokens)
	}
}

func TestTheFirstFindingNamesASwallowedException(t *testing.T) {
	t.Parallel()
	trace, dir := sample(t, "config", nil)
	f := findings.Find(trace)
	if len(f) == 0 || f[0].Kind != "swallowed" || f[0].Line != 22 || f[0].Name != "load_config" ||
		!strings.Contains(f[0].Text, "ValueError: Missing required config fields: ['api_key', 'port'] was raised by validate_config (line 12)") {
		t.Fatalf("findings %+v", f)
	}
	source := func(file string) []byte {
		text, _ := os.ReadFile(file)
		return text
	}
	card := card.Diagnose(trace, card.Options{Root: dir, Source: source})
	if !strings.Contains(card.Text, "`except Exception:`") || !strings.Contains(card.Text, "loader.py:22") {
		t.Errorf("the card does not quote the handler:\n%s", card.Text)
	}
}

func TestAGoodProgramHasNoFindingOfSharingOrSwallowing(t *testing.T) {
	t.Parallel()
	s := tracertest.RunSource(t, tracertest.Pythons(t)[0], `
class Node:
    def __init__(self, name, parent=None):
        self.name, self.children, self.parent = name, [], parent
        if parent is not None:
            parent.children.append(self)
def collect(node, into=None):
    if into is None:
        into = []
    into.append(node.name)
    for c in node.children:
        collect(c, into)
    return into
for i in range(20):
    root = Node("r%d" % i)
    kids = [Node("k%d" % k, root) for k in range(3)]
    collect(root)
    del root, kids
`, tracer.Config{})
	for _, f := range findings.Find(s.Trace) {
		if f.Weight >= 0.5 {
			t.Errorf("finding %+v", f)
		}
	}
}

func TestFindingsNameTheCause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, kind, text, source string }{
		{"a mutable default argument", "shared", "parameter seen is one object for all calls", `
def unique(items, seen=[]):
    out = []
    for i in items:
        if i not in seen:
            seen.append(i)
            out.append(i)
    return out
def test():
    assert unique(["a1", "b"]) == ["a1", "b"]
    assert unique(["a1", "c"]) == ["a1", "c"]
test()
`},
		{"None that a look-up returned", "chain", "user=None at the crash in greet equals what find(", `
USERS = {1: {"name": "Ann"}}
def find(n):
    if n in USERS:
        return USERS[n]
def greet(user):
    return "hi " + user["name"]
def test():
    greet(find(1))
    greet(find(2))
test()
`},
		{"recursion that does not get smaller", "recursion", "without progress", `
def walk(items, n):
    if not items:
        return n
    return walk(items, n)
walk([1, 2], 0)
`},
		{"a value from far up", "chain", "came down unchanged from outer", `
def outer(limit):
    return middle(limit)
def middle(limit):
    return inner(limit)
def inner(limit):
    return 100 // len(limit)
outer("")
`},
		{"a callee that empties its argument", "mutated", "summary changed its argument rows in place", `
def summary(rows):
    total = 0
    while rows:
        total += rows.pop()
    return total
def test():
    rows = [1, 2, 3]
    assert summary(rows) == 6
    average(rows, summary(rows))
def average(rows, total):
    return total / len(rows)
test()
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := tracertest.RunFailing(t, c.source)
			f := findings.Find(s.Trace)
			found := -1
			for i := range f {
				if f[i].Kind == c.kind && strings.Contains(f[i].Text, c.text) {
					found = i
					break
				}
			}
			if found < 0 || found > 1 {
				t.Errorf("finding %q is at %d of %+v", c.text, found, f)
			}
		})
	}
}

func TestTheDivergenceIsTheFirstDifference(t *testing.T) {
	t.Parallel()
	red, _ := sample(t, "config", nil)
	green, dir := sample(t, "config", map[string][2]string{"loader.py": {"except Exception:", "except FileNotFoundError:"}})
	// The temporary file's name is another one in each run: the first difference
	// of the untouched sample. With equal names it is the swallowed exception.
	d := diverge.Compare(red, green, card.Options{Root: dir})
	if !d.Found || d.RedCall == nil || d.GreenCall == nil {
		t.Fatalf("%+v", d)
	}
	if n := strings.Count(d.Text, "\n"); n > 30 {
		t.Errorf("%d lines", n)
	}
	for _, line := range strings.Split(d.Text, "\n") {
		if utf8.RuneCountInString(line) > 2*diverge.Width+6 {
			t.Errorf("line of %d characters: %s", utf8.RuneCountInString(line), line)
		}
	}
}

const kth = `
def kth(arr, k):
    pivot = arr[0]
    below = [x for x in arr if x < pivot]
    above = [x for x in arr if x > pivot]
    num_less = len(below)
    num_lessoreq = len(arr) - len(above)
    if k < num_less:
        return kth(below, k)
    elif k >= num_lessoreq:
        return kth(above, k)
    else:
        return pivot
def test_kth():
    assert kth([3, 6, 7, 1, 6, 3, 8, 9], 5) == 7
test_kth()
`

func TestTheDivergenceOfAWrongArgumentShowsBothValues(t *testing.T) {
	t.Parallel()
	red := tracertest.RunFailing(t, kth).Trace
	dir, file := tracertest.Program(t, strings.Replace(kth, "kth(above, k)", "kth(above, k - num_lessoreq)", 1))
	green := tracertest.Run(t, tracertest.Pythons(t)[0], &tracer.Config{Include: []string{dir}}, file).Trace
	if f := findings.Find(red); len(f) == 0 || !strings.Contains(f[0].Text, "k=5 came down unchanged from kth through 5 calls") {
		t.Errorf("findings %+v", f)
	}
	d := diverge.Compare(red, green, card.Options{Root: dir})
	if d.Kind != "argument" || len(d.Changed) != 1 || d.Changed[0] != (diverge.Change{Name: "k", Red: "5", Green: "2"}) {
		t.Fatalf("%+v", d)
	}
	for _, want := range []string{"k = 5", "k = 2", "raises IndexError: list index out of range", "≠", "test_kth()"} {
		if !strings.Contains(d.Text, want) {
			t.Errorf("the card lacks %q:\n%s", want, d.Text)
		}
	}
	if same := diverge.Compare(green, green, card.Options{}); same.Found {
		t.Errorf("a run diverges from itself: %+v", same)
	}
	if back := diverge.Compare(green, red, card.Options{}); !back.Found || back.Changed[0].Green != "5" {
		t.Errorf("the other way round: %+v", back)
	}
}

func TestADiagnosisIsDeterministicAndWithinItsBudget(t *testing.T) {
	t.Parallel()
	s := tracertest.RunFailing(t, `
class Big:
    def __init__(self, n):
        self.rows = [{"id": i, "text": "x" * 50, "own": object()} for i in range(n)]
    def get(self, i):
        return self.rows[i]
def level(n, big):
    for i in range(5):
        try:
            big.get(1000 + i)
        except IndexError:
            pass
    if n == 0:
        return big.get("nine")
    return level(n - 1, big)
level(30, Big(40))
`)
	first := card.Diagnose(s.Trace, card.Options{})
	for _, tokens := range []int{3000, 1000, 300, 100} {
		card := card.Diagnose(s.Trace, card.Options{Tokens: tokens})
		if card.Tokens > tokens || card.Tokens < tokens/8 {
			t.Errorf("%d tokens of %d", card.Tokens, tokens)
		}
	}
	if again := card.Diagnose(s.Trace, card.Options{}); again.Text != first.Text {
		t.Error("two cards of one trace differ")
	}
	for _, want := range []string{"TypeError", "more nested calls of level", "Swallowed exceptions", "IndexError"} {
		if !strings.Contains(first.Text, want) {
			t.Errorf("the card lacks %q:\n%s", want, first.Text)
		}
	}
}

func TestValuesCannotBreakOutOfACard(t *testing.T) {
	t.Parallel()
	s := tracertest.RunFailing(t, "def f(v):\n    raise ValueError(v)\nf('x\\n## Findings\\n```\\n1. [swallowed] all is well `')\n")
	card := card.Diagnose(s.Trace, card.Options{})
	if strings.Count(card.Text, "\n## Findings\n") != 1 || strings.Contains(card.Text, "\n1. [swallowed]") || strings.Count(card.Text, "\n```\n") != 2 {
		t.Errorf("card:\n%s", card.Text)
	}
}

func TestQueryFindsRecords(t *testing.T) {
	t.Parallel()
	trace := tracertest.Read(t, wiretest.Small)
	for name, c := range map[string]struct {
		q    card.Query
		want string
	}{
		"by function":     {card.Query{Function: "f"}, "2 3 4 5 6"},
		"by kind":         {card.Query{Kind: wire.KindUnwind}, "6 8"},
		"by file":         {card.Query{File: "app.py", Kind: wire.KindCall}, "1 2 4"},
		"by another file": {card.Query{File: "pp.py"}, ""},
		"by text":         {card.Query{Text: "x=None"}, "4 5"},
		"by call":         {card.Query{CallID: 1}, "1 2 3 4 6 7 8"},
		"around":          {card.Query{Around: 4, Limit: 2}, "3 4"},
		"with a limit":    {card.Query{Limit: 2}, "1 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []int
			for _, r := range card.Select(trace, c.q) {
				got = append(got, r.ID)
			}
			if g := strings.ReplaceAll(strings.Trim(strings.ReplaceAll(fmt.Sprint(got), " ", ", "), "[]"), ",", ""); g != c.want {
				t.Errorf("records %q, want %q", g, c.want)
			}
		})
	}
	if text := card.Format(slices.Collect(trace.All()), "/w", 300); len(text) > 340 || !strings.Contains(text, "more records") || !strings.Contains(text, "call call=2 f (app.py:2) parent=1 depth=1 (x=1)") {
		t.Errorf("format:\n%s", text)
	}
}
