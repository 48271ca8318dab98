package trace_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/trace/wire"
	"github.com/repaird/repaird/internal/trace/wire/wiretest"
)

func TestReadKeepsWhatIsThereOfACutTrace(t *testing.T) {
	t.Parallel()
	whole := tracertest.Read(t, wiretest.Small)
	if whole.Len() != 8 || !whole.Footer.Ended || whole.Footer.Skipped != 0 || whole.Record(3).Value().Text != "[1]" || whole.Record(3).Code.Calls != 2 {
		t.Fatalf("%+v, %d records", whole.Footer, whole.Len())
	}
	for n := range len(wiretest.Small) {
		tr := tracertest.Read(t, wiretest.Small[:n])
		lines := strings.Count(wiretest.Small[:n], "\n")
		if tr.Footer.Skipped > 1 || (tr.Footer.Ended && n < len(wiretest.Small)-1) || tr.Len() > lines+1 {
			t.Fatalf("cut at %d: %+v with %d records", n, tr.Footer, tr.Len())
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
		"a line that is too long": `{"k":"mark","name":"` + strings.Repeat("x", wire.MaxLine) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := tracertest.Read(t, strings.Replace(wiretest.Small, `{"k":"unwind","i":3`, line+"\n"+`{"k":"unwind","i":3`, 1))
			if tr.Footer.Skipped != 1 || tr.Len() != 8 || tr.Record(1).Code.File != "/w/app.py" {
				t.Errorf("footer %+v, %d records", tr.Footer, tr.Len())
			}
		})
	}
}

// Where the tracer had no room to define a function, its records are a loss of
// its own, and not lines that do not fit the schema.
func TestRecordsOfFunctionsThatAreNotDefinedAreCounted(t *testing.T) {
	t.Parallel()
	tr := tracertest.Read(t, strings.NewReplacer(`{"k":"unwind","i":3`, `{"k":"call","i":9,"p":3,"c":99}`+"\n"+`{"k":"ret","i":9,"c":99}`+"\n"+`{"k":"line","c":99,"l":3}`+"\n"+`{"k":"count","c":99,"n":1}`+"\n"+`{"k":"unwind","i":3`,
		`"lost":""`, `"undefined":3,"lost":""`).Replace(wiretest.Small))
	if f := tr.Footer; f.Skipped != 0 || f.Unnamed != 4 || f.Undefined != 3 || tr.Len() != 8 {
		t.Errorf("footer %+v, %d records; want 4 unnamed, 3 undefined", f, tr.Len())
	}
	if card := card.Diagnose(tr, card.Options{}).Text; !strings.Contains(card, "4 records of functions that are not defined; 3 definitions") {
		t.Errorf("the card does not say so:\n%s", card)
	}
}

func TestReadSurvivesDeepNesting(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"t":"list","e":[`, 2000) + strings.Repeat(`]}`, 2000)
	tr := tracertest.Read(t, strings.Replace(wiretest.Small, `"v":{"t":"list","id":1,"n":1,"r":"[1]","lit":1}`, `"v":`+deep, 1))
	if tr.Len() != 8 || len(tr.Record(3).Value().String()) > 400 {
		t.Errorf("%d records", tr.Len())
	}
	self := tracertest.Read(t, strings.ReplaceAll(wiretest.Small, `"p":1`, `"p":3`))
	if len(self.Roots()) == 0 || card.Diagnose(self, card.Options{}).Text == "" {
		t.Error("a call that is its own parent")
	}
}

func TestReadPutsThePartsOfATraceInPlace(t *testing.T) {
	t.Parallel()
	mark := func(n int) string { return fmt.Sprintf(`{"k":"mark","name":"m%d"}`+"\n", n) }
	head := wiretest.Small[:strings.Index(wiretest.Small, `{"k":"end"`)] + mark(1)
	third := `{"k":"seg","f":"trace-7","n":3,"written":12,"dropped":1}` + "\n" + mark(3) + "\x00\x00\x00\x00"
	second := `{"k":"seg","f":"trace-7","n":2,"written":11,"dropped":0}` + "\n" + mark(2) + strings.Repeat("\x00", 3*wire.MaxLine)
	other := strings.ReplaceAll(head, "trace-7", "trace-8")
	tr := tracertest.Read(t, third+"\n"+second+"\n"+head+other)
	var names []string
	for _, r := range card.Select(tr, card.Query{Kind: wire.KindMark}) {
		names = append(names, r.Text())
	}
	if got := strings.Join(names, " "); got != "m1 m2 m3 m1" {
		t.Errorf("marks in the order %q, want m1 m2 m3 m1; footer %+v", got, tr.Footer)
	}
	if len(tr.Processes) != 2 || tr.Footer.Dropped != 1 || tr.Footer.Ended || tr.Footer.Skipped != 0 {
		t.Errorf("%d processes, footer %+v", len(tr.Processes), tr.Footer)
	}
	if len(tr.Roots()) != 2 {
		t.Errorf("%d roots: calls of two processes were mixed", len(tr.Roots()))
	}
}

func TestReadDirFollowsNoLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(wiretest.Small), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "trace-1-0.jsonl")); err != nil {
		t.Fatal(err)
	}
	tr, err := trace.ReadDir(dir)
	if err != nil || tr.Traced() {
		t.Errorf("traced %v, %v: want a trace without processes", tr.Traced(), err)
	}
	if card := card.Diagnose(tr, card.Options{}); !strings.Contains(card.Text, "No process of this run was traced") {
		t.Errorf("card %q", card.Text)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(wiretest.Small))
	f.Add([]byte(wiretest.Small[:len(wiretest.Small)/2]))
	f.Add([]byte(`{"k":"seg","f":"trace-7","n":2}` + "\n" + wiretest.Small))
	f.Add([]byte(strings.ReplaceAll(wiretest.Small, `"p":1`, `"p":3`)))
	f.Add([]byte(strings.Replace(wiretest.Small, `"v":{"t":"list"`, `"v":{"t":"X","f":[["a",{"t":"list","id":3}]],"cf":[["b",{"t":"dict","kv":[["1","2"]]}]]`, 1)))
	for _, v := range wiretest.OddVars {
		f.Add([]byte(strings.Replace(wiretest.Small, `["x","1"]`, v, 1)))
	}
	for _, line := range wiretest.OddLines {
		f.Add([]byte(wiretest.Small + line))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if d := trace.DiffersFromOracle(text); d != "" {
			t.Fatal(d)
		}
		tr, err := trace.Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range slices.Collect(tr.All()) {
			if r.ID != i+1 {
				t.Fatalf("record %d has the id %d", i+1, r.ID)
			}
		}
		diagnosis := card.Diagnose(tr, card.Options{Tokens: 400})
		if diagnosis.Tokens > 400 {
			t.Fatalf("card of %d tokens", diagnosis.Tokens)
		}
		for _, finding := range diagnosis.Findings {
			for _, id := range finding.Records {
				if id < 1 || id > tr.Len() {
					t.Fatalf("finding %+v names record %d of %d", finding, id, tr.Len())
				}
			}
		}
		if d := diverge.Compare(tr, tr, card.Options{}); d.Found {
			t.Fatalf("a trace diverges from itself: %+v", d)
		}
		card.Format(card.Select(tr, card.Query{Function: "f", Text: "x"}), "/w", 1000)
		tr.Swallowed()
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
	tr, err := trace.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, p := range tr.Processes {
		got = append(got, p.PID)
	}
	if !slices.Equal(got, []int{9999, 10000, 10001}) {
		t.Errorf("processes %v", got)
	}
}
