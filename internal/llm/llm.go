// Package llm is the interface to language models: a [Model] turns messages and
// tool definitions into the next message. It is stateless: the caller keeps the
// conversation. Prompts are redact.Clean, so that nothing private can reach a
// vendor.
package llm

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"github.com/repaird/repaird/internal/redact"
)

// A Model generates the next message of a conversation. Implementations are
// safe for concurrent use and keep nothing of a conversation. Errors are of kind
// fault.Retryable (overload, timeout), fault.Denied (authentication),
// fault.Invalid (request rejected; [ErrContext] if the conversation is too long)
// or fault.Budget (quota or credit exhausted).
type Model interface {
	Name() string // vendor/model, as recorded in the ledger
	// Generate returns the next message. The Response that comes with an error
	// is nil or has only Usage: what the vendor had reported by then.
	Generate(ctx context.Context, req Request) (*Response, error)
}

// A Request is the conversation so far, with the tools on offer.
type Request struct {
	System      redact.Clean
	Messages    []Message
	Tools       []Tool
	MaxTokens   int            // limit on completion tokens, reasoning included
	Temperature *float64       // nil: the vendor's default
	Effort      string         // of reasoning, such as low, medium or high; "" the vendor's default
	Progress    func(Progress) // called from Generate's goroutine while it waits and reads; may be nil
}

// Progress says how far a call is.
type Progress struct {
	Bytes int           // of the response, its reasoning included, that have arrived
	Wait  time.Duration // not 0: the call is about to wait so long before it is repeated
	Why   error         // why it waits
}

func (r Request) progress(p Progress) {
	if r.Progress != nil {
		r.Progress(p)
	}
}

// A Role is the author of a message.
type Role string

// The roles.
const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// A Message is one turn. A user turn holds Text or Results; an assistant turn
// holds Text, Calls and Reasoning.
type Message struct {
	Role      Role
	Text      redact.Clean
	Calls     []ToolCall
	Results   []ToolResult
	Reasoning []Reasoning
}

// Reasoning is a part of a model's turn that only its vendor reads: a thinking
// block with its signature, an encrypted item. Vendors expect it back unchanged
// and in its place. It never leaves the conversation with the vendor that made it.
type Reasoning struct {
	After int // how many of the turn's other parts (its text, if any, then its calls) come before it
	Data  json.RawMessage
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
	Extra json.RawMessage // what the vendor adds to the call and expects back, such as a signature; may be nil
}

// A ToolResult answers a ToolCall.
type ToolResult struct {
	ID    string
	Text  redact.Clean
	Error bool
}

// A Response is the model's turn. All of it is untrusted.
type Response struct {
	Text      string
	Calls     []ToolCall
	Reasoning []Reasoning
	Stop      string // end_turn, tool_use, max_tokens, refusal
	Usage     Usage
}

// Usage counts the tokens of calls.
type Usage struct {
	Input      int `json:"input_tokens"`
	Output     int `json:"output_tokens"`                  // reasoning included
	Cached     int `json:"cached_tokens"`                  // the part of Input read from the vendor's cache
	Written    int `json:"cache_written_tokens,omitempty"` // the part of Input written to it
	Unreported int `json:"unreported_requests,omitempty"`  // requests that were cut off before the vendor said what they used
}

// Add returns the sum of u and o.
func (u Usage) Add(o Usage) Usage {
	return Usage{u.Input + o.Input, u.Output + o.Output, u.Cached + o.Cached, u.Written + o.Written, u.Unreported + o.Unreported}
}

// Used reports whether anything was asked for.
func (u Usage) Used() bool { return u != Usage{} }

// Parts calls the functions for the parts of an assistant turn, in the order in
// which the vendor sent them.
func (m Message) Parts(reasoning func(json.RawMessage), text func(string), call func(ToolCall)) {
	n, i := 0, 0
	flush := func() {
		for ; i < len(m.Reasoning) && m.Reasoning[i].After <= n; i++ {
			reasoning(m.Reasoning[i].Data)
		}
	}
	flush()
	if t := m.Text.String(); t != "" {
		text(t)
		n++
		flush()
	}
	for _, c := range m.Calls {
		call(c)
		n++
		flush()
	}
	n = math.MaxInt
	flush()
}
