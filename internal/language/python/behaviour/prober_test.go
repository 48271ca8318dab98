package behaviour_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/behaviour"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

// tree writes one of testdata's trees and returns its directory.
func tree(t *testing.T, name string) string {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range a.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func prober(t *testing.T) behaviour.Prober {
	t.Helper()
	return behaviour.Prober{Backend: sandboxtest.Backend(t, "bwrap")}
}

// test is a test with the given body and the imports that it needs.
func test(imports, body string) testrun.Test {
	return testrun.Test{Path: "tests/test_it.py", Name: "test_it", Source: imports + "\n\n\ndef test_it():\n    " + body + "\n"}
}

func call(source string) language.Call { return language.Call{Test: source} }

// answers are what a tree answers to the bodies of tests.
func answers(t *testing.T, dir, imports string, bodies ...string) map[string]language.Answer {
	t.Helper()
	// The first call is made thrice and times the others.
	calls := []language.Call{call(test(imports, "values.nothing()").Source)}
	for _, body := range bodies {
		calls = append(calls, call(test(imports, body).Source))
	}
	got, err := prober(t).Answers(t.Context(), language.Probe{Run: "test", Tree: dir, Test: test(imports, bodies[0])}, calls)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(calls) {
		t.Fatalf("%d calls have %d answers", len(calls), len(got))
	}
	found := map[string]language.Answer{}
	for i, body := range bodies {
		found[body] = got[i+1]
	}
	return found
}

func TestAnswersSayWhatACallReturned(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, body, want string }{
		{"an object that lies about itself is shown by its fields", "values.lie(3)", "values.Liar(x=3)"},
		{"so is each of a set's members", "values.liars(1)", "set{values.Liar(x=0)}"},
		{"a float has nine digits", "values.number()", "0.3"},
		{"a set is sorted", "values.words()", "set{'apple', 'fig', 'kiwi', 'pear', 'plum', 'quince'}"},
		{"slots are fields", "values.slotted()", "values.Slotted(_Slotted__b=2, a=1)"},
		{"an enumeration's member", "values.colour()", "[values.Colour.RED]"},
		{"a data class", "values.line()", "values.Line(amount=Decimal('1.50'), sku='A')"},
		{"a named tuple", "values.pair()", "values.Pair(1, [2])"},
		{"a moment with its zone", "values.moment()", "datetime('2024-05-01T12:00:00', timezone('UTC'))"},
		{"values of the standard library", "values.known()", "[Fraction('1/3'), UUID('00000000-0000-0000-0000-000000000005'), PurePosixPath('a/b'), re('a+', 32), Counter{'a': 2, 'b': 1}, deque[1], OrderedDict{'a': 1}, b'x', KeyError(args ('k', 2))]"},
		{"what is lazy is drained, and says so", "values.lazy(3)", "lazy generator[0, 1, 4]"},
		{"a handle is its type", "values.locked()", "[<_thread.lock>]"},
		{"the same object twice is not two equal ones", "values.twice()", "[[1], @1]"},
		{"two equal ones", "values.separate()", "[[1], [1]]"},
		{"an object's address is left out", "values.address()", "'made <object object at 0x…>'"},
		{"what a coroutine returns", "asyncio.run(values.later(4))", "4"},
		{"what an asynchronous generator gives", "values.many(2)", "lazy async_generator[0, 1]"},
		{"a property", "values.Account(5).net", "4"},
		{"a response of the web without what differs each time", "values.respond()", "{'status': 201, 'headers': [('content-type', 'application/json')], 'body': {'b': 1, 'a': [2]}}"},
		{"the call in an assertion", "assert values.number(2) == 3", "2"},
		{"the call inside another one", "assert len(values.words()) == 3", "set{'apple', 'fig', 'kiwi', 'pear', 'plum', 'quince'}"},
		{"the last call of the tree's code", "n = values.number(1)\n    m = values.number(n + 1)\n    assert m == 3", "2"},
		{"a comprehension of calls", "assert [values.number(n) for n in (1, 2)] == []", "[1, 2]"},
	}
	var bodies []string
	for _, c := range cases {
		bodies = append(bodies, c.body)
	}
	got := answers(t, tree(t, "values"), "import asyncio\n\nimport values", bodies...)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := got[c.body]
			if a.End != language.Returned || a.Value != c.want {
				t.Errorf("%s: %s %s (%s %s), want %s", c.body, a.End, a.Value, a.Type, a.Message, c.want)
			}
		})
	}
}

func TestAnswersSayWhatElseACallDid(t *testing.T) {
	t.Parallel()
	const (
		itself, copied     = "values.itself([1])", "values.copied([1])"
		appends, remembers = "values.append([1])", "values.remember(5)"
		registry, list     = "values.registry()", "list(values.lazy(2))"
		say, pay           = "values.say('hello')", "values.Account(5).pay(2)"
		writesA, writesB   = "values.write('a')", "values.write('b')"
		swallow, translate = "values.swallow(1)", "values.translate(1)"
		again, finally     = "values.again(1)", "values.finally_(1)"
		through            = "values.through_a_handler(1)"
		writesAToo         = "values.write('a' + '')"
		rememberToo        = "values.remember(5 + 0)"
		raises             = "with pytest.raises(ValueError):\n        values.refuse(3)"
	)
	got := answers(t, tree(t, "values"), "import pytest\n\nimport values", itself, copied, appends, remembers, registry, list, say, pay, writesA, writesB, swallow, translate,
		again, finally, through, writesAToo, rememberToo, raises)
	state := func(t *testing.T, body, want string) {
		t.Helper()
		if a := got[body]; a.State != want {
			t.Errorf("%s: %s %s, state %q, want %q", body, a.End, a.Message, a.State, want)
		}
	}
	t.Run("a result that is an argument shows", func(t *testing.T) { state(t, itself, "@0") })
	t.Run("a copy is none", func(t *testing.T) { state(t, copied, "[1]") })
	t.Run("an argument that was changed", func(t *testing.T) { state(t, appends, "[1, 3]") })
	t.Run("a receiver that was changed", func(t *testing.T) { state(t, pay, "values.Account(total=3)") })
	t.Run("a module's state that was changed", func(t *testing.T) { state(t, remembers, "values.SEEN: [5]") })
	t.Run("no call sees what another one changed", func(t *testing.T) { state(t, rememberToo, "values.SEEN: [5]") })
	t.Run("a result that is a module's own object", func(t *testing.T) { state(t, registry, "the result is values.REGISTRY") })
	t.Run("a result that was lazy before the test listed it", func(t *testing.T) { state(t, list, "lazy generator[]") })
	t.Run("output", func(t *testing.T) {
		if a := got[say]; a.Output != "aside\nhello\n" {
			t.Errorf("output %q", a.Output)
		}
	})
	t.Run("files by their content, wherever they are", func(t *testing.T) {
		a, b, again := got[writesA].Files, got[writesB].Files, got[writesAToo].Files
		if a == "" || a == b || a != again {
			t.Errorf("digests %q, %q, and again %q", a, b, again)
		}
	})
	t.Run("an exception with its innermost place", func(t *testing.T) {
		a := got[raises]
		a.Lines = nil
		want := language.Answer{End: language.Raised, Type: "ValueError", Message: "no 3", Raised: language.Place{Path: "values.py", Function: "refuse", Line: a.Raised.Line}, Handled: []language.Handling{}}
		if diff := cmp.Diff(want, a); diff != "" || a.Raised.Line == 0 {
			t.Error(diff)
		}
	})
	t.Run("the lines that ran", func(t *testing.T) {
		if a := got[swallow]; len(a.Lines) != 1 || len(a.Lines["values.py"]) < 6 {
			t.Errorf("lines %v", a.Lines)
		}
	})
	handled := func(body string, want ...string) {
		t.Run("handled in "+body, func(t *testing.T) {
			var types []string
			for _, h := range got[body].Handled {
				types = append(types, h.Type+" in "+h.Function)
			}
			if diff := cmp.Diff(want, types); diff != "" {
				t.Error(diff)
			}
		})
	}
	handled(swallow, "ValueError in swallow")
	handled(through, "ValueError in through_a_handler")
	handled(translate)
	handled(again)
	handled(finally)
}

func TestACallThatMisbehavesEndsAlone(t *testing.T) {
	t.Parallel()
	ends := map[string]language.End{
		"values.sleep()": language.Slow, "values.die()": language.Lost, "values.kill()": language.Lost,
		"values.endless()": language.Opaque, "values.huge()": language.Opaque, "values.strange()": language.Opaque,
		"values.linger()": language.Returned, "values.spend()": language.Raised, "values.lazy_that_fails(2)": language.Raised,
		"values.number(8)": language.Returned, "values.forge()": language.Lost,
	}
	var bodies []string
	for body := range ends {
		bodies = append(bodies, body)
	}
	got := answers(t, tree(t, "values"), "import values", bodies...)
	for body, want := range ends {
		if a := got[body]; a.End != want {
			t.Errorf("%s: %s %s %s, want %s", body, a.End, a.Type, a.Message, want)
		}
	}
	if a := got["values.lazy_that_fails(2)"]; a.Type != "ZeroDivisionError" || a.Raised.Path != "values.py" {
		t.Errorf("a generator that fails: %s at %v", a.Type, a.Raised)
	}
	if a := got["values.number(8)"]; a.Value != "8" {
		t.Errorf("a call beside a forging one answers %q", a.Value)
	}
}

func TestASideThatKillsItsInterpreterHasNoAnswers(t *testing.T) {
	t.Parallel()
	got := answers(t, tree(t, "values"), "import values", "values.kill_above()", "values.number(8)", "values.number(9)")
	lost := 0
	for _, a := range got {
		if a.End == language.Lost {
			lost++
		} else if a.End != language.Returned {
			t.Errorf("answer %v", a)
		}
	}
	if lost == 0 {
		t.Error("every call has an answer")
	}
}

func near(t *testing.T, dir string, test testrun.Test, limit int) *language.Neighbourhood {
	t.Helper()
	n, err := prober(t).Neighbours(t.Context(), language.Probe{Run: "test", Tree: dir, Test: test, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Calls) != len(n.Answers) || len(n.Calls) == 0 {
		t.Fatalf("%d calls have %d answers: %s", len(n.Calls), len(n.Answers), n.Why)
	}
	return n
}

func shown(n *language.Neighbourhood) string {
	var b strings.Builder
	for i, c := range n.Calls {
		fmt.Fprintf(&b, "%s %s (%s) → %s %s\n", c.Shown, c.Leaf, c.Edit, n.Answers[i].End, n.Answers[i].Value)
	}
	return b.String()
}

const settle = "from shop.rates import settle"

func TestANormalisingTwinHasPartners(t *testing.T) {
	t.Parallel()
	n := near(t, tree(t, "shop"), test(settle, `settle(order={"number": 'B-1009', "currency": 'eur', "amount": 12})`), 120)
	if n.Answers[0].End != language.Raised || n.Calls[0].Leaf != "" || n.Calls[0].Seed != 0 {
		t.Fatalf("the first call is not the test's own: %+v %+v", n.Calls[0], n.Answers[0])
	}
	pairs := map[string]string{}
	twins, around := 0, 0
	for i, c := range n.Calls {
		switch {
		case c.Twin && c.Normalising && c.To == "'EUR'" && c.From == "'eur'" && c.Leaf == "order.currency" && n.Answers[i].End == language.Returned:
			twins++
		case c.Seed != 0 && n.Calls[c.Seed].To == "'EUR'":
			around++
		}
		if c.Partner > 0 {
			if n.Answers[i].End == language.Returned {
				pairs[c.To] = n.Calls[c.Partner].To
			}
		} else if c.Partner != -1 {
			t.Errorf("%s has the partner %d", c.Shown, c.Partner)
		}
	}
	if twins != 1 || around < 10 {
		t.Errorf("%d twins with %d calls around them:\n%s", twins, around, shown(n))
	}
	want := map[string]string{"'GBP'": "'gbp'", "'SEK'": "'sek'", "'USD'": "'usd'"}
	if diff := cmp.Diff(want, pairs); diff != "" {
		t.Errorf("%s\n%s", diff, shown(n))
	}
}

func TestNeighboursVaryEachLiteral(t *testing.T) {
	t.Parallel()
	dir := tree(t, "shop")
	for _, tt := range []struct {
		name, body string
		want       []string // calls, as shown
	}{
		{"items, keys and their order", "count(items=[3, 4], by={'a': 1, 'b': 2})", []string{
			"count(items=[3], by={'a': 1, 'b': 2})", "count(items=[], by={'a': 1, 'b': 2})", "count(items=[4, 3], by={'a': 1, 'b': 2})",
			"count(items=[3, 4, 4], by={'a': 1, 'b': 2})", "count(items=[3, 4], by={'b': 2})", "count(items=[2, 4], by={'a': 1, 'b': 2})", "count(items=[0, 4], by={'a': 1, 'b': 2})",
		}},
		{"numbers inside texts, their units, and lines", `wait(text='a = 250ms\nb = 3s\n')`, []string{
			`wait(text='a = 251ms\nb = 3s\n')`, `wait(text='a = 250s\nb = 3s\n')`, `wait(text='a = 250ms\nb = 3h\n')`, `wait(text='a = 250ms\n')`,
		}},
		{"a token that stands in several literals, in all of them", "paged(pages=['p7', 'q'], last='no 7', at=7)", []string{"paged(pages=['p7', 'q'], last='no 8', at=8)"}},
		{"what is there or absent, and nonsense", "named(name='Zoë', missing=None, strict=True)", []string{
			"named(name=None, missing=None, strict=True)", "named(name='Zoë', missing='x', strict=True)", "named(name='Zoë', missing=None, strict=False)",
			"named(name='qzxv', missing=None, strict=True)", "named(name='', missing=None, strict=True)", "named(name='ZOË', missing=None, strict=True)", "named(name='Zoë ', missing=None, strict=True)",
			"named(name='Zoe\u0308', missing=None, strict=True)",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := near(t, dir, test("from shop.rates import *", tt.body), 0)
			found := map[string]bool{}
			for _, c := range n.Calls {
				found[c.Shown] = true
			}
			for _, want := range tt.want {
				if !found[want] {
					t.Errorf("no %s in\n%s", want, shown(n))
				}
			}
			if len(n.Calls) > 400 {
				t.Errorf("%d calls", len(n.Calls))
			}
		})
	}
}

func TestTheChoiceDependsOnTreeAndTestOnly(t *testing.T) {
	t.Parallel()
	dir := tree(t, "shop")
	source := test(settle, `settle(order={"number": 'B-1009', "currency": 'eur', "amount": 12})`)
	first, second := near(t, dir, source, 60), near(t, dir, source, 60)
	if diff := cmp.Diff(first, second); diff != "" || len(first.Calls) != 60 {
		t.Errorf("%d calls: %s", len(first.Calls), diff)
	}
}

func TestWhatVariesIsSaid(t *testing.T) {
	t.Parallel()
	dir := tree(t, "values")
	t.Run("under another hash seed", func(t *testing.T) {
		t.Parallel()
		if n := near(t, dir, test("from values import in_order", "in_order()"), 0); !n.Answers[0].Varies {
			t.Errorf("%+v", n.Answers[0])
		}
	})
	t.Run("not the order of a set itself", func(t *testing.T) {
		t.Parallel()
		n := near(t, dir, test("from values import words", "words()"), 0)
		if n.Answers[0].Varies || n.Why == "" || len(n.Calls) != 1 {
			t.Errorf("%+v", n)
		}
	})
	t.Run("under another hash seed, with a patch", func(t *testing.T) {
		t.Parallel()
		order := "def number(): return list({'apple', 'fig', 'kiwi', 'pear', 'plum', 'quince'})\n"
		probe := language.Probe{Run: "test", Tree: dir, Test: test("import values", "values.number()"), Overlay: patch.Overlay{"values.py": []byte(order)}}
		got, err := prober(t).Answers(t.Context(), probe, []language.Call{call(probe.Test.Source)})
		if err != nil || !got[0].Varies {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("on repetition, with a patch", func(t *testing.T) {
		t.Parallel()
		probe := language.Probe{Run: "test", Tree: dir, Test: test("import values", "values.number()"), Overlay: patch.Overlay{"values.py": []byte("import os\n\ndef number(): return os.getpid()\n")}}
		got, err := prober(t).Answers(t.Context(), probe, []language.Call{call(probe.Test.Source)})
		if err != nil || !got[0].Varies {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestTestsOfTheRepositoryAreCalled(t *testing.T) {
	t.Parallel()
	dir := tree(t, "shop")
	const double = "from shop.rates import double\n"
	for _, tt := range []struct {
		name, id, source, want string
		asserts                bool
	}{
		{"a test case with its preparation", "TestIt.test_it", "import unittest\n" + double + `
class TestIt(unittest.TestCase):
    def setUp(self):
        self.n = 4

    def test_it(self):
        self.assertEqual(double(self.n), 9)
`, "8", true},
		{"a class", "TestIt::test_it", double + "\nclass TestIt:\n    def setup_method(self, method):\n        self.n = 5\n\n    def test_it(self):\n        assert double(self.n) == 9\n", "10", true},
		{"a row of parameters", "test_it[3-b]", "import pytest\n" + double + "\n@pytest.mark.parametrize('n, x', [(2, 'a'), (3, 'b')])\ndef test_it(n, x):\n    assert double(n)\n", "6", true},
		{"a fixture of the same file", "test_it", "import pytest\n" + double + "\n@pytest.fixture\ndef n():\n    yield 7\n\ndef test_it(n):\n    assert double(n) > 3\n", "14", false},
		{"an asynchronous test", "test_it", double + "\nasync def test_it():\n    assert double(6) == 1\n", "12", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := near(t, dir, testrun.Test{Path: "tests/test_it.py", Name: tt.id, Source: tt.source}, 10)
			if a := n.Answers[0]; a.End != language.Returned || a.Value != tt.want || n.Asserts != tt.asserts {
				t.Errorf("%s %s %s %s, asserts %v; %s", a.End, a.Value, a.Type, a.Message, n.Asserts, n.Why)
			}
		})
	}
	t.Run("a fixture defined in another file is not known", func(t *testing.T) {
		t.Parallel()
		n := near(t, dir, testrun.Test{Path: "tests/test_it.py", Name: "test_it", Source: double + "\ndef test_it(database):\n    double(1)\n"}, 10)
		if len(n.Calls) != 1 || n.Answers[0].End != language.Lost || !strings.Contains(n.Why, "the test takes the fixture database") {
			t.Errorf("%+v", n)
		}
	})
}

// The patched module reads what would be base's own file, and a data file.
func TestHeadIsATreeOfItsOwn(t *testing.T) {
	t.Parallel()
	dir := tree(t, "shop")
	overlay := patch.Overlay{
		"shop/rates.py": []byte(`import json, pathlib, sys
HERE = pathlib.Path(__file__).resolve().parent
def double(n):
    found = [str(p) for p in pathlib.Path("/work").rglob("*.py") if "base" + " said" in p.read_text()]
    found += [str(p) for p in pathlib.Path("/tmp").rglob("rates.py") if "base" + " said" in p.read_text()]
    return [n, json.loads((HERE / "factor.json").read_text()), (HERE / "gone.json").exists(), found]
`),
		"shop/factor.json": []byte("3"), "shop/gone.json": nil,
	}
	probe := language.Probe{Run: "test", Tree: dir, Overlay: overlay, Test: test("from shop.rates import double", "double(n=4)")}
	got, err := prober(t).Answers(t.Context(), probe, []language.Call{call(probe.Test.Source)})
	if err != nil || got[0].Value != "[4, 3, False, []]" {
		t.Errorf("%+v, %v", got, err)
	}
	if left, err := os.ReadFile(filepath.Join(dir, "shop/gone.json")); err != nil || len(left) == 0 {
		t.Errorf("the tree itself was changed: %v", err)
	}
}

func TestWhatBaseSaysIsARivalOfNoPatch(t *testing.T) {
	t.Parallel()
	dir := tree(t, "shop")
	base, err := os.ReadFile(filepath.Join(dir, "shop/rates.py"))
	if err != nil {
		t.Fatal(err)
	}
	head := strings.Replace(string(base), `RATES[order["currency"]]`, `RATES[order["currency"].upper()]`, 1)
	rivals, err := prober(t).Rivals(t.Context(), language.Probe{Run: "test", Tree: dir, Test: test(settle, "settle({})"), Overlay: patch.Overlay{"shop/rates.py": []byte(head)}})
	if err != nil || len(rivals) < 4 {
		t.Fatalf("%v, %v", rivals, err)
	}
	for _, r := range rivals {
		if text := string(r.Overlay["shop/rates.py"]); text == string(base) || text == head {
			t.Errorf("%s is the same as base or head", r.Change)
		}
	}
}

func TestRivalsDifferInOnePlace(t *testing.T) {
	t.Parallel()
	dir := tree(t, "shop")
	base, err := os.ReadFile(filepath.Join(dir, "shop/rates.py"))
	if err != nil {
		t.Fatal(err)
	}
	head := strings.Replace(string(base), `RATES[order["currency"]]`, `RATES[order["currency"].upper()]`, 1)
	head = strings.Replace(head, "    return len(items) + len(by)", "    return len(items) + len(by) + 0", 1)
	probe := language.Probe{Run: "test", Tree: dir, Test: test(settle, `settle(order={"currency": 'eur', "amount": 12})`), Overlay: patch.Overlay{"shop/rates.py": []byte(head)}}
	rivals, err := prober(t).Rivals(t.Context(), probe)
	if err != nil || len(rivals) == 0 || len(rivals) > 24 {
		t.Fatalf("%d rivals, %v", len(rivals), err)
	}
	changes, overlays := map[string]int{}, []patch.Overlay{probe.Overlay}
	for i, r := range rivals {
		changes[r.Change] = i + 1
		overlays = append(overlays, r.Overlay)
		if text := string(r.Overlay["shop/rates.py"]); text == string(base) || text == head || r.Path != "shop/rates.py" {
			t.Errorf("%s is the same as base or head", r.Change)
		}
	}
	at := changes["upper → lower"]
	for want, value := range map[string]bool{"upper → lower": false, "+ → -": false, "0 → 1": true, "by → items": false, "without the edit at line 16": false} {
		switch i := changes[want]; {
		case i == 0:
			t.Errorf("no %s in %v", want, changes)
		case rivals[i-1].Value != value:
			t.Errorf("%s is a constant's value: %v", want, !value)
		}
	}
	calls := []language.Call{call(probe.Test.Source), call(test(settle, `settle(order={"currency": 'GBP', "amount": 1})`).Source)}
	got, err := prober(t).Compete(t.Context(), probe, overlays, calls)
	if err != nil || len(got) != len(overlays) {
		t.Fatalf("%d of %d rivals answer, %v", len(got), len(overlays), err)
	}
	if own := got[0]; own[0].Value != "24" || own[1].Value != "3" {
		t.Errorf("the patch itself answers %+v", own)
	}
	if r := got[at]; r[0].End != language.Raised || r[0].Type != "KeyError" || r[0].Raised.Path != "shop/rates.py" {
		t.Errorf("lower answers %+v", r)
	}
}

func TestTheNumberThatATextIsIsItsWitness(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const source = "NAMES = {7: 'Okafor', 17: 'Lindqvist', 23: 'Moreau'}\n\n\ndef name(order):\n    return NAMES[order['customer']]\n"
	if err := os.WriteFile(filepath.Join(dir, "customers.py"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	near, err := prober(t).Neighbours(t.Context(), language.Probe{Run: "test", Tree: dir, Test: test("from customers import name", "name({'customer': '23'})")})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{} // number → the text of it that is its partner, or the twin's literal
	for i, c := range near.Calls {
		switch {
		case near.Answers[i].End != language.Returned:
		case c.Partner > 0:
			found[c.To] = near.Calls[c.Partner].To
		case c.Twin && c.Normalising && c.Edit == "conversion":
			found[c.To] = c.From
		}
	}
	if diff := cmp.Diff(map[string]string{"23": "'23'", "7": "'7'", "17": "'17'"}, found); diff != "" {
		t.Error(diff)
	}
}
