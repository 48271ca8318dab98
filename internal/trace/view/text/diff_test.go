package text

import (
	"bytes"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
)

func TestTwoRunsAreHeadedByWhatIsKnownOfThem(t *testing.T) {
	t.Parallel()
	run := func(value string) *trace.Trace {
		trace, err := trace.Read(strings.NewReader(`{"k":"meta","v":1,"f":"trace-1","pid":1,"ppid":0,"python":"3.11.2","impl":"cpython","engine":"settrace","argv":[],"cwd":"/","forked":0}
{"k":"code","c":1,"file":"/a.py","name":"f","line":1,"args":["x"],"kind":""}
{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":5,"l":0,"a":[["x","1"]]}
{"k":"ret","i":1,"c":1,"t":7,"l":1,"v":"` + value + `"}
`))
		if err != nil {
			t.Fatal(err)
		}
		return trace
	}
	for name, o := range map[string]DiffOptions{"text": {}, "JSON": {Options: view.Options{JSON: true}}} {
		var b bytes.Buffer
		if err := Diff(&b, run("1"), run("2"), o); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); strings.Contains(got, "patch") || !strings.Contains(got, "  red (failing run)      ") || !strings.Contains(got, " | green (passing run)") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
