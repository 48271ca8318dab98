package verify

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language/python"
	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

// shop lays out the stand-in repository.
func shop(t testing.TB) string {
	t.Helper()
	return laid(t, "testdata/shop.txtar")
}

func laid(t testing.TB, name string) string {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := sandboxtest.Dir(t)
	for _, f := range archive.Files {
		write(t, filepath.Join(dir, f.Name), string(f.Data))
	}
	return dir
}

func write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// An affair is one of the shop's mistakes: the test that shows it and its signature.
type affair struct {
	test testrun.Test
	sig  incident.Signature
}

func testOf(imports, body string) testrun.Test {
	return testrun.Test{Path: "tests/test_repaird_1a2b.py", Name: "test_incident", Source: imports + "\n\n\ndef test_incident():\n    " + body + "\n"}
}

var (
	ranking = affair{
		testOf("from shop.ranking import median_total", "assert median_total([{'total': n} for n in (3, 7, 1, 9, 5)]) == 5"),
		incident.Signature{Type: "IndexError", File: "shop/ranking.py", Function: "kth", Message: "list index out of range"},
	}
	monthly = affair{
		testOf("from shop.report import summary", "summary({'name': 'May', 'prices': []})"),
		incident.Signature{Type: "ZeroDivisionError", File: "shop/report.py", Function: "mean", Message: "division by zero"},
	}
	lifetime = affair{
		testOf("from shop.report import lifetime", "lifetime({'orders': [{'total': 4, 'state': 'paid'}]})"),
		incident.Signature{Type: "ZeroDivisionError", File: "shop/report.py", Function: "mean", Message: "division by zero"},
	}
	price = affair{
		testOf("from shop.invoice import price_of", "price_of({'lines': [{'name': 'Tea', 'sku': 'T1', 'price': 3}]}, 'T1')"),
		incident.Signature{Type: "TypeError", File: "shop/invoice.py", Function: "price_of", Message: "<str> object is not subscriptable"},
	}
	coupon = affair{
		testOf("from shop.invoice import discount", "discount({'lines': [{'name': 'Tea', 'sku': 'T1', 'price': 3}]})"),
		incident.Signature{Type: "TypeError", File: "shop/invoice.py", Function: "discount", Message: "<str> object is not subscriptable"},
	}
)

// input asks for the verdict on edits of one file: search, replace, search, replace, …
func (a affair) input(tree, path string, pairs ...string) Input {
	p := patch.Patch{}
	for i := 0; i < len(pairs); i += 2 {
		p.Edits = append(p.Edits, patch.Edit{Path: path, Search: pairs[i], Replace: pairs[i+1]})
	}
	return Input{Run: "test", Tree: tree, Env: testrun.Environment{}, Test: a.test, Patch: p, Signature: a.sig, Repeats: 2, Policy: patch.Policy{Rules: patchrules.Rules{}}}
}

// backends are opened once: the probe of one is as costly as a few runs.
var backends = struct {
	sync.Mutex
	open map[string]sandbox.Backend
}{open: map[string]sandbox.Backend{}}

func newVerifier(b sandbox.Backend) *Verifier {
	lang := python.New(b, python.Host{})
	return &Verifier{Session: lang, Analyser: lang, Rules: lang, Prober: lang}
}

func opened(t *testing.T, backend string) sandbox.Backend {
	t.Helper()
	backends.Lock()
	defer backends.Unlock()
	b := backends.open[backend]
	if b == nil {
		b = sandboxtest.Backend(t, backend)
		backends.open[backend] = b
	} else {
		t.Logf("uses-backend: %s", backend)
	}
	return b
}

func verifier(t *testing.T, backend string, lax ...string) *Verifier {
	t.Helper()
	v := newVerifier(opened(t, backend))
	v.lax = map[string]bool{}
	for _, rule := range lax {
		v.lax[rule] = true
	}
	return v
}

func judge(t *testing.T, v *Verifier, in Input) *Verdict {
	t.Helper()
	verdict, err := v.Judge(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(verdict.Gates) != len(GateNames) {
		t.Fatalf("got %d gates, want all %d", len(verdict.Gates), len(GateNames))
	}
	return verdict
}

func gate(t *testing.T, v *Verdict, name string) Gate {
	t.Helper()
	for _, g := range v.Gates {
		if g.Name == name {
			return g
		}
	}
	t.Fatalf("no gate %s", name)
	return Gate{}
}

// rejectedBy checks that a gate rejected the patch, and what its evidence says.
func rejectedBy(t *testing.T, v *Verdict, name, says string) {
	t.Helper()
	g := gate(t, v, name)
	if v.Decision == Accepted || g.Outcome != Failed || !strings.Contains(g.Evidence, says) {
		t.Errorf("got %s, want it rejected by %s saying %q; gates:\n%s", v.Decision, name, says, table(v))
	}
}

func table(v *Verdict) string {
	var b strings.Builder
	for _, g := range v.Gates {
		b.WriteString(g.Name + " " + string(g.Outcome) + ": " + g.Evidence + "\n")
	}
	return b.String()
}
