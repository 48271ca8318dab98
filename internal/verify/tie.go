package verify

import (
	"context"
	"slices"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
)

// Agreement is the name of the ground that a proposer's candidates disagree.
const Agreement = "agreement"

// tie has the patch and the proposer's other candidates answer the calls near
// those of a test of the repository, which all of them pass: a person who has to
// choose sees where they differ. No rule applies, since base answers near such a
// test may be wrong.
func (j *verification) tie(ctx context.Context) error {
	disagree := func(g behaviour.Ground) bool { return g.Name == Agreement }
	if !slices.ContainsFunc(j.grounds, disagree) {
		return nil
	}
	j.tied = true
	if err := j.answers(ctx); err != nil {
		return err
	}
	var rivals []language.Rival
	for _, p := range j.in.Alternatives {
		if overlay, err := patch.Apply(j.base, p); err == nil {
			rivals = append(rivals, language.Rival{Overlay: overlay, Change: clip(p.Why, 300)})
		}
	}
	if len(rivals) == 0 {
		return nil
	}
	all := make([]int, min(len(j.near.Calls), maxCompeting))
	for i := range all {
		all[i] = i
	}
	answers, err := j.compete(ctx, rivals, all)
	if err != nil {
		return err
	}
	for i, rival := range rivals {
		j.surviving = append(j.surviving, survivor{rival, answers[i]})
	}
	return nil
}
