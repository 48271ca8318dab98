// Package anthropic implements llm.Model with Anthropic's Messages API, through
// the official SDK. It is stateless but for what it learns of the endpoint's
// parameters, ignores the environment, and leaves retries to package llm, which
// bounds them.
//
// A conversation is streamed. Thinking blocks go back to the vendor unchanged
// and in their place. The vendor's cache is told where prompts repeat: after the
// tools and the system prompt, after the first message, and after the last two
// messages of the user.
package anthropic

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/anthropics/anthropic-sdk-go/packages/param"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
)

const vendor = "anthropic"

// A Model is an Anthropic model, or one behind a compatible endpoint.
type Model struct {
	opts   llm.Options
	client sdk.Client
	habits llm.Habits
}

var _ llm.Model = (*Model)(nil)

// New returns a model. BaseURL is the part before "v1/messages".
func New(opts llm.Options) (*Model, error) {
	opts, err := opts.Validate()
	if err != nil {
		return nil, err
	}
	ro := []option.RequestOption{
		option.WithoutEnvironmentDefaults(), option.WithHTTPClient(opts.Client), option.WithMaxRetries(0),
	}
	if opts.BaseURL != "" {
		ro = append(ro, option.WithBaseURL(opts.BaseURL))
	}
	if !opts.Key.Empty() {
		ro = append(ro, option.WithAPIKey(opts.Key.Reveal()))
	}
	return &Model{opts: opts, client: sdk.NewClient(ro...)}, nil
}

// Name returns "anthropic/" followed by the model's name.
func (m *Model) Name() string { return vendor + "/" + m.opts.Model }

// What an endpoint can turn out to refuse.
const (
	noTemperature = "no temperature"
	noAdaptive    = "no adaptive thinking"
	noThinking    = "no thinking"
	noEffort      = "no effort"
)

// Generate implements llm.Model.
func (m *Model) Generate(ctx context.Context, req llm.Request) (*llm.Response, error) {
	var last sdk.MessageNewParams
	try := func(ctx context.Context) (*llm.Response, error) {
		last = m.params(req)
		return m.try(ctx, last, req)
	}
	return m.opts.Generate(ctx, vendor, req, try, func(err error) bool { return m.adapt(last, err) })
}

// try makes one request.
func (m *Model) try(ctx context.Context, params sdk.MessageNewParams, req llm.Request) (*llm.Response, error) {
	var raw *http.Response
	err := m.client.Post(ctx, "v1/messages", params, &raw, option.WithJSONSet("stream", true))
	var refused *sdk.Error
	if errors.As(err, &refused) {
		return nil, refusal(refused.StatusCode, refused.Response, []byte(refused.RawJSON()))
	}
	if err != nil {
		return &llm.Response{Usage: llm.Usage{Unreported: 1}}, err
	}
	defer func() { _ = raw.Body.Close() }()
	var answer sdk.Message
	if llm.Streamed(raw) {
		err = stream(raw, req, &answer)
	} else {
		var data []byte
		if data, err = llm.Whole(raw.Body, req); err == nil {
			err = json.Unmarshal(data, &answer)
		}
	}
	resp := response(&answer)
	switch {
	case err != nil:
	case answer.Role != "assistant":
		err = fault.Errorf(fault.Retryable, "malformed response")
	case answer.StopReason == sdk.StopReasonModelContextWindowExceeded:
		err = fault.Errorf(fault.Invalid, "%w", llm.ErrContext)
	default:
		return resp, nil
	}
	if !resp.Usage.Used() {
		resp.Usage.Unreported = 1
	}
	return &llm.Response{Usage: resp.Usage}, err
}

// stream reads the events of a response.
func stream(raw *http.Response, req llm.Request, answer *sdk.Message) error {
	return llm.Events(raw.Body, req, func(data []byte) error {
		var event sdk.MessageStreamEventUnion
		if err := json.Unmarshal(data, &event); err != nil {
			return err
		}
		switch event.Type {
		case "ping":
			return nil
		case "error":
			return refusal(statusOf(data), raw, data)
		}
		if err := answer.Accumulate(event); err != nil {
			return fault.Errorf(fault.Retryable, "malformed response: %w", err)
		}
		if event.Type == "message_stop" {
			return io.EOF
		}
		return nil
	})
}

// statusOf is the status that an error of a kind has when it comes before the
// stream begins.
func statusOf(data []byte) int {
	switch kind, _ := errorOf(data); kind {
	case "invalid_request_error":
		return http.StatusBadRequest
	case "authentication_error":
		return http.StatusUnauthorized
	case "permission_error":
		return http.StatusForbidden
	case "request_too_large":
		return http.StatusRequestEntityTooLarge
	case "billing_error":
		return http.StatusPaymentRequired
	case "rate_limit_error":
		return http.StatusTooManyRequests
	case "overloaded_error":
		return 529
	}
	return http.StatusInternalServerError
}

func errorOf(data []byte) (kind, message string) {
	var body struct {
		Error struct{ Type, Message string }
	}
	if json.Unmarshal(data, &body) != nil || body.Error.Message == "" {
		return "", "no message"
	}
	return body.Error.Type, body.Error.Message
}

func refusal(status int, resp *http.Response, data []byte) error {
	header := http.Header{}
	if resp != nil {
		header = resp.Header
	}
	_, message := errorOf(data)
	return llm.RefusalOf(vendor, status, header, message)
}

// adapt learns from a request that was refused with status 400; it reports
// whether the next one will be another.
func (m *Model) adapt(p sdk.MessageNewParams, err error) bool {
	var status *llm.StatusError
	if !errors.As(err, &status) || status.Status != http.StatusBadRequest || errors.Is(err, llm.ErrContext) {
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
	case says("temperature") && p.Temperature.Valid():
		return m.habits.Learn(noTemperature)
	case says("max_tokens"):
		return m.habits.LearnAnswer(status.Message, int(p.MaxTokens))
	case p.Thinking.OfAdaptive != nil && says("adaptive", "thinking"):
		return m.habits.Learn(noAdaptive)
	case p.OutputConfig.Effort != "" && says("effort", "output_config"):
		return m.habits.Learn(noEffort)
	case p.Thinking.OfEnabled != nil && says("thinking", "budget_tokens"):
		return m.habits.Learn(noThinking)
	}
	return false
}

func (m *Model) params(req llm.Request) sdk.MessageNewParams {
	p := sdk.MessageNewParams{
		Model:     m.opts.Model,
		MaxTokens: int64(m.habits.Answer(req.MaxTokens)),
	}
	m.reason(&p, req.Effort)
	thinks := p.Thinking.OfAdaptive != nil || p.Thinking.OfEnabled != nil // then the vendor allows no temperature
	if req.Temperature != nil && !thinks && !m.habits.Have(noTemperature) {
		p.Temperature = sdk.Float(*req.Temperature)
	}
	if s := req.System.String(); s != "" {
		p.System = []sdk.TextBlockParam{{Text: s, CacheControl: sdk.NewCacheControlEphemeralParam()}}
	}
	for _, t := range req.Tools {
		var schema map[string]any
		_ = json.Unmarshal(t.Schema, &schema) // the caller's own constant
		delete(schema, "type")                // the SDK adds it
		p.Tools = append(p.Tools, sdk.ToolUnionParam{OfTool: &sdk.ToolParam{
			Name:        t.Name,
			Description: sdk.String(t.Description),
			InputSchema: sdk.ToolInputSchemaParam{ExtraFields: schema},
		}})
	}
	for _, msg := range req.Messages {
		p.Messages = append(p.Messages, message(msg))
	}
	markCache(p.Messages)
	return p
}

// reason asks for an effort in the form that the endpoint is known to accept.
func (m *Model) reason(p *sdk.MessageNewParams, effort string) {
	if effort == "" || m.habits.Have(noThinking) {
		return
	}
	if !m.habits.Have(noEffort) && !m.habits.Have(noAdaptive) {
		p.OutputConfig.Effort = sdk.OutputConfigEffort(effort)
	}
	if !m.habits.Have(noAdaptive) {
		p.Thinking.OfAdaptive = &sdk.ThinkingConfigAdaptiveParam{}
		return
	}
	tokens := map[string]int64{"minimal": 1024, "low": 2048, "medium": 4096, "high": 8192}[effort]
	if tokens == 0 {
		tokens = 16384
	}
	const least = 1024 // the vendor's lower limit; the answer itself needs as much
	if tokens = min(tokens, p.MaxTokens/2); tokens >= least {
		p.Thinking.OfEnabled = &sdk.ThinkingConfigEnabledParam{BudgetTokens: tokens}
	}
}

// markCache puts cache breakpoints after the first message and after the last
// two of the user: the latter is where the previous request's entry ends.
func markCache(messages []sdk.MessageParam) {
	marked := 0
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role != sdk.MessageParamRoleUser || marked == 2 && i != 0 {
			continue
		}
		blocks := messages[i].Content
		if len(blocks) == 0 {
			continue
		}
		if c := blocks[len(blocks)-1].GetCacheControl(); c != nil {
			*c = sdk.NewCacheControlEphemeralParam()
			marked++
		}
	}
}

func message(msg llm.Message) sdk.MessageParam {
	var blocks []sdk.ContentBlockParamUnion
	for _, r := range msg.Results {
		blocks = append(blocks, sdk.NewToolResultBlock(r.ID, r.Text.String(), r.Error))
	}
	msg.Parts(
		func(data json.RawMessage) {
			blocks = append(blocks, param.Override[sdk.ContentBlockParamUnion](data))
		},
		func(text string) { blocks = append(blocks, sdk.NewTextBlock(text)) },
		func(c llm.ToolCall) {
			blocks = append(blocks, sdk.NewToolUseBlock(c.ID, llm.ObjectOrEmpty(c.Input), c.Name))
		})
	if msg.Role == llm.Assistant {
		return sdk.NewAssistantMessage(blocks...)
	}
	return sdk.NewUserMessage(blocks...)
}

func response(a *sdk.Message) *llm.Response {
	r := &llm.Response{Stop: llm.StopEnd}
	parts := 0
	for _, b := range a.Content {
		switch b.Type {
		case "text":
			if r.Text == "" && b.Text != "" {
				parts++
			}
			r.Text += b.Text
		case "tool_use":
			parts++
			r.Calls = append(r.Calls, llm.ToolCall{ID: b.ID, Name: b.Name, Input: b.Input})
		case "thinking", "redacted_thinking":
			r.Reasoning = append(r.Reasoning, llm.Reasoning{After: parts, Data: json.RawMessage(b.RawJSON())})
		}
	}
	switch a.StopReason {
	case sdk.StopReasonMaxTokens:
		r.Stop = llm.StopMaxTokens
	case sdk.StopReasonToolUse:
		r.Stop = llm.StopTools
	case sdk.StopReasonRefusal:
		r.Stop = llm.StopRefusal
	}
	u := a.Usage
	// input_tokens excludes tokens read from or written to the cache.
	r.Usage = llm.Usage{
		Input:  int(u.InputTokens + u.CacheCreationInputTokens + u.CacheReadInputTokens),
		Output: int(u.OutputTokens), Cached: int(u.CacheReadInputTokens), Written: int(u.CacheCreationInputTokens),
	}
	return r
}
