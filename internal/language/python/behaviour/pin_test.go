package behaviour_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/behaviour"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

const mark = "What this patch makes it answer: please review."

// pin has a test assert its call's answer.
func pin(t *testing.T, source string, expect language.Expectation) (language.Pinned, error) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs Python, which -short does without")
	}
	p := behaviour.Prober{Backend: sandboxtest.Host{TB: t}}
	return p.Pin(t.Context(), language.Pin{
		Run: "test", Test: testrun.Test{Path: "tests/test_x.py", Name: "test_x", Source: source}, Expect: expect, Mark: mark,
	})
}

const plain = `"""Reproduces incident inc-1."""

from shop import quote


def test_x():
    quote(weight=25)
`

func TestATestAssertsWhatItsCallAnswers(t *testing.T) {
	t.Parallel()
	body := func(imports, statement string) string {
		return strings.Replace(strings.Replace(plain, "    quote(weight=25)\n", statement, 1), "from shop import quote\n", imports, 1)
	}
	const shop = "from shop import quote\n"
	for name, tt := range map[string]struct {
		source  string // "" plain
		expect  language.Expectation
		want    string
		asserts string
	}{
		"a number": {expect: language.Expectation{Literal: "12"}, asserts: "the value", want: body(shop, `    # What this patch makes it answer: please review.
    assert quote(weight=25) == 12
`)},
		"nothing": {expect: language.Expectation{Literal: "None"}, asserts: "the value", want: body(shop, `    # What this patch makes it answer: please review.
    assert quote(weight=25) is None
`)},
		"floats, approximately, where they are not hashed": {expect: language.Expectation{Literal: "{'total': -1.5, 'rates': [0.25], 0.5: {0.5}}"}, asserts: "the value",
			want: body("import pytest\n\n"+shop, `    # What this patch makes it answer: please review.
    assert quote(weight=25) == {
        'total': pytest.approx(-1.5),
        'rates': [pytest.approx(0.25)],
        0.5: {0.5},
    }
`)},
		"an exception of the tree": {expect: language.Expectation{Raises: "shop.errors.TooHeavy"}, asserts: "the exception",
			want: body("import pytest\n\n"+shop+"from shop.errors import TooHeavy\n", `    # What this patch makes it answer: please review.
    with pytest.raises(TooHeavy):
        quote(weight=25)
`)},
		"an exception of the language, the call over several lines": {source: body(shop, "    quote(\n        weight=25,\n    )\n"),
			expect: language.Expectation{Raises: "ValueError"}, asserts: "the exception", want: body("import pytest\n\n"+shop, `    # What this patch makes it answer: please review.
    with pytest.raises(ValueError):
        quote(
            weight=25,
        )
`)},
		"a text of several lines is not moved": {source: body(shop, "    quote(\"\"\"a\n  b\"\"\")\n"), expect: language.Expectation{Raises: "ValueError"}, asserts: "the exception",
			want: body("import pytest\n\n"+shop, "    # What this patch makes it answer: please review.\n    with pytest.raises(ValueError):\n        quote(\"\"\"a\n  b\"\"\")\n")},
		"an answer that the test keeps": {source: body(shop, "    price = quote(weight=25)\n"), expect: language.Expectation{Literal: "'12'"}, asserts: "the value",
			want: body(shop, `    price = quote(weight=25)
    # What this patch makes it answer: please review.
    assert price == '12'
`)},
		"what is awaited": {source: strings.Replace(body(shop, "    await quote(weight=25)\n"), "def", "async def", 1), expect: language.Expectation{Literal: "12"}, asserts: "the value",
			want: strings.Replace(body(shop, `    # What this patch makes it answer: please review.
    assert (await quote(weight=25)) == 12
`), "def", "async def", 1)},
		"an exact number": {expect: language.Expectation{Type: "decimal.Decimal", Parts: []language.Part{{Type: "decimal.Decimal", Text: "1.50"}}}, asserts: "the value",
			want: body("from decimal import Decimal\n\n"+shop, `    # What this patch makes it answer: please review.
    assert quote(weight=25) == Decimal('1.50')
`)},
		"an object, by its type and parts": {expect: language.Expectation{Type: "web.Response", Parts: []language.Part{
			{Path: ".body", Type: "list", Text: ""}, {Path: ".body[0]", Type: "str", Text: "late"}, {Path: "._private", Type: "int", Text: "7"},
			{Path: ".sent", Type: "float", Text: "1.5"}, {Path: ".status_code", Type: "int", Text: "404"},
		}}, asserts: "the type and 2 parts of the value", want: body(shop, `    answer = quote(weight=25)
    # What this patch makes it answer: please review.
    assert type(answer).__name__ == "Response"
    assert answer.status_code == 404
    assert answer.body[0] == 'late'
`)},
		"a dict of objects, by its keys": {expect: language.Expectation{Type: "dict", Parts: []language.Part{
			{Type: "dict"}, {Path: "[b]", Type: "shop.Price", Text: "x"}, {Path: "[a]", Type: "bool", Text: "True"},
		}}, asserts: "the type and 1 part of the value", want: body(shop, `    answer = quote(weight=25)
    # What this patch makes it answer: please review.
    assert sorted(answer) == ['a', 'b']
    assert answer['a'] is True
`)},
		"an object of which nothing is known": {expect: language.Expectation{}, want: plain},
		"a test that asserts already":         {source: body(shop, "    assert quote(weight=25) == 3\n"), expect: language.Expectation{Literal: "12"}, want: body(shop, "    assert quote(weight=25) == 3\n")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := tt.source
			if source == "" {
				source = plain
			}
			got, err := pin(t, source, tt.expect)
			if err != nil {
				t.Fatal(err)
			}
			if got.Asserts != tt.asserts {
				t.Errorf("it asserts %q, want %q", got.Asserts, tt.asserts)
			}
			if d := cmp.Diff(tt.want, got.Test.Source); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestOnlyLiteralsAndNamesOfExceptionsAreWrittenIntoATest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		expect language.Expectation
		why    string
	}{
		"a call":                      {language.Expectation{Literal: "__import__('os').system('id')"}, "is not a literal"},
		"a name":                      {language.Expectation{Literal: "quote"}, "is not a literal"},
		"two statements":              {language.Expectation{Literal: "1\nimport os"}, "is not a literal"},
		"an unfinished list":          {language.Expectation{Literal: "[1, "}, "is not a literal"},
		"an exception that is a call": {language.Expectation{Raises: "exit()"}, "is not the name of an exception"},
		"an exception nobody knows":   {language.Expectation{Raises: "TooHeavy"}, "name its module too"},
		"a builtin that is none":      {language.Expectation{Raises: "print"}, "name its module too"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := pin(t, plain, tt.expect)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("got %v, %v, want %q", got, err, tt.why)
			}
		})
	}
}
