package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/patch"
)

// A place is a statement of head that the patch changes and that can execute.
type place struct {
	path        string
	line        int // the first of its changed lines
	first, last int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.path, p.line) }

// changes returns the executable statements that the patch changes. Which lines
// are executable, the line table of the compiled head says.
func (j *verification) changes() ([]place, error) {
	if j.analysis == nil { // the patch does not apply
		return nil, nil
	}
	changed, err := patch.ChangedLines(j.base, j.overlay)
	if err != nil {
		return nil, err
	}
	var places []place
	for _, path := range sorted(changed) {
		counted := map[[2]int]bool{}
		for _, line := range changed[path] {
			first, last, ok := j.analysis.Statement(path, line)
			if ok && !counted[[2]int{first, last}] {
				counted[[2]int{first, last}] = true
				places = append(places, place{path, line, first, last})
			}
		}
	}
	return places, nil
}

// onPath asks whether the patch changes what the failing call runs: at least one
// changed statement, or a removed line, was executed by the test. The others
// belong to the repair too, such as a second caller or the other branch of a
// condition; those that nothing executes are risks (see uncovered).
func (j *verification) onPath(context.Context) (finding, error) {
	places, err := j.changes()
	if err != nil {
		return finding{}, err
	}
	p := j.pair()
	removed, err := p.RanRemoved()
	if err != nil {
		return finding{}, err
	}
	var missed []string
	for _, changed := range places {
		if !j.ran(changed) {
			missed = append(missed, changed.String())
		}
	}
	switch ran := len(places) - len(missed); {
	case j.green.read == nil && len(places) > 0:
		return failed("there is no trace of the run with the patch (%s), so nothing shows that any of the %d executable changed lines was executed", j.green.why, len(places)), nil
	case len(places) > 0 && !p.CallsAgain():
		return failed("the run with the patch does not make the test's call"), nil
	case ran > 0 && len(missed) == 0:
		return held("the test executed all %d executable changed lines", ran), nil
	case ran > 0:
		return held("the test executed %d of %d executable changed lines, not %s", ran, len(places), clip(strings.Join(missed, ", "), 300)), nil
	case removed != "":
		return held("the patch removes %s, which the test executed on base", removed), nil
	case len(places) == 0:
		return notApplied("no changed line is executable: the patch changes data, comments or documentation"), nil
	}
	return failed("none of the %d executable changed lines was executed by the test: %s", len(places), clip(strings.Join(missed, ", "), 300)), nil
}

// ran reports whether the test executed a changed statement on head. Of a
// statement over several lines, one is enough.
func (j *verification) ran(p place) bool { return j.pair().Ran(p.path, p.first, p.last) }

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
