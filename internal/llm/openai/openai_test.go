package openai_test

import (
	"context"
	"encoding/json"
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
	"github.com/repaird/repaird/internal/llm/llmtest"
	"github.com/repaird/repaird/internal/llm/openai"
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
		{Role: llm.Assistant, Calls: []llm.ToolCall{{ID: "t1", Name: "read_file", Input: json.RawMessage(`{"path":"a.py"}`)}}},
		{Role: llm.User, Text: clean("Go on."), Results: []llm.ToolResult{{ID: "t1", Text: clean("no such file"), Error: true}}},
	},
	Tools: []llm.Tool{{Name: "read_file", Description: "Reads a file.",
		Schema: json.RawMessage(`{"type":"object","properties":{"path":{"type":"string"}},"required":["path"],"additionalProperties":false}`)}},
	MaxTokens: 1000, Temperature: &warm,
}

func answer(finish, arguments string) string {
	return fmt.Sprintf(`{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":%q,
	 "message":{"role":"assistant","content":null,"tool_calls":[{"id":"t2","type":"function","function":{"name":"read_file","arguments":%q}}]}}],
	 "usage":{"prompt_tokens":90,"completion_tokens":5,"total_tokens":95,"prompt_tokens_details":{"cached_tokens":40}}}`, finish, arguments)
}

// server responds to the n-th request with bodies[n] (status 200 unless it starts
// with a number) and passes every decoded request body to seen.
func server(t *testing.T, seen func(map[string]any), bodies ...string) string {
	t.Helper()
	n := make(chan int, 1)
	n <- 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := <-n
		n <- i + 1
		if r.Method != http.MethodPost || r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer "+key {
			t.Errorf("request: got %s %s", r.Method, r.URL.Path)
		}
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		seen(body)
		status, text := 200, bodies[min(i, len(bodies)-1)]
		if _, err := fmt.Sscanf(text, "%d ", &status); err == nil {
			text = text[4:]
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "4")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

func model(t *testing.T, url string) *openai.Model {
	t.Helper()
	m, err := openai.New(llm.Options{BaseURL: url, Model: "some-model", Key: secret.New(key), Timeout: 30 * time.Second,
		Retry: llm.Retry{Tries: 3, Sleep: func(_ context.Context, d time.Duration) error {
			if d > 4*time.Second {
				t.Errorf("waited %v, want at most the vendor's 4s", d)
			}
			return nil
		}}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheSuites(t *testing.T) {
	t.Parallel()
	t.Run("chat completions", func(t *testing.T) {
		t.Parallel()
		llmtest.Suite(t, llmtest.Chat, func(o llm.Options) (llm.Model, error) { return openai.New(o) })
	})
	t.Run("responses", func(t *testing.T) {
		t.Parallel()
		llmtest.Suite(t, llmtest.Responses, func(o llm.Options) (llm.Model, error) { return openai.NewResponses(o) })
	})
}

func TestTheConversationIsSentInTheVendorsFormat(t *testing.T) {
	t.Parallel()
	var got map[string]any
	url := server(t, func(b map[string]any) { got = b }, answer("tool_calls", `{"path":"b.py"}`))
	resp, err := model(t, url).Generate(t.Context(), conversation)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{"model":"some-model","max_tokens":1000,"temperature":0.25,"stream":true,"stream_options":{"include_usage":true},
	 "tools":[{"type":"function","function":{"name":"read_file","description":"Reads a file.","parameters":{"type":"object",
	   "properties":{"path":{"type":"string"}},"required":["path"],"additionalProperties":false}}}],
	 "messages":[{"role":"system","content":"You repair programs."},{"role":"user","content":"It broke."},
	  {"role":"assistant","tool_calls":[{"id":"t1","type":"function","function":{"name":"read_file","arguments":"{\"path\":\"a.py\"}"}}]},
	  {"role":"tool","tool_call_id":"t1","content":"error: no such file"},{"role":"user","content":"Go on."}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("request body (-want +got):\n%s", d)
	}
	wantResp := &llm.Response{Stop: llm.StopTools,
		Calls: []llm.ToolCall{{ID: "t2", Name: "read_file", Input: json.RawMessage(`{"path":"b.py"}`)}},
		Usage: llm.Usage{Input: 90, Output: 5, Cached: 40}}
	if d := cmp.Diff(wantResp, resp); d != "" {
		t.Errorf("response (-want +got):\n%s", d)
	}
}

func TestAVendorThatMisbehaves(t *testing.T) {
	t.Parallel()
	good := answer("tool_calls", `{}`)
	for name, c := range map[string]struct {
		bodies   []string
		kind     fault.Kind
		ok       bool
		requests int
	}{
		"429 is waited out":             {[]string{`429 {"error":{"message":"slow","type":"rate","code":"rate_limit_exceeded","param":null}}`, good}, 0, true, 2},
		"an empty account is final":     {[]string{`429 {"error":{"message":"pay","type":"quota","code":"insufficient_quota","param":null}}`}, fault.Budget, false, 1},
		"500 is given up":               {[]string{`500 {"error":{"message":"oops"}}`}, fault.Retryable, false, 3},
		"502 with a page":               {[]string{`502 <html>`}, fault.Retryable, false, 3},
		"403 is final":                  {[]string{`403 {"error":{"message":"no"}}`}, fault.Denied, false, 1},
		"not JSON":                      {[]string{`not json`}, fault.Retryable, false, 3},
		"no choices":                    {[]string{`{"id":"c","choices":[]}`}, fault.Retryable, false, 3},
		"a refused temperature is left": {[]string{`400 {"error":{"message":"unsupported value","param":"temperature"}}`, good}, 0, true, 2},
		"a token limit of another name": {[]string{`400 {"error":{"message":"use max_completion_tokens instead","param":"max_tokens"}}`, good}, 0, true, 2},
		"400 is final":                  {[]string{`400 {"error":{"message":"context length"}}`}, fault.Invalid, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var last map[string]any
			n := 0
			url := server(t, func(b map[string]any) { n++; last = b }, c.bodies...)
			_, err := model(t, url).Generate(t.Context(), conversation)
			if (err == nil) != c.ok {
				t.Fatalf("error: got %v, want success %v", err, c.ok)
			}
			if err != nil && fault.KindOf(err) != c.kind {
				t.Errorf("kind: got %v (%v), want %v", fault.KindOf(err), err, c.kind)
			}
			if n != c.requests {
				t.Errorf("requests: got %d, want %d", n, c.requests)
			}
			if strings.HasPrefix(name, "a token limit") && last["max_completion_tokens"] != 1000.0 {
				t.Errorf("last request has no max_completion_tokens: %v", last)
			}
		})
	}
}

func TestWrongJSONArgumentsReachTheCallerAsTheyAre(t *testing.T) {
	t.Parallel()
	url := server(t, func(map[string]any) {}, answer("stop", `{"path": b.py`))
	resp, err := model(t, url).Generate(t.Context(), conversation)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(resp.Calls[0].Input); got != `{"path": b.py` || resp.Stop != llm.StopTools {
		t.Errorf("got input %q, stop %s", got, resp.Stop)
	}
}

func TestAResponseTruncatedByTheTokenLimitSaysSo(t *testing.T) {
	t.Parallel()
	url := server(t, func(map[string]any) {}, answer("length", `{"path":`))
	resp, err := model(t, url).Generate(t.Context(), conversation)
	if err != nil || resp.Stop != llm.StopMaxTokens {
		t.Errorf("got %+v, %v, want stop max_tokens", resp, err)
	}
}
