package repair

import (
	"bytes"
	"context"
	_ "embed"
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
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
)

var (
	//go:embed prompts/system.md
	systemPrompt string
	//go:embed prompts/incident.md
	incidentPrompt string
	//go:embed prompts/nudge.md
	nudgePrompt string
	//go:embed prompts/cut.md
	cutPrompt string
)

// treeRoot is the tree's path in the sandbox, stripped from names in traces.
const treeRoot = testrun.Root

// ModelOptions shape the loop with a model. Zero fields take the defaults.
type ModelOptions struct {
	Prices      llm.Prices // configured; without one, cost is unknown and unlimited
	Tests       Tests      // nil: the model gets no run_test
	Temperature float64    // default 0.1; a negative one is 0
	Answer      int        // tokens per response, default 8,192
	Context     int        // estimated tokens of a conversation beyond which old tool results are dropped, default 120,000
	Turns       int        // maximum responses of the model, default 60
	Errors      int        // maximum refused tool calls, default 25
	Now         func() time.Time
}

func (o ModelOptions) withDefaults() ModelOptions {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.Answer, 8192}, {&o.Context, 120_000}, {&o.Turns, 60}, {&o.Errors, 25}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	switch {
	case o.Temperature == 0:
		o.Temperature = 0.1
	case o.Temperature < 0:
		o.Temperature = 0
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

type modelProposer struct {
	model llm.Model
	opts  ModelOptions
}

// NewModelProposer returns a proposer that gives a model tools: read and search
// the tree, query the trace, run a test, propose a patch, give up. The model
// has no credentials, no network access and no side effects except through
// these tools, which only read the base tree, run in the sandbox, or pass a
// patch to Input.Judge. Everything that the model reads has been redacted by
// Input.Redactor and is quoted; its responses are validated against the tools'
// schemas.
func NewModelProposer(model llm.Model, opts ModelOptions) Proposer {
	return &modelProposer{model, opts.withDefaults()}
}

// Name is the model's.
func (p *modelProposer) Name() string { return p.model.Name() }

// Repair runs the loop. Its error is a *fault.Stop: no_patch if the model gave
// up, rejected if it gave up after patches that failed a gate, budget; or the
// model's error (fault.Retryable, Denied, Invalid).
func (p *modelProposer) Repair(ctx context.Context, in Input) (_ *Result, err error) {
	defer fault.Wrap(&err, "repair with %s", p.model.Name())
	s, err := p.open(in)
	if err != nil {
		return nil, err
	}
	defer s.tree.close()
	limited, cancel := context.WithTimeout(ctx, s.budget.Time)
	defer cancel()
	res, err := s.loop(limited)
	if err != nil && ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return nil, s.over("time", s.budget.Time.String())
	}
	if err != nil {
		return nil, err
	}
	res.Wall = p.opts.Now().Sub(s.begin)
	return res, nil
}

// A session is one repair with a model.
type session struct {
	model    llm.Model
	opts     ModelOptions
	in       Input
	budget   Budget
	clean    cleaner
	tree     *tree
	trace    *trace.Trace
	byName   map[string]tool
	tools    []llm.Tool
	messages []llm.Message
	begin    time.Time
	usage    llm.Usage
	attempts []Attempt
	errors   int
	silent   int // consecutive responses without a call
}

func (p *modelProposer) open(in Input) (*session, error) {
	if in.Redactor == nil || in.Judge == nil {
		return nil, fault.Errorf(fault.Internal, "a repair needs a redactor and a judge")
	}
	s := &session{model: p.model, opts: p.opts, in: in, budget: in.Budget.WithDefaults(DefaultModelAttempts),
		clean: cleaner{in.Redactor, in.Known}, begin: p.opts.Now()}
	if len(in.Trace) > 0 {
		if t, err := trace.Read(bytes.NewReader(in.Trace)); err == nil {
			s.trace = t
		}
	}
	var err error
	if s.byName, s.tools, err = toolset(p.opts.Tests != nil, s.trace != nil); err != nil {
		return nil, err
	}
	if s.tree, err = openTree(in.Tree); err != nil {
		return nil, err
	}
	s.messages = []llm.Message{{Role: llm.User, Text: s.opening()}}
	return s, nil
}

func (s *session) progress(format string, args ...any) {
	if s.in.Progress != nil {
		s.in.Progress(s.model.Name() + ": " + fmt.Sprintf(format, args...))
	}
}

func (s *session) record(kind string, payload any) {
	if s.in.Record != nil {
		s.in.Record(kind, payload)
	}
}

// loop asks, runs tools, and ends with a result or a stop.
func (s *session) loop(ctx context.Context) (*Result, error) {
	system := s.clean.fill(systemPrompt, nil)
	s.record("prompt", map[string]any{"system": system, "message": s.messages[0].Text, "model": s.model.Name()})
	for turn := 1; ; turn++ {
		if err := s.within(turn); err != nil {
			return nil, err
		}
		s.compact()
		resp, err := s.model.Generate(ctx, llm.Request{System: system, Messages: s.messages, Tools: s.tools,
			MaxTokens: s.opts.Answer, Temperature: s.opts.Temperature})
		if err != nil {
			if fault.KindOf(err) == fault.Budget {
				return nil, s.over("the vendor's account", s.clean.text(err.Error(), 300).String())
			}
			return nil, err
		}
		s.usage = s.usage.Add(resp.Usage)
		text := s.clean.text(resp.Text, maxResult)
		s.record("answer", map[string]any{"turn": turn, "text": text, "calls": len(resp.Calls), "stop": resp.Stop, "usage": resp.Usage})
		done, err := s.answer(ctx, resp, text)
		if err != nil || done != nil {
			return done, err
		}
	}
}

// within checks the budgets before a call.
func (s *session) within(turn int) error {
	if spent := s.usage.Input + s.usage.Output; spent >= s.budget.Tokens {
		return s.over("tokens", fmt.Sprintf("%d of %d", spent, s.budget.Tokens))
	}
	if dollars, known := s.opts.Prices.Cost(s.model.Name(), s.usage); known && dollars >= s.budget.Dollars {
		return s.over("money", fmt.Sprintf("%.2f of %.2f dollars", dollars, s.budget.Dollars))
	}
	if turn > s.opts.Turns {
		return s.over("turns", fmt.Sprint(s.opts.Turns))
	}
	if s.errors >= s.opts.Errors {
		return s.over("refused tool calls", fmt.Sprint(s.errors))
	}
	return nil
}

func (s *session) over(what, detail string) *fault.Stop {
	text := fmt.Sprintf("The repair's budget of %s is exhausted (%s)", what, detail)
	if gate := s.lastGate(); gate != "" {
		text += fmt.Sprintf("; %d patches were verified, the last one failed gate %s", len(s.attempts), gate)
	}
	return &fault.Stop{Type: fault.OverBudget, Detail: text + ".", Help: "Raise the repair's budget, or repair by hand with the diagnosis card."}
}

func (s *session) lastGate() string {
	if n := len(s.attempts); n > 0 {
		return s.attempts[n-1].Gate
	}
	return ""
}

// answer handles one response of the model.
func (s *session) answer(ctx context.Context, resp *llm.Response, text redact.Clean) (*Result, error) {
	turn := llm.Message{Role: llm.Assistant, Text: text, Calls: bounded(resp.Calls)}
	next := llm.Message{Role: llm.User}
	if len(resp.Calls) == 0 {
		if s.silent++; s.silent > 3 {
			return nil, s.gaveUp("The model stopped calling tools")
		}
		if text.Empty() {
			turn.Text = redact.Constant("(nothing)") // vendors refuse an empty turn
		}
		next.Text = s.clean.fill(nudgePrompt, nil)
		if resp.Stop == llm.StopMaxTokens {
			next.Text = s.clean.fill(cutPrompt, nil)
		}
		s.messages = append(s.messages, turn, next)
		return nil, nil
	}
	s.silent = 0
	const maxCalls = 8
	for i, call := range resp.Calls {
		var r reply
		var done *Result
		var err error
		if i >= maxCalls {
			r = s.refuse(fault.Errorf(fault.Invalid, "at most %d calls per response", maxCalls))
		} else {
			r, done, err = s.call(ctx, call)
		}
		if err != nil || done != nil {
			return done, err
		}
		next.Results = append(next.Results, llm.ToolResult{ID: call.ID, Text: r.text, Error: r.failed})
	}
	if resp.Stop == llm.StopMaxTokens {
		next.Text = s.clean.fill(cutPrompt, nil)
	}
	s.messages = append(s.messages, turn, next)
	return nil, nil
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

// call runs one tool.
func (s *session) call(ctx context.Context, call llm.ToolCall) (r reply, done *Result, err error) {
	t, ok := s.byName[call.Name]
	if !ok {
		r = s.refuse(fault.Errorf(fault.Invalid, "there is no such tool"))
	} else {
		r, done, err = s.dispatch(ctx, t, call)
	}
	s.record("tool", map[string]any{"name": s.clean.text(call.Name, 100), "input": s.clean.text(string(call.Input), 4000),
		"refused": r.failed, "result": r.text.Truncate(4000)})
	return r, done, err
}

func (s *session) dispatch(ctx context.Context, t tool, call llm.ToolCall) (reply, *Result, error) {
	switch t.Name {
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
			return s.refuse(err), nil, nil
		}
		return s.propose(ctx, in)
	default:
		var in giveUpInput
		if err := t.decode(call.Input, &in); err != nil {
			return s.refuse(err), nil, nil
		}
		return reply{}, nil, s.gaveUp("The model gave up: " + s.clean.text(in.Reason, 1000).String())
	}
}

func run[T any](s *session, t tool, call llm.ToolCall, do func(T) reply) (reply, *Result, error) {
	var in T
	if err := t.decode(call.Input, &in); err != nil {
		return s.refuse(err), nil, nil
	}
	return do(in), nil, nil
}

// propose has a patch verified.
func (s *session) propose(ctx context.Context, in proposeInput) (reply, *Result, error) {
	p := patch.Patch{Edits: in.Edits, Why: in.Why}
	if err := s.in.Policy.Check(patch.Dir(s.in.Tree), p); err != nil {
		return s.refuse(err), nil, nil
	}
	s.progress("verifying patch %d", len(s.attempts)+1)
	judged, err := s.in.Judge.Judge(ctx, p)
	if err != nil {
		return reply{}, nil, err
	}
	attempt := Attempt{Patch: p}
	if !judged.Accepted {
		attempt.Gate = judged.Gate
		attempt.Feedback = s.clean.text(judged.Feedback, maxFeedback).String()
	}
	s.attempts = append(s.attempts, attempt)
	s.record("judged", attempt)
	if judged.Accepted {
		if len(judged.Patch.Edits) == 0 {
			judged.Patch = p
		}
		dollars, _ := s.opts.Prices.Cost(s.model.Name(), s.usage)
		return reply{}, &Result{Patch: judged.Patch, Proposer: s.model.Name(), Why: s.clean.text(in.Why, 2000).String(),
			Attempts: s.attempts, Usage: s.usage, Dollars: dollars}, nil
	}
	if len(s.attempts) >= s.budget.Attempts {
		return reply{}, nil, s.over("attempts", fmt.Sprint(s.budget.Attempts))
	}
	s.progress("patch %d failed gate %s", len(s.attempts), judged.Gate)
	return reply{redact.Concat(redact.Constant("The patch is rejected. The failed gate: "), s.clean.text(judged.Gate, 100),
		redact.Constant("\n"), quoted(redact.Constant("verifier"), s.clean.text(judged.Feedback, maxFeedback)),
		redact.Constant("\nPatches left: "), redact.Number(s.budget.Attempts-len(s.attempts))), true}, nil, nil
}

func (s *session) gaveUp(detail string) *fault.Stop {
	if gate := s.lastGate(); gate != "" {
		return &fault.Stop{Type: fault.Rejected, Detail: fmt.Sprintf("%s, after %d patches; the last one failed gate %s.", strings.TrimRight(detail, "."), len(s.attempts), gate),
			Help: "Repair by hand with the diagnosis card; the attempts and their feedback are recorded."}
	}
	return &fault.Stop{Type: fault.NoPatch, Detail: strings.TrimRight(detail, ".") + ".", Help: "Repair by hand with the diagnosis card, or try another model."}
}

// compact drops the texts of old tool results once the conversation is long:
// the model can ask again. Its own messages and tool calls are kept.
func (s *session) compact() {
	const recent, short = 6, 400
	total := 0
	for _, m := range s.messages {
		total += card.EstimateTokens(m.Text.String())
		for _, c := range m.Calls {
			total += card.EstimateTokens(string(c.Input))
		}
		for _, r := range m.Results {
			total += card.EstimateTokens(r.Text.String())
		}
	}
	for i := 1; i < len(s.messages)-recent && total > s.opts.Context; i++ {
		results := append([]llm.ToolResult(nil), s.messages[i].Results...)
		for j, r := range results {
			if r.Text.Len() > short {
				total -= card.EstimateTokens(r.Text.String())
				results[j].Text = redact.Constant("(dropped to save space; call the tool again if needed)")
			}
		}
		s.messages[i].Results = results
	}
}
