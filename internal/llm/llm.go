// Package llm is the interface to language models: a [Model] turns messages and
// tool definitions into the next message. It is stateless: the caller keeps the
// conversation. Prompts are redact.Clean, so that nothing private can reach a
// vendor.
package llm

import (
	"context"
	"encoding/json"

	"github.com/repaird/repaird/internal/redact"
)

// A Model generates the next message of a conversation. Implementations are
// safe for concurrent use and stateless. Errors are of kind fault.Retryable
// (overload, timeout), fault.Denied (authentication), fault.Invalid (request
// rejected) or fault.Budget (quota or credit exhausted).
type Model interface {
	Name() string // vendor/model, as recorded in the ledger
	Generate(ctx context.Context, req Request) (*Response, error)
}

// A Request is the conversation so far, with the tools on offer.
type Request struct {
	System      redact.Clean
	Messages    []Message
	Tools       []Tool
	MaxTokens   int // limit on completion tokens
	Temperature float64
}

// A Role is the author of a message.
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

// A ToolCall is a model's request to call a tool. Input is untrusted JSON.
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

// A Response is the model's turn. Its Text and Calls are untrusted.
type Response struct {
	Text  string
	Calls []ToolCall
	Stop  string // end_turn, tool_use, max_tokens
	Usage Usage
}

// Usage counts the tokens of one call.
type Usage struct {
	Input  int `json:"input_tokens"`
	Output int `json:"output_tokens"`
	Cached int `json:"cached_tokens"` // the part of Input read from the vendor's cache
}

// Add returns the sum of u and o.
func (u Usage) Add(o Usage) Usage {
	return Usage{u.Input + o.Input, u.Output + o.Output, u.Cached + o.Cached}
}
