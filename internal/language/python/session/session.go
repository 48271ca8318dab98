// Package session runs Python tests in a sandbox so that their results can be
// trusted although the code under test cannot.
//
//	r := session.Runner{Backend: backend}
//	res, err := r.Run(ctx, testrun.Request{Env: env, Tree: dir, Test: &test, Seed: 1})
//	if err == nil && res.OK() && res.Tests[0].Status == testrun.Failed { … }
//
// A session has three parties. On the outside, Go draws the names of two
// canaries, tests that must fail, and evaluates the report. Inside the sandbox
// a trusted parent (runner/parent.py) owns standard output: it commits to a
// secret before the child exists and reveals it with the report once every
// descendant is dead, so that no other process can have written the report. Its
// child (runner/child.py) imports the environment's pytest and the tracer, only
// then puts the tree on sys.path, and reports over a pipe, each message with a
// MAC and a sequence number.
//
// Only a complete session is accepted: the first and the last test are the
// canaries and failed with their tokens, every collected test was reported once
// and in order, no test passed in which an exception had reached pytest, and
// pytest's exit status, as reported and as the parent saw it, is 1.
//
// The child's interpreter is started with -s -P and an environment built from
// scratch rather than with -I, which would ignore PYTHONHASHSEED: a run must be
// repeatable (see command in runner/parent.py). The parent runs with -I -S.
//
// Everything that configures the runner (conftest.py, pytest.ini, …, see
// patchrules.Steers) comes from the base tree, never from a patch.
//
// A session that is repeated (Repeat) saves the imports: runner/pool.py, which
// runs nothing of the tree, forks each from an interpreter that has imported
// pytest. It is to them what the parent is to a single one, with a key for each,
// and the rules above hold for each. Before the next one begins, the last one's
// processes are dead and its files are deleted.
//
// What remains possible is code that finds the plugin's objects in its own
// interpreter and impersonates it; the verifier's policy on a patch's syntax
// addresses that.
package session

import (
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/store"
)

// A Runner runs sessions in a sandbox backend. It is safe for concurrent use.
type Runner struct {
	Backend sandbox.Backend
	Scratch *store.Scratch // for trees with an overlay; nil is the system's temporary directory
}

var _ language.Session = (*Runner)(nil)
