package history_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/behaviour/history"
	"github.com/repaird/repaird/internal/gitrepo"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace"
)

// A commit is what one changes: paths and contents, "" deletes.
type commit struct {
	subject string
	files   map[string]string
}

// repository makes a real one; the last commit is the incident's. A commit whose
// subject begins with "side: " is on a branch that the next one merges.
func repository(t *testing.T, commits []commit) *mirror {
	t.Helper()
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=A", "-c", "user.email=a@example.org"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "-b", "main")
	side := false
	for _, c := range commits {
		switch {
		case strings.HasPrefix(c.subject, "side: "):
			git("checkout", "-q", "-b", "side")
			side = true
		case side:
			git("checkout", "-q", "main")
			git("merge", "-q", "--no-ff", "-m", c.subject, "side")
			side = false
			continue
		}
		for name, content := range c.files {
			file := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		git("add", "-A")
		git("commit", "-q", "--allow-empty", "-m", c.subject)
	}
	repo, err := gitrepo.Open(t.Context(), t.TempDir(), gitrepo.Source{URL: dir}, gitrepo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &mirror{t, repo}
}

// A mirror is a history.Source.
type mirror struct {
	t    *testing.T
	repo *gitrepo.Repo
}

func (m *mirror) Commits(ctx context.Context, n int) (commits []history.Commit, err error) {
	steps, err := m.repo.FirstParents(ctx, "main", n)
	for _, s := range steps {
		commits = append(commits, history.Commit{ID: s.SHA, Subject: s.Subject, Time: s.Time, Changed: s.Changed, Merge: s.Merge})
	}
	return commits, err
}

func (m *mirror) Tree(ctx context.Context, c history.Commit) (string, func(), error) {
	dir := sandboxtest.Dir(m.t)
	_, err := m.repo.Checkout(ctx, c.ID, dir)
	return dir, func() {}, err
}

// asker makes calls as documented examples are run: a stand-in for the
// language's own prober that knows only results, lines and exceptions.
type asker struct {
	*python.Language
}

func (a asker) Answers(ctx context.Context, p language.Probe, calls []language.Call) ([]language.Answer, error) {
	var examples []language.Example
	for _, c := range calls {
		imports, call, _ := strings.Cut(c.Test, "\n")
		examples = append(examples, language.Example{Kind: "equal", Setup: []string{imports}, Source: call, Want: "'not this'"})
	}
	outcomes, err := a.Examples(ctx, p, examples)
	var answers []language.Answer
	for _, o := range outcomes {
		answer := language.Answer{End: language.Lost, Type: "any", Value: o.Got, Lines: o.Lines}
		switch o.End {
		case language.Unmet:
			answer.End = language.Returned
		case language.Failing:
			answer.End, answer.Type = language.Raised, o.Type
			_, answer.Message, _ = strings.Cut(o.Got, ": ")
			if o.Place != nil {
				answer.Raised = *o.Place
			}
		}
		answers = append(answers, answer)
	}
	return answers, err
}

func (asker) Neighbours(context.Context, language.Probe) (*language.Neighbourhood, error) {
	panic("not asked")
}
func (asker) Rivals(context.Context, language.Probe) ([]language.Rival, error) { panic("not asked") }
func (asker) Compete(context.Context, language.Probe, []patch.Overlay, []language.Call) ([][]language.Answer, error) {
	panic("not asked")
}

// A story is a repository's, with a call that fails now and others near it.
type story struct {
	commits []commit
	imports string
	calls   []string // the first fails
	edits   map[int]language.Call
}

// with is the story with some commits more, or in place of its last ones.
func (s story) with(from int, more ...commit) story {
	s.commits = append(append([]commit{}, s.commits[:from]...), more...)
	return s
}

const paging = `"""Splitting lists into pages."""


def page_count(total, size):
    if size < 1:
        raise ValueError("size must be positive")
    return (total + size - 1) // size


def pages(items, size):
    out = []
    for n in range(1, page_count(len(items), size) + 1):
        out.append(items[(n - 1) * size:n * size])
    return out
`

const digest = `from mailer import paging


def heading(rows):
    return "%s … %s" % (rows[0], rows[-1])


def digest(raw, size):
    return [heading(g) for g in paging.pages(raw, size)]
`

const mailerTest = `from mailer import digest, paging


def test_three_in_twos():
    assert digest.digest(["a", "b", "c"], 2) == ["a … b", "c … c"]


def test_pages():
    assert paging.pages([1, 2, 3], 2) == [[1, 2], [3]]
`

func change(path, content string, pairs ...string) map[string]string {
	return map[string]string{path: strings.NewReplacer(pairs...).Replace(content)}
}

const right, broken = "(total + size - 1) // size", "total // size + 1"

// mailer is right at first, and breaks for full pages in its third commit.
var mailer = story{
	commits: []commit{
		{"Pages", map[string]string{"mailer/__init__.py": "", "mailer/paging.py": paging, "mailer/digest.py": digest, "tests/test_mailer.py": mailerTest}},
		{"README", map[string]string{"README.md": "# mailer\n"}},
		{"Simplify the page count", change("mailer/paging.py", paging, right, broken)},
		{"notes", map[string]string{"NOTES": "x\n"}},
	},
	imports: "from mailer.digest import digest",
	calls: []string{"digest(['a', 'b', 'c', 'd'], 2)", "digest(['a', 'b', 'c'], 2)", "digest(['a', 'b'], 2)", "digest(['a'], 2)",
		"digest(['a', 'b', 'c', 'd', 'e'], 2)", "digest(['a', 'b', 'c', 'd', 'e', 'f'], 2)", "digest(['a', 'b', 'c', 'd'], 3)", "digest(['a', 'b', 'c', 'd'], 4)", "digest(['a', 'b', 'c', 'd'], 1)", "digest(['a', 'b', 'c', 'd'], 0)"},
}

const rates = `TABLE = {"USD": 100, "EUR": 108, "GBP": 127, "CHF": 112}


def rate(code):
    return TABLE.get(code.upper())


def quote(amount, code):
    return amount * rate(code) // 100
`

const ratesTest = `from shop import rates


def test_known():
    assert rates.quote(200, "EUR") == 216
    assert rates.quote(200, "USD") == 200
`

// shop looks a code up in upper case at first, and not in its third commit.
var shop = story{
	commits: []commit{
		{"Rates", map[string]string{"shop/__init__.py": "", "shop/rates.py": rates, "tests/test_rates.py": ratesTest}},
		{"README", map[string]string{"README.md": "# shop\n"}},
		{"Codes as they are", change("shop/rates.py", rates, "code.upper()", "code")},
	},
	imports: "from shop.rates import quote",
	calls:   []string{"quote(1000, 'eur')", "quote(1000, 'EUR')", "quote(1000, 'USD')", "quote(1000, 'GBP')", "quote(1000, 'CHF')", "quote(1000, 'gbp')", "quote(1000, 'chf')", "quote(1000, '@@')", "quote(1000, '')", "quote(1000, 'none such')", "quote(50, 'eur')", "quote(50, 'EUR')"},
	edits: map[int]language.Call{
		1: {Leaf: "code", From: "'eur'", To: "'EUR'", Twin: true, Normalising: true}, 2: {Leaf: "code", To: "'USD'"}, 3: {Leaf: "code", To: "'GBP'", Partner: 5}, 4: {Leaf: "code", To: "'CHF'", Partner: 6},
		5: {Leaf: "code", To: "'gbp'"}, 6: {Leaf: "code", To: "'chf'"}, 7: {Leaf: "code", To: "'@@'", Edit: "nonsense"}, 8: {Leaf: "code", To: "''", Edit: "nonsense"}, 9: {Leaf: "code", To: "'none such'", Edit: "nonsense"},
	},
}

// guess is shop with a rate of 1 for what is not known, until its third commit.
var guess = shop.with(0,
	commit{"Rates", change("shop/rates.py", rates, "code.upper())", "code, 100)")},
	commit{"Tests", map[string]string{"shop/__init__.py": "", "tests/test_rates.py": ratesTest}},
	commit{"No silent rate of 1", change("shop/rates.py", rates, "code.upper()", "code")},
)

func TestWhatEarlierCommitsSayOfAPatch(t *testing.T) {
	t.Parallel()
	lang := python.New(sandboxtest.Backend(t, "bwrap"), python.Host{})
	type saying struct {
		name   string
		path   string
		edit   [2]string // of the patch
		effect behaviour.Effect
		says   string
	}
	fixed := func(effect behaviour.Effect, says string) []saying {
		return []saying{{"the right patch", "mailer/paging.py", [2]string{broken, right}, effect, says}}
	}
	upper := [2]string{"TABLE.get(code)", "TABLE.get(code.upper())"}
	for _, tt := range []struct {
		name  string
		story story
		said  []saying
	}{
		{"a page count that was simplified", mailer, []saying{
			{"the ancestors' answer is established", "mailer/paging.py", [2]string{broken, "-(-total // size)"}, behaviour.Establishes, "2 earlier commits"},
			{"by another way too", "mailer/paging.py", [2]string{"    out = []\n    for n in range(1, page_count(len(items), size) + 1):\n        out.append(items[(n - 1) * size:n * size])\n    return out", "    return [items[i:i + size] for i in range(0, len(items), size)]"}, behaviour.Establishes, "2 earlier commits"},
			{"another answer is rejected", "mailer/digest.py", [2]string{"return \"%s … %s\" % (rows[0], rows[-1])", "return \"%s … %s\" % (rows[0], rows[-1]) if rows else \"\""}, behaviour.Rejects, "Simplify the page count"},
			{"a special case is rejected", "mailer/paging.py", [2]string{"    return " + broken, "    if total == 4 and size == 2:\n        return 2\n    if total == 6:\n        return 1\n    return " + broken}, behaviour.Rejects, "failed with it"},
			{"one that leaves the others failing is a question", "mailer/paging.py", [2]string{broken, broken + " - (total == 4 and size == 2)"}, behaviour.Lowers, "still not answered"},
			{"what makes up for the fault elsewhere is a question", "mailer/paging.py", [2]string{"        out.append(items[(n - 1) * size:n * size])", "        if items[(n - 1) * size:n * size]:\n            out.append(items[(n - 1) * size:n * size])"}, behaviour.Lowers, "page_count (paging.py) still returns 3 where it returned 2"},
			{"what changes other answers is rejected", "mailer/paging.py", [2]string{broken, "total // size"}, behaviour.Rejects, "as the ancestors did"},
			{"a refusal in place of the answer is a question", "mailer/digest.py", [2]string{"    return \"%s", "    if not rows:\n        raise ValueError(\"no rows\")\n    return \"%s"}, behaviour.Lowers, "raises ValueError"},
		}},
		{"ancestors whose tests do not run the line", mailer.with(0, append([]commit{{"Pages", map[string]string{"mailer/__init__.py": "", "mailer/paging.py": paging, "mailer/digest.py": digest, "tests/test_mailer.py": "def test_nothing():\n    pass\n"}}}, mailer.commits[1:3]...)...),
			fixed(behaviour.Shown, "suite does not run mailer/paging.py:7")},
		{"a merge of a feature, with tests of the feature", mailer.with(2, commit{"side: Count pages", map[string]string{
			"mailer/paging.py":      strings.Replace(paging, right, broken, 1) + "\n\ndef summary(items, size):\n    return len(pages(items, size))\n",
			"tests/test_summary.py": "from mailer import paging\n\n\ndef test_summary():\n    assert paging.summary([1, 2, 3], 2) == 2\n"}}, commit{"Merge branch 'side'", nil}),
			fixed(behaviour.Establishes, "Merge branch 'side'")},
		{"a commit that changes what a test expects", mailer.with(2, commit{"Always a last page", map[string]string{
			"mailer/paging.py":     strings.Replace(paging, right, broken, 1),
			"tests/test_mailer.py": mailerTest + "\n\ndef test_last():\n    assert paging.page_count(4, 2) == 3\n"}}),
			fixed(behaviour.Shown, "changed what is expected")},
		{"ancestors whose answers are old", mailer.with(3, commit{"Longer headings", change("mailer/digest.py", digest, "%s … %s", "from %s to %s")}),
			fixed(behaviour.Shown, "changed too")},
		{"a lookup that was broken", shop, []saying{
			{"the ancestors' answer is established", "shop/rates.py", upper, behaviour.Establishes, "Codes as they are"},
			{"a guess is not what they answered", "shop/rates.py", [2]string{"TABLE.get(code)", "TABLE.get(code, 100)"}, behaviour.Rejects, "with the patch"},
		}},
		{"ancestors that guessed", guess, []saying{
			{"their guess is not right", "shop/rates.py", [2]string{"TABLE.get(code)", "TABLE.get(code, 100)"}, behaviour.Shown, "hint"},
			{"and does not speak against the right answer", "shop/rates.py", upper, behaviour.Shown, "does not say which is right"},
		}},
		{"ancestors that were not written yet", shop.with(0,
			commit{"Empty", map[string]string{"shop/__init__.py": "", "shop/rates.py": "def quote(amount, code):\n    return 0\n", "tests/test_rates.py": "from shop import rates\n\n\ndef test_quote():\n    assert rates.quote(1, 'EUR') == 0\n"}},
			commit{"README", map[string]string{"README.md": ""}},
			commit{"Rates", map[string]string{"shop/rates.py": strings.Replace(rates, "code.upper()", "code", 1), "tests/test_rates.py": ratesTest}},
		), []saying{{"the right patch", "shop/rates.py", upper, behaviour.Shown, "does not say which is right"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := tt.story.searched(t, lang)
			for _, w := range tt.said {
				t.Run(w.name, func(t *testing.T) {
					g := s.ground(t, w.path, w.edit)
					if g == nil || g.Effect != w.effect || !strings.Contains(g.Evidence, w.says) {
						t.Errorf("got %+v, want one that %s, saying %q", g, w.effect, w.says)
					}
				})
			}
		})
	}
}

// A searched story is one with its past.
type searched struct {
	asker
	base language.Probe
	near *language.Neighbourhood
	past *history.Past
}

func (s story) searched(t *testing.T, lang *python.Language) searched {
	t.Helper()
	ctx := t.Context()
	m := repository(t, s.commits)
	commits, err := m.Commits(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	base, _, err := m.Tree(ctx, commits[0])
	if err != nil {
		t.Fatal(err)
	}
	got := searched{asker: asker{lang}, near: &language.Neighbourhood{}}
	for i, call := range s.calls {
		c := s.edits[i]
		c.Shown, c.Test = call, s.imports+"\n"+call
		if c.Partner == 0 {
			c.Partner = -1
		}
		got.near.Calls = append(got.near.Calls, c)
	}
	got.base = language.Probe{Run: "test", Tree: base, Test: testrun.Test{Path: "tests/test_repaird_1.py", Name: "test_incident", Source: s.imports + "\n\n\ndef test_incident():\n    " + s.calls[0] + "\n"}}
	if got.near.Answers, err = got.Answers(ctx, got.base, got.near.Calls); err != nil {
		t.Fatal(err)
	}
	own := got.near.Answers[0]
	if own.End != language.Raised {
		t.Fatalf("the call does not fail: %+v", own)
	}
	got.past, err = history.Search{
		Prober: got.asker, Session: lang, Rules: lang, Source: m, Probe: got.base, Near: got.near,
		Signature: incident.Signature{Type: own.Type, File: own.Raised.Path, Function: own.Raised.Function, Message: incident.MaskMessage(own.Message)},
	}.Find(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// ground is what history says of an edit of the story's last commit.
func (s searched) ground(t *testing.T, path string, edit [2]string) *behaviour.Ground {
	t.Helper()
	head := s.base
	var err error
	if head.Overlay, err = patch.Apply(patch.Dir(head.Tree), patch.Patch{Edits: []patch.Edit{{Path: path, Search: edit[0], Replace: edit[1]}}}); err != nil {
		t.Fatal(err)
	}
	answers, err := s.Answers(t.Context(), head, s.near.Calls)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Run(t.Context(), testrun.Request{Run: "test", Tree: head.Tree, Overlay: head.Overlay, Test: &head.Test, Trace: &testrun.Tracing{Lines: true}, Seed: testrun.Seed})
	if err != nil {
		t.Fatal(err)
	}
	green, err := trace.Read(strings.NewReader(string(res.Trace)))
	if err != nil {
		t.Fatal(err)
	}
	return s.past.Ground(s.near, answers, green)
}
