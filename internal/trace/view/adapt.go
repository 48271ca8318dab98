package view

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/trace"
)

// Records are named by index, from 0, within this package, and by id, from 1,
// in what it writes.
type rec = trace.Record

func size(t *trace.Trace) int          { return t.Len() }
func record(t *trace.Trace, i int) rec { return t.Record(i + 1) }

// procShift is where a call's id holds the number of its process.
const procShift = 40

// number is a call's number within its process, the one that the tracer gave.
func number(id int64) int64 { return id & (1<<procShift - 1) }

const (
	maxAbsences   = 50
	maxStackShown = 8 // frames of a stack
)

// absences lists processes that were started but not traced, what the tracer
// could not do, and where the threads were when a time-out struck.
func absences(t *trace.Trace) []string {
	var out []string
	for _, c := range t.Untraced() {
		text := fmt.Sprintf("not traced: process %d (%s by %d)", c.PID, visible(c.How), pid(t, c.Process))
		if len(c.Argv) > 0 {
			text += "  " + cut(visible(strings.Join(c.Argv, " ")), 100)
		}
		out = append(out, text)
	}
	for _, p := range t.Problems() {
		out = append(out, fmt.Sprintf("the tracer of process %d says: %s", pid(t, p.Process), cut(visible(p.Text), 200)))
	}
	for _, x := range t.Stacks() {
		text := fmt.Sprintf("%s: thread %s of process %d was in", visible(x.Why), visible(x.Name), pid(t, x.Process))
		for i, f := range x.Frames {
			if i == maxStackShown {
				text += fmt.Sprintf(" ← %d more", len(x.Frames)-i)
				break
			}
			if i > 0 {
				text += " ←"
			}
			text += fmt.Sprintf(" %s (%s:%d)", visible(f.Name), visible(base(f.File)), f.Line)
		}
		out = append(out, text)
	}
	if len(out) > maxAbsences {
		more := len(out) - maxAbsences
		out = append(out[:maxAbsences], fmt.Sprintf("… and %d more", more))
	}
	return out
}

func pid(t *trace.Trace, process int) int {
	if process < 0 || process >= len(t.Processes) {
		return 0
	}
	return t.Processes[process].PID
}
