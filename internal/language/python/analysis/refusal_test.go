package analysis_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/analysis"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

const (
	ordersSource = "class Refused(ValueError):\n    pass\ndef take(body):\n    return count(body['n'])\ndef count(n):\n    return 30 // n\ndef other(a):\n    if not a:\n        raise Refused(a)\n"
	viewSource   = "import orders\ndef post(body):\n    try:\n        return orders.take(body)\n    except orders.Refused as e:\n        return str(e)\n"
	refusing     = "def count(n):\n    if n < 1:\n        raise Refused(n)\n    return 30 // n"
)

// What speaks for an exception in which the call ends on head. The test calls
// orders.take, which calls count, and count raises.
func TestWhatSpeaksForAnException(t *testing.T) {
	t.Parallel()
	atView := []language.Level{{Path: "view.py", Function: "post", Line: 4}}
	for _, c := range []struct {
		name    string
		view    string // of base
		base    string // of orders.py
		head    string // instead of count
		callers []language.Level
		test    string
		raised  string
		want    string // "" nothing
	}{
		{"a caller in production handles it", viewSource, ordersSource, refusing, atView, "", "Refused", "view.py:5 handles Refused"},
		{"it handles a class above it", strings.Replace(viewSource, "orders.Refused", "(KeyError, ValueError)", 1), ordersSource, refusing, atView, "", "Refused", "view.py:5 handles ValueError"},
		{"a catch-all handler says nothing of it", strings.Replace(viewSource, "orders.Refused", "Exception", 1), strings.Replace(ordersSource, "raise Refused(a)", "pass", 1), refusing, atView, "", "Refused", ""},
		{"a handler around another call says nothing of it", strings.Replace(viewSource, "        return orders.take(body)", "        pass", 1), strings.Replace(ordersSource, "raise Refused(a)", "pass", 1), refusing, []language.Level{{Path: "view.py", Function: "post", Line: 2}}, "", "Refused", ""},
		{"a handler is registered", "import orders\n@app.errorhandler(orders.Refused)\ndef refused(e):\n    return str(e), 422\n", ordersSource, refusing, nil, "", "Refused", "view.py registers a handler for Refused"},
		{"the framework answers it", "", "from werkzeug.exceptions import BadRequest\n" + ordersSource, "def count(n):\n    if n < 1:\n        raise BadRequest(n)\n    return 30 // n", nil, "", "BadRequest", "werkzeug answers BadRequest"},
		{"the framework answers it as a fault of its own", "", "from fastapi import HTTPException\n" + ordersSource, "def count(n):\n    if n < 1:\n        raise HTTPException(500)\n    return 30 // n", nil, "", "HTTPException", ""},
		{"the documentation names it", "", strings.Replace(ordersSource, "def count(n):\n", "def count(n):\n    \"\"\"A count.\n\n    :raises OverflowError: where there are too many\n    \"\"\"\n", 1), "def count(n):\n    if n < 1:\n        raise OverflowError(n)\n    return 30 // n", nil, "", "OverflowError", "count documents that it raises OverflowError"},
		{"only the patch documents it", "", ordersSource, "def count(n):\n    \"\"\"Raises OverflowError.\"\"\"\n    if n < 1:\n        raise OverflowError(n)\n    return 30 // n", nil, "", "OverflowError", ""},
		{"the file refuses with it elsewhere", "", ordersSource, refusing, nil, "", "Refused", "orders.py raises Refused for bad input elsewhere too"},
		{"what it refuses was computed", "", strings.Replace(ordersSource, "count(body['n'])", "count(other(body))", 1), refusing, nil, "", "Refused", ""},
		{"no raise statement raises it", "", ordersSource, "def count(n):\n    return {}[n]", nil, "", "KeyError", ""},
		{"the test says what the call answers", viewSource, ordersSource, refusing, atView, "def test_x():\n    assert take({}) == 3\n", "Refused", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			old := c.base[strings.Index(c.base, "def count"):strings.Index(c.base, "def other")]
			head := strings.Replace(c.base, old, c.head+"\n", 1)
			q := language.Question{Tree: t.TempDir(), Overlay: patch.Overlay{"orders.py": []byte(head)}, Exception: "ZeroDivisionError", Callers: c.callers, Test: c.test}
			write(t, filepath.Join(q.Tree, "orders.py"), c.base)
			write(t, filepath.Join(q.Tree, "view.py"), c.view)
			at := func(text, what string) int { return 1 + strings.Count(text[:strings.Index(text, what)], "\n") }
			q.Stack = []language.Level{{Path: "orders.py", Function: "take", Line: 1 + at(c.base, "def take")}, {Path: "orders.py", Function: "count", Line: at(c.base, "    return 30")}}
			raise := language.Raise{Exception: c.raised, Stack: []language.Level{{Path: "orders.py", Function: "take", Line: 1 + at(head, "def take")}, {Path: "orders.py", Function: "count", Line: at(head, "def count") + 1}}}
			for n, line := range strings.Split(head[strings.Index(head, "def count"):], "\n") {
				if strings.Contains(line, "raise ") {
					raise.Stack[1].Line = at(head, "def count") + n
					break
				}
			}
			got, err := analysis.Analyser{Backend: sandboxtest.Host{TB: t}}.Refuses(t.Context(), q, raise)
			if err != nil {
				t.Fatal(err)
			}
			all := got.Handled + got.Documented + got.Usual
			if (c.want == "" && all != "") || !strings.Contains(all, c.want) {
				t.Errorf("got %+v, want %q", got, c.want)
			}
		})
	}
}

// Where the bad value came from: production's outer functions, and functions
// that had returned.
func TestAValueIsFollowedBeyondTheStack(t *testing.T) {
	t.Parallel()
	const rates = "T = {}\ndef rate(code):\n    return T.get(code)\n"
	for _, c := range []struct {
		name          string
		callers, way  []language.Level
		base          map[string]string
		old, new      string // in m.py
		onWay, direct bool
		input         bool
	}{
		{"it came from outside through the caller", []language.Level{{Path: "c.py", Function: "view", Line: 3}}, nil,
			map[string]string{"m.py": "def f(a):\n    return a[0]\n", "c.py": "from flask import request\ndef view():\n    return f(request.form['a'].strip())\n"},
			"    return a[0]", "    if not a:\n        return ''\n    return a[0]", false, true, true},
		{"the caller computed it", []language.Level{{Path: "c.py", Function: "view", Line: 3}}, nil,
			map[string]string{"m.py": "def f(a):\n    return a[0]\n", "c.py": "from flask import request\ndef view():\n    return f(pick(request.form['a']))\ndef pick(a):\n    return a\n"},
			"    return a[0]", "    if not a:\n        return ''\n    return a[0]", false, false, false},
		{"a function that had returned gives a constant", nil, []language.Level{{Path: "m.py", Function: "f", Line: 5}, {Path: "m.py", Function: "rate", Line: 2}},
			map[string]string{"m.py": rates + "def f(a):\n    x = rate(a)\n    return x[0]\n"},
			"T.get(code)", "T.get(code, ())", true, false, false},
		{"it tests what came with the input", nil, []language.Level{{Path: "m.py", Function: "f", Line: 5}, {Path: "m.py", Function: "rate", Line: 2}},
			map[string]string{"m.py": rates + "def f(a):\n    x = rate(a['code'])\n    return x[0]\n"},
			"    return T", "    if not code:\n        return ()\n    return T", true, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := language.Question{Tree: t.TempDir(), Exception: "IndexError", Callers: c.callers, Stack: []language.Level{{Path: "m.py", Function: "f", Line: 1 + strings.Count(c.base["m.py"], "\n") - 1}}}
			for name, text := range c.base {
				write(t, filepath.Join(q.Tree, name), text)
			}
			q.Overlay = patch.Overlay{"m.py": []byte(strings.Replace(c.base["m.py"], c.old, c.new, 1))}
			if c.way != nil {
				q.Ways = [][]language.Level{c.way}
			}
			a, err := analysis.Analyser{Backend: sandboxtest.Host{TB: t}}.Analyse(t.Context(), q)
			if err != nil || len(a.Guards) != 1 {
				t.Fatalf("got %+v, %v, want one guard", a, err)
			}
			g := a.Guards[0]
			if g.OnWay != c.onWay || len(g.DirectAt) > 0 != c.direct || (g.Input || c.direct) != c.input || !g.Constant {
				t.Errorf("got %+v", g)
			}
		})
	}
}

func TestWhereTheFailedExpressionStillStands(t *testing.T) {
	t.Parallel()
	const base = "def f(a, n):\n    b = a\n    return b[n] + len(\n        a)\n"
	for _, c := range []struct{ name, old, new, want string }{
		{"it moves", "    b = a\n", "    b = list(a)\n    b = b + [0]\n", "[[4] [4]]"},
		{"it is another one", "b[n]", "b[n - 1]", "[[] [3]]"},
		{"it is there twice", "    b = a\n", "    b = a\n    if not n:\n        return b[n]\n", "[[4 5] [5]]"},
	} {
		a := ask(t, map[string]string{"m.py": base}, map[string]string{"m.py": strings.Replace(base, c.old, c.new, 1)}, language.Level{Path: "m.py", Function: "f", Line: 3})
		if got := sorted(a.Failing); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
	if a := ask(t, map[string]string{"m.py": base}, map[string]string{"n.py": "x = 1\n"}, language.Level{Path: "m.py", Function: "f", Line: 3}); a.Failing != nil {
		t.Errorf("another file's patch: got %v", a.Failing)
	}
}

// sorted shows where expressions stand, independently of their order.
func sorted(lines [][]int) string {
	for _, l := range lines {
		slices.Sort(l)
	}
	slices.SortFunc(lines, func(a, b []int) int { return slices.Compare(a, b) })
	return fmt.Sprint(lines)
}
