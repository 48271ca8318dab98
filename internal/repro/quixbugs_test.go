package repro

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/trace"
)

// payload decodes a request body of testdata.
func payload(t *testing.T, name string) incident.Event {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	events, err := intake.Decode(raw, name)
	if err != nil || len(events) != 1 {
		t.Fatalf("decode %s: %d events, %v", name, len(events), err)
	}
	return events[0]
}

// TestQuixBugs needs a checkout of jkoppel/QuixBugs at the commit that the
// events name, without its correct_* folders: REPAIRD_QUIXBUGS=DIR.
func TestQuixBugs(t *testing.T) {
	t.Parallel()
	tree := os.Getenv("REPAIRD_QUIXBUGS")
	if tree == "" {
		t.Skip("REPAIRD_QUIXBUGS names no checkout")
	}
	for name, want := range map[string]struct {
		stop   fault.StopType
		called string
		typ    string
	}{
		"wire-sdk2.68-quixbugs-kth.envelope.gz":                 {"", "python_programs.kth.kth", "IndexError"},
		"wire-sdk2.68-quixbugs-mergesort-recursion.envelope.gz": {"", "python_programs.mergesort.mergesort", "RecursionError"},
		"wire-sdk2.68-quixbugs-detect_cycle.envelope.gz":        {fault.NeedsInput, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := sandboxtest.Backend(t, "bwrap")
			r := reproducer(t, b, nil)
			got, err := r.Reproduce(t.Context(), Input{Run: "t", Bundle: bundleOf(payload(t, name)), Tree: tree, Progress: func(s string) { t.Log(s) }})
			if stop := fault.AsStop(err); stop != nil {
				t.Logf("stop: %s\nhelp: %s\nlog: %s", stop, stop.Help, stop.Log)
				if stop.Type != want.stop {
					t.Errorf("got stop %s, want %q", stop.Type, want.stop)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Called != want.called || got.Failed != 5 || got.Runs != 5 || got.Outcome.Type != want.typ || len(got.Trace) == 0 {
				t.Errorf("got %s, %d of %d, %s", got.Called, got.Failed, got.Runs, got.Outcome.Type)
			}
			t.Logf("fidelity %+v\n%s", got.Fidelity, got.Test.Source)
			trace, err := trace.Read(bytes.NewReader(got.Trace))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("trace: %d bytes, %d raised", len(got.Trace), len(trace.Raised()))
		})
	}
}
