package pipeline

import (
	"context"
	"time"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/repro"
)

// Sealed is what the reproduce stage needs.
type Sealed struct{ Bundle *bundle.Bundle }

// Reproduced is what it returns.
type Reproduced struct {
	Reproduction *repro.Reproduction
	Diagnosis    string // card of the red run, redacted
}

// committed is the time of a commit, zero if it is not known.
func (a *at) committed(ctx context.Context, sha string) time.Time {
	ancestors := a.Source.Ancestors(a.Project, sha)
	if ancestors == nil {
		return time.Time{}
	}
	commits, err := ancestors.Commits(ctx, 1)
	if err != nil || len(commits) == 0 {
		return time.Time{}
	}
	return commits[0].Time
}

// reproduce generates the failing test.
func (a *at) reproduce(ctx context.Context, in Sealed) (made Reproduced, err error) {
	tree, release, err := a.Source.Checkout(ctx, a.Project, in.Bundle.Code.Commit)
	if err != nil {
		return made, err
	}
	defer release()
	input := repro.Input{
		Run: a.Run, Bundle: in.Bundle, Tree: tree, Setup: a.Project.Setup, Repeats: a.Repeats, Floor: a.Floor,
		Committed: a.committed(ctx, in.Bundle.Code.Commit), Progress: a.say,
	}
	if a.Test != "" {
		r, err := a.Reproducer.ReproduceOwn(ctx, input, a.Test)
		if err != nil {
			return made, err
		}
		return a.reproduced(r), nil
	}
	head, err := a.Source.Resolve(ctx, a.Project, "")
	if fault.KindOf(err) == fault.Retryable {
		return made, err
	}
	if err != nil {
		a.progress("the default branch cannot be read, so it is unknown whether the fault is fixed there")
	}
	if err == nil && head != in.Bundle.Code.Commit {
		if input.Head, release, err = a.Source.Checkout(ctx, a.Project, head); err != nil {
			return made, err
		}
		defer release()
		input.HeadSHA = head
		if input.History, err = a.Source.History(ctx, a.Project); err != nil {
			return made, err
		}
	}
	r, err := a.Reproducer.Reproduce(ctx, input)
	if err != nil {
		return made, err
	}
	return a.reproduced(r), nil
}

func (a *at) reproduced(r *repro.Reproduction) Reproduced {
	r.Trace = redacted(r.Trace, a.redactor())
	if r.Test.Own {
		a.progress("%s fails %d of %d", r.Test.ID(), r.Failed, r.Runs)
	} else {
		a.progress("reproduced %d of %d, fidelity %.2f, by calling %s", r.Failed, r.Runs, r.Fidelity.Score, r.Called)
	}
	return Reproduced{r, diagnose(r.Trace, a.redactor())}
}
