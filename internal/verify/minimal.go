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

// maxHunks limits the runs of the minimal gate.
const maxHunks = 16

// minimal leaves out one unit of the patch at a time. Where the test passes
// without it, and the suite and the calls near the failing one answer as with
// it, nothing needs it: it stays out while the others are tried, and the
// remaining patch is verified again from the start.
func (j *verification) minimal(ctx context.Context) (finding, *smaller, error) {
	hunks, err := patch.Hunks(j.base, j.overlay)
	if err != nil {
		return finding{}, nil, err
	}
	if len(hunks) > maxHunks {
		return failed("the patch has %d hunks; more than %d cannot be tried one by one", len(hunks), maxHunks), nil, nil
	}
	left := units(hunks, j.analysis.Touched)
	if len(left) == 1 {
		why := "1 hunk; without it this is base"
		if len(hunks) > 1 {
			why = count(len(hunks), "hunk") + " that belong together; without them this is base"
		}
		return held("%s%s", why, j.gone()), nil, nil
	}
	tried := len(left)
	var unneeded []patch.Hunk
	for i := len(left) - 1; i >= 0 && len(left) > 1; i-- {
		fewer := slices.Delete(slices.Clone(left), i, i+1)
		p, err := patch.Combine(j.base, ordered(fewer), j.in.Patch.Why)
		if err != nil {
			return finding{}, nil, err
		}
		overlay, err := patch.Apply(j.base, p)
		if err != nil {
			continue // not a patch of its own, so the unit is needed
		}
		needed, err := j.needs(ctx, overlay)
		if err != nil {
			return finding{}, nil, err
		}
		if !needed {
			unneeded = append(unneeded, left[i]...)
			left = fewer
		}
	}
	if len(unneeded) == 0 {
		return held("the test, the suite or a call near the failing one needs each of the %d parts of the patch%s", tried, j.gone()), nil, nil
	}
	p, err := patch.Combine(j.base, ordered(left), j.in.Patch.Why)
	if err != nil {
		return finding{}, nil, err
	}
	return failed("%d of %d hunks are not needed", len(unneeded), len(hunks)), &smaller{patch: p, dropped: unneeded}, nil
}

// needs reports whether anything that can be observed differs without a unit:
// fewer is the head that lacks it.
func (j *verification) needs(ctx context.Context, fewer patch.Overlay) (bool, error) {
	res, err := j.session(ctx, fewer, false)
	if err != nil || j.ends(res) != "" {
		return true, err
	}
	if alike, err := j.answersAlike(ctx, fewer); err != nil || !alike {
		return true, err
	}
	alike, err := j.suiteAlike(ctx, fewer)
	return !alike, err
}

// answersAlike reports whether the calls near the failing one are answered on
// another head as on this one.
func (j *verification) answersAlike(ctx context.Context, other patch.Overlay) (bool, error) {
	if j.v.blind() || j.in.Test.Own {
		return true, nil
	}
	if err := j.answers(ctx); err != nil {
		return false, err
	}
	own, err := j.sides(j.near.Answers, j.head)
	if err != nil {
		return false, err
	}
	others := own
	if others.Head, err = j.v.Prober.Answers(ctx, j.probe(other), j.near.Calls); err != nil {
		return false, err
	}
	return anyComparable(own.Head, others.Head) && behaviour.SameAnswers(own, others), nil
}

// anyComparable reports whether two heads answer one call so that it can be compared.
func anyComparable(a, b []language.Answer) bool {
	for i := range min(len(a), len(b)) {
		if behaviour.Comparable(a[i]) && behaviour.Comparable(b[i]) {
			return true
		}
	}
	return false
}

// units groups the hunks that belong together: those in one statement, and
// those of which one changes how something is used that the other uses.
func units(hunks []patch.Hunk, touched []language.Touched) [][]patch.Hunk {
	in := make([][]language.Touched, len(hunks)) // hunk → the statements that it touches
	for i, at := range inHead(hunks) {
		for _, t := range touched {
			first, last := at[0], at[1]
			if t.Base {
				first, last = hunks[i].From+1, hunks[i].To // an insertion is between two lines
			}
			if t.Path == hunks[i].Path && t.First <= last && t.Last >= first {
				in[i] = append(in[i], t)
			}
		}
	}
	unit := make([]int, len(hunks))
	for i := range hunks {
		unit[i] = i
		for k := range i {
			if unit[k] != unit[i] && together(in[i], in[k]) {
				from, to := unit[i], unit[k]
				for n := range i + 1 {
					if unit[n] == from {
						unit[n] = to
					}
				}
			}
		}
	}
	var made [][]patch.Hunk
	at := map[int]int{}
	for i, h := range hunks {
		n, ok := at[unit[i]]
		if !ok {
			n = len(made)
			at[unit[i]] = n
			made = append(made, nil)
		}
		made[n] = append(made[n], h)
	}
	return made
}

func together(a, b []language.Touched) bool {
	for _, x := range a {
		for _, y := range b {
			one := x.Path == y.Path && x.Base == y.Base && x.First == y.First && x.Last == y.Last
			if one || meet(x.Defines, y.Uses) || meet(x.Uses, y.Defines) || meet(x.Defines, y.Defines) {
				return true
			}
		}
	}
	return false
}

func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// inHead returns where hunks are in head, as first and last line. The last of one
// that only removes lines is before its first: it is between the two.
func inHead(hunks []patch.Hunk) [][2]int {
	at := make([][2]int, len(hunks))
	shift, path := 0, ""
	for i, h := range hunks {
		if h.Path != path {
			shift, path = 0, h.Path
		}
		n := h.Added()
		at[i] = [2]int{h.From + shift + 1, h.From + shift + n}
		shift += n - (h.To - h.From)
	}
	return at
}

// ordered is the hunks of some units, in the order of package patch.
func ordered(units [][]patch.Hunk) []patch.Hunk {
	hunks := slices.Concat(units...)
	slices.SortFunc(hunks, patch.Hunk.Compare)
	return hunks
}

func (j *verification) gone() string {
	if len(j.dropped) == 0 {
		return ""
	}
	var places []string
	for _, h := range ordered([][]patch.Hunk{j.dropped}) {
		places = append(places, fmt.Sprintf("%s:%d", h.Path, h.From+1))
	}
	return fmt.Sprintf("; %s of the proposed patch (%s) was not needed and has been dropped; this is the verdict on the rest",
		count(len(j.dropped), "hunk"), clip(strings.Join(places, ", "), 200))
}
