package patch

import (
	"bytes"
	"io/fs"

	"github.com/repaird/repaird/internal/fault"
)

// Rebase carries a patch from one tree over to another, later one: a three-way
// merge. Each changed run of lines moves to where the same lines stand in onto,
// and must have an unchanged line between itself and whatever else changed there;
// otherwise the error, of kind fault.Invalid, names the file and its lines.
// Where the patched files are the same in both trees, so is the patch.
func Rebase(from, onto fs.FS, p Patch) (Patch, error) {
	overlay, err := Apply(from, p)
	if err != nil {
		return Patch{}, err
	}
	same := true
	for path := range overlay {
		before, existed, err := current(from, nil, path)
		if err != nil {
			return Patch{}, err
		}
		now, exists, err := current(onto, nil, path)
		if err != nil {
			return Patch{}, err
		}
		switch {
		case existed && !exists:
			return Patch{}, fault.Errorf(fault.Invalid, "%s is no longer there", path)
		case !existed && exists:
			return Patch{}, fault.Errorf(fault.Invalid, "%s, which the patch creates, is there already", path)
		}
		same = same && bytes.Equal(before, now)
	}
	if same {
		return p, nil
	}
	hunks, err := Hunks(from, overlay)
	if err != nil {
		return Patch{}, err
	}
	for i := range hunks {
		if hunks[i].Create {
			continue
		}
		if err := move(from, onto, &hunks[i]); err != nil {
			return Patch{}, err
		}
	}
	return Combine(onto, hunks, p.Why)
}

// move finds where the lines that a hunk replaces stand in onto.
func move(from, onto fs.FS, h *Hunk) error {
	before, _, err := current(from, nil, h.Path)
	if err != nil {
		return err
	}
	now, _, err := current(onto, nil, h.Path)
	if err != nil {
		return err
	}
	shift := 0
	for _, s := range spans(splitLines(string(before)), splitLines(string(now))) {
		switch {
		case s.oldEnd < h.From:
			shift += (s.newEnd - s.newStart) - (s.oldEnd - s.oldStart)
		case s.oldStart > h.To:
		default:
			return fault.Errorf(fault.Invalid, "%s was changed where the patch changes it, at lines %d to %d", h.Path, h.From+1, max(h.To, h.From+1))
		}
	}
	h.From, h.To = h.From+shift, h.To+shift
	return nil
}
