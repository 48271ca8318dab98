package verify

import (
	"context"
	"slices"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
)

const (
	maxWeighed = 40 // candidates at once
	maxWeighs  = 60 // calls that each answers
)

// Weigh has candidates answer calls near the failing one, all in one sandbox,
// and says what the rules of package behaviour find in the answers: a first
// look, by which a proposer orders and drops candidates before any is judged.
// Candidates share that sandbox, so nothing here supports a patch. It returns one
// Weight a candidate, in their order, all zero where nobody can be asked.
func (v *Verifier) Weigh(ctx context.Context, in Input, candidates []patch.Patch) (weights []behaviour.Weight, err error) {
	defer fault.Wrap(&err, "weigh %d candidates", len(candidates))
	weights = make([]behaviour.Weight, len(candidates))
	if v.blind() || in.Test.Own || len(candidates) == 0 {
		return weights, nil
	}
	near, err := v.neighbours(ctx, in)
	if err != nil {
		return nil, err
	}
	base := patch.Dir(in.Tree)
	var overlays []patch.Overlay
	var asked []int // index of each overlay's candidate
	for i, p := range candidates {
		if overlay, err := patch.Apply(base, p); err == nil && len(asked) < maxWeighed {
			overlays, asked = append(overlays, overlay), append(asked, i)
		}
	}
	// Which calls tell candidates apart is not known before they answer: those
	// that base does not answer may be healed by any.
	hoped := slices.Repeat([]language.Answer{{End: language.Returned}}, len(near.Calls))
	chosen := behaviour.Telling(near.Calls, near.Answers, hoped, maxWeighs)
	var calls []language.Call
	for _, i := range chosen {
		calls = append(calls, near.Calls[i])
	}
	probe := language.Probe{Run: in.Run, Env: in.Env, Tree: in.Tree, Test: in.Test}
	made, err := v.Prober.Compete(ctx, probe, overlays, calls)
	if err != nil {
		return nil, err
	}
	for k, i := range asked {
		head := slices.Repeat([]language.Answer{{End: language.Lost}}, len(near.Calls))
		for c, at := range chosen {
			head[at] = made[k][c]
		}
		removed, err := replaced(base, overlays[k])
		if err != nil {
			return nil, err
		}
		weights[i] = behaviour.Weigh(behaviour.Sides{Calls: near.Calls, Base: near.Answers, Head: head, Removed: removed})
	}
	return weights, nil
}

// replaced are the lines of base that an overlay replaces; nil where it also
// inserts some. Competing heads do not say which lines ran, so a call that runs an
// inserted line cannot be told from one that runs no changed line: without lines,
// any may be changed.
func replaced(base patch.Dir, overlay patch.Overlay) (map[string][]int, error) {
	hunks, err := patch.Hunks(base, overlay)
	if err != nil || slices.ContainsFunc(hunks, func(h patch.Hunk) bool { return h.From == h.To }) {
		return nil, err
	}
	return patch.RemovedLines(base, overlay)
}
