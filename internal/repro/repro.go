// Package repro turns evidence into a failing test: it maps the event's frames
// to the commit's files, builds the environment, synthesizes a readable pytest
// that calls the application as production did, runs it under the tracer, and
// says how close the failure is to the incident's (fidelity), or with which
// typed stop it ends.
//
// An event of a crash in kth, called with a list and a number, becomes
//
//	from python_programs.kth import kth
//
//	def test_repaird_4f1d20c9a3b7():
//	    kth(arr=[3, 6, 7, 1, 6, 3, 8, 9], k=5)
//
// The call is sought from the outermost in-app function inwards: a test of the
// crashing function itself often freezes the bad input, so that only a guard
// could pass it. A tracker records locals as they were when the exception
// passed, so an argument is used only where the function's own syntax tree says
// that the parameter was neither bound anew nor changed by then; that, and
// whether a recorded text is a literal, is decided by a parser inside the
// sandbox (inside/analyse.py). What decides in the end is the run: the first
// call whose failure has the incident's signature.
package repro

import (
	"context"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/gitrepo"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/pytest"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/store"
)

// An Input is what a reproduction starts from.
type Input struct {
	Run      string         // run id
	Bundle   *bundle.Bundle //
	Tree     string         // host directory: the commit's tree, no .git
	Head     string         // host directory: the default branch's tree; "" or equal to Tree skips the check for already_fixed
	HeadSHA  string         //
	History  History        // for naming the commit that fixed it; may be nil
	Setup    Setup          //
	Repeats  int            // N, default 5
	Floor    float64        // least fidelity, default 0.7
	Progress func(string)   // one line of what is being done; may be nil
}

// History answers which commits changed a file and has their trees.
type History interface {
	CommitsTouching(ctx context.Context, paths []string, from, to string) ([]gitrepo.Commit, error)
	// Checkout returns a commit's tree, which stays until release is called.
	Checkout(ctx context.Context, commit string) (dir string, release func(), err error)
}

// A Setup is how a project configures its environment; the zero value detects.
type Setup struct {
	Image        string   `json:"image,omitempty"`        // container image (docker only)
	Requirements []string `json:"requirements,omitempty"` // files; default: those found
	Root         string   `json:"root,omitempty"`         // source root below the tree, such as "src"
	TimeZone     string   `json:"time_zone,omitempty"`    // of production, where the event names none
}

// A Reproduction is a failing test that is the production failure.
type Reproduction struct {
	Test      pytest.Test        `json:"test"`
	Env       pytest.Environment `json:"env"`
	Signature incident.Signature `json:"signature"` // with File mapped to the repository
	Called    string             `json:"called"`    // dotted function that the test calls
	Strategy  string             `json:"strategy"`  // such as outermost-literal
	Fidelity  Fidelity           `json:"fidelity"`
	Failed    int                `json:"failed"`  // k
	Runs      int                `json:"runs"`    // of N
	Outcome   pytest.Outcome     `json:"outcome"` // of the first run
	Output    string             `json:"output"`  // pytest's, bounded
	Trace     []byte             `json:"-"`       // red trace, JSON Lines
	Frames    []MappedFrame      `json:"frames"`  // in-app, outermost first, a recursion's repeated frames folded; the last is the crash
}

// The strategies, in the order in which they are preferred.
const (
	StrategyLiteral  = "outermost-literal" // a function called with the recorded arguments
	StrategyInstance = "default-instance"  // a method of an instance made without arguments
)

var strategies = map[string]int{StrategyLiteral: 0, StrategyInstance: 1}

// A MappedFrame is a frame of the event with the repository file that it is.
type MappedFrame struct {
	incident.Frame
	Path string `json:"path"` // slash-separated, relative to the tree; "" outside it
}

// A Reproducer reproduces. Safe for concurrent use.
type Reproducer struct {
	Runner *pytest.Runner
	// Store keeps environments, each built once per digest.
	Store *store.Store
	// Bases are the root file systems to choose from by the event's Python;
	// none means the backend's default.
	Bases []sandbox.Base
	// Environ is the environment from which pip's configuration is taken; nil
	// is the process's own.
	Environ []string
}
