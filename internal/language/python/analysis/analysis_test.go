package analysis_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/analysis"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// failure is that of the test cases.
const failure = "IndexError"

// ask analyses several files at once, given by name as base and head. It takes
// the machine's own Python: the texts are this package's.
func ask(t *testing.T, base, head map[string]string, stack ...language.Level) *language.Analysis {
	t.Helper()
	q := language.Question{Tree: t.TempDir(), Overlay: patch.Overlay{}, Stack: stack, Exception: failure}
	for name, text := range base {
		write(t, filepath.Join(q.Tree, name), text)
	}
	for name, text := range head {
		q.Overlay[name] = []byte(text)
	}
	a, err := analysis.Analyser{Backend: sandboxtest.Host{TB: t}}.Analyse(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Each text is added below "def f(a):\n    return a\n"; the rule that refuses it comes first.
var hostileCode = [][2]string{
	{"code-dunder", "class A:\n    def __eq__(self, o):\n        return True\n"},
	{"code-dunder", "class A:\n    def __ne__(self, o):\n        return False\n"},
	{"code-dunder", "class A:\n    def __bool__(self):\n        return True\n"},
	{"code-dunder", "class A:\n    def __hash__(self):\n        return 1\n"},
	{"code-dunder", "class A:\n    __eq__ = lambda self, o: True\n"},
	{"code-dunder", "f.__class__ = int\n"},
	{"code-dunder", "class A(metaclass=type):\n    pass\n"},
	{"code-dunder", "A = type('A', (), {})\n"},
	{"code-names", "setattr(f, '__eq__', None)\n"},
	{"code-names", "A = {'__eq__': 1}\n"},
	{"code-names", "getattr(f, '_' + '_eq')\n"},
	{"code-names", "getattr(f, chr(95) * 2)\n"},
	{"code-exit", "import os\nos._exit(0)\n"},
	{"code-exit", "import os as o\no._exit(0)\n"},
	{"code-exit", "from os import _exit\n_exit(0)\n"},
	{"code-exit", "import sys\nsys.exit(0)\n"},
	{"code-exit", "raise SystemExit\n"},
	{"code-exit", "exit()\n"},
	{"code-exit", "import atexit\n"},
	{"code-exit", "import signal\n"},
	{"code-exit", "import os\nos.kill(1, 9)\n"},
	{"code-import", "import sys\nsys.modules['x'] = f\n"},
	{"code-import", "import sys\nsys.path.insert(0, '/tmp')\n"},
	{"code-import", "import builtins\n"},
	{"code-import", "from math import *\n"},
	{"code-runner", "import pytest\n"},
	{"code-runner", "import _pytest.python\n"},
	{"code-runner", "def g():\n    from _pytest import runner\n"},
	{"code-runner", "from unittest.mock import ANY\n"},
	{"code-runner", "import pluggy\n"},
	{"code-reflection", "import ctypes\n"},
	{"code-reflection", "import gc\n"},
	{"code-reflection", "import sys\nsys.settrace(None)\n"},
	{"code-reflection", "import sys\nsys._getframe()\n"},
	{"code-reflection", "import sys\nsys.monitoring\n"},
	{"code-reflection", "f.__globals__\n"},
	{"code-reflection", "object.__subclasses__()\n"},
	{"code-process", "import os\nos.fork()\n"},
	{"code-process", "import os\nos.system('x')\n"},
	{"code-process", "import os\nos.execv('x', [])\n"},
	{"code-process", "import os\nos.write(1, b'')\n"},
	{"code-sniff", "import os\nif os.environ.get('PYTEST_CURRENT_TEST'):\n    pass\n"},
	{"code-sniff", "x = 'pytest'\n"},
	{"code-sniff", "open('/proc/self/environ')\n"},
	{"code-sniff", "import sys\nif 'x' in sys.argv:\n    pass\n"},
	{"code-builtins", "eval('1')\n"},
	{"code-builtins", "exec('1')\n"},
	{"code-builtins", "compile('1', 'x', 'eval')\n"},
	{"code-builtins", "__import__('os')\n"},
	{"code-builtins", "globals()['f'] = 1\n"},
	{"code-builtins", "__builtins__\n"},
	{"code-monkeypatch", "import json\njson.loads = f\n"},
	{"code-monkeypatch", "from json import decoder\ndecoder.JSONDecoder.decode = f\n"},
	{"code-monkeypatch", "import json\nsetattr(json, 'loads', f)\n"},
	{"code-monkeypatch", "import json\njson.x[0] = f\n"},
	{"code-import", "import collections\n_m = collections._sys.modules[\"_py\" + \"test.python\"]\nF = _m.Function\nold = F.runtest\nF.runtest = lambda self: None\n"},
	{"code-runner", "f.runtest = lambda self: None\n"},
	{"code-sniff", "k = '_py' + 'test.python'\n"},
	{"code-sniff", "k = 'py%s' % 'test'\n"},
	{"code-sniff", "k = ''.join(['py', 'test'])\n"},
	{"code-sniff", "k = f\"py{'test'}\"\n"},
	{"code-exit", "import random\nrandom._os._exit(0)\n"},
	{"code-exit", "import random as r\ng = r\ng.x._exit(0)\n"},
	{"code-import", "from collections import _sys\n"},
	{"code-import", "import random\ngetattr(random, '_os')\n"},
	{"code-names", "k = chr(95)*2 + 'globals' + chr(95)*2\n"},
	{"code-reflection", "import random\nrandom.__dict__\n"},
	{"code-reflection", "x = f(1).settrace\n"},
	{"scripts", "\u0430\u0435 = 1\n"},
	{"code-syntax", "def g(:\n"},
	{"code-syntax", "return 1\n"},
	{"code-syntax", "def g():\n    nonlocal x\n"},
}

func TestTheCodePolicyRefuses(t *testing.T) {
	t.Parallel()
	const before = "def f(a):\n    return a\n"
	base, head := map[string]string{}, map[string]string{}
	for i, c := range hostileCode {
		name := fmt.Sprintf("m%d.py", i)
		base[name], head[name] = before, before+c[1]
	}
	found := map[string][]string{}
	for _, v := range ask(t, base, head).Violations {
		found[v.Path] = append(found[v.Path], string(v.Rule))
		if v.Line == 0 {
			t.Errorf("%s: no line for %s", head[v.Path], v.Rule)
		}
	}
	for i, c := range hostileCode {
		if rules := found[fmt.Sprintf("m%d.py", i)]; !strings.Contains(strings.Join(rules, " "), c[0]) {
			t.Errorf("got rules %q, want %s, for\n%s", rules, c[0], c[1])
		}
	}
}

func TestTheCodePolicyRefusesWhatEndsTheAnalyser(t *testing.T) {
	t.Parallel()
	deep := "x = " + strings.Repeat("(", 90_000) + strings.Repeat(")", 90_000) + "\n"
	q := language.Question{Tree: sandboxtest.Dir(t), Overlay: patch.Overlay{"m.py": []byte(deep)}}
	a, err := analysis.Analyser{Backend: sandboxtest.Backend(t, "bwrap")}.Analyse(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Violations) == 0 {
		t.Error("a file that the analyser cannot take was let pass")
	}
}

func TestTheCodePolicyLeavesBaseAlone(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, c := range hostileCode {
		if c[0] != "code-syntax" {
			all.WriteString(c[1])
		}
	}
	before := all.String() + "def f(a):\n    try:\n        return a\n    except Exception:\n        return 1\n"
	a := ask(t, map[string]string{"m.py": before}, map[string]string{"m.py": strings.Replace(before, "Exception:\n        return 1", "Exception:\n        return 2", 1)})
	if len(a.Violations)+len(a.Broad) > 0 {
		t.Errorf("got %+v %+v for a file that had all of it before", a.Violations, a.Broad)
	}
	again := ask(t, map[string]string{"m.py": before}, map[string]string{"m.py": before + "class B:\n    def __eq__(self, o):\n        return 1\n"})
	if len(again.Violations) != 1 {
		t.Errorf("got %+v, want the one that was added", again.Violations)
	}
}

func TestTheCodePolicyAdmitsHonestFixes(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("../patchrules/testdata/honest.txtar")
	if err != nil {
		t.Fatal(err)
	}
	base, head := map[string]string{}, map[string]string{}
	for _, f := range archive.Files {
		if name, ok := strings.CutSuffix(f.Name, ".before"); ok {
			base[name+".py"] = string(f.Data)
		} else {
			head[strings.TrimSuffix(f.Name, ".after")+".py"] = string(f.Data)
		}
	}
	if len(base) < 20 || len(base) != len(head) {
		t.Fatalf("got %d and %d files", len(base), len(head))
	}
	a := ask(t, base, head)
	if len(a.Violations)+len(a.Broad)+len(a.Permissions) > 0 {
		t.Errorf("honest fixes are refused or asked about: %+v %+v %+v", a.Violations, a.Broad, a.Permissions)
	}
	if len(a.Lines["off_by_one.py"]) == 0 {
		t.Error("no executable lines")
	}
}

func TestBroadHandlersAreFound(t *testing.T) {
	t.Parallel()
	const before = "def f(a):\n    try:\n        return int(a)\n    except ValueError:\n        return 0\n"
	for i, after := range []string{
		strings.Replace(before, "except ValueError", "except Exception", 1),
		strings.Replace(before, "except ValueError", "except", 1),
		strings.Replace(before, "except ValueError", "except (ValueError, BaseException)", 1),
		before + "import contextlib\ndef g():\n    with contextlib.suppress(Exception):\n        f(1)\n",
	} {
		if a := ask(t, map[string]string{"m.py": before}, map[string]string{"m.py": after}); len(a.Broad) != 1 {
			t.Errorf("case %d: got %+v, want one broad handler", i, a.Broad)
		}
	}
}

// The lines that can execute, as the interpreter sees them.
func TestExecutableLines(t *testing.T) {
	t.Parallel()
	const text = `"""Doc."""
import os


def f(a,
      b=1):
    """Doc
    over lines."""
    # comment
    x: int
    total = sum([
        a,
        b,
    ])
    if total:
        pass
    else:
        return 1
    return total
`
	a := ask(t, nil, map[string]string{"m.py": text})
	for line, want := range map[int]bool{1: false, 2: true, 3: false, 5: true, 7: false, 8: false, 9: false, 10: false, 11: true, 15: true, 17: false, 18: true, 19: true} {
		first, last, ok := a.Statement("m.py", line)
		if ok != want {
			t.Errorf("line %d: got executable %v, want %v", line, ok, want)
		}
		if line == 11 && (first != 11 || last != 14) {
			t.Errorf("the statement of line 11: got %d to %d, want 11 to 14", first, last)
		}
	}
}
