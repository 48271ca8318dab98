package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// baseSuite is what two runs of the repository's suite on base showed.
type baseSuite struct {
	steady  map[string]float64 // passed both times → the longer time, in seconds
	flaky   int                // passed once
	failing int                // passed never
	slow    []string           // did not end in the time that one test has
	cut     bool               // a run ended for its limit of time before all tests had run
	limit   time.Duration      // of a run
	order   string             // files whose tests ran first
	absent  string             // why there is nothing to compare
	lacking bool               // the repository has tests, but what they say of base could not be learnt
}

// prompt is how long a test may take on base, in seconds, if one that does not
// end on head counts as failed there.
const prompt = 1

func (v *Verifier) suiteWall(quick bool) time.Duration {
	wall := cmp.Or(v.SuiteWall, 5*time.Minute)
	if quick {
		wall = min(wall, time.Minute)
	}
	return wall
}

// suite asks whether the tests that pass on base pass on head. Those that import
// a changed file run first, so that a suite that is too long for its budget says
// what it can. When one fails on head, the suite is run once more there, and if
// it fails again, once more on base: two passes do not show a flake that passes
// half the time. What did not run to its end is not held.
func (j *verification) suite(ctx context.Context) (finding, error) {
	if j.v.lax["suite"] {
		return notApplied("switched off"), nil
	}
	b, first, err := j.suites(ctx)
	if err != nil {
		return finding{}, err
	}
	if b.absent != "" {
		effect := behaviour.Shown
		if b.lacking {
			effect = behaviour.Lowers
		}
		j.unread(effect, "%s", b.absent)
		return notApplied("%s", b.absent), nil
	}
	places, err := j.changes()
	if err != nil {
		return finding{}, err
	}
	lost, why, again := first.lost, first.why, 0
	if why == "" && (len(lost) > 0 || len(first.unfinished) > 0 && !b.cut) { // to watch lines takes time
		again = len(lost)
		second, err := j.onHead(ctx, j.overlay, b, nil)
		if err != nil {
			return finding{}, err
		}
		lost, why = slices.DeleteFunc(lost, func(s string) bool { return !slices.Contains(second.lost, s) }), second.why
		first.unfinished = second.unfinished
	}
	flaky := b.flaky
	if why == "" && len(lost) > 0 {
		third, err := j.onHead(ctx, nil, b, nil)
		if err != nil {
			return finding{}, err
		}
		if third.why == "" {
			before := len(lost)
			lost = slices.DeleteFunc(lost, func(s string) bool { return slices.Contains(third.lost, s) })
			flaky += before - len(lost)
		}
	}
	switch {
	case why != "":
		return failed("the suite on head: %s", why), nil
	case len(lost) > 0:
		return failed("%d of %d tests that pass on base fail twice on head: %s", len(lost), len(b.steady), clip(strings.Join(lost, ", "), 300)), nil
	}
	j.covered = first.covers
	again -= flaky - b.flaky
	passed := len(b.steady) - (flaky - b.flaky) - len(first.unfinished)
	coverage := executedBy(places, first.covers)
	if b.cut || len(first.unfinished) > 0 {
		effect := behaviour.Shown
		if len(places) == 0 || slices.ContainsFunc(places, func(p place) bool { return first.covers[p] == 0 }) {
			effect = behaviour.Lowers
		}
		evidence := fmt.Sprintf("the suite was not run to its end: it takes longer than %s", j.suiteLimit())
		if !b.cut {
			evidence = fmt.Sprintf("the suite was not run to its end with the patch: %s did not end in time", count(len(first.unfinished), "test"))
		}
		evidence += fmt.Sprintf("; %s that pass on base and were run pass on head", count(passed, "test")) + coverage
		j.unread(effect, "%s", evidence)
		return notApplied("%s", evidence), nil
	}
	evidence := fmt.Sprintf("all %d tests that pass on base pass on head", passed)
	if again > 0 {
		evidence += fmt.Sprintf(", %d of them on the second try", again)
	}
	if flaky+b.failing > 0 {
		evidence += fmt.Sprintf("; not counted: %d flaky and %d failing on base", flaky, b.failing)
	}
	if len(b.slow) > 0 {
		evidence += fmt.Sprintf("; not run to the end: %s", clip(strings.Join(b.slow, ", "), 200))
		j.risks = append(j.risks, fmt.Sprintf("Tests that take too long for one test's time were not run to the end: %s.", clip(strings.Join(b.slow, ", "), 200)))
	}
	return held("%s%s", evidence, coverage), nil
}

// suites are the runs on base, and the first one on head if base's can be compared.
func (j *verification) suites(ctx context.Context) (*baseSuite, *headSuite, error) {
	if j.v.lax["suite"] {
		return nil, nil, nil
	}
	b, err := j.suiteOnBase(ctx)
	if err != nil || b.absent != "" || j.first != nil {
		return b, j.first, err
	}
	places, err := j.changes()
	if err != nil {
		return nil, nil, err
	}
	j.first, err = j.onHead(ctx, j.overlay, b, places)
	return b, j.first, err
}

// unread notes that the suite says nothing, or not all that it could.
func (j *verification) unread(effect behaviour.Effect, format string, args ...any) {
	evidence := fmt.Sprintf(format, args...)
	j.grounds = append(j.grounds, behaviour.Ground{Name: "suite", Effect: effect, Evidence: evidence})
	j.risks = append(j.risks, sentence(evidence))
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

// executedBy says how many tests execute each changed line.
func executedBy(places []place, covers map[place]int) string {
	var said []string
	for _, p := range places {
		by := "none"
		if n := covers[p]; n > 0 {
			by = count(n, "test")
		}
		said = append(said, fmt.Sprintf("%s by %s", p, by))
	}
	if len(said) == 0 {
		return ""
	}
	const most = 8
	return "; changed lines are executed: " + strings.Join(said[:min(len(said), most)], ", ") + more(len(said)-most)
}

// headSuite is what one run of the suite with a patch showed.
type headSuite struct {
	lost       []string      // steady tests that failed
	unfinished []string      // steady tests that did not end, or were not reached
	why        string        // why the run is inconclusive
	covers     map[place]int // tests that ended and execute a changed statement; all of them where it runs on import
}

// onHead runs the suite once and compares it with base. With places it also
// counts which tests execute them.
func (j *verification) onHead(ctx context.Context, overlay patch.Overlay, b *baseSuite, places []place) (*headSuite, error) {
	res, err := j.runSuite(ctx, overlay, places)
	if err != nil {
		return nil, err
	}
	h := &headSuite{covers: map[place]int{}}
	if res.Forged != "" {
		h.why = "the session was forged: " + clip(res.Forged, 200)
		return h, nil
	}
	if res.Cause != sandbox.Exited && len(res.Tests) == 0 {
		h.why = fmt.Sprintf("it did not finish within %s (%s)", j.suiteLimit(), res.Cause)
		return h, nil
	}
	ended := map[string]testrun.Outcome{}
	for _, t := range res.Tests {
		ended[t.ID] = t
	}
	for id, seconds := range b.steady {
		t, ok := ended[id]
		switch {
		case ok && t.Status == testrun.Passed:
		case ok && (t.Type != testrun.TimeoutType || seconds < prompt), !ok && res.Cause == sandbox.Exited:
			h.lost = append(h.lost, id)
		default:
			h.unfinished = append(h.unfinished, id)
		}
	}
	slices.Sort(h.lost)
	slices.Sort(h.unfinished)
	finished := slices.DeleteFunc(slices.Clone(res.Tests), func(t testrun.Outcome) bool { return t.Type == testrun.TimeoutType })
	for _, p := range places {
		if meets(res.Loaded[p.path], p) {
			h.covers[p] = len(finished)
			continue
		}
		for _, t := range finished {
			if meets(t.Ran[p.path], p) {
				h.covers[p]++
			}
		}
	}
	return h, nil
}

func meets(lines []int, p place) bool {
	return slices.ContainsFunc(lines, func(n int) bool { return p.first <= n && n <= p.last })
}

// suiteLimit is the limit of one run: the runs on base, which are made side by
// side, and those on head share the budget.
func (j *verification) suiteLimit() time.Duration { return j.v.suiteWall(j.in.Quick) / 2 }

// importers are the test files that import a changed file.
func (j *verification) importers() []string {
	if j.analysis == nil {
		return nil
	}
	return j.analysis.Tests
}

func (j *verification) runSuite(ctx context.Context, overlay patch.Overlay, places []place) (*testrun.Result, error) {
	arguments := j.in.Suite
	if arguments == nil {
		arguments = []string{}
	}
	req := testrun.Request{
		Run: j.in.Run, Env: j.in.Env, Tree: j.in.Tree, Overlay: overlay, Suite: arguments, Seed: testrun.Seed,
		Limits: sandbox.Limits{Wall: j.suiteLimit()},
	}
	req.First = j.importers()
	for _, p := range places {
		if req.Watch == nil {
			req.Watch = map[string][]int{}
		}
		for n := p.first; n <= p.last; n++ {
			req.Watch[p.path] = append(req.Watch[p.path], n)
		}
	}
	return j.v.Session.Run(ctx, req)
}

// suiteOnBase runs the suite twice on base, or has the result from earlier: what
// was cut short depends on the time that it had and on the order of its tests.
func (j *verification) suiteOnBase(ctx context.Context) (*baseSuite, error) {
	if j.suiteBase != nil {
		return j.suiteBase, nil
	}
	limit, order := j.suiteLimit(), strings.Join(j.importers(), "\n")
	enough := func(b *baseSuite) bool {
		whole := !b.cut && (j.in.Quick || !b.lacking)
		return whole || b.limit >= limit && b.order == order && !b.lacking
	}
	var err error
	j.suiteBase, err = j.v.kept(j.in).suite.get(enough, func() (*baseSuite, error) {
		b, err := j.runSuiteBase(ctx)
		if b != nil {
			b.limit, b.order = limit, order
		}
		return b, err
	})
	return j.suiteBase, err
}

func (j *verification) runSuiteBase(ctx context.Context) (*baseSuite, error) {
	results := make([]*testrun.Result, 2)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(sideBySide)
	for i := range results {
		g.Go(func() (err error) {
			results[i], err = j.runSuite(gctx, nil, nil)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	b := &baseSuite{steady: map[string]float64{}}
	type record struct {
		passed, failed, slow int
		seconds              float64
	}
	tests := map[string]*record{}
	for _, res := range results {
		switch {
		case res.Forged != "":
			return &baseSuite{lacking: true, absent: "the suite's result on base cannot be trusted: " + clip(res.Forged, 200)}, nil
		case res.Cause != sandbox.Exited && len(res.Tests) == 0:
			return &baseSuite{lacking: true, absent: fmt.Sprintf("the suite on base did not finish within %s (%s), and no test of it ended", j.suiteLimit(), res.Cause)}, nil
		case len(res.Tests) == 0 && len(res.Errors) > 0:
			return &baseSuite{lacking: true, absent: "the suite cannot be collected on base: " + clip(res.Errors[0], 200)}, nil
		case len(res.Tests) == 0:
			return &baseSuite{absent: "the repository has no tests"}, nil
		}
		b.cut = b.cut || res.Cause != sandbox.Exited
		for _, t := range res.Tests {
			r := tests[t.ID]
			if r == nil {
				r = &record{}
				tests[t.ID] = r
			}
			r.seconds = max(r.seconds, t.Seconds)
			switch {
			case t.Status == testrun.Passed:
				r.passed++
			case t.Type == testrun.TimeoutType:
				r.slow++
			default:
				r.failed++
			}
		}
	}
	for id, r := range tests {
		switch {
		case r.passed == len(results):
			b.steady[id] = r.seconds
		case r.slow > 0:
			b.slow = append(b.slow, id)
		case r.passed+r.failed < len(results) && b.cut: // one of the runs did not reach it
		case r.passed > 0:
			b.flaky++
		default:
			b.failing++
		}
	}
	slices.Sort(b.slow)
	if len(b.steady) == 0 {
		b.lacking = b.cut || b.flaky+len(b.slow) > 0
		b.absent = fmt.Sprintf("no test in the suite passes twice on base (%d fail, %d are flaky, %d did not end in time)", b.failing, b.flaky, len(b.slow))
	}
	return b, nil
}

// suiteAlike reports whether the suite's tests end on another head as on this one.
func (j *verification) suiteAlike(ctx context.Context, other patch.Overlay) (bool, error) {
	if j.v.lax["suite"] {
		return true, nil
	}
	b, err := j.suiteOnBase(ctx)
	if err != nil || b.absent != "" {
		return err == nil, err
	}
	theirs, err := j.onHead(ctx, other, b, nil)
	if err != nil || theirs.why == "" && len(theirs.lost) == 0 {
		return err == nil, err
	}
	ours, err := j.onHead(ctx, j.overlay, b, nil)
	if err != nil {
		return false, err
	}
	return theirs.why == ours.why && slices.Equal(theirs.lost, ours.lost), nil
}

// coveredBySuite reports whether tests of the suite execute each changed
// statement, and whether code is all that the patch changes.
func (j *verification) coveredBySuite() (bool, error) {
	if j.analysis == nil || j.of(Suite).Outcome != Held {
		return false, nil
	}
	places, err := j.changes()
	if err != nil {
		return false, err
	}
	for path := range j.overlay {
		if _, code := j.analysis.Lines[path]; !code {
			return false, nil
		}
	}
	return len(places) > 0 && !slices.ContainsFunc(places, func(p place) bool { return j.covered[p] == 0 }), nil
}

// uncovered names what nothing that was run shows to be right: changed
// statements that neither the test nor the suite nor a call near the failing one
// executes, and changed files that are not code.
func (j *verification) uncovered() ([]string, error) {
	if j.analysis == nil {
		return nil, nil
	}
	places, err := j.changes()
	if err != nil {
		return nil, err
	}
	var risks []string
	for _, p := range places {
		near := slices.ContainsFunc(j.head, func(a language.Answer) bool { return meets(a.Lines[p.path], p) })
		if !near && !j.ran(p) && j.covered[p] == 0 {
			risks = append(risks, fmt.Sprintf("Nothing that was run executes %s.", p))
		}
	}
	for _, path := range sorted(j.overlay) {
		if _, code := j.analysis.Lines[path]; !code {
			risks = append(risks, fmt.Sprintf("%s is not code: what else reads the changed lines is not known.", path))
		}
	}
	return risks, nil
}
