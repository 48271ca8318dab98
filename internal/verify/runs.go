package verify

import (
	"context"
	"fmt"
	"path"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// maxStack limits the levels of a failure's stack. It exceeds interpreters'
// recursion limits; the number comes from a sandbox.
const maxStack = 3000

// baseRuns is what runs of the test on base showed.
type baseRuns struct {
	runs, matched int
	failure       testrun.Outcome // the first that matched
	other         string          // how the first that did not match ended
	longest       time.Duration   // of a run
	red           runTrace
}

// sideBySide is how many sandboxes a verification has at a time: more runs than
// that on one host would slow each other down until a test's own limits of time
// are missed.
const sideBySide = 2

// sessions runs the test on an overlay: plain times without the tracer, and then,
// if it is to be traced, once with it. That run has a sandbox to itself, and of
// the others the first has a fresh one.
func (j *verification) sessions(ctx context.Context, overlay patch.Overlay, plain int, traced bool) ([]*testrun.Result, error) {
	var results []*testrun.Result
	var last *testrun.Result
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	if traced {
		g.Go(func() (err error) {
			last, err = j.session(ctx, overlay, true)
			return err
		})
	}
	if plain > 0 {
		g.Go(func() (err error) {
			results, err = j.v.Session.Repeat(ctx, j.request(overlay), plain)
			return err
		})
	}
	err := g.Wait()
	if traced {
		results = append(results, last)
	}
	return results, err
}

// failsOnBase asks whether the test fails on base as production did, every time.
func (j *verification) failsOnBase(ctx context.Context) (finding, error) {
	n := j.in.Repeats
	if j.in.Quick {
		n = 1
		if j.v.elsewhere(j.in.Signature, true) && !j.v.elsewhere(j.in.Signature, false) {
			n = 2 // one without the tracer
		}
	}
	b, err := j.baseRuns(ctx, n)
	if err != nil {
		return finding{}, err
	}
	if b.matched < b.runs {
		return failed("the test failed with the incident's signature in %d of %d runs on base; one ended differently: %s", b.matched, b.runs, b.other), nil
	}
	j.red, j.failure, j.stack = b.red, b.failure, j.v.stackOf(b.failure, j.in.Test)
	j.wall = min(15*time.Second+5*b.longest, sandbox.DefaultLimits.Wall)
	return held("failed %d of %d on base with the incident's signature: %s", b.matched, b.runs, describe(b.failure)), nil
}

// baseRuns is what n runs of the test on base showed. Earlier ones on the same
// base count, but of a full verification's one at least is its own, and runs that
// did not all fail as production did are made again. A quick verification takes
// what there is.
func (j *verification) baseRuns(ctx context.Context, n int) (*baseRuns, error) {
	k := &j.v.kept(j.in).runs
	if j.in.Quick {
		return k.get(nil, func() (*baseRuns, error) { return j.runBase(ctx, n-1, true) })
	}
	return k.update(func(earlier *baseRuns, known bool) (*baseRuns, error) {
		if !known || earlier.matched < earlier.runs || earlier.red.read == nil {
			return j.runBase(ctx, n-1, true)
		}
		had := min(earlier.runs, n-1)
		b, err := j.runBase(ctx, n-had, false)
		if err != nil {
			return nil, err
		}
		b.runs, b.matched = b.runs+had, b.matched+had
		b.failure, b.red, b.longest = earlier.failure, earlier.red, max(b.longest, earlier.longest)
		return b, nil
	})
}

// runBase runs the test on base, some times without the tracer, and then once
// with it if it is to be traced.
func (j *verification) runBase(ctx context.Context, plain int, traced bool) (*baseRuns, error) {
	b := &baseRuns{}
	results, err := j.sessions(ctx, nil, plain, traced)
	if err != nil {
		return nil, err
	}
	for i, res := range results {
		traced := i == plain
		b.runs++
		b.longest = max(b.longest, res.Wall)
		outcome, why := fails(res, j.in.Signature)
		if why != "" && j.v.elsewhere(j.in.Signature, traced) && outcome.Type == j.in.Signature.Type {
			why = ""
		}
		switch {
		case why != "" && b.other == "":
			b.other = why
		case why == "" && b.matched == 0:
			b.failure = outcome
		}
		if why == "" {
			b.matched++
		}
		if traced {
			b.red = readTrace(res)
		}
		if why != "" {
			break // one run that differs decides
		}
	}
	return b, nil
}

// elsewhere reports whether a run may fail in a different place from
// production: the tracer uses some of the stack, so that an endless recursion
// reaches its limit a step earlier, in another function or with another
// message. And a test that takes too long is interrupted wherever it is.
func (v *Verifier) elsewhere(sig incident.Signature, traced bool) bool {
	return sig.Type == testrun.TimeoutType || traced && v.Rules.Exhausts(sig.Type)
}

// fails returns the outcome of a session in which the test failed with the
// signature, or why it did not.
func fails(res *testrun.Result, sig incident.Signature) (testrun.Outcome, string) {
	if why := unbelievable(res); why != "" {
		return testrun.Outcome{}, why
	}
	if len(res.Tests) == 0 {
		return testrun.Outcome{}, "no test was collected"
	}
	for _, t := range res.Tests {
		if t.Status != testrun.Failed && t.Status != testrun.Error {
			return t, describe(t)
		}
		if !t.Signature().Matches(sig) {
			return t, describe(t) + ", which is not the incident's failure"
		}
	}
	return res.Tests[0], ""
}

// passesOnHead asks whether the test passes with the patch, every time, or
// whether the call refuses its input in a way that base foresees. The
// last run is the one that is traced; a quick verification has only that one.
func (j *verification) passesOnHead(ctx context.Context) (finding, error) {
	n := j.in.Repeats
	if j.in.Quick {
		n = 1
	}
	results, err := j.sessions(ctx, j.overlay, n-1, true)
	if err != nil {
		return finding{}, err
	}
	if passes(results[0]) != "" {
		if _, err := j.refuses(ctx, results[0]); err != nil {
			return finding{}, err
		}
	}
	for i, res := range results {
		if why := j.ends(res); why != "" {
			return failed("run %d of %d with the patch: %s", i+1, n, why), nil
		}
		if i == n-1 {
			j.green = readTrace(res)
		}
	}
	if j.refused != nil {
		return held("with the patch the call refuses its input, %d of %d: it %s; %s", n, n, j.refused.shown, j.refused.why), nil
	}
	return held("passed %d of %d with the patch, 1 test collected, none skipped", n, n), nil
}

// reverted is head with the patch taken back.
type reverted struct {
	overlay patch.Overlay
	why     string // why it cannot be
	res     *testrun.Result
}

// back reverts the patch on head, by its own hunks, and runs the test.
func (j *verification) back(ctx context.Context) (*reverted, error) {
	if j.reverted != nil {
		return j.reverted, nil
	}
	r := &reverted{}
	var err error
	if r.overlay, r.why, err = revert(j.base, j.overlay); err != nil {
		return nil, err
	}
	if r.why == "" {
		if r.res, err = j.session(ctx, r.overlay, false); err != nil {
			return nil, err
		}
	}
	j.reverted = r
	return r, nil
}

// failsReverted asks whether head with the patch reverted equals base and fails
// like base.
func (j *verification) failsReverted(ctx context.Context) (finding, error) {
	if j.in.Quick {
		return notApplied("left to the full verification"), nil
	}
	r, err := j.back(ctx)
	if err != nil {
		return finding{}, err
	}
	if r.why != "" {
		return failed("%s", r.why), nil
	}
	outcome, why := fails(r.res, j.in.Signature)
	if why != "" && j.v.elsewhere(j.in.Signature, false) && outcome.Type == j.in.Signature.Type {
		why = ""
	}
	if why != "" {
		return failed("with the patch reverted, the test does not fail as before: %s", why), nil
	}
	return held("with the patch reverted, %s byte for byte as on base, and the test %s", is(len(r.overlay)), describe(outcome)), nil
}

func is(files int) string {
	if files == 1 {
		return "1 file is"
	}
	return fmt.Sprintf("%d files are", files)
}

// revert computes the patch's inverse from the head and applies it to the head.
func revert(base patch.Dir, overlay patch.Overlay) (patch.Overlay, string, error) {
	head := layered{base, overlay}
	reverted := patch.Overlay{}
	original := patch.Overlay{}
	for name := range overlay {
		before, err := base.ReadFile(name)
		if err != nil {
			reverted[name] = nil // it was new: it is deleted
			continue
		}
		original[name] = before
	}
	hunks, err := patch.Hunks(head, original)
	if err != nil || len(hunks) == 0 {
		return reverted, "", err
	}
	inverse, err := patch.Combine(head, hunks, "")
	if err != nil {
		return nil, "", err
	}
	back, err := patch.Apply(head, inverse)
	if err != nil {
		return nil, "the patch cannot be reverted: " + err.Error(), nil //nolint:nilerr // a verdict, not a failure
	}
	for name, before := range original {
		if string(back[name]) != string(before) {
			return nil, fmt.Sprintf("with the patch reverted, %s differs from base", path.Base(name)), nil
		}
		reverted[name] = back[name]
	}
	return reverted, "", nil
}

// stackOf returns the in-tree levels of a failure, outermost first, without
// the synthesized test's own and without those that versions of the language
// treat differently: the function around one stands for it.
func (v *Verifier) stackOf(o testrun.Outcome, test testrun.Test) []language.Level {
	var stack []language.Level
	for _, f := range o.Frames {
		if !f.InApp || f.File == test.Path || v.Rules.Inlined(incident.BareName(f.Function)) {
			continue
		}
		for range min(1+f.Repeated, maxStack-len(stack)) {
			stack = append(stack, language.Level{Path: f.File, Function: incident.BareName(f.Function), Line: f.Line})
		}
	}
	return stack
}
