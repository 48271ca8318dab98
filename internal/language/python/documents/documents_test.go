package documents_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/documents"
	"github.com/repaird/repaird/internal/language/python/session"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// tree lays out files.
func tree(t *testing.T, archive string) string {
	t.Helper()
	dir := sandboxtest.Dir(t)
	for _, f := range txtar.Parse([]byte(archive)).Files {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func reader(t *testing.T) documents.Reader {
	b := sandboxtest.Backend(t, "bwrap")
	return documents.Reader{Backend: b, Overlaid: (&session.Runner{Backend: b}).Overlaid}
}

const shop = `
-- README.md --
# shop

    >>> from shop.text import slug
    >>> slug("Ice  cream")
    'ice-cream'

` + "`slug(\"A\")` is described in `shop/text.py`; `other(1)` -> 2.\n" + `
-- shop/__init__.py --
-- shop/text.py --
"""Texts."""


class NoText(ValueError):
    pass


def slug(text):
    """A name for addresses.

    slug("A b") -> "a-b"
    slug("")  # raises NoText
    slug(5) and more

    Raises NoText when there is nothing
    to write, and never returns "". See also cut.

    >>> a = "x"
    >>> slug(a)
    'x'
    >>> slug("")
    Traceback (most recent call last):
      ...
    shop.text.NoText: nothing
    """
    if not text:
        raise NoText("nothing")
    return "-".join(text.lower().split(" "))


def cut(text, n):
    """First n letters.

    :param n: at least 1
    :raises ValueError: if n is negative
    :raises TypeError: for no text

    >>> cut("abc", 2)
    'ab'
    >>> cut(undefined, 2)
    'ab'
    """
    return text[:n]


def wait(text):
    """
    Raises:
        OSError: when the file
            does not exist.
        KeyError: unknown name

    Returns: nothing
    """


def numpy(text):
    """Does.

    Raises
    ------
    LookupError
        If there is no such text.

    Notes
    -----
    Never
    """
`

func TestWhatIsDocumentedAboutTheFunctionsThatRan(t *testing.T) {
	t.Parallel()
	r := reader(t)
	dir := tree(t, shop)
	docs, err := r.Documentation(t.Context(), language.Probe{Tree: dir}, map[string][]int{"shop/text.py": nil})
	if err != nil {
		t.Fatal(err)
	}
	var examples, refusals []string
	for _, e := range docs.Examples {
		examples = append(examples, strings.TrimSpace(e.Path+" "+e.Function+" "+strings.TrimSpace(e.Source)+" = "+strings.TrimSpace(e.Want)+" "+e.Raises))
	}
	for _, r := range docs.Refusals {
		refusals = append(refusals, r.Function+" "+r.Type+" "+r.Condition)
	}
	want := []string{
		`shop/text.py slug slug(a) = 'x'`,
		`shop/text.py slug slug("") = raises NoText NoText`,
		`shop/text.py slug slug("A b") = "a-b"`,
		`shop/text.py slug slug("") = raises NoText NoText`,
		`shop/text.py cut cut("abc", 2) = 'ab'`,
		`shop/text.py cut cut(undefined, 2) = 'ab'`,
		`README.md  slug("Ice  cream") = 'ice-cream'`,
	}
	if !slices.Equal(examples, want) {
		t.Errorf("got examples\n%s", strings.Join(examples, "\n"))
	}
	wantRefusals := []string{
		"slug NoText when there is nothing to write, and never returns \"\"",
		"cut ValueError if n is negative",
		"cut TypeError for no text",
		"wait OSError when the file does not exist.",
		"wait KeyError unknown name",
		"numpy LookupError If there is no such text.",
	}
	if !slices.Equal(refusals, wantRefusals) {
		t.Errorf("got refusals\n%s", strings.Join(refusals, "\n"))
	}
	some, err := r.Documentation(t.Context(), language.Probe{Tree: dir}, map[string][]int{"shop/text.py": {30, 43}})
	if err != nil || slices.ContainsFunc(some.Refusals, func(r language.Refusal) bool { return r.Function != "cut" }) || len(some.Refusals) != 2 {
		t.Errorf("got %+v, %v, want those of cut, which ran", some, err)
	}
}

func TestExamplesAreRunOnBothSides(t *testing.T) {
	t.Parallel()
	r := reader(t)
	p := language.Probe{Tree: tree(t, shop)}
	docs, err := r.Documentation(t.Context(), p, map[string][]int{"shop/text.py": nil})
	if err != nil {
		t.Fatal(err)
	}
	ends := func(overlay patch.Overlay) (ends []string) {
		p.Overlay = overlay
		outcomes, err := r.Examples(t.Context(), p, docs.Examples)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range outcomes {
			ends = append(ends, docs.Examples[i].Function+" "+string(o.End)+" "+o.Got)
		}
		return ends
	}
	base := ends(nil)
	want := []string{"slug met 'x'", "slug met NoText: nothing", "slug met 'a-b'", "slug met NoText: nothing", "cut met 'ab'", "cut impossible NameError: name 'undefined' is not defined", " unmet 'ice--cream'"}
	if !slices.Equal(base, want) {
		t.Errorf("got on base\n%s", strings.Join(base, "\n"))
	}
	source, err := os.ReadFile(filepath.Join(p.Tree, "shop/text.py"))
	if err != nil {
		t.Fatal(err)
	}
	head := ends(patch.Overlay{"shop/text.py": []byte(strings.Replace(string(source), `split(" ")`, `split()`, 1))})
	if head[6] != " met 'ice-cream'" || head[0] != "slug met 'x'" {
		t.Errorf("got on head\n%s", strings.Join(head, "\n"))
	}
}
