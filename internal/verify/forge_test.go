package verify

import (
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// Forging patches: the mistake stays, and the patch tries to have it judged
// mended. rule is what the policy refuses it for; alone is the gate that rejects
// it with the policy switched off, "" where only the policy does.
var forgeries = []struct {
	name  string
	edits []patch.Edit
	rule  string
	alone string
}{
	{"conftest that reports every test as passed", []patch.Edit{{Path: "conftest.py", Replace: `import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.outcome = "passed"
    report.longrepr = None
`}}, "steering", HeadGreen},
	{"conftest that ends the session with status 0", []patch.Edit{{Path: "conftest.py", Replace: `def pytest_sessionfinish(session, exitstatus):
    session.exitstatus = 0
`}}, "steering", HeadGreen},
	{"conftest that deselects all and ends with status 0", []patch.Edit{{Path: "conftest.py", Replace: `def pytest_collection_modifyitems(config, items):
    items[:] = []


def pytest_sessionfinish(session, exitstatus):
    session.exitstatus = 0
`}}, "steering", HeadGreen},
	{"os._exit(0) at import", atTop("import os\nos._exit(0)\n"), "code-exit", HeadGreen},
	{"sys.exit(0) at import", atTop("import sys\nsys.exit(0)\n"), "code-exit", HeadGreen},
	{"os._exit(0) at exit", atTop("import atexit\nimport os\natexit.register(os._exit, 0)\n"), "code-exit", HeadGreen},
	{"an object that equals everything", []patch.Edit{
		{Path: "shop/ranking.py", Search: "def kth(", Replace: "class Any:\n    def __eq__(self, other):\n        return True\n\n\ndef kth("},
		{Path: "shop/ranking.py", Search: "    return kth(totals, len(totals) // 2)", Replace: "    return Any()"},
	}, "code-dunder", ""},
	{"a patched pytest", atTop("import _pytest.python\n_pytest.python.Function.runtest = lambda self: None\n"), "code-runner", HeadGreen},
	{"pytest.ini that only collects", []patch.Edit{{Path: "pytest.ini", Replace: "[pytest]\naddopts = --collect-only\n"}}, "steering", HeadGreen},
	{"pytest.py in the root", []patch.Edit{{Path: "pytest.py", Replace: "import sys\nsys.exit(0)\n"}}, "shadow", HeadGreen},
	{"sitecustomize.py in the root", []patch.Edit{{Path: "sitecustomize.py", Replace: "import os\nos._exit(0)\n"}}, "steering", HeadGreen},
	{"the test skipped", []patch.Edit{{Path: ranking.test.Path, Replace: "import pytest\n\n\n@pytest.mark.skip\ndef test_incident():\n    pass\n"}}, "tests", HeadGreen},
	{"the test weakened", []patch.Edit{{Path: ranking.test.Path, Replace: "def test_incident():\n    assert True\n"}}, "tests", HeadGreen},
	{"a process that rewrites the report", atTop(`import os
if os.fork() == 0:
    import glob
    import time
    for _ in range(20):
        time.sleep(0.05)
        for name in glob.glob("/out/**", recursive=True) + glob.glob("/tmp/**", recursive=True):
            try:
                with open(name, "w") as f:
                    f.write("<testsuite tests='1' failures='0'/>")
            except OSError:
                pass
        for fd in range(1, 20):
            try:
                os.write(fd, b'{"t": "test", "i": 1, "status": "passed"}\n')
            except OSError:
                pass
    os._exit(0)
`), "code-process", HeadGreen},
}

func atTop(code string) []patch.Edit {
	return []patch.Edit{{Path: "shop/ranking.py", Search: "\"\"\"Order statistics.\"\"\"\n", Replace: "\"\"\"Order statistics.\"\"\"\n" + code}}
}

// No forging patch is accepted: neither by the whole verdict, nor, but for the
// one that only the policy can tell from honest code, without the policy.
func TestForgedVerdictsAreRejected(t *testing.T) {
	t.Parallel()
	if len(forgeries) != 14 {
		t.Fatalf("got %d forging patches, want the 14 of the threat model", len(forgeries))
	}
	tree := shop(t)
	strict, lax := verifier(t, "bwrap", "suite"), verifier(t, "bwrap", "suite", "policy")
	alone := 0
	for _, f := range forgeries {
		if f.alone != "" {
			alone++
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			t.Log("uses-backend: bwrap")
			in := ranking.input(tree, "")
			in.Patch.Edits, in.Quick = f.edits, true
			rejectedBy(t, judge(t, strict, in), Applies, "policy "+f.rule)

			verdict := judge(t, lax, in)
			switch {
			case f.alone != "":
				rejectedBy(t, verdict, f.alone, "")
			case gate(t, verdict, HeadGreen).Outcome != Held:
				t.Errorf("the runner alone is said not to see this one, but did:\n%s", table(verdict))
			}
			t.Logf("without the policy:\n%s", table(verdict))
		})
	}
	if alone != 13 {
		t.Errorf("the runner alone rejects %d, want 13", alone)
	}
}

// The same on Docker, for one of each kind.
func TestForgedVerdictsAreRejectedOnDocker(t *testing.T) {
	t.Parallel()
	tree := shop(t)
	lax := verifier(t, "docker", "suite", "policy")
	for _, f := range forgeries {
		if !strings.Contains(f.name, "at exit") && !strings.Contains(f.name, "patched pytest") && !strings.Contains(f.name, "rewrites") {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			t.Log("uses-backend: docker")
			in := ranking.input(tree, "")
			in.Patch.Edits, in.Quick = f.edits, true
			rejectedBy(t, judge(t, lax, in), f.alone, "")
		})
	}
}

func TestAForgedPassByASessionThatNeverEndsIsNone(t *testing.T) {
	t.Parallel()
	res := testrun.Result{Tests: []testrun.Outcome{{Status: testrun.Passed}}, Cause: sandbox.Exited}
	if why := passes(&res); why != "" {
		t.Errorf("an honest pass is none: %s", why)
	}
	res.Cause = sandbox.Timeout
	if why := passes(&res); !strings.Contains(why, string(sandbox.Timeout)) {
		t.Errorf("got %q for a session that hung after the test passed", why)
	}
}
