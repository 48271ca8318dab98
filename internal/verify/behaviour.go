package verify

import (
	"context"
	"slices"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
)

// Behaviour returns a digest of what the patched code answers to the failing
// call and to its neighbours: equal for patches that answer alike. It is "" if
// nobody can be asked, if no answer can be compared, and where the failing test is the repository's own, which
// says itself what it wants. It is for clustering proposals, not evidence.
func (v *Verifier) Behaviour(ctx context.Context, in Input) (string, error) {
	if v.blind() || in.Test.Own {
		return "", nil
	}
	near, err := v.neighbours(ctx, in)
	if err != nil {
		return "", err
	}
	probe := language.Probe{Run: in.Run, Env: in.Env, Tree: in.Tree, Test: in.Test}
	if probe.Overlay, err = patch.Apply(patch.Dir(in.Tree), in.Patch); err != nil {
		return "", err
	}
	head, err := v.Prober.Answers(ctx, probe, near.Calls)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(head, behaviour.Comparable) {
		return "", nil // patches of which nothing is known do not agree
	}
	return behaviour.Digest(head), nil
}
