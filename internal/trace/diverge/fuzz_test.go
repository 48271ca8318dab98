package diverge

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/wire/wiretest"
)

// FuzzCompare takes two traces that may be anything: findings name records that
// there are, and a run does not part from itself.
func FuzzCompare(f *testing.F) {
	other := strings.ReplaceAll(strings.ReplaceAll(wiretest.Small, `"x","1"`, `"x","2"`), "generator", "coroutine")
	f.Add([]byte(wiretest.Small), []byte(other))
	f.Add([]byte(strings.Replace(wiretest.Small, `"None"`, `{"t":"generator","id":3,"r":"f"}`, 1)), []byte(wiretest.Small))
	for _, name := range []string{"../testdata/fuzz/FuzzRead"} {
		files, _ := filepath.Glob(filepath.Join(name, "*"))
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil {
				f.Add(text, []byte(wiretest.Small))
			}
		}
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		red, err := trace.Read(bytes.NewReader(a))
		if err != nil {
			return
		}
		green, err := trace.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, x := range Findings(red, green) {
			if x.Weight <= 0 || x.Weight > 1 || x.Records == nil || slices.ContainsFunc(x.Records, func(id int) bool { return id < 1 || id > red.Len() }) {
				t.Errorf("finding %+v of %d records", x, red.Len())
			}
		}
		d := Compare(red, green, card.Options{})
		if len(d.Lines) > cardRows || d.Found && len(d.Changed) == 0 {
			t.Errorf("%+v", d)
		}
		if same := Compare(red, red, card.Options{}); same.Found {
			t.Errorf("a run parts from itself: %+v", same)
		}
	})
}
