// Package repair finds a patch: it assembles what a proposer needs (incident,
// test, diagnosis card, code of the frames' functions), lets proposers produce
// candidates within a budget, and has each verified by a [Judge] that the
// proposer cannot influence.
package repair

import (
	"context"
	"time"

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
	Redactor *redact.Redactor
	Known    *redact.Known
	Budget   Budget
	Policy   patch.Policy // the rules on what a patch may touch
	Judge    Judge
	Progress func(string)                   // may be nil
	Record   func(kind string, payload any) // one entry of the ledger: prompt, answer, tool, judged, engine; redacted; may be nil
}

// The defaults of a [Budget].
const (
	DefaultModelAttempts    = 8
	DefaultTemplateAttempts = 60
	DefaultTokens           = 400_000
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

// A Budget is what one repair may spend. Zero fields mean the defaults.
type Budget struct {
	Attempts int           `json:"attempts" yaml:"attempts"` // verified candidates; default 8 for a model, 60 for templates
	Tokens   int           `json:"tokens" yaml:"tokens"`     // default 400,000
	Dollars  float64       `json:"dollars" yaml:"dollars"`   // default 5
	Time     time.Duration `json:"time" yaml:"time"`         // default 20 minutes
}

// A Judge says what the verdict on a candidate would be. Package pipeline
// implements it with verify.
type Judge interface {
	Judge(ctx context.Context, p patch.Patch) (*Assessment, error)
}

// An Assessment is feedback on one candidate.
type Assessment struct {
	Accepted bool
	Gate     string      // the gate that failed
	Feedback string      // its evidence, unredacted
	Patch    patch.Patch // as verified, possibly smaller than proposed
}

// A Result is the accepted candidate and the attempts that led to it. That of a
// repair that stops has no Patch.
type Result struct {
	Patch        patch.Patch   `json:"patch"`
	Proposer     string        `json:"proposer"` // templates, anthropic/…, openai/…
	Why          string        `json:"why"`      // root cause in the proposer's words, redacted
	Attempts     []Attempt     `json:"attempts"`
	Alternatives []patch.Patch `json:"alternatives,omitempty"` // that pass the test and behave differently from Patch and from each other, likeliest first; Why says what speaks for each
	Usage        llm.Usage     `json:"usage"`
	Dollars      float64       `json:"dollars"`
	Wall         time.Duration `json:"wall"`
}

// An Attempt is one verified candidate.
type Attempt struct {
	Patch    patch.Patch `json:"patch"`
	Template string      `json:"template,omitempty"`
	Gate     string      `json:"gate,omitempty"` // that failed; "" accepted
	Feedback string      `json:"feedback,omitempty"`
}

// A Proposer produces candidates and has them verified. It returns a Result, or
// a *fault.Stop (no_patch, rejected, budget), or both: what was tried before it
// stopped.
type Proposer interface {
	Name() string
	Repair(ctx context.Context, in Input) (*Result, error)
}
