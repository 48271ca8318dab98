// Package openai implements llm.Model with the chat completions API, through
// OpenAI's official SDK. Compatible endpoints (self-hosted servers, gateways)
// implement chat completions with tools, which is why it is preferred to newer
// APIs. The package is stateless, ignores the environment, and leaves retries to
// package llm, which bounds them.
package openai

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
)

const (
	vendor   = "openai"
	official = "https://api.openai.com/v1/"
)

// A Model is an OpenAI model, or one behind a compatible endpoint.
type Model struct {
	opts        llm.Options
	completions sdk.ChatCompletionService
}

var _ llm.Model = (*Model)(nil)

// New returns a model. BaseURL is the part before "chat/completions", such as
// "http://localhost:8000/v1".
func New(opts llm.Options) (*Model, error) {
	opts, err := opts.Validate()
	if err != nil {
		return nil, err
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
	return &Model{opts, sdk.NewChatCompletionService(ro...)}, nil
}

// Name returns "openai/" followed by the model's name.
func (m *Model) Name() string { return vendor + "/" + m.opts.Model }

// Generate implements llm.Model.
func (m *Model) Generate(ctx context.Context, req llm.Request) (*llm.Response, error) {
	params := m.params(req)
	var answer *sdk.ChatCompletion
	err := m.opts.Retry.Do(ctx, func(ctx context.Context) error {
		try, cancel := context.WithTimeout(ctx, m.opts.Timeout)
		defer cancel()
		var err error
		for range 3 { // adapt changes at most two parameters
			answer, err = m.completions.New(try, params)
			if err == nil || !adapt(&params, err) {
				break
			}
		}
		var refused *sdk.Error
		if errors.As(err, &refused) {
			return refusal(refused)
		}
		if err != nil {
			return llm.TransportError(ctx, vendor, err)
		}
		if answer == nil || len(answer.Choices) == 0 {
			return fault.Errorf(fault.Retryable, "%s: malformed response: no choices", vendor)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return response(answer), nil
}

// adapt removes or renames a parameter that the endpoint rejected with status
// 400: models differ on temperature and on the name of the token limit.
func adapt(p *sdk.ChatCompletionNewParams, err error) bool {
	var refused *sdk.Error
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusBadRequest {
		return false
	}
	text := refused.Param + " " + refused.Message
	switch {
	case strings.Contains(text, "temperature") && p.Temperature.Valid():
		p.Temperature = param.Opt[float64]{}
	case strings.Contains(text, "max_completion_tokens") && p.MaxTokens.Valid():
		p.MaxCompletionTokens, p.MaxTokens = p.MaxTokens, param.Opt[int64]{}
	case strings.Contains(text, "max_completion_tokens") && p.MaxCompletionTokens.Valid():
		p.MaxTokens, p.MaxCompletionTokens = p.MaxCompletionTokens, param.Opt[int64]{}
	default:
		return false
	}
	return true
}

func refusal(e *sdk.Error) error {
	header := http.Header{}
	if e.Response != nil {
		header = e.Response.Header
	}
	message := e.Message
	if message == "" {
		message = "no message"
	}
	if e.StatusCode == http.StatusTooManyRequests && e.Code == "insufficient_quota" {
		// An exhausted quota does not recover by waiting.
		return fault.Errorf(fault.Budget, "%s: %w", vendor, &llm.StatusError{Status: e.StatusCode, Message: message})
	}
	return llm.RefusalOf(vendor, e.StatusCode, header, message)
}

func (m *Model) params(req llm.Request) sdk.ChatCompletionNewParams {
	p := sdk.ChatCompletionNewParams{
		Model:       m.opts.Model,
		Temperature: sdk.Float(req.Temperature),
	}
	if m.opts.BaseURL == official {
		p.MaxCompletionTokens = sdk.Int(int64(req.MaxTokens))
	} else {
		p.MaxTokens = sdk.Int(int64(req.MaxTokens))
	}
	if s := req.System.String(); s != "" {
		p.Messages = append(p.Messages, sdk.SystemMessage(s))
	}
	for _, t := range req.Tools {
		var schema map[string]any
		_ = json.Unmarshal(t.Schema, &schema) // the caller's own constant
		p.Tools = append(p.Tools, sdk.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name: t.Name, Description: sdk.String(t.Description), Parameters: schema,
		}))
	}
	for _, msg := range req.Messages {
		p.Messages = append(p.Messages, messages(msg)...)
	}
	return p
}

func messages(msg llm.Message) []sdk.ChatCompletionMessageParamUnion {
	if msg.Role == llm.Assistant {
		var a sdk.ChatCompletionAssistantMessageParam
		if t := msg.Text.String(); t != "" {
			a.Content.OfString = sdk.String(t)
		}
		for _, c := range msg.Calls {
			a.ToolCalls = append(a.ToolCalls, sdk.ChatCompletionMessageToolCallUnionParam{
				OfFunction: &sdk.ChatCompletionMessageFunctionToolCallParam{
					ID: c.ID,
					Function: sdk.ChatCompletionMessageFunctionToolCallFunctionParam{
						Name: c.Name, Arguments: string(llm.ObjectOrEmpty(c.Input)),
					},
				},
			})
		}
		return []sdk.ChatCompletionMessageParamUnion{{OfAssistant: &a}}
	}
	var out []sdk.ChatCompletionMessageParamUnion
	for _, r := range msg.Results {
		text := r.Text.String()
		if r.Error {
			text = "error: " + text // this API has no error flag
		}
		out = append(out, sdk.ToolMessage(text, r.ID))
	}
	if t := msg.Text.String(); t != "" {
		out = append(out, sdk.UserMessage(t))
	}
	return out
}

func response(a *sdk.ChatCompletion) *llm.Response {
	choice := a.Choices[0]
	r := &llm.Response{Text: choice.Message.Content, Stop: llm.StopEnd}
	for _, c := range choice.Message.ToolCalls {
		r.Calls = append(r.Calls, llm.ToolCall{ID: c.ID, Name: c.Function.Name, Input: json.RawMessage(c.Function.Arguments)})
	}
	switch {
	case choice.FinishReason == "length":
		r.Stop = llm.StopMaxTokens
	case len(r.Calls) > 0: // some endpoints report "stop" along with tool calls
		r.Stop = llm.StopTools
	}
	r.Usage = llm.Usage{
		Input: int(a.Usage.PromptTokens), Output: int(a.Usage.CompletionTokens),
		Cached: int(a.Usage.PromptTokensDetails.CachedTokens),
	}
	return r
}
