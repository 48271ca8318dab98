package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
	"github.com/klauspost/compress/zstd"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/view/text"
	"github.com/repaird/repaird/internal/trace/view/viewtest"
	"github.com/repaird/repaird/internal/trace/wire"
)

func TestASliceOfAllIsTheTraceAgain(t *testing.T) {
	t.Parallel()
	small, err := view.Open("../testdata/small.jsonl", nil)
	if err != nil {
		t.Fatal(err)
	}
	real, _ := viewtest.Recorded(t, viewtest.Hostile)
	for name, tr := range map[string]*trace.Trace{"small": small, "real": real} {
		var b bytes.Buffer
		if err := Slice(&b, tr, view.Filter{}); err != nil {
			t.Fatal(err)
		}
		again, err := trace.Read(&b)
		if err != nil {
			t.Fatal(err)
		}
		if again.Footer.Skipped > 0 || again.Len() != tr.Len() {
			t.Fatalf("%s: %d records, %d lines skipped; want %d", name, again.Len(), again.Footer.Skipped, tr.Len())
		}
		for id := 1; id <= tr.Len(); id++ {
			want, _ := json.Marshal(view.Record(tr, id-1))
			got, _ := json.Marshal(view.Record(again, id-1))
			if want, got := withoutCalls(want), withoutCalls(got); want != got {
				t.Errorf("%s: record %d: %s", name, id, cmp.Diff(want, got))
			}
		}
	}
}

// withoutCalls drops from a record what the end of a trace says of its function.
func withoutCalls(b []byte) string {
	var m map[string]any
	if json.Unmarshal(b, &m) != nil {
		return string(b)
	}
	if code, ok := m["code"].(map[string]any); ok {
		delete(code, "calls")
		delete(code, "at_least")
	}
	out, _ := json.MarshalIndent(m, "", " ")
	return string(out)
}

func TestSlicesByFunctionObjectTextTimeAndCall(t *testing.T) {
	t.Parallel()
	trace, err := view.Open("../testdata/small.jsonl", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		q    view.Filter
		want string // ids of the records
	}{
		{"a bare name", view.Filter{Functions: []string{"add"}}, "3 6 7 11 12 13"},
		{"a qualified name and a kind", view.Filter{Functions: []string{"Cart.add"}, Kinds: []wire.Kind{wire.KindCall}}, "3 7"},
		{"a pattern", view.Filter{Functions: []string{"Cart.*"}, Kinds: []wire.Kind{wire.KindHandled}}, "12"},
		{"the end of a path", view.Filter{Files: []string{"lib/cart.py"}, Kinds: []wire.Kind{wire.KindUnwind}}, "10"},
		{"a folder", view.Filter{Files: []string{"lib"}, Kinds: []wire.Kind{wire.KindRaise}}, "9"},
		{"a module", view.Filter{Modules: []string{"lib.cart"}, Kinds: []wire.Kind{wire.KindRaise}}, "9"},
		{"a module that is not there", view.Filter{Modules: []string{"art"}}, ""},
		{"the text of a value", view.Filter{Text: "status"}, "23"},
		{"an object in an attribute of a class", view.Filter{Object: 2}, "3 6 7"},
		{"an object with callers", view.Filter{Object: 3, Callers: true}, "2 7 30"},
		{"one call with all below", view.Filter{Calls: []int64{4}, Callees: true}, "7 8 9 10 11 12 13"},
		{"one call whole", view.Filter{Calls: []int64{5}, Kinds: []wire.Kind{wire.KindRaise}, Whole: true}, "8 9 10"},
		{"a time", view.Filter{From: 70_000, To: 80_000}, "14 15 16"},
		{"a thread", view.Filter{Thread: "worker"}, "31"},
		{"a task", view.Filter{Task: "Task-1"}, "20"},
		{"records", view.Filter{Records: [][2]int{{2, 3}, {9, 9}}}, "2 3 9"},
		{"a limit", view.Filter{Functions: []string{"check"}, Limit: 2}, "4 5"},
		{"another process", view.Filter{Process: 7}, ""},
	} {
		var b bytes.Buffer
		if err := text.Show(&b, trace, c.q, text.ShowOptions{Options: view.Options{JSON: true}}); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
			var r struct{ ID json.Number }
			if line != "" && json.Unmarshal([]byte(line), &r) == nil {
				ids = append(ids, r.ID.String())
			}
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: records %s, want %s", c.name, got, c.want)
		}
	}
}

func TestASliceKeepsTheTreeOverCallsThatItLeavesOut(t *testing.T) {
	t.Parallel()
	tr, _ := viewtest.Recorded(t, viewtest.Hostile)
	var b bytes.Buffer
	if err := Slice(&b, tr, view.Filter{Functions: []string{"main", "loud"}}); err != nil {
		t.Fatal(err)
	}
	part, err := trace.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	got := viewtest.Tree(t, part, view.TreeOptions{Options: view.Options{Width: -1}})
	viewtest.WantAll(t, got, "\n  main() ✗ KeyError", "\n    loud(text=", "(1 call between it and its caller not recorded)")
}

func TestChromeSlicesOfAThreadNest(t *testing.T) {
	t.Parallel()
	trace, _ := viewtest.Recorded(t, viewtest.Hostile)
	var b bytes.Buffer
	if err := Chrome(&b, trace); err != nil {
		t.Fatal(err)
	}
	var out struct {
		TraceEvents []struct {
			Name, Ph string
			TS, Dur  int64
			PID, TID int
			Args     map[string]any
		}
	}
	if err := json.Unmarshal(b.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	type open struct{ from, to int64 }
	stacks := map[[2]int][]open{}
	seen := map[string]int{}
	for _, e := range out.TraceEvents {
		seen[e.Ph+" "+e.Name]++
		if e.Ph != "X" {
			continue
		}
		key := [2]int{e.PID, e.TID}
		s := stacks[key]
		for len(s) > 0 && e.TS >= s[len(s)-1].to && e.TS+e.Dur > s[len(s)-1].to {
			s = s[:len(s)-1]
		}
		if len(s) > 0 && (e.TS < s[len(s)-1].from || e.TS+e.Dur > s[len(s)-1].to) {
			t.Errorf("%s at %d+%d reaches over the slice around it", e.Name, e.TS, e.Dur)
		}
		stacks[key] = append(s, open{e.TS, e.TS + e.Dur})
	}
	for name, n := range map[string]int{"X step": 70, "X numbers": 4, "X fib": 15, "i raise Evil": 1, "i raise KeyError": 1, "i swallowed": 1, "M process_name": 1, "M thread_name": 1} {
		if seen[name] != n {
			t.Errorf("%d events %q, want %d", seen[name], name, n)
		}
	}
}

// Each process counts from its own start; what is exported counts from the first one's.
func TestExportsOfProcessesShareOneClock(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for n, ts := range []string{"1700000002.5", "1700000000.25"} {
		fmt.Fprintf(&text, `{"k":"meta","v":1,"f":"trace-%d","pid":%[1]d,"ts":%s}
{"k":"code","c":1,"file":"/w/a.py","name":"work%[1]d","line":1}
{"k":"call","i":1,"c":1,"t":10}
{"k":"ret","i":1,"c":1,"t":30}
{"k":"mark","name":"m","state":"","t":40}
`, n+1, ts)
	}
	trace, err := trace.Read(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	var chrome, speedscope, slice bytes.Buffer
	for _, err := range []error{Chrome(&chrome, trace), Speedscope(&speedscope, trace), Slice(&slice, trace, view.Filter{})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	viewtest.WantAll(t, chrome.String(), `"start":"2023-11-14T22:13:20.25Z"`, `"name":"work1","cat":"call","ph":"X","ts":2250010,"dur":20`, `"name":"work2","cat":"call","ph":"X","ts":10,"dur":20`,
		`"name":"m ","cat":"mark","ph":"i","ts":2250040`)
	viewtest.WantAll(t, speedscope.String(), `"startValue":2250010,"endValue":2250030`, `"startValue":10,"endValue":30`)
	viewtest.WantAll(t, slice.String(), `"ts":1700000002.5}`, `"ts":1700000000.25}`)
}

func TestChromeHasAsyncioTasksAsTracks(t *testing.T) {
	t.Parallel()
	trace, _ := viewtest.Recorded(t, map[string]string{"main.py": `
import asyncio


async def fetch(n):
    await asyncio.sleep(0)
    return n


async def main():
    return await asyncio.gather(fetch(1), fetch(2))


asyncio.run(main())
`})
	var b bytes.Buffer
	if err := Chrome(&b, trace); err != nil {
		t.Fatal(err)
	}
	begins, ends := strings.Count(b.String(), `"ph":"b"`), strings.Count(b.String(), `"ph":"e"`)
	if begins != 3 || ends != 3 {
		t.Errorf("%d beginnings and %d ends of coroutines in tasks, want 3", begins, ends)
	}
	viewtest.WantAll(t, viewtest.Tree(t, trace, view.TreeOptions{}), "fetch(n=1) → 1", "[Task-")
}

func TestSpeedscopeProfilesFitTheSchema(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../testdata/speedscope.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	small, err := view.Open("../testdata/small.jsonl", nil)
	if err != nil {
		t.Fatal(err)
	}
	real, _ := viewtest.Recorded(t, viewtest.Hostile)
	for _, trace := range []*trace.Trace{small, real, {}} {
		var b bytes.Buffer
		if err := Speedscope(&b, trace); err != nil {
			t.Fatal(err)
		}
		var any map[string]any
		if err := json.Unmarshal(b.Bytes(), &any); err != nil {
			t.Fatal(err)
		}
		if err := resolved.Validate(any); err != nil {
			t.Error(err)
		}
		var file speedscopeFile
		if err := json.Unmarshal(b.Bytes(), &file); err != nil {
			t.Fatal(err)
		}
		for _, p := range file.Profiles {
			balanced(t, p, len(file.Shared.Frames))
		}
	}
	if err := resolved.Validate(map[string]any{"profiles": "none"}); err == nil {
		t.Error("the schema accepts anything")
	}
}

// balanced requires that frames are closed in the opposite order and that time
// does not run backwards.
func balanced(t *testing.T, p *speedscopeProfile, frames int) {
	t.Helper()
	var open []int
	at := p.Start
	for _, e := range p.Events {
		if e.At < at || e.At > p.End || e.Frame >= frames {
			t.Fatalf("event %+v after %d, end %d", e, at, p.End)
		}
		at = e.At
		if e.Type == "O" {
			open = append(open, e.Frame)
			continue
		}
		if len(open) == 0 || open[len(open)-1] != e.Frame {
			t.Fatalf("frame %d is closed, open are %v", e.Frame, open)
		}
		open = open[:len(open)-1]
	}
	if len(open) > 0 {
		t.Fatalf("frames %v stay open", open)
	}
}

func TestTracesAreReadFromFilesDirectoriesAndStreams(t *testing.T) {
	t.Parallel()
	plain, err := os.ReadFile("../testdata/small.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	packed := e.EncodeAll(plain, nil)
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write("a/trace-100-0.jsonl", plain)
	for _, c := range []struct {
		name, file string
		stdin      []byte
		want       int
	}{
		{"a file", write("x.jsonl", plain), nil, 31},
		{"a compressed file", write("x.jsonl.zst", packed), nil, 31},
		{"a compressed file of another name", write("y", packed), nil, 31},
		{"a cut file", write("z", plain[:len(plain)-700]), nil, 25},
		{"trace files", filepath.Join(dir, "a"), nil, 31},
		{"a stream", "-", plain, 31},
		{"a compressed stream", "-", packed, 31},
	} {
		trace, err := view.Open(c.file, bytes.NewReader(c.stdin))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if trace.Len() != c.want {
			t.Errorf("%s: %d records, want %d", c.name, trace.Len(), c.want)
		}
	}
	if _, err := view.Open(filepath.Join(dir, "none"), nil); err == nil {
		t.Error("a file that is not there gave no error")
	}
	if _, err := view.Open("-", bytes.NewReader(nil)); err == nil {
		t.Error("an empty stream was taken for a trace")
	}
}

func TestAWrittenFileIsCompleteAndPrivate(t *testing.T) {
	t.Parallel()
	trace, err := view.Open("../testdata/small.jsonl", nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "part.jsonl.zst")
	if err := view.WriteFile(file, func(w io.Writer) error { return Slice(w, trace, view.Filter{Functions: []string{"check"}}) }); err != nil {
		t.Fatal(err)
	}
	part, err := view.Open(file, nil)
	if err != nil || part.Len() != 12 {
		t.Fatalf("%d records, %v", part.Len(), err)
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	failing := filepath.Join(dir, "no.jsonl")
	if err := view.WriteFile(failing, func(io.Writer) error { return errors.New("no") }); err == nil {
		t.Error("the error was lost")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d files are left, want 1", len(left))
	}
}

func TestASearchEndsWhenNobodyWaitsForIt(t *testing.T) {
	t.Parallel()
	trace, err := view.Open("../testdata/small.jsonl", nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	close(done)
	for what, q := range map[string]view.Filter{"all": {Done: done}, "widened": {Functions: []string{"main"}, Callees: true, Done: done}} {
		var b bytes.Buffer
		if err := text.Show(&b, trace, q, text.ShowOptions{}); !errors.Is(err, view.ErrStopped) || b.Len() > 0 {
			t.Errorf("%s: Show: %v, %d bytes", what, err, b.Len())
		}
		if err := Slice(&b, trace, q); !errors.Is(err, view.ErrStopped) || b.Len() > 0 {
			t.Errorf("%s: Slice: %v, %d bytes", what, err, b.Len())
		}
	}
}
