// Package anthropic implements llm.Model with Anthropic's Messages API, through
// the official SDK. It is stateless, ignores the environment, and leaves retries
// to package llm, which bounds them.
package anthropic

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
)

const vendor = "anthropic"

// A Model is an Anthropic model, or one behind a compatible endpoint.
type Model struct {
	opts     llm.Options
	messages sdk.MessageService
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
	return &Model{opts, sdk.NewClient(ro...).Messages}, nil
}

// Name returns "anthropic/" followed by the model's name.
func (m *Model) Name() string { return vendor + "/" + m.opts.Model }

// Generate implements llm.Model.
func (m *Model) Generate(ctx context.Context, req llm.Request) (*llm.Response, error) {
	params := m.params(req)
	var answer *sdk.Message
	err := m.opts.Retry.Do(ctx, func(ctx context.Context) error {
		try, cancel := context.WithTimeout(ctx, m.opts.Timeout)
		defer cancel()
		var err error
		answer, err = m.messages.New(try, params)
		var refused *sdk.Error
		if errors.As(err, &refused) {
			err = refusal(refused)
			var status *llm.StatusError
			if !errors.As(err, &status) || status.Status != http.StatusBadRequest ||
				!params.Temperature.Valid() || !strings.Contains(status.Message, "temperature") {
				return err
			}
			// Some models reject a temperature: retry without.
			params.Temperature = sdk.MessageNewParams{}.Temperature
			answer, err = m.messages.New(try, params)
			if errors.As(err, &refused) {
				return refusal(refused)
			}
		}
		if err != nil {
			return llm.TransportError(ctx, vendor, err)
		}
		if answer == nil || answer.Role != "assistant" {
			return fault.Errorf(fault.Retryable, "%s: malformed response", vendor)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return response(answer), nil
}

func refusal(e *sdk.Error) error {
	var body struct {
		Error struct{ Message string }
	}
	message := "no message"
	if json.Unmarshal([]byte(e.RawJSON()), &body) == nil && body.Error.Message != "" {
		message = body.Error.Message
	}
	header := http.Header{}
	if e.Response != nil {
		header = e.Response.Header
	}
	return llm.RefusalOf(vendor, e.StatusCode, header, message)
}

func (m *Model) params(req llm.Request) sdk.MessageNewParams {
	p := sdk.MessageNewParams{
		Model:       m.opts.Model,
		MaxTokens:   int64(req.MaxTokens),
		Temperature: sdk.Float(req.Temperature),
	}
	if s := req.System.String(); s != "" {
		// The system prompt and the tools are the same in every turn, so cache them.
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
	return p
}

func message(msg llm.Message) sdk.MessageParam {
	var blocks []sdk.ContentBlockParamUnion
	for _, r := range msg.Results {
		blocks = append(blocks, sdk.NewToolResultBlock(r.ID, r.Text.String(), r.Error))
	}
	if t := msg.Text.String(); t != "" {
		blocks = append(blocks, sdk.NewTextBlock(t))
	}
	for _, c := range msg.Calls {
		blocks = append(blocks, sdk.NewToolUseBlock(c.ID, llm.ObjectOrEmpty(c.Input), c.Name))
	}
	if msg.Role == llm.Assistant {
		return sdk.NewAssistantMessage(blocks...)
	}
	return sdk.NewUserMessage(blocks...)
}

func response(a *sdk.Message) *llm.Response {
	r := &llm.Response{Stop: llm.StopEnd}
	for _, b := range a.Content {
		switch b.Type {
		case "text":
			r.Text += b.Text
		case "tool_use":
			r.Calls = append(r.Calls, llm.ToolCall{ID: b.ID, Name: b.Name, Input: b.Input})
		}
	}
	switch a.StopReason {
	case sdk.StopReasonMaxTokens:
		r.Stop = llm.StopMaxTokens
	case sdk.StopReasonToolUse:
		r.Stop = llm.StopTools
	}
	cached := int(a.Usage.CacheReadInputTokens)
	// input_tokens excludes tokens read from or written to the cache.
	r.Usage = llm.Usage{
		Input:  int(a.Usage.InputTokens+a.Usage.CacheCreationInputTokens) + cached,
		Output: int(a.Usage.OutputTokens), Cached: cached,
	}
	return r
}
