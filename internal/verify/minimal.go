package verify

import (
	"context"

	"github.com/repaird/repaird/internal/patch"
)

// maxHunks limits the runs of the minimal gate.
const maxHunks = 16

// minimal removes one hunk at a time. If the test passes without it, the hunk
// stays out while the others are tried; the remaining patch is verified again
// from the start.
func (j *verification) minimal(ctx context.Context) (finding, *smaller, error) {
	hunks, err := patch.Hunks(j.base, j.overlay)
	if err != nil {
		return finding{}, nil, err
	}
	if len(hunks) > maxHunks {
		return failed("the patch has %d hunks; more than %d cannot be tried one by one", len(hunks), maxHunks), nil, nil
	}
	if len(hunks) == 1 {
		return held("1 hunk; without it this is base%s", j.gone()), nil, nil
	}
	left := hunks
	for i := len(hunks) - 1; i >= 0 && len(left) > 1; i-- {
		fewer := patch.Without(left, i)
		p, err := patch.Combine(j.base, fewer, j.in.Patch.Why)
		if err != nil {
			return finding{}, nil, err
		}
		overlay, err := patch.Apply(j.base, p)
		if err != nil {
			continue // not a patch of its own, so the hunk is needed
		}
		res, err := j.session(ctx, overlay, false)
		if err != nil {
			return finding{}, nil, err
		}
		if passes(res) == "" {
			left = fewer
		}
	}
	if len(left) == len(hunks) {
		return held("the test fails without any one of the %d hunks%s", len(hunks), j.gone()), nil, nil
	}
	p, err := patch.Combine(j.base, left, j.in.Patch.Why)
	if err != nil {
		return finding{}, nil, err
	}
	return failed("%d of %d hunks are not needed", len(hunks)-len(left), len(hunks)),
		&smaller{patch: p, dropped: len(hunks) - len(left)}, nil
}

func (j *verification) gone() string {
	if j.dropped == 0 {
		return ""
	}
	return "; " + count(j.dropped, "hunk") + " of the proposed patch was not needed and has been dropped; this is the verdict on the rest"
}
