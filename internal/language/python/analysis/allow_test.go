package analysis_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/analysis"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

const shopBefore = `import json


TABLE = {"a": 1}


class Price:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n


def total(values):
    return sum(values) / len(values)


def read(path):
    with open(path) as f:
        return json.load(f)
`

// What is added to shopBefore, and what the question names; "" where nobody is asked.
var additions = []struct{ name, code, names string }{
	{"a module of the reviewed list", "import math\n\n\ndef up(n):\n    return math.ceil(n)\n", ""},
	{"a lock", "import threading\n\nLOCK = threading.Lock()\n", ""},
	{"a thread", "import threading\n\n\ndef go(f):\n    threading.Thread(target=f).start()\n", "threading.Thread"},
	{"a method of texts", "def clean(s):\n    return s.strip().casefold()\n", ""},
	{"what the package uses elsewhere", "import rich\n\n\ndef show(u):\n    return rich.inspect(u)\n", ""},
	{"a connection more than the package makes", "import requests\n\n\ndef get(u):\n    return requests.get(u)\n", "requests.get, which connects"},
	{"a process by a module of the package", "from .other import subprocess\n\n\ndef go(u):\n    return subprocess.run(u)\n", "subprocess.run, which starts something"},
	{"a module that a pure one holds", "import statistics\n\n\ndef r():\n    return statistics.random.random()\n", "statistics.random"},
	{"a format that looks into objects", "def g(f):\n    return '{0.__globals__}'.format(f)\n", "a format that looks into objects"},
	{"a format of numbers", "def g(n):\n    return '{:.2f} {0[a]} {1.n}'.format(n)\n", ""},
	{"a call in an annotation", "def g(n: total.obliterated()):\n    return n\n", ".obliterated"},
	{"a special method that is set", "class K:\n    pass\n\n\nK.__len__ = total\n", ".__len__ is set"},
	{"a module's own attributes", "def __getattr__(name):\n    return 0\n", "the special function __getattr__"},
	{"a count in a closure", "def make():\n    n = 0\n\n    def f():\n        nonlocal n\n        n += 1\n        return n\n    return f\n", "keeps n from call to call"},
	{"what only the tests use", "import responses\n", "the import of responses"},
	{"a variable of the environment", "import os\n\n\ndef home():\n    return os.environ['HOME']\n", "os.environ, which reads the environment"},
	{"the environment by another name", "import os as o\n\n\ndef home():\n    return o.environ\n", "os.environ"},
	{"the environment, imported", "from os import environ\n", "os.environ"},
	{"a path's parts", "import os\n\n\ndef name(p):\n    return os.path.basename(p)\n", ""},
	{"a sleep", "import time\n\n\ndef wait():\n    time.sleep(1)\n", "time.sleep, which waits"},
	{"a clock", "from datetime import datetime\n\n\ndef t():\n    return datetime.now()\n", ".now"},
	{"chance", "import random\n", "the import of random"},
	{"the process", "import os\n\n\ndef me():\n    return os.getpid()\n", "os.getpid"},
	{"a hash", "def h(s):\n    return hash(s) == 12\n", "hash()"},
	{"an identity", "def h(s):\n    return id(s) % 2\n", "id()"},
	{"a file that is written", "def w(p):\n    open(p, 'w')\n", "a file opened for writing"},
	{"a file that is read", "def r(p):\n    with open(p) as f:\n        return f.read()\n", ""},
	{"a file that is removed", "import os\n\n\ndef rm(p):\n    os.remove(p)\n", "os.remove, which deletes"},
	{"a path that is removed", "from pathlib import Path\n\n\ndef rm(p):\n    Path(p).unlink()\n", ".unlink"},
	{"an object that is loaded", "import pickle\n\n\ndef l(b):\n    return pickle.loads(b)\n", "pickle"},
	{"text that is evaluated", "import timeit\ntimeit.timeit('1')\n", "timeit"},
	{"a name that is resolved", "import pydoc\npydoc.locate('os')\n", "pydoc"},
	{"an attribute by a computed name", "def g(o, k):\n    return getattr(o, k)\n", "getattr()"},
	{"an attribute by a plain name", "def g(o):\n    return getattr(o, 'n', 0)\n", ""},
	{"an unknown attribute by a plain name", "from enum import bltns\n\n\ndef g(s):\n    return getattr(bltns, 'input')(s)\n", ".input"},
	{"a module within a pure one", "import enum\n\n\ndef g(s):\n    return enum.bltns.input(s)\n", ".input"},
	{"getattr, handed on", "g = getattr\n", "getattr handed on"},
	{"a module, imported by name", "import importlib\n", "importlib"},
	{"a process", "import multiprocessing\n", "multiprocessing"},
	{"a connection", "from urllib.request import urlopen\n", "urllib.request"},
	{"a quoted URL", "from urllib.parse import quote\n\n\ndef q(s):\n    return quote(s)\n", ""},
	{"an unknown method", "def g(o):\n    return o.obliterate()\n", ".obliterate"},
	{"a method of its own", "class Kind:\n    def annihilate(self):\n        return 1\n\n\ndef g(o):\n    return Kind().annihilate()\n", ""},
	{"a local that lends its name to a module", "pickle = 1\nimport pickle\n", "pickle"},
	{"a manager that swallows", "class M:\n    def __enter__(self):\n        return self\n\n    def __exit__(self, *a):\n        return True\n", "M.__exit__"},
	{"a manager that closes", "class M:\n    def __enter__(self):\n        return self\n\n    def __exit__(self, *a):\n        self.n = 0\n", ""},
	{"a special method that makes up attributes", "class M:\n    def __getattr__(self, n):\n        return 0\n", "M.__getattr__"},
	{"what is printed", "print('x')\n", "the builtin print"},
	{"a traceback", "def g(e):\n    return e.__traceback__\n", ".__traceback__"},
	{"a cache", "import functools\n\n\n@functools.lru_cache\ndef g(n):\n    return n\n", "functools.lru_cache"},
	{"a count of calls", "CALLS = []\n\n\ndef g(n):\n    CALLS.append(n)\n    return len(CALLS)\n", "g keeps CALLS"},
	{"a count of calls by the operator's function", "import operator\n\nCALLS = {}\n\n\ndef g(n):\n    operator.setitem(CALLS, n, n)\n    return n\n", "g keeps CALLS from call to call and hands it to operator.setitem"},
	{"a count of calls by the class's method", "CALLS = {}\n\n\ndef g(n):\n    dict.update(CALLS, {n: n})\n    return n\n", "hands it to dict.update"},
	{"a count of calls in a heap", "from heapq import heappush\n\nCALLS = {'q': []}\n\n\ndef g(n):\n    heappush(CALLS['q'], n)\n    return n\n", "hands it to heappush"},
	{"a count of calls by an iterator", "import itertools\n\nCALLS = itertools.count()\n\n\ndef g(n):\n    return CALLS.__next__()\n", "g keeps CALLS"},
	{"a count of calls in a queue", "import queue\n\nCALLS = queue.SimpleQueue()\n\n\ndef g(n):\n    CALLS.put(n)\n    return CALLS.qsize()\n", "g keeps CALLS"},
	{"a table that is read", "RATES = {'a': 1}\n\n\ndef g(n):\n    merged = {}\n    merged.update(RATES)\n    return sorted(RATES), total([RATES[n]]), total(RATES[n]), RATES.get(n)\n", ""},
	{"numbers whose errors are turned off", "import decimal\n\n\ndef g(n):\n    decimal.setcontext(decimal.Context(traps=[]))\n    return n\n", "decimal.setcontext"},
	{"numbers whose errors are turned off by their context", "from decimal import getcontext\n\n\ndef g(n):\n    getcontext().clear()\n    return n\n", "decimal.getcontext"},
	{"a decimal number", "from decimal import Decimal\n\n\ndef g(n):\n    return Decimal(n)\n", ""},
	{"a count of calls in an attribute", "def g(n):\n    g.calls = n\n    return n\n", "g keeps g"},
	{"a count of calls in a default", "def g(n, seen=[]):\n    seen.append(n)\n    return n\n", "g keeps a default"},
	{"a condition as a power", "def g(n):\n    return 1 / (n + 0 ** n)\n", "a condition written as arithmetic"},
	{"a condition as a number", "def g(n):\n    return 1 / (n + (n == 0))\n", "a condition written as arithmetic"},
	{"a padded argument", "def g(v):\n    return total(v + [0])\n", "constants are put into a value"},
	{"an argument of two lists", "def g(v, w):\n    return total(v + w)\n", ""},
	{"the failing input as a table", "ANSWERS = {(3, 7): 5}\n\n\ndef g(v):\n    return ANSWERS.get(tuple(v)) or total(v)\n", "a special case for one input"},
	{"the failing input in a comparison", "def g(v):\n    if v == 'SE-17':\n        return 0\n    return v\n", "a special case for one input"},
	{"the failing input as a text", "ANSWERS = {'[3, 7]': 5}\n", "a special case for one input"},
	{"the place of the code", "def g():\n    return __file__.startswith('/srv')\n", "__file__, which tells where the code runs"},
	{"a finally that is left", "def g(v):\n    try:\n        v = total(v)\n    finally:\n        return v\n", "g leaves a finally"},
	{"a finally that is not", "def g(v):\n    try:\n        return total(v)\n    finally:\n        v.clear()\n", ""},
	{"a generator that swallows", "import contextlib\n\n\n@contextlib.contextmanager\ndef g():\n    try:\n        yield\n    except ValueError:\n        pass\n", "g goes on after its yield failed"},
	{"a generator that translates", "import contextlib\n\n\n@contextlib.contextmanager\ndef g():\n    try:\n        yield\n    except ValueError as e:\n        raise TypeError('x') from e\n", ""},
	{"a list that is none", "class L(list):\n    def __getitem__(self, i):\n        return 0\n", "L.__getitem__, so that a list is none"},
	{"a class with a length", "class L:\n    def __len__(self):\n        return 0\n", ""},
	{"an order with a structural comparison", "import functools\n\n\n@functools.total_ordering\nclass L:\n    def __eq__(self, other):\n        if not isinstance(other, L):\n            return NotImplemented\n        return self.n == other.n\n\n    def __lt__(self, other):\n        return self.n < other.n\n\n    def __hash__(self):\n        return hash(self.n)\n", ""},
	{"a comparison of something else", "class L:\n    def __eq__(self, other):\n        return self.n == self.n\n", "L.__eq__"},
	{"another value in a comparison", "def g(v):\n    if v == 'paid':\n        return 0\n    return v\n", ""},
}

const failing = "from shop.m import total\n\n\ndef test_incident():\n    total([3, 7])\n    total('SE-17')\n"

func TestWhatAPatchAddsThatAPersonHasToPermit(t *testing.T) {
	t.Parallel()
	q := language.Question{Tree: t.TempDir(), Overlay: patch.Overlay{}, Test: failing}
	base := map[string]string{
		"shop/__init__.py": "", "shop/other.py": "import subprocess\n\nimport requests\nimport rich\n\n\ndef fetch(u):\n    rich.inspect(u)\n    subprocess.run(u)\n    return requests.get(u)\n",
		"tests/test_m.py": "import responses\n",
	}
	for i, c := range additions {
		name := fmt.Sprintf("shop/m%d.py", i)
		base[name] = shopBefore
		q.Overlay[name] = []byte(shopBefore + "\n\n" + c.code)
	}
	for name, text := range base {
		write(t, q.Tree+"/"+name, text)
	}
	a, err := analysis.Analyser{Backend: sandboxtest.Host{TB: t}}.Analyse(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range additions {
		t.Run(c.name, func(t *testing.T) {
			var named []string
			for _, p := range a.Permissions {
				if p.Path == fmt.Sprintf("shop/m%d.py", i) {
					named = append(named, p.Detail)
					if p.Line == 0 {
						t.Errorf("no line for %s", p.Detail)
					}
				}
			}
			switch all := strings.Join(named, "; "); {
			case c.names == "" && all != "":
				t.Errorf("asked about %s", all)
			case !strings.Contains(all, c.names):
				t.Errorf("got %q, want it to name %s", all, c.names)
			}
		})
	}
}

func TestWhatAPatchChangesThatAPersonHasToPermit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, before, after, names string }{
		{"a result that is put off", "    return sum(values) / len(values)", "    return lambda: sum(values) / len(values)", "total returns a function now"},
		{"a constant that is another", `{"a": 1}`, `{"SE-17": 1}`, ""},
		{"an entry that is added", `{"a": 1}`, `{"a": 1, "SE-17": 1}`, ""},
		{"a comparison that depends on the object", "return self.n == other.n", "return isinstance(other, Price) and self.n == other.n", ""},
		{"a hash beside a comparison", "        return self.n == other.n\n", "        return self.n == other.n\n\n    def __hash__(self):\n        return hash(self.n)\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := language.Question{Tree: t.TempDir(), Test: failing, Overlay: patch.Overlay{"m.py": []byte(strings.Replace(shopBefore, c.before, c.after, 1))}}
			write(t, q.Tree+"/m.py", shopBefore)
			a, err := analysis.Analyser{Backend: sandboxtest.Host{TB: t}}.Analyse(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(a.Permissions); (c.names == "") != (len(a.Permissions) == 0) || !strings.Contains(got, c.names) {
				t.Errorf("got %s, want %q", got, c.names)
			}
			if len(a.Violations) > 0 {
				t.Errorf("refused: %v", a.Violations)
			}
		})
	}
}

func TestNamesThatAreBoundAnewAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, after, says string }{
		{"a second function", shopBefore + "\n\ndef total(values):\n    return 0\n", "a second definition of total"},
		{"a second function by assignment", shopBefore + "\n\ntotal = lambda values: 0\n", "a second definition of total"},
		{"a second method", strings.Replace(shopBefore, "    def __eq__", "    def __init__(self, n):\n        self.n = 0\n\n    def __eq__", 1), "a second definition of __init__"},
		{"a second function behind a constant", shopBefore + "\n\nif True:\n    def total(values):\n        return 0\n", "a second definition of total"},
		{"a builtin as a function", shopBefore + "\n\ndef len(v):\n    return 1\n", "the builtin len"},
		{"a builtin as a parameter", strings.Replace(shopBefore, "total(values)", "total(values, len=lambda v: 1)", 1), "the builtin len"},
		{"a builtin as a local", strings.Replace(shopBefore, "    return sum(values)", "    len = max\n    return sum(values)", 1), "the builtin len"},
		{"a ligature", shopBefore + "\n\n\uFB01rst = 1\n", "read as first"},
		{"a wrapped function", shopBefore + "\n\ntotal = staticmethod(total)\n", ""},
		{"a parameter with a builtin's name that is not called", shopBefore + "\n\ndef f(id):\n    return id\n", ""},
		{"a property and its setter", shopBefore + "\n\nclass P:\n    @property\n    def x(self):\n        return 1\n\n    @x.setter\n    def x(self, v):\n        pass\n", ""},
		{"alternatives of an import", shopBefore + "\n\ntry:\n    import tomllib\nexcept ImportError:\n    tomllib = None\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := ask(t, map[string]string{"m.py": shopBefore}, map[string]string{"m.py": c.after})
			if got := fmt.Sprint(a.Violations); (c.says == "") != (len(a.Violations) == 0) || !strings.Contains(got, c.says) {
				t.Errorf("got %s, want %q", got, c.says)
			}
		})
	}
}
