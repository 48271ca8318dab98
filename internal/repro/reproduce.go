package repro

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
)

const (
	defaultRepeats = 5
	defaultFloor   = 0.7
	maxTries       = 40 // cost of the tests that are run before giving up

	// A traced run may take this long, and this many times as long as one without
	// the tracer: what it shows is wanted, and not worth minutes.
	tracedWall   = 20 * time.Second
	tracedSlower = 10
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

	wall time.Duration // of the longest candidate's run

	candidates []candidate       // of all strategies, in their order
	hurdles    []language.Hurdle // why others could not be written
	tried      int               // calls
	nearest    *Reproduction     // the best failure that was not the incident's
	unable     *language.Import  // why a candidate could not be imported; nil if all could
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
	for _, way := range a.ways {
		candidates, stuck, err := way.Candidates(ctx)
		if err != nil {
			return err
		}
		a.hurdles = append(a.hurdles, stuck...)
		for _, c := range candidates {
			a.candidates = append(a.candidates, candidate{c, way.Name()})
		}
	}
	if len(a.candidates) == 0 {
		return a.noCall(a.hurdles)
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
	cost, frames, tried, sure := 0, map[int]bool{}, map[string]bool{}, false
	for _, c := range a.candidates {
		frames[c.Frame] = true
		if tried[c.Test.Source] {
			continue
		}
		tried[c.Test.Source] = true
		sure = sure || c.Guessed == ""
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
	if a.tried = len(frames); !sure && a.unable == nil {
		return nil, a.noCall(a.hurdles) // what was made up led nowhere: what is missing decides
	}
	return nil, a.notReproduced()
}

// try runs one candidate, without the tracer, and compares its failure with the
// incident's.
func (a *attempt) try(ctx context.Context, strategy string, c language.Candidate) (*Reproduction, error) {
	a.in.Progress(fmt.Sprintf("trying %s(…)", c.Called))
	res, err := a.run(ctx, a.in.Tree, c.Test, false)
	if err != nil {
		return nil, err
	}
	if imp := a.r.Language.Unimportable(a.sig.Type, res); imp != nil && a.unable == nil && !(imp.Type == a.sig.Type && a.r.Rules.Body(a.sig.Function)) {
		a.unable = imp
	}
	return a.compare(strategy, c, res), nil
}

// run runs the test once.
func (a *attempt) run(ctx context.Context, tree string, test testrun.Test, traced bool) (*testrun.Result, error) {
	req := a.request(tree, test)
	if traced {
		req.Limits.Wall = min(tracedWall+tracedSlower*a.wall, sandbox.DefaultLimits.Wall)
		req.Trace = &testrun.Tracing{TreeOnly: true}
	}
	res, err := a.r.Session.Run(ctx, req)
	if err == nil && !traced {
		a.wall = max(a.wall, res.Wall)
	}
	return res, a.unstarted(err)
}

func (a *attempt) request(tree string, test testrun.Test) testrun.Request {
	return testrun.Request{Run: a.in.Run, Env: a.env, Tree: tree, Test: &test, Seed: testrun.Seed}
}

// unstarted turns a session's error into a stop where the environment lacks the
// test runner.
func (a *attempt) unstarted(err error) error {
	if fault.KindOf(err) != fault.NotFound {
		return err
	}
	return &fault.Stop{
		Type: fault.NeedsEnvironment, Detail: "The test runner does not start in the environment.", Log: text.Tail(err.Error(), 2000),
		Help: a.r.Language.Help(language.Problem{Kind: language.NoTestRunner}),
	}
}

// compare compares one run with the incident. Failed is 1 where it is the same
// failure; then the signature is this run's, whose message another version of the
// language may word otherwise.
func (a *attempt) compare(strategy string, c language.Candidate, res *testrun.Result) *Reproduction {
	got := &Reproduction{
		Test: c.Test, Env: a.env, Signature: a.sig, Called: c.Called, Strategy: strategy, Runs: 1, Guessed: c.Guessed,
		Output: res.Output, Trace: res.Trace, Frames: folded(a.frames), frame: c.Frame,
	}
	if len(res.Tests) > 0 {
		got.Outcome = res.Tests[0]
	}
	got.Fidelity = fidelity(a.raised, a.frames[c.Frame:], got.Outcome, a.r.Rules)
	if c.Guessed != "" {
		got.Fidelity.Score *= guess
	}
	if a.same(got, res) && got.Fidelity.Score >= a.in.Floor {
		got.Failed, got.Signature = 1, got.Outcome.Signature()
	}
	return got
}

// guess is what a made-up part of production's state leaves of the fidelity.
const guess = 0.9

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

// same reports whether a run is the incident: the same exception from the same
// function, with the same message or with all else as it was, and for the same
// reason as far as the values of the line tell. What a test makes up must not show
// in any value.
func (a *attempt) same(got *Reproduction, res *testrun.Result) bool {
	if !res.OK() || len(res.Tests) != 1 || res.Tests[0].Status != testrun.Failed {
		return false
	}
	sig, crash := res.Tests[0].Signature(), a.frames[len(a.frames)-1]
	if sig.Type != a.sig.Type {
		return false
	}
	if a.r.Rules.Exhausts(sig.Type) {
		return a.cycles(sig)
	}
	if sig.Function != a.sig.Function || sig.File != a.sig.File {
		return false
	}
	why := sameReason(crash, crashLocals(got.Outcome.Frames))
	agree := got.Fidelity.Locals < 0 || got.Fidelity.Locals == 1
	switch {
	case why == differ, got.Guessed != "" && !agree:
		return false
	case sig.Message == a.sig.Message, got.Fidelity.Message == 1:
		return true
	}
	return why == equal && agree && crashLine(got.Outcome.Frames) == crash.Line
}

// crashLine is the line of the innermost frame of the tree, 0 for none.
func crashLine(frames []incident.Frame) int {
	for i := range slices.Backward(frames) {
		if frames[i].InApp {
			return frames[i].Line
		}
	}
	return 0
}

// maxCycle is how many of the innermost frames of an endless recursion are taken
// for its cycle.
const maxCycle = 200

// cycles reports whether an endless recursion ended in a function of production's
// cycle: in which of them, and with which message, the stack's size decides.
func (a *attempt) cycles(sig incident.Signature) bool {
	for _, f := range a.frames[max(0, len(a.frames)-maxCycle):] {
		if f.Path == sig.File && incident.BareName(f.Function) == sig.Function {
			return true
		}
	}
	return false
}

// recursed reports whether a traced run of an endlessly recursing test did
// recurse: where the recursion ends depends on the tracer.
func (a *attempt) recursed(res *testrun.Result) bool {
	return a.r.Rules.Exhausts(a.sig.Type) && res.OK() && len(res.Tests) == 1 && res.Tests[0].Status == testrun.Failed &&
		res.Tests[0].Signature().Type == a.sig.Type
}

// again reports whether a run failed as the first one did.
func again(got *Reproduction, res *testrun.Result) bool {
	return res.OK() && len(res.Tests) == 1 && res.Tests[0].Status == testrun.Failed &&
		res.Tests[0].Signature().Matches(got.Signature) && res.Tests[0].Signature().File == got.Signature.File
}

// certify repeats the run, once under the tracer: an intermittent failure proves
// nothing.
func (a *attempt) certify(ctx context.Context, got *Reproduction) error {
	plain := max(a.in.Repeats-got.Runs-1, 0)
	a.in.Progress(fmt.Sprintf("runs %d to %d, one of them under the tracer", got.Runs+1, got.Runs+plain+1))
	var results []*testrun.Result
	var traced *testrun.Result
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if plain > 0 {
			results, err = a.r.Session.Repeat(gctx, a.request(a.in.Tree, got.Test), plain)
		}
		return a.unstarted(err)
	})
	g.Go(func() (err error) {
		traced, err = a.run(gctx, a.in.Tree, got.Test, true)
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	got.Trace = traced.Trace
	if !a.r.Rules.Exhausts(a.sig.Type) || traced.Cause == sandbox.Exited {
		results = append(results, traced) // otherwise thousands of levels took the tracer too long, which says nothing about the failure
	}
	for _, res := range results {
		got.Runs++
		if again(got, res) || a.recursed(res) {
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
