package run

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// Exceptions prints the stack of an exception that nobody caught, in the form
// of bottrace.
type Exceptions struct {
	Data io.Writer
	Dir  string
}

// Record implements View.
func (x *Exceptions) Record(r trace.Followed) {
	s := r.Snapshot()
	if r.Kind != wire.KindSnapshot || s == nil || s.Why != "exception" {
		return
	}
	fmt.Fprintf(x.Data, "Exception: %s(%s)\n\nStack:\n", oneWord(s.Type), oneWord(s.Text))
	for _, f := range s.Stack {
		fmt.Fprintf(x.Data, "  %s() %s:%d\n", oneWord(short(f.Name)), place{x.Dir}.file(f.File), f.Line)
		if len(f.Locals) == 0 {
			continue
		}
		fmt.Fprint(x.Data, "    Locals:\n")
		slices.SortFunc(f.Locals, func(a, b wire.Var) int { return strings.Compare(a.Name, b.Name) })
		for i := range f.Locals {
			fmt.Fprintf(x.Data, "      %s: %s\n", oneWord(f.Locals[i].Name), oneWord(repr(&f.Locals[i].Value)))
		}
	}
}

// Finish implements View.
func (x *Exceptions) Finish(*Result) {}

// Stacks prints where the threads were when the time was over, in the form of
// bottrace.
type Stacks struct {
	Notice  io.Writer
	Dir     string
	Timeout time.Duration
}

// Record implements View.
func (x *Stacks) Record(trace.Followed) {}

// Finish implements View.
func (x *Stacks) Finish(result *Result) {
	if !result.TimedOut {
		return
	}
	fmt.Fprintf(x.Notice, "TIMEOUT after %s - dumping stacks:\n", seconds(x.Timeout))
	for _, s := range result.Trace.Stacks() {
		name := s.Name
		if name == "" {
			name = strconv.Itoa(s.Thread)
		}
		of := ""
		if len(result.Trace.Processes) > 1 && s.Process < len(result.Trace.Processes) {
			of = fmt.Sprintf(" of process %d", result.Trace.Processes[s.Process].PID)
		}
		fmt.Fprintf(x.Notice, "Thread %s%s:\n", oneWord(name), of)
		for _, f := range s.Frames {
			fmt.Fprintf(x.Notice, "  %s() %s:%d\n", oneWord(short(f.Name)), place{x.Dir}.file(f.File), f.Line)
		}
	}
}

func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}
