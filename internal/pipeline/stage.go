package pipeline

import (
	"context"
	"reflect"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
)

// The stages' names, as runs and ledgers store them.
const (
	Assemble  = "assemble"
	Reproduce = "reproduce"
	Repair    = "repair"
	Verify    = "verify"
	Propose   = "propose"
)

// BeforeRepair is the state of a run whose test is known, to which a person's
// decision takes it back.
const BeforeRepair = "reproduced"

// A Stage is one step of a run.
type Stage struct {
	Name  string
	State string // that its success leads to
	do    func(context.Context, *at, *Case) ([]Artifact, error)
}

// Stages are in order. docs/states.md draws them, and a test compares.
var Stages = []Stage{
	stage(Assemble, "assembled", (*at).assemble,
		func(c *Case) (Evidence, bool) { return Evidence{c.Incident, c.Events, c.Bundle}, true },
		func(c *Case, b *bundle.Bundle) (made []string) {
			if b != c.Bundle { // otherwise an earlier run of the incident has sealed it
				c.Bundle, made = b, []string{ArtifactBundle}
			}
			return made
		}),
	stage(Reproduce, BeforeRepair, (*at).reproduce,
		func(c *Case) (Sealed, bool) { return Sealed{c.Bundle}, c.Bundle != nil },
		func(c *Case, r Reproduced) []string {
			c.Reproduction, c.Diagnosis = r.Reproduction, r.Diagnosis
			return []string{ArtifactReproduction, ArtifactRed, ArtifactDiagnosis}
		}),
	stage(Repair, "patched", (*at).repair,
		func(c *Case) (Wanted, bool) {
			w := Wanted{Red: c.red(), Tried: c.Repair}
			if c.Verdict != nil {
				w.Asked = c.Verdict.Question
			}
			return w, c.Bundle != nil && c.Reproduction != nil
		},
		func(c *Case, r Repaired) (made []string) {
			if r.Result != nil {
				c.Repair, made = r.Result, []string{ArtifactRepair}
			}
			c.Pinned = r.Pinned
			return append(made, ArtifactPinned)
		}),
	stage(Verify, "verified", (*at).verify,
		func(c *Case) (Patched, bool) {
			return Patched{c.red(), c.Repair}, c.Bundle != nil && c.Reproduction != nil && c.Repair != nil
		},
		func(c *Case, v Verified) []string {
			c.Verdict, c.Divergence, c.Pinned = v.Verdict, v.Divergence, v.Pinned
			made := []string{ArtifactVerdict, ArtifactVerdictRed, ArtifactGreen, ArtifactDivergence, ArtifactPinned}
			if v.Reading != nil { // it is in what the repair cost
				made = append(made, ArtifactRepair)
			}
			return made
		}),
	stage(Propose, "proposed", (*at).propose,
		func(c *Case) (Accepted, bool) {
			return Accepted{c.Bundle, c.Reproduction, c.Verdict, c.Pinned, c.ReportInput()}, c.Bundle != nil && c.Reproduction != nil && c.Verdict != nil
		},
		func(c *Case, pr *forge.PullRequest) []string {
			c.PullRequest = pr
			return []string{ArtifactPullRequest}
		}),
}

// at is the receiver of the stages' functions: the pipeline, on one job.
type at struct {
	*Pipeline
	*Job
}

// stage turns a function into a Stage. in takes the function's input from a
// case, and ok reports whether it is complete; out stores the result in the
// case and names its artifacts. A function may return a result even when it
// stops or fails: what it had spent by then. After a failure it stays in the
// case and is not stored.
func stage[In, Out any](name, state string, do func(*at, context.Context, In) (Out, error), in func(*Case) (_ In, ok bool), out func(*Case, Out) []string) Stage {
	return Stage{name, state, func(ctx context.Context, a *at, c *Case) ([]Artifact, error) {
		needed, ok := in(c)
		if !ok {
			return nil, fault.Errorf(fault.Invalid, "stage %s: run %s lacks the results of earlier stages", name, c.Run)
		}
		made, err := do(a, ctx, needed)
		if err != nil && fault.AsStop(err) == nil {
			if !reflect.ValueOf(&made).Elem().IsZero() {
				out(c, made)
			}
			return nil, err
		}
		artifacts, encodeErr := c.encode(out(c, made))
		if encodeErr != nil {
			return nil, encodeErr
		}
		return artifacts, err
	}}
}

// Next returns the name of the stage after this one, "" at the end.
func (s Stage) Next() string {
	for i := range Stages[:len(Stages)-1] {
		if Stages[i].Name == s.Name {
			return Stages[i+1].Name
		}
	}
	return ""
}

// StageByName returns a stage; ok is false when there is none.
func StageByName(name string) (s Stage, ok bool) {
	for _, s := range Stages {
		if s.Name == name {
			return s, true
		}
	}
	return Stage{}, false
}

// Do runs one stage by name. It returns the artifacts that the stage created,
// also when it ends in a stop.
func (p *Pipeline) Do(ctx context.Context, name string, c *Case) ([]Artifact, error) {
	s, ok := StageByName(name)
	if !ok {
		return nil, fault.Errorf(fault.Invalid, "there is no stage %q", name)
	}
	if r := c.Reproduction; r != nil && r.Test.Command == nil { // version 0 did not store it
		r.Test.Command = p.Language.Command(r.Test)
	}
	return s.do(ctx, &at{p, &c.Job}, c)
}
