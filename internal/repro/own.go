package repro

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
)

// StrategyOwn is the strategy of a reproduction whose test is the repository's
// own.
const StrategyOwn = "own-test"

// Witness runs a test of the repository, named by its node id, and returns how
// it fails, as the exception of an incident. An id of several tests (a function
// with parameters, a class, a file) stands for the first of them that fails.
// in.Bundle is not read. The error is a *fault.Stop if the test passes or cannot
// run (not_reproduced, needs_environment), and of kind fault.NotFound if there
// is none of that name.
func (r *Reproducer) Witness(ctx context.Context, in Input, id string) (test testrun.Test, x incident.Exception, err error) {
	a, err := r.prepareOwn(ctx, in, incident.Environment{})
	if err != nil {
		return test, x, err
	}
	defer a.close()
	if test, err = ownTest(in.Tree, id); err != nil {
		return test, x, err
	}
	a.in.Progress("running " + text.Line(id, 200))
	res, err := a.run(ctx, in.Tree, test, false)
	if err != nil {
		return test, x, err
	}
	failure, err := a.firstFailure(res, test)
	if err != nil {
		return test, x, err
	}
	if _, name, ok := strings.Cut(failure.ID, "::"); ok && name != test.Name {
		test.Name = name
		a.in.Progress(fmt.Sprintf("of %s, %s is the first that fails", text.Count(len(res.Tests), "test"), text.Line(test.ID(), 200)))
	}
	return test, incident.Exception{Type: failure.Type, Message: failure.Message, Frames: failure.Frames}, nil
}

// ReproduceOwn repeats a failing test, named by its node id, once of the times under the tracer:
// it is the reproduction of an incident that consists in its failure. The error
// is a *fault.Stop if it does not fail every time in the same way.
func (r *Reproducer) ReproduceOwn(ctx context.Context, in Input, id string) (*Reproduction, error) {
	a, err := r.prepareOwn(ctx, in, in.Bundle.Event.Environment)
	if err != nil {
		return nil, err
	}
	defer a.close()
	test, err := ownTest(in.Tree, id)
	if err != nil {
		return nil, err
	}
	got := &Reproduction{
		Test: test, Env: a.env, Called: test.ID(), Strategy: StrategyOwn,
		Fidelity: Fidelity{Score: 1, Type: 1, Message: 1, Path: 1, Locals: -1},
	}
	// The first run decides on the signature, so it is made as the verdict's are
	// made that count most: without the tracer. The second one is traced.
	for got.Runs < max(a.in.Repeats, 2) {
		a.in.Progress(fmt.Sprintf("run %d of %d", got.Runs+1, max(a.in.Repeats, 2)))
		traced := got.Runs == 1
		res, err := a.run(ctx, in.Tree, test, traced)
		if err != nil {
			return nil, err
		}
		if traced {
			got.Trace = res.Trace
		}
		failure, err := a.firstFailure(res, test)
		if err != nil && got.Runs == 0 {
			return nil, err
		}
		if got.Runs++; got.Runs == 1 {
			got.Outcome, got.Output, got.Signature = failure, res.Output, failure.Signature()
			a.sig = got.Signature
		}
		if err == nil && (failure.Signature().Matches(a.sig) || a.anywhere(failure, traced)) {
			got.Failed++
		}
		if a.sig.Type == testrun.TimeoutType && got.Runs == 2 {
			break // each run takes as long as a test may
		}
	}
	if got.Failed < got.Runs {
		return nil, &fault.Stop{
			Type:   fault.Flaky,
			Detail: fmt.Sprintf("%s failed in the same way in %d of %d runs with the same seed.", test.ID(), got.Failed, got.Runs),
			Help:   "The failure depends on more than the code: time, threads, addresses or files. Fixing that input would make it reproducible.",
			Log:    text.Tail(got.Output, 4000),
		}
	}
	for _, f := range got.Outcome.Frames {
		if f.InApp && f.File != test.Path {
			got.Frames = append(got.Frames, language.Frame{Frame: f, Path: f.File})
		}
	}
	got.Frames = folded(got.Frames)
	got.Test.Command = r.Session.Command(got.Test)
	got.Env.Dir = "" // released: the next user ensures it again
	return got, nil
}

// anywhere reports whether a failure is the same although it is in another
// place: a test is interrupted wherever it is when its time is over, and an
// exhausted stack depends on the tracer.
func (a *attempt) anywhere(o testrun.Outcome, traced bool) bool {
	return o.Type == a.sig.Type && (o.Type == testrun.TimeoutType || traced && a.r.Rules.Exhausts(o.Type))
}

// prepareOwn finds the environment. The test needs no strategy.
func (r *Reproducer) prepareOwn(ctx context.Context, in Input, env incident.Environment) (a *attempt, err error) {
	in.Repeats = cmp.Or(in.Repeats, defaultRepeats)
	if in.Progress == nil {
		in.Progress = func(string) {}
	}
	a = &attempt{r: r, in: in}
	a.env, a.release, err = r.Language.EnsureEnvironment(ctx, language.EnvironmentRequest{
		Run: in.Run, Tree: in.Tree, Setup: in.Setup, Environment: env, Committed: in.Committed, Progress: in.Progress,
	})
	if root := in.Setup.Root; root != "" {
		a.env.Roots = append([]string{root}, a.env.Roots...)
	}
	return a, err
}

// ownTest is a test of the tree by its node id.
func ownTest(tree, id string) (testrun.Test, error) {
	file, name, _ := strings.Cut(id, "::")
	root, err := os.OpenRoot(tree)
	if err != nil {
		return testrun.Test{}, err
	}
	defer root.Close()
	source, err := fs.ReadFile(root.FS(), file)
	if err != nil {
		return testrun.Test{}, fault.Errorf(fault.NotFound, "there is no test %s: the tree has no file %s", text.Line(id, 200), text.Line(file, 200))
	}
	return testrun.Test{Path: file, Name: name, Source: string(source), Own: true}, nil
}

// firstFailure is the first test of a session that failed.
func (a *attempt) firstFailure(res *testrun.Result, test testrun.Test) (testrun.Outcome, error) {
	id := text.Line(strings.TrimSuffix(test.ID(), "::"), 200)
	switch {
	case len(res.Tests) == 0 && strings.Contains(res.Output, "not found: "): // the runner refuses the id, and collects nothing at all
		return testrun.Outcome{}, fault.Errorf(fault.NotFound, "there is no test %s", id)
	case res.Forged != "":
		return testrun.Outcome{}, &fault.Stop{
			Type: fault.NotReproduced, Detail: fmt.Sprintf("The result of %s cannot be trusted: %s.", id, text.Line(res.Forged, 300)),
			Help: "The test, or what it imports, interferes with the test runner.", Log: text.Tail(res.Output, 4000),
		}
	case len(res.Tests) == 0 && len(res.Errors) > 0 && a.r.Language.Unimportable("", res) != nil:
		return testrun.Outcome{}, unimportable(a.r.Language.Unimportable("", res))
	case len(res.Tests) == 0 && len(res.Errors) > 0:
		return testrun.Outcome{}, &fault.Stop{
			Type: fault.NotReproduced, Detail: fmt.Sprintf("%s cannot be collected: %s.", id, text.Line(lastLine(res.Errors[0]), 300)),
			Help: "The test's file has to be importable: configure the source root, or the requirements that it needs.", Log: text.Tail(res.Output, 4000),
		}
	case len(res.Tests) == 0 && res.Cause != sandbox.Exited:
		return testrun.Outcome{}, &fault.Stop{
			Type: fault.NotReproduced, Detail: fmt.Sprintf("The sandbox ended the session of %s before any test ran (%s).", id, res.Cause),
			Help: "Collecting the test takes too much time or memory.",
		}
	case len(res.Tests) == 0:
		return testrun.Outcome{}, fault.Errorf(fault.NotFound, "there is no test %s", id)
	}
	ended := map[testrun.Status]int{}
	for _, t := range res.Tests {
		if t.Status == testrun.Failed {
			return t, nil
		}
		ended[t.Status]++
	}
	for _, t := range res.Tests {
		if t.Status == testrun.Error {
			return testrun.Outcome{}, &fault.Stop{
				Type: fault.NotReproduced, Detail: fmt.Sprintf("Setting up %s fails: %s (%s).", text.Line(t.ID, 200), t.Type, text.Line(t.Message, 200)),
				Help: "A fixture fails, not the code under test. What it needs has to be available in the sandbox.", Log: text.Tail(res.Output, 4000),
			}
		}
	}
	what := "is skipped"
	if ended[testrun.Passed] > 0 {
		what = "passes"
	}
	return testrun.Outcome{}, &fault.Stop{
		Type: fault.NotReproduced, Detail: fmt.Sprintf("%s %s, so there is nothing to repair.", id, what),
		Help: "Name a test that fails on this commit.",
	}
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
