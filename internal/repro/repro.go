// Package repro turns evidence into a failing test: it has the language find
// the event's frames in the commit's tree and build the environment, runs the
// tests that the language's strategies write under the tracer, and returns how
// close the failure is to the incident's (fidelity), or a typed stop.
//
//	r := repro.Reproducer{Language: lang, Session: lang, Rules: lang}
//	got, err := r.Reproduce(ctx, repro.Input{Run: id, Bundle: b, Tree: dir})
//	stop := fault.AsStop(err) // why there is no failing test
//
// Where a test of the repository fails and there is no event, Witness and
// ReproduceOwn take that test instead.
//
// It is independent of languages. Strategies yield tests, the likeliest first,
// or hurdles with their reasons. Only the run decides: the first test whose
// failure has the incident's signature and a fidelity above the floor is the
// reproduction.
package repro

import (
	"context"
	"time"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/gitrepo"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/testrun"
)

// An Input is what a reproduction starts from.
type Input struct {
	Run       string         // run id
	Bundle    *bundle.Bundle //
	Tree      string         // host directory: the commit's tree, no .git
	Head      string         // host directory: the default branch's tree; "" or equal to Tree skips the check for already_fixed
	HeadSHA   string         //
	History   History        // to find the commit that fixed it; may be nil
	Setup     language.Setup //
	Committed time.Time      // of Tree's commit; zero if unknown
	Repeats   int            // N, default 5
	Floor     float64        // least fidelity, default 0.7
	Progress  func(string)   // one line of progress; may be nil
}

// History tells which commits changed a file, and has their trees.
type History interface {
	CommitsTouching(ctx context.Context, paths []string, from, to string) ([]gitrepo.Commit, error)
	// Checkout returns a commit's tree, which stays until release is called.
	Checkout(ctx context.Context, commit string) (dir string, release func(), err error)
}

// A Reproduction is a failing test that is the production failure. It contains
// no path of this host: the environment is found by its digest.
type Reproduction struct {
	Test      testrun.Test        `json:"test"`
	Env       testrun.Environment `json:"env"`
	Signature incident.Signature  `json:"signature"`         // with which the test fails, File mapped to the repository
	Called    string              `json:"called"`            // dotted function that the test calls
	Strategy  string              `json:"strategy"`          // such as outermost-literal
	Guessed   string              `json:"guessed,omitempty"` // what of production's state the test makes up
	Fidelity  Fidelity            `json:"fidelity"`
	Failed    int                 `json:"failed"`  // k
	Runs      int                 `json:"runs"`    // of N
	Outcome   testrun.Outcome     `json:"outcome"` // of the first run
	Output    string              `json:"output"`  // the test runner's, bounded
	Trace     []byte              `json:"-"`       // red trace, JSON Lines
	Frames    []language.Frame    `json:"frames"`  // in-app, outermost first, a recursion's repeated frames folded; the last is the crash

	frame int // whose call the test repeats, of all in-app frames
}

// A Reproducer reproduces. Safe for concurrent use.
type Reproducer struct {
	Language language.Reproduction
	Session  language.Session
	Rules    language.Rules
}
