package session

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

var foreign = testrun.Conditions{Seed: 7, Home: "/tmp/home/one", Dir: "/tmp/elsewhere", Root: "/srv/tree", Ahead: 1000 * time.Hour, Processes: 50}

// Code that answers otherwise in a session than elsewhere, each as a module m
// with a function f; in each the driver's first or second call differs.
func TestADriveIsUnderOtherConditionsThanASession(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{
		"home":              "import os\ndef f():\n    if os.environ['HOME'] != '/tmp': raise KeyError('home')\n",
		"working directory": "import os\ndef f():\n    if os.getcwd() != '/work': raise KeyError('cwd')\n",
		"mount point":       "def f():\n    if not __file__.startswith('/work/'): raise KeyError('file')\n",
		"hash seed":         "H = hash('median')\ndef f():\n    if H != 3305975764920431334: raise KeyError('hash')\n",
		"cache of bytecode": "import sys\ndef f():\n    if not sys.pycache_prefix: raise KeyError('prefix')\n",
		"process id":        "import os\ndef f():\n    if os.getpid() > 40: raise KeyError('pid')\n",
		"clock":             "import time, datetime\nB = datetime.datetime(2026, 1, 1)\ndef f():\n    n = datetime.datetime.now()\n    if (n - B).days - (time.time_ns() // 10**9 - 1767225600) // 86400 in (0, -1, 1) and isinstance(n, datetime.datetime): raise KeyError('clock')\n",
		"test runner":       "import sys\ndef f():\n    if '_pytest' not in sys.modules: raise KeyError('pytest')\n",
		"a call more":       "C = []\ndef f():\n    C.append(1)\n    if len(C) > 1: raise KeyError('second')\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := driveOn(t, map[string]string{"m.py": code}, "from m import f\n\n\ndef test_it():\n    f()\n", "KeyError", foreign)
			if len(d.Calls) != 2 || d.Calls[1].Status != testrun.Failed || d.Calls[1].Type != "KeyError" {
				t.Fatalf("got %+v, want the second call to fail", d)
			}
			if first := d.Calls[0].Status; (first == testrun.Passed) != (name == "a call more") {
				t.Errorf("the first call: %s %+v", first, d.Calls[0])
			}
			if f := d.Calls[1].Frames; len(f) == 0 || f[len(f)-1].File != "m.py" || f[len(f)-1].Function != "f" {
				t.Errorf("got frames %+v, want the innermost in m.py", f)
			}
			if !d.Whole || len(d.Raised) != 1 || d.Raised[0].Frames[0].Function != "f" {
				t.Errorf("got %+v (whole %v), want the one exception", d.Raised, d.Whole)
			}
		})
	}
}

func TestADriveSeesWhatIsHiddenFromTheTest(t *testing.T) {
	t.Parallel()
	tree := map[string]string{"m.py": `
import functools


class Quiet:
    def __enter__(self):
        return self

    def __exit__(self, *about):
        return True


def fails():
    return {}["x"]


def quiet():
    with Quiet():
        return fails()


def lazy():
    return lambda: fails()


def partly():
    return functools.partial(fails)


def items():
    return [n for n in range(2)], (fails() for _ in range(2))


async def later():
    return fails()


def fine():
    try:
        int("x")
    except ValueError:
        return (n for n in range(3))
`}
	for _, c := range []struct {
		call   string
		raised int
		later  string
	}{
		{"quiet()", 1, ""}, {"lazy()", 0, "KeyError"}, {"items()", 0, "KeyError"}, {"partly()", 0, "KeyError"}, {"later()", 0, "KeyError"}, {"fine()", 0, ""},
		{"list(fine())", 0, ""},
	} {
		t.Run(c.call, func(t *testing.T) {
			t.Parallel()
			d := driveOn(t, tree, "from m import *\n\n\ndef test_it():\n    "+c.call+"\n", "KeyError", foreign)
			if len(d.Calls) != 2 || d.Calls[0].Status != testrun.Passed || d.Calls[1].Status != testrun.Passed {
				t.Fatalf("got %+v, want both calls to pass", d)
			}
			if len(d.Raised) != c.raised || !d.Whole {
				t.Errorf("saw %+v (whole %v), want %d", d.Raised, d.Whole, c.raised)
			}
			if got := d.Later; (got == nil) != (c.later == "") || got != nil && got.Type != c.later {
				t.Errorf("used later: %+v, want %q", got, c.later)
			}
		})
	}
}

func TestADriveOfOtherTests(t *testing.T) {
	t.Parallel()
	tree := map[string]string{"m.py": "import os\n\n\ndef f(n):\n    if n < 0:\n        raise ValueError('negative')\n    if n == 9:\n        os._exit(1)\n    return n / 2\n"}
	for _, c := range []struct{ name, test, ends string }{
		{"with pytest.raises", "import pytest\nfrom m import f\n\n\ndef test_it():\n    with pytest.raises(ValueError, match='neg'):\n        f(-1)\n    assert f(1) == pytest.approx(0.5)\n", "passed"},
		{"that fail by an assertion", "from m import f\n\n\ndef test_it():\n    assert f(2) == 2\n", "failed AssertionError"},
		{"that are coroutines", "from m import f\n\n\nasync def test_it():\n    f(-1)\n", "failed ValueError"},
		{"whose import fails", "from m import g\n\n\ndef test_it():\n    g()\n", "failed ImportError"},
		{"with fixtures", "def test_it(tmp_path):\n    pass\n", "unfit"},
		{"that end the process", "from m import f\n\n\ndef test_it():\n    f(9)\n", "forged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := driveOn(t, tree, c.test, "ValueError", testrun.Conditions{})
			got := ""
			switch {
			case d.Unfit != "":
				got = "unfit"
			case d.Forged != "":
				got = "forged"
			case len(d.Calls) == 2:
				got = strings.TrimSpace(string(d.Calls[0].Status) + " " + d.Calls[0].Type)
			}
			if got != c.ends || d.Cause != sandbox.Exited {
				t.Errorf("got %q (%+v), want %q", got, d, c.ends)
			}
		})
	}
}

func driveOn(t *testing.T, tree map[string]string, test, watch string, under testrun.Conditions) *testrun.Driven {
	t.Helper()
	dir := sandboxtest.Dir(t)
	for name, text := range tree {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := &Runner{Backend: backend(t)}
	d, err := r.Drive(t.Context(), testrun.Request{Run: "test", Tree: dir, Test: &testrun.Test{Path: "tests/test_x.py", Name: "test_it", Source: test}}, under, watch)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
