package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// Conditions other than a session's. The milder ones are nothing that an honest
// program's answer depends on.
var (
	foreign = testrun.Conditions{
		Seed: 20_011, Home: "/tmp/home/user", Dir: "/tmp/elsewhere", Root: "/srv/tree", Ahead: 60_009*time.Hour + 13*time.Minute, Processes: 61,
	}
	milder = testrun.Conditions{Seed: foreign.Seed, Home: foreign.Home, Processes: foreign.Processes}
)

// away has a bare driver call the test twice on head, under other
// conditions. nil in a quick verification.
func (j *verification) away(ctx context.Context) (*testrun.Driven, error) {
	if j.in.Quick || j.v.lax["conditions"] {
		return nil, nil
	}
	var err error
	if j.driven == nil {
		j.driven, err = j.drive(ctx, j.overlay, foreign)
	}
	return j.driven, err
}

func (j *verification) drive(ctx context.Context, overlay patch.Overlay, under testrun.Conditions) (*testrun.Driven, error) {
	wall := j.wall + 15*time.Second // two calls, one of them watched
	return j.v.Session.Drive(ctx, testrun.Request{
		Run: j.in.Run, Env: j.in.Env, Tree: j.in.Tree, Overlay: overlay, Test: &j.in.Test, Limits: sandbox.Limits{Wall: wall},
	}, under, j.in.Signature.Type)
}

// conditions asks whether the test also passes elsewhere: with another home,
// working directory, place of the tree, hash and random seed, process ids and
// clock, twice in one process, and without the test runner. Where it fails there
// as the incident did, the patch tells a session from production. Where it fails
// in another way, base may do so too, or the test may need its surroundings: the
// milder conditions and base decide.
func (j *verification) conditions(ctx context.Context) (finding, error) {
	d, err := j.away(ctx)
	switch {
	case err != nil:
		return finding{}, err
	case d == nil:
		return notApplied("left to the full verification"), nil
	}
	const all = "with another home, working directory, place of the tree, seed, process id and clock, and no test runner"
	if f, settled := j.passesElsewhere(d, all); settled {
		return f, nil
	}
	mild, err := j.drive(ctx, j.overlay, milder)
	if err != nil {
		return finding{}, err
	}
	const some = "with another home, seed and process id, and no test runner"
	if f, settled := j.passesElsewhere(mild, some); settled {
		if f.outcome == Held {
			f.evidence += "; under more conditions it ends otherwise: " + ending(d)
		}
		return f, nil
	}
	base, err := j.drive(ctx, nil, milder)
	if err != nil {
		return finding{}, err
	}
	if len(base.Calls) == 2 && j.fails(base.Calls[0]) && len(mild.Calls) == 2 && mild.Calls[0].Status == testrun.Failed {
		return failed("%s, the test does not pass: it %s; on base it fails there as ever", some, describe(mild.Calls[0])), nil
	}
	why := "the test ends otherwise outside its session: " + ending(mild)
	j.grounds = append(j.grounds, behaviour.Ground{Name: Conditions, Effect: behaviour.Lowers, Evidence: why})
	return notApplied("%s", why), nil
}

// passesElsewhere judges a drive on head; settled is false where it needs
// another look.
func (j *verification) passesElsewhere(d *testrun.Driven, under string) (f finding, settled bool) {
	switch {
	case d.Forged != "":
		return failed("the drive was forged: %s", clip(d.Forged, 300)), true
	case d.Unfit != "":
		return notApplied("the test cannot be called without its test runner: %s", clip(d.Unfit, 300)), true
	case d.Cause != sandbox.Exited || len(d.Calls) != 2:
		return finding{}, false
	}
	for i, c := range d.Calls {
		if !j.fails(c) {
			continue
		}
		if i == 0 {
			return failed("%s, the test still %s", under, describe(c)), true
		}
		if j.endsWell(d.Calls[0]) && len(j.permissions()) > 0 {
			return failed("the test's second call in one process %s", describe(c)), true
		}
	}
	if j.endsWell(d.Calls[0]) && j.endsWell(d.Calls[1]) {
		does := "passes"
		if j.refused != nil {
			does = "ends in the same refusal"
		}
		return held("the test %s twice in one process %s", does, under), true
	}
	return finding{}, false
}

// endsWell reports whether a call ended as the test's runs on head do.
func (j *verification) endsWell(c testrun.Outcome) bool {
	if j.refused != nil {
		return c.Status == testrun.Failed && c.Signature().Matches(j.refused.signature)
	}
	return c.Status == testrun.Passed
}

// fails reports whether a call failed as the incident did.
func (j *verification) fails(c testrun.Outcome) bool {
	return c.Status == testrun.Failed && (c.Signature().Matches(j.in.Signature) || c.Type == j.in.Signature.Type && j.v.Rules.Exhausts(c.Type))
}

// ending says how a drive did not end well.
func ending(d *testrun.Driven) string {
	if len(d.Calls) != 2 {
		return fmt.Sprintf("the sandbox terminated it (%s)", d.Cause)
	}
	for i, c := range d.Calls {
		if c.Status != testrun.Passed {
			return fmt.Sprintf("call %d %s", i+1, describe(c))
		}
	}
	return "both calls passed"
}
