package analysis_test

import (
	"slices"
	"strings"
	"testing"
)

// What a patch changes that others use: base, what is replaced by what, and the
// names that the touched statements are to define and to use.
func TestTouchedStatements(t *testing.T) {
	t.Parallel()
	const count = "import math\n\n\ndef count(total, size):\n    pages = total // size\n    return pages\n\n\ndef pages(items, size):\n    return range(count(len(items), size))\n"
	for _, c := range []struct {
		name, base    string
		edits         []string // old, new, …
		defines, uses string
	}{
		{"another body is used as before", count, []string{"total // size", "-(-total // size)"}, "", ""},
		{"another name of a parameter", count, []string{"(total, size)", "(all, size)", "total // size", "len(all) // size", "count(len(items), size)", "count(items, size)"}, "count", "count"},
		{"a default", count, []string{"(total, size)", "(total, size=10)"}, "count", ""},
		{"another form of the result", count, []string{"    return pages\n", "    return pages, size\n"}, "count", ""},
		{"a generator", count, []string{"    return pages\n", "    yield pages\n"}, "count", ""},
		{"an import and its use", count, []string{"import math\n", "import operator\n", "total // size", "operator.floordiv(total, size)"}, "math operator", "operator"},
		{"a constant and its use", "LIMIT = 3\n\n\ndef f(a):\n    return a < LIMIT\n", []string{"LIMIT = 3", "LIMIT = (3, 4)", "a < LIMIT", "a in LIMIT"}, "LIMIT", "LIMIT"},
		{"a new local", count, []string{"    pages = total // size\n    return pages\n", "    whole = total // size\n    return whole\n"}, "count:pages count:whole", "count:pages count:whole"},
		{"an attribute that another method reads", "class A:\n    def __init__(self, x):\n        self.x = x\n\n    def get(self):\n        return self.x\n", []string{"self.x = x", "self.y = x", "return self.x", "return self.y"}, "x y", "x y"},
		{"the constructor's parameters", "class A:\n    def __init__(self, x):\n        self.x = x\n\n\ndef make():\n    return A(1)\n", []string{"(self, x)", "(self, x, y)", "A(1)", "A(1, 2)"}, "A __init__", "A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			head := strings.NewReplacer(c.edits...).Replace(c.base)
			a := ask(t, map[string]string{"m.py": c.base}, map[string]string{"m.py": head})
			defines, uses := map[string]bool{}, map[string]bool{}
			for _, s := range a.Touched {
				for _, n := range s.Defines {
					defines[n] = true
				}
				for _, n := range s.Uses {
					uses[n] = true
				}
			}
			if got := words(defines); got != c.defines {
				t.Errorf("got defined %q, want %q", got, c.defines)
			}
			if got := words(uses); got != c.uses {
				t.Errorf("got used %q, want %q", got, c.uses)
			}
		})
	}
}

func words(set map[string]bool) string {
	var all []string
	for w := range set {
		all = append(all, w)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestTheNearestTestsImportAFile(t *testing.T) {
	t.Parallel()
	base := map[string]string{
		"src/shop/__init__.py":    "",
		"src/shop/rates.py":       "TABLE = {}\n",
		"src/shop/pricing.py":     "from shop import rates\n",
		"src/shop/api.py":         "from . import pricing\n",
		"src/shop/sub/deep.py":    "from ..rates import (\n    TABLE,\n)\n",
		"tests/test_api.py":       "from shop.api import quote\n",
		"tests/test_rates.py":     "import shop.rates\n",
		"tests/test_unlike.py":    "import shop\nimport json\n",
		"tests/deep_test.py":      "    from shop.sub.deep import TABLE\n",
		"tests/helper.py":         "import shop.rates as r\n",
		"tests/test_by_hand.py":   "import os, helper\n",
		".venv/lib/test_rates.py": "import shop.rates\n",
	}
	a := ask(t, base, map[string]string{"src/shop/rates.py": "TABLE = {1: 2}\n"})
	want := []string{"tests/test_rates.py", "tests/deep_test.py", "tests/test_api.py"}
	if !slices.Equal(a.Tests, want) {
		t.Errorf("got %q, want %q", a.Tests, want)
	}
}
