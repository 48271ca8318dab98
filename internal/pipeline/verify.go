package pipeline

import (
	"context"
	"fmt"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/verify"
)

// Patched is what the verify stage needs.
type Patched struct {
	Red
	Repair *repair.Result
}

// Verified is what it returns, also when it rejects.
type Verified struct {
	Verdict    *verify.Verdict
	Divergence *diverge.Divergence // divergence card, redacted; nil if rejected
	Pinned     *Pinned             // the test that is published; nil if it is the repository's own
	Reading    *repair.Reading     // a second reader's; nil if nobody read the patch
}

// verify computes the verdict; only an accepted one leads to a pull request.
func (a *at) verify(ctx context.Context, in Patched) (made Verified, err error) {
	tree, release, err := a.Source.Checkout(ctx, a.Project, in.Bundle.Code.Commit)
	if err != nil {
		return made, err
	}
	defer release()
	env, leave, err := a.environment(ctx, tree, in.Red)
	if err != nil {
		return made, err
	}
	defer leave()
	of := func(candidate patch.Patch) verify.Input {
		input := a.verifyInput(in.Red, tree, env, candidate)
		input.Alternatives = in.Repair.Alternatives
		input.Progress = func(gate string) { a.progress("gate %s", gate) }
		if why := in.Repair.Disagreement; why != "" {
			input.Grounds = append(input.Grounds, behaviour.Ground{Name: verify.Agreement, Effect: behaviour.Lowers, Evidence: why})
		}
		return input
	}
	input := of(in.Repair.Patch)
	v, err := a.Verifier.Judge(ctx, input)
	if err != nil {
		return made, err
	}
	if p := v.Patch; !in.asserted() && in.Decisions.chose(input.Patch) && !in.Decisions.chose(p) {
		// Nothing asserts that the smaller patch answers what was chosen.
		input = of(p)
		if v, err = a.Verifier.Judge(ctx, input); err != nil {
			return made, err
		}
	}
	if v, made.Reading, err = a.read(ctx, in, input, v); err != nil {
		return made, err
	}
	v.Red, v.Green = redacted(v.Red, a.redactor()), redacted(v.Green, a.redactor())
	defer shown(v, a.redactor()) // below, the evidence is needed as it is
	made.Verdict, made.Pinned = v, in.Pinned
	if v.Decision == verify.Accepted {
		made.Divergence = divergence(v.Red, v.Green, a.redactor())
		err := a.onHead(ctx, in, input, v, func(judged verify.Input, v *verify.Verdict) (err error) {
			if made.Pinned == nil || !made.Pinned.Decided {
				made.Pinned, err = a.pinByPatch(ctx, judged, v)
			}
			return err
		})
		if err != nil {
			return made, err
		}
		if v.Refuses != "" && (made.Pinned == nil || made.Pinned.Asserts == "") {
			return made, &fault.Stop{Type: fault.Rejected, Detail: "With the patch the call refuses its input, and no test could be written that expects " + v.Refuses + ".",
				Help: "The run's page has the candidate; add it by hand with a test that expects the exception."}
		}
		a.progress("verdict: accepted, %d proof modes", len(v.ProofModes))
		return made, nil
	}
	if v.Decision == verify.Asked {
		return made, a.undecided(v.Question)
	}
	g := failedGate(v)
	if g == nil {
		return made, fmt.Errorf("the verdict rejects without a failed gate")
	}
	return made, &fault.Stop{Type: fault.Rejected, Detail: "Gate " + g.Name + " failed: " + a.redactor().Text(g.Evidence, nil).String() + ".",
		Help: "The run's page has the candidate and the evidence of every gate; continue by hand from there."}
}

func failedGate(v *verify.Verdict) *verify.Gate {
	for i := range v.Gates {
		if v.Gates[i].Outcome == verify.Failed {
			return &v.Gates[i]
		}
	}
	return nil
}

func (a *at) verifyInput(red Red, tree string, env testrun.Environment, candidate patch.Patch) verify.Input {
	r := red.Reproduction
	in := verify.Input{
		Run: a.Run, Tree: tree, TreeID: red.Bundle.Code.Commit, Env: env, Test: red.test(), Patch: candidate, Signature: r.Signature,
		Suite: a.Language.Suite(a.Project.TestCommand), Repeats: a.Repeats, Policy: a.policy(),
		Grounds: red.grounds(candidate), Permitted: red.Decisions.permitted(),
	}
	if r.Signature.Type == testrun.TimeoutType {
		in.Repeats = min(in.Repeats, 2) // each run takes as long as a test may
	}
	in.History = a.Source.Ancestors(a.Project, red.Bundle.Code.Commit)
	in.Callers = callers(a.Language, r.Frames, r.Called)
	in.Outer = len(in.Callers)
	return in
}

// callers are the repository's functions on production's stack outside the one
// that the test calls. A module's body does not count as a function: what it
// reads is input.
func callers(rules language.Rules, frames []language.Frame, called string) (outside []language.Level) {
	for _, f := range frames {
		switch {
		case f.Path == "" || rules.Body(f.Function):
		case incident.BareName(f.Function) == incident.BareName(called):
			return outside
		default:
			outside = append(outside, language.Level{Path: f.Path, Function: incident.BareName(f.Function), Line: f.Line})
		}
	}
	return nil // the called function is not on it: unknown
}
