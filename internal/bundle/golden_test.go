package bundle_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/intake"
)

var update = flag.Bool("update", false, "write the golden files")

// TestPayloadsAreSealedAsBefore pins what becomes of real payloads, and of one
// written to hold a secret of every class: the decoded event, redacted and sealed.
// The key and the incident's times are fixed, so that the bytes are.
func TestPayloadsAreSealedAsBefore(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"testdata/events/*", "../intake/sentry/testdata/*.*", "../intake/otlp/testdata/*.*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	at := time.Date(2026, 11, 3, 9, 30, 0, 0, time.UTC)
	seen := []string{}
	for _, file := range files {
		if ext := filepath.Ext(file); ext == ".want" || ext == ".md" || strings.Contains(file, "recursion.envelope") {
			continue // that one is a megabyte of frames that are alike
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		events, err := intake.Decode(raw, filepath.Base(file))
		if err != nil {
			continue // a transaction, an example of every webhook: package intake tests those
		}
		var got bytes.Buffer
		for _, e := range events {
			if e.Fetch != nil {
				continue // names an event that is to be fetched, and is not sealed
			}
			b, err := bundle.Seal(
				bundle.Incident{ID: "inc_1", Project: "shop", Fingerprint: strings.Repeat("f", 32), FirstSeen: at, LastSeen: at, Count: 3},
				bundle.Code{Repository: "acme/shop", Commit: strings.Repeat("1e", 20), Language: "python", TestCommand: []string{"pytest", "-q"}},
				redactor.Event(e))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if err := json.Indent(&got, b.JSON(), "", " "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
		}
		if got.Len() == 0 {
			continue
		}
		name := filepath.Join("testdata", "golden", filepath.Base(file)+".bundle")
		seen = append(seen, name)
		if *update {
			if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got.String()); d != "" {
			t.Errorf("the bundle of %s changed (-want +got); go test ./internal/bundle -update writes it anew:\n%s", file, d)
		}
	}
	there, err := filepath.Glob("testdata/golden/*.bundle")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range there {
		if !slices.Contains(seen, name) {
			t.Errorf("%s belongs to no payload", name)
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d payloads hold an error", len(seen))
	}
}
