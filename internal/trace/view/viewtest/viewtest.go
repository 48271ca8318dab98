// Package viewtest records programs for tests of the views.
package viewtest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/view/text"
)

// Recorded runs a Python program under the tracer. Files are name → source;
// main.py is run. It returns the trace and the program's directory.
func Recorded(t testing.TB, files map[string]string) (*trace.Trace, string) {
	t.Helper()
	return RecordedAt(t, "functions", files)
}

// RecordedAt records at a level: functions, variables or control.
func RecordedAt(t testing.TB, level string, files map[string]string) (*trace.Trace, string) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs Python, which -short does without")
	}
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

// Cart is the shared class attribute across tests; green is with the repair.
func Cart(green bool) map[string]string {
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

// Hostile has values that try to be markup and terminal commands.
var Hostile = map[string]string{"main.py": `
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

func Tree(t *testing.T, trace *trace.Trace, o view.TreeOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := text.Tree(&b, trace, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func WantAll(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("lacks %q:\n%s", w, text)
		}
	}
}

// VisibleOnly fails when text holds what a terminal takes as a command.
func VisibleOnly(t *testing.T, what, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || r == '\u202e' || r == '\u2028') {
			t.Errorf("%s holds %q", what, r)
			return
		}
	}
}
