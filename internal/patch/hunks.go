package patch

import (
	"cmp"
	"io/fs"
	"strings"
)

// A Hunk is one run of changed lines of one file: the unit that can be left
// out of a patch. Line numbers count from 0 in the base file.
type Hunk struct {
	Path     string
	From, To int    // base lines [From,To) are replaced; From == To inserts
	Text     string // what stands there instead
	Create   bool   // the file does not exist in base
}

// Hunks returns the overlay's hunks, by path and line. Two changes with an
// unchanged line between them are two hunks.
func Hunks(base fs.FS, overlay Overlay) ([]Hunk, error) {
	var hunks []Hunk
	for _, path := range sortedPaths(overlay) {
		old, exists, err := current(base, nil, path)
		if err != nil {
			return nil, err
		}
		a, b := splitLines(string(old)), splitLines(string(overlay[path]))
		if !exists {
			hunks = append(hunks, Hunk{Path: path, Text: string(overlay[path]), Create: true})
			continue
		}
		for _, s := range spans(a, b) {
			hunks = append(hunks, Hunk{Path: path, From: s.oldStart, To: s.oldEnd, Text: strings.Join(b[s.newStart:s.newEnd], "")})
		}
	}
	return hunks, nil
}

// Combine turns some of the hunks into a patch, with why as its rationale. Each
// edit's search text includes enough unchanged lines to be unique. Hunks must
// be in the order in which [Hunks] returned them.
func Combine(base fs.FS, hunks []Hunk, why string) (Patch, error) {
	p := Patch{Why: why}
	for len(hunks) > 0 {
		path, n := hunks[0].Path, 1
		for n < len(hunks) && hunks[n].Path == path {
			n++
		}
		old, _, err := current(base, nil, path)
		if err != nil {
			return Patch{}, err
		}
		p.Edits = append(p.Edits, fileEdits(path, string(old), hunks[:n])...)
		hunks = hunks[n:]
	}
	return p, nil
}

// Compare orders hunks as [Hunks] returns them.
func (h Hunk) Compare(other Hunk) int {
	return cmp.Or(strings.Compare(h.Path, other.Path), cmp.Compare(h.From, other.From))
}

// Added is the number of lines that the hunk puts into head.
func (h Hunk) Added() int { return len(splitLines(h.Text)) }

// fileEdits turns each hunk into an edit. Edits apply one after the other, so
// each search text must be unique in the result of the earlier ones.
func fileEdits(path, old string, hunks []Hunk) []Edit {
	if hunks[0].Create {
		return []Edit{{Path: path, Replace: hunks[0].Text}}
	}
	var edits []Edit
	now := splitLines(old)
	shift := 0
	for _, h := range hunks {
		from, to := h.From+shift, h.To+shift
		lead, tail := from, to
		for {
			search := strings.Join(now[lead:tail], "")
			if _, n := find([]byte(strings.Join(now, "")), search); (search != "" && n == 1) || (lead == 0 && tail == len(now)) {
				break
			}
			lead, tail = max(0, lead-1), min(len(now), tail+1)
		}
		edits = append(edits, Edit{
			Path:    path,
			Search:  strings.Join(now[lead:tail], ""),
			Replace: strings.Join(now[lead:from], "") + h.Text + strings.Join(now[to:tail], ""),
		})
		text := splitLines(h.Text)
		next := append(append(append([]string{}, now[:from]...), text...), now[to:]...)
		shift += len(text) - (h.To - h.From)
		now = next
	}
	return edits
}
