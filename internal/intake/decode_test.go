package intake_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake"
)

func TestEveryPayloadDecodesAsAFile(t *testing.T) {
	t.Parallel()
	nothing := map[string]bool{ // well formed, without an error in them
		"wire-sdk2.68-transaction.envelope.br":   true,
		"example-trace.opentelemetry-proto.json": true,
		"example-logs.opentelemetry-proto.json":  true,
		"wire-telemetrygen.traces.pb":            true,
	}
	var files []string
	for _, pattern := range []string{"sentry/testdata/wire-*", "sentry/testdata/legacy-*.json", "sentry/testdata/webhook-event*.json", "sentry/testdata/webhook-issue*.json", "otlp/testdata/*.json", "otlp/testdata/*.pb*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if !strings.HasSuffix(f, ".want") {
				files = append(files, f)
			}
		}
	}
	if len(files) != 21 {
		t.Fatalf("got %d files, want 21: %v", len(files), files)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw := payload(t, file)
			events, err := intake.Decode(raw, "")
			if nothing[filepath.Base(file)] {
				if fault.KindOf(err) != fault.NotFound {
					t.Errorf("got %d events, %v, want not found", len(events), err)
				}
				return
			}
			if err != nil || len(events) != 1 {
				t.Fatalf("got %d events, %v", len(events), err)
			}
			named, err := intake.Decode(raw, filepath.Base(file))
			if err != nil || named[0].ID != events[0].ID {
				t.Errorf("with its name: got %v", err)
			}
		})
	}
}

func TestOneFailureHasOneFingerprintWhereverItComesFrom(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, sentry, otlp string }{
		{"an IndexError", "wire-sdk2.68-quixbugs-kth.envelope.gz", "wire-otelpy-quixbugs-kth.traces.json"},
		{"a recursion", "wire-sdk2.68-quixbugs-mergesort-recursion.envelope.gz", "wire-otelpy-quixbugs-mergesort-recursion.traces.json"},
		{"a chained exception", "wire-sdk2.68-flask-chained.envelope.br", "wire-otelpy-flask-chained.logs.json"},
		{"the same of an old SDK", "wire-sdk1.9.10-store-flask.json.gz", "wire-otelpy-flask-chained-semconv-old.traces.json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var prints []string
			for _, file := range []string{"sentry/testdata/" + tt.sentry, "otlp/testdata/" + tt.otlp} {
				events, err := intake.Decode(payload(t, file), "")
				if err != nil {
					t.Fatal(err)
				}
				sig, ok := incident.SignatureOf(&events[0])
				if !ok {
					t.Fatal("no signature")
				}
				prints = append(prints, incident.Fingerprint("p", sig))
			}
			if prints[0] != prints[1] {
				t.Errorf("got %v, want one", prints)
			}
		})
	}
}

func TestCompressionIsRecognised(t *testing.T) {
	t.Parallel()
	body := []byte(`{"event_id":"aa","exception":{"values":[{"type":"E"}]}}`)
	for _, enc := range []string{"identity", "gzip", "deflate", "br", "zstd"} {
		for _, name := range []string{"", "event.json"} {
			events, err := intake.Decode(compress(t, enc, body), name)
			if err != nil || len(events) != 1 || events[0].ID != "aa" {
				t.Errorf("%s: got %v, %v", enc, events, err)
			}
		}
	}
	bomb := append([]byte(`{"message":"`), bytes.Repeat([]byte("x"), 2<<20)...)
	for _, enc := range []string{"gzip", "deflate", "br", "zstd"} {
		if _, err := intake.Decode(compress(t, enc, bomb), ""); fault.KindOf(err) != fault.Budget {
			t.Errorf("a bomb of %s: got %v", enc, err)
		}
	}
}

func TestAPastedTracebackIsAFileToo(t *testing.T) {
	t.Parallel()
	text := "ERROR in app\n```\nTraceback (most recent call last):\n  File \"/srv/shop/shop.py\", line 23, in quote\n    raise PricingError(\"no price\")\nshop.PricingError: no price\n```\n"
	events, err := intake.Decode([]byte(text), "crash.txt")
	if err != nil || events[0].Raised().Type != "PricingError" || len(events[0].Raised().Frames) != 1 {
		t.Errorf("got %+v, %v", events, err)
	}
}

func TestFilesOfOtherKindsAreRejected(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing":             "",
		"prose":               "hello",
		"a list":              "[]",
		"an unrelated object": `{"a":1}`,
		"random bytes":        "\x01\x02\x03\xff\xfe",
		"half a gzip":         "\x1f\x8b\x08",
		"a PNG":               "\x89PNG\r\n\x1a\n\x00\x00",
	} {
		if events, err := intake.Decode([]byte(body), ""); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, %v", name, events, err)
		}
	}
	if _, err := intake.Decode(make([]byte, 21<<20), ""); fault.KindOf(err) != fault.Budget {
		t.Errorf("21 MiB: got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, pattern := range []string{"sentry/testdata/*", "otlp/testdata/*"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			if b, err := os.ReadFile(file); err == nil && len(b) < 10_000 {
				f.Add(b, filepath.Base(file))
			}
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		events, err := intake.Decode(raw, name)
		if (err == nil) != (len(events) > 0) {
			t.Fatalf("got %d events, %v", len(events), err)
		}
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Budget && k != fault.NotFound {
				t.Fatalf("error of kind %s: %v", k, err)
			}
		}
	})
}
