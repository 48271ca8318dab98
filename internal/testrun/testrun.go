// Package testrun describes test runs independently of the language: the
// environment, the test, a session's request, and each test's outcome. Which
// program runs the tests, and why its results can be trusted, is up to the
// language (see package language).
//
//	res, err := session.Run(ctx, testrun.Request{Env: env, Tree: dir, Test: &test, Seed: testrun.Seed})
//	if err == nil && res.OK() && res.Tests[0].Status == testrun.Failed {
//		fmt.Println(res.Tests[0].Signature()) // what has to match the incident's
//	}
package testrun

import (
	"time"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/sandbox"
)

// Root is the tree's path in the sandbox, and so in traces.
const Root = "/work"

// An Environment is what tests run in: an image and, on top of it, a directory
// built from the repository's declared dependencies. Its digest identifies it
// on every host; Dir is its path on this one.
type Environment struct {
	Image       string            `json:"image"`           // sandbox.Spec.Image
	Reader      string            `json:"-"`               // image whose Python reads source, which need not be the tests'; "" is Image. Set when the environment is ensured, never stored
	Dir         string            `json:"-"`               // host directory of what was built for it, mounted read-only at /env; "" when the image's own serves. Set when the environment is ensured, never stored
	Interpreter string            `json:"interpreter"`     // program inside that runs the code: below /env or the image's; "" is the language's usual one in the image's PATH
	Digest      string            `json:"digest"`          // of all its inputs
	Env         map[string]string `json:"env,omitempty"`   // further variables (TZ, LANG of production); those that would steer the interpreter, the linker or the test runner are ignored
	Roots       []string          `json:"roots,omitempty"` // source roots relative to the tree, in the order in which imports are sought; nil is the tree itself
}

// A Test is a synthesized test: one file with one test function. Or it is a test
// of the repository itself, in which case ID is its node id.
type Test struct {
	Path    string   `json:"path"`              // where the pull request puts it, such as tests/test_repaird_1a2b3c.py
	Name    string   `json:"name"`              // test function; of the repository's own also its class and parameters
	Source  string   `json:"source"`            // whole file
	Own     bool     `json:"own,omitempty"`     // the repository's own, which runs under the repository's test configuration
	Command []string `json:"command,omitempty"` // to run it in a clone in which the project's dependencies are installed
}

// ID is the test's node id in results.
func (t Test) ID() string { return t.Path + "::" + t.Name }

// Seed is used for every run that a verdict on a test or patch rests on: a
// verdict is about the code, not about the order of a set.
const Seed = 1

// A Request is one test session.
type Request struct {
	Run     string            // run id, for labels
	Env     Environment       //
	Tree    string            // host directory of the base commit's tree; never changed
	Overlay map[string][]byte // files over it: a patch's new contents; nil content deletes; files that steer the runner are ignored
	Test    *Test             // the test, run alone; a synthesized one with none of the repository's test configuration; nil runs the repository's suite
	Suite   []string          // arguments of the suite for the language's test runner, node ids or folders; only when Test is nil
	First   []string          // files of the suite whose tests run first, in this order
	Watch   map[string][]int  // lines of files of which each test of the suite says whether it executed them
	Trace   *Tracing          // nil: no trace
	Limits  sandbox.Limits
	Seed    int // of all randomness in the interpreter
}

// Tracing says what a session's trace contains besides calls, returns,
// exceptions and their values.
type Tracing struct {
	Lines    bool // also which lines ran
	TreeOnly bool // calls of the tree alone, without those of the test's own file
}

// A Result is what the trusted parent reported.
type Result struct {
	Tests       []Outcome        `json:"tests"`                 // without canaries
	Loaded      map[string][]int `json:"loaded,omitempty"`      // of Request.Watch, what ran before the first test
	Forged      string           `json:"forged,omitempty"`      // not empty: the canaries or the channel show that the session was forged; nothing else may be trusted
	Errors      []string         `json:"errors,omitempty"`      // collection errors
	Output      string           `json:"output"`                // bounded tail of the test runner's own output
	Cause       sandbox.Cause    `json:"cause"`                 // Timeout also where the parent ended a session that took too long; the test that ran is then the last, Failed with type Timeout
	Wall        time.Duration    `json:"wall"`                  //
	Ignored     []string         `json:"ignored,omitempty"`     // paths of the overlay that were not used because they steer the runner
	Interpreter string           `json:"interpreter,omitempty"` // its version
	Runner      string           `json:"runner,omitempty"`      // version of the test runner
	Trace       []byte           `json:"-"`                     // JSON Lines as recorded, untrusted
	Traced      bool             `json:"traced"`                // the tracer's handshake arrived
	Tracer      string           `json:"tracer,omitempty"`      // why there is no trace, where one was wanted
}

// OK reports whether the session ran to completion and can be trusted, with at
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
	Ran     map[string][]int `json:"ran,omitempty"` // of Request.Watch; untrusted
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

// TimeoutType is the Type of the outcome of a test that was ended because it
// took too long, or that was running when the session reached its time limit. It
// is not known how it would have ended.
const TimeoutType = "Timeout"

// Signature is the part of the outcome that must match an incident: type,
// innermost frame of the tree, masked message.
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
