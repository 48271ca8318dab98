package pytrace

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// small is a trace of one process: main calls f twice, the second call raises.
const small = `{"k":"meta","v":1,"f":"trace-7","pid":7,"ppid":1,"python":"3.11.2","engine":"settrace","argv":["app.py"],"cwd":"/w"}
{"k":"code","c":1,"file":"/w/app.py","name":"main","line":10,"args":[],"kind":""}
{"k":"call","i":1,"p":0,"c":1,"d":0,"n":1,"t":5,"l":0}
{"k":"code","c":2,"file":"/w/app.py","name":"f","line":2,"args":["x"],"kind":""}
{"k":"call","i":2,"p":1,"c":2,"d":1,"n":1,"t":6,"l":11,"a":[["x","1"]]}
{"k":"ret","i":2,"c":2,"t":7,"l":3,"v":{"t":"list","id":1,"n":1,"r":"[1]","lit":1}}
{"k":"call","i":3,"p":1,"c":2,"d":1,"n":2,"t":8,"l":12,"a":[["x","None"]]}
{"k":"raise","i":3,"c":2,"l":3,"e":1,"x":"TypeError","xm":"builtins","msg":"unsupported","v":{"t":"TypeError","id":2,"a":["'unsupported'"]},"ctx":0,"loc":[["x","None"]]}
{"k":"unwind","i":3,"c":2,"t":9,"e":1}
{"k":"pass","i":1,"c":1,"e":1,"l":12}
{"k":"unwind","i":1,"c":1,"t":9,"e":1}
{"k":"count","c":2,"n":2}
{"k":"end","records":8,"dropped":0,"uncalled":0,"faults":0,"oversize":0,"resynced":0,"lost":"","dead":"","t":10}
`

func read(t *testing.T, text string) *Trace {
	t.Helper()
	trace, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

func TestReadKeepsWhatIsThereOfACutTrace(t *testing.T) {
	t.Parallel()
	whole := read(t, small)
	if whole.Len() != 8 || !whole.Footer.Ended || whole.Footer.Skipped != 0 || whole.Record(3).Value().Text != "[1]" || whole.Record(3).Code.Calls != 2 {
		t.Fatalf("%+v, %d records", whole.Footer, whole.Len())
	}
	for n := range len(small) {
		trace := read(t, small[:n])
		lines := strings.Count(small[:n], "\n")
		if trace.Footer.Skipped > 1 || (trace.Footer.Ended && n < len(small)-1) || trace.Len() > lines+1 {
			t.Fatalf("cut at %d: %+v with %d records", n, trace.Footer, trace.Len())
		}
	}
}

func TestReadSkipsAndCountsWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"no JSON":                 "garbage",
		"another kind":            `{"k":"telepathy"}`,
		"a list":                  `[1,2]`,
		"a call without a number": `{"k":"call","c":1}`,
		"a negative number":       `{"k":"call","i":-1,"c":1}`,
		"a wrong type":            `{"k":"call","i":"one","c":1}`,
		"a second handshake":      `{"k":"meta","v":1,"f":"trace-7","pid":8}`,
		"a code defined twice":    `{"k":"code","c":1,"file":"/evil.py","name":"main"}`,
		"a line that is too long": `{"k":"mark","name":"` + strings.Repeat("x", maxLine) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trace := read(t, strings.Replace(small, `{"k":"unwind","i":3`, line+"\n"+`{"k":"unwind","i":3`, 1))
			if trace.Footer.Skipped != 1 || trace.Len() != 8 || trace.Record(1).Code.File != "/w/app.py" {
				t.Errorf("footer %+v, %d records", trace.Footer, trace.Len())
			}
		})
	}
}

// Where the tracer had no room to define a function, its records are a loss of
// its own, and not lines that do not fit the schema.
func TestRecordsOfFunctionsThatAreNotDefinedAreCounted(t *testing.T) {
	t.Parallel()
	trace := read(t, strings.NewReplacer(`{"k":"unwind","i":3`, `{"k":"call","i":9,"p":3,"c":99}`+"\n"+`{"k":"ret","i":9,"c":99}`+"\n"+`{"k":"line","c":99,"l":3}`+"\n"+`{"k":"count","c":99,"n":1}`+"\n"+`{"k":"unwind","i":3`,
		`"lost":""`, `"undefined":3,"lost":""`).Replace(small))
	if f := trace.Footer; f.Skipped != 0 || f.Unnamed != 4 || f.Undefined != 3 || trace.Len() != 8 {
		t.Errorf("footer %+v, %d records; want 4 unnamed, 3 undefined", f, trace.Len())
	}
	if card := Diagnose(trace, CardOptions{}).Text; !strings.Contains(card, "4 records of functions that are not defined; 3 definitions") {
		t.Errorf("the card does not say so:\n%s", card)
	}
}

func TestReadSurvivesDeepNesting(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"t":"list","e":[`, 2000) + strings.Repeat(`]}`, 2000)
	trace := read(t, strings.Replace(small, `"v":{"t":"list","id":1,"n":1,"r":"[1]","lit":1}`, `"v":`+deep, 1))
	if trace.Len() != 8 || len(trace.Record(3).Value().String()) > 400 {
		t.Errorf("%d records", trace.Len())
	}
	self := read(t, strings.ReplaceAll(small, `"p":1`, `"p":3`))
	if len(self.Roots()) == 0 || Diagnose(self, CardOptions{}).Text == "" {
		t.Error("a call that is its own parent")
	}
}

func TestReadPutsThePartsOfATraceInPlace(t *testing.T) {
	t.Parallel()
	mark := func(n int) string { return fmt.Sprintf(`{"k":"mark","name":"m%d"}`+"\n", n) }
	head := small[:strings.Index(small, `{"k":"end"`)] + mark(1)
	third := `{"k":"seg","f":"trace-7","n":3,"written":12,"dropped":1}` + "\n" + mark(3) + "\x00\x00\x00\x00"
	second := `{"k":"seg","f":"trace-7","n":2,"written":11,"dropped":0}` + "\n" + mark(2) + strings.Repeat("\x00", 3*maxLine)
	other := strings.ReplaceAll(head, "trace-7", "trace-8")
	trace := read(t, third+"\n"+second+"\n"+head+other)
	var names []string
	for _, r := range trace.Query(Query{Kind: KindMark}) {
		names = append(names, r.Text())
	}
	if got := strings.Join(names, " "); got != "m1 m2 m3 m1" {
		t.Errorf("marks in the order %q, want m1 m2 m3 m1; footer %+v", got, trace.Footer)
	}
	if len(trace.Processes) != 2 || trace.Footer.Dropped != 1 || trace.Footer.Ended || trace.Footer.Skipped != 0 {
		t.Errorf("%d processes, footer %+v", len(trace.Processes), trace.Footer)
	}
	if len(trace.Roots()) != 2 {
		t.Errorf("%d roots: calls of two processes were mixed", len(trace.Roots()))
	}
}

func TestReadDirFollowsNoLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "trace-1-0.jsonl")); err != nil {
		t.Fatal(err)
	}
	trace, err := ReadDir(dir)
	if err != nil || trace.Traced() {
		t.Errorf("traced %v, %v: want a trace without processes", trace.Traced(), err)
	}
	if card := Diagnose(trace, CardOptions{}); !strings.Contains(card.Text, "No process of this run was traced") {
		t.Errorf("card %q", card.Text)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(small[:len(small)/2]))
	f.Add([]byte(`{"k":"seg","f":"trace-7","n":2}` + "\n" + small))
	f.Add([]byte(strings.ReplaceAll(small, `"p":1`, `"p":3`)))
	f.Add([]byte(strings.Replace(small, `"v":{"t":"list"`, `"v":{"t":"X","f":[["a",{"t":"list","id":3}]],"cf":[["b",{"t":"dict","kv":[["1","2"]]}]]`, 1)))
	for _, v := range oddVars {
		f.Add([]byte(strings.Replace(small, `["x","1"]`, v, 1)))
	}
	for _, line := range oddLines {
		f.Add([]byte(small + line))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if d := differsFromOracle(text); d != "" {
			t.Fatal(d)
		}
		trace, err := Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range slices.Collect(trace.All()) {
			if r.ID != i+1 {
				t.Fatalf("record %d has the id %d", i+1, r.ID)
			}
		}
		card := Diagnose(trace, CardOptions{Tokens: 400})
		if card.Tokens > 400 {
			t.Fatalf("card of %d tokens", card.Tokens)
		}
		for _, finding := range card.Findings {
			for _, id := range finding.Records {
				if id < 1 || id > trace.Len() {
					t.Fatalf("finding %+v names record %d of %d", finding, id, trace.Len())
				}
			}
		}
		if d := Diverge(trace, trace, CardOptions{}); d.Found {
			t.Fatalf("a trace diverges from itself: %+v", d)
		}
		Format(trace.Query(Query{Function: "f", Text: "x"}), "/w", 1000)
		trace.Swallowed()
	})
}

func TestProcessesComeInTheOrderOfTheirNumbers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, pid := range []int{10000, 9999, 10001} {
		text := fmt.Sprintf(`{"k":"meta","v":1,"f":"trace-%d","pid":%[1]d,"ppid":9999,"python":"3.13.1","engine":"monitoring"}`+"\n", pid)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("trace-%d-0.jsonl", pid)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	trace, err := ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, p := range trace.Processes {
		got = append(got, p.PID)
	}
	if !slices.Equal(got, []int{9999, 10000, 10001}) {
		t.Errorf("processes %v", got)
	}
}
