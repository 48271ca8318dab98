package report

import (
	"encoding/json"
	"io/fs"
	"slices"

	"github.com/repaird/repaird/internal/incident"
)

// Shingle is the length in characters from which a piece of raw evidence counts
// as leaked.
const Shingle = 24

// maxTreeFile is the largest file of a tree that Leaks reads, in bytes.
const maxTreeFile = 4 << 20

// Leaks returns the pieces of at least [Shingle] characters, each as long as
// possible, that a published text shares with the raw evidence although neither
// an allowed text (the redacted evidence, repaird's own words) nor a file of
// tree contains them: what has bypassed the redactor. tree may be nil.
//
// It needs memory only for the published text, so evidence and tree may be
// large.
func Leaks(published string, raw, allowed []string, tree fs.FS) ([]string, error) {
	text := []rune(published)
	places := map[string][]int{} // shingle → where it starts
	for i := 0; i+Shingle <= len(text); i++ {
		s := string(text[i : i+Shingle])
		places[s] = append(places[s], i)
	}
	suspect := map[string]bool{}
	for _, r := range raw {
		eachShingle(r, func(s string) {
			if places[s] != nil {
				suspect[s] = true
			}
		})
	}
	clear := func(s string) { delete(suspect, s) }
	for _, a := range allowed {
		eachShingle(a, clear)
	}
	if tree != nil && len(suspect) > 0 {
		err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			if info, err := d.Info(); err != nil || info.Size() > maxTreeFile {
				return err
			}
			data, err := fs.ReadFile(tree, name)
			eachShingle(string(data), clear)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return pieces(text, places, suspect), nil
}

func eachShingle(s string, do func(string)) {
	r := []rune(s)
	for i := 0; i+Shingle <= len(r); i++ {
		do(string(r[i : i+Shingle]))
	}
}

// pieces joins overlapping shingles.
func pieces(text []rune, places map[string][]int, suspect map[string]bool) []string {
	var starts []int
	for s := range suspect {
		starts = append(starts, places[s]...)
	}
	slices.Sort(starts)
	var out []string
	for i := 0; i < len(starts); {
		from, to := starts[i], starts[i]+Shingle
		for i++; i < len(starts) && starts[i] <= to; i++ {
			to = starts[i] + Shingle
		}
		out = append(out, string(text[from:to]))
	}
	return out
}

// EvidenceTexts returns every text of an event, names of variables included, for
// [Leaks].
func EvidenceTexts(e incident.Event) []string {
	data, err := json.Marshal(e)
	if err != nil {
		return nil
	}
	var v any
	if json.Unmarshal(data, &v) != nil {
		return nil
	}
	return texts(nil, v)
}

func texts(out []string, v any) []string {
	switch v := v.(type) {
	case string:
		out = append(out, v)
	case []any:
		for _, x := range v {
			out = texts(out, x)
		}
	case map[string]any:
		for k, x := range v {
			out = texts(append(out, k), x)
		}
	}
	return out
}
