package findings

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/equality"
	"github.com/repaird/repaird/internal/trace/wire"
)

// hung says where the threads were when the time was up: the innermost frame
// of each that is in scope.
func (s *Scene) hung() []Finding {
	stacks := s.t.Stacks()
	if len(stacks) == 0 {
		return nil
	}
	inScope := map[string]bool{}
	for _, c := range s.t.Codes() {
		inScope[c.File] = true
	}
	f := Finding{Kind: "hung", Records: []int{}, Weight: 0.95}
	var parts []string
	for i := range stacks {
		x := &stacks[i]
		at, inner := wire.Frame{}, wire.Frame{}
		for k := range x.Frames {
			if k == 0 {
				inner = x.Frames[k]
			}
			if inScope[x.Frames[k].File] {
				at = x.Frames[k]
				break
			}
		}
		if at.Name == "" {
			continue // nothing of the program's own is there
		}
		part := fmt.Sprintf("%s was in %s (%s:%d)", s.stackName(x), wire.OneLine(at.Name), wire.OneLine(path.Base(at.File)), at.Line)
		if (inner.File != at.File || inner.Line != at.Line) && inner.Name != "" {
			part += fmt.Sprintf(", which had called %s (%s:%d)", wire.OneLine(inner.Name), wire.OneLine(path.Base(inner.File)), inner.Line)
		}
		if f.File == "" {
			f.File, f.Line, f.Name = at.File, at.Line, at.Name
		}
		if len(parts) < 8 {
			parts = append(parts, part)
			if id := s.openCall(x.Process, at); id != 0 {
				f.Records = append(f.Records, id)
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	f.Records = uniqueInts(f.Records)
	f.Text = "The time was up: " + strings.Join(parts, "; ") + "."
	return []Finding{f}
}

func (s *Scene) stackName(x *trace.Stack) string {
	if x.Name != "" {
		return "thread " + wire.OneLine(x.Name)
	}
	return s.threadName(x.Process, x.Thread)
}

// openCall returns the record of the last call of a function that did not end.
func (s *Scene) openCall(process int, at wire.Frame) int {
	found := int32(0)
	for n := range s.t.Nodes() {
		c := &s.t.Nodes()[n]
		if c.Start == 0 || c.End != 0 {
			continue
		}
		e := s.t.EventAt(c.Start)
		code := s.t.Codes()[e.Code-1]
		if int(e.Proc) == process && code.File == at.File && (code.Name == at.Name || strings.HasSuffix(code.Name, "."+at.Name)) {
			found = c.Start
		}
	}
	return int(found)
}

// untraced names the processes that ran Python and were not traced.
func (s *Scene) untraced() []Finding {
	list := s.t.Untraced()
	if len(list) == 0 {
		return nil
	}
	weight := 0.3
	if s.Raise.ID == 0 {
		weight = 0.45 // what went wrong may have gone wrong there
	}
	var parts []string
	for i, c := range list {
		if i == 4 {
			parts = append(parts, fmt.Sprintf("%d more", len(list)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("process %d (%s%s)", c.PID, wire.OneLine(c.How), wire.CutText(wire.OneLine(" "+strings.Join(c.Argv, " ")), 80)))
	}
	return []Finding{{Kind: "untraced", Records: []int{}, Weight: weight,
		Text: "What these processes did is not in the trace, for they were not traced: " + strings.Join(parts, "; ") + "."}}
}

// uncaught describes snapshots of exceptions that nobody caught, but for the
// one that is the crash anyway.
func (s *Scene) uncaught() []Finding {
	var out []Finding
	for _, r := range s.t.Snapshots() {
		x := r.Snapshot()
		if x.Why != "exception" || len(x.Stack) == 0 || s.Raise.ID != 0 && s.Raise.Type() == x.Type && s.Raise.Text() == x.Text {
			continue
		}
		at := x.Stack[0]
		var vars []string
		for _, v := range at.Locals {
			if vars = append(vars, wire.OneLine(v.Name)+"="+wire.CutText(v.Value.String(), 60)); len(vars) == 4 {
				break
			}
		}
		held := ""
		if len(vars) > 0 {
			held = "; there, " + strings.Join(vars, ", ")
		}
		weight := 0.5
		if s.Raise.ID == 0 && trace.IgnorableType(x.Type, x.Text) {
			weight = 0.05
		} else if s.Raise.ID == 0 {
			weight = 0.7
		}
		out = append(out, Finding{Kind: "uncaught", Records: []int{r.ID}, File: at.File, Line: at.Line, Name: at.Name, Weight: weight,
			Text: fmt.Sprintf("Nobody caught %s, raised in %s at line %d%s.", wire.ExceptionText(x.Type, x.Text, 160), wire.OneLine(at.Name), at.Line, held)})
		if len(out) == 5 {
			break
		}
	}
	return out
}

// A heat is how often a function was called, and with what most of the time.
type heat struct {
	n     int // calls with arguments that were recorded
	votes int
	off   uint32 // body of the arguments that lead the vote
	size  uint32
	last  int32
	same  int
}

const (
	manyCalls = 1000 // fewer are never hot
	hotShare  = 0.5  // of all calls
)

// hot finds the function that was called far more often than all others, or
// many times with the same arguments. Unless the time was up, that is how many
// programs work, and weighs little.
func (s *Scene) hot() []Finding {
	weight := 0.15
	if len(s.t.Stacks()) > 0 {
		weight = 0.75
	}
	var out []Finding
	heats, again := s.heats()
	if again != 0 && heats[again].same*10 >= heats[again].n*9 {
		h, code := &heats[again], s.t.Codes()[again-1]
		last := s.t.Record(int(h.last))
		told := ""
		for _, a := range last.Args() {
			if equality.Compare(&a.Value, &a.Value) != equality.Equal {
				told = ", as far as they were recorded"
			}
		}
		out = append(out, Finding{Kind: "hot", Records: []int{last.ID}, File: code.File, Line: code.Line, Name: code.Name, Weight: weight + 0.05,
			Text: fmt.Sprintf("%s was called again and again with the same arguments%s (%s): %d of its %d recorded calls; it was called %s times.", code.Name, told,
				wire.RenderVars(last.Args(), 60, 160, true), h.same, h.n, callCount(code, h.n))})
	}
	most, second, total := s.mostCalled()
	if most != nil && most.Calls >= manyCalls && float64(most.Calls) > hotShare*float64(total) && most.Calls > 3*second && (again == 0 || s.t.Codes()[again-1] != most) {
		of := "all %d calls"
		if !s.counted() {
			of = "the at least %d calls that were counted"
		}
		f := Finding{Kind: "hot", Records: []int{}, File: most.File, Line: most.Line, Name: most.Name, Weight: weight,
			Text: fmt.Sprintf("%s was called %s times, %d %% of "+of+"; the next most called function %d times.", most.Name, callCount(most, 0),
				100*most.Calls/max(total, 1), total, second)}
		for i, c := range s.t.Codes() {
			if c == most && heats[i+1].last != 0 {
				f.Records = append(f.Records, int(heats[i+1].last))
			}
		}
		out = append(out, f)
	}
	return out
}

// heats counts the recorded calls of each function, and of these the ones with
// its most frequent arguments. again is the code that has most of the latter, 0
// where none has more than manyCalls.
func (s *Scene) heats() (heats []heat, again int) {
	heats = make([]heat, len(s.t.Codes())+1)
	for id, e := range s.t.EventsOf(wire.EventCall) {
		h := &heats[e.Code]
		h.n++
		h.last = id
		switch { // equal short bodies are kept once
		case h.votes == 0:
			h.off, h.size, h.votes = e.Off, e.Size, 1
		case h.off == e.Off && h.size == e.Size:
			h.votes++
		default:
			h.votes--
		}
	}
	for _, e := range s.t.EventsOf(wire.EventCall) {
		if h := &heats[e.Code]; h.off == e.Off && h.size == e.Size && h.size > 0 {
			if h.same++; h.same > manyCalls && (again == 0 || h.same > heats[again].same) {
				again = int(e.Code)
			}
		}
	}
	return heats, again
}

// counted says whether every function's calls were counted to the end.
func (s *Scene) counted() bool {
	f := s.t.Footer
	return f.Ended && !f.Cut && f.Unnamed+f.Skipped+f.Faults+f.Undefined == 0 &&
		!slices.ContainsFunc(s.t.Codes(), func(c *trace.Code) bool { return c.AtLeast || c.Calls == 0 })
}

// mostCalled returns the function that was called most, recorded or not, how
// often the next one was, and all calls.
func (s *Scene) mostCalled() (most *trace.Code, second, total int) {
	for _, c := range s.t.Codes() {
		total += c.Calls
		switch {
		case most == nil || c.Calls > most.Calls:
			if most != nil {
				second = most.Calls
			}
			most = c
		default:
			second = max(second, c.Calls)
		}
	}
	return most, second, total
}

// callCount is how often a function was called, n where the trace's end does
// not say.
func callCount(c *trace.Code, n int) string {
	if c.Calls == 0 {
		return fmt.Sprintf("at least %d", n)
	}
	if c.AtLeast {
		return fmt.Sprintf("at least %d", c.Calls)
	}
	return fmt.Sprint(c.Calls)
}
