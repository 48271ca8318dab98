package repro

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
)

const (
	defaultRepeats = 5
	defaultFloor   = 0.7
	maxTries       = 24 // cost of the tests that are run before giving up
)

// Reproduce returns a Reproduction, or a *fault.Stop saying why there is none:
// tainted, needs_environment, needs_locals, value_lost, needs_input,
// not_reproduced, flaky or already_fixed. Any other error means that it could
// not be attempted.
func (r *Reproducer) Reproduce(ctx context.Context, in Input) (_ *Reproduction, err error) {
	if in.Repeats == 0 {
		in.Repeats = defaultRepeats
	}
	if in.Floor == 0 {
		in.Floor = defaultFloor
	}
	if in.Progress == nil {
		in.Progress = func(string) {}
	}
	a, err := r.prepare(ctx, in)
	if err != nil {
		return nil, err
	}
	defer a.close()
	best, err := a.search(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.certify(ctx, best); err != nil {
		return nil, err
	}
	if err := a.checkHead(ctx, best); err != nil {
		return nil, err
	}
	best.Test.Command = r.Session.Command(best.Test)
	best.Env.Dir = "" // released: the next user ensures it again
	return best, nil
}

// An attempt is one reproduction in progress.
type attempt struct {
	r       *Reproducer
	in      Input
	stack   language.Stack
	raised  *incident.Exception
	frames  []language.Frame // in-app, outermost first; the last is the crash
	sig     incident.Signature
	env     testrun.Environment
	release func() // of the environment; nil before there is one
	ways    []language.Strategy

	candidates []candidate      // of all strategies, in their order
	tried      int              // calls
	nearest    *Reproduction    // the best failure that was not the incident's
	unable     *language.Import // why a candidate could not be imported; nil if all could
}

// A candidate is a test, and the strategy that wrote it.
type candidate struct {
	language.Candidate
	strategy string
}

// prepare does everything that does not run the code: mapping, analysis, and,
// only where these leave something to run, the environment.
func (r *Reproducer) prepare(ctx context.Context, in Input) (_ *attempt, err error) {
	a := &attempt{r: r, in: in, raised: in.Bundle.Event.Raised()}
	if a.raised == nil || len(a.raised.Frames) == 0 {
		return nil, &fault.Stop{
			Type: fault.NeedsInput, Detail: "The event has no exception with a stack trace.",
			Help: "Send the exception itself: log with exc_info, or capture it with the error tracker's SDK.",
		}
	}
	in.Progress("mapping the stack to the commit's files")
	if a.stack, err = r.Language.Stack(in.Tree, in.Setup, a.raised); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	a.frames = a.stack.Frames()
	crash, ok := lastMapped(a.frames)
	if !ok {
		return nil, tainted(in, a.frames, "the file is not in the tree")
	}
	a.sig = incident.Signature{
		Type: incident.BareName(a.raised.Type), File: crash.Path,
		Function: incident.BareName(crash.Function), Message: incident.MaskMessage(a.raised.Message),
	}
	in.Progress("reading the frames' functions")
	a.ways, err = a.stack.Strategies(ctx, in.Run, a.story(crash))
	var misplaced *language.Misplaced
	switch {
	case errors.As(err, &misplaced):
		return nil, tainted(in, a.frames, misplaced.Why)
	case err != nil:
		return nil, err
	case !hasLocals(a.frames):
		return nil, a.needsLocals()
	}
	if err := a.write(ctx); err != nil {
		return nil, err
	}
	if a.env, a.release, err = r.Language.EnsureEnvironment(ctx, language.EnvironmentRequest{
		Run: in.Run, Tree: in.Tree, Setup: in.Setup, Environment: in.Bundle.Event.Environment, Release: in.Bundle.Event.Release,
		Committed: in.Committed, Progress: in.Progress,
	}); err != nil {
		return nil, err
	}
	a.env.Roots = merged(a.stack.Roots(), a.env.Roots)
	return a, nil
}

// write has each strategy write its candidates. Where there is none, no
// environment is needed to say so.
func (a *attempt) write(ctx context.Context) error {
	var hurdles []language.Hurdle
	for _, way := range a.ways {
		candidates, stuck, err := way.Candidates(ctx)
		if err != nil {
			return err
		}
		hurdles = append(hurdles, stuck...)
		for _, c := range candidates {
			a.candidates = append(a.candidates, candidate{c, way.Name()})
		}
	}
	if len(a.candidates) == 0 {
		return a.noCall(hurdles)
	}
	return nil
}

// merged are the source roots of the frames, then those of the project, with the
// tree itself last, as it has everything.
func merged(frames, project []string) []string {
	roots := slices.Clone(frames)
	for _, root := range project {
		if at := slices.Index(roots, "."); !slices.Contains(roots, root) {
			roots = slices.Insert(roots, max(at, 0), root)
		}
	}
	return roots
}

func (a *attempt) close() {
	if a.stack != nil {
		a.stack.Close()
	}
	if a.release != nil {
		a.release()
	}
}

// story collects the facts for the test's docstring.
func (a *attempt) story(crash language.Frame) language.Story {
	inc, event := a.in.Bundle.Incident, a.in.Bundle.Event.ID
	return language.Story{
		Incident: cmp.Or(inc.ID, inc.Fingerprint, event), Name: shortID(inc.Fingerprint, inc.ID, event),
		Type: incident.BareName(a.raised.Type), Message: a.raised.Message,
		Where: fmt.Sprintf("%s (%s:%d)", incident.BareName(crash.Function), crash.Path, crash.Line),
	}
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// shortID is the stable part of a test's name.
func shortID(ids ...string) string {
	for _, id := range ids {
		if id = notName.ReplaceAllString(strings.ToLower(id), ""); len(id) >= 6 {
			return id[:min(len(id), 12)]
		}
	}
	return "incident"
}

// search runs the strategies' candidates, in order, until one fails as in
// production.
func (a *attempt) search(ctx context.Context) (*Reproduction, error) {
	cost, frames := 0, map[int]bool{}
	for _, c := range a.candidates {
		frames[c.Frame] = true
		if cost += c.Cost; cost > maxTries {
			break
		}
		got, err := a.try(ctx, c.strategy, c.Candidate)
		if err != nil || got.Failed == 1 {
			return got, err
		}
		if a.nearest == nil || got.Fidelity.Score > a.nearest.Fidelity.Score {
			a.nearest = got
		}
	}
	a.tried = len(frames)
	return nil, a.notReproduced()
}

// try runs one candidate and compares its failure with the incident's.
func (a *attempt) try(ctx context.Context, strategy string, c language.Candidate) (*Reproduction, error) {
	a.in.Progress(fmt.Sprintf("trying %s(…)", c.Called))
	res, err := a.run(ctx, a.in.Tree, c.Test, true)
	if err != nil {
		return nil, err
	}
	trace := res.Trace
	if a.r.Rules.Exhausts(a.sig.Type) {
		// The tracer's own calls count towards the recursion limit, so the
		// recursion ends one step earlier or later: compare without the tracer.
		if res, err = a.run(ctx, a.in.Tree, c.Test, false); err != nil {
			return nil, err
		}
	}
	if imp := a.r.Language.Unimportable(a.sig.Type, res); imp != nil && a.unable == nil && !(imp.Type == a.sig.Type && a.r.Rules.Body(a.sig.Function)) {
		a.unable = imp
	}
	got := a.compare(strategy, c, res)
	got.Trace = trace
	return got, nil
}

// run runs the test once.
func (a *attempt) run(ctx context.Context, tree string, test testrun.Test, traced bool) (*testrun.Result, error) {
	req := testrun.Request{Run: a.in.Run, Env: a.env, Tree: tree, Test: &test, Seed: testrun.Seed}
	if traced {
		req.Trace = &testrun.Tracing{TreeOnly: true}
	}
	res, err := a.r.Session.Run(ctx, req)
	if fault.KindOf(err) == fault.NotFound {
		return nil, &fault.Stop{
			Type: fault.NeedsEnvironment, Detail: "The test runner does not start in the environment.", Log: text.Tail(err.Error(), 2000),
			Help: a.r.Language.Help(language.Problem{Kind: language.NoTestRunner}),
		}
	}
	return res, err
}

// compare compares one run with the incident. Failed is 1 where it is the same failure.
func (a *attempt) compare(strategy string, c language.Candidate, res *testrun.Result) *Reproduction {
	got := &Reproduction{
		Test: c.Test, Env: a.env, Signature: a.sig, Called: c.Called, Strategy: strategy, Runs: 1,
		Output: res.Output, Trace: res.Trace, Frames: folded(a.frames),
	}
	if len(res.Tests) > 0 {
		got.Outcome = res.Tests[0]
	}
	got.Fidelity = fidelity(a.raised, a.frames, got.Outcome)
	if a.same(res) && got.Fidelity.Score >= a.in.Floor {
		got.Failed = 1
	}
	return got
}

// folded merges neighbouring frames at one position, so that a recursion's
// thousand frames become a few; the outermost of them keeps its locals, and the
// crash frame stays complete.
func folded(frames []language.Frame) []language.Frame {
	var made []language.Frame
	for i, f := range frames {
		if n := len(made); n > 0 && i < len(frames)-1 {
			if last := &made[n-1]; last.Path == f.Path && last.File == f.File && last.Function == f.Function && last.Line == f.Line {
				last.Repeated += 1 + f.Repeated
				continue
			}
		}
		made = append(made, f)
	}
	return made
}

// same reports whether a run failed with the incident's signature.
func (a *attempt) same(res *testrun.Result) bool {
	return res.OK() && len(res.Tests) == 1 && res.Tests[0].Status == testrun.Failed &&
		res.Tests[0].Signature().Matches(a.sig) && res.Tests[0].Signature().File == a.sig.File
}

// recursed reports whether a traced run of an endlessly recursing test did
// recurse: where the recursion ends depends on the tracer.
func (a *attempt) recursed(res *testrun.Result) bool {
	return a.r.Rules.Exhausts(a.sig.Type) && res.OK() && len(res.Tests) == 1 && res.Tests[0].Status == testrun.Failed &&
		res.Tests[0].Signature().Type == a.sig.Type
}

// certify repeats the run: an intermittent failure proves nothing.
func (a *attempt) certify(ctx context.Context, got *Reproduction) error {
	for got.Runs < a.in.Repeats {
		a.in.Progress(fmt.Sprintf("run %d of %d", got.Runs+1, a.in.Repeats))
		res, err := a.run(ctx, a.in.Tree, got.Test, true)
		if err != nil {
			return err
		}
		got.Runs++
		if a.same(res) || a.recursed(res) {
			got.Failed++
		}
	}
	if got.Failed < got.Runs {
		return &fault.Stop{
			Type:   fault.Flaky,
			Detail: fmt.Sprintf("%s failed as in production in %d of %d runs with the same seed.", got.Called, got.Failed, got.Runs),
			Help:   "The failure depends on more than the arguments: time, threads, addresses or set order. Fixing that input would make it reproducible.",
			Log:    text.Tail(got.Test.Source, 4000),
		}
	}
	return nil
}

// notReproduced reports how close the closest run came.
func (a *attempt) notReproduced() error {
	n := a.nearest
	if n == nil {
		return &fault.Stop{Type: fault.NeedsInput, Detail: "No call in the stack could be turned into a test.", Help: helpInput}
	}
	if a.unable != nil {
		return unimportable(a.unable)
	}
	o := n.Outcome
	what := "passed"
	switch {
	case o.Status == "":
		what = "could not be run"
	case o.Status != testrun.Passed:
		what = fmt.Sprintf("ended with %s: %s", o.Type, text.Line(o.Message, 200))
	}
	return &fault.Stop{
		Type:   fault.NotReproduced,
		Detail: fmt.Sprintf("%s tried; the closest, %s, %s (fidelity %.2f).", text.Count(a.tried, "call"), n.Called, what, n.Fidelity.Score),
		Help:   "The failure depends on more than the recorded arguments: state, files, a database or another service. A test that sets these up, or an event with more locals, would help.",
		Log:    text.Tail(n.Test.Source+"\n"+n.Output, 6000),
	}
}

// unimportable is the stop for code that the environment cannot import.
func unimportable(i *language.Import) *fault.Stop {
	return &fault.Stop{Type: fault.NeedsEnvironment, Detail: "The code cannot be imported: " + i.What + ".", Help: i.Help, Log: i.Log}
}

// hasLocals reports whether the source sent locals of any frame.
func hasLocals(frames []language.Frame) bool {
	for _, f := range frames {
		if f.HasVars || len(f.Locals) > 0 {
			return true
		}
	}
	return false
}

// lastMapped is the innermost frame, which must be in the tree.
func lastMapped(frames []language.Frame) (language.Frame, bool) {
	if len(frames) == 0 {
		return language.Frame{}, false
	}
	f := frames[len(frames)-1]
	return f, f.Path != ""
}
