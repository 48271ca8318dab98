package text_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/view/text"
	"github.com/repaird/repaird/internal/trace/view/viewtest"
)

func TestATreeShowsThatTwoInstancesShareOneList(t *testing.T) {
	t.Parallel()
	trace, _ := viewtest.Recorded(t, viewtest.Cart(false))
	got := viewtest.Tree(t, trace, view.TreeOptions{})
	// Charlie's new cart has Bob's apple, in the list with the same identity.
	viewtest.WantAll(t, got,
		"Cart.__init__(self=Cart#3(Cart.items=[{'name': 'Apple', 'price': 1.5, 'quantity': 3}]#2), customer_name='Charlie')",
		"* self.customer_name = 'Charlie'",
		"* Cart.items#2 += {'name': 'Laptop', 'price': 1000, 'quantity': 1} (len 1 → 2)",
		"! AssertionError: 4 items  at main.py:13",
		"test_independent() ✗ AssertionError",
		"one object for all: #2 Cart.items of Cart#1, Cart#3, in ")
}

func TestATreeMarksASwallowedException(t *testing.T) {
	t.Parallel()
	trace, _ := viewtest.Recorded(t, viewtest.Hostile)
	got := viewtest.Tree(t, trace, view.TreeOptions{Options: view.Options{Width: -1}})
	viewtest.WantAll(t, got, "loud(text='</script>", " ✗ Evil", "! Evil: </script>", "was SWALLOWED at line 11, and it returned at line 12", "→ None  main.py:8")
}

func TestATreeFoldsLoopsAndRecursion(t *testing.T) {
	t.Parallel()
	trace, _ := viewtest.Recorded(t, viewtest.Hostile)
	got := viewtest.Tree(t, trace, view.TreeOptions{})
	viewtest.WantAll(t, got, "×30  step(i=0) → 0 … step(i=29) → 841", "×40  step(i=0) → 0 … step(i=39) → 1521", "… 17 more nested calls of down", "down(n=0) → 0", "yielded 3×",
		"* into#", "(len 0 → 30)")
	if n := strings.Count(got, "step("); n != 4 {
		t.Errorf("%d mentions of step, want 4", n)
	}
	unfolded := viewtest.Tree(t, trace, view.TreeOptions{Unfold: true, Lines: -1})
	if n := strings.Count(unfolded, " step("); n != 70 {
		t.Errorf("unfolded: %d calls of step, want 70", n)
	}
}

func TestATreeKeepsToItsBudgetAndStillShowsTheException(t *testing.T) {
	t.Parallel()
	trace, _ := viewtest.Recorded(t, map[string]string{"main.py": `
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
		got := viewtest.Tree(t, trace, view.TreeOptions{Lines: lines})
		if n := strings.Count(got, "\n"); n > lines+12 {
			t.Errorf("%d lines, want at most %d and the notes below", n, lines)
		}
		viewtest.WantAll(t, got, "! ValueError: rare  at main.py:3", "SWALLOWED at line 17")
	}
}

func TestATreeOfOneCallIsItsSubtree(t *testing.T) {
	t.Parallel()
	trace, _ := viewtest.Recorded(t, viewtest.Hostile)
	f := view.NewForest(trace)
	for i := range f.Nodes {
		if f.Nodes[i].Code.Name == "quiet" {
			got := viewtest.Tree(t, trace, view.TreeOptions{Call: f.Nodes[i].Id})
			viewtest.WantAll(t, got, "quiet(", "loud(")
			if strings.Contains(got, "fib(") || !strings.HasPrefix(got, "quiet(") {
				t.Errorf("more than the call:\n%s", got)
			}
		}
	}
	if err := text.Tree(&bytes.Buffer{}, trace, view.TreeOptions{Call: 1 << 30}); err == nil {
		t.Error("a call that is not there gave no error")
	}
}

func TestATreeHasProcessesAndThreadsAsRoots(t *testing.T) {
	t.Parallel()
	trace, _ := viewtest.Recorded(t, map[string]string{"main.py": `
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
	got := viewtest.Tree(t, trace, view.TreeOptions{})
	viewtest.WantAll(t, got, "process ", ", started by ", "  thread worker\n", "work(n=1) → 1", "work(n=2) → 2", "2 processes")
}
