// Package llm is the contract with language models: a [Model] turns messages
// and tool definitions into the next message. It has no mutable state: the
// caller holds the conversation. Prompts are redact.Clean, so that nothing
// private can reach a vendor.
package llm

import (
	"context"
	"encoding/json"

	"github.com/repaird/repaird/internal/redact"
)

// A Model generates the next message of a conversation. Implementations are
// safe for concurrent use and keep nothing between calls. Errors are of kind
// fault.Retryable (overload, time-out), fault.Denied (key), fault.Invalid
// (request refused) or fault.Budget.
type Model interface {
	Name() string // vendor/model, for the record
	Generate(ctx context.Context, req Request) (*Response, error)
}

// A Request is a whole conversation so far.
type Request struct {
	System      redact.Clean
	Messages    []Message
	Tools       []Tool
	MaxTokens   int // of the answer
	Temperature float64
}

// A Role is who speaks.
type Role string

// The roles.
const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// A Message is one turn. A user turn holds Text or Results; an assistant turn
// holds Text and Calls.
type Message struct {
	Role    Role
	Text    redact.Clean
	Calls   []ToolCall
	Results []ToolResult
}

// A Tool is a function that the model may call. Schema is a JSON Schema object
// with additionalProperties false.
type Tool struct {
	Name        string
	Description string
	Schema      json.RawMessage
}

// A ToolCall is the model's wish. Input is hostile JSON.
type ToolCall struct {
	ID    string
	Name  string
	Input json.RawMessage
}

// A ToolResult answers a ToolCall.
type ToolResult struct {
	ID    string
	Text  redact.Clean
	Error bool
}

// A Response is the model's turn. Text is the model's, so hostile.
type Response struct {
	Text  string
	Calls []ToolCall
	Stop  string // end_turn, tool_use, max_tokens
	Usage Usage
}

// Usage counts tokens of one call.
type Usage struct {
	Input  int `json:"input_tokens"`
	Output int `json:"output_tokens"`
	Cached int `json:"cached_tokens"` // part of Input that was read from the vendor's cache
}

// Add sums usage.
func (u Usage) Add(o Usage) Usage {
	return Usage{u.Input + o.Input, u.Output + o.Output, u.Cached + o.Cached}
}
