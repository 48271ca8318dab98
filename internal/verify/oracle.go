package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
)

const maxCompeting = 100 // calls that rivals answer

// probe is what is asked of the language's Prober.
func (j *verification) probe(overlay patch.Overlay) language.Probe {
	return language.Probe{Run: j.in.Run, Env: j.in.Env, Tree: j.in.Tree, Overlay: overlay, Test: j.in.Test}
}

// blind reports whether nobody is asked what calls answer.
func (v *Verifier) blind() bool { return v.lax["behaviour"] || v.Prober == nil }

// neighbours are the calls near the failing one, with base's answers. They are
// kept between verifications: they depend on the tree and the test only.
func (v *Verifier) neighbours(ctx context.Context, in Input) (*language.Neighbourhood, error) {
	return v.kept(in).near.get(nil, func() (*language.Neighbourhood, error) {
		return v.Prober.Neighbours(ctx, language.Probe{Run: in.Run, Env: in.Env, Tree: in.Tree, Test: in.Test})
	})
}

// answers has base and head answer the calls near the failing one, once: a head
// that is verified again is not asked again.
func (j *verification) answers(ctx context.Context) (err error) {
	if j.head != nil {
		return nil
	}
	if j.near, err = j.v.neighbours(ctx, j.in); err != nil {
		return err
	}
	j.head, err = j.v.kept(j.in).head(j.overlay).answers.get(nil, func() ([]language.Answer, error) {
		return j.v.Prober.Answers(ctx, j.probe(j.overlay), j.near.Calls)
	})
	return err
}

// behaves asks whether what the code answers near the failing call says that
// the patch is wrong.
func (j *verification) behaves(ctx context.Context) (finding, error) {
	if j.v.blind() {
		return notApplied("switched off"), nil
	}
	if j.in.Test.Own {
		j.grounds = append(j.grounds, behaviour.Ground{Name: "asserted", Effect: behaviour.Establishes,
			Evidence: "the failing test is the repository's own, and what it asserts is right"})
		return j.keeps(ctx)
	}
	if err := j.answers(ctx); err != nil {
		return finding{}, err
	}
	sides, err := j.sides(j.near.Answers, j.head)
	if err != nil {
		return finding{}, err
	}
	grounds := j.overruled(behaviour.Compare(sides))
	j.grounds = append(j.grounds, grounds...)
	f := said(grounds)
	if len(grounds) == 1 && grounds[0].Name == "observed" {
		f = notApplied("%s", grounds[0].Evidence)
	}
	if f.outcome == Failed {
		return f, nil
	}
	further, err := j.further(ctx)
	if err != nil {
		return finding{}, err
	}
	further = j.overruled(further)
	j.grounds = append(j.grounds, further...)
	if g := said(further); g.outcome == Failed {
		return g, nil
	}
	return f, nil
}

// keeps asks of a failing test of the repository's own only whether what the
// patch does not concern is answered as before: what its call should answer, the
// test asserts.
func (j *verification) keeps(ctx context.Context) (finding, error) {
	near, err := j.v.neighbours(ctx, j.in)
	if err != nil {
		return finding{}, err
	}
	if own := near.Answers[0]; !behaviour.Comparable(own) || own.End == language.Raised && !j.raisedBy(own) {
		return notApplied("the test's call cannot be varied; what it should answer, the test asserts"), nil
	}
	head, err := j.v.Prober.Answers(ctx, j.probe(j.overlay), near.Calls)
	if err != nil {
		return finding{}, err
	}
	sides, err := j.sidesOf(near, head)
	if err != nil {
		return finding{}, err
	}
	g := behaviour.Kept(sides)
	if g == nil {
		return notApplied("no call near the test's own can be compared; what that should answer, the test asserts"), nil
	}
	j.grounds = append(j.grounds, *g)
	return said([]behaviour.Ground{*g}), nil
}

// raisedBy reports whether an answer is the exception with which the test fails.
func (j *verification) raisedBy(a language.Answer) bool {
	return a.Type == j.in.Signature.Type || strings.HasSuffix(a.Type, "."+j.in.Signature.Type)
}

// further grounds are asked for only of a patch that its neighbours do not
// reject.
func (j *verification) further(ctx context.Context) (grounds []behaviour.Ground, err error) {
	for _, ask := range []func(context.Context) ([]behaviour.Ground, error){j.remembers, j.consults} {
		more, err := ask(ctx)
		if err != nil {
			return nil, err
		}
		grounds = append(grounds, more...)
	}
	return grounds, nil
}

// said is a gate's finding from grounds: the first that rejects, or all.
func said(grounds []behaviour.Ground) finding {
	var said []string
	for _, g := range grounds {
		if g.Effect == behaviour.Rejects {
			return failed("%s: %s%s", g.Name, g.Evidence, example(g))
		}
		said = append(said, g.Evidence)
	}
	return held("%s", clip(strings.Join(said, "; "), 600))
}

func example(g behaviour.Ground) string {
	if len(g.Examples) == 0 {
		return ""
	}
	e := g.Examples[0]
	return fmt.Sprintf(" (%s: before %s, now %s)", clip(e.Call, 200), e.Before, e.After)
}

// sides are the answers of base and of a head that changes the lines that the
// patch changes.
func (j *verification) sides(base, head []language.Answer) (behaviour.Sides, error) {
	s, err := j.sidesOf(&language.Neighbourhood{Calls: j.near.Calls, Answers: base}, head)
	s.Asserted = j.asserted()
	return s, err
}

func (j *verification) sidesOf(near *language.Neighbourhood, head []language.Answer) (behaviour.Sides, error) {
	added, err := patch.ChangedLines(j.base, j.overlay)
	if err != nil {
		return behaviour.Sides{}, err
	}
	removed, err := patch.RemovedLines(j.base, j.overlay)
	return behaviour.Sides{Calls: near.Calls, Base: near.Answers, Head: head, Removed: removed, Added: added}, err
}

// asserted reports whether the test fails at an assertion of its own: then the
// call answers on base, wrongly.
func (j *verification) asserted() bool {
	return len(j.near.Answers) > 0 && j.near.Answers[0].End == language.Returned && len(j.stack) == 0
}

// contest tries what else the patch could have said: patches that differ from
// it in one constant, operator or name, and the proposer's other candidates.
// Where one of them passes the test, answers something else and nothing speaks
// against it that does not speak against the patch, the evidence does not
// decide.
func (j *verification) contest(ctx context.Context) error {
	if j.in.Test.Own && !j.v.blind() {
		return j.tie(ctx)
	}
	if j.v.blind() || j.near == nil {
		return nil
	}
	rivals, err := j.v.Prober.Rivals(ctx, j.probe(j.overlay))
	if err != nil {
		return err
	}
	for _, p := range j.in.Alternatives {
		if overlay, err := patch.Apply(j.base, p); err == nil {
			rivals = append(rivals, language.Rival{Overlay: overlay, Change: clip(p.Why, 300)})
		}
	}
	if len(rivals) == 0 {
		j.grounds = append(j.grounds, behaviour.Ground{Name: "rivals", Effect: behaviour.Lowers, Evidence: "nothing else that the patch could have said was found, so nothing was refuted"})
		return nil
	}
	first, err := j.compete(ctx, rivals, []int{0})
	if err != nil {
		return err
	}
	r := behaviour.Contest{}
	var passing []language.Rival
	for i, rival := range rivals {
		if !behaviour.Comparable(first[i][0]) {
			r.Untried++
			continue
		}
		if !j.passesTest(first[i][0]) {
			r.Refuted("the test")
			continue
		}
		passing = append(passing, rival)
	}
	if len(passing) > 0 {
		chosen := behaviour.Telling(j.near.Calls, j.near.Answers, j.head, maxCompeting)
		answers, err := j.compete(ctx, passing, chosen)
		if err != nil {
			return err
		}
		own, err := j.sides(j.near.Answers, behaviour.Only(j.head, chosen))
		if err != nil {
			return err
		}
		against := behaviour.Compare(own)
		for i, rival := range passing {
			other := own
			other.Head = answers[i]
			if !behaviour.Whole(own.Head, answers[i]) {
				r.Untried++
				continue
			}
			difference, differs := behaviour.Otherwise(own, other)
			if !differs {
				r.Equal++
				continue
			}
			if name := behaviour.Worse(against, behaviour.Compare(other)); name != "" {
				r.Refuted(name)
				continue
			}
			r.Survives(rival.Change, difference)
			j.surviving = append(j.surviving, survivor{rival, answers[i]})
		}
	}
	j.grounds = append(j.grounds, r.Ground())
	return nil
}

// passesTest reports whether the test would pass with a rival's answer to its
// own call: it has to return, or raise what the patch raises on purpose, as the
// test passes both with a patch that refuses the input and with one that
// answers it; a test that asserts the answer admits only the patch's.
func (j *verification) passesTest(a language.Answer) bool {
	own := j.head[0]
	if j.near.Asserts && behaviour.Comparable(own) {
		return a.End == own.End && a.Type == own.Type && a.Value == own.Value
	}
	return a.End == language.Returned || a.End == own.End && a.Type == own.Type
}

// survivor is a rival that the evidence does not refute.
type survivor struct {
	language.Rival
	answers []language.Answer
}

// compete has rivals answer the chosen calls; the others are Lost.
func (j *verification) compete(ctx context.Context, rivals []language.Rival, chosen []int) ([][]language.Answer, error) {
	var overlays []patch.Overlay
	for _, r := range rivals {
		overlays = append(overlays, r.Overlay)
	}
	var calls []language.Call
	for _, i := range chosen {
		calls = append(calls, j.near.Calls[i])
	}
	made, err := j.v.Prober.Compete(ctx, j.probe(nil), overlays, calls)
	if err != nil {
		return nil, err
	}
	all := make([][]language.Answer, len(rivals))
	for r := range all {
		all[r] = slices.Repeat([]language.Answer{{End: language.Lost}}, len(j.near.Calls))
		for k, i := range chosen {
			if r < len(made) && k < len(made[r]) {
				all[r][i] = made[r][k]
			}
		}
	}
	return all, nil
}
