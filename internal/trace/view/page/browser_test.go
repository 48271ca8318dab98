package page

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view/viewtest"
)

// browser returns a Chromium, or skips the test with a reason.
func browser(t testing.TB) string {
	t.Helper()
	t.Log("uses-backend: chromium")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if file, err := exec.LookPath(name); err == nil {
			return file
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no Chromium on this machine; deploy/setup.sh installs one")
	}
	t.Skip("no Chromium on this machine")
	return ""
}

// A tab is a page that is open in a browser. What the page says on its console,
// and what its policy refuses, fails the test.
type tab struct {
	t   testing.TB
	ctx context.Context
}

func openPage(t testing.TB, o Options) *tab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.html")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(f, o); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browser(t)), chromedp.NoSandbox,
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1400, 900), chromedp.WSURLReadTimeout(2*time.Minute))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, done := chromedp.NewContext(allocator)
	p := &tab{t, ctx}
	var mu sync.Mutex
	var said []string
	t.Cleanup(func() {
		limited, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		_ = chromedp.Cancel(limited) // waits for the browser's end, so that its folder can be removed
		done()
		stop()
		mu.Lock()
		defer mu.Unlock()
		for _, s := range said {
			t.Error(s)
		}
	})
	p.do() // starts the browser
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			mu.Lock()
			said = append(said, fmt.Sprintf("the page says: %s: %s", m.Type, m.Text))
			mu.Unlock()
		}
	}()
	p.do(chromedp.Navigate("file://" + file))
	p.until(`document.body && document.body.dataset.ready === '1'`)
	return p
}

// do runs actions, each within a minute or two.
func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if len(actions) == 0 {
		if err := chromedp.Do(p.ctx); err != nil {
			p.t.Fatal(err)
		}
		return
	}
	limited, cancel := context.WithTimeout(p.ctx, 2*time.Minute)
	defer cancel()
	if err := chromedp.Do(limited, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// eval returns what a JavaScript expression gives, as text.
func (p *tab) eval(expression string) string {
	p.t.Helper()
	limited, cancel := context.WithTimeout(p.ctx, 2*time.Minute)
	defer cancel()
	s, err := chromedp.Run(limited, chromedp.Evaluate[string](`String(`+expression+`)`))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return s
}

// until waits for an expression to be true, looking at each frame.
func (p *tab) until(expression string) {
	p.t.Helper()
	limited, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	_, err := chromedp.Run(limited, chromedp.Evaluate[bool](
		`new Promise((done) => { const look = () => { if (`+expression+`) done(true); else requestAnimationFrame(look); }; look(); })`, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v; the lines are:\n%s", expression, err, p.lines())
	}
}

// lines is the text of the lines in sight, in order.
func (p *tab) lines() string {
	return p.eval(`[...document.querySelectorAll('#panels .line')].sort((a, b) => a.dataset.i - b.dataset.i).map(e => e.textContent).join('\n')`)
}

func (p *tab) keys(text string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(text))
}

func (p *tab) want(what, expression, want string) {
	p.t.Helper()
	if got := p.eval(expression); !strings.Contains(got, want) {
		p.t.Errorf("%s: %q, want %q in it", what, got, want)
	}
}

const selectedLine = `document.querySelector('.line.selected')?.textContent || ''`

func TestThePageInABrowser(t *testing.T) {
	t.Parallel()
	browser(t)
	trace, dir := viewtest.Recorded(t, viewtest.Hostile)
	p := openPage(t, Options{Red: trace, Source: DiskSource([]string{dir})})

	// It opens at the exception that nobody caught, with the source beside it.
	p.want("selected at first", selectedLine, "main() ✗ KeyError")
	p.want("the line of the raise is marked", `document.querySelector('.src.current').textContent`, "raise KeyError(EVIL)")
	p.want("its number", `document.querySelector('.src.current').dataset.line`, "56")
	p.want("lines that ran are marked", `document.querySelector('.src[data-line="11"]').className`, "ran")
	p.want("lines that cannot run are not", `document.querySelector('.src[data-line="6"]').className.includes('ran')`, "false")
	p.want("hostile values are text", `document.title`, "main.py")
	p.want("no element came out of a value", `document.querySelectorAll('img, iframe, script:not([type])').length`, "1")
	p.want("the value is shown", `document.querySelector('#detail').textContent`, `</script><script>`)

	// Folding, with the keyboard and with the mouse.
	before := p.eval(`document.querySelector('.list .body').style.height`)
	p.keys(kb.ArrowLeft)
	p.until(`document.querySelector('.line.selected').getAttribute('aria-expanded') === 'false'`)
	if after := p.eval(`document.querySelector('.list .body').style.height`); after == before {
		t.Errorf("folding main left the list as it was: %s", after)
	}
	p.keys(kb.ArrowRight)
	p.until(`document.querySelector('.line.selected').getAttribute('aria-expanded') === 'true'`)
	p.want("a loop is folded", `[...document.querySelectorAll('.fold')].map(e => e.textContent).join('|')`, "30×step(i=0) → 0  …  step(i=29) → 841")
	p.do(chromedp.Click(chromedp.CSS(".fold .twist")))
	p.until(`document.querySelector('.fold').getAttribute('aria-expanded') === 'true'`)
	p.want("it unfolds", `[...document.querySelectorAll('.line')].map(e => e.textContent).join('|')`, "step(i=1) → 1")

	search(t, p)
	checkFindings(t, p)
}

// search looks for a value that is in a folded place, and for an identity.
func search(t *testing.T, p *tab) {
	t.Helper()
	p.keys("/")
	p.until(`document.activeElement.id === 'query'`)
	p.eval(`document.querySelector('#query').value = ''`)                     // the driver types the key after the page has taken it
	p.do(chromedp.SendKeys(chromedp.CSS("#query"), "1369"))                   // step(37)
	p.until(`/\b1 call\b/.test(document.querySelector('#hits').textContent)`) // the page searches while the driver types
	p.keys(kb.Enter)
	p.until(`document.querySelector('.line.selected .sig').textContent === 'step(i=37) → 1369'`)
	p.want("the source follows", `document.querySelector('.src.current').textContent`, "return i * i")
	p.do(chromedp.Click(chromedp.CSS("#only")))
	p.until(`document.querySelectorAll('.line').length < 8`)
	if lines := p.lines(); strings.Contains(lines, "fib") || !strings.Contains(lines, "step(i=37)") {
		t.Errorf("only matches: %s", lines)
	}
	p.do(chromedp.Focus(chromedp.CSS("#query")))
	p.keys(kb.Escape)
	p.until(`document.querySelector('#hits').textContent === '' && document.querySelectorAll('.line').length > 8`)
	p.eval(`[...document.querySelectorAll('.line .id')][0].click()`)
	p.until(`/^1 of \d+$/.test(document.querySelector('#hits').textContent)`)
	p.want("the identity is searched", `document.querySelector('#query').value`, "#")
	p.want("its calls are marked", `document.querySelector('.line.selected').className`, "hit")
}

// checkFindings opens the list of findings and follows one to its record.
func checkFindings(t *testing.T, p *tab) {
	t.Helper()
	p.do(chromedp.Click(chromedp.CSS("[data-view=findings]")), chromedp.WaitVisible(chromedp.CSS(".finding")))
	p.eval(`[...document.querySelectorAll('.finding')].find(e => e.textContent.includes('swallowed')).querySelectorAll('.record')[1].click()`)
	p.until(`document.querySelector('#detail h2').textContent.startsWith('quiet')`)
	p.want("the handler's line is marked", `document.querySelector('.src.current').textContent`, "except Evil:")
	p.want("the record is marked", `document.querySelectorAll('.finding.selected .record.now').length`, "1")
	p.keys("3") // exceptions
	p.until(`document.querySelectorAll('#panels .line').length === 2`)
	p.keys("j")
	p.until(`document.querySelector('.line.selected') !== null`)
	p.keys("?")
	p.until(`document.querySelector('#help').open`)
	p.keys(kb.Escape)
	p.until(`!document.querySelector('#help').open`)
}

func TestThePageComparesTwoTraces(t *testing.T) {
	t.Parallel()
	browser(t)
	red, dir := viewtest.Recorded(t, viewtest.Cart(false))
	green, other := viewtest.Recorded(t, viewtest.Cart(true))
	p := openPage(t, Options{Red: red, Green: green, Source: DiskSource([]string{dir, other})})
	p.want("the tab", `document.querySelector('[role=tab][aria-selected=true]').textContent`, "Compare")
	p.want("where they part is a finding", `(document.querySelector('[data-view=findings]').click(), [...document.querySelectorAll('.finding')].map(e => e.textContent).join('|'))`, "The runs part in Cart.__init__")
	p.eval(`document.querySelector('[role=tab]').click()`)
	p.until(`document.querySelector('[role=tab][aria-selected=true]').textContent === 'Compare' && document.querySelector('.pair.first') !== null`)
	p.want("what differs is said", `document.querySelector('.said').textContent`, "Cart")
	p.want("the first difference is marked and selected", `document.querySelector('.pair.first').className`, "selected")
	p.want("red", `document.querySelector('.pair.first .cell.red').textContent`, "Cart.__init__(self=Cart#1(Cart.items=[]#2), customer_name='Bob')")
	p.want("green", `document.querySelector('.pair.first .cell.green').textContent`, "Cart.__init__(self=Cart#1(Cart.items=[]#2), customer_name='Bob')")
	p.want("what green did is marked", `document.querySelector('.sides .green .differs').textContent`, "self.items = []#3")
	p.want("the call that failed differs", `[...document.querySelectorAll('.status2')].map(e => e.textContent).join('|')`, "test_independent() ✗ AssertionErrortest_independent() → None")
	p.want("equal calls are told as equal", `[...document.querySelectorAll('.status0')].length > 0`, "true")
	p.keys("d")
	p.until(`!document.querySelector('.pair.first').classList.contains('selected')`)
	p.want("the values that differ are marked", `document.querySelector('.sides .red tr.differs').textContent`, "self")
	p.do(chromedp.Click(chromedp.CSS("#which .green")))
	p.until(`document.querySelector('[role=tab][aria-selected=true]').textContent.startsWith('Calls')`)
	p.want("the green trace has no exception", `document.querySelector('[data-view=exceptions]').textContent`, "Exceptions 0")
}

func TestThePageShowsTheValuesOfVariablesBesideTheLinesThatSetThem(t *testing.T) {
	t.Parallel()
	browser(t)
	trace, dir := viewtest.RecordedAt(t, "control", map[string]string{"main.py": `
def scale(items, by):
    out = []
    for x in items:
        if x > 2:
            x = x * by
        out.append(x)
    return out


scale([1, 2, 3], 10)
`})
	p := openPage(t, Options{Red: trace, Source: DiskSource([]string{dir})})
	p.keys("j")
	p.until(`document.querySelector('#detail h2').textContent.startsWith('scale')`)
	for line, want := range map[int]string{1: "items=[1, 2, 3]", 3: "x = 1 · 2 · 3", 4: "false · false · true", 5: "x = 30", 7: "returns [1, 2, 30]"} {
		p.want(fmt.Sprintf("line %d", line), fmt.Sprintf(`document.querySelector('.src[data-line="%d"] .notes').textContent`, line), want)
	}
}

// cutParts are the signatures whose result or exception is pushed out of sight, or has less room than it needs and an eighth of the line.
const cutParts = `(() => {
  const cut = [];
  for (const r of document.querySelectorAll('#panels .line .result, #panels .line .left')) {
    const sig = r.closest('.sig').getBoundingClientRect(), box = r.getBoundingClientRect();
    const least = Math.min(r.textContent.length * 6, sig.width / 8);
    if (box.width < least || box.right > sig.right + 1) cut.push(r.closest('.sig').textContent);
  }
  return cut.join('\n');
})()`

func TestResultsStayInSightWhereArgumentsAreLong(t *testing.T) {
	t.Parallel()
	browser(t)
	trace, _ := viewtest.Recorded(t, map[string]string{"main.py": `
class Order:
    def __init__(self, lines):
        self.lines = lines

    def total_of_all_lines_that_are_in_the_order(self, rates, names):
        return 41 + 1

    def copy(self, rates, names):
        return [dict(line) for line in self.lines]

    def refuse(self, rates, names):
        raise ValueError("no")


def step(i, rates):
    return i * i


order = Order([{"name": "a name that is long, %d" % n, "price": n * 1.5} for n in range(9)])
rates, names = {"gold of the first kind": 0.25, "silver": 0.5}, ["one name", "another name", "a third name"]
order.total_of_all_lines_that_are_in_the_order(rates, names)
order.copy(rates, names)
for i in range(20):
    step(i, rates)
try:
    order.refuse(rates, names)
except ValueError:
    pass
`})
	p := openPage(t, Options{Red: trace})
	p.until(`document.querySelectorAll('.line .result').length >= 4`)
	if got := p.eval(cutParts); got != "" {
		t.Errorf("at 1,400 px these results are not in sight:\n%s", got)
	}
	whole := `[...document.querySelectorAll('.result')].filter(e => e.scrollWidth <= e.clientWidth + 1).map(e => e.textContent).join('|')`
	p.want("a short result is whole", whole, "42")
	p.want("it is the arguments that are cut", `[...document.querySelectorAll('.args')].some(e => e.scrollWidth > e.clientWidth)`, "true")
	p.want("a name is whole", `[...document.querySelectorAll('#panels .name')].filter(e => e.scrollWidth > e.clientWidth + 1).length`, "0")
	p.want("an exception is whole", `[...document.querySelectorAll('.left')].filter(e => e.scrollWidth <= e.clientWidth + 1).map(e => e.textContent).join('|')`, "ValueError")
	p.want("a fold has both results", `[...document.querySelectorAll('.fold .result')].map(e => e.textContent).join('|')`, "0|361")
	p = openPage(t, Options{Red: trace, Green: trace})
	p.until(`document.querySelectorAll('.pair .result').length > 0`)
	if got := p.eval(cutParts); got != "" {
		t.Errorf("beside another run these results are not in sight:\n%s", got)
	}
}

func TestThePageIsQuickWithManyRecords(t *testing.T) {
	t.Parallel()
	browser(t)
	trace := large(t, 100_000)
	p := openPage(t, Options{Red: trace})
	if n := p.eval(`document.querySelectorAll('.line').length`); len(n) > 2 {
		t.Errorf("%s lines are elements, want those in sight", n)
	}
	p.keys(kb.End)
	p.until(`document.querySelector('.line.selected') !== null`)
	p.do(chromedp.SetValue(chromedp.CSS("#query"), "value 99999"), chromedp.Focus(chromedp.CSS("#query")))
	p.keys(kb.Enter)
	p.until(`document.querySelector('.line.selected .sig').textContent.includes("'value 99999'")`)
}

// large makes a trace of n calls.
func large(t testing.TB, n int) *trace.Trace {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"k":"meta","v":1,"f":"x","pid":1,"python":"3.13","engine":"monitoring","argv":["big.py"]}` + "\n" +
		`{"k":"code","c":1,"file":"/w/big.py","name":"main","line":1}` + "\n" + `{"k":"code","c":2,"file":"/w/big.py","name":"f","line":5,"args":["x"]}` + "\n" +
		`{"k":"code","c":3,"file":"/w/big.py","name":"g","line":9,"args":["x"]}` + "\n" + `{"k":"call","i":1,"c":1,"t":1}` + "\n")
	for i := 2; i <= n; i++ {
		fmt.Fprintf(&b, `{"k":"call","i":%d,"c":%d,"p":1,"d":1,"t":%d,"l":3,"a":[["x","'value %d'"]]}`+"\n", i, 2+i*i%7%2, i, i)
		fmt.Fprintf(&b, `{"k":"ret","i":%d,"c":%d,"t":%d,"l":6,"v":"{'n': %d}"}`+"\n", i, 2+i*i%7%2, i, i)
	}
	trace, err := trace.Read(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return trace
}
