package templates

import (
	"cmp"
	"context"
	"slices"

	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repair"
)

const (
	lowered   = 0.1  // what each ground that lowers takes from a score
	witnessed = 0.1  // what other forms of the input that are answered alike add
	kept      = 0.12 // what the share of base's answers that are the same adds
	healed    = 0.06 // what the share of calls that no longer fail adds
	unlike    = 3    // calls that must be answered as before for a candidate that little else speaks for
	few       = 4    // one in so many of base's answers may be others: base may be wrong beside where it fails
	hopeless  = 3    // candidates that are judged although all break calls that base answers, so that a gate says why
)

// weigh orders the candidates by what they answer near the failing call, by the
// verdict's own rules, and drops those that change calls that base answers and
// that run none of their lines, or that make such a call fail. Of the others,
// those under which nearly every call that base answers is answered the same
// come first; one of the rest is judged only if there are none of these. The tests of
// the repository have weighed its own test's candidates already.
func (r *round) weigh(ctx context.Context) error {
	w, ok := r.in.Judge.(repair.Weigher)
	if r.in.Test.Own || !ok {
		return nil
	}
	found := r.found
	var patches []patch.Patch
	for _, c := range found.Candidates {
		patches = append(patches, patchOf(c))
	}
	weights, err := w.Weigh(ctx, patches)
	if err != nil {
		return err
	}
	digests := map[string]int{}
	var left, broken []candidate
	for i, c := range found.Candidates {
		if i >= len(weights) {
			break
		}
		if why := c.weighed(weights[i]); why != "" {
			r.ended(c, why)
			continue
		}
		c.Behaviour = i
		if d := weights[i].Digest; d != "" {
			if first, ok := digests[d]; ok {
				c.Behaviour = first
			}
			digests[d] = c.Behaviour
		}
		if breaks := weights[i].Breaks; breaks != "" {
			r.ended(c, "passes the test, but "+breaks)
			broken = append(broken, c)
			continue
		}
		left = append(left, c)
	}
	likeliest(left)
	if likeliest(broken); len(left) == 0 {
		left = broken[:min(len(broken), hopeless)]
	}
	found.Candidates = left
	return nil
}

// likeliest sorts candidates, the likeliest first.
func likeliest(all []candidate) {
	slices.SortStableFunc(all, func(a, b candidate) int {
		return cmp.Or(a.Examples.Failing-b.Examples.Failing, a.Class-b.Class, cmp.Compare(b.Score, a.Score))
	})
}

// weighed sets a candidate's class and score by its weight; it returns why the
// candidate is dropped, "" if it is not.
func (c *candidate) weighed(w behaviour.Weight) (why string) {
	faithful := w.Changed == 0 && w.Kept >= unlike
	switch {
	case c.Detour && !faithful:
		return "only avoids the failing computation, and too little is known of calls near it"
	case c.Unsupported && !faithful:
		return "nothing in the code speaks for it, and too little is known of calls near the failing one"
	}
	c.Class, c.changes = 0, w.Changed > 0
	if c.Detour || few*w.Changed > w.Kept+w.Changed {
		c.Class = 1
	}
	c.Score += kept*share(w.Kept, w.Changed) + healed*share(w.Healed, w.Still) - lowered*float64(len(w.Lowers))
	if w.Witness {
		c.Score += witnessed
	}
	return ""
}

// share is n of n and m; a half where there are none of either.
func share(n, m int) float64 {
	if n+m == 0 {
		return 0.5
	}
	return float64(n) / float64(n+m)
}

// ended says of a candidate's trial how it ended.
func (r *round) ended(c candidate, end string) {
	if c.Trial >= 0 && c.Trial < len(r.found.Trials) {
		r.found.Trials[c.Trial].End = end
	}
}
