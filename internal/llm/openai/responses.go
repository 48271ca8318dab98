package openai

import (
	"context"
	"encoding/json"
	"io"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
)

// A ResponsesModel is an OpenAI model, or one behind a compatible endpoint, that
// is asked through the Responses API.
type ResponsesModel struct{ endpoint }

var _ llm.Model = (*ResponsesModel)(nil)

// NewResponses returns a model. BaseURL is the part before "responses".
func NewResponses(opts llm.Options) (*ResponsesModel, error) {
	m := &ResponsesModel{}
	return m, m.open(opts)
}

// Generate implements llm.Model.
func (m *ResponsesModel) Generate(ctx context.Context, req llm.Request) (*llm.Response, error) {
	var last sent
	try := func(ctx context.Context) (*llm.Response, error) {
		var p responses.ResponseNewParams
		p, last = m.params(req)
		return m.try(ctx, "responses", p, req, &items{})
	}
	return m.opts.Generate(ctx, vendor, req, try, func(err error) bool { return m.adapt(last, err) })
}

func (m *ResponsesModel) params(req llm.Request) (responses.ResponseNewParams, sent) {
	s := sent{answer: m.habits.Answer(req.MaxTokens), limit: "max_output_tokens"}
	p := responses.ResponseNewParams{Model: m.opts.Model, Store: sdk.Bool(false), MaxOutputTokens: sdk.Int(int64(s.answer))}
	if s.temperature = req.Temperature != nil && !m.habits.Have(noTemperature); s.temperature {
		p.Temperature = sdk.Float(*req.Temperature)
	}
	if s.effort = req.Effort != "" && !m.habits.Have(noEffort); s.effort {
		p.Reasoning.Effort = shared.ReasoningEffort(req.Effort)
	}
	if s.reasoning = !m.habits.Have(noReasoning); s.reasoning {
		p.Include = []responses.ResponseIncludable{responses.ResponseIncludableReasoningEncryptedContent}
	}
	if text := req.System.String(); text != "" {
		p.Instructions = sdk.String(text)
	}
	for _, t := range req.Tools {
		p.Tools = append(p.Tools, responses.ToolUnionParam{OfFunction: &responses.FunctionToolParam{
			Name: t.Name, Description: sdk.String(t.Description), Parameters: schema(t), Strict: sdk.Bool(false), // strict schemas allow no optional properties
		}})
	}
	for _, msg := range req.Messages {
		p.Input.OfInputItemList = append(p.Input.OfInputItemList, inputs(msg, s.reasoning)...)
	}
	return p, s
}

// inputs is one turn as items.
func inputs(msg llm.Message, think bool) (out []responses.ResponseInputItemUnionParam) {
	for _, r := range msg.Results {
		item := responses.ResponseInputItemParamOfFunctionCallOutput(result(r))
		item.OfFunctionCallOutput.CallID = sdk.String(r.ID)
		out = append(out, item)
	}
	role := responses.EasyInputMessageRoleUser
	if msg.Role == llm.Assistant {
		role = responses.EasyInputMessageRoleAssistant
	}
	msg.Parts(
		func(data json.RawMessage) {
			if think {
				out = append(out, param.Override[responses.ResponseInputItemUnionParam](data))
			}
		},
		func(text string) { out = append(out, responses.ResponseInputItemParamOfMessage(text, role)) },
		func(c llm.ToolCall) {
			out = append(out, responses.ResponseInputItemParamOfFunctionCall(string(llm.ObjectOrEmpty(c.Input)), c.ID, c.Name))
		})
	return out
}

// An output is a response of the API as far as it matters.
type output struct {
	Status string            `json:"status"`
	Output []json.RawMessage `json:"output"`
	Error  *failure          `json:"error"`
	Detail *struct {
		Reason string `json:"reason"`
	} `json:"incomplete_details"`
	Usage *struct {
		InputTokens        int `json:"input_tokens"`
		OutputTokens       int `json:"output_tokens"`
		InputTokensDetails struct {
			CachedTokens int `json:"cached_tokens"`
		} `json:"input_tokens_details"`
	} `json:"usage"`
}

// items is a response as far as it has arrived.
type items struct {
	list  []json.RawMessage
	final *output
}

func (s *items) event(data []byte) error {
	var e struct {
		Type     string          `json:"type"`
		Item     json.RawMessage `json:"item"`
		Response *output         `json:"response"`
		Error    *failure        `json:"error"`
		failure
	}
	if err := json.Unmarshal(data, &e); err != nil {
		return err
	}
	switch e.Type {
	case "response.output_item.done":
		s.list = append(s.list, e.Item)
	case "response.completed", "response.incomplete", "response.failed":
		s.final = e.Response
		return io.EOF
	case "error":
		if e.Error != nil {
			return e.Error.refusal()
		}
		return e.failure.refusal()
	}
	return nil
}

func (s *items) whole(data []byte) error { return json.Unmarshal(data, &s.final) }

func (s *items) response() (*llm.Response, error) {
	r := &llm.Response{Stop: llm.StopEnd}
	f := s.final
	if f == nil {
		return r, fault.Errorf(fault.Retryable, "malformed response: no response")
	}
	if u := f.Usage; u != nil {
		r.Usage = llm.Usage{Input: u.InputTokens, Output: u.OutputTokens, Cached: u.InputTokensDetails.CachedTokens}
	}
	if f.Error != nil {
		return r, f.Error.refusal()
	}
	list := f.Output
	if len(list) == 0 {
		list = s.list
	}
	if len(list) == 0 && f.Status != "incomplete" {
		return r, fault.Errorf(fault.Retryable, "malformed response: no output")
	}
	refused, err := collect(r, list)
	if err != nil {
		return r, err
	}
	switch {
	case refused, f.Detail != nil && f.Detail.Reason == "content_filter":
		r.Stop = llm.StopRefusal
	case f.Status == "incomplete":
		r.Stop = llm.StopMaxTokens
	case len(r.Calls) > 0:
		r.Stop = llm.StopTools
	}
	return r, nil
}

// collect adds a response's items to r.
func collect(r *llm.Response, list []json.RawMessage) (refused bool, err error) {
	parts := 0
	for _, raw := range list {
		var item struct {
			Type      string `json:"type"`
			CallID    string `json:"call_id"`
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
			Content   []struct {
				Text    string `json:"text"`
				Refusal string `json:"refusal"`
			} `json:"content"`
		}
		if err := json.Unmarshal(raw, &item); err != nil {
			return refused, err
		}
		switch item.Type {
		case "reasoning":
			r.Reasoning = append(r.Reasoning, llm.Reasoning{After: parts, Data: raw})
		case "function_call":
			parts++
			r.Calls = append(r.Calls, llm.ToolCall{ID: item.CallID, Name: item.Name, Input: json.RawMessage(item.Arguments)})
		case "message":
			before := r.Text
			for _, c := range item.Content {
				r.Text += c.Text + c.Refusal
				refused = refused || c.Refusal != ""
			}
			if before == "" && r.Text != "" {
				parts++
			}
		}
	}
	return refused, nil
}
