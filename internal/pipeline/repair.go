package pipeline

import (
	"context"
	"strings"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/verify"
)

// Red is a failing test with what people have said that its call should answer.
type Red struct {
	Bundle       *bundle.Bundle
	Reproduction *repro.Reproduction
	Decisions    Decisions
	Pinned       *Pinned // nil before there is a decision
}

// asserted reports whether the test asserts what a person has said.
func (r Red) asserted() bool { return r.Pinned != nil && r.Pinned.Decided }

// test is the one that candidates have to pass.
func (r Red) test() testrun.Test {
	if r.asserted() {
		return r.Pinned.Test
	}
	return r.Reproduction.Test
}

// Wanted is what the repair stage needs.
type Wanted struct {
	Red
	Tried *repair.Result   // before a person was asked; nil otherwise
	Asked *verify.Question // that the decisions answer; may be nil
}

// Repaired is what it returns.
type Repaired struct {
	Result *repair.Result
	Pinned *Pinned // nil where nobody has said what the call should answer
}

// repair finds a candidate that the verdict would accept. After a person's
// decision it first tries the candidates that were known before.
func (a *at) repair(ctx context.Context, in Wanted) (made Repaired, err error) {
	if stop := in.meant(); stop != nil {
		return made, stop
	}
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
	if made.Pinned, err = a.pinByPerson(ctx, env, in.Reproduction.Test, in.Decisions.latest(verify.AskAnswer)); err != nil {
		return made, err
	}
	in.Pinned = made.Pinned
	judge := &judge{at: a, red: in.Red, tree: tree, env: env}
	if made.Result, err = a.decided(ctx, in, judge); made.Result != nil || err != nil {
		return made, err
	}
	r := in.Reproduction
	red := a.redactor()
	var frames []incident.Frame
	for _, f := range r.Frames {
		if f.Path != "" {
			g := f.Frame
			g.File = f.Path
			frames = append(frames, g)
		}
	}
	known := red.Event(in.Bundle.Event).Known()
	broken, err := a.broken(ctx, in.Red, tree, env, known)
	if err != nil {
		return made, err
	}
	a.progress("asking %s for a patch", a.Proposer.Name())
	made.Result, err = a.Proposer.Repair(ctx, repair.Input{
		Run: a.Run, Bundle: in.Bundle, Tree: tree, Env: env, Test: in.test(), Outcome: r.Outcome, Output: r.Output,
		Trace: r.Trace, Frames: frames, Broken: broken, Redactor: red, Known: known, Budget: a.Project.Budget, Policy: a.policy(), Card: a.Project.Card,
		Judge:    judge,
		Progress: a.say,
		Record:   a.record,
	})
	return made, contested(made.Result, err)
}

// contested lets a repair that ended undecided go on to the verdict: that asks
// the question, with the behaviours side by side.
func contested(r *repair.Result, err error) error {
	stop := fault.AsStop(err)
	if stop == nil || stop.Type != fault.Undecided || r == nil || len(r.Alternatives) == 0 {
		return err
	}
	r.Patch, r.Why, r.Alternatives = r.Alternatives[0], r.Alternatives[0].Why, r.Alternatives[1:]
	r.Disagreement = stop.Detail
	return nil
}

// broken says which commit broke the failing call, redacted; "" if the history
// does not tell. The verdict on every candidate reads the same history.
func (a *at) broken(ctx context.Context, in Red, tree string, env testrun.Environment, known *redact.Known) (string, error) {
	a.progress("asking earlier commits what the failing call answered")
	past, err := a.Quick.Past(ctx, a.verifyInput(in, tree, env, patch.Patch{}))
	if err != nil {
		return "", err
	}
	story := a.redactor().Text(past.Story(), known).String()
	if story != "" {
		a.progress("%s", story)
	}
	return story, nil
}

// policy is the project's, with the language's rules.
func (a *at) policy() patch.Policy {
	p := a.Project.Policy
	p.Rules = a.Language
	return p
}

var (
	_ repair.Observer = (*judge)(nil)
	_ repair.Weigher  = (*judge)(nil)
)

// judge gives proposers a quick verdict on a candidate, without repeats.
type judge struct {
	*at
	red  Red
	tree string
	env  testrun.Environment
}

func (j *judge) Judge(ctx context.Context, candidate patch.Patch) (*repair.Assessment, error) {
	in := j.verifyInput(j.red, j.tree, j.env, candidate)
	in.Quick = true
	v, err := j.Quick.Judge(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &repair.Assessment{Accepted: v.Decision == verify.Accepted, Asked: v.Decision == verify.Asked, Patch: v.Patch, Green: v.Green}
	if g := failedGate(v); g != nil {
		out.Gate, out.Feedback = g.Name, g.Evidence
	} else if v.Question != nil {
		out.Feedback = v.Question.Text
	}
	if v.Dropped != "" {
		out.Feedback = strings.TrimPrefix(out.Feedback+"\nThis part of the patch is not needed and was left out:\n"+v.Dropped, "\n")
	}
	return out, nil
}

// Behaviour digests what a candidate answers near the failing call.
func (j *judge) Behaviour(ctx context.Context, candidate patch.Patch) (string, error) {
	return j.Quick.Behaviour(ctx, j.verifyInput(j.red, j.tree, j.env, candidate))
}

// Weigh says what speaks against candidates' answers near the failing call.
func (j *judge) Weigh(ctx context.Context, candidates []patch.Patch) ([]behaviour.Weight, error) {
	return j.Quick.Weigh(ctx, j.verifyInput(j.red, j.tree, j.env, patch.Patch{}), candidates)
}

// environment finds or builds the reproduction's environment, which another
// host may have built.
func (a *at) environment(ctx context.Context, tree string, in Red) (env testrun.Environment, release func(), err error) {
	return a.Language.EnsureEnvironment(ctx, language.EnvironmentRequest{
		Run: a.Run, Tree: tree, Setup: a.Project.Setup, Environment: in.Bundle.Event.Environment, Release: in.Bundle.Event.Release,
		Committed: a.committed(ctx, in.Bundle.Code.Commit), Known: &in.Reproduction.Env, Progress: a.say,
	})
}
