// Package openai implements llm.Model with OpenAI's two APIs, through its
// official SDK: [New] with chat completions, which compatible endpoints
// (self-hosted servers, gateways) implement, and [NewResponses] with the
// Responses API, which OpenAI's reasoning models need to go on from what they
// thought before. The package is stateless but for what it learns of the
// endpoint's parameters, ignores the environment, and leaves retries to package
// llm, which bounds them.
//
// Conversations are streamed, and nothing is stored at the vendor. Reasoning goes
// back in the form in which it came: encrypted items, reasoning_content and its
// variants, and the signatures that Gemini adds to calls.
package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
)

const (
	vendor   = "openai"
	official = "https://api.openai.com/v1/"
)

// An endpoint is what both APIs share.
type endpoint struct {
	opts   llm.Options
	client sdk.Client
	habits llm.Habits
}

func (e *endpoint) open(opts llm.Options) error {
	opts, err := opts.Validate()
	if err != nil {
		return err
	}
	if opts.BaseURL == "" {
		opts.BaseURL = official
	}
	ro := []option.RequestOption{
		option.WithBaseURL(opts.BaseURL), option.WithHTTPClient(opts.Client), option.WithMaxRetries(0),
	}
	if !opts.Key.Empty() {
		ro = append(ro, option.WithAPIKey(opts.Key.Reveal()))
	}
	e.opts, e.client = opts, sdk.Client{Options: ro} // NewClient would read the environment
	return nil
}

// Name returns "openai/" followed by the model's name.
func (e *endpoint) Name() string { return vendor + "/" + e.opts.Model }

// What an endpoint can turn out to refuse, or to call otherwise.
const (
	noTemperature = "no temperature"
	noEffort      = "no effort"
	noReasoning   = "no reasoning in the conversation"
	noUsage       = "no usage in streams"
	noStream      = "no streams"
	otherLimit    = "the other name of the token limit"
)

// An answer collects a response's parts from events, or from one document.
type answer interface {
	event(data []byte) error // io.EOF ends the response
	whole(data []byte) error
	response() (*llm.Response, error)
}

// try makes one request.
func (e *endpoint) try(ctx context.Context, path string, params any, req llm.Request, a answer) (*llm.Response, error) {
	var raw *http.Response
	err := e.client.Post(ctx, path, params, &raw, option.WithJSONSet("stream", !e.habits.Have(noStream)))
	var refused *sdk.Error
	if errors.As(err, &refused) {
		return nil, refusal(refused)
	}
	if err != nil {
		return &llm.Response{Usage: llm.Usage{Unreported: 1}}, err
	}
	defer func() { _ = raw.Body.Close() }()
	if llm.Streamed(raw) {
		err = llm.Events(raw.Body, req, a.event)
	} else {
		var data []byte
		if data, err = llm.Whole(raw.Body, req); err == nil {
			err = a.whole(data)
		}
	}
	resp, bad := a.response()
	if err == nil {
		err = bad
	}
	if err == nil {
		return resp, nil
	}
	if !resp.Usage.Used() {
		resp.Usage.Unreported = 1
	}
	return &llm.Response{Usage: resp.Usage}, err
}

// A failure is an error as endpoints put it into events and documents.
type failure struct {
	Message string          `json:"message"`
	Type    string          `json:"type"`
	Code    json.RawMessage `json:"code"` // a string, or with some endpoints the status
	Param   string          `json:"param"`
}

// refusal is a failure that came after the request had been accepted.
func (f *failure) refusal() error {
	code := string(bytes.Trim(f.Code, `"`))
	status, err := strconv.Atoi(code)
	switch {
	case err == nil && status >= 400 && status < 600:
	case code == "insufficient_quota":
		return fault.Errorf(fault.Budget, "%s: %w", vendor, &llm.StatusError{Status: http.StatusTooManyRequests, Message: message(f.Message)})
	case code == "rate_limit_exceeded":
		status = http.StatusTooManyRequests
	case code == "context_length_exceeded", strings.Contains(f.Type, "invalid_request"):
		status = http.StatusBadRequest
	default:
		status = http.StatusInternalServerError
	}
	return llm.RefusalOf(vendor, status, nil, message(f.Message))
}

func message(s string) string {
	if s == "" {
		return "no message"
	}
	return s
}

func refusal(e *sdk.Error) error {
	header := http.Header{}
	if e.Response != nil {
		header = e.Response.Header
	}
	if e.StatusCode == http.StatusTooManyRequests && e.Code == "insufficient_quota" {
		// An exhausted quota does not recover by waiting.
		return fault.Errorf(fault.Budget, "%s: %w", vendor, &llm.StatusError{Status: e.StatusCode, Message: message(e.Message)})
	}
	text := message(e.Message)
	if e.Param != "" && !strings.Contains(text, e.Param) {
		text += " (" + e.Param + ")"
	}
	if e.Code == "context_length_exceeded" {
		return fault.Errorf(fault.Invalid, "%s: %w: %w", vendor, llm.ErrContext, &llm.StatusError{Status: e.StatusCode, Message: text})
	}
	return llm.RefusalOf(vendor, e.StatusCode, header, text)
}

// A sent request is what adapt needs to know of it.
type sent struct {
	temperature, effort, reasoning, usage bool
	limit                                 string // name of the token limit
	answer                                int    // its value
}

// adapt learns from a request that was refused with status 400 or 422; it
// reports whether the next one will be another.
func (e *endpoint) adapt(s sent, err error) bool {
	var status *llm.StatusError
	if !errors.As(err, &status) || errors.Is(err, llm.ErrContext) || status.Status != http.StatusBadRequest && status.Status != http.StatusUnprocessableEntity {
		return false
	}
	message := strings.ToLower(status.Message)
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(message, w) {
				return true
			}
		}
		return false
	}
	switch {
	case s.temperature && says("temperature"):
		return e.habits.Learn(noTemperature)
	case s.limit == "max_tokens" && says("max_completion_tokens"), s.limit == "max_completion_tokens" && says("max_completion_tokens") && !says("max_completion_tokens is too large", "at most", "less than"):
		return e.habits.Learn(otherLimit)
	case says("max_tokens", "max_completion_tokens", "max_output_tokens", "completion tokens", "output tokens"):
		return e.habits.LearnAnswer(status.Message, s.answer)
	case s.reasoning && says("reasoning_content", "reasoning_details", "encrypted", "extra_content", "reasoning' field", "messages.reasoning"):
		return e.habits.Learn(noReasoning)
	case s.effort && says("reasoning", "effort"):
		return e.habits.Learn(noEffort)
	case s.usage && says("stream_options", "include_usage"):
		return e.habits.Learn(noUsage)
	case says("stream") && !e.habits.Have(noStream):
		return e.habits.Learn(noStream)
	}
	return false
}

// schema decodes a tool's parameters.
func schema(t llm.Tool) (s map[string]any) {
	_ = json.Unmarshal(t.Schema, &s) // the caller's own constant
	return s
}

// result is a tool's result as text: neither API has a flag for errors.
func result(r llm.ToolResult) string {
	if r.Error {
		return "error: " + r.Text.String()
	}
	return r.Text.String()
}
