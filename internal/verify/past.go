package verify

import (
	"context"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/behaviour/history"
	"github.com/repaird/repaird/internal/language"
)

// Past asks the input's ancestors what its test's call answered there; nil if
// they do not tell. The input's patch does not matter. What is found is kept for
// verifications on the same base.
func (v *Verifier) Past(ctx context.Context, in Input) (*history.Past, error) {
	if v.blind() || in.History == nil {
		return nil, nil
	}
	if commits, err := in.History.Commits(ctx, 2); err != nil || len(commits) < 2 {
		return nil, ctx.Err() // a history that cannot be read says nothing
	}
	near, err := v.neighbours(ctx, in)
	if err != nil {
		return nil, err
	}
	return v.kept(in).then.get(nil, func() (*history.Past, error) {
		return history.Search{
			Prober: v.Prober, Session: v.Session, Rules: v.Rules, Source: in.History,
			Probe: language.Probe{Run: in.Run, Env: in.Env, Tree: in.Tree, Test: in.Test}, Near: near, Signature: in.Signature, Suite: in.Suite,
		}.Find(ctx)
	})
}

// remembers asks whether history says what the call should answer.
func (j *verification) remembers(ctx context.Context) ([]behaviour.Ground, error) {
	past, err := j.v.Past(ctx, j.in)
	if err != nil {
		return nil, err
	}
	if g := past.Ground(j.near, j.head, j.green.read); g != nil {
		return []behaviour.Ground{*g}, nil
	}
	return nil, nil
}
