// Package pytest runs Python tests in a sandbox so that their result can be
// believed although the code under test is hostile.
//
//	r := pytest.Runner{Backend: backend}
//	res, err := r.Run(ctx, pytest.Request{Env: env, Tree: dir, Test: &test, Seed: 1})
//	if err == nil && res.OK() && res.Tests[0].Status == pytest.Failed { … }
//
// A session has three parties. On the outside, Go draws the names of two
// canaries, tests that must fail, and judges what comes back. Inside the sandbox
// a trusted parent (runner/parent.py) owns standard output: it commits to a secret
// before the child exists and tells it with the report when every descendant is
// dead, so that nobody else can have written the report. Its child
// (runner/child.py) imports the environment's pytest and the tracer, only then
// puts the tree on sys.path, and reports over a pipe, each message with a MAC
// and a running number.
//
// Accepted is only a whole session: the first and the last test are the
// canaries and failed with their tokens, every collected test was reported
// once and in order, no test passed in which an exception had reached pytest,
// and pytest's exit status, as reported and as the parent saw it, is 1.
//
// The child's interpreter is started with -s -P and an environment made from
// nothing rather than with -I, which would ignore PYTHONHASHSEED: a run has to
// be repeatable (see command in runner/parent.py). The parent runs with -I -S.
//
// Everything that steers the runner (conftest.py, pytest.ini, …, see [Steers])
// comes from the base tree, never from a patch.
//
// What remains possible is code that finds the plugin's objects in its own
// interpreter and speaks in its name; the verifier's policy on a patch's syntax
// is there for that.
package pytest

import (
	"time"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/sandbox"
)

// An Environment is what the tests run in: an image and, on top of it, a
// virtual environment built from the repository's lock file.
type Environment struct {
	Image  string            `json:"image"`           // sandbox.Spec.Image
	Venv   string            `json:"venv,omitempty"`  // host directory, mounted read-only at /env; "" when the image's own Python serves
	Python string            `json:"python"`          // interpreter inside: /env/bin/python or the image's; "" is python3 of the image's PATH
	Digest string            `json:"digest"`          // of everything that it was built from
	Env    map[string]string `json:"env,omitempty"`   // further variables (TZ, LANG of production); PYTHON*, PYTEST* and LD_* are ignored
	Roots  []string          `json:"roots,omitempty"` // source roots relative to the tree, put on sys.path in this order; nil is the tree itself
}

// A Test is a synthesized test: one file with one test function.
type Test struct {
	Path   string `json:"path"`   // where the pull request puts it, such as tests/test_repaird_1a2b3c.py
	Name   string `json:"name"`   // test function
	Source string `json:"source"` // whole file
}

// ID is the test's node id in results.
func (t Test) ID() string { return t.Path + "::" + t.Name }

// Seed is that of every run by which a test, a candidate or a patch is judged: a
// verdict is about the code, not about the order of a set.
const Seed = 1

// A Request is one pytest session.
type Request struct {
	Run     string            // run id, for labels
	Env     Environment       //
	Tree    string            // host directory of the base commit's tree; never changed
	Overlay map[string][]byte // files over it: a patch's new contents; nil content deletes; files that steer the runner are ignored
	Test    *Test             // the synthesized test, run alone with no conftest and an empty configuration; nil runs the repository's suite
	Suite   []string          // pytest arguments of the suite, node ids or folders; only when Test is nil
	Trace   *tracer.Config    // nil: no trace; Out and an empty Include are filled in
	Limits  sandbox.Limits
	Seed    int // PYTHONHASHSEED and random's seed
}

// A Result is what the trusted parent reported.
type Result struct {
	Tests   []Outcome     `json:"tests"`             // without canaries
	Forged  string        `json:"forged,omitempty"`  // not empty: the canaries or the channel show that the session lied; nothing else may be believed
	Errors  []string      `json:"errors,omitempty"`  // collection errors
	Output  string        `json:"output"`            // bounded tail of pytest's own output
	Cause   sandbox.Cause `json:"cause"`             // Timeout also where the parent ended a session that took too long; the test that ran is then the last, Failed with type Timeout
	Wall    time.Duration `json:"wall"`              //
	Ignored []string      `json:"ignored,omitempty"` // paths of the overlay that were not used because they steer the runner
	Python  string        `json:"python,omitempty"`  // version of the interpreter
	Pytest  string        `json:"pytest,omitempty"`  // version of pytest
	Trace   []byte        `json:"-"`                 // JSON Lines as recorded, untrusted
	Traced  bool          `json:"traced"`            // the tracer's handshake arrived
	Tracer  string        `json:"tracer,omitempty"`  // why there is no trace, where one was wanted
}

// OK reports whether the session ran to its end and can be believed, with at
// least one test and no collection error.
func (r *Result) OK() bool {
	return r.Forged == "" && r.Cause == sandbox.Exited && len(r.Errors) == 0 && len(r.Tests) > 0
}

// An Outcome is one test's end.
type Outcome struct {
	ID      string           `json:"id"`                // node id
	Status  Status           `json:"status"`            //
	Type    string           `json:"type,omitempty"`    // exception type, bare, where failed
	Message string           `json:"message,omitempty"` // str(exception), bounded
	Frames  []incident.Frame `json:"frames,omitempty"`  // from the test function inwards, files relative to the tree, InApp for the tree's own; the innermost of those with its locals
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

// TimeoutType is the Type of the outcome of a test that was running when the
// session's time was over.
const TimeoutType = "Timeout"

// Signature is what of the outcome must match an incident: type, innermost
// frame of the tree, masked message.
func (o Outcome) Signature() incident.Signature {
	sig := incident.Signature{Type: o.Type, Message: incident.MaskMessage(o.Message)}
	for i := len(o.Frames) - 1; i >= 0; i-- {
		if o.Frames[i].InApp {
			sig.File, sig.Function = o.Frames[i].File, incident.BareName(o.Frames[i].Function)
			break
		}
	}
	return sig
}

// A Runner runs sessions in a sandbox backend. It is safe for concurrent use.
type Runner struct{ Backend sandbox.Backend }
