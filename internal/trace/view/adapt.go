package view

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/trace/findings"
)

// Records are named by index, from 0, within this package, and by id, from 1,
// in what it writes.
type Rec = trace.Record

// Size returns the number of records.
func Size(t *trace.Trace) int { return t.Len() }

// Record returns the record at an index from 0.
func Record(t *trace.Trace, i int) Rec { return t.Record(i + 1) }

// procShift is where a call's id holds the number of its process.
const procShift = 40

// Number is a call's number within its process, the one that the tracer gave.
func Number(id int64) int64 { return id & (1<<procShift - 1) }

const (
	maxAbsences   = 50
	maxStackShown = 8 // frames of a stack
)

// Absences lists processes that were started but not traced, what the tracer
// could not do, and where the threads were when a time-out struck.
func Absences(t *trace.Trace) []string {
	var out []string
	for _, c := range t.Untraced() {
		text := fmt.Sprintf("not traced: process %d (%s by %d)", c.PID, Visible(c.How), Pid(t, c.Process))
		if len(c.Argv) > 0 {
			text += "  " + Cut(Visible(strings.Join(c.Argv, " ")), 100)
		}
		out = append(out, text)
	}
	for _, p := range t.Problems() {
		out = append(out, fmt.Sprintf("the tracer of process %d says: %s", Pid(t, p.Process), Cut(Visible(p.Text), 200)))
	}
	for _, x := range t.Stacks() {
		text := fmt.Sprintf("%s: thread %s of process %d was in", Visible(x.Why), Visible(x.Name), Pid(t, x.Process))
		for i, f := range x.Frames {
			if i == maxStackShown {
				text += fmt.Sprintf(" ← %d more", len(x.Frames)-i)
				break
			}
			if i > 0 {
				text += " ←"
			}
			text += fmt.Sprintf(" %s (%s:%d)", Visible(f.Name), Visible(Base(f.File)), f.Line)
		}
		out = append(out, text)
	}
	if len(out) > maxAbsences {
		more := len(out) - maxAbsences
		out = append(out[:maxAbsences], fmt.Sprintf("… and %d more", more))
	}
	return out
}

// Pid returns the number that the system gave a process.
func Pid(t *trace.Trace, process int) int {
	if process < 0 || process >= len(t.Processes) {
		return 0
	}
	return t.Processes[process].PID
}

// FindingsOf returns what is odd in a trace, green a passing run or nil.
func FindingsOf(t, green *trace.Trace) []findings.Finding {
	if green == nil {
		return findings.Find(t)
	}
	return diverge.Findings(t, green)
}

// DivergedBy names the kind of a divergence for people.
func DivergedBy(kind string) string {
	switch kind {
	case "return":
		return "return value"
	case "state":
		return "state of an argument"
	}
	return kind
}

// DivergedIn names the call in which the runs part.
func DivergedIn(d diverge.Divergence) string {
	for _, r := range []*Rec{d.RedCall, d.GreenCall} {
		if r != nil && r.Code != nil {
			return " at " + Visible(r.Code.Name) + ", call " + CallName(r.Call)
		}
	}
	return ""
}
