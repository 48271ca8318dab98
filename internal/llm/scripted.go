package llm

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/repaird/repaird/internal/fault"
)

// A Turn is one turn of a [Scripted] model: an error or a Response. Answer, if
// set, computes the response from the request instead, so that a script can
// react to tool results.
type Turn struct {
	Text      string
	Calls     []ToolCall
	Reasoning []Reasoning
	Stop      string // default: tool_use if there are Calls, else end_turn
	Usage     Usage
	Err       error
	Answer    func(Request) (*Response, error)
}

// Call returns a turn with one tool call; input is marshalled to JSON.
func Call(name string, input any) Turn {
	data, err := json.Marshal(input)
	if err != nil {
		data = []byte(`null`)
	}
	return Turn{Calls: []ToolCall{{ID: "call_" + name, Name: name, Input: data}}}
}

// Scripted is a fake [Model] for tests. It plays its turns in order and records
// every request. After the last turn it repeats that turn if Loop is set, and
// fails with fault.Internal otherwise.
type Scripted struct {
	Turns []Turn
	Loop  bool

	mu       sync.Mutex
	requests []Request
}

var _ Model = (*Scripted)(nil)

// Name is "scripted/fake".
func (s *Scripted) Name() string { return "scripted/fake" }

// Requests returns a copy of the requests so far.
func (s *Scripted) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Generate plays the next turn.
func (s *Scripted) Generate(ctx context.Context, req Request) (*Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Errorf(fault.Retryable, "scripted model: %w", err)
	}
	s.mu.Lock()
	n := len(s.requests)
	req.Messages = append([]Message(nil), req.Messages...)
	s.requests = append(s.requests, req)
	s.mu.Unlock()
	if n >= len(s.Turns) {
		if !s.Loop || len(s.Turns) == 0 {
			return nil, fmt.Errorf("scripted model: turn %d does not exist", n+1)
		}
		n = len(s.Turns) - 1
	}
	t := s.Turns[n]
	switch {
	case t.Answer != nil:
		return t.Answer(req)
	case t.Err != nil:
		return &Response{Usage: t.Usage}, t.Err
	}
	stop := t.Stop
	if stop == "" {
		stop = StopEnd
		if len(t.Calls) > 0 {
			stop = StopTools
		}
	}
	return &Response{Text: t.Text, Calls: append([]ToolCall(nil), t.Calls...), Reasoning: t.Reasoning, Stop: stop, Usage: t.Usage}, nil
}
