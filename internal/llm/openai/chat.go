package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
)

// A Model is an OpenAI model, or one behind a compatible endpoint, that is asked
// through chat completions.
type Model struct{ endpoint }

var _ llm.Model = (*Model)(nil)

// New returns a model. BaseURL is the part before "chat/completions", such as
// "http://localhost:8000/v1".
func New(opts llm.Options) (*Model, error) {
	m := &Model{}
	return m, m.open(opts)
}

// Generate implements llm.Model.
func (m *Model) Generate(ctx context.Context, req llm.Request) (*llm.Response, error) {
	var last sent
	try := func(ctx context.Context) (*llm.Response, error) {
		var p sdk.ChatCompletionNewParams
		p, last = m.params(req)
		return m.try(ctx, "chat/completions", p, req, &completion{})
	}
	return m.opts.Generate(ctx, vendor, req, try, func(err error) bool { return m.adapt(last, err) })
}

func (m *Model) params(req llm.Request) (sdk.ChatCompletionNewParams, sent) {
	s := sent{answer: m.habits.Answer(req.MaxTokens), limit: "max_tokens"}
	p := sdk.ChatCompletionNewParams{Model: m.opts.Model}
	if (m.opts.BaseURL == official) != m.habits.Have(otherLimit) {
		s.limit = "max_completion_tokens"
		p.MaxCompletionTokens = sdk.Int(int64(s.answer))
	} else {
		p.MaxTokens = sdk.Int(int64(s.answer))
	}
	if s.temperature = req.Temperature != nil && !m.habits.Have(noTemperature); s.temperature {
		p.Temperature = sdk.Float(*req.Temperature)
	}
	if s.effort = req.Effort != "" && !m.habits.Have(noEffort); s.effort {
		p.ReasoningEffort = shared.ReasoningEffort(req.Effort)
	}
	if s.usage = !m.habits.Have(noUsage) && !m.habits.Have(noStream); s.usage {
		p.StreamOptions.IncludeUsage = sdk.Bool(true)
	}
	if text := req.System.String(); text != "" {
		p.Messages = append(p.Messages, sdk.SystemMessage(text))
	}
	for _, t := range req.Tools {
		p.Tools = append(p.Tools, sdk.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name: t.Name, Description: sdk.String(t.Description), Parameters: schema(t),
		}))
	}
	think := !m.habits.Have(noReasoning)
	for _, msg := range req.Messages {
		s.reasoning = s.reasoning || think && len(msg.Reasoning) > 0
		p.Messages = append(p.Messages, messages(msg, think)...)
	}
	return p, s
}

// messages is one turn; its reasoning goes back in the fields in which it came.
func messages(msg llm.Message, think bool) []sdk.ChatCompletionMessageParamUnion {
	if msg.Role == llm.Assistant {
		var a sdk.ChatCompletionAssistantMessageParam
		if t := msg.Text.String(); t != "" {
			a.Content.OfString = sdk.String(t)
		}
		for _, c := range msg.Calls {
			call := &sdk.ChatCompletionMessageFunctionToolCallParam{
				ID: c.ID,
				Function: sdk.ChatCompletionMessageFunctionToolCallFunctionParam{
					Name: c.Name, Arguments: string(llm.ObjectOrEmpty(c.Input)),
				},
			}
			if think && c.Extra != nil {
				call.SetExtraFields(map[string]any{"extra_content": c.Extra})
			}
			a.ToolCalls = append(a.ToolCalls, sdk.ChatCompletionMessageToolCallUnionParam{OfFunction: call})
		}
		fields := map[string]any{}
		for _, r := range msg.Reasoning {
			var part map[string]json.RawMessage
			if think && json.Unmarshal(r.Data, &part) == nil {
				for name, value := range part {
					fields[name] = value
				}
			}
		}
		if len(fields) > 0 {
			a.SetExtraFields(fields)
		}
		return []sdk.ChatCompletionMessageParamUnion{{OfAssistant: &a}}
	}
	var out []sdk.ChatCompletionMessageParamUnion
	for _, r := range msg.Results {
		out = append(out, sdk.ToolMessage(result(r), r.ID))
	}
	if t := msg.Text.String(); t != "" {
		out = append(out, sdk.UserMessage(t))
	}
	return out
}

// A chunk is an event of a stream, or the whole document: then Message stands
// where Delta does.
type chunk struct {
	Choices []struct {
		Delta        delta  `json:"delta"`
		Message      delta  `json:"message"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		PromptTokens        int `json:"prompt_tokens"`
		CompletionTokens    int `json:"completion_tokens"`
		PromptTokensDetails struct {
			CachedTokens int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	} `json:"usage"`
	Error *failure `json:"error"`
}

type delta struct {
	Role             string            `json:"role"`
	Content          string            `json:"content"`
	Refusal          string            `json:"refusal"`
	ReasoningContent string            `json:"reasoning_content"` // DeepSeek, Moonshot, vLLM
	Reasoning        string            `json:"reasoning"`         // gateways
	ReasoningDetails []json.RawMessage `json:"reasoning_details"` // gateways, with signatures
	ExtraContent     json.RawMessage   `json:"extra_content"`     // Gemini
	ToolCalls        []struct {
		Index    int    `json:"index"`
		ID       string `json:"id"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
		ExtraContent json.RawMessage `json:"extra_content"` // Gemini's signatures
	} `json:"tool_calls"`
}

// A completion is a chat completion as far as it has arrived.
type completion struct {
	text, content, reasoning bytes.Buffer
	details                  []json.RawMessage
	extra                    json.RawMessage
	calls                    []llm.ToolCall
	indices                  []int // of calls, as the endpoint counts
	refused                  bool
	finish                   string
	any                      bool
	usage                    llm.Usage
}

func (c *completion) event(data []byte) error {
	if bytes.Equal(data, []byte("[DONE]")) {
		return io.EOF
	}
	return c.add(data, false)
}

func (c *completion) whole(data []byte) error { return c.add(data, true) }

func (c *completion) add(data []byte, whole bool) error {
	var k chunk
	if err := json.Unmarshal(data, &k); err != nil {
		return err
	}
	if k.Error != nil {
		return k.Error.refusal()
	}
	if u := k.Usage; u != nil {
		c.usage = llm.Usage{Input: u.PromptTokens, Output: u.CompletionTokens, Cached: u.PromptTokensDetails.CachedTokens}
	}
	if len(k.Choices) == 0 {
		return nil
	}
	c.any = true
	d := k.Choices[0].Delta
	if whole {
		d = k.Choices[0].Message
	}
	if f := k.Choices[0].FinishReason; f != "" {
		c.finish = f
	}
	c.text.WriteString(d.Content)
	if d.Refusal != "" {
		c.refused = true
		c.text.WriteString(d.Refusal)
	}
	c.content.WriteString(d.ReasoningContent)
	c.reasoning.WriteString(d.Reasoning)
	c.details = append(c.details, d.ReasoningDetails...)
	if d.ExtraContent != nil {
		c.extra = d.ExtraContent
	}
	for i, t := range d.ToolCalls {
		if whole {
			t.Index = i
		}
		at := len(c.calls) - 1
		for at >= 0 && c.indices[at] != t.Index {
			at--
		}
		if at < 0 || t.ID != "" && c.calls[at].ID != "" && t.ID != c.calls[at].ID { // some endpoints give every call the index 0
			at = len(c.calls)
			c.calls, c.indices = append(c.calls, llm.ToolCall{}), append(c.indices, t.Index)
		}
		call := &c.calls[at]
		if t.ID != "" {
			call.ID = t.ID
		}
		if t.Function.Name != "" {
			call.Name = t.Function.Name
		}
		call.Input = append(call.Input, t.Function.Arguments...)
		if t.ExtraContent != nil {
			call.Extra = t.ExtraContent
		}
	}
	return nil
}

func (c *completion) response() (*llm.Response, error) {
	r := &llm.Response{Text: c.text.String(), Calls: c.calls, Stop: llm.StopEnd, Usage: c.usage}
	if !c.any {
		return r, fault.Errorf(fault.Retryable, "malformed response: no choices")
	}
	fields := map[string]any{}
	if c.content.Len() > 0 {
		fields["reasoning_content"] = c.content.String()
	}
	if c.reasoning.Len() > 0 {
		fields["reasoning"] = c.reasoning.String()
	}
	if c.details != nil {
		fields["reasoning_details"] = c.details
	}
	if c.extra != nil {
		fields["extra_content"] = c.extra
	}
	if len(fields) > 0 {
		data, err := json.Marshal(fields)
		if err != nil {
			return r, fault.Errorf(fault.Retryable, "malformed response: %w", err)
		}
		r.Reasoning = []llm.Reasoning{{Data: data}}
	}
	switch {
	case c.refused, c.finish == "content_filter":
		r.Stop = llm.StopRefusal
	case c.finish == "length":
		r.Stop = llm.StopMaxTokens
	case len(r.Calls) > 0: // some endpoints report "stop" along with tool calls
		r.Stop = llm.StopTools
	}
	return r, nil
}
