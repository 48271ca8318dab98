// Package verify computes the verdict on a candidate patch. No model takes
// part: base and head are rerun in fresh sandboxes, N times, with the same
// command, and each gate says with its evidence whether it holds.
package verify

import (
	"context"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/pytest"
)

// An Input is what is judged.
type Input struct {
	Run       string
	Tree      string             // host directory of the base commit's tree
	Env       pytest.Environment //
	Test      pytest.Test        // the synthesized test
	Patch     patch.Patch        //
	Signature incident.Signature // what base must fail with; File relative to the tree
	Crash     Crash              // where production crashed, mapped to the tree
	Suite     []string           // pytest arguments of the repository's suite; nil: the whole tree
	Repeats   int                // N, default 5
	Policy    patch.Policy
	Quick     bool              // feedback for a proposer: stop at the first gate that fails
	Progress  func(gate string) // may be nil
}

// Crash is the innermost in-app frame of the incident in the base tree.
type Crash struct {
	Path     string `json:"path"`
	Function string `json:"function"`
	Line     int    `json:"line"`
}

// A Verdict is what was computed.
type Verdict struct {
	Accepted   bool        `json:"accepted"`
	Gates      []Gate      `json:"gates"`       // in order; all of them, also those not reached
	ProofModes []string    `json:"proof_modes"` // base-sha, reverted-fix, captured-failure
	Patch      patch.Patch `json:"patch"`       // what was judged in the end: hunks that were not needed are dropped
	Diff       string      `json:"diff"`        // unified, of Patch
	Red        []byte      `json:"-"`           // trace on base
	Green      []byte      `json:"-"`           // trace on head
	TestSHA    string      `json:"test_sha256"`
}

// A Gate is one question with its answer.
type Gate struct {
	Name     string  `json:"name"`     // applies, base-sha, head-green, suite, reverted-fix, minimal, on-path, no-band-aid
	Outcome  Outcome `json:"outcome"`  //
	Evidence string  `json:"evidence"` // one or two sentences with figures
	Millis   int64   `json:"millis"`
}

// An Outcome of a gate.
type Outcome string

// The outcomes.
const (
	Held       Outcome = "held"
	Failed     Outcome = "failed"
	NotReached Outcome = "not_reached" // an earlier gate failed
	NotApplied Outcome = "not_applied" // nothing to ask, with the reason in Evidence
)

// A Verifier judges. Safe for concurrent use.
type Verifier struct{ Runner *pytest.Runner }

// Judge computes the verdict. An error means that it could not be computed.
func (v *Verifier) Judge(ctx context.Context, in Input) (*Verdict, error) { panic("contract only") }
