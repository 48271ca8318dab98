// Package repro turns evidence into a failing test: it maps the event's frames
// to the commit's files, builds the environment, synthesizes a readable pytest
// that calls the application as production did, runs it under the tracer, and
// says how close the failure is to the incident's (fidelity), or with which
// typed stop it ends.
package repro

import (
	"context"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/pytest"
)

// An Input is what a reproduction starts from.
type Input struct {
	Run      string         // run id
	Bundle   *bundle.Bundle //
	Tree     string         // host directory: the commit's tree, no .git
	Head     string         // host directory: the default branch's tree; "" or equal to Tree skips the check for already_fixed
	HeadSHA  string         //
	Setup    Setup          //
	Repeats  int            // N, default 5
	Floor    float64        // least fidelity, default 0.7
	Progress func(string)   // one line of what is being done; may be nil
}

// A Setup is how a project configures its environment; the zero value detects.
type Setup struct {
	Image        string   `json:"image,omitempty"`        // container image (docker only)
	Dockerfile   string   `json:"dockerfile,omitempty"`   // path in the repository (docker only)
	Requirements []string `json:"requirements,omitempty"` // files; default: those found
	Root         string   `json:"root,omitempty"`         // source root below the tree, such as "src"
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
	Frames    []MappedFrame      `json:"frames"`
}

// Fidelity scores from 0 to 1 how close the test's failure is to production's.
type Fidelity struct {
	Score   float64 `json:"score"`
	Type    float64 `json:"type"`    // exception type
	Message float64 `json:"message"` // message shape
	Path    float64 `json:"path"`    // frame path
	Locals  float64 `json:"locals"`  // values of locals at the crash frame
}

// A MappedFrame is a frame of the event with the repository file that it is.
type MappedFrame struct {
	incident.Frame
	Path string `json:"path"` // slash-separated, relative to the tree; "" outside it
}

// A Reproducer reproduces. Safe for concurrent use.
type Reproducer struct {
	Runner *pytest.Runner
	// EnvDir is a host directory where environments are built once per digest.
	EnvDir string
}

// Reproduce returns a Reproduction, or a *fault.Stop saying why there is none.
func (r *Reproducer) Reproduce(ctx context.Context, in Input) (*Reproduction, error) {
	panic("contract only")
}
