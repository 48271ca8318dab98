package pytrace

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// FuzzCompare takes two traces that may be anything: findings name records that
// there are, and a run does not part from itself.
func FuzzCompare(f *testing.F) {
	other := strings.ReplaceAll(strings.ReplaceAll(small, `"x","1"`, `"x","2"`), "generator", "coroutine")
	f.Add([]byte(small), []byte(other))
	f.Add([]byte(strings.Replace(small, `"None"`, `{"t":"generator","id":3,"r":"f"}`, 1)), []byte(small))
	for _, name := range []string{"testdata/fuzz/FuzzRead"} {
		files, _ := filepath.Glob(filepath.Join(name, "*"))
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil {
				f.Add(text, []byte(small))
			}
		}
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		red, err := Read(bytes.NewReader(a))
		if err != nil {
			return
		}
		green, err := Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, x := range Compare(red, green) {
			if x.Weight <= 0 || x.Weight > 1 || x.Records == nil || slices.ContainsFunc(x.Records, func(id int) bool { return id < 1 || id > red.Len() }) {
				t.Errorf("finding %+v of %d records", x, red.Len())
			}
		}
		d := Diverge(red, green, CardOptions{})
		if len(d.Lines) > cardRows || d.Found && len(d.Changed) == 0 {
			t.Errorf("%+v", d)
		}
		if same := Diverge(red, red, CardOptions{}); same.Found {
			t.Errorf("a run parts from itself: %+v", same)
		}
	})
}
