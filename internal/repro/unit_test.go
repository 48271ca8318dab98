package repro

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

func TestFramesAreMappedByTheirLongestSuffix(t *testing.T) {
	t.Parallel()
	m, err := newMapper(tree(t, `
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
	defer m.close()
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
		got := m.frames([]incident.Frame{c.frame})[0]
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
		if root, module := m.importOf(got, ""); root != c.root || module != c.module {
			t.Errorf("%s: got module %s in %s, want %s in %s", c.name, module, root, c.module, c.root)
		}
	}
}

// Each function crashes in the line that ends with "# here"; its docstring says
// what happened to p before.
const flows = `
def f01(p):
    "passed"
    crash(p)  # here

def f02(p):
    "rebound"
    p = p or []
    crash(p)  # here

def f03(p):
    "mutated"
    p.append(1)
    crash(p)  # here

def f04(p):
    "passed"
    p = crash(p)  # here

def f05(p, x):
    "passed"
    if x:
        p = 1
    else:
        crash(p)  # here

def f06(p, x):
    "passed"
    if x:
        p = 1
        return p
    crash(p)  # here

def f07(p):
    "rebound"
    for i in range(3):
        crash(p)  # here
        p = i

def f08(p):
    "mutated"
    alias = p
    alias.sort()
    crash(p)  # here

def f09(p):
    "mutated"
    p[0] = 1
    crash(p)  # here

def f10(p):
    "mutated"
    del p[0]
    crash(p)  # here

def f11(p):
    "rebound"
    with open(p) as p:
        crash(p)  # here

def f12(p):
    "rebound"
    if (p := 3):
        crash(p)  # here

def f13(p):
    "passed"
    other(p)
    crash(p)  # here

def f14(p):
    "untouched"
    n = len(p) + sum(p)
    crash(n)  # here

def f15(p):
    "mutated"
    for row in p:
        row.clear()
    crash(p)  # here

def f16(p):
    "passed"
    crash(p)  # here
    p = 2

def f17(p):
    "rebound"
    try:
        x()
    except Exception as p:
        crash(p)  # here

def f18(p):
    "mutated"
    heapq.heappop(p)
    crash(p)  # here

def f19(p):
    "rebound"
    p += [1]
    crash(p)  # here

def f20(p):
    "rebound"
    while p:
        p = p[1:]
        crash(p)  # here

def f21(p):
    "passed"
    def inner():
        p = 1
        return p
    crash(p)  # here

def f22(p):
    "rebound"
    a, p = p, 1
    crash(p)  # here

def f23(p):
    "rebound"
    while crash(p):  # here
        p = p - 1
`

func TestWhatHappenedToAParameterBeforeTheCrashIsKnown(t *testing.T) {
	t.Parallel()
	var qs []question
	var names, want []string
	for i, line := range strings.Split(flows, "\n") {
		if name, ok := strings.CutPrefix(line, "def "); ok {
			names = append(names, name[:3])
		}
		if text := strings.TrimSpace(line); strings.HasPrefix(text, `"`) {
			want = append(want, strings.Trim(text, `"`))
		}
		if strings.HasSuffix(line, "# here") {
			qs = append(qs, question{"flows.py", names[len(names)-1], i + 1})
		}
	}
	dir := tree(t, "-- flows.py --\n"+flows)
	values := map[string]string{
		"3": "3", "'a'": "'a'", "[1, (2,)]": "[1, (2,)]", "-inf": "-float('inf')", "Decimal('1.2')": "Decimal('1.2')", "set()": "set()",
		"<x>": "", "__import__('os').system('true')": "", "[...]": "", "Cart(1)": "", "x": "", "1 if 2 else 3": "", "f'{x}'": "", "(lambda: 0)()": "",
		"datetime.datetime(2026, 1, 2, 3, 4)": "datetime.datetime(2026, 1, 2, 3, 4)", "1; 2": "", strings.Repeat("[", 500): "",
	}
	got, err := analyse(t.Context(), sandboxtest.Backend(t, "bwrap"), "test", testrun.Environment{}, dir, qs, sortedKeys(values))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range got.Frames {
		how := "untouched"
		if c, ok := f.Changed["p"]; ok {
			how = c.How
		}
		if f.Error != "" || how != want[i] {
			t.Errorf("%s: got %s %s, want %s", names[i], how, f.Error, want[i])
		}
	}
	for i, text := range sortedKeys(values) {
		if got.Values[i].Source != values[text] {
			t.Errorf("%.40s: got %q, want %q", text, got.Values[i].Source, values[text])
		}
	}
}

func TestFidelityComparesWhatTheEventHas(t *testing.T) {
	t.Parallel()
	mapped := func(path, function string, line int, locals ...incident.Variable) MappedFrame {
		return MappedFrame{incident.Frame{File: path, Function: function, Line: line, InApp: true, Locals: locals, HasVars: len(locals) > 0}, path}
	}
	frame := func(path, function string, line int, locals ...incident.Variable) incident.Frame {
		return mapped(path, function, line, locals...).Frame
	}
	x := &incident.Exception{Type: "shop.PricingError", Message: "no rate for 7"}
	frames := []MappedFrame{mapped("", "main", 1), mapped("a.py", "f", 2), mapped("a.py", "g", 9, repr("n", "7"), repr("o", "<T object at 0x7f>"), list("l", "1"))}
	now := []incident.Variable{repr("n", "7"), repr("o", "<T object at 0x55>"), list("l", "1")}
	test := incident.Frame{File: "tests/t.py", Function: "t", Line: 1}
	for _, c := range []struct {
		name    string
		outcome testrun.Outcome
		want    Fidelity
	}{
		{"the same", testrun.Outcome{Type: "PricingError", Message: "no rate for 12", Frames: []incident.Frame{test, frame("a.py", "f", 2), frame("a.py", "g", 9, now...)}}, Fidelity{1, 1, 1, 1, 1}},
		{"only the crash frame", testrun.Outcome{Type: "PricingError", Message: "no rate for 7", Frames: []incident.Frame{test, frame("a.py", "g", 9, now...)}}, Fidelity{0.85, 1, 1, 0.5, 1}},
		{"another line and value", testrun.Outcome{Type: "PricingError", Message: "no rate for 7", Frames: []incident.Frame{frame("a.py", "f", 2), frame("a.py", "g", 8, repr("n", "8"), now[1], now[2])}}, Fidelity{0.858, 1, 1, 0.75, 0.667}},
		{"another exception", testrun.Outcome{Type: "TypeError", Message: "no list", Frames: []incident.Frame{frame("a.py", "f", 2)}}, Fidelity{0.15 + 0.032, 0, 0.16, 0.5, 0}},
		{"passed", testrun.Outcome{}, Fidelity{}},
	} {
		got := fidelity(x, frames, c.outcome)
		round := cmp.Comparer(func(a, b float64) bool { return a-b < 0.0011 && b-a < 0.0011 })
		if d := cmp.Diff(c.want, got, round); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	frames[2].HasVars, frames[2].Locals = false, nil
	if got := fidelity(x, frames, testrun.Outcome{Type: "PricingError", Message: "no rate for 7", Frames: []incident.Frame{frame("a.py", "f", 2), frame("a.py", "g", 9)}}); got.Score != 1 || got.Locals != -1 {
		t.Errorf("without locals: got %+v", got)
	}
}

func TestARecursionsFramesAreFolded(t *testing.T) {
	t.Parallel()
	var frames []MappedFrame
	for i := range 1000 {
		frames = append(frames, MappedFrame{incident.Frame{File: "a.py", Function: "f", Line: 2 + i/500}, "a.py"})
	}
	got := folded(frames)
	if len(got) != 3 || got[0].Repeated != 499 || got[1].Repeated != 498 || got[2].Repeated != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestHostileTextsStayInsideTheDocstring(t *testing.T) {
	t.Parallel()
	c := &call{module: "m", function: function{Name: "f", Qualname: "f", Kind: "function"}}
	st := story{id: `x"""`, name: "abc", typ: "E", message: "\"\"\"\nimport os\\\u202e\x00 #", where: `w\`, folder: "tests"}
	test, err := testOf(c, shapes[0], nil, st)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(test.Source, `"""`); n != 2 {
		t.Errorf("%d triple quotes:\n%s", n, test.Source)
	}
	for _, bad := range []string{"\nimport", "\u202e", "\x00", `\`} {
		if strings.Contains(test.Source, bad) {
			t.Errorf("%q is in the source", bad)
		}
	}
}

func FuzzADocstringCannotBeLeft(f *testing.F) {
	f.Add("a\"\"\"\nb\\")
	f.Fuzz(func(t *testing.T, s string) {
		if got := docText(s); strings.ContainsAny(got, "\"\\\n\r\x00") {
			t.Errorf("got %q", got)
		}
	})
}
