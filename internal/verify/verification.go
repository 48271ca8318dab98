package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/verify/pair"
)

// A verification takes one patch through the gates.
type verification struct {
	v       *Verifier
	in      Input
	base    patch.Dir
	dropped []patch.Hunk // of the proposed patch

	overlay  patch.Overlay
	diff     string
	red      runTrace
	green    runTrace
	failure  testrun.Outcome  // on base
	stack    []language.Level // of the failure, outermost first
	wall     time.Duration    // of one run with the patch: a patch that hangs must not cost minutes; 0 on base
	analysis *language.Analysis
	driven   *testrun.Driven // on head; nil before it is needed
	reverted *reverted       // head without the patch again; nil before it is needed
	first    *headSuite      // the suite's first run on head; nil before it is needed

	near      *language.Neighbourhood // of the test's call, with base's answers
	head      []language.Answer       // to the same calls
	surviving []survivor
	tied      bool // a test of the repository does not decide between the proposer's candidates
	grounds   []behaviour.Ground
	risks     []string
	suiteBase *baseSuite
	refused   *refusal      // what the test's call ends in with the patch, where that is meant
	covered   map[place]int // changed statements → tests of the suite that execute them
	gates     []*Gate
}

// runTrace is one run's trace, as recorded and read.
type runTrace struct {
	raw  []byte
	read *trace.Trace
	why  string // why there is none
}

// smaller is a patch without the hunks that were not needed.
type smaller struct {
	patch   patch.Patch
	dropped []patch.Hunk
}

func newVerification(v *Verifier, in Input, dropped []patch.Hunk) *verification {
	j := &verification{v: v, in: in, base: patch.Dir(in.Tree), dropped: dropped, grounds: slices.Clone(in.Grounds)}
	for _, name := range GateNames {
		j.gates = append(j.gates, &Gate{Name: name, Outcome: NotReached, Evidence: "an earlier gate failed"})
	}
	return j
}

// finding is the answer to a gate's question.
type finding struct {
	outcome  Outcome
	evidence string
}

func held(format string, args ...any) finding   { return finding{Held, fmt.Sprintf(format, args...)} }
func failed(format string, args ...any) finding { return finding{Failed, fmt.Sprintf(format, args...)} }
func notApplied(format string, args ...any) finding {
	return finding{NotApplied, fmt.Sprintf(format, args...)}
}

// ask answers one gate's question and reports whether verification may
// continue.
func (j *verification) ask(ctx context.Context, name string, question func(context.Context) (finding, error)) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if j.in.Progress != nil {
		j.in.Progress(name)
	}
	start := time.Now()
	f, err := question(ctx)
	if err != nil {
		return false, fmt.Errorf("gate %s: %w", name, err)
	}
	g := j.of(name)
	g.Outcome, g.Evidence = f.outcome, f.evidence
	g.Millis += time.Since(start).Milliseconds()
	return f.outcome != Failed, nil
}

// run asks the gates, cheapest first. It returns a smaller patch when some of
// this one's hunks are not needed.
func (j *verification) run(ctx context.Context) (*smaller, error) {
	for _, step := range []struct {
		gate     string
		question func(context.Context) (finding, error)
	}{
		{Applies, j.applies},
		{BaseSHA, j.failsOnBase},
		{Applies, j.admitsCode}, // what code may do is asked with the failure's stack in hand
		{HeadGreen, j.passesOnHead},
	} {
		if ok, err := j.ask(ctx, step.gate, step.question); err != nil || !ok {
			return nil, err
		}
	}
	var less *smaller
	ok, err := j.ask(ctx, Minimal, func(ctx context.Context) (f finding, err error) {
		f, less, err = j.minimal(ctx)
		return f, err
	})
	if err != nil || less != nil || (!ok && j.in.Quick) {
		return less, err
	}
	if err := j.ahead(ctx); err != nil {
		return nil, err
	}
	for _, step := range []struct {
		gate     string
		question func(context.Context) (finding, error)
	}{
		{OnPath, j.onPath},
		{NoBandAid, j.noBandAid},
		{Conditions, j.conditions},
		{SameFailureGone, j.sameFailureGone},
		{Behaviour, j.behaves},
		{RevertedFix, j.failsReverted},
		{Suite, j.suite},
		{Lint, j.lint},
	} {
		if ok, err := j.ask(ctx, step.gate, step.question); err != nil || (!ok && j.in.Quick) {
			return nil, err
		}
	}
	if j.in.Quick || slices.ContainsFunc(j.gates, func(g *Gate) bool { return g.Outcome == Failed }) {
		return nil, nil
	}
	if g, ok := j.supplied(); ok {
		unasked(j.grounds)
		j.grounds = append(j.grounds, *g)
		return nil, nil
	}
	start := time.Now()
	err = j.contest(ctx)
	j.of(Behaviour).Millis += time.Since(start).Milliseconds()
	if err != nil {
		return nil, err
	}
	if j.near != nil && j.near.Asserts {
		unasked(j.grounds)
		j.grounds = append(j.grounds, behaviour.Ground{Name: "asserted", Effect: behaviour.Supports, Evidence: "the test asserts what its call answers"})
	}
	return nil, nil
}

// ahead runs what the gates of a full verification that follow have run anyway,
// whatever the others say: side by side, so that no processor waits. The time
// counts as that of the gate that asks, so that the gates' times may add up to
// more than passes.
func (j *verification) ahead(ctx context.Context) error {
	if j.in.Quick {
		return nil
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	for _, step := range []struct {
		gate string
		run  func(context.Context) error
	}{
		{Behaviour, func(ctx context.Context) error {
			if j.v.blind() || j.in.Test.Own {
				return nil
			}
			return j.answers(ctx)
		}},
		{Suite, func(ctx context.Context) error { _, _, err := j.suites(ctx); return err }},
		{Conditions, func(ctx context.Context) error { _, err := j.away(ctx); return err }},
		{RevertedFix, func(ctx context.Context) error { _, err := j.back(ctx); return err }},
	} {
		g.Go(func() error {
			start := time.Now()
			if err := step.run(gctx); err != nil {
				return fmt.Errorf("gate %s: %w", step.gate, err)
			}
			j.of(step.gate).Millis += time.Since(start).Milliseconds()
			return nil
		})
	}
	return g.Wait()
}

// applies checks what can be checked without running anything.
func (j *verification) applies(context.Context) (finding, error) {
	var err error
	if !j.v.lax["policy"] {
		err = j.in.Policy.Check(j.base, j.in.Patch)
	}
	if err == nil {
		j.overlay, err = patch.Apply(j.base, j.in.Patch)
	}
	var violation *patch.Violation
	switch {
	case errors.As(err, &violation):
		return failed("%s", violation), nil
	case fault.KindOf(err) == fault.Invalid:
		return failed("the patch does not apply: %v", err), nil
	case err != nil:
		return finding{}, err
	case len(j.overlay) == 0:
		return failed("the patch changes nothing"), nil
	}
	if j.diff, err = patch.Diff(j.base, j.overlay); err != nil {
		return finding{}, err
	}
	return held("%s; paths and texts are within the policy", j.size()), nil
}

func (j *verification) size() string {
	added, removed := 0, 0
	for _, line := range bytes.Split([]byte(j.diff), []byte("\n")) {
		switch {
		case bytes.HasPrefix(line, []byte("+++ ")), bytes.HasPrefix(line, []byte("--- ")):
		case bytes.HasPrefix(line, []byte("+")):
			added++
		case bytes.HasPrefix(line, []byte("-")):
			removed++
		}
	}
	return fmt.Sprintf("applies to %s, %s added, %s removed", count(len(j.overlay), "file"), count(added, "line"), count(removed, "line"))
}

// admitsCode asks the policy on code.
func (j *verification) admitsCode(ctx context.Context) (finding, error) {
	var err error
	j.analysis, err = j.v.Analyser.Analyse(ctx, j.asked())
	if err != nil {
		return finding{}, err
	}
	violations := j.analysis.Violations
	if j.v.lax["code"] || j.v.lax["policy"] {
		violations = nil
	}
	if len(violations) > 0 {
		return failed("%s%s", &violations[0], more(len(violations)-1)), nil
	}
	if n := len(j.permissions()); n > 0 {
		return held("%s; paths and texts are within the policy; a person has to permit %s%s", j.size(), placeOf(j.permissions()[0]), more(n-1)), nil
	}
	return held("%s; paths, texts and added code are within the policy", j.size()), nil
}

// pair is the red run and the green one, as far as they are known.
func (j *verification) pair() *pair.Pair {
	p := &pair.Pair{
		Red: j.red.read, Green: j.green.read, Rules: j.v.Rules, Test: j.in.Test, Signature: j.in.Signature, Message: j.failure.Message,
		Stack: j.stack, Outer: j.in.Outer, Callers: j.in.Callers, Base: j.base, Overlay: j.overlay, Analysis: j.analysis,
	}
	if j.refused != nil {
		p.Refusal = j.refused.signature.Type
	}
	return p
}

// asked is what the language's Analyser is told of the patch and of the failure.
func (j *verification) asked() language.Question {
	return language.Question{
		Run: j.in.Run, Env: j.in.Env, Tree: j.in.Tree, Overlay: j.overlay, Stack: j.stack, Exception: j.in.Signature.Type, Test: j.in.Test.Source,
		Callers: j.in.Callers, Ways: j.pair().Ways(), Raised: j.pair().Raised(),
	}
}

// session runs the test on an overlay in a fresh sandbox.
func (j *verification) session(ctx context.Context, overlay patch.Overlay, traced bool) (*testrun.Result, error) {
	req := j.request(overlay)
	if traced {
		req.Trace = &testrun.Tracing{Lines: true}
	}
	return j.v.Session.Run(ctx, req)
}

func (j *verification) request(overlay patch.Overlay) testrun.Request {
	return testrun.Request{Run: j.in.Run, Env: j.in.Env, Tree: j.in.Tree, Overlay: overlay, Test: &j.in.Test, Limits: sandbox.Limits{Wall: j.wall}, Seed: testrun.Seed}
}

// passes says why the test did not pass in a session; "" if it did.
func passes(res *testrun.Result) string {
	if why := unbelievable(res); why != "" {
		return why
	}
	if res.Cause != sandbox.Exited {
		return fmt.Sprintf("the sandbox terminated the session (%s)", res.Cause)
	}
	if len(res.Tests) == 0 {
		return "no test was collected"
	}
	for _, t := range res.Tests {
		switch {
		case t.Status == testrun.Skipped:
			return "the test was skipped"
		case t.Status != testrun.Passed:
			return describe(t)
		}
	}
	return ""
}

// unbelievable says why a session does not count; "" if it does.
func unbelievable(res *testrun.Result) string {
	switch {
	case res.Forged != "":
		return "the session was forged: " + clip(res.Forged, 300)
	case res.Cause != sandbox.Exited && len(res.Tests) == 0:
		return fmt.Sprintf("the sandbox terminated the session (%s)", res.Cause)
	case len(res.Errors) > 0:
		return "collection failed: " + clip(res.Errors[0], 300)
	}
	return ""
}

// describe renders how a test ended, with its message and innermost frame.
func describe(t testrun.Outcome) string {
	s := string(t.Status)
	if t.Type != "" {
		s += " with " + t.Type
	}
	if t.Message != "" {
		s += fmt.Sprintf(" (%s)", clip(t.Message, 160))
	}
	for i := len(t.Frames) - 1; i >= 0; i-- {
		if f := t.Frames[i]; f.InApp {
			return fmt.Sprintf("%s in %s at %s:%d", s, f.Function, f.File, f.Line)
		}
	}
	return s
}

func readTrace(res *testrun.Result) runTrace {
	if !res.Traced {
		why := "the tracer did not start"
		if res.Tracer != "" {
			why = clip(res.Tracer, 200)
		}
		return runTrace{why: why}
	}
	t, err := trace.Read(bytes.NewReader(res.Trace))
	if err != nil || !t.Traced() {
		return runTrace{raw: res.Trace, why: "the trace cannot be read"}
	}
	return runTrace{raw: res.Trace, read: t}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n)
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return string(bytes.ToValidUTF8([]byte(s[:n]), nil)) + "…"
}
