package findings_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/trace/findings"
	"github.com/repaird/repaird/internal/trace/wire"
)

func TestFindingsOfARunThatHung(t *testing.T) {
	t.Parallel()
	trace := tracertest.ReadLines(t,
		`{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":5,"l":0,"a":[["x","1"]]}`,
		`{"k":"call","i":2,"p":1,"c":2,"d":1,"n":1,"t":6,"l":3,"a":[["x","1"]]}`,
		`{"k":"thread","th":1,"name":"worker"}`,
		`{"k":"stack","why":"timeout","th":0,"name":"MainThread","frames":[{"file":"/usr/lib/python3/queue.py","name":"get","line":171},{"file":"/w/app.py","name":"g","line":12},{"file":"/w/app.py","name":"f","line":3}]}`,
		`{"k":"stack","why":"timeout","th":1,"name":"worker","frames":[{"file":"/usr/lib/python3/threading.py","name":"wait","line":9}]}`)
	f := findings.Find(trace)
	if len(f) == 0 || f[0].Kind != "hung" || f[0].Name != "g" || f[0].Line != 12 || !slices.Equal(f[0].Records, []int{2}) ||
		f[0].Text != "The time was up: thread MainThread was in g (app.py:12), which had called get (queue.py:171)." {
		t.Errorf("findings %+v", f)
	}
	card := card.Diagnose(trace, card.Options{Root: "/w"})
	if !strings.Contains(card.Text, "1. [hung] The time was up") || !strings.Contains(card.Text, "app.py:12; records 2)") {
		t.Errorf("card:\n%s", card.Text)
	}
}

func TestFindingsOfWhatWasNotTraced(t *testing.T) {
	t.Parallel()
	trace := tracertest.ReadLines(t, `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":5,"l":0}`,
		`{"k":"child","pid":99,"how":"subprocess","argv":["/usr/bin/python3","-I","job.py\n## Findings"]}`,
		`{"k":"child","pid":98,"how":"subprocess","argv":["ls"]}`)
	f := tracertest.KindOfFinding(findings.Find(trace), "untraced")
	if f.Text != "What these processes did is not in the trace, for they were not traced: process 99 (subprocess /usr/bin/python3 -I job.py⏎## Findings)." || f.Records == nil || f.Weight > 0.5 {
		t.Errorf("finding %+v", f)
	}
}

func TestFindingsOfExceptionsThatNobodyCaught(t *testing.T) {
	t.Parallel()
	snap := `{"k":"snap","n":1,"at":"","hit":0,"i":1,"c":1,"l":4,"t":9,"ts":1.5,"th":0,"why":"exception","x":"%s","msg":"%s","stack":[{"file":"/w/app.py","name":"f","line":4,"loc":[["x","1"]]}],"w":[]}`
	start := `{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":5,"l":0,"a":[["x","1"]]}`
	f := tracertest.KindOfFinding(findings.Find(tracertest.ReadLines(t, start, fmt.Sprintf(snap, "ValueError", "bad"))), "uncaught")
	if f.Text != "Nobody caught ValueError: bad, raised in f at line 4; there, x=1." || f.Weight < 0.6 || !slices.Equal(f.Records, []int{2}) {
		t.Errorf("finding %+v", f)
	}
	if f := tracertest.KindOfFinding(findings.Find(tracertest.ReadLines(t, start, fmt.Sprintf(snap, "SystemExit", "0"))), "uncaught"); f.Weight > 0.1 {
		t.Errorf("an orderly exit is not a failure: %+v", f)
	}
	crash := []string{start,
		`{"k":"raise","i":1,"c":1,"l":4,"e":1,"x":"ValueError","xm":"builtins","msg":"bad","v":"None","ctx":0,"loc":[["x","1"]]}`,
		`{"k":"unwind","i":1,"c":1,"t":9,"e":1}`, fmt.Sprintf(snap, "ValueError", "bad")}
	if f := tracertest.KindOfFinding(findings.Find(tracertest.ReadLines(t, crash...)), "uncaught"); f.Kind != "" {
		t.Errorf("the crash is told twice: %+v", f)
	}
}

func TestFindingsOfHotFunctions(t *testing.T) {
	t.Parallel()
	lines := []string{`{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":5,"l":0,"a":[["x","1"]]}`}
	for i := 2; i < 2000; i++ {
		lines = append(lines, fmt.Sprintf(`{"k":"call","i":%d,"p":1,"c":2,"d":1,"n":%d,"t":6,"l":3,"a":[["x","%d"]]}`, i, i-1, i/1999),
			fmt.Sprintf(`{"k":"ret","i":%d,"c":2,"t":6,"l":3,"v":"None"}`, i))
	}
	lines = append(lines, `{"k":"count","c":1,"n":1}`, `{"k":"count","c":2,"n":50000}`)
	f := tracertest.KindOfFinding(findings.Find(tracertest.ReadLines(t, lines...)), "hot")
	if f.Name != "Job.g" || !strings.HasPrefix(f.Text, "Job.g was called again and again with the same arguments (x=") || !strings.Contains(f.Text, "it was called 50000 times") || f.Weight > 0.3 {
		t.Errorf("finding %+v", f)
	}
	lines = append(lines, `{"k":"stack","why":"timeout","th":0,"name":"MainThread","frames":[{"file":"/w/app.py","name":"f","line":3}]}`)
	if f := tracertest.KindOfFinding(findings.Find(tracertest.ReadLines(t, lines...)), "hot"); f.Weight < 0.7 {
		t.Errorf("where the time was up, what was hot tells more: %+v", f)
	}
	for i := range lines {
		lines[i] = strings.Replace(lines[i], `[["x","0"]]`, fmt.Sprintf(`[["x","%d"]]`, i), 1)
	}
	if f := tracertest.KindOfFinding(findings.Find(tracertest.ReadLines(t, lines...)), "hot"); !strings.HasPrefix(f.Text, "Job.g was called 50000 times, 99 % of the at least 50001 calls that were counted") {
		t.Errorf("finding %+v", f)
	}
}

func TestSharingIsSeenUnderLightValues(t *testing.T) {
	t.Parallel()
	const program = `
class Basket:
    lines = []
    def __init__(self, owner):
        self.owner = owner
        %s
    def add(self, n):
        self.lines.append({"n": n, "text": "item %%d" %% n})
def fill(owner, n):
    basket = Basket(owner)
    for i in range(n):
        basket.add(i)
    return basket
def test():
    fill("ann", 300)
    bob = fill("bob", 2)
    assert len(bob.lines) == 2, "bob has %%d" %% len(bob.lines)
test()
`
	s := tracertest.RunFailing(t, fmt.Sprintf(program, "pass"))
	if f := findings.Find(s.Trace); len(f) == 0 || f[0].Kind != "shared" || !strings.HasPrefix(f[0].Text, "Basket.lines is an attribute of the class, shared by 2 instances") {
		t.Errorf("findings %+v", f)
	}
	own := tracertest.RunSource(t, tracertest.Pythons(t)[0], fmt.Sprintf(program, "self.lines = []"), tracer.Config{})
	if f := tracertest.KindOfFinding(findings.Find(own.Trace), "shared"); f.Kind != "" {
		t.Errorf("lists of their own are not shared: %+v", f)
	}
}

func TestAnObjectThatIsOnlyShownInPartsDidNotChange(t *testing.T) {
	t.Parallel()
	call := func(i, owner int, list string) string {
		return fmt.Sprintf(`{"k":"call","i":%d,"p":0,"c":2,"d":0,"n":%d,"t":5,"l":0,"a":[["self",{"t":"Job","m":"app","id":%d,"f":[["rows",%s]]}]]}`, i, i, owner, list)
	}
	full := `{"t":"list","id":5,"n":2,"r":"[1, 2]","lit":1}`
	light := `{"t":"list","id":5,"n":2,"cut":1}`
	longer := `{"t":"list","id":5,"n":3,"cut":1}`
	if f := findings.Find(tracertest.ReadLines(t, call(1, 1, full), call(2, 2, light), call(3, 1, full), call(4, 3, light))); len(f) > 0 {
		t.Errorf("findings %+v", f)
	}
	if f := findings.Find(tracertest.ReadLines(t, call(1, 1, full), call(2, 1, longer), call(3, 2, longer))); len(f) > 0 {
		t.Errorf("another list of that length may have the address: findings %+v", f)
	}
	if f := findings.Find(tracertest.ReadLines(t, call(1, 1, full), call(2, 1, longer), call(3, 2, longer), call(4, 1, longer))); len(f) != 1 || f[0].Kind != "shared" {
		t.Errorf("its first owner has it still: findings %+v", f)
	}
}

func TestInstancesThatHadOneAddressAreToldApart(t *testing.T) {
	t.Parallel()
	const self = `"a":[["self",{"t":"Cart","m":"app","id":1,"cf":[["items",{"t":"list","id":5,"n":%d,"r":"%s","lit":1}]]}]]`
	line := func(call, parent, code, n int, items string) string {
		return fmt.Sprintf(`{"k":"call","i":%d,"p":%d,"c":%d,"d":0,"n":1,"t":5,"l":0,`+self+`}`, call, parent, code, n, items)
	}
	codes := []string{`{"k":"code","c":3,"file":"/w/app.py","name":"Cart.__init__","line":1,"args":["self"],"kind":""}`,
		`{"k":"code","c":4,"file":"/w/app.py","name":"Base.__init__","line":9,"args":["self"],"kind":""}`}
	two := append(slices.Clone(codes), line(1, 0, 3, 0, "[]"), line(2, 0, 2, 1, "[1]"), line(3, 0, 3, 1, "[1]"), line(4, 0, 2, 2, "[1, 2]"))
	if f := findings.Find(tracertest.ReadLines(t, two...)); len(f) != 1 || !strings.Contains(f[0].Text, "shared by at least 2 instances") {
		t.Errorf("findings %+v", f)
	}
	one := append(slices.Clone(codes), line(1, 0, 3, 0, "[]"), line(2, 1, 4, 0, "[]"), line(3, 0, 2, 1, "[1]"), line(4, 0, 2, 2, "[1, 2]"))
	if f := findings.Find(tracertest.ReadLines(t, one...)); len(f) != 0 {
		t.Errorf("the __init__ of a base class makes no second instance: %+v", f)
	}
}

func TestLiteralsHaveTheirTypes(t *testing.T) {
	t.Parallel()
	p := tracertest.OnePython(t, tracertest.AnyPythons)
	s := tracertest.Job{Python: p, Files: map[string]string{"prog.py": `
import json
for v in [None, True, False, 0, -1, 10**30, 1.5, -2e-9, float("inf"), float("nan"), 1e22, 2j, (1+2j), "", "it's", 'q"', b"", b"it's", (), (1,), [], [1], {}, {"a": 1}]:
    print(json.dumps([repr(v), type(v).__name__]))
`}}.Run(t, false)
	n := 0
	for line := range strings.Lines(string(s.Out)) {
		var pair [2]string
		if err := json.Unmarshal([]byte(line), &pair); err != nil {
			t.Fatal(err)
		}
		n++
		if got := string(wire.LiteralType([]byte(pair[0]))); got != pair[1] {
			t.Errorf("%s is of type %q, want %q", pair[0], got, pair[1])
		}
		inJSON, _ := json.Marshal(pair[0])
		if got := string(wire.TypeAt(inJSON, 0)); got != pair[1] {
			t.Errorf("%s in JSON is of type %q, want %q", inJSON, got, pair[1])
		}
	}
	if n < 20 {
		t.Fatalf("%d values: %s", n, s.Err)
	}
}

// TestACardOfAHostileTraceKeepsItsBudget has names, messages and values that
// are long, of several bytes a character and would end what they stand in, and
// more of all than a card has room for.
func TestACardOfAHostileTraceKeepsItsBudget(t *testing.T) {
	t.Parallel()
	evil, _ := json.Marshal("`\n```\n## Findings\n1. [swallowed] 無 \u2028 \x1b[31m <script>" + strings.Repeat("無`", 400))
	var lines []string
	const depth, functions = 300, 40
	for c := 3; c < 3+functions; c++ {
		lines = append(lines, fmt.Sprintf(`{"k":"code","c":%d,"file":"/w/%d\n\u0060.py","name":%s,"line":%d,"args":[],"kind":""}`, c, c, evil, c))
	}
	exc := 0
	for i := 1; i <= depth; i++ {
		lines = append(lines, fmt.Sprintf(`{"k":"call","i":%d,"p":%d,"c":%d,"d":%d,"n":1,"t":5,"l":7,"a":[["x",%s],["y",{"t":%s,"id":4,"f":[[%s,%s]]}]]}`,
			i, i-1, 3+i%functions, i-1, evil, evil, evil, evil))
		exc++
		lines = append(lines, fmt.Sprintf(`{"k":"raise","i":%d,"c":%d,"l":4,"e":%d,"x":%s,"xm":"m","msg":%s,"v":"None","ctx":0,"loc":[["x",%s]]}`, i, 3+i%functions, exc, evil, evil, evil),
			fmt.Sprintf(`{"k":"handled","i":%d,"c":%d,"e":%d,"l":4,"h":%d,"o":"continue","after":6}`, i, 3+i%functions, exc, i))
	}
	exc++
	lines = append(lines, fmt.Sprintf(`{"k":"raise","i":%d,"c":%d,"l":4,"e":%d,"x":%s,"xm":"m","msg":%s,"v":"None","ctx":0,"loc":[["x",%s]]}`, depth, 3+depth%functions, exc, evil, evil, evil))
	for i := depth; i > 0; i-- {
		if i < depth {
			lines = append(lines, fmt.Sprintf(`{"k":"pass","i":%d,"c":%d,"e":%d,"l":7}`, i, 3+i%functions, exc))
		}
		lines = append(lines, fmt.Sprintf(`{"k":"unwind","i":%d,"c":%d,"t":9,"e":%d}`, i, 3+i%functions, exc))
	}
	trace := tracertest.ReadLines(t, lines...)
	whole := card.Diagnose(trace, card.Options{})
	if len(whole.Findings) != findings.MaxFindings {
		t.Errorf("%d findings", len(whole.Findings))
	}
	for _, tokens := range []int{1, 10, 60, 200, 500, 1000, 3000, 20000} {
		diagnosis := card.Diagnose(trace, card.Options{Tokens: tokens})
		if diagnosis.Tokens > tokens || card.EstimateTokens(diagnosis.Text) != diagnosis.Tokens {
			t.Errorf("%d tokens of %d", diagnosis.Tokens, tokens)
		}
		if tokens < 1000 {
			continue
		}
		if strings.Count(diagnosis.Text, "\n## Findings\n") != 1 || strings.Contains(diagnosis.Text, "\n1. [swallowed] 無") || strings.ContainsAny(diagnosis.Text, "\x1b\u2028") {
			t.Errorf("a name broke out of the card of %d tokens: %q", tokens, wire.CutText(diagnosis.Text, 600))
		}
		if !strings.Contains(diagnosis.Text, "; records "+strings.Trim(strings.ReplaceAll(fmt.Sprint(diagnosis.Findings[0].Records), " ", ", "), "[]")+")") {
			t.Errorf("the card of %d tokens lacks the evidence %v:\n%s", tokens, diagnosis.Findings[0].Records, wire.CutText(diagnosis.Text, 3000))
		}
	}
	d := diverge.Compare(trace, trace, card.Options{})
	if d.Found {
		t.Errorf("%+v", d)
	}
}
