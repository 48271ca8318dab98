package pipeline

import (
	"context"
	"slices"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/text"
	"github.com/repaird/repaird/internal/verify"
)

// onHead computes a second verdict, on the head of the branch, where that is another
// commit than the one that failed: the pull request goes there. It runs do with
// what was judged and the verdict on it; where there is no other commit, with
// those of the first verdict. A patch that does not hold there is a stop.
func (a *at) onHead(ctx context.Context, in Patched, input verify.Input, v *verify.Verdict, do func(verify.Input, *verify.Verdict) error) error {
	failed := in.Bundle.Code.Commit
	if in.Reproduction.Test.Own {
		return do(input, v) // it was asked about this very commit
	}
	commit, err := a.Source.Resolve(ctx, a.Project, "")
	switch {
	case fault.KindOf(err) == fault.Retryable:
		return err
	case err != nil:
		a.progress("the default branch cannot be read, so the verdict is on the commit that failed alone")
		return do(input, v)
	case commit == failed:
		return do(input, v)
	}
	a.progress("the branch has moved on to %s: judging the patch there too", text.Head(commit, 12))
	tree, release, err := a.Source.Checkout(ctx, a.Project, commit)
	if err != nil {
		return err
	}
	defer release()
	known := in.Reproduction.Env
	env, leave, err := a.Language.EnsureEnvironment(ctx, language.EnvironmentRequest{
		Run: a.Run, Tree: tree, Setup: a.Project.Setup, Environment: in.Bundle.Event.Environment, Progress: a.say,
	})
	if stop := fault.AsStop(err); stop != nil {
		return &fault.Stop{Type: stop.Type, Detail: "On the branch's head, " + short(commit) + ": " + stop.Detail, Help: stop.Help, Log: stop.Log}
	}
	if err != nil {
		return err
	}
	defer leave()
	env.Env, env.Roots = known.Env, known.Roots
	there := *in.Reproduction
	there.Env = env
	history, err := a.Source.History(ctx, a.Project)
	if err != nil {
		return err
	}
	if err := a.Reproducer.StillFails(ctx, repro.Input{Run: a.Run, Bundle: in.Bundle, Tree: input.Tree, Head: tree, HeadSHA: commit, History: history, Repeats: a.Repeats, Progress: a.say}, &there); err != nil {
		return err
	}
	carried, err := patch.Rebase(patch.Dir(input.Tree), patch.Dir(tree), v.Patch)
	if fault.KindOf(err) == fault.Invalid {
		return a.notOnHead(failed, commit, "the patch does not apply there: "+err.Error())
	}
	if err != nil {
		return err
	}
	again := input
	again.Tree, again.TreeID, again.Env, again.Patch, again.Alternatives = tree, commit, env, carried, nil
	again.History = a.Source.Ancestors(a.Project, commit)
	again.Callers = unmoved(input.Callers, input.Tree, tree)
	if input.Permitted == input.Patch.ID() || input.Permitted == v.Patch.ID() {
		again.Permitted = carried.ID()
	}
	verdict, err := a.Verifier.Judge(ctx, again)
	if err != nil {
		return err
	}
	switch g := failedGate(verdict); {
	case g != nil:
		return a.notOnHead(failed, commit, "gate "+g.Name+" failed there: "+g.Evidence)
	case verdict.Decision == verify.Asked && verdict.Question != nil:
		return a.notOnHead(failed, commit, "a person would have to decide there: "+verdict.Question.Text)
	case verdict.Decision != verify.Accepted:
		return a.notOnHead(failed, commit, "the verdict there is "+string(verdict.Decision))
	}
	v.Head = &verify.Head{Commit: commit, Patch: verdict.Patch, Diff: verdict.Diff, Gates: verdict.Gates, ProofModes: verdict.ProofModes}
	a.progress("verdict on %s: accepted", short(commit))
	return do(again, verdict)
}

// notOnHead is the stop of a patch that is right where the failure was, and not
// on the branch's head. why is a clause.
func (a *at) notOnHead(failed, head, why string) error {
	return &fault.Stop{
		Type:   fault.Rejected,
		Detail: "The patch was accepted on " + short(failed) + ", where production failed, but not on " + short(head) + ", the head of the branch: " + a.redactor().Text(text.Clip(why, maxFeedback), nil).String() + ".",
		Help:   "The run's page has the candidate; carry it over to the branch by hand.",
	}
}

func short(commit string) string { return text.Head(commit, 12) }

// unmoved are the levels whose files are the same in both trees: elsewhere their
// lines say nothing.
func unmoved(levels []language.Level, from, onto string) []language.Level {
	same := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(levels), func(l language.Level) bool {
		if _, known := same[l.Path]; !known {
			before, err := patch.Dir(from).ReadFile(l.Path)
			now, err2 := patch.Dir(onto).ReadFile(l.Path)
			same[l.Path] = err == nil && err2 == nil && string(before) == string(now)
		}
		return !same[l.Path]
	})
}
