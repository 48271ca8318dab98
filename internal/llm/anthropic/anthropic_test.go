package anthropic_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/llm/anthropic"
	"github.com/repaird/repaird/internal/llm/llmtest"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/secret"
)

const key = "key-of-the-test"

func clean(s string) redact.Clean {
	return redact.New([]byte("0123456789abcdef")).Text(s, nil)
}

var warm = 0.25

var conversation = llm.Request{
	System: clean("You repair programs."),
	Messages: []llm.Message{
		{Role: llm.User, Text: clean("It broke.")},
		{Role: llm.Assistant, Text: clean("Let me look."), Calls: []llm.ToolCall{
			{ID: "t1", Name: "read_file", Input: json.RawMessage(`{"path":"a.py"}`)},
			{ID: "t2", Name: "read_file", Input: json.RawMessage(`{"path":`)},
		}},
		{Role: llm.User, Results: []llm.ToolResult{
			{ID: "t1", Text: clean("x = 1")}, {ID: "t2", Text: clean("bad input"), Error: true},
		}},
	},
	Tools: []llm.Tool{{Name: "read_file", Description: "Reads a file.",
		Schema: json.RawMessage(`{"type":"object","properties":{"path":{"type":"string"}},"required":["path"],"additionalProperties":false}`)}},
	MaxTokens: 1000, Temperature: &warm,
}

const answer = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[
 {"type":"text","text":"Reading."},{"type":"tool_use","id":"t3","name":"read_file","input":{"path":"b.py"}}],
 "stop_reason":"tool_use","stop_sequence":null,
 "usage":{"input_tokens":100,"cache_creation_input_tokens":10,"cache_read_input_tokens":50,"output_tokens":7}}`

// server handles the n-th request with handlers[n], and all others with the last.
func server(t *testing.T, handlers ...http.HandlerFunc) (url string, count func() int) {
	t.Helper()
	ch := make(chan int, 1)
	ch <- 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := <-ch
		ch <- n + 1
		handlers[min(n, len(handlers)-1)](w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() int { n := <-ch; ch <- n; return n }
}

func reply(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func model(t *testing.T, url string, waits *[]time.Duration) *anthropic.Model {
	t.Helper()
	m, err := anthropic.New(llm.Options{BaseURL: url, Model: "some-model", Key: secret.New(key), Timeout: 30 * time.Second,
		Retry: llm.Retry{Tries: 3, Sleep: func(_ context.Context, d time.Duration) error {
			if waits != nil {
				*waits = append(*waits, d)
			}
			return nil
		}}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheSuite(t *testing.T) {
	t.Parallel()
	llmtest.Suite(t, llmtest.Anthropic, func(o llm.Options) (llm.Model, error) { return anthropic.New(o) })
}

func TestTheConversationIsSentInTheVendorsFormat(t *testing.T) {
	t.Parallel()
	var got map[string]any
	url, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/messages" {
			t.Errorf("request: got %s %s", r.Method, r.URL.Path)
		}
		if r.Header.Get("X-Api-Key") != key || r.Header.Get("Anthropic-Version") == "" {
			t.Error("key or version header is missing")
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		reply(200, answer)(w, r)
	})
	resp, err := model(t, url, nil).Generate(t.Context(), conversation)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{
	 "model":"some-model","max_tokens":1000,"temperature":0.25,"stream":true,
	 "system":[{"type":"text","text":"You repair programs.","cache_control":{"type":"ephemeral"}}],
	 "tools":[{"name":"read_file","description":"Reads a file.","input_schema":{"type":"object",
	   "properties":{"path":{"type":"string"}},"required":["path"],"additionalProperties":false}}],
	 "messages":[
	  {"role":"user","content":[{"type":"text","text":"It broke.","cache_control":{"type":"ephemeral"}}]},
	  {"role":"assistant","content":[{"type":"text","text":"Let me look."},
	   {"type":"tool_use","id":"t1","name":"read_file","input":{"path":"a.py"}},
	   {"type":"tool_use","id":"t2","name":"read_file","input":{}}]},
	  {"role":"user","content":[
	   {"type":"tool_result","tool_use_id":"t1","is_error":false,"content":[{"type":"text","text":"x = 1"}]},
	   {"type":"tool_result","tool_use_id":"t2","is_error":true,"content":[{"type":"text","text":"bad input"}],"cache_control":{"type":"ephemeral"}}]}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("request body (-want +got):\n%s", d)
	}
	wantResp := &llm.Response{Text: "Reading.", Stop: llm.StopTools,
		Calls: []llm.ToolCall{{ID: "t3", Name: "read_file", Input: json.RawMessage(`{"path":"b.py"}`)}},
		Usage: llm.Usage{Input: 160, Output: 7, Cached: 50, Written: 10}}
	if d := cmp.Diff(wantResp, resp); d != "" {
		t.Errorf("response (-want +got):\n%s", d)
	}
}

func TestAVendorThatMisbehaves(t *testing.T) {
	t.Parallel()
	refuse := func(kind, message string) string {
		return fmt.Sprintf(`{"type":"error","error":{"type":%q,"message":%q}}`, kind, message)
	}
	for name, c := range map[string]struct {
		handlers []http.HandlerFunc
		kind     fault.Kind
		ok       bool
		requests int
		wait     time.Duration
	}{
		"429 with Retry-After is waited out": {ok: true, requests: 2, wait: 9 * time.Second,
			handlers: []http.HandlerFunc{reply(429, refuse("rate_limit_error", "slow"), "Retry-After", "9"), reply(200, answer)}},
		"529 overload is tried again and given up": {kind: fault.Retryable, requests: 3,
			handlers: []http.HandlerFunc{reply(529, refuse("overloaded_error", "busy"))}},
		"500 with a page instead of JSON": {kind: fault.Retryable, requests: 3,
			handlers: []http.HandlerFunc{reply(500, "<html>")}},
		"401 is final": {kind: fault.Denied, requests: 1,
			handlers: []http.HandlerFunc{reply(401, refuse("authentication_error", "bad key"))}},
		"400 is final": {kind: fault.Invalid, requests: 1,
			handlers: []http.HandlerFunc{reply(400, refuse("invalid_request_error", "prompt is too long"))}},
		"a model without temperature is asked without it": {ok: true, requests: 2,
			handlers: []http.HandlerFunc{reply(400, refuse("invalid_request_error", "temperature is deprecated for this model")), reply(200, answer)}},
		"an answer that is not JSON": {kind: fault.Retryable, requests: 3,
			handlers: []http.HandlerFunc{reply(200, `{"id":`)}},
		"an answer of another shape": {kind: fault.Retryable, requests: 3,
			handlers: []http.HandlerFunc{reply(200, `{"hello":1}`)}},
		"a redirect is not followed": {kind: fault.Invalid, requests: 1,
			handlers: []http.HandlerFunc{reply(307, ``, "Location", "http://127.0.0.1:1/")}},
		"an answer without end": {kind: fault.Invalid, requests: 1,
			handlers: []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				chunk := strings.Repeat(" ", 1<<20)
				for range 40 {
					if _, err := io.WriteString(w, chunk); err != nil {
						return
					}
				}
			}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, count := server(t, c.handlers...)
			var waits []time.Duration
			_, err := model(t, url, &waits).Generate(t.Context(), conversation)
			if (err == nil) != c.ok {
				t.Fatalf("error: got %v, want success %v", err, c.ok)
			}
			if err != nil && fault.KindOf(err) != c.kind {
				t.Errorf("kind: got %v (%v), want %v", fault.KindOf(err), err, c.kind)
			}
			if err != nil && strings.Contains(err.Error(), key) {
				t.Error("the error shows the key")
			}
			if count() != c.requests {
				t.Errorf("requests: got %d, want %d", count(), c.requests)
			}
			if c.wait != 0 && (len(waits) != 1 || waits[0] != c.wait) {
				t.Errorf("waits: got %v, want %v", waits, c.wait)
			}
		})
	}
}

func TestASlowVendorIsRetryableAndACancelledCallEnds(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}))
	t.Cleanup(func() { close(release); s.Close() })
	m, err := anthropic.New(llm.Options{BaseURL: s.URL, Model: "m", Timeout: 20 * time.Millisecond, Retry: llm.Retry{Tries: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Generate(t.Context(), conversation); fault.KindOf(err) != fault.Retryable {
		t.Errorf("time-out: got %v, want a retryable error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Generate(ctx, conversation); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want context.Canceled", err)
	}
}

func TestAResponseTruncatedByTheTokenLimitSaysSo(t *testing.T) {
	t.Parallel()
	url, _ := server(t, reply(200, strings.Replace(answer, `"stop_reason":"tool_use"`, `"stop_reason":"max_tokens"`, 1)))
	resp, err := model(t, url, nil).Generate(t.Context(), conversation)
	if err != nil || resp.Stop != llm.StopMaxTokens {
		t.Errorf("got %+v, %v, want stop max_tokens", resp, err)
	}
}
