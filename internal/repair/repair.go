// Package repair finds a patch: it assembles what a proposer needs (incident,
// test, diagnosis card, code of the frames' functions), lets proposers produce
// candidates within a budget, and has each verified by a [Judge] that the
// proposer cannot influence.
package repair

import (
	"context"
	"time"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/testrun"
)

// An Input is what a repair starts from.
type Input struct {
	Run      string
	Bundle   *bundle.Bundle
	Tree     string // host directory of the base commit's tree
	Env      testrun.Environment
	Test     testrun.Test
	Outcome  testrun.Outcome  // the test's failure on base; frames relative to the tree
	Output   string           // of the test runner
	Trace    []byte           // red trace
	Frames   []incident.Frame // the incident's in-app frames, File relative to the tree, outermost first
	Broken   string           // which commit broke the failing call, and what it answered before; redacted; "" unknown
	Redactor *redact.Redactor
	Known    *redact.Known
	Budget   Budget
	Policy   patch.Policy // the rules on what a patch may touch
	Card     CardPolicy   // whether a model sees the trace
	Judge    Judge
	Progress func(string)                   // may be nil
	Record   func(kind string, payload any) // one entry of the ledger: prompt, answer, tool, judged, spent, reading, engine; redacted; may be nil
}

// The defaults of a [Budget].
const (
	DefaultModelAttempts    = 12
	DefaultTemplateAttempts = 60
	DefaultTokens           = 1_200_000
	DefaultDollars          = 5.0
	DefaultTime             = 20 * time.Minute
)

// WithDefaults fills the zero fields of b.
func (b Budget) WithDefaults(attempts int) Budget {
	if b.Attempts == 0 {
		b.Attempts = attempts
	}
	if b.Tokens == 0 {
		b.Tokens = DefaultTokens
	}
	if b.Dollars == 0 {
		b.Dollars = DefaultDollars
	}
	if b.Time == 0 {
		b.Time = DefaultTime
	}
	return b
}

// A Budget is what one repair may spend, all samples of a model together. Zero
// fields mean the defaults. Tokens and dollars are never exceeded by a request
// that a proposer makes knowing what it can cost at most.
type Budget struct {
	Attempts int           `json:"attempts" yaml:"attempts"` // verified candidates; default 12 for a model, 60 for templates
	Tokens   int           `json:"tokens" yaml:"tokens"`     // default 1,200,000
	Dollars  float64       `json:"dollars" yaml:"dollars"`   // default 5
	Time     time.Duration `json:"time" yaml:"time"`         // default 20 minutes
}

// A CardPolicy says when a model sees the trace: the diagnosis card, the
// divergence card and the tool that queries traces. A positive number is the
// number of patches that have to fail before.
type CardPolicy int

// The card policies beside a number of failures.
const (
	CardAlways CardPolicy = 0
	CardNever  CardPolicy = -1 // the control arm: what is a model worth without a trace?
)

// A Judge says what the verdict on a candidate would be. Package pipeline
// implements it with verify. It is safe for concurrent use.
type Judge interface {
	Judge(ctx context.Context, p patch.Patch) (*Assessment, error)
}

// An Observer is a Judge that can also tell behaviours apart.
type Observer interface {
	// Behaviour returns a digest of what the patched code answers to the
	// failing call and to its neighbours: equal for patches that answer alike.
	// "" means that nothing comparable is known.
	Behaviour(ctx context.Context, p patch.Patch) (string, error)
}

// A Weigher is a Judge that can also say of many candidates at once what speaks
// against the answers that they give near the failing call.
type Weigher interface {
	// Weigh returns one weight a candidate, in their order; zero for one that
	// could not be asked.
	Weigh(ctx context.Context, candidates []patch.Patch) ([]behaviour.Weight, error)
}

// An Assessment is feedback on one candidate.
type Assessment struct {
	Accepted bool
	Asked    bool        // no gate failed, and a person would have to decide
	Gate     string      // the gate that failed
	Feedback string      // its evidence, or what would be asked; unredacted
	Patch    patch.Patch // as verified, possibly smaller than proposed
	Green    []byte      // trace of the test on head, unredacted; nil if it did not run there
}

// A Result is the accepted candidate and the attempts that led to it. That of a
// repair that stops has no Patch.
type Result struct {
	Patch        patch.Patch   `json:"patch"`
	Proposer     string        `json:"proposer"` // templates, anthropic/…, openai/…
	Why          string        `json:"why"`      // root cause in the proposer's words, redacted
	Attempts     []Attempt     `json:"attempts"`
	Trials       []Trial       `json:"trials,omitempty"`       // candidates that were tried on tests alone, likeliest first; bounded
	Alternatives []patch.Patch `json:"alternatives,omitempty"` // that pass the test and behave differently from Patch and from each other, likeliest first; Why says what speaks for each
	Disagreement string        `json:"disagreement,omitempty"` // why no behaviour was chosen, where there was no majority: Patch is then one of several, and a person has to decide
	Samples      int           `json:"samples,omitempty"`      // independent conversations with a model
	Agreed       int           `json:"agreed,omitempty"`       // those that arrived at Patch's behaviour
	Usage        llm.Usage     `json:"usage"`
	Dollars      float64       `json:"dollars"`
	Unpriced     bool          `json:"unpriced,omitempty"` // Dollars is unknown: no price is configured for the model
	Wall         time.Duration `json:"wall"`
}

// An Attempt is one verified candidate.
type Attempt struct {
	Patch    patch.Patch `json:"patch"`
	Template string      `json:"template,omitempty"`
	Gate     string      `json:"gate,omitempty"` // that failed; "" accepted
	Feedback string      `json:"feedback,omitempty"`
	Sample   int         `json:"sample,omitempty"` // which of a model's samples proposed it, from 1
	Diff     string      `json:"diff,omitempty"`   // unified, redacted; "" where the patch does not apply
}

// A Trial is a candidate that did not get as far as a judge, or has yet to.
type Trial struct {
	Template string `json:"template"`
	Path     string `json:"path"`
	Line     int    `json:"line"`
	Why      string `json:"why"`            // what the slip would be, redacted
	End      string `json:"end"`            // how it ended: "fails the test", "passes the tests", …
	Diff     string `json:"diff,omitempty"` // unified, redacted
}

// DiffOf renders a patch of the input's tree, redacted; "" where it does not
// apply.
func (in Input) DiffOf(p patch.Patch) string {
	base := patch.Dir(in.Tree)
	overlay, err := patch.Apply(base, p)
	if err != nil {
		return ""
	}
	diff, err := patch.Diff(base, overlay)
	if err != nil {
		return ""
	}
	return in.Redactor.Text(diff, in.Known).String()
}

// A Proposer produces candidates and has them verified. It returns a Result, or
// a *fault.Stop (no_patch, rejected, undecided, budget), or both: what was tried
// and spent before it stopped.
type Proposer interface {
	Name() string
	Repair(ctx context.Context, in Input) (*Result, error)
}
