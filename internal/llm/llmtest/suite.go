package llmtest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/redact"
)

// New makes the model under test.
type New func(llm.Options) (llm.Model, error)

func clean(s string) redact.Clean { return redact.New([]byte("0123456789abcdef")).Text(s, nil) }

var conversation = llm.Request{
	System:    clean("You repair programs."),
	Messages:  []llm.Message{{Role: llm.User, Text: clean("It broke.")}},
	MaxTokens: 4000,
	Tools: []llm.Tool{{Name: "read_file", Description: "Reads a file.",
		Schema: json.RawMessage(`{"type":"object","properties":{"path":{"type":"string"}},"required":["path"],"additionalProperties":false}`)}},
}

// Suite is what every vendor's model has to do, whatever its format.
func Suite(t *testing.T, format Format, make New) {
	t.Helper()
	start := func(t *testing.T, script Script, change func(*llm.Options)) (*Server, llm.Model) {
		t.Helper()
		s := Start(t, format, script)
		o := llm.Options{BaseURL: s.URL, Model: "m", Retry: llm.Retry{Sleep: func(context.Context, time.Duration) error { return nil }}}
		if change != nil {
			change(&o)
		}
		m, err := make(o)
		if err != nil {
			t.Fatal(err)
		}
		return s, m
	}
	reads := Turn{Thinking: "The band — what is it?", Text: "Reading.", Usage: llm.Usage{Input: 160, Output: 7, Cached: 50},
		Calls: append(Call("read_file", map[string]any{"path": "a.py"}), Call("read_file", map[string]any{"path": "b – c.py"})...)}

	t.Run("a streamed answer is the same as a whole one", func(t *testing.T) {
		t.Parallel()
		whole := reads
		whole.Whole = true
		s, m := start(t, Each(reads, whole), nil)
		progress := 0
		req := conversation
		req.Progress = func(p llm.Progress) { progress = p.Bytes }
		streamed, err := m.Generate(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if progress == 0 {
			t.Error("no progress was reported")
		}
		got, err := m.Generate(t.Context(), conversation)
		if err != nil {
			t.Fatal(err)
		}
		text := func(r *llm.Response) string {
			data, err := json.MarshalIndent(r, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			return strings.ReplaceAll(strings.ToLower(string(data)), "turn-1-", "turn-0-") // the servers' numbers
		}
		if d := cmp.Diff(text(streamed), text(got)); d != "" {
			t.Errorf("streamed and whole differ:\n%s", d)
		}
		if streamed.Text != "Reading." || streamed.Stop != llm.StopTools || len(streamed.Calls) != 2 || string(streamed.Calls[1].Input) != `{"path":"b – c.py"}` ||
			streamed.Usage != (llm.Usage{Input: 160, Output: 7, Cached: 50}) || len(streamed.Reasoning) == 0 {
			t.Errorf("got %+v", streamed)
		}
		for _, r := range s.Requests() {
			if !strings.Contains(string(r.Body), `"stream":true`) {
				t.Error("the request does not ask for a stream")
			}
		}
	})

	t.Run("reasoning goes back unchanged and in its place", func(t *testing.T) {
		t.Parallel()
		s, m := start(t, Turns(reads, Turn{Text: "Done."}), nil)
		req := conversation
		first, err := m.Generate(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		results := []llm.ToolResult{{ID: first.Calls[0].ID, Text: clean("x")}, {ID: first.Calls[1].ID, Text: clean("none"), Error: true}}
		req.Messages = append(req.Messages[:1:1],
			llm.Message{Role: llm.Assistant, Text: clean(first.Text), Calls: first.Calls, Reasoning: first.Reasoning},
			llm.Message{Role: llm.User, Results: results})
		if _, err := m.Generate(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		body := string(s.Requests()[1].Body)
		at := 0
		for _, want := range map[Format][]string{
			Anthropic: {`sealed:THE BAND — WHAT IS IT?`, `"type":"thinking"`, `sealed:TURN-0-0-X`, `Reading.`, first.Calls[0].ID, first.Calls[1].ID, `"is_error":false`, `"is_error":true`},
			Chat:      {`Reading.`, first.Calls[0].ID, `"thought_signature":"` + marked(first.Calls[0].ID), `"thought_signature":"` + marked(first.Calls[1].ID), `"reasoning_content":"The band — what is it?"`},
			Responses: {`"encrypted_content":"sealed:THE BAND — WHAT IS IT?"`, `Reading.`, first.Calls[0].ID, first.Calls[1].ID, `function_call_output`},
		}[format] {
			i := strings.Index(body[at:], want)
			if i < 0 {
				t.Fatalf("%s does not follow in\n%s", want, body)
			}
			at += i
		}
	})

	t.Run("a refusal is told from an end", func(t *testing.T) {
		t.Parallel()
		_, m := start(t, Turns(Turn{Text: "I cannot help with that.", Stop: llm.StopRefusal}), nil)
		if r, err := m.Generate(t.Context(), conversation); err != nil || r.Stop != llm.StopRefusal {
			t.Errorf("got %+v, %v, want stop %s", r, err, llm.StopRefusal)
		}
	})

	t.Run("an answer that is cut off says so", func(t *testing.T) {
		t.Parallel()
		_, m := start(t, Turns(Turn{Text: "I think", Stop: llm.StopMaxTokens}), nil)
		if r, err := m.Generate(t.Context(), conversation); err != nil || r.Stop != llm.StopMaxTokens || r.Text != "I think" {
			t.Errorf("got %+v, %v, want stop %s", r, err, llm.StopMaxTokens)
		}
	})

	refused := func(status int, message string) Turn {
		body, _ := json.Marshal(object{"type": "error", "error": object{"type": "invalid_request_error", "message": message}})
		return Turn{Status: status, Body: string(body)}
	}

	t.Run("a conversation that is too long is recognised", func(t *testing.T) {
		t.Parallel()
		for _, message := range []string{
			"prompt is too long: 209122 tokens > 200000 maximum",
			"This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
			"the request exceeds the available context size. try increasing the context size or enable context shift",
			"Your input exceeds the context window of this model. Please adjust your input and try again.",
			"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
		} {
			s, m := start(t, Turns(refused(400, message)), nil)
			if _, err := m.Generate(t.Context(), conversation); !errors.Is(err, llm.ErrContext) || fault.KindOf(err) != fault.Invalid {
				t.Errorf("%q: got %v, want %v", message, err, llm.ErrContext)
			}
			if n := len(s.Requests()); n != 1 {
				t.Errorf("%q: %d requests, want 1", message, n)
			}
		}
	})

	t.Run("what an endpoint refuses is not sent again", func(t *testing.T) {
		t.Parallel()
		warm := 0.5
		limit := map[Format]string{Anthropic: "max_tokens", Chat: "max_tokens", Responses: "max_output_tokens"}[format]
		s, m := start(t, Each(
			refused(400, "Unsupported parameter: 'temperature' is not supported with this model."),
			refused(400, limit+": 4000 > 1024, which is the maximum allowed number of output tokens"),
			Turn{Text: "Yes."}), nil)
		req := conversation
		req.Temperature = &warm
		for range 2 {
			if _, err := m.Generate(t.Context(), req); err != nil {
				t.Fatal(err)
			}
		}
		seen := s.Requests()
		if len(seen) != 4 {
			t.Fatalf("%d requests, want 4", len(seen))
		}
		for i, r := range seen {
			var body map[string]any
			if err := json.Unmarshal(r.Body, &body); err != nil {
				t.Fatal(err)
			}
			wantLimit := 4000.0
			if i >= 2 {
				wantLimit = 1024
			}
			if _, warm := body["temperature"]; warm != (i == 0) || body[limit] != wantLimit {
				t.Errorf("request %d: temperature %v, limit %v, want %v", i, body["temperature"], body[limit], wantLimit)
			}
		}
	})

	t.Run("an endpoint that knows no effort is asked without it", func(t *testing.T) {
		t.Parallel()
		words := map[Format][]Turn{
			Anthropic: {refused(400, "thinking.type: adaptive is not supported on this model"), refused(400, "thinking: unknown field")},
			Chat:      {refused(400, "Unrecognized request argument supplied: reasoning_effort")},
			Responses: {refused(400, "Encrypted content is not supported with this model."),
				refused(400, "Unsupported parameter: 'reasoning.effort' is not supported with this model.")},
		}[format]
		s, m := start(t, Each(append(words, Turn{Text: "Yes."})...), nil)
		req := conversation
		req.Effort = "high"
		for range 2 {
			if _, err := m.Generate(t.Context(), req); err != nil {
				t.Fatal(err)
			}
		}
		seen := s.Requests()
		if want := len(words) + 2; len(seen) != want {
			t.Fatalf("%d requests, want %d", len(seen), want)
		}
		if body := string(seen[0].Body); !strings.Contains(body, `"high"`) {
			t.Errorf("the effort is not in the first request: %s", body)
		}
		if body := string(seen[len(seen)-1].Body); strings.Contains(body, `"high"`) || strings.Contains(body, "thinking") {
			t.Errorf("the effort is in the last request: %s", body)
		}
	})

	t.Run("a vendor's wait is waited for within the deadline", func(t *testing.T) {
		t.Parallel()
		busy := Turn{Status: 429, Body: `{"error":{"message":"slow down"}}`, Header: http.Header{"Retry-After": {"70"}}}
		var waits []time.Duration
		s, m := start(t, Each(busy, busy, busy, busy, busy, Turn{Text: "Yes."}), func(o *llm.Options) {
			o.Retry.Sleep = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
		})
		told := 0
		req := conversation
		req.Progress = func(p llm.Progress) {
			if p.Wait > 0 {
				told++
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if _, err := m.Generate(ctx, req); err != nil {
			t.Fatal(err)
		}
		if len(s.Requests()) != 6 || len(waits) != 5 || waits[0] != 70*time.Second || told != 5 {
			t.Errorf("%d requests, waits %v, told of %d", len(s.Requests()), waits, told)
		}
		short, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		s, m = start(t, Turns(busy), nil)
		if _, err := m.Generate(short, conversation); fault.KindOf(err) != fault.Retryable || len(s.Requests()) != 1 {
			t.Errorf("a wait beyond the deadline: %v after %d requests", err, len(s.Requests()))
		}
	})

	t.Run("an endpoint that hangs is cut off and given up", func(t *testing.T) {
		t.Parallel()
		s, m := start(t, Turns(Turn{Hang: true}), func(o *llm.Options) { o.Idle = 20 * time.Millisecond })
		r, err := m.Generate(t.Context(), conversation)
		if !errors.Is(err, llm.ErrHung) || fault.KindOf(err) != fault.Retryable || len(s.Requests()) != 2 {
			t.Errorf("got %v after %d requests", err, len(s.Requests()))
		}
		if r == nil || r.Usage.Unreported != 2 {
			t.Errorf("usage: got %+v, want 2 requests of unknown usage", r)
		}
	})

	t.Run("a stream that breaks off is asked for again, and counted", func(t *testing.T) {
		t.Parallel()
		broken := reads
		broken.Break = true
		s, m := start(t, Each(broken, reads), nil)
		r, err := m.Generate(t.Context(), conversation)
		if err != nil || len(s.Requests()) != 2 || len(r.Calls) != 2 {
			t.Fatalf("got %+v, %v after %d requests", r, err, len(s.Requests()))
		}
		if r.Usage.Input < 160 || format != Anthropic && r.Usage.Unreported != 1 || format == Anthropic && r.Usage.Input != 320 {
			t.Errorf("usage: got %+v", r.Usage)
		}
	})

	t.Run("garbage does not end in a panic", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{`null`, `[]`, `{}`, `"x"`, `{"content":[{"type":"tool_use"}]}`, `{"choices":[{}]}`, `{"output":[null,7]}`, `{"role":"assistant","content":null}`} {
			_, m := start(t, Turns(Turn{Body: body}), nil)
			if r, err := m.Generate(t.Context(), conversation); err == nil && r == nil {
				t.Errorf("%s: neither a response nor an error", body)
			}
		}
	})
}
