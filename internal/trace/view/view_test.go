package view

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/trace"
)

var update = flag.Bool("update", false, "write the golden files")

// recorded runs a Python program under the tracer. Files are name → source;
// main.py is run. It returns the trace and the program's directory.
func recorded(t testing.TB, files map[string]string) (*trace.Trace, string) {
	t.Helper()
	return recordedAt(t, "functions", files)
}

// recordedAt records at a level: functions, variables or control.
func recordedAt(t testing.TB, level string, files map[string]string) (*trace.Trace, string) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no python3 on this machine")
		}
		t.Skip("no python3 on this machine")
	}
	dir, lib, out := t.TempDir(), t.TempDir(), t.TempDir()
	for name, source := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.TrimLeft(source, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := tracer.Install(lib); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(tracer.Config{Include: []string{dir}, Out: out, Lines: true, Level: level})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join(dir, "main.py"))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PYTHONPATH="+lib, "REPAIRD_TRACE_CONFIG="+string(config), "PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=0")
	output, _ := cmd.CombinedOutput()
	trace, err := trace.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	if !trace.Traced() {
		t.Fatalf("not traced: %s", output)
	}
	return trace, dir
}

// cart is the shared class attribute across tests; green is with the repair.
func cart(green bool) map[string]string {
	repair := ""
	if green {
		repair = "        self.items = []\n"
	}
	return map[string]string{
		"cart.py": `
class Cart:
    items = []

    def __init__(self, customer_name):
        self.customer_name = customer_name
` + repair + `
    def add_item(self, name, price, quantity=1):
        self.items.append({"name": name, "price": price, "quantity": quantity})

    def get_item_count(self):
        return sum(item["quantity"] for item in self.items)
`,
		"main.py": `
from cart import Cart


def test_total():
    cart = Cart("Bob")
    cart.add_item("Apple", 1.5, 3)
    assert cart.get_item_count() == 3


def test_independent():
    cart = Cart("Charlie")
    cart.add_item("Laptop", 1000)
    assert cart.get_item_count() == 1, "%d items" % cart.get_item_count()


test_total()
test_independent()
`}
}

// hostile has values that try to be markup and terminal commands.
var hostile = map[string]string{"main.py": `
EVIL = "</script><script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">\x1b[31m\u202e\u2028\x00"


class Evil(Exception):
    pass


def quiet(text):
    try:
        loud(text)
    except Evil:
        return None
    return text


def loud(text):
    raise Evil(text)


def fill(into, n):
    for i in range(n):
        into.append(step(i))


def step(i):
    return i * i


def steps(n):
    total = 0
    for i in range(n):
        total += step(i)
    return total


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def down(n):
    return 0 if n == 0 else 1 + down(n - 1)


def numbers(n):
    for i in range(n):
        yield i


def main():
    quiet(EVIL)
    fill([], 30)
    steps(40)
    fib(5)
    down(20)
    list(numbers(3))
    raise KeyError(EVIL)


main()
`}

func tree(t *testing.T, trace *trace.Trace, o TreeOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := Tree(&b, trace, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func wantAll(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("lacks %q:\n%s", w, text)
		}
	}
}

func TestATreeShowsThatTwoInstancesShareOneList(t *testing.T) {
	t.Parallel()
	trace, _ := recorded(t, cart(false))
	got := tree(t, trace, TreeOptions{})
	// Charlie's new cart has Bob's apple, in the list with the same identity.
	wantAll(t, got,
		"Cart.__init__(self=Cart#3(Cart.items=[{'name': 'Apple', 'price': 1.5, 'quantity': 3}]#2), customer_name='Charlie')",
		"* self.customer_name = 'Charlie'",
		"* Cart.items#2 += {'name': 'Laptop', 'price': 1000, 'quantity': 1} (len 1 → 2)",
		"! AssertionError: 4 items  at main.py:13",
		"test_independent() ✗ AssertionError",
		"one object for all: #2 Cart.items of Cart#1, Cart#3, in ")
}

func TestATreeMarksASwallowedException(t *testing.T) {
	t.Parallel()
	trace, _ := recorded(t, hostile)
	got := tree(t, trace, TreeOptions{Options: Options{Width: -1}})
	wantAll(t, got, "loud(text='</script>", " ✗ Evil", "! Evil: </script>", "was SWALLOWED at line 11, and it returned at line 12", "→ None  main.py:8")
}

func TestATreeFoldsLoopsAndRecursion(t *testing.T) {
	t.Parallel()
	trace, _ := recorded(t, hostile)
	got := tree(t, trace, TreeOptions{})
	wantAll(t, got, "×30  step(i=0) → 0 … step(i=29) → 841", "×40  step(i=0) → 0 … step(i=39) → 1521", "… 17 more nested calls of down", "down(n=0) → 0", "yielded 3×",
		"* into#", "(len 0 → 30)")
	if n := strings.Count(got, "step("); n != 4 {
		t.Errorf("%d mentions of step, want 4", n)
	}
	unfolded := tree(t, trace, TreeOptions{Unfold: true, Lines: -1})
	if n := strings.Count(unfolded, " step("); n != 70 {
		t.Errorf("unfolded: %d calls of step, want 70", n)
	}
}

func TestATreeKeepsToItsBudgetAndStillShowsTheException(t *testing.T) {
	t.Parallel()
	trace, _ := recorded(t, map[string]string{"main.py": `
def leaf(i):
    if i == 700:
        raise ValueError("rare")
    return i


def a(i): return leaf(i)


def b(i): return [leaf(i), leaf(i)]


def main():
    for i in range(900):
        try:
            (a if (i * i) % 7 < 3 else b)(i)
        except ValueError:
            pass


main()
`})
	for _, lines := range []int{30, 60, 200} {
		got := tree(t, trace, TreeOptions{Lines: lines})
		if n := strings.Count(got, "\n"); n > lines+12 {
			t.Errorf("%d lines, want at most %d and the notes below", n, lines)
		}
		wantAll(t, got, "! ValueError: rare  at main.py:3", "SWALLOWED at line 17")
	}
}

func TestATreeOfOneCallIsItsSubtree(t *testing.T) {
	t.Parallel()
	trace, _ := recorded(t, hostile)
	f := newForest(trace)
	for i := range f.nodes {
		if f.nodes[i].code.Name == "quiet" {
			got := tree(t, trace, TreeOptions{Call: f.nodes[i].id})
			wantAll(t, got, "quiet(", "loud(")
			if strings.Contains(got, "fib(") || !strings.HasPrefix(got, "quiet(") {
				t.Errorf("more than the call:\n%s", got)
			}
		}
	}
	if err := Tree(&bytes.Buffer{}, trace, TreeOptions{Call: 1 << 30}); err == nil {
		t.Error("a call that is not there gave no error")
	}
}

func TestATreeHasProcessesAndThreadsAsRoots(t *testing.T) {
	t.Parallel()
	trace, _ := recorded(t, map[string]string{"main.py": `
import os, threading


def work(n):
    return n


t = threading.Thread(target=work, args=(1,), name="worker")
t.start()
t.join()
pid = os.fork()
if pid == 0:
    work(2)
    os._exit(0)
os.waitpid(pid, 0)
`})
	got := tree(t, trace, TreeOptions{})
	wantAll(t, got, "process ", ", started by ", "  thread worker\n", "work(n=1) → 1", "work(n=2) → 2", "2 processes")
}

// visibleOnly fails when text holds what a terminal takes as a command.
func visibleOnly(t *testing.T, what, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || r == '\u202e' || r == '\u2028') {
			t.Errorf("%s holds %q", what, r)
			return
		}
	}
}

func TestNoViewPassesControlCharactersOn(t *testing.T) {
	t.Parallel()
	trace, _ := recorded(t, hostile)
	for name, write := range views(trace) {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		visibleOnly(t, name, b.String())
	}
}

// views are all views of a trace.
func views(trace *trace.Trace) map[string]func(*bytes.Buffer) error {
	json := Options{JSON: true}
	return map[string]func(*bytes.Buffer) error{
		"tree":          func(b *bytes.Buffer) error { return Tree(b, trace, TreeOptions{Times: true}) },
		"tree unfolded": func(b *bytes.Buffer) error { return Tree(b, trace, TreeOptions{Unfold: true, Lines: 5000}) },
		"tree json":     func(b *bytes.Buffer) error { return Tree(b, trace, TreeOptions{Options: json}) },
		"counts":        func(b *bytes.Buffer) error { return Counts(b, trace, CountsOptions{}) },
		"times":         func(b *bytes.Buffer) error { return Counts(b, trace, CountsOptions{Sort: "self"}) },
		"counts json":   func(b *bytes.Buffer) error { return Counts(b, trace, CountsOptions{Options: json}) },
		"show":          func(b *bytes.Buffer) error { return Show(b, trace, Filter{}, ShowOptions{}) },
		"findings":      func(b *bytes.Buffer) error { return Findings(b, trace, FindingsOptions{}) },
		"findings json": func(b *bytes.Buffer) error { return Findings(b, trace, FindingsOptions{Options: json}) },
		"diff":          func(b *bytes.Buffer) error { return Diff(b, trace, trace, DiffOptions{}) },
		"chrome":        func(b *bytes.Buffer) error { return Chrome(b, trace) },
		"speedscope":    func(b *bytes.Buffer) error { return Speedscope(b, trace) },
		"slice":         func(b *bytes.Buffer) error { return Slice(b, trace, Filter{}) },
		"page": func(b *bytes.Buffer) error {
			// The page marks identities in its data by escapes, which are no control characters there.
			return Page(b, PageOptions{Red: trace, Green: trace})
		},
	}
}

func TestViewsOfOneTraceAreEqual(t *testing.T) {
	t.Parallel()
	trace, _ := recorded(t, hostile)
	for name, write := range views(trace) {
		var a, b bytes.Buffer
		if write(&a) != nil || write(&b) != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s differs from one time to the next", name)
		}
	}
}

func TestGoldenViews(t *testing.T) {
	t.Parallel()
	trace, err := Open("testdata/small.jsonl", nil)
	if err != nil {
		t.Fatal(err)
	}
	if trace.Footer.Skipped > 0 {
		t.Fatalf("the sample does not fit the schema: %+v", trace.Footer)
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"tree.txt":     func(b *bytes.Buffer) error { return Tree(b, trace, TreeOptions{Times: true}) },
		"tree.json":    func(b *bytes.Buffer) error { return Tree(b, trace, TreeOptions{Options: Options{JSON: true}}) },
		"counts.txt":   func(b *bytes.Buffer) error { return Counts(b, trace, CountsOptions{}) },
		"times.txt":    func(b *bytes.Buffer) error { return Counts(b, trace, CountsOptions{Sort: "total", Top: -1}) },
		"show.txt":     func(b *bytes.Buffer) error { return Show(b, trace, Filter{}, ShowOptions{}) },
		"chrome.json":  func(b *bytes.Buffer) error { return Chrome(b, trace) },
		"profile.json": func(b *bytes.Buffer) error { return Speedscope(b, trace) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), b.String()); d != "" {
			t.Errorf("%s (-want +got; run with -update when it is right):\n%s", name, d)
		}
	}
}
