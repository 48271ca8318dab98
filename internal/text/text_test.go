package text_test

import (
	"testing"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/text"
)

func TestCutting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, got, want string
	}{
		{"a text that fits is left alone", text.Clip("abc", 3), "abc"},
		{"a longer one ends in an ellipsis", text.Clip("abcd", 3), "abc…"},
		{"no character is cut in half", text.Clip("aé", 2), "a…"},
		{"the head has no ellipsis", text.Head("abcd", 3), "abc"},
		{"the tail is the end", text.Tail("abcd", 3), "bcd"},
		{"the tail begins with a whole character", text.Tail("éab", 3), "ab"},
		{"nothing of a text", text.Head("abc", 0) + text.Tail("abc", 0), ""},
		{"a line has single spaces", text.Line(" a\n\tb ", 10), "a b"},
		{"a line is clipped after its spaces are", text.Line("a   b   c", 3), "a b…"},
		{"one of something", text.Count(1, "file"), "1 file"},
		{"none of something", text.Count(0, "file"), "0 files"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
}

func FuzzCutsStayWithinTheirSizeAndValid(f *testing.F) {
	f.Add("aé…\U0001F600b", 3)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if !utf8.ValidString(s) || n < 0 || n > len(s) {
			t.Skip("only valid texts and sensible sizes make a claim")
		}
		for _, got := range []string{text.Head(s, n), text.Tail(s, n)} {
			if len(got) > n || len(got)+utf8.UTFMax <= n || !utf8.ValidString(got) {
				t.Errorf("%q cut to %d is %q", s, n, got)
			}
		}
	})
}
