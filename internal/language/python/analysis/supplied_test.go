package analysis_test

import (
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/analysis"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// Which names a patch that mends an undefined name only supplies.
func TestANameIsSuppliedFromTheOnePlaceThatHasIt(t *testing.T) {
	t.Parallel()
	const root = "from shop.other import fetch\n\n\ndef f(n):\n    return sqrt(n) + total(n) + zlib.crc32(n) + deque(n)\n"
	rest := map[string]string{
		"shop/__init__.py": "from .prices import total\n", "shop/prices.py": "def total(n):\n    return n\n", "shop/other.py": "def fetch(n):\n    return n\n\n\ndef twice(n):\n    return n\n",
		"shop/third.py": "if True:\n    twice = 1\n", "tests/test_m.py": "def total(n):\n    return 1\n",
	}
	for _, c := range []struct {
		name, exception string
		edits           []string
		want            string
	}{
		{"a name of one module of the tree", "NameError", []string{"import fetch\n", "import fetch\nfrom shop.prices import total\n"}, "total"},
		{"another exception", "KeyError", []string{"import fetch\n", "import fetch\nfrom shop.prices import total\n"}, ""},
		{"a module under its own name", "NameError", []string{"from shop", "import zlib\nfrom shop"}, "zlib"},
		{"a module under another name", "NameError", []string{"from shop", "import gzip as zlib\nfrom shop"}, ""},
		{"a name of one library module", "NameError", []string{"from shop", "from collections import deque\nfrom shop"}, "deque"},
		{"a name of two library modules", "NameError", []string{"from shop", "from cmath import sqrt\nfrom shop"}, ""},
		{"a name of a module that nobody reviewed", "NameError", []string{"from shop", "from numpy import total\nfrom shop"}, ""},
		{"an import that is extended", "NameError", []string{"import fetch\n", "import fetch, total\n"}, "total"},
		{"an import that is another", "NameError", []string{"shop.other import fetch\n", "shop.prices import fetch, total\n"}, ""},
		{"more that two modules have", "NameError", []string{"import fetch\n", "import fetch, total, twice\n"}, ""},
		{"more than an import", "NameError", []string{"import fetch\n", "import fetch, total\n", "zlib.crc32(n)", "0"}, ""},
		{"what the failing statement does not read", "NameError", []string{"from shop", "import gzip\nfrom shop"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := language.Question{Tree: t.TempDir(), Exception: c.exception, Stack: []language.Level{{Path: "m.py", Function: "f", Line: 5}},
				Overlay: patch.Overlay{"m.py": []byte(strings.NewReplacer(c.edits...).Replace(root))}}
			write(t, q.Tree+"/m.py", root)
			for path, text := range rest {
				write(t, q.Tree+"/"+path, text)
			}
			a, err := analysis.Analyser{Backend: sandboxtest.Host{TB: t}}.Analyse(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(a.Supplied, " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
