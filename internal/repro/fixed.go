package repro

import (
	"cmp"
	"context"
	"fmt"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/gitrepo"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
	"maps"
	"slices"
)

// maxBisect limits the commits whose trees are tried to find a fix: 12
// bisection steps cover 4,096.
const maxBisect = 12

// checkHead stops when the test passes on the default branch.
func (a *attempt) checkHead(ctx context.Context, got *Reproduction) error {
	if a.in.Head == "" || a.in.Head == a.in.Tree || a.in.HeadSHA != "" && a.in.HeadSHA == a.in.Bundle.Code.Commit {
		return nil
	}
	a.in.Progress("trying the default branch")
	for range min(a.in.Repeats, 3) {
		passes, err := a.passes(ctx, a.in.Head, got.Test)
		if err != nil {
			return err
		}
		if !passes {
			return nil
		}
	}
	detail := fmt.Sprintf("%s fails on the deployed commit but passes on the default branch", got.Called)
	stop := &fault.Stop{
		Type: fault.AlreadyFixed,
		Help: "Deploy the default branch.",
		Log:  text.Tail(got.Test.Source, 4000),
	}
	if a.in.HeadSHA != "" {
		detail += " (" + a.in.HeadSHA[:min(len(a.in.HeadSHA), 12)] + ")"
	}
	if fix := a.fix(ctx, got); fix != nil {
		detail += fmt.Sprintf("; fixed by %s of %s: %s", fix.SHA, fix.Time.Format("2006-01-02"), text.Line(fix.Subject, 120))
		stop.Help = "Deploy " + fix.SHA[:min(len(fix.SHA), 12)] + " or a later commit."
	}
	stop.Detail = detail + "."
	return stop
}

// StillFails returns the stop already_fixed, with the commit that fixed it where
// the history tells, if a reproduction's test passes on the input's Head; nil if it
// does not. The reproduction's environment is the one to run it in.
func (r *Reproducer) StillFails(ctx context.Context, in Input, got *Reproduction) error {
	in.Repeats = cmp.Or(in.Repeats, defaultRepeats)
	if in.Progress == nil {
		in.Progress = func(string) {}
	}
	return (&attempt{r: r, in: in, frames: got.Frames, env: got.Env}).checkHead(ctx, got)
}

// passes reports whether the test passes on a tree.
func (a *attempt) passes(ctx context.Context, tree string, test testrun.Test) (bool, error) {
	res, err := a.run(ctx, tree, test, false)
	if err != nil {
		return false, err
	}
	return res.OK() && res.Tests[0].Status == testrun.Passed, nil
}

// fix bisects for the commit that made the test pass: the oldest passing one
// among those that touched the files of the stack. It returns nil if the
// history does not tell; naming the fix is a courtesy.
func (a *attempt) fix(ctx context.Context, got *Reproduction) *gitrepo.Commit {
	from := a.in.Bundle.Code.Commit
	if a.in.History == nil || from == "" || a.in.HeadSHA == "" {
		return nil
	}
	paths := map[string]bool{}
	for _, f := range a.frames {
		if f.Path != "" {
			paths[f.Path] = true
		}
	}
	commits, err := a.in.History.CommitsTouching(ctx, slices.Sorted(maps.Keys(paths)), from, a.in.HeadSHA)
	if err != nil || len(commits) == 0 {
		return nil
	}
	// Newest first: commits[lo] passes, commits[hi] does not.
	if !a.passesAt(ctx, commits[0].SHA, got.Test) {
		return nil // fixed by a change outside the stack's files
	}
	lo, hi := 0, len(commits)
	for n := 1; hi-lo > 1 && n <= maxBisect; n++ {
		mid := (lo + hi) / 2
		a.in.Progress("looking for the commit that fixed it")
		if a.passesAt(ctx, commits[mid].SHA, got.Test) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return &commits[lo]
}

func (a *attempt) passesAt(ctx context.Context, sha string, test testrun.Test) bool {
	dir, release, err := a.in.History.Checkout(ctx, sha)
	if err != nil {
		return false
	}
	defer release()
	passes, err := a.passes(ctx, dir, test)
	return err == nil && passes
}
