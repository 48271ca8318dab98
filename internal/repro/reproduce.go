package repro

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/pytest"
)

const (
	defaultRepeats = 5
	defaultFloor   = 0.7
	maxTries       = 24 // tests that are run before giving up
)

// Reproduce returns a Reproduction, or a *fault.Stop saying why there is none:
// tainted, needs_environment, needs_locals, value_lost, needs_input,
// not_reproduced, flaky or already_fixed. Another error means that it could not
// be tried.
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
	defer a.mapper.close()
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
	return best, nil
}

// An attempt is one reproduction under way.
type attempt struct {
	r      *Reproducer
	in     Input
	mapper *mapper
	raised *incident.Exception
	frames []MappedFrame // in-app, outermost first; the last is the crash
	sig    incident.Signature
	env    pytest.Environment
	calls  []*call
	known  map[string]literal
	story  story

	nearest *Reproduction // the best failure that was not the incident's
}

// prepare does what needs no run of the code: mapping, environment, analysis.
func (r *Reproducer) prepare(ctx context.Context, in Input) (_ *attempt, err error) {
	a := &attempt{r: r, in: in, raised: in.Bundle.Event.Raised()}
	if a.raised == nil || len(a.raised.Frames) == 0 {
		return nil, &fault.Stop{
			Type: fault.NeedsInput, Detail: "the event has no exception with a stack trace",
			Help: "Send the exception itself: log with exc_info, or capture it with the error tracker's SDK.",
		}
	}
	if a.mapper, err = newMapper(in.Tree); err != nil {
		return nil, fmt.Errorf("read tree: %w", err)
	}
	defer func() {
		if err != nil {
			a.mapper.close()
		}
	}()
	in.Progress("mapping the stack to the commit's files")
	a.frames = a.mapper.inApp(a.raised)
	crash, ok := lastMapped(a.frames)
	if !ok {
		return nil, tainted(in, a.frames, "no such file is in the tree")
	}
	a.sig = incident.Signature{
		Type: incident.BareName(a.raised.Type), File: crash.Path,
		Function: incident.BareName(crash.Function), Message: incident.MaskMessage(a.raised.Message),
	}
	if a.env, err = r.environment(ctx, in, in.Progress); err != nil {
		return nil, err
	}
	a.env.Roots = roots(a.mapper, in.Setup, a.frames)
	inc := in.Bundle.Incident
	a.story = storyOf(cmp.Or(inc.ID, inc.Fingerprint, in.Bundle.Event.ID), shortID(inc.Fingerprint, inc.ID, in.Bundle.Event.ID),
		a.raised, crash, testFolder(a.mapper))
	if err := a.analyse(ctx, crash); err != nil {
		return nil, err
	}
	return a, nil
}

// analyse asks the source about the frames and decides which calls can be rebuilt.
func (a *attempt) analyse(ctx context.Context, crash MappedFrame) error {
	a.in.Progress("reading the frames' functions")
	frames := candidates(a.frames)
	qs := []question{{crash.Path, crash.Function, crash.Line}}
	texts := map[string]bool{}
	for _, f := range frames {
		qs = append(qs, question{f.Path, f.Function, f.Line})
		for _, v := range f.Locals {
			leaves(v.Value, texts, 0)
		}
	}
	values := sortedKeys(texts)
	got, err := analyse(ctx, a.r.Runner.Backend, a.in.Run, a.env, a.in.Tree, qs, values)
	if err != nil {
		return err
	}
	if why := misplaced(a.mapper, crash, got.Frames[0]); why != "" {
		return tainted(a.in, a.frames, why)
	}
	if !hasLocals(a.frames) {
		return needsLocals(a.in.Bundle.Event.Source)
	}
	a.known = map[string]literal{}
	for i, v := range values {
		a.known[v] = got.Values[i]
	}
	var hurdles []hurdle
	for i, f := range frames {
		fn := got.Frames[i+1]
		if misplaced(a.mapper, f, fn) != "" {
			fn.Outside = true
		}
		c, h := callOf(f, fn, a.known)
		if h != nil {
			hurdles = append(hurdles, *h)
			continue
		}
		c.root, c.module = a.mapper.importOf(f, a.in.Setup.Root)
		a.calls = append(a.calls, c)
	}
	if len(a.calls) == 0 {
		return noCall(a.frames, hurdles)
	}
	rank(a.calls)
	return nil
}

// rank puts calls on instances that were never recorded behind the others. Else
// the order stays from the outermost inwards, also where an argument was handed
// on before the crash or may have been cut: whether it was what production
// passed, the run tells.
func rank(calls []*call) {
	slices.SortStableFunc(calls, func(a, b *call) int {
		return cmp.Compare(strategies[a.strategy], strategies[b.strategy])
	})
}

// misplaced says why a frame's function cannot be the one in the tree, "" when it can.
func misplaced(m *mapper, f MappedFrame, fn function) string {
	name := incident.BareName(f.Function)
	if name == "" || strings.HasPrefix(name, "<") {
		if f.Code != "" && len(m.source(f.Path)) > 0 && !m.hasLine(f.Path, f.Frame, f.Line-lineTolerance, f.Line+lineTolerance) {
			return fmt.Sprintf("%s:%d does not read %q", f.Path, f.Line, short(f.Code, 80))
		}
		return ""
	}
	switch {
	case fn.Error != "":
		return fmt.Sprintf("%s in %s: %s", name, f.Path, fn.Error)
	case f.Line > 0 && (f.Line < fn.First-lineTolerance || f.Line > fn.Last+lineTolerance):
		return fmt.Sprintf("%s is in lines %d to %d of %s, the event's frame in line %d", name, fn.First, fn.Last, f.Path, f.Line)
	case f.Code != "" && !m.hasLine(f.Path, f.Frame, fn.First, fn.Last):
		return fmt.Sprintf("%s in %s has no line %q", name, f.Path, short(f.Code, 80))
	}
	return ""
}

// search runs candidates until one fails as production did.
func (a *attempt) search(ctx context.Context) (*Reproduction, error) {
	tries := 0
	for _, c := range a.calls {
		for _, s := range c.shapesOf() {
			if tries++; tries > maxTries {
				break
			}
			test, err := testOf(c, s, a.known, a.story)
			if err != nil {
				continue // this shape cannot be written
			}
			a.in.Progress(fmt.Sprintf("trying %s(…)", c.dotted()))
			res, err := a.run(ctx, a.in.Tree, test, a.in.Run, true)
			if err != nil {
				return nil, err
			}
			trace := res.Trace
			if a.sig.Type == "RecursionError" {
				// The tracer's own calls count towards the limit, so that the
				// recursion ends a step elsewhere: compare it without.
				if res, err = a.run(ctx, a.in.Tree, test, a.in.Run, false); err != nil {
					return nil, err
				}
			}
			got := a.judge(c, test, res)
			got.Trace = trace
			if got.Failed == 1 {
				return got, nil
			}
			if a.nearest == nil || got.Fidelity.Score > a.nearest.Fidelity.Score {
				a.nearest = got
			}
		}
	}
	return nil, a.notReproduced()
}

// run runs the test once.
func (a *attempt) run(ctx context.Context, tree string, test pytest.Test, run string, traced bool) (*pytest.Result, error) {
	req := pytest.Request{Run: run, Env: a.env, Tree: tree, Test: &test, Seed: pytest.Seed}
	if traced {
		req.Trace = &tracer.Config{Include: []string{"/work"}}
	}
	res, err := a.r.Runner.Run(ctx, req)
	if fault.KindOf(err) == fault.NotFound {
		return nil, &fault.Stop{
			Type: fault.NeedsEnvironment, Detail: "pytest cannot be started in the environment", Log: tail(err.Error(), 2000),
			Help: "The image needs pytest, or a Python with which pip can install it.",
		}
	}
	return res, err
}

// judge compares one run with the incident. Failed is 1 where it is the same failure.
func (a *attempt) judge(c *call, test pytest.Test, res *pytest.Result) *Reproduction {
	got := &Reproduction{
		Test: test, Env: a.env, Signature: a.sig, Called: c.dotted(), Strategy: c.strategy, Runs: 1,
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

// folded makes one frame of neighbours at one place, so that a recursion's
// thousand frames are a few; the outermost of them stays with its locals, and
// the crash frame stays whole.
func folded(frames []MappedFrame) []MappedFrame {
	var made []MappedFrame
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
func (a *attempt) same(res *pytest.Result) bool {
	return res.OK() && len(res.Tests) == 1 && res.Tests[0].Status == pytest.Failed &&
		res.Tests[0].Signature().Matches(a.sig) && res.Tests[0].Signature().File == a.sig.File
}

// recursed reports whether a traced run of a test that recurses for ever did so:
// where the recursion ends is the tracer's doing.
func (a *attempt) recursed(res *pytest.Result) bool {
	return a.sig.Type == "RecursionError" && res.OK() && len(res.Tests) == 1 && res.Tests[0].Status == pytest.Failed &&
		res.Tests[0].Signature().Type == a.sig.Type
}

// certify repeats the run: a failure that comes and goes proves nothing.
func (a *attempt) certify(ctx context.Context, got *Reproduction) error {
	for got.Runs < a.in.Repeats {
		a.in.Progress(fmt.Sprintf("run %d of %d", got.Runs+1, a.in.Repeats))
		res, err := a.run(ctx, a.in.Tree, got.Test, a.in.Run, true)
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
			Detail: fmt.Sprintf("%s failed as production did in %d of %d runs with the same seed", got.Called, got.Failed, got.Runs),
			Help:   "Something besides the arguments decides: time, threads, addresses or the order of a set. A fixed input for it makes the failure reproducible.",
			Log:    tail(got.Test.Source, 4000),
		}
	}
	return nil
}

// notReproduced says how near the nearest run came.
func (a *attempt) notReproduced() error {
	n := a.nearest
	if n == nil {
		return &fault.Stop{Type: fault.NeedsInput, Detail: "no call of the stack could be written as a test", Help: helpInput}
	}
	o := n.Outcome
	if stop := missingModule(a, n); stop != nil {
		return stop
	}
	what := "passed"
	switch {
	case o.Status == "":
		what = "could not be run"
	case o.Status != pytest.Passed:
		what = fmt.Sprintf("ended with %s: %s", o.Type, short(o.Message, 200))
	}
	return &fault.Stop{
		Type:   fault.NotReproduced,
		Detail: fmt.Sprintf("%s tried; the nearest, %s, %s (fidelity %.2f)", plural(len(a.calls), "call"), n.Called, what, n.Fidelity.Score),
		Help:   "The failure depends on more than the recorded arguments: state, files, a database or another service. A test that sets these up, or an event with more locals, would help.",
		Log:    tail(n.Test.Source+"\n"+n.Output, 6000),
	}
}

// missingModule recognises a run that failed because a package is not installed.
func missingModule(a *attempt, n *Reproduction) *fault.Stop {
	text := n.Output
	i := strings.Index(text, "ModuleNotFoundError: No module named ")
	if i < 0 || n.Outcome.Status == pytest.Passed || a.sig.Type == "ModuleNotFoundError" {
		return nil
	}
	name, _, _ := strings.Cut(text[i+len("ModuleNotFoundError: No module named "):], "\n")
	return &fault.Stop{
		Type: fault.NeedsEnvironment, Detail: "a module that the code imports is not installed: " + short(name, 80),
		Help: "Name the requirements files that bring it, or the source root (such as src) that has it, in the project's configuration.",
		Log:  decisive(text, 12),
	}
}
