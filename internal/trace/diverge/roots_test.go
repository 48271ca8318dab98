package diverge

import (
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
)

// rootsOf reads a trace with the functions f, g, h and the module app.py as
// functions 1 to 4 and calls of them.
func rootsOf(t *testing.T, lines ...string) *trace.Trace {
	t.Helper()
	return tracertest.ReadLines(t, append([]string{
		`{"k":"code","c":3,"file":"/w/app.py","name":"h","line":20,"args":["x"],"kind":""}`,
		`{"k":"code","c":4,"file":"/w/app.py","name":"<module>","line":1,"args":[],"kind":"module"}`,
		`{"k":"thread","th":1,"name":"worker"}`,
	}, lines...)...)
}

const (
	moduleBegins = `{"k":"call","i":1,"p":0,"c":4,"d":0,"n":1,"t":1,"l":0}`
	moduleEnds   = `{"k":"ret","i":1,"c":4,"l":9,"t":90,"v":"None"}`
	callsF       = `{"k":"call","i":2,"p":1,"c":1,"d":1,"n":1,"t":2,"l":3,"a":[["x","3"]]}`
	returnsSix   = `{"k":"ret","i":2,"c":1,"l":4,"t":3,"v":"6"}`
	returnsSeven = `{"k":"ret","i":2,"c":1,"l":4,"t":3,"v":"7"}`
	threadOfH    = `{"k":"call","i":3,"p":0,"c":3,"d":0,"n":1,"t":4,"l":0,"th":1,"a":[["x","1"]]}`
	threadEnds   = `{"k":"ret","i":3,"c":3,"l":21,"t":5,"v":"1"}`
	threadFails  = `{"k":"raise","i":3,"c":3,"l":21,"e":1,"x":"ValueError","xm":"builtins","msg":"no","v":{"t":"ValueError","id":2},"ctx":0}` + "\n" +
		`{"k":"unwind","i":3,"c":3,"t":6,"e":1}`
	threadSays2 = `{"k":"ret","i":3,"c":3,"l":21,"t":5,"v":"2"}`
	threadOfG   = `{"k":"call","i":4,"p":0,"c":2,"d":0,"n":1,"t":7,"l":0,"th":1,"a":[["x","1"]]}` + "\n" + `{"k":"ret","i":4,"c":2,"l":11,"t":8,"v":"1"}`
	inOrder     = `{"k":"end","records":6,"dropped":0,"uncalled":0,"faults":0,"oversize":0,"resynced":0,"quiet":0,"lost":"","dead":"","t":99,"undefined":0}`
)

func TestRunsAreComparedByTheOutermostCallsThatBothMade(t *testing.T) {
	t.Parallel()
	whole := []string{moduleBegins, callsF, returnsSix, moduleEnds, inOrder}
	for _, c := range []struct {
		name       string
		red, green []string
		in, change string // where they part, "" for nowhere
		text, note string // what is said, in part
	}{
		{"a thread of the failing run alone leaves the program to be compared", []string{moduleBegins, callsF, returnsSeven, threadOfH, threadEnds, moduleEnds, inOrder}, whole,
			"f", "7|6", "", ""},
		{"a thread of the failing run alone is named where nothing else differs", []string{moduleBegins, callsF, returnsSix, threadOfH, threadEnds, moduleEnds, inOrder}, whole,
			"", "", "What both runs ran is the same, with the same values.\nOnly the failing run ran h.\n", ""},
		{"a thread of the passing run alone is named too", whole, []string{moduleBegins, callsF, returnsSix, threadOfH, threadEnds, moduleEnds, inOrder},
			"", "", "with the same values.\nOnly the passing run ran h.\n", ""},
		{"a thread that failed and that the passing run never started is said to be missing there", []string{moduleBegins, callsF, returnsSeven, threadOfH, threadFails, moduleEnds, inOrder}, whole,
			"f", "7|6", "", "The passing run never ran h, which failed:"},
		{"a thread that failed comes before what else differs", []string{moduleBegins, callsF, returnsSeven, threadOfH, threadFails, moduleEnds, inOrder},
			[]string{moduleBegins, callsF, returnsSix, threadOfH, threadEnds, moduleEnds, inOrder}, "h", "ValueError: no|nothing", "", ""},
		{"a thread that both ran alike does not hide what differs in the program", []string{moduleBegins, callsF, returnsSeven, threadOfH, threadEnds, moduleEnds, inOrder},
			[]string{moduleBegins, callsF, returnsSix, threadOfH, threadEnds, moduleEnds, inOrder}, "f", "7|6", "", ""},
		{"the second of two threads differs", []string{threadOfG, moduleBegins, threadOfH, threadSays2, moduleEnds, inOrder}, []string{threadOfG, moduleBegins, threadOfH, threadEnds, moduleEnds, inOrder},
			"h", "2|1", "", ""},
		{"a trace and what is left of it when it is cut", whole, whole[:3],
			"", "", "The two runs made the same calls with the same values, as far as it was recorded.\n", ""},
		{"a slice that begins with an inner call", []string{strings.Replace(callsF, `"p":1`, `"p":0`, 1), returnsSeven, inOrder}, whole,
			"f", "7|6", "", ""},
		{"a run whose passing trace is a slice", whole, []string{strings.Replace(callsF, `"p":1`, `"p":0`, 1), returnsSeven, inOrder},
			"f", "6|7", "", ""},
		{"a function that the failing run ran more often", []string{threadOfH, threadEnds, strings.NewReplacer(`"i":3`, `"i":5`, `"n":1`, `"n":2`).Replace(threadOfH + "\n" + threadEnds), inOrder}, []string{threadOfH, threadEnds, inOrder},
			"", "", "Only the failing run ran h more often.\n", ""},
		{"runs of other functions", []string{threadOfH, threadEnds, inOrder}, []string{threadOfG, inOrder},
			"", "", "Nothing to compare: no outermost call of one run occurs in the other.\n", "No outermost call of one run occurs in the other:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			red, green := rootsOf(t, c.red...), rootsOf(t, c.green...)
			d := Compare(red, green, card.Options{})
			in, change := "", ""
			if d.Found && d.RedCall != nil {
				in, change = d.RedCall.Code.Name, d.Changed[0].Red+"|"+d.Changed[0].Green
			}
			if in != c.in || change != c.change || c.text != "" && !strings.HasSuffix(d.Text, c.text) {
				t.Errorf("part in %q with %q, want %q with %q\n%s", in, change, c.in, c.change, d.Text)
			}
			note := Note(red, green)
			if !strings.HasPrefix(note, c.note) || (note == "") != (c.note == "") {
				t.Errorf("note %q, want %q", note, c.note)
			}
			named := tracertest.KindOfFinding(Findings(red, green), "diverges").Name
			if named != c.in {
				t.Errorf("the finding is in %q, want %q", named, c.in)
			}
			for _, line := range d.Lines { // the way to where they part
				left, _, _ := strings.Cut(line.Red, "(")
				right, _, _ := strings.Cut(line.Green, "(")
				if line.Where != "" && left != right {
					t.Errorf("the card sets %q beside %q", line.Red, line.Green)
				}
			}
		})
	}
}

func TestACallThatCameOtherwiseIsSaidToBeThePassingRuns(t *testing.T) {
	t.Parallel()
	more := strings.NewReplacer(`"i":2`, `"i":5`, `"n":1`, `"n":2`, `"3"`, `"9"`).Replace(callsF + "\n" + returnsSix)
	red := rootsOf(t, moduleBegins, callsF, returnsSix, moduleEnds, inOrder)
	green := rootsOf(t, moduleBegins, callsF, returnsSix, more, moduleEnds, inOrder)
	const want = "<module> called f once, but made no call that answers to the passing run's f(x=9)."
	if got := tracertest.KindOfFinding(Findings(red, green), "missing").Text; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
