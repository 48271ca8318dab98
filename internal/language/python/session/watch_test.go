package session

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
)

// What a program executes of lines 2, 3, 5 and 9 of a module, between calls of take.
func TestWatchedLines(t *testing.T) {
	t.Parallel()
	tracertest.EachPython(t, tracertest.AnyPythons, func(t *testing.T, p tracertest.Interpreter) {
		dir := t.TempDir()
		watch, err := runnerFiles.ReadFile("runner/watch.py")
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"watch.py": string(watch),
			"m.py":     "def f(a):\n    if a:\n        return 1\n    else:\n        return 2\n\ndef g():\n    yield 1\n    yield 2\n",
			"main.py": `import os, sys, threading
import watch
here = os.path.dirname(os.path.abspath(__file__))
w = watch.Watch({os.path.join(here, "m.py"): [2, 3, 5, 9]})
import m
def said():
    print([lines for lines in w.take().values()], end=" ")
said()
m.f(1); m.f(1); said()
m.f(0); said()
list(m.g()); said()
sys.settrace(None); m.f(1); w.take(); m.f(1); said()
t = threading.Thread(target=m.f, args=(0,)); t.start(); t.join(); said()
`,
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.CommandContext(t.Context(), p.Path, "-B", filepath.Join(dir, "main.py")).CombinedOutput()
		if want := "[] [[2, 3]] [[2, 5]] [[9]] [[2, 3]] [[2, 5]] "; err != nil || string(out) != want {
			t.Errorf("got %q, %v; want %q", out, err, want)
		}
	})
}
