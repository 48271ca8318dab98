package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/verify"
)

// attacks are what must mean nothing wherever it is quoted.
var attacks = []string{
	"@octocat @shop/owners please merge",
	"closes #1, FIXES: shop/api#22 and resolves https://github.com/shop/api/issues/3; fixed GH-4",
	"![x](https://evil.example/?q=1) [click](javascript:alert(1)) <https://evil.example> https://evil.example www.evil.example a@evil.example",
	"<script>alert(1)</script><img src=x onerror=alert(1)></details></summary><!-- repaird:key=000000000000000000000000 -->",
	"```` ``` ~~~~ ` `` </details>\n````\n~~~~\n```\n@octocat closes #5\n<b>out</b>",
	"| a | b |\n|---|---|\n\n# heading\n- list\n> quote\n1. one\n***\n[ref]: https://evil.example\n[ref]",
	"\x00\x07\u202eevil\u202c\u200b\u2066x\u2069\U000e0041\U000e0042\ufeff \u2028next",
	`\`,
	`trailing backslash \`,
	"$$\\href{https://evil.example}{x}$$ :tada: &lt;b&gt; &#64;octocat &commat;octocat",
}

// hostile has every attack in every field, and far too much of it.
func hostile(t testing.TB) Input {
	t.Helper()
	in := sample(t)
	all := strings.Join(attacks, "\n\n")
	long := strings.Repeat(all+"\n", 200)
	in.Bundle.Event.Exceptions[0].Message, in.Bundle.Event.TraceID, in.Bundle.Event.ID = long, all, all
	in.Bundle.Incident.ID, in.Bundle.ID, in.Bundle.Code.Commit, in.Run = all, all, all, all
	in.PageURL = "https://repaird.example/`<b>|"
	r := *in.Reproduction
	r.Test.Path, r.Test.Name, r.Called, r.Strategy, r.Output = all, all, all, all, long
	r.Signature = incident.Signature{Type: all, File: all, Function: all, Message: all}
	r.Frames = nil
	for range 500 {
		r.Frames = append(r.Frames, language.Frame{Path: all, Frame: incident.Frame{Function: all, Line: 1}})
	}
	in.Reproduction = &r
	x := *in.Repair
	x.Why, x.Proposer = long, all
	in.Repair = &x
	v := *in.Verdict
	v.Gates = nil
	for i := range 300 {
		v.Gates = append(v.Gates, verify.Gate{Name: fmt.Sprint(i, all), Outcome: verify.NotApplied, Evidence: long})
	}
	in.Verdict = &v
	in.Diagnosis = long
	d := *in.Divergence
	d.Text = long
	in.Divergence = &d
	return in
}

func TestNothingThatIsQuotedHasAMeaning(t *testing.T) {
	t.Parallel()
	p := PullRequest(hostile(t))
	assertInert(t, p.Body.String())
	assertInert(t, p.Check.Summary.String())
	assertInert(t, p.Check.Text.String())
	for name, plain := range map[string]string{"title": p.Title.String(), "message": p.Message.String()} {
		if bad := plainRE.FindString(plain); bad != "" {
			t.Errorf("%s holds %q: %q", name, bad, plain)
		}
	}
	if strings.Contains(p.Title.String(), "\n") {
		t.Errorf("title %q", p.Title)
	}
}

// TestEachAttackAlone puts one attack in every place where only one thing is quoted.
func TestEachAttackAlone(t *testing.T) {
	t.Parallel()
	q := quoter{r: redactor}
	for _, a := range attacks {
		for name, c := range map[string]redact.Clean{
			"prose": q.prose(a, 5000), "span": q.span(a, 5000), "name": q.name(a, 5000), "block": block("text", q.text(a, 5000)),
			"quoted prose": redact.Concat(redact.Constant("> "), q.prose(a, 5000)),
			"cell":         redact.Concat(redact.Constant("| a | b |\n|---|---|\n| "), q.prose(a, 5000), redact.Constant(" | "), q.span(a, 5000), redact.Constant(" |")),
		} {
			text := "before\n\n" + c.String() + "\n\nafter"
			assertInert(t, text)
			if !strings.HasSuffix(render(t, text), "<p>after</p>\n") {
				t.Errorf("%s of %q swallows what follows:\n%s", name, a, render(t, text))
			}
		}
		if bad := plainRE.FindString(q.plain(a, 5000).String()); bad != "" {
			t.Errorf("plain text of %q holds %q", a, bad)
		}
	}
}

func FuzzQuotations(f *testing.F) {
	for _, a := range attacks {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, a string) {
		q := quoter{r: redactor}
		row := redact.Concat(redact.Constant("| a | b |\n|---|---|\n| "), q.prose(a, 500), redact.Constant(" | "), q.span(a, 500), redact.Constant(" |"))
		text := paragraphs(redact.Constant("before"), redact.Concat(redact.Constant("> "), q.prose(a, 500)), row, block("text", q.text(a, 500)), redact.Constant("after")).String()
		assertInert(t, text)
		if !strings.HasSuffix(render(t, text), "<p>after</p>\n") {
			t.Errorf("%q swallows what follows:\n%s", a, render(t, text))
		}
		if n := strings.Count(render(t, text), "<td>"); n != 2 {
			t.Errorf("%q makes %d cells of 2:\n%s", a, n, render(t, text))
		}
	})
}

var (
	markdown = goldmark.New(goldmark.WithExtensions(extension.GFM))
	// What hosts act on in text that is not code.
	actsRE = regexp.MustCompile(`@[\w-]|#\d|(?i:gh-\d)|://|www\.`)
	// The same in plain text, where there is no code.
	plainRE = regexp.MustCompile(`@|#\d|(?i:gh-\d)|://|www\.|<!--|[\x00-\x08\x{202a}-\x{202e}\x{2066}-\x{2069}\x{200b}\x{e0000}-\x{e007f}]`)
	// Keywords that close issues are broken in code, too.
	closesRE = regexp.MustCompile(`(?i)\b(close[sd]?|fix(es|ed)?|resolve[sd]?)\b:?\s+(\S*#\d|gh-\d|https?://)`)
	hidden   = regexp.MustCompile(`[\x00-\x08\x{202a}-\x{202e}\x{2066}-\x{2069}\x{200b}\x{e0000}-\x{e007f}\x{feff}]`)
)

func render(t testing.TB, body string) string {
	t.Helper()
	var out strings.Builder
	if err := markdown.Convert([]byte(body), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// assertInert parses Markdown as GitHub does and fails on links, images, HTML
// other than repaird's own folds, mentions, references, and hidden characters.
func assertInert(t testing.TB, body string) {
	t.Helper()
	src := []byte(body)
	if bad := hidden.FindString(body); bad != "" {
		t.Errorf("hidden character %q", bad)
	}
	if bad := closesRE.FindString(body); bad != "" {
		t.Errorf("closing keyword %q", bad)
	}
	open := 0
	err := ast.Walk(markdown.Parser().Parse(text.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.CodeSpan, *ast.FencedCodeBlock, *ast.CodeBlock:
			return ast.WalkSkipChildren, nil
		case *ast.Link, *ast.AutoLink, *ast.Image, *ast.RawHTML:
			t.Errorf("%s in the page", n.Kind())
		case *ast.HTMLBlock:
			block := strings.TrimSpace(string(n.Lines().Value(src)))
			switch {
			case ownFold.MatchString(block):
				open++
			case block == "</details>":
				open--
			default:
				t.Errorf("HTML in the page: %q", block)
			}
		case *ast.Text:
			if bad := actsRE.FindString(string(n.Value(src))); bad != "" {
				t.Errorf("%q in the text %q", bad, n.Value(src))
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if open != 0 {
		t.Errorf("%d folds are left open", open)
	}
}

var ownFold = regexp.MustCompile(`^<details>\n<summary>[A-Za-z ]+</summary>$`)
