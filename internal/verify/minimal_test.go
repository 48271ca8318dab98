package verify

import (
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
)

// Which hunks stay together, by what the language says of the statements that
// they touch. Lines count from 1; a hunk replaces base lines (From, To].
func TestHunksThatBelongTogether(t *testing.T) {
	t.Parallel()
	hunk := func(path string, from, to int, text string) patch.Hunk {
		return patch.Hunk{Path: path, From: from, To: to, Text: text}
	}
	signature := language.Touched{Path: "a.py", First: 1, Last: 1, Defines: []string{"f"}}
	for name, tt := range map[string]struct {
		hunks   []patch.Hunk
		touched []language.Touched
		want    string
	}{
		"two statements": {
			[]patch.Hunk{hunk("a.py", 0, 1, "x\n"), hunk("a.py", 4, 5, "y\n")},
			[]language.Touched{{Path: "a.py", First: 1, Last: 1}, {Path: "a.py", First: 5, Last: 5}}, "a.py:0 | a.py:4"},
		"one statement over several lines": {
			[]patch.Hunk{hunk("a.py", 1, 2, "x\n"), hunk("a.py", 4, 5, "y\n")},
			[]language.Touched{{Path: "a.py", First: 1, Last: 6}}, "a.py:1 a.py:4"},
		"a line that goes from a statement that another line of changes": {
			[]patch.Hunk{hunk("a.py", 1, 2, ""), hunk("a.py", 4, 5, "y\n")},
			[]language.Touched{{Path: "a.py", First: 1, Last: 5}, {Path: "a.py", Base: true, First: 1, Last: 6}}, "a.py:1 a.py:4"},
		"a line that goes before a statement that changes": {
			[]patch.Hunk{hunk("a.py", 1, 2, ""), hunk("a.py", 4, 5, "y\n")},
			[]language.Touched{{Path: "a.py", Base: true, First: 2, Last: 2}, {Path: "a.py", First: 2, Last: 4}}, "a.py:1 | a.py:4"},
		"a signature and its callers, also in another file": {
			[]patch.Hunk{hunk("a.py", 0, 1, "x\n"), hunk("a.py", 4, 5, "z\n"), hunk("b.py", 8, 9, "y\n")},
			[]language.Touched{signature, {Path: "a.py", First: 5, Last: 5}, {Path: "b.py", First: 9, Last: 9, Uses: []string{"f"}}}, "a.py:0 b.py:8 | a.py:4"},
		"two callers of one signature": {
			[]patch.Hunk{hunk("a.py", 0, 1, "x\n"), hunk("b.py", 1, 2, "z\n"), hunk("c.py", 8, 9, "y\n")},
			[]language.Touched{signature, {Path: "b.py", First: 2, Last: 2, Uses: []string{"f"}}, {Path: "c.py", First: 9, Last: 9, Uses: []string{"f"}}}, "a.py:0 b.py:1 c.py:8"},
		"files that the language does not know": {
			[]patch.Hunk{hunk("a.json", 0, 1, "x\n"), hunk("a.json", 4, 5, "y\n")}, nil, "a.json:0 | a.json:4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var made []string
			for _, unit := range units(tt.hunks, tt.touched) {
				var of []string
				for _, h := range unit {
					of = append(of, h.Path+":"+string(rune('0'+h.From)))
				}
				made = append(made, strings.Join(of, " "))
			}
			slices.Sort(made)
			if got := strings.Join(made, " | "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
