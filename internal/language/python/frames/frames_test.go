package frames

import (
	"testing"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

func TestFramesAreMappedByTheirLongestSuffix(t *testing.T) {
	t.Parallel()
	m, err := Open(sandboxtest.Tree(t, `
-- src/shop/__init__.py --
-- src/shop/cart.py --
def total():
    return 1
-- src/shop/api/cart.py --
def total():
    return 2
-- scripts/run.py --
main()
-- a/util.py --
x = 1
-- b/util.py --
x = 2
-- plain/mod.py --
y = 1
`))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, c := range []struct {
		name, path, root, module string
		frame                    incident.Frame
	}{
		{"relative", "src/shop/cart.py", "src", "shop.cart", incident.Frame{File: "shop/cart.py", Line: 2}},
		{"absolute on another machine", "src/shop/cart.py", "src", "shop.cart", incident.Frame{File: "/srv/app/src/shop/cart.py", Line: 2}},
		{"by the module", "src/shop/api/cart.py", "src", "shop.api.cart", incident.Frame{File: "cart.py", Module: "shop.api.cart", Line: 2}},
		{"bare and ambiguous: the lines decide", "src/shop/api/cart.py", "src", "shop.api.cart", incident.Frame{File: "cart.py", Line: 2, Code: "    return 2"}},
		{"bare, ambiguous and without lines", "", "", "", incident.Frame{File: "util.py", Line: 1}},
		{"a Windows path", "src/shop/cart.py", "src", "shop.cart", incident.Frame{File: `C:\app\shop\cart.py`, Line: 2}},
		{"a script", "scripts/run.py", "scripts", "run", incident.Frame{File: "run.py", Module: "__main__", Line: 1}},
		{"a namespace package", "plain/mod.py", ".", "plain.mod", incident.Frame{File: "plain/mod.py", Line: 1}},
		{"a package under its own module name", "plain/mod.py", "plain", "mod", incident.Frame{File: "mod.py", Module: "mod", Line: 1}},
		{"a library of the same name", "", "", "", incident.Frame{File: "shop/cart.py", AbsPath: "/usr/lib/python3.11/site-packages/shop/cart.py", Line: 2, Code: "    return 3"}},
		{"no such file", "", "", "", incident.Frame{File: "shop/none.py", Line: 1}},
		{"hostile", "", "", "", incident.Frame{File: "../../etc/passwd", AbsPath: "/../x.py\x00", Module: "..", Line: -1}},
	} {
		c.frame.InApp = true
		got := m.Frames([]incident.Frame{c.frame})[0]
		if got.Path != c.path {
			t.Errorf("%s: got %q, want %q", c.name, got.Path, c.path)
			continue
		}
		if c.path == "" {
			continue
		}
		if c.name == "bare and ambiguous: the lines decide" || c.name == "relative" {
			got.Module = ""
		}
		if root, module := m.Module(got, ""); root != c.root || module != c.module {
			t.Errorf("%s: got module %s in %s, want %s in %s", c.name, module, root, c.module, c.root)
		}
	}
}
