package verify

import (
	"context"
	"slices"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/testrun"
)

// Person is the name of the ground that a person's answer is.
const Person = "person"

// overruled are grounds about a patch's answers once a person has said what the
// call should answer: what spoke against that answer is only shown. Calls that
// base answers are not the person's: what speaks for keeping them stays.
func (j *verification) overruled(grounds []behaviour.Ground) []behaviour.Ground {
	if !slices.ContainsFunc(j.in.Grounds, func(g behaviour.Ground) bool { return g.Name == Person }) {
		return grounds
	}
	for i, g := range grounds {
		switch g.Name {
		case "witness", "history", "documented":
			if g.Effect == behaviour.Rejects || g.Effect == behaviour.Lowers {
				grounds[i].Effect = behaviour.Shown
			}
		}
	}
	return grounds
}

// answer is what the test's call answers with the patch.
func (j *verification) answer() (call string, answer *language.Answer) {
	if j.near == nil || len(j.near.Calls) == 0 || len(j.head) == 0 {
		return "", nil
	}
	a := j.head[0]
	a.Value = clip(a.Value, 2000)
	a.State, a.Output, a.Files, a.Lines, a.Handled = "", "", "", nil, nil
	return clip(j.near.Calls[0].Shown, 300), &a
}

// Tells says why another test does not tell base from head as the input's test
// does: it has to fail on base with the signature, and to pass on head. "" if it
// does. It runs each side once.
func (v *Verifier) Tells(ctx context.Context, in Input, test testrun.Test) (why string, err error) {
	defer fault.Wrap(&err, "try test %s", test.Name)
	in.Test = test
	j := newVerification(v, in, nil)
	if j.overlay, err = patch.Apply(j.base, in.Patch); err != nil {
		return "", err
	}
	red, err := j.session(ctx, nil, false)
	if err != nil {
		return "", err
	}
	if _, why := fails(red, in.Signature); why != "" {
		return "on base: " + why, nil
	}
	green, err := j.session(ctx, j.overlay, false)
	if err != nil {
		return "", err
	}
	if why := passes(green); why != "" {
		return "with the patch: " + why, nil
	}
	return "", nil
}
