package repro

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// sampleTree is a sample of testdata/recorder, in a directory.
func sampleTree(t *testing.T, name string) string {
	t.Helper()
	all, err := txtar.ParseFile("testdata/recorder/samples.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, f := range all.Files {
		if rest, ok := strings.CutPrefix(f.Name, name+"/"); ok {
			files = append(files, "-- "+rest+" --\n"+string(f.Data))
		}
	}
	return sandboxtest.Tree(t, strings.Join(files, ""))
}

// crash runs a sample under a real SDK and decodes what the SDK sent.
func crash(t *testing.T, python, client, sample, tree string, recorder bool) incident.Event {
	t.Helper()
	script, err := filepath.Abs("testdata/recorder/" + client)
	if err != nil {
		t.Fatal(err)
	}
	recorderPath, err := filepath.Abs("../../sdk/python")
	if err != nil {
		t.Fatal(err)
	}
	sent := filepath.Join(t.TempDir(), "sent")
	args := []string{script, sent}
	if recorder {
		args = append(args, "recorder")
	}
	cmd := exec.CommandContext(t.Context(), python, args...)
	cmd.Dir = sampleTree(t, sample+".caller")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+strings.Join([]string{cmd.Dir, tree, recorderPath}, ":"), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", client, err, out)
	}
	raw, err := os.ReadFile(sent)
	if err != nil {
		t.Fatal(err)
	}
	events, err := intake.Decode(raw, "")
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v\n%s", len(events), err, raw)
	}
	return events[0]
}

// The events are those of real SDKs, as deploy/test-clients.sh installs them.
func TestTheRecorderMakesCrashesReproducible(t *testing.T) {
	t.Parallel()
	clients := filepath.Join(sandboxtest.StateDir(), "test-clients/current/bin/python")
	for _, c := range []struct {
		name, sample, client string
		without              fault.StopType // the end without the recorder
		help                 string         // that it comes with
		source               []string       // lines of the test with it
	}{
		{"an object with state, reported by Sentry", "warehouse", "sentry.py", fault.NeedsInput, "integrations=[RepairdEvidence()]", []string{
			"    warehouse = Warehouse.__new__(Warehouse)\n",
			"    item_2 = Item(sku='B-2', count=0, reserved=Decimal('0'))\n",
			"    warehouse.last = item_2\n",
			"    warehouse.status = Status.OPEN\n",
			"    totals.warehouse = warehouse\n",
			"    warehouse.utilisation(sku='B-2', weight=2)\n",
		}},
		{"an object with state, reported by OpenTelemetry", "warehouse", "otel.py", fault.NeedsLocals, "add_span_processor(RepairdSpanProcessor())", []string{
			"    warehouse.utilisation(sku='B-2', weight=2)\n",
		}},
		{"keys that are tuples, and a set", "rates", "sentry.py", "", "", []string{"('GBP', 'JPY'): 0.0", "known={"}},
		{"more than ten entries", "readings", "sentry.py", "", "", []string{"16.0, 17.0, 0.0, 4.0, 5.0]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				t.Skip("runs Python, which -short does without")
			}
			if err := exec.CommandContext(t.Context(), clients, "-c", "import sentry_sdk, opentelemetry.sdk").Run(); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatalf("%s lacks the SDKs (deploy/test-clients.sh): %v", clients, err)
				}
				t.Skip("run deploy/test-clients.sh")
			}
			tree := sampleTree(t, c.sample)
			b := sandboxtest.Backend(t, "bwrap")
			got, stop := reproduce(t, b, Input{Bundle: bundleOf(crash(t, clients, c.client, c.sample, tree, false)), Tree: tree, Repeats: 1})
			if stop == nil || c.without != "" && stop.Type != c.without {
				t.Errorf("without the recorder: reproduced %t, %v, want a stop %s", got != nil, stop, c.without)
			}
			if c.help != "" && (stop == nil || !strings.Contains(stop.Help, c.help)) {
				t.Errorf("the stop's help is not %q", c.help)
			}
			got, stop = reproduce(t, b, Input{Bundle: bundleOf(crash(t, clients, c.client, c.sample, tree, true)), Tree: tree, Repeats: 1})
			if stop != nil {
				t.Fatalf("with the recorder: %v", stop)
			}
			for _, line := range c.source {
				if !strings.Contains(got.Test.Source, line) {
					t.Errorf("the test has no %q", line)
				}
			}
			if got.Fidelity.Score < 0.9 { // 0.9 where the object was changed before it crashed
				t.Errorf("fidelity %+v", got.Fidelity)
			}
		})
	}
}
