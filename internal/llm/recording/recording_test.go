package recording_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/llm/anthropic"
	"github.com/repaird/repaird/internal/llm/llmtest"
	"github.com/repaird/repaird/internal/llm/openai"
	"github.com/repaird/repaird/internal/llm/recording"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/secret"
)

const key = "sk-of-the-test-4f1c9a7d2be8"

func clean(s string) redact.Clean { return redact.New([]byte("0123456789abcdef")).Text(s, nil) }

// talk holds a conversation of three turns.
func talk(t *testing.T, m llm.Model, opening string) (said []*llm.Response, err error) {
	t.Helper()
	req := llm.Request{System: clean("S"), MaxTokens: 1000, Messages: []llm.Message{{Role: llm.User, Text: clean(opening)}},
		Tools: []llm.Tool{{Name: "read_file", Schema: []byte(`{"type":"object"}`)}}}
	for range 3 {
		r, err := m.Generate(t.Context(), req)
		if err != nil {
			return said, err
		}
		said = append(said, r)
		next := llm.Message{Role: llm.User, Text: clean("Go on.")}
		for _, c := range r.Calls {
			next.Text = redact.Clean{}
			next.Results = append(next.Results, llm.ToolResult{ID: c.ID, Text: clean("x")})
		}
		req.Messages = append(req.Messages, llm.Message{Role: llm.Assistant, Text: clean(r.Text), Calls: r.Calls, Reasoning: r.Reasoning}, next)
	}
	return said, nil
}

func TestARecordingSaysTheSameAgain(t *testing.T) {
	t.Parallel()
	for vendor, f := range map[string]struct {
		format llmtest.Format
		open   llmtest.New
	}{
		"anthropic": {llmtest.Anthropic, func(o llm.Options) (llm.Model, error) { return anthropic.New(o) }},
		"chat":      {llmtest.Chat, func(o llm.Options) (llm.Model, error) { return openai.New(o) }},
		"responses": {llmtest.Responses, func(o llm.Options) (llm.Model, error) { return openai.NewResponses(o) }},
	} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			name := filepath.Join(t.TempDir(), "model.jsonl")
			s := llmtest.Start(t, f.format, llmtest.Each(
				llmtest.Turn{Status: http.StatusTooManyRequests, Body: `{"error":{"message":"slow down, ` + key + `"}}`, Header: http.Header{"Retry-After": {"1"}, "Set-Cookie": {"session=COOKIE"}}},
				llmtest.Turn{Thinking: "Hm.", Text: "I look.", Calls: llmtest.Call("read_file", map[string]any{"path": "a.py"}), Usage: llm.Usage{Input: 10, Output: 2}},
				llmtest.Turn{Text: "Reading on.", Usage: llm.Usage{Input: 20, Output: 3}},
				llmtest.Turn{Text: "Done."}))
			r, err := recording.Create(name, secret.New(key))
			if err != nil {
				t.Fatal(err)
			}
			retry := llm.Retry{Sleep: func(context.Context, time.Duration) error { return nil }}
			m, err := f.open(llm.Options{BaseURL: s.URL, Model: "m", Key: secret.New(key), Client: r.Client(nil), Idle: time.Second, Retry: retry})
			if err != nil {
				t.Fatal(err)
			}
			first, err := talk(t, m, "It broke.")
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			host := strings.TrimPrefix(strings.TrimSuffix(s.URL, "/v1"), "http://")
			for _, secret := range []string{key, "COOKIE", host, "Bearer", "api-key"} {
				if strings.Contains(strings.ToLower(string(data)), strings.ToLower(secret)) {
					t.Errorf("the recording holds %q", secret)
				}
			}
			if n := strings.Count(string(data), "\n"); n != 4 {
				t.Errorf("%d exchanges, want 4", n)
			}
			p, err := recording.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			m, err = f.open(llm.Options{BaseURL: "http://replay.invalid/v1", Model: "m", Client: p.Client(), Retry: retry})
			if err != nil {
				t.Fatal(err)
			}
			again, err := talk(t, m, "It broke, with another quotation.")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(first, again); d != "" {
				t.Errorf("replayed (-recorded +replayed):\n%s", d)
			}
			if _, err := talk(t, m, "Once more."); fault.KindOf(err) != fault.NotFound {
				t.Errorf("after the end: got %v, want a not-found error", err)
			}
		})
	}
}

func TestWhatIsNotARecordingIsRefused(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(name, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := recording.Open(name); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v, want an invalid error", err)
	}
}
