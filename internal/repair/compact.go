package repair

import (
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/trace/card"
)

// weigh adds up a measure of a message's texts.
func weigh(m llm.Message, measure func(string) int) int {
	n := measure(m.Text.String())
	for _, c := range m.Calls {
		n += measure(string(c.Input)) + measure(string(c.Extra))
	}
	for _, r := range m.Results {
		n += measure(r.Text.String())
	}
	for _, r := range m.Reasoning {
		n += measure(string(r.Data))
	}
	return n
}

// estimate is how many tokens the conversation has, about.
func (s *session) estimate() (n int) {
	for _, m := range s.messages {
		n += weigh(m, card.EstimateTokens)
	}
	return n
}

// atMost is an upper bound on the tokens of the next request's prompt: what the
// vendor reported of the last one, and a bound on what came since.
func (s *session) atMost() int {
	n, from := s.known, s.counted
	if n == 0 {
		from = 0
		n = atMost(s.system.String())
		for _, t := range s.tools {
			n += atMost(t.Description) + atMost(string(t.Schema)) + atMost(t.Name)
		}
	}
	for _, m := range s.messages[min(from, len(s.messages)):] {
		n += weigh(m, atMost)
	}
	return n
}

// dropped stands in a conversation for what was left out.
var dropped = redact.Constant("(dropped to save space; call the tool again if needed)")

// compact drops the texts of old tool results once the conversation is long: the
// model can ask again. Its own messages, reasoning and tool calls are kept. It
// drops a good deal at once, since the vendor's cache ends where something
// changes.
func (s *session) compact() {
	if s.estimate() <= s.context {
		return
	}
	const recent = 6
	s.reduce(s.context*6/10, recent, false)
}

// reduce drops old results, and reasoning if that is wanted, until the
// conversation has about so many tokens, sparing the most recent messages. It
// reports whether anything was dropped.
func (s *session) reduce(target, recent int, reasoning bool) (any bool) {
	const short = 400
	total := s.estimate()
	for i := 1; i < len(s.messages)-recent && total > target; i++ {
		m := &s.messages[i]
		before := weigh(*m, card.EstimateTokens)
		results := append([]llm.ToolResult(nil), m.Results...)
		for j, r := range results {
			if r.Text.Len() > short {
				results[j].Text = dropped
			}
		}
		m.Results = results
		if reasoning {
			m.Reasoning = nil
		}
		if after := weigh(*m, card.EstimateTokens); after < before {
			total, any = total-before+after, true
		}
	}
	if any {
		s.known, s.counted = 0, 0
	}
	return any
}

// shrink makes the next request smaller, after one that exceeded the model's
// context: first the answer for which room is wanted, then the conversation, then
// the opening. It reports false if nothing more can be left out.
func (s *session) shrink() bool {
	const enough, smallest = 4096, 16
	if s.reply > enough {
		s.reply = enough
		return true
	}
	s.context = min(s.context, s.estimate()*7/10)
	if s.reduce(s.context, 2, true) {
		return true
	}
	if s.scale >= smallest {
		return false
	}
	s.scale *= 4
	s.messages[0].Text = s.opening()
	s.known, s.counted = 0, 0
	return true
}
