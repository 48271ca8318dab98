package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace"
)

// treeRoot is the tree's path in the sandbox, and so in traces.
const treeRoot = testrun.Root + "/"

// onPath asks whether the test executed every executable changed line. Which
// lines are executable, the line table of the compiled head says; a statement
// over several lines counts as one.
func (j *verification) onPath(context.Context) (finding, error) {
	changed, err := patch.ChangedLines(j.base, j.overlay)
	if err != nil {
		return finding{}, err
	}
	total, missed := 0, []string{}
	for _, path := range sorted(changed) {
		counted := map[[2]int]bool{}
		for _, line := range changed[path] {
			first, last, ok := j.analysis.Statement(path, line)
			if !ok || counted[[2]int{first, last}] {
				continue
			}
			counted[[2]int{first, last}] = true
			total++
			if !j.ran(path, first, last) {
				missed = append(missed, fmt.Sprintf("%s:%d", path, line))
			}
		}
	}
	switch {
	case total == 0:
		return notApplied("no changed line is executable: the patch only removes lines, or changes comments and documentation"), nil
	case j.green.read == nil:
		return failed("there is no trace of the run with the patch (%s), so nothing shows that the %d executable changed lines were executed", j.green.why, total), nil
	case !j.callsAgain():
		return failed("the run with the patch does not make the test's call"), nil
	case len(missed) > 0:
		return failed("%d of %d executable changed lines were not executed by the test: %s", len(missed), total, clip(strings.Join(missed, ", "), 300)), nil
	}
	return held("the test executed all %d executable changed lines", total), nil
}

// callsAgain reports whether the run with the patch makes the outermost call of
// the failure's stack; true also where the traces do not tell. Arguments are not
// compared: a patch may rightly change a default, or what an object that the
// test makes first holds.
func (j *verification) callsAgain() bool {
	red := j.redCalls()
	if j.v.Rules.Exhausts(j.in.Signature.Type) || len(red) == 0 || !whole(j.red.read) || !whole(j.green.read) {
		return true
	}
	outer := red[0].Code
	for _, c := range callsOf(j.green.read) {
		if c.Code.File == outer.File && incident.BareName(c.Code.Name) == incident.BareName(outer.Name) {
			return true
		}
	}
	return false
}

// whole reports whether a trace has every call of its run.
func whole(t *trace.Trace) bool {
	f := t.Footer
	return f.Dropped == 0 && f.Uncalled == 0 && f.Faults == 0 && f.Undefined == 0 && f.Unnamed == 0 && f.Skipped == 0 && !f.Cut
}

// ran reports whether one of a file's lines was executed on head.
func (j *verification) ran(path string, first, last int) bool {
	if j.green.read == nil {
		return false
	}
	lines := j.green.read.Executed()[treeRoot+path]
	for n := first; n <= last; n++ {
		if lines[n] {
			return true
		}
	}
	return false
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
