package forge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/redact"
)

const key = "3f1c0a52b7d94e6688aa01c2"

func TestAMarkerIsFoundAtTheEndOnly(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		forge.WithMarker("text", key):                                   key,
		strings.ReplaceAll(forge.WithMarker("a\nb", key), "\n", "\r\n"): key,
		forge.Marker(key) + "\n\nand more":                              "",
		"> " + forge.Marker(key) + "\n\nanswer":                         "",
		"<!-- repaird:key=short -->":                                    "",
		"":                                                              "",
		forge.Marker("000000000000") + "\n" + forge.Marker(key):         key,
	} {
		if got := forge.KeyOfBody(body); got != want {
			t.Errorf("key of %q is %q, want %q", body, got, want)
		}
	}
}

func TestTheLastTrailerCounts(t *testing.T) {
	t.Parallel()
	quoted := forge.WithTrailer("Fix\n\nRepaird-Key: 000000000000", key)
	if got := forge.KeyOfMessage(quoted); got != key {
		t.Errorf("key %q, want %q", got, key)
	}
	if got := forge.KeyOfMessage("Fix Repaird-Key: " + key); got != "" {
		t.Errorf("key %q in the middle of a line", got)
	}
}

func TestFitClosesWhatItTruncates(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ünïcode line\n", 1000)
	for name, c := range map[string]struct{ text, tail string }{
		"plain":                 {long, "line\n\n_Truncated"},
		"a fence":               {"```text\n" + long + "```\n", "line\n```\n\n_Truncated"},
		"a longer fence":        {"````text\n```\n" + long + "````\n", "line\n````\n\n_Truncated"},
		"tildes":                {"~~~\n```\n" + long + "~~~\n", "line\n~~~\n\n_Truncated"},
		"a fold":                {"<details>\n<summary>s</summary>\n\n" + long + "</details>\n", "line\n\n</details>\n\n_Truncated"},
		"two folds and a fence": {"<details>\n<details>\n```\n" + long, "line\n```\n\n</details>\n\n</details>\n\n_Truncated"},
		"a closed fold":         {"<details>\n\n</details>\n" + long, "line\n\n_Truncated"},
		"a fold in a fence":     {"```\n<details>\n```\n" + long, "line\n\n_Truncated"},
	} {
		got := forge.Fit(c.text, 2000)
		if n := utf8.RuneCountInString(got); n > 2000 || n < 1700 {
			t.Errorf("%s: %d characters", name, n)
		}
		if !strings.Contains(got, c.tail) {
			t.Errorf("%s: ends in %q, want %q", name, got[len(got)-150:], c.tail)
		}
	}
	if got := forge.Fit("short", 2000); got != "short" {
		t.Errorf("what fits became %q", got)
	}
	for limit := range 400 {
		if n := utf8.RuneCountInString(forge.Fit("<details>\n```\n"+long, limit)); n > limit {
			t.Errorf("limit %d: %d characters", limit, n)
		}
	}
}

func FuzzWithMarker(f *testing.F) {
	f.Add("text", 70)
	f.Add("```\n<details>\n", 9000)
	f.Fuzz(func(t *testing.T, text string, times int) {
		body := forge.WithMarker(strings.Repeat(text, min(max(times, 0), 70000/(len(text)+1))), key)
		if utf8.RuneCountInString(body) > forge.BodyLimit || forge.KeyOfBody(body) != key {
			t.Errorf("%d characters, key %q", utf8.RuneCountInString(body), forge.KeyOfBody(body))
		}
	})
}

func TestRepositoriesAreOwnerAndName(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"shop/api": true, "Shop/api.v2": true, "a/_b": true, "shop": false, "a/b/c": false, "a/..": false, "a/.": false, "/b": false, "a/": false,
		"a/b?x": false, "a/b#c": false, "-a/b": false, "a b/c": false, "a/b\n": false, "../b": false,
	} {
		_, _, err := forge.SplitRepository(name)
		if (err == nil) != ok || (err != nil && fault.KindOf(err) != fault.Invalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestRetryAfterIsFoundInsideAnError(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("publish: %w", forge.Limited(90*time.Second, "slow down"))
	if d, ok := forge.RetryAfter(err); !ok || d != 90*time.Second || fault.KindOf(err) != fault.Retryable {
		t.Errorf("wait %v %t, kind %v", d, ok, fault.KindOf(err))
	}
	if d, ok := forge.RetryAfter(forge.Limited(0, "")); !ok || d != time.Second {
		t.Errorf("least wait %v", d)
	}
	if _, ok := forge.RetryAfter(errors.New("x")); ok {
		t.Error("an error of no limit asks to wait")
	}
}

func TestACommentsKeyIsAWord(t *testing.T) {
	t.Parallel()
	for key, ok := range map[string]bool{
		"run-0a1b2c3d4e5f6071": true, key: true, "run_1.2-x": true, "short": false, "": false, "a--b--c--d": false, "run-1 -->": false, "run-12345-": false,
	} {
		if err := forge.CheckComment(1, key); (err == nil) != ok {
			t.Errorf("%q: %v", key, err)
		}
	}
	if forge.CheckComment(0, key) == nil {
		t.Error("issue 0 is taken")
	}
}

func TestATitleIsOneLine(t *testing.T) {
	t.Parallel()
	p := forge.Proposal{Title: redact.Constant("  Fix\n\tthis  now ")}
	if got := p.TitleText(); got != "Fix this now" {
		t.Errorf("title %q", got)
	}
}
