package session

import (
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
	"strings"
	"testing"
)

const sample = `
-- shop.py --
def total(prices):
    return sum(prices[1:])
-- tests/test_shop.py --
from shop import total


def test_total():
    assert total([1, 2]) == 3
`

var sampleTest = testrun.Test{
	Path: "tests/test_repaird.py", Name: "test_repaird",
	Source: "from shop import total\n\n\ndef test_repaird():\n    if total([1, 2]) != 3:\n        raise ValueError('total')\n",
}

// Each patch leaves the bug in and tries to have the session say otherwise.
// None may end in a believable session in which a test passed.
func TestNoPatchMakesASessionLie(t *testing.T) {
	t.Parallel()
	const body = "\n\ndef total(prices):\n    return sum(prices[1:])\n"
	cases := []struct {
		name    string
		overlay map[string][]byte
		suite   bool // also against the repository's suite, where its configuration counts
	}{
		{"a conftest that turns reports to passed", map[string][]byte{"conftest.py": []byte("import pytest\n@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n    r = yield\n    r.get_result().outcome = 'passed'\n")}, true},
		{"os._exit(0) on import", map[string][]byte{"shop.py": []byte("import os\nos._exit(0)\n")}, true},
		{"os._exit(1) on import", map[string][]byte{"shop.py": []byte("import os\nos._exit(1)\n")}, false},
		{"sys.exit(0) on import", map[string][]byte{"shop.py": []byte("import sys\nsys.exit(0)\n")}, false},
		{"os._exit(0) at exit", map[string][]byte{"shop.py": []byte("import atexit, os\natexit.register(os._exit, 0)" + body)}, false},
		{"Function.runtest does nothing", map[string][]byte{"shop.py": []byte("import _pytest.python as p\np.Function.runtest = lambda self: None" + body)}, false},
		{"reports are patched to passed", map[string][]byte{"shop.py": []byte("from _pytest import reports\nf = reports.TestReport.from_item_and_call.__func__\ndef lie(cls, item, call):\n    r = f(cls, item, call)\n    r.outcome = 'passed'\n    return r\nreports.TestReport.from_item_and_call = classmethod(lie)" + body)}, false},
		{"only foreign tests are turned to passed", map[string][]byte{"shop.py": []byte("from _pytest import reports\nf = reports.TestReport.from_item_and_call.__func__\ndef lie(cls, item, call):\n    r = f(cls, item, call)\n    if 'repaird' in item.nodeid or 'total' in item.nodeid:\n        r.outcome = 'passed'\n    return r\nreports.TestReport.from_item_and_call = classmethod(lie)" + body)}, true},
		{"the session ends with 0", map[string][]byte{"shop.py": []byte("import _pytest.main as m\nm.Session.exitstatus = property(lambda s: 0, lambda s, v: None)" + body)}, false},
		{"pytest.py in the tree", map[string][]byte{"pytest.py": []byte("import os\nos._exit(0)\n")}, false},
		{"_pytest in the tree", map[string][]byte{"_pytest/__init__.py": []byte("import os\nos._exit(0)\n")}, false},
		{"a module named like the runner's", map[string][]byte{"plugin.py": []byte("import os\nos._exit(0)\n"), "render.py": []byte("import os\nos._exit(0)\n"), "repaird_tracer.py": []byte("import os\nos._exit(0)\n")}, false},
		{"sitecustomize.py in the tree", map[string][]byte{"sitecustomize.py": []byte("import os\nos._exit(0)\n")}, false},
		{"pytest.ini that only collects", map[string][]byte{"pytest.ini": []byte("[pytest]\naddopts = --collect-only\n")}, true},
		{"tox.ini that deselects", map[string][]byte{"tox.ini": []byte("[pytest]\naddopts = -k nothing\n")}, false},
		{"a plugin by metadata", map[string][]byte{"evil.egg-info/entry_points.txt": []byte("[pytest11]\nevil = evil\n"), "evil.egg-info/PKG-INFO": []byte("Name: evil\n"), "evil.py": []byte("import os\nos._exit(0)\n")}, true},
		{"messages written to every descriptor", map[string][]byte{"shop.py": []byte("import os\nfor fd in range(1, 64):\n    try:\n        os.write(fd, b'{\"t\": \"test\", \"i\": 1, \"status\": \"passed\"}\\n')\n    except OSError:\n        pass" + body)}, false},
		{"a report written to the stdout of every process", map[string][]byte{"shop.py": []byte("import os\nfor p in os.listdir('/proc'):\n    for fd in ('1', '2'):\n        try:\n            with open('/proc/%s/fd/%s' % (p, fd), 'wb', 0) as f:\n                f.write(b'repaird-commit 00\\nrepaird-report 00 eJyrBQAAQwCk\\n')\n        except (OSError, ValueError):\n            pass" + body)}, false},
		{"the parent is killed", map[string][]byte{"shop.py": []byte("import os\nos.kill(os.getppid(), 9)" + body)}, false},
		{"a process of its own writes after the end", map[string][]byte{"shop.py": []byte("import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        while True:\n            for fd in range(64):\n                try:\n                    os.write(fd, b'x\\n')\n                except OSError:\n                    pass\n            time.sleep(0.01)\n    os._exit(0)" + body)}, false},
		{"every test is skipped", map[string][]byte{"shop.py": []byte("import pytest\npytest.skip('all', allow_module_level=True)" + body)}, false},
	}
	dir := sandboxtest.Tree(t, sample)
	for _, c := range cases {
		modes := map[string]testrun.Request{"test": {Test: &sampleTest}, "test, repeated": {Test: &sampleTest}}
		if c.suite {
			modes["suite"] = testrun.Request{Suite: []string{"tests"}}
		}
		for mode, req := range modes {
			t.Run(c.name+", "+mode, func(t *testing.T) {
				t.Parallel()
				req.Tree, req.Overlay = dir, c.overlay
				n := 1
				if mode == "test, repeated" {
					n = 2
				}
				for _, res := range repeat(t, req, n) {
					for _, o := range res.Tests {
						if res.OK() && o.Status == testrun.Passed {
							t.Fatalf("believed: %+v", res)
						}
					}
					t.Logf("forged %q, errors %.80q, tests %v", res.Forged, res.Errors, statuses(res))
				}
			})
		}
	}
}

func statuses(res *testrun.Result) string {
	var s []string
	for _, o := range res.Tests {
		s = append(s, string(o.Status))
	}
	return strings.Join(s, " ")
}

// The parent's secrets must not be where its child can look.
func TestTheParentCannotBeLookedInto(t *testing.T) {
	t.Parallel()
	test := testrun.Test{Path: "test_x.py", Name: "test_x", Source: `import os


def test_x():
    seen = []
    for name in ("environ", "mem", "maps", "fd/1", "cwd"):
        path = "/proc/%d/%s" % (os.getppid(), name)
        try:
            os.readlink(path) if name in ("cwd", "fd/1") else open(path, "rb").read(1)
        except OSError:
            continue
        seen.append(name)
    raise ValueError(",".join(seen) + "; left: " + ",".join(sorted(k for k in os.environ if k.startswith("REPAIRD"))))
`}
	res := run(t, testrun.Request{Tree: sandboxtest.Tree(t, sample), Test: &test})
	if !res.OK() || res.Tests[0].Message != "; left: " {
		t.Fatalf("got %+v", res)
	}
}
