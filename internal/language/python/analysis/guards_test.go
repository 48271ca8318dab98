package analysis_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language"
)

// A level is one of the only file.
type level struct {
	function string
	line     int
}

// One file each: base, what is replaced by what, the failure's stack as
// function and line, and what the analyser is to find.
var guardCases = []struct {
	name       string
	base       string
	old, new   string
	stack      []level
	kind       string // "" no guard
	input      bool   // at the innermost level that is the function
	documented bool
}{
	{"early return for a value that the caller computed", kthSource, "    pivot = arr[0]", "    if not arr:\n        return None\n    pivot = arr[0]", kthStack, "exit", false, false},
	{"early return of a new object", kthSource, "    pivot = arr[0]", "    if not arr:\n        return Nothing()\n    pivot = arr[0]", kthStack, "exit", false, false},
	{"conditional expression", kthSource, "arr[0]", "arr[0] if arr else None", kthStack, "ifexp", false, false},
	{"default by or", kthSource, "arr[0]", "(arr or [0])[0]", kthStack, "or-default", false, false},
	{"substituted default", kthSource, "    pivot = arr[0]", "    if not arr:\n        arr = [0]\n    pivot = arr[0]", kthStack, "default", false, false},
	{"guard around the recursive call", kthSource, "return kth(above, k)", "return kth(above, k) if above else pivot", kthStack, "ifexp", false, false},
	{"one more condition", kthSource, "if k >= len(below):", "if k >= len(below) and above:", kthStack, "conjunct", false, false},
	{"handler for the exception", kthSource, "    pivot = arr[0]", "    try:\n        pivot = arr[0]\n    except IndexError:\n        return None", kthStack, "try", false, false},
	{"handler for its base class", kthSource, "    pivot = arr[0]", "    try:\n        pivot = arr[0]\n    except LookupError:\n        return None", kthStack, "try", false, false},
	{"clamp of the failing index", "def at(a, i):\n    return a[i + 1]\n", "a[i + 1]", "a[min(i + 1, len(a) - 1)]", []level{{"at", 2}}, "clamp", true, false},
	{"filter", "def f(rows):\n    return [r.x for r in made(rows)]\ndef made(rows):\n    return rows\n", "made(rows)]", "made(rows) if r]", []level{{"f", 2}}, "filter", false, false},
	{"get for an item", "def f(row):\n    return load(row)['a']\ndef load(row):\n    return row\n", "load(row)['a']", "load(row).get('a')", []level{{"f", 2}}, "get-default", false, false},
	{"the failing check is gone", "def f(a):\n    if a < 0:\n        raise IndexError(a)\n    return a\n", "    if a < 0:\n        raise IndexError(a)\n", "", []level{{"f", 3}}, "check", false, false},
	{"the failing statement is removed", "def f(a):\n    a.pop()\n    return a\n", "    a.pop()\n", "", []level{{"f", 2}}, "removed", false, false},
	{"statements put under a condition", "def f(a):\n    x = g(a)\n    a.pop(x)\n    return a\ndef g(a):\n    return a\n", "    a.pop(x)", "    if x:\n        a.pop(x)", []level{{"f", 3}}, "wrap", false, false},
	{"a guard in a function that the patch adds", "def kth(arr):\n    x = arr[0]\n    return kth(arr[1:])\n", "def kth(arr):\n    x = arr[0]", "def first(a):\n    return a[0] if a else None\ndef kth(arr):\n    x = first(arr)", []level{{"kth", 3}, {"kth", 2}}, "ifexp", false, false},
	{"a value that came with the input", "def report(order):\n    return mean(order['prices'])\ndef mean(values):\n    return sum(values) / len(values)\n", "    return sum", "    if not values:\n        return 0.0\n    return sum", []level{{"report", 2}, {"mean", 4}}, "exit", true, false},
	{"a part of a tree that came with the input", "def depth(node):\n    return 1 + max(depth(c) for c in node.children)\n", "max(depth(c) for c in node.children)", "max((depth(c) for c in node.children), default=0)", []level{{"depth", 2}, {"depth", 2}}, "get-default", true, false},
	{"a loop variable over the input", "def total(orders):\n    out = 0\n    for o in orders:\n        out += price(o)\n    return out\ndef price(order):\n    return order['n'] / order['d']\n", "    return order['n']", "    if not order['d']:\n        return 0\n    return order['n']", []level{{"total", 4}, {"price", 7}}, "exit", true, false},
	{"a value that a function of the tree made", "def f(order):\n    line = find(order)\n    return line.price\ndef find(order):\n    return None\n", "    return line", "    if line is None:\n        return 0\n    return line", []level{{"f", 3}}, "exit", false, false},
	{"a value that its maker documents", "def f(order):\n    line = find(order)\n    return line.price\ndef find(order):\n    \"\"\"Return the line, or None when there is none.\"\"\"\n    return None\n", "    return line", "    if line is None:\n        return 0\n    return line", []level{{"f", 3}}, "exit", false, true},
	{"a value that its maker's annotation allows", "from typing import Optional\ndef f(order):\n    line = find(order)\n    return line.price\ndef find(order) -> Optional[int]:\n    return None\n", "    return line", "    if line is None:\n        return 0\n    return line", []level{{"f", 4}}, "exit", false, true},
	{"a value that its maker's docstring forbids", "def f(order):\n    line = find(order)\n    return line.price\ndef find(order):\n    \"\"\"Return the line, never None.\"\"\"\n    return None\n", "    return line", "    if line is None:\n        return 0\n    return line", []level{{"f", 3}}, "exit", false, false},
	{"a parameter that may be None by its default", "def g(a):\n    return f(a + 1, made(a))\ndef made(a):\n    return None\ndef f(a, b=None):\n    return b.x\n", "    return b.x", "    if b is None:\n        return 0\n    return b.x", []level{{"g", 2}, {"f", 6}}, "exit", false, true},
	{"documentation by the patch itself does not count", "def g(a):\n    return f(made(a))\ndef made(a):\n    return None\ndef f(b):\n    return b.x\n", "def f(b):\n    return b.x", "def f(b):\n    \"\"\"b may be None.\"\"\"\n    if b is None:\n        return 0\n    return b.x", []level{{"g", 2}, {"f", 6}}, "exit", false, false},
	{"what a library call answers when there is nothing", "import re\ndef f(text):\n    m = re.match('a', text)\n    return m.group()\n", "    return m", "    if m is None:\n        return ''\n    return m", []level{{"f", 4}}, "exit", true, true},
	{"early return by match", kthSource, "    pivot = arr[0]", "    match arr:\n        case []:\n            return None\n    pivot = arr[0]", kthStack, "exit", false, false},
	{"statements put under a case", "def f(a):\n    x = g(a)\n    a.pop(x)\n    return a\ndef g(a):\n    return a\n", "    a.pop(x)", "    match x:\n        case int():\n            a.pop(x)", []level{{"f", 3}}, "wrap", false, false},
	{"early return by while", kthSource, "    pivot = arr[0]", "    while not arr:\n        return None\n    pivot = arr[0]", kthStack, "exit", false, false},
	{"a factor that is a condition", "def f(a):\n    x = g(a)\n    return a[x]\ndef g(a):\n    return a\n", "a[x]", "a[x * (x is not None)]", []level{{"f", 3}}, "ifexp", false, false},
	{"an answer chosen by an index", kthSource, "arr[0]", "(0, arr[:1])[bool(arr)]", kthStack, "ifexp", false, false},
	{"a constant for what failed", kthSource, "arr[0]", "0", kthStack, "constant", false, false},
	{"a constant result for what failed", "def f(a):\n    return g(a)[0]\ndef g(a):\n    return a\n", "g(a)[0]", "None", []level{{"f", 2}}, "constant", false, false},
	{"return in a finally", kthSource, "    pivot = arr[0]", "    try:\n        pivot = arr[0]\n    finally:\n        return None", kthStack, "try", false, false},
	{"an index that is not a condition is not a guard", kthSource, "arr[0]", "arr[len(arr) // 2]", kthStack, "", false, false},
	{"another factor is not a guard", "def f(a):\n    return 10 / (a - a)\n", "(a - a)", "(a + a)", []level{{"f", 2}}, "", false, false},
	{"another comparison is not a guard", "def f(a):\n    if len(a) == 0:\n        return a\n    return f(a[1:])\n", "== 0", "<= 1", []level{{"f", 4}}, "", false, false},
	{"a corrected argument is not a guard", kthSource, "kth(above, k)", "kth(above, k - 1)", kthStack, "", false, false},
	{"a branch that computes is not a guard", "def f(text):\n    return int(text)\n", "    return int(text)", "    if '.' in text:\n        return int(text.replace('.', ''))\n    return int(text)", []level{{"f", 2}}, "", false, false},
	{"a guard in a function off the stack is listed", "def f(a):\n    return g(a)[0]\ndef g(a):\n    return a\n", "def g(a):\n    return a", "def g(a):\n    if not a:\n        return [0]\n    return a", []level{{"f", 2}}, "exit", false, false},
	{"a handler that raises another exception", "class Bad(ValueError):\n    pass\ndef f(a):\n    return a[0]\n", "    return a[0]", "    try:\n        return a[0]\n    except IndexError as e:\n        raise Bad(a) from e", []level{{"f", 4}}, "refusal", false, false},
	{"a handler that reads the value in another way", "def f(a):\n    return a[0]\n", "    return a[0]", "    try:\n        return a[0]\n    except IndexError:\n        return list(a.values())[0]", []level{{"f", 2}}, "format", false, false},
	{"a handler that returns a constant", "def f(a):\n    return a[0]\n", "    return a[0]", "    try:\n        return a[0]\n    except IndexError:\n        return Decimal('0')", []level{{"f", 2}}, "try", false, false},
	{"a handler for an absence that is documented", "def f(a):\n    \"\"\"Return the first, or None where a is empty.\"\"\"\n    try:\n        return a[0]\n    except KeyError:\n        return None\n", "KeyError", "IndexError", []level{{"f", 4}}, "try", false, true},
	{"a handler for less than before", "def f(a):\n    try:\n        return a[0]\n    except Exception:\n        return None\n", "Exception", "IndexError", []level{{"f", 3}}, "", false, false},
	{"a new object of constants", "def f(a):\n    x = g(a)\n    return x\ndef g(a):\n    return a\n", "    return x", "    if x is None:\n        return Decimal(1)\n    return x", []level{{"f", 3}}, "exit", false, false},
	{"a default for a get that had none", "T = {}\ndef f(a):\n    return T.get(a) * 2\n", "T.get(a)", "T.get(a, 1)", []level{{"f", 3}}, "get-default", false, false},
	{"a value that enters in the function", "from flask import request\ndef f():\n    name = request.form.get('name')\n    return name[0]\n", "    return name", "    if not name:\n        return ''\n    return name", []level{{"f", 4}}, "exit", true, true},
	{"a value that enters in the caller", "import json\ndef f(path):\n    data = json.load(open(path))\n    return g(data['x'].strip())\ndef g(a):\n    return a[0]\n", "    return a[0]", "    if not a:\n        return ''\n    return a[0]", []level{{"f", 4}, {"g", 6}}, "exit", true, false},
}

const kthSource = `def kth(arr, k):
    pivot = arr[0]
    below = [x for x in arr if x < pivot]
    above = [x for x in arr if x > pivot]
    if k < len(below):
        return kth(below, k)
    if k >= len(below):
        return kth(above, k)
    return pivot
`

var kthStack = []level{{"kth", 8}, {"kth", 2}}

func TestGuardsAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range guardCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if strings.Count(c.base, c.old) != 1 {
				t.Fatalf("%q is not once in the source", c.old)
			}
			var own []language.Level
			for _, l := range c.stack {
				own = append(own, language.Level{Path: "m.py", Function: l.function, Line: l.line})
			}
			a := ask(t, map[string]string{"m.py": c.base}, map[string]string{"m.py": strings.Replace(c.base, c.old, c.new, 1)}, own...)
			if len(a.Violations) > 0 {
				t.Fatalf("got violations %+v", a.Violations)
			}
			if c.kind == "" {
				if len(a.Guards) > 0 {
					t.Errorf("got %+v, want no guard", a.Guards)
				}
				return
			}
			i := slices.IndexFunc(a.Guards, func(g language.Guard) bool { return string(g.Kind) == c.kind })
			if i < 0 {
				t.Fatalf("got %+v, want a guard of kind %s", a.Guards, c.kind)
			}
			g := a.Guards[i]
			if got := slices.Contains(g.InputAt, len(own)-1); got != c.input {
				t.Errorf("got from the input %v, want %v: %+v", got, c.input, g)
			}
			if got := g.Documented != ""; got != c.documented {
				t.Errorf("got documented %q, want %v", g.Documented, c.documented)
			}
		})
	}
}
