package session

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace"
)

// tree writes a txtar archive to a new directory.
const shop = `
-- shop/__init__.py --
-- shop/cart.py --
class PricingError(Exception):
    pass


def total(prices, rate):
    net = sum(prices)
    return scale(net, rate)


def scale(net, rate):
    if rate is None:
        raise PricingError("no rate for %d" % net)
    return net * rate
-- pyproject.toml --
[tool.pytest.ini_options]
addopts = "-x --maxfail=1"
-- conftest.py --
import pytest


@pytest.fixture
def rate():
    return 2
-- tests/test_cart.py --
import random
import os

import pytest

from shop.cart import total


def test_total(rate):
    assert total([1, 2], rate) == 6


def test_wrong(rate):
    assert total([1], rate) == 3


@pytest.mark.skip
def test_skipped():
    raise RuntimeError


@pytest.fixture
def broken():
    raise OSError("no")


def test_setup(broken):
    pass


@pytest.mark.xfail
def test_known():
    raise ValueError


def test_repeatable():
    assert (random.random(), hash("x"), os.environ.get("TZ")) == 0
`

var red = testrun.Test{
	Path: "tests/test_repaird_1.py", Name: "test_repaird_1",
	Source: "from shop.cart import total\n\n\ndef test_repaird_1():\n    total([3, 4], None)\n",
}

func run(t *testing.T, req testrun.Request) *testrun.Result {
	t.Helper()
	r := Runner{Backend: backend(t)}
	if req.Limits.Wall == 0 {
		req.Limits.Wall = time.Minute
	}
	res, err := r.Run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestASynthesizedTestFailsAsTheApplicationDoes(t *testing.T) {
	t.Parallel()
	res := run(t, testrun.Request{Tree: sandboxtest.Tree(t, shop), Test: &red})
	if !res.OK() || len(res.Tests) != 1 {
		t.Fatalf("got %+v", res)
	}
	o := res.Tests[0]
	if o.ID != red.ID() || o.Status != testrun.Failed || o.Type != "PricingError" || o.Message != "no rate for 7" {
		t.Errorf("got outcome %+v", o)
	}
	var path []string
	for _, f := range o.Frames {
		path = append(path, f.File+":"+f.Function)
	}
	if got, want := strings.Join(path, " "), "tests/test_repaird_1.py:test_repaird_1 shop/cart.py:total shop/cart.py:scale"; got != want {
		t.Errorf("got frames %s, want %s", got, want)
	}
	if f := o.Frames[0]; f.InApp || f.HasVars {
		t.Errorf("the test's own frame: got %+v", f)
	}
	last := o.Frames[2]
	if !last.InApp || last.Line != 12 || !strings.Contains(last.Code, "raise PricingError") {
		t.Errorf("crash frame: got %+v", last)
	}
	if len(last.Locals) != 2 || last.Locals[0].Name != "net" || last.Locals[0].Value.Repr != "7" || last.Locals[1].Value.Repr != "None" {
		t.Errorf("crash frame: got locals %+v", last.Locals)
	}
	if sig := o.Signature(); sig.Function != "scale" || sig.File != "shop/cart.py" || sig.Message != "no rate for <num>" {
		t.Errorf("got signature %+v", sig)
	}
	if strings.Contains(res.Output, "test_r") && strings.Contains(res.Output, "AssertionError") {
		t.Errorf("canaries are shown to people:\n%s", res.Output)
	}
	if !strings.Contains(res.Output, "1 failed") {
		t.Errorf("got output:\n%s", res.Output)
	}
}

func TestAnOverlayChangesTheTreeOfOneSessionOnly(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, shop)
	fixed := map[string][]byte{
		"shop/cart.py":          []byte("def total(prices, rate):\n    return sum(prices) * (rate or 1)\n"),
		"conftest.py":           []byte("import os\nos._exit(0)\n"),
		"shop/new/mod.py":       []byte("x = 1\n"),
		"tests/test_cart.py":    nil,
		"lib/a.egg-info/x":      []byte("x"),
		"tests/CONFTEST.py":     []byte("x"),
		"shop/sub/evil.pth":     []byte("import os\n"),
		"shop/sub/_pytest/x.py": []byte("x"),
	}
	res := run(t, testrun.Request{Tree: dir, Test: &red, Overlay: fixed})
	if !res.OK() || res.Tests[0].Status != testrun.Passed {
		t.Fatalf("got %+v", res)
	}
	if got, want := strings.Join(res.Ignored, " "), "conftest.py lib/a.egg-info/x shop/sub/_pytest/x.py shop/sub/evil.pth tests/CONFTEST.py"; got != want {
		t.Errorf("got ignored %s, want %s", got, want)
	}
	data, err := os.ReadFile(filepath.Join(dir, "shop/cart.py"))
	if err != nil || !strings.Contains(string(data), "PricingError") {
		t.Errorf("the base tree was changed: %s, %v", data, err)
	}
}

func TestASuiteRunsWholeWithTheRepositorysConfiguration(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, shop)
	req := testrun.Request{Tree: dir, Suite: []string{"tests"}, Seed: 7, Env: testrun.Environment{Env: map[string]string{"TZ": "Asia/Tokyo", "PYTHONPATH": "/evil"}}}
	res := run(t, req)
	if !res.OK() {
		t.Fatalf("got %+v", res)
	}
	got := map[string]testrun.Status{}
	for _, o := range res.Tests {
		got[strings.TrimPrefix(o.ID, "tests/test_cart.py::")] = o.Status
	}
	want := map[string]testrun.Status{"test_total": testrun.Passed, "test_wrong": testrun.Failed, "test_skipped": testrun.Skipped, "test_setup": testrun.Error, "test_known": testrun.Skipped, "test_repeatable": testrun.Failed}
	for name, status := range want {
		if got[name] != status {
			t.Errorf("%s: got %s, want %s", name, got[name], status)
		}
	}
	again := run(t, req)
	a, b := res.Tests[len(res.Tests)-1].Message, again.Tests[len(again.Tests)-1].Message
	if a != b || !strings.Contains(a, "Asia/Tokyo") {
		t.Errorf("a seeded run is not repeatable, or lacks production's time zone: %s, then %s", a, b)
	}
}

func TestACollectionErrorIsReportedBesideTheOtherTests(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, shop+"-- tests/test_broken.py --\nimport nothing_here\n")
	res := run(t, testrun.Request{Tree: dir, Suite: []string{"tests"}})
	if res.Forged != "" || len(res.Errors) != 1 || !strings.Contains(res.Errors[0], "nothing_here") || len(res.Tests) != 6 {
		t.Fatalf("got %+v", res)
	}
	if res.OK() {
		t.Error("a session with a collection error counts as whole")
	}
}

func TestATestThatNeverEndsIsNamed(t *testing.T) {
	t.Parallel()
	test := testrun.Test{Path: "test_x.py", Name: "test_x", Source: "def test_x():\n    while True:\n        pass\n"}
	res := run(t, testrun.Request{Tree: sandboxtest.Tree(t, shop), Test: &test, Limits: sandbox.Limits{Wall: 8 * time.Second}})
	if res.Cause != sandbox.Timeout || res.Forged != "" || len(res.Tests) != 1 || res.Tests[0].Type != testrun.TimeoutType || res.Tests[0].ID != "test_x.py::test_x" {
		t.Fatalf("got %+v", res)
	}
}

func TestAnEndlessTestOfASuiteDoesNotCostTheOthers(t *testing.T) {
	t.Parallel()
	res := run(t, testrun.Request{Tree: sandboxtest.Tree(t, `
-- test_x.py --
def test_a():
    pass

def test_b():
    while True:
        try:
            while True:
                pass
        except Exception:
            pass

def test_c():
    pass
`)})
	if got := endings(res); got != "test_a passed, test_b failed, test_c passed" {
		t.Errorf("got %s; %s %s\n%s", got, res.Cause, res.Forged, res.Output)
	}
	if res.Tests[1].Type != testrun.TimeoutType {
		t.Errorf("a test that was ended counts as failed with %s", res.Tests[1].Type)
	}
}

func TestASuiteSaysWhichLinesItsTestsRan(t *testing.T) {
	t.Parallel()
	res := run(t, testrun.Request{
		Tree:  sandboxtest.Tree(t, shop+"-- tests/test_last.py --\nfrom shop.cart import PricingError, scale\n\n\ndef test_scale():\n    assert scale(2, 3) == 6\n\n\ndef test_none():\n    assert PricingError\n"),
		First: []string{"tests/test_last.py", "tests/not_there.py"}, Watch: map[string][]int{"shop/cart.py": {1, 7, 12, 13}},
	})
	if !res.OK() {
		t.Fatalf("got %+v", res)
	}
	if got := fmt.Sprint(res.Loaded); got != "map[shop/cart.py:[1]]" {
		t.Errorf("while collecting: got %s", got)
	}
	for i, want := range []string{"tests/test_last.py::test_scale map[shop/cart.py:[13]]", "tests/test_last.py::test_none map[]", "tests/test_cart.py::test_total map[shop/cart.py:[7 13]]"} {
		if got := fmt.Sprint(res.Tests[i].ID, " ", res.Tests[i].Ran); got != want {
			t.Errorf("test %d: got %s, want %s", i, got, want)
		}
	}
}

func TestSourceRootsAreOnThePathInOrder(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, "-- src/app/__init__.py --\nvalue = 'src'\n-- app.py --\nvalue = 'root'\n")
	test := testrun.Test{Path: "tests/test_x.py", Name: "test_x", Source: "import app\n\n\ndef test_x():\n    raise ValueError(app.value)\n"}
	for _, c := range []struct {
		roots []string
		want  string
	}{{nil, "root"}, {[]string{"src", "."}, "src"}} {
		res := run(t, testrun.Request{Tree: dir, Test: &test, Env: testrun.Environment{Roots: c.roots}})
		if !res.OK() || res.Tests[0].Message != c.want {
			t.Errorf("roots %q: got %+v, want %s", c.roots, res, c.want)
		}
	}
}

func TestATraceIsRecordedWhereWanted(t *testing.T) {
	t.Parallel()
	res := run(t, testrun.Request{Tree: sandboxtest.Tree(t, shop), Test: &red, Trace: &testrun.Tracing{Lines: true}})
	if !res.OK() || !res.Traced || res.Tracer != "" {
		t.Fatalf("got %+v", res)
	}
	trace, err := trace.Read(bytes.NewReader(res.Trace))
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, r := range trace.Raised() {
		found = found || r.Type == "PricingError" && r.File == "/work/shop/cart.py" && r.Name == "scale" && r.Line == 12
	}
	if !found {
		t.Errorf("the crash is not in the trace: %+v", trace.Raised())
	}
	if ran := trace.Executed()["/work/shop/cart.py"]; !ran[12] || ran[13] {
		t.Errorf("got executed lines %v, want 12 and not 13", ran)
	}
}

func TestBothBackendsGiveTheSameResult(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, shop)
	sandboxtest.Each(t, func(t *testing.T, b sandbox.Backend) {
		r := Runner{Backend: b}
		res, err := r.Run(t.Context(), testrun.Request{Tree: dir, Test: &red})
		if err != nil {
			t.Fatal(err)
		}
		if !res.OK() || res.Tests[0].Type != "PricingError" || len(res.Tests[0].Frames) != 3 {
			t.Errorf("got %+v", res)
		}
		t.Logf("one session took %v", res.Wall)
	})
}

func endings(res *testrun.Result) string {
	var out []string
	for _, o := range res.Tests {
		out = append(out, strings.TrimPrefix(o.ID, "test_x.py::")+" "+string(o.Status))
	}
	return strings.Join(out, ", ")
}
