package repair

import (
	"context"
	_ "embed"
	"sync"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/testrun"
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

// ModelOptions shape the conversations with a model. Zero fields take the
// defaults.
type ModelOptions struct {
	Prices      llm.Prices // configured; without one, cost is unknown and unlimited
	Tests       Tests      // nil: the model gets no run_test
	Samples     int        // independent conversations, default 3
	Temperature *float64   // nil: the vendor's default
	Effort      string     // of reasoning; "" the vendor's default
	Answer      int        // tokens per response, reasoning included, default 16,384
	Context     int        // estimated tokens of a conversation beyond which old tool results are dropped, default 120,000
	Turns       int        // maximum responses of the model in a sample, default 60
	Errors      int        // maximum refused tool calls in a sample, default 25
	Now         func() time.Time
}

func (o ModelOptions) withDefaults() ModelOptions {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.Samples, 3}, {&o.Answer, 16_384}, {&o.Context, 120_000}, {&o.Turns, 60}, {&o.Errors, 25}} {
		if *d.field == 0 {
			*d.field = d.value
		}
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

// NewModelProposer returns a proposer that gives a model tools: list, read and
// search the tree, query traces, run tests, propose a patch, give up. The model
// has no credentials, no network access and no side effects except through
// these tools, which only read the base tree, run in the sandbox, or pass a
// patch to Input.Judge. Everything that the model reads has been redacted by
// Input.Redactor and is quoted; its responses are validated against the tools'
// schemas.
//
// Several conversations are held independently and in parallel, and end early
// when most agree. What is proposed is the smallest patch of the behaviour that
// most of those have that found one.
func NewModelProposer(model llm.Model, opts ModelOptions) Proposer {
	return &modelProposer{model, opts.withDefaults()}
}

// Name is the model's.
func (p *modelProposer) Name() string { return p.model.Name() }

// Repair holds the conversations. Its error is a *fault.Stop: no_patch if the
// model gave up, rejected if it gave up after patches that failed a gate,
// undecided if there is no majority, budget; or the model's error
// (fault.Retryable, Denied, Invalid) if it never answered. The Result is nil only
// if nothing was asked.
func (p *modelProposer) Repair(ctx context.Context, in Input) (_ *Result, err error) {
	defer fault.Wrap(&err, "repair with %s", p.model.Name())
	in.Progress, in.Record = oneAtATime(in.Progress, in.Record)
	e, err := newEnsemble(p.model, p.opts, in)
	if err != nil {
		return nil, err
	}
	defer e.tree.close()
	return e.run(ctx)
}

// oneAtATime protects callers' functions from concurrent calls.
func oneAtATime(progress func(string), record func(string, any)) (func(string), func(string, any)) {
	var mu sync.Mutex
	p, r := progress, record
	if p != nil {
		progress = func(line string) {
			mu.Lock()
			defer mu.Unlock()
			p(line)
		}
	}
	if r != nil {
		record = func(kind string, payload any) {
			mu.Lock()
			defer mu.Unlock()
			r(kind, payload)
		}
	}
	return progress, record
}
