// Package pytest runs Python tests in a sandbox so that their result can be
// believed although the code under test is hostile.
//
// A trusted parent process inside the sandbox, which the code under test can
// neither write to nor read from, starts pytest as a child with an interpreter
// that ignores the environment (-I), plants must-fail canaries of random names
// first and last, installs the tracer, and reports each test's outcome over its
// own channel. Everything that steers the runner (conftest.py, pytest.ini, …)
// comes from the base tree, never from a patch.
package pytest

import (
	"context"
	"time"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/pytrace"
	"github.com/repaird/repaird/internal/sandbox"
)

// An Environment is what the tests run in: an image and, on top of it, a
// virtual environment built from the repository's lock file.
type Environment struct {
	Image  string            `json:"image"`          // sandbox.Spec.Image
	Venv   string            `json:"venv,omitempty"` // host directory, mounted read-only at /env; "" when the image's own Python serves
	Python string            `json:"python"`         // interpreter inside: /env/bin/python or the image's
	Digest string            `json:"digest"`         // of everything that it was built from
	Env    map[string]string `json:"env,omitempty"`  // further variables (TZ, LANG of production)
}

// A Test is a synthesized test: one file with one test function.
type Test struct {
	Path   string `json:"path"`   // where the pull request puts it, such as tests/test_repaird_1a2b3c.py
	Name   string `json:"name"`   // test function
	Source string `json:"source"` // whole file
}

// A Request is one pytest session.
type Request struct {
	Run     string            // run id, for labels
	Env     Environment       //
	Tree    string            // host directory of the base commit's tree
	Overlay map[string][]byte // files over it: a patch's new contents (never runner-steering files); nil content deletes
	Test    *Test             // the synthesized test, run alone with no conftest and an empty configuration; nil runs the repository's suite
	Suite   []string          // pytest arguments of the suite, node ids or folders; only when Test is nil
	Trace   *pytrace.Config   // nil: no trace
	Limits  sandbox.Limits
	Seed    int // PYTHONHASHSEED and random's seed
}

// A Result is what the trusted parent reported.
type Result struct {
	Tests  []Outcome     `json:"tests"`            // without canaries
	Forged string        `json:"forged,omitempty"` // not empty: the canaries or the channel show that the session lied; nothing else may be believed
	Errors []string      `json:"errors,omitempty"` // collection errors
	Output string        `json:"output"`           // bounded tail of pytest's own output
	Cause  sandbox.Cause `json:"cause"`            //
	Wall   time.Duration `json:"wall"`             //
	Trace  []byte        `json:"-"`                // JSON Lines as recorded, untrusted
	Traced bool          `json:"traced"`           // the tracer's handshake arrived
}

// An Outcome is one test's end.
type Outcome struct {
	ID      string           `json:"id"`                // node id
	Status  Status           `json:"status"`            //
	Type    string           `json:"type,omitempty"`    // exception type, bare, where failed
	Message string           `json:"message,omitempty"` // str(exception), bounded
	Frames  []incident.Frame `json:"frames,omitempty"`  // outermost first, files relative to the tree, InApp for the tree's own; locals rendered where asked
	Seconds float64          `json:"seconds"`
}

// A Status is how a test ended.
type Status string

// The statuses.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Error   Status = "error" // set-up or tear-down
	Skipped Status = "skipped"
)

// A Runner runs sessions in a sandbox backend. It is safe for concurrent use.
type Runner struct{ Backend sandbox.Backend }

// Run runs one session. An error means that the session could not be run; a
// failing or lying session is a Result.
func (r *Runner) Run(ctx context.Context, req Request) (*Result, error) { panic("contract only") }
