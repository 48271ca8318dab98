package synth

import (
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
	"maps"
	"slices"
)

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
			qs = append(qs, question{Path: "flows.py", Function: names[len(names)-1], Line: i + 1})
		}
	}
	dir := sandboxtest.Tree(t, "-- flows.py --\n"+flows)
	values := map[string]string{
		"3": "3", "'a'": "'a'", "[1, (2,)]": "[1, (2,)]", "-inf": "-float('inf')", "Decimal('1.2')": "Decimal('1.2')", "set()": "set()",
		"<x>": "", "__import__('os').system('true')": "", "[...]": "", "Cart(1)": "", "x": "", "1 if 2 else 3": "", "f'{x}'": "", "(lambda: 0)()": "",
		"datetime.datetime(2026, 1, 2, 3, 4)": "datetime.datetime(2026, 1, 2, 3, 4)", "1; 2": "", strings.Repeat("[", 500): "",
	}
	got, err := analyse(t.Context(), sandboxtest.Backend(t, "bwrap"), "test", testrun.Environment{}, dir, nil, qs, slices.Sorted(maps.Keys(values)))
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
	for i, text := range slices.Sorted(maps.Keys(values)) {
		if got.Values[i].Source != values[text] {
			t.Errorf("%.40s: got %q, want %q", text, got.Values[i].Source, values[text])
		}
	}
}

func TestHostileTextsStayInsideTheDocstring(t *testing.T) {
	t.Parallel()
	c := &call{sourced: sourced{module: "m", function: function{Name: "f", Qualname: "f", Kind: "function"}}}
	st := language.Story{Incident: `x"""`, Name: "abc", Type: "E", Message: "\"\"\"\nimport os\\\u202e\x00 #", Where: `w\`}
	test, err := c.test(shapes[0], st, "tests")
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
