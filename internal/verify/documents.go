package verify

import (
	"context"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/language"
)

// baseDocuments is what base documents about the functions that the test's call
// runs, and how it compares with that itself.
type baseDocuments struct {
	said *language.Documentation
	met  []language.ExampleOutcome // of said.Examples
}

// consults asks whether base's documentation says what the call should answer.
// What the patch documents does not count.
func (j *verification) consults(ctx context.Context) ([]behaviour.Ground, error) {
	if j.v.Documenter == nil || len(j.near.Answers) == 0 {
		return nil, nil
	}
	base, err := j.v.kept(j.in).written.get(nil, func() (*baseDocuments, error) {
		said, err := j.v.Documenter.Documentation(ctx, j.probe(nil), j.near.Answers[0].Lines)
		if err != nil || len(said.Examples) == 0 {
			return &baseDocuments{said: said}, err
		}
		met, err := j.v.Documenter.Examples(ctx, j.probe(nil), said.Examples)
		return &baseDocuments{said, met}, err
	})
	if err != nil {
		return nil, err
	}
	d := behaviour.Documents{Said: base.said, Met: base.met}
	if d.Sides, err = j.sides(j.near.Answers, j.head); err != nil {
		return nil, err
	}
	if len(base.said.Examples) > 0 {
		if d.Meets, err = j.v.Documenter.Examples(ctx, j.probe(j.overlay), base.said.Examples); err != nil {
			return nil, err
		}
	}
	return behaviour.Documented(d), nil
}
