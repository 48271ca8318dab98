package sentry_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake/sentry"
)

var update = flag.Bool("update", false, "rewrite testdata/*.want; read the diff before committing it")

// payload returns a file's bytes, uncompressed.
func payload(tb testing.TB, name string) []byte {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	var r io.Reader = bytes.NewReader(raw)
	switch filepath.Ext(name) {
	case ".gz":
		if r, err = gzip.NewReader(r); err != nil {
			tb.Fatal(err)
		}
	case ".br":
		r = brotli.NewReader(r)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// show formats a value as Python does, with its marks.
func show(v incident.Value) string {
	s := v.Repr
	switch v.Kind {
	case incident.KindList:
		var parts []string
		for _, i := range v.Items {
			parts = append(parts, show(i))
		}
		s = "[" + strings.Join(parts, ", ") + "]"
	case incident.KindDict:
		s = "{" + showAll(v.Fields) + "}"
	}
	if v.Trimmed {
		s += " (trimmed)"
	}
	if v.Filtered {
		s += " (filtered)"
	}
	if v.Suspect {
		s += " (suspect)"
	}
	return s
}

func showAll(vars []incident.Variable) string {
	var parts []string
	for _, v := range vars {
		parts = append(parts, v.Name+": "+show(v.Value))
	}
	return strings.Join(parts, ", ")
}

// describe formats everything in an event that matters downstream. Of consecutive
// similar frames it shows the first two and the last.
func describe(e incident.Event) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("event %s at %s, %s, %s %q in %q", e.ID, e.Time.Format("2006-01-02T15:04:05.999999"), e.Level, e.Platform, e.Message, e.Transaction)
	line("release %q commit %q trace %q span %q", e.Release, e.Commit, e.TraceID, e.SpanID)
	line("environment %q service %q server %q, %s %s on %q by %s, %d modules", e.Environment.Name, e.Environment.Service, e.Environment.Server,
		e.Environment.Runtime, e.Environment.Python, e.Environment.OS, e.Environment.SDK, len(e.Environment.Modules))
	line("link %q user %v tags %v extra {%s}", e.Link, e.User, e.Tags, showAll(e.Extra))
	if e.Fetch != nil {
		line("fetch %+v", *e.Fetch)
	}
	if r := e.Request; r != nil {
		line("request %s %s ?%s route %q status %d headers %v cookies %v env {%s}", r.Method, r.URL, r.Query, r.Route, r.Status, r.Headers, r.Cookies, showAll(r.Env))
		if r.Data != nil {
			line("  data %s", show(*r.Data))
		}
	}
	for _, x := range e.Exceptions {
		handled := "?"
		if x.Handled != nil {
			handled = fmt.Sprint(*x.Handled)
		}
		line("exception #%d %s of #%d: %s %s %q handled %s, %d frames", x.ID, x.Relation, x.ParentID, x.Module, x.Type, x.Message, handled, len(x.Frames))
		for i, f := range x.Frames {
			if i > 1 && i < len(x.Frames)-1 && f.Line == x.Frames[i-1].Line && f.Line == x.Frames[i-2].Line {
				continue
			}
			line("  %s (%s) %s %s:%d in_app %t cut %t", f.File, f.AbsPath, f.Module, f.Function, f.Line, f.InApp, f.Cut)
			line("    %d before, %q, %d after", len(f.Pre), f.Code, len(f.Post))
			line("    %s", showAll(f.Locals))
		}
	}
	return b.String()
}

var payloads = []string{
	"legacy-webhooks-plugin-python-exception.zulip.json",
	"legacy-webhooks-plugin-raven-python.zulip.json",
	"webhook-event_alert-python-exception.zulip.json",
	"webhook-issue-created-python.zulip.json",
	"wire-sdk1.9.10-store-flask.json.gz",
	"wire-sdk2.68-exceptiongroup.envelope.br",
	"wire-sdk2.68-flask-chained.envelope.br",
	"wire-sdk2.68-quixbugs-detect_cycle.envelope.gz",
	"wire-sdk2.68-quixbugs-kth.envelope.gz",
	"wire-sdk2.68-quixbugs-mergesort-recursion.envelope.gz",
	"wire-sentrycli3.8.0-send-event-environ.envelope",
}

func TestPayloadsOfRealClientsDecode(t *testing.T) {
	t.Parallel()
	for _, name := range payloads {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := sentry.File(payload(t, name))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".want")
			got := describe(e)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// plainEvent finds the event in a payload using only encoding/json.
func plainEvent(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if json.Unmarshal(data, &m) != nil {
		lines := bytes.Split(data, []byte("\n"))
		m = nil
		if err := json.Unmarshal(lines[2], &m); err != nil {
			t.Fatal(err)
		}
	}
	if d, ok := m["data"].(map[string]any); ok && m["action"] != nil {
		m, _ = d["event"].(map[string]any)
	} else if d, ok := m["event"].(map[string]any); ok {
		m = d
	}
	return m
}

func TestEveryFrameAndLocalOfThePayloadsArrives(t *testing.T) {
	t.Parallel()
	frames, locals := 0, 0
	for _, name := range payloads {
		data := payload(t, name)
		e, err := sentry.File(data)
		if err != nil {
			t.Fatal(err)
		}
		exception, _ := plainEvent(t, data)["exception"].(map[string]any)
		values, _ := exception["values"].([]any)
		if len(values) != len(e.Exceptions) {
			t.Fatalf("%s: got %d exceptions, want %d", name, len(e.Exceptions), len(values))
		}
		for i, v := range values {
			x := v.(map[string]any)
			if x["type"] != e.Exceptions[i].Type || x["value"] != e.Exceptions[i].Message {
				t.Errorf("%s: exception %d: got %s %q", name, i, e.Exceptions[i].Type, e.Exceptions[i].Message)
			}
			fs := x["stacktrace"].(map[string]any)["frames"].([]any)
			if len(fs) != len(e.Exceptions[i].Frames) {
				t.Fatalf("%s: exception %d: got %d frames, want %d", name, i, len(e.Exceptions[i].Frames), len(fs))
			}
			for j, raw := range fs {
				f, got := raw.(map[string]any), e.Exceptions[i].Frames[j]
				frames++
				if f["filename"] != got.File || f["function"] != got.Function || f["lineno"] != float64(got.Line) || f["context_line"] != got.Code {
					t.Errorf("%s: exception %d: frame %d: got %+v", name, i, j, got)
				}
				vars, _ := f["vars"].(map[string]any)
				names := slices.Sorted(maps.Keys(vars))
				var have []string
				for _, l := range got.Locals {
					have = append(have, l.Name)
					locals++
					if s, ok := vars[l.Name].(string); ok && s != l.Value.Repr {
						t.Errorf("%s: local %s: got %s, want %s", name, l.Name, l.Value.Repr, s)
					}
				}
				slices.Sort(have)
				if !slices.Equal(names, have) {
					t.Errorf("%s: frame %d: got locals %v, want %v", name, j, have, names)
				}
			}
		}
	}
	if frames < 1000 || locals < 3000 {
		t.Errorf("compared %d frames and %d locals only", frames, locals)
	}
}

func TestLocalsKeepTheProgramsOrder(t *testing.T) {
	t.Parallel()
	e, err := sentry.File(payload(t, "wire-sdk2.68-quixbugs-kth.envelope.gz"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range e.Raised().Frames[1].Locals {
		names = append(names, l.Name)
	}
	want := []string{"arr", "k", "below", "above", "num_less", "num_lessoreq", "pivot"}
	if !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestATransactionIsNotAnError(t *testing.T) {
	t.Parallel()
	env, err := sentry.ParseEnvelope(payload(t, "wire-sdk2.68-transaction.envelope.br"))
	if err != nil {
		t.Fatal(err)
	}
	if len(env.Items) != 1 || env.Items[0].Type != "transaction" {
		t.Fatalf("got %d items", len(env.Items))
	}
	if e, ok, err := env.Event(); ok || err != nil {
		t.Errorf("got %+v, %v", e, err)
	}
}
