package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// baseSuite is what two runs of the repository's suite on base showed.
type baseSuite struct {
	steady  map[string]bool // passed both times
	flaky   int             // passed once
	failing int             // passed never
	absent  string          // why there is nothing to compare
}

func (v *Verifier) suiteWall(quick bool) time.Duration {
	wall := v.SuiteWall
	if wall == 0 {
		wall = 5 * time.Minute
	}
	if quick {
		wall = min(wall, time.Minute)
	}
	return wall
}

// suite asks whether the tests that pass on base pass on head. When one fails on
// head, the suite is run once more there, and if it fails again, once more on
// base: two passes do not show a flake that passes half the time.
func (j *verification) suite(ctx context.Context) (finding, error) {
	if j.v.lax["suite"] {
		return notApplied("switched off"), nil
	}
	var b *baseSuite
	var err error
	if j.in.Quick {
		b, err = j.v.kept(j.in).suite(func() (*baseSuite, error) { return j.runSuiteBase(ctx) })
	} else {
		b, err = j.runSuiteBase(ctx)
	}
	if err != nil {
		return finding{}, err
	}
	if b.absent != "" {
		return notApplied("%s", b.absent), nil
	}
	lost, why, err := j.lost(ctx, j.overlay, b.steady)
	if err != nil {
		return finding{}, err
	}
	again := 0
	if why == "" && len(lost) > 0 {
		again = len(lost)
		second, whyAgain, err := j.lost(ctx, j.overlay, b.steady)
		if err != nil {
			return finding{}, err
		}
		lost, why = slices.DeleteFunc(lost, func(s string) bool { return !slices.Contains(second, s) }), whyAgain
	}
	flaky := b.flaky
	if why == "" && len(lost) > 0 {
		third, whyNot, err := j.lost(ctx, nil, b.steady)
		if err != nil {
			return finding{}, err
		}
		if whyNot == "" {
			before := len(lost)
			lost = slices.DeleteFunc(lost, func(s string) bool { return slices.Contains(third, s) })
			flaky += before - len(lost)
		}
	}
	switch {
	case why != "":
		return failed("the suite on head: %s", why), nil
	case len(lost) > 0:
		return failed("%d of %d tests that pass on base fail twice on head: %s", len(lost), len(b.steady), clip(strings.Join(lost, ", "), 300)), nil
	}
	again -= flaky - b.flaky
	evidence := fmt.Sprintf("all %d tests that pass on base pass on head", len(b.steady)-(flaky-b.flaky))
	if again > 0 {
		evidence += fmt.Sprintf(", %d of them on the second try", again)
	}
	if flaky+b.failing > 0 {
		evidence += fmt.Sprintf("; not counted: %d flaky and %d failing on base", flaky, b.failing)
	}
	return held("%s", evidence), nil
}

func (j *verification) runSuite(ctx context.Context, overlay patch.Overlay) (*testrun.Result, error) {
	arguments := j.in.Suite
	if arguments == nil {
		arguments = []string{}
	}
	return j.v.Session.Run(ctx, testrun.Request{
		Run: j.in.Run, Env: j.in.Env, Tree: j.in.Tree, Overlay: overlay, Suite: arguments, Seed: testrun.Seed,
		Limits: sandbox.Limits{Wall: j.v.suiteWall(j.in.Quick)},
	})
}

func (j *verification) runSuiteBase(ctx context.Context) (*baseSuite, error) {
	passed := map[string]int{}
	for i := range 2 {
		res, err := j.runSuite(ctx, nil)
		if err != nil {
			return nil, err
		}
		switch {
		case res.Forged != "":
			return &baseSuite{absent: "the suite's result on base cannot be trusted: " + clip(res.Forged, 200)}, nil
		case res.Cause != sandbox.Exited:
			return &baseSuite{absent: fmt.Sprintf("the suite on base did not finish within %s (%s)", j.v.suiteWall(j.in.Quick), res.Cause)}, nil
		case len(res.Tests) == 0 && len(res.Errors) > 0:
			return &baseSuite{absent: "the suite cannot be collected on base: " + clip(res.Errors[0], 200)}, nil
		case len(res.Tests) == 0:
			return &baseSuite{absent: "the repository has no tests"}, nil
		}
		for _, t := range res.Tests {
			if t.Status == testrun.Passed {
				passed[t.ID]++
			} else if _, ok := passed[t.ID]; !ok || i == 0 {
				passed[t.ID] += 0
			}
		}
	}
	b := &baseSuite{steady: map[string]bool{}}
	for id, n := range passed {
		switch n {
		case 0:
			b.failing++
		case 1:
			b.flaky++
		default:
			b.steady[id] = true
		}
	}
	if len(b.steady) == 0 {
		b.absent = fmt.Sprintf("no test in the suite passes twice on base (%d fail, %d are flaky)", b.failing, b.flaky)
	}
	return b, nil
}

// lost returns the steady tests that do not pass in another run, sorted, or why
// that run is inconclusive.
func (j *verification) lost(ctx context.Context, overlay patch.Overlay, steady map[string]bool) (lost []string, why string, err error) {
	res, err := j.runSuite(ctx, overlay)
	if err != nil {
		return nil, "", err
	}
	if res.Forged != "" {
		return nil, "the session was forged: " + clip(res.Forged, 200), nil
	}
	if res.Cause != sandbox.Exited {
		return nil, fmt.Sprintf("it did not finish within %s (%s)", j.v.suiteWall(j.in.Quick), res.Cause), nil
	}
	passed := map[string]bool{}
	for _, t := range res.Tests {
		passed[t.ID] = t.Status == testrun.Passed
	}
	for id := range steady {
		if !passed[id] {
			lost = append(lost, id)
		}
	}
	slices.Sort(lost)
	return lost, "", nil
}
