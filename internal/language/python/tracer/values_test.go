package tracer_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/wire"
)

// checkValues runs one of testdata/values on every Python, beside the tracer's
// files: scripts that fail by an AssertionError.
func checkValues(t *testing.T, script string) {
	t.Helper()
	found := tracertest.ByVersion()
	if len(found) == 0 {
		tracertest.Pythons(t) // skips, or fails where there has to be one
	}
	for version, python := range found {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			out, err := valueScript(t, python.Path, script)
			if err != nil {
				t.Errorf("%v: %s", err, out)
			} else if len(out) > 0 {
				t.Logf("not installed, and so only by their fakes: %s", out)
			}
		})
	}
}

func valueScript(t *testing.T, python, script string) ([]byte, error) {
	t.Helper()
	dir := tracertest.Dir(t)
	for _, name := range []string{"common.py", script} {
		text, err := os.ReadFile(filepath.Join("testdata/values", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(python, filepath.Join(dir, script))
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=1", "PYTHONPATH="+dir, "PYTHONWARNINGS=ignore")
	return cmd.CombinedOutput()
}

func TestRandomValuesAreValidAndCanBeRebuiltWhereTheySaySo(t *testing.T) {
	t.Parallel()
	checkValues(t, "fuzz.py")
}

// T12, T13, T16, T18, T19, T20, T23, T24, T25, T27
func TestValuesAskNothingOfHostileObjects(t *testing.T) {
	t.Parallel()
	checkValues(t, "hostile.py")
}

// T22: what is done for a value is counted, in events of the interpreter, and
// is the same for any size.
func TestWellKnownTypesAreShownByWhatTheyHold(t *testing.T) {
	t.Parallel()
	checkValues(t, "known.py")
}

// T29
func TestSecretsAreMaskedByNameAndForm(t *testing.T) {
	t.Parallel()
	checkValues(t, "masking.py")
}

// T21, T22
func TestValuesOfLibrariesAreShownWithoutRunningThem(t *testing.T) {
	t.Parallel()
	checkValues(t, "libraries.py")
}

// T26
func TestArgumentsAreAsAtTheCallEvenWhenTheyChangeLater(t *testing.T) {
	t.Parallel()
	for _, python := range tracertest.Pythons(t)[:1] {
		s := tracertest.RunSource(t, python, `
def f(items, named):
    items.append(3)
    named["b"] = object()
    return items
f([1, 2], {"a": 1})
`, tracer.Config{})
		for r := range s.Trace.All() {
			if r.Kind != wire.KindCall || r.Code.Name != "f" {
				continue
			}
			if got := wire.RenderVars(r.Args(), 100, 100, false); got != "items=[1, 2], named={'a': 1}" {
				t.Errorf("arguments: %s", got)
			}
		}
	}
}
