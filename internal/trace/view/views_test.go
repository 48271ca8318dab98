package view_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/view/export"
	"github.com/repaird/repaird/internal/trace/view/page"
	"github.com/repaird/repaird/internal/trace/view/text"
	"github.com/repaird/repaird/internal/trace/view/viewtest"
)

var update = flag.Bool("update", false, "write the golden files")

func TestNoViewPassesControlCharactersOn(t *testing.T) {
	t.Parallel()
	trace, _ := viewtest.Recorded(t, viewtest.Hostile)
	for name, write := range views(trace) {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		viewtest.VisibleOnly(t, name, b.String())
	}
}

// views are all views of a trace.
func views(trace *trace.Trace) map[string]func(*bytes.Buffer) error {
	json := view.Options{JSON: true}
	return map[string]func(*bytes.Buffer) error{
		"tree":          func(b *bytes.Buffer) error { return text.Tree(b, trace, view.TreeOptions{Times: true}) },
		"tree unfolded": func(b *bytes.Buffer) error { return text.Tree(b, trace, view.TreeOptions{Unfold: true, Lines: 5000}) },
		"tree json":     func(b *bytes.Buffer) error { return text.Tree(b, trace, view.TreeOptions{Options: json}) },
		"counts":        func(b *bytes.Buffer) error { return text.Counts(b, trace, text.CountsOptions{}) },
		"times":         func(b *bytes.Buffer) error { return text.Counts(b, trace, text.CountsOptions{Sort: "self"}) },
		"counts json":   func(b *bytes.Buffer) error { return text.Counts(b, trace, text.CountsOptions{Options: json}) },
		"show":          func(b *bytes.Buffer) error { return text.Show(b, trace, view.Filter{}, text.ShowOptions{}) },
		"findings":      func(b *bytes.Buffer) error { return text.Findings(b, trace, text.FindingsOptions{}) },
		"findings json": func(b *bytes.Buffer) error { return text.Findings(b, trace, text.FindingsOptions{Options: json}) },
		"diff":          func(b *bytes.Buffer) error { return text.Diff(b, trace, trace, text.DiffOptions{}) },
		"chrome":        func(b *bytes.Buffer) error { return export.Chrome(b, trace) },
		"speedscope":    func(b *bytes.Buffer) error { return export.Speedscope(b, trace) },
		"slice":         func(b *bytes.Buffer) error { return export.Slice(b, trace, view.Filter{}) },
		"page": func(b *bytes.Buffer) error {
			// The page marks identities in its data by escapes, which are not control characters there.
			return page.Write(b, page.Options{Red: trace, Green: trace})
		},
	}
}

func TestViewsOfOneTraceAreEqual(t *testing.T) {
	t.Parallel()
	trace, _ := viewtest.Recorded(t, viewtest.Hostile)
	for name, write := range views(trace) {
		var a, b bytes.Buffer
		if write(&a) != nil || write(&b) != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s differs from one time to the next", name)
		}
	}
}

func TestGoldenViews(t *testing.T) {
	t.Parallel()
	trace, err := view.Open("testdata/small.jsonl", nil)
	if err != nil {
		t.Fatal(err)
	}
	if trace.Footer.Skipped > 0 {
		t.Fatalf("the sample does not fit the schema: %+v", trace.Footer)
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"tree.txt": func(b *bytes.Buffer) error { return text.Tree(b, trace, view.TreeOptions{Times: true}) },
		"tree.json": func(b *bytes.Buffer) error {
			return text.Tree(b, trace, view.TreeOptions{Options: view.Options{JSON: true}})
		},
		"counts.txt":   func(b *bytes.Buffer) error { return text.Counts(b, trace, text.CountsOptions{}) },
		"times.txt":    func(b *bytes.Buffer) error { return text.Counts(b, trace, text.CountsOptions{Sort: "total", Top: -1}) },
		"show.txt":     func(b *bytes.Buffer) error { return text.Show(b, trace, view.Filter{}, text.ShowOptions{}) },
		"chrome.json":  func(b *bytes.Buffer) error { return export.Chrome(b, trace) },
		"profile.json": func(b *bytes.Buffer) error { return export.Speedscope(b, trace) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), b.String()); d != "" {
			t.Errorf("%s (-want +got; run with -update when it is right):\n%s", name, d)
		}
	}
}

func FuzzViews(f *testing.F) {
	small, err := os.ReadFile("testdata/small.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(small)
	f.Add([]byte(`{"k":"meta","v":1,"f":"x","pid":1}` + "\n" + `{"k":"code","c":1,"file":"\u001b","name":"\u202e","line":-5}` + "\n" +
		`{"k":"call","i":3,"c":1,"p":7,"t":9,"a":[["\u0001",{"t":"list","r":"","id":4,"n":3}]]}` + "\n" + `{"k":"ret","i":9,"c":1,"t":1,"v":"1","m":[["x",{"t":"list","lit":1,"r":"[","id":1}]]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		trace, err := trace.Read(bytes.NewReader(text))
		if err != nil {
			t.Skip()
		}
		for name, write := range views(trace) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			viewtest.VisibleOnly(t, name, b.String())
		}
	})
}
