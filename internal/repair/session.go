package repair

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/trace"
)

// A session is one conversation of an ensemble.
type session struct {
	*ensemble
	number   int
	byName   map[string]tool
	tools    []llm.Tool
	system   redact.Clean
	messages []llm.Message
	shown    bool         // the trace has been shown
	green    *trace.Trace // of the latest rejected patch that ran
	errors   int          // refused tool calls
	silent   int          // consecutive responses without a call
	failures int          // rejected patches
	context  int          // tokens beyond which the conversation is compacted
	reply    int          // tokens of one answer at most
	scale    int          // what the limits of the opening are divided by
	known    int          // tokens of the first counted messages, as the vendor reported them
	counted  int
	told     time.Time // of the last line of progress
}

func newSession(e *ensemble, number int) (*session, error) {
	s := &session{ensemble: e, number: number, context: e.opts.Context, reply: e.opts.Answer, scale: 1, system: e.clean.fill(systemPrompt, nil)}
	s.shown = e.trace != nil && e.in.Card == CardAlways
	if err := s.equip(); err != nil {
		return nil, err
	}
	s.messages = []llm.Message{{Role: llm.User, Text: s.opening()}}
	return s, nil
}

// equip chooses the tools that can work.
func (s *session) equip() (err error) {
	s.byName, s.tools, err = toolset(s.opts.Tests != nil, s.shown)
	return err
}

// loop asks, runs tools, and ends with a proposal (nil), a stop or an error.
func (s *session) loop(ctx context.Context) error {
	s.record("prompt", map[string]any{"system": s.system, "message": s.messages[0].Text, "model": s.model.Name(), "sample": s.number})
	for turn := 1; ; turn++ {
		if turn > s.opts.Turns {
			return s.over("turns", fmt.Sprint(s.opts.Turns))
		}
		if s.errors >= s.opts.Errors {
			return s.over("refused tool calls", fmt.Sprint(s.errors))
		}
		resp, err := s.ask(ctx)
		if err != nil {
			return err
		}
		text := s.clean.text(resp.Text, maxResult)
		s.record("answer", map[string]any{"turn": turn, "text": text, "calls": len(resp.Calls), "stop": resp.Stop, "usage": resp.Usage, "sample": s.number})
		if resp.Stop == llm.StopRefusal {
			return s.gaveUp("The model refused to go on: " + text.Truncate(500).String())
		}
		if done, err := s.answer(ctx, resp, text); done || err != nil {
			return err
		}
	}
}

// ask makes one request within the budget. A conversation that turns out to be
// too long is compacted and sent again.
func (s *session) ask(ctx context.Context) (*llm.Response, error) {
	for {
		s.compact()
		g, err := s.purse.grant(ctx, s.atMost(), s.reply)
		var short *exhausted
		if errors.As(err, &short) {
			return nil, s.over(short.what, short.detail)
		} else if err != nil {
			return nil, err
		}
		resp, err := s.model.Generate(ctx, llm.Request{System: s.system, Messages: s.messages, Tools: s.tools,
			MaxTokens: g.answer, Temperature: s.opts.Temperature, Effort: s.opts.Effort, Progress: s.watch()})
		if resp == nil {
			resp = &llm.Response{}
		}
		g.settle(resp.Usage)
		switch {
		case err == nil:
			s.first.Do(func() { close(s.warm) })
			if s.known = resp.Usage.Input; s.known > 0 {
				s.counted = len(s.messages)
			}
			return resp, nil
		case errors.Is(err, llm.ErrContext):
			if s.shrink() {
				s.progress(s.number, "the conversation exceeds the model's context: it is compacted")
				continue
			}
			return nil, s.gaveUp("The conversation exceeds the model's context, even without what can be left out")
		case fault.KindOf(err) == fault.Budget:
			return nil, s.over("the vendor's account", s.clean.text(err.Error(), 300).String())
		}
		return nil, err
	}
}

// watch tells of a call's progress, a line every ten seconds, and lets the other
// samples begin when the first answer does.
func (s *session) watch() func(llm.Progress) {
	s.told = s.opts.Now()
	return func(p llm.Progress) {
		if p.Wait > 0 {
			s.progress(s.number, "waits %s: %s", p.Wait.Round(time.Second), s.clean.text(p.Why.Error(), 200))
			return
		}
		s.first.Do(func() { close(s.warm) })
		if now := s.opts.Now(); now.Sub(s.told) >= 10*time.Second {
			s.told = now
			s.progress(s.number, "%d KiB of the answer have arrived", p.Bytes>>10)
		}
	}
}

// answer handles one response of the model; done means that it
// holds a patch that passes.
func (s *session) answer(ctx context.Context, resp *llm.Response, text redact.Clean) (done bool, err error) {
	turn := llm.Message{Role: llm.Assistant, Text: text, Calls: bounded(resp.Calls), Reasoning: limited(resp.Reasoning)}
	next := llm.Message{Role: llm.User}
	if len(resp.Calls) == 0 {
		if s.silent++; s.silent > 3 {
			return false, s.gaveUp("The model stopped calling tools")
		}
		if text.Empty() {
			turn.Text = redact.Constant("(nothing)") // vendors refuse an empty turn
		}
		next.Text = s.clean.fill(nudgePrompt, nil)
		if resp.Stop == llm.StopMaxTokens {
			next.Text = s.clean.fill(cutPrompt, nil)
		}
		s.messages = append(s.messages, turn, next)
		return false, nil
	}
	s.silent = 0
	const maxCalls = 8
	for i, call := range resp.Calls {
		var r reply
		if i >= maxCalls {
			r = s.refuse(fault.Errorf(fault.Invalid, "at most %d calls per response", maxCalls))
		} else if r, done, err = s.call(ctx, call); done || err != nil {
			return done, err
		}
		next.Results = append(next.Results, llm.ToolResult{ID: call.ID, Text: r.text, Error: r.failed})
	}
	if resp.Stop == llm.StopMaxTokens {
		next.Text = s.clean.fill(cutPrompt, nil)
	}
	if s.failures > 0 && !s.shown && s.trace != nil && s.failures >= int(s.in.Card) {
		if err := s.reveal(&next); err != nil {
			return false, err
		}
	}
	s.messages = append(s.messages, turn, next)
	return false, nil
}

// reveal shows the trace, after as many failures as the card policy wants.
func (s *session) reveal(next *llm.Message) error {
	s.shown = true
	next.Text = redact.Concat(next.Text, redact.Constant("\n\nThis is what the trace of the failing run shows; you can now query it.\n\n"),
		quoted(redact.Constant("trace"), s.clean.text(s.diagnosis.Text, maxCard)))
	return s.equip()
}

// bounded empties inputs that are too long to be processed, which would
// otherwise be resent with every turn.
func bounded(calls []llm.ToolCall) []llm.ToolCall {
	calls = slices.Clone(calls)
	for i := range calls {
		if len(calls[i].Input) > maxInput {
			calls[i].Input = json.RawMessage("{}")
		}
	}
	return calls
}

// limited drops reasoning that is too long to be sent back.
func limited(list []llm.Reasoning) []llm.Reasoning {
	n := 0
	for _, r := range list {
		n += len(r.Data)
	}
	if n > maxReasoning {
		return nil
	}
	return list
}

// call runs one tool.
func (s *session) call(ctx context.Context, call llm.ToolCall) (r reply, done bool, err error) {
	t, ok := s.byName[call.Name]
	if !ok {
		r = s.refuse(fault.Errorf(fault.Invalid, "there is no such tool"))
	} else {
		r, done, err = s.dispatch(ctx, t, call)
	}
	s.record("tool", map[string]any{"name": s.clean.text(call.Name, 100), "input": s.clean.text(string(call.Input), 4000),
		"refused": r.failed, "result": r.text.Truncate(4000), "sample": s.number})
	return r, done, err
}

func (s *session) dispatch(ctx context.Context, t tool, call llm.ToolCall) (reply, bool, error) {
	switch t.Name {
	case toolList:
		return run(s, t, call, s.listFiles)
	case toolRead:
		return run(s, t, call, s.readFile)
	case toolSearch:
		return run(s, t, call, s.searchCode)
	case toolTrace:
		return run(s, t, call, s.queryTrace)
	case toolRun:
		return run(s, t, call, func(in runInput) reply { return s.runTest(ctx, in) })
	case toolPropose:
		var in proposeInput
		if err := t.decode(call.Input, &in); err != nil {
			return s.refuse(err), false, nil
		}
		return s.proposePatch(ctx, in)
	default:
		var in giveUpInput
		if err := t.decode(call.Input, &in); err != nil {
			return s.refuse(err), false, nil
		}
		return reply{}, false, s.gaveUp("The model gave up: " + s.clean.text(in.Reason, 1000).String())
	}
}

func run[T any](s *session, t tool, call llm.ToolCall, do func(T) reply) (reply, bool, error) {
	var in T
	if err := t.decode(call.Input, &in); err != nil {
		return s.refuse(err), false, nil
	}
	return do(in), false, nil
}

// proposePatch has a patch verified.
func (s *session) proposePatch(ctx context.Context, in proposeInput) (reply, bool, error) {
	p := patch.Patch{Edits: in.Edits, Why: in.Why}
	if err := s.in.Policy.Check(patch.Dir(s.in.Tree), p); err != nil {
		return s.refuse(err), false, nil
	}
	number, ok := s.take()
	if !ok {
		return reply{}, false, s.over("attempts", fmt.Sprint(s.budget.Attempts))
	}
	s.progress(s.number, "verifying patch %d", number)
	known, err := s.judge(ctx, p)
	if err != nil {
		s.tried(nil)
		return reply{}, false, err
	}
	judged := known.assessment
	attempt := Attempt{Patch: p, Sample: s.number, Diff: s.in.DiffOf(p)}
	held := judged.Accepted || judged.Asked
	if !held {
		attempt.Gate = judged.Gate
		attempt.Feedback = s.clean.text(judged.Feedback, maxFeedback).String()
	}
	left := s.tried(&attempt)
	s.in.recordAttempt(attempt)
	if held {
		s.propose(known, s.clean.text(in.Why, 2000).String())
		s.progress(s.number, "patch %d passes", number)
		return reply{}, true, nil
	}
	s.failures++
	s.progress(s.number, "patch %d failed gate %s", number, judged.Gate)
	if left <= 0 {
		return reply{}, false, s.over("attempts", fmt.Sprint(s.budget.Attempts))
	}
	return s.rejected(ctx, p, judged, left), false, nil
}

func (in Input) recordAttempt(a Attempt) {
	if in.Record != nil {
		in.Record("judged", a)
	}
}

func (s *session) gaveUp(detail string) *fault.Stop {
	detail = strings.TrimRight(detail, ".")
	if n, gate := s.lastGate(s.number); gate != "" {
		return &fault.Stop{Type: fault.Rejected, Detail: fmt.Sprintf("%s, after %d patches; the last one failed gate %s.", detail, n, gate),
			Help: "Repair by hand with the diagnosis card; the attempts and their feedback are recorded."}
	}
	return &fault.Stop{Type: fault.NoPatch, Detail: detail + ".", Help: "Repair by hand with the diagnosis card, or try another model."}
}
