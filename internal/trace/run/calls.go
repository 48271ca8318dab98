package run

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// Calls prints each call and its end, in the form of bottrace:
//
//	CALL load_config app.py:5
//	RETURN load_config
//
// A function that an exception leaves returns too. The suspension of a generator or coroutine is not a return.
type Calls struct {
	Data      io.Writer // for the lines
	Notice    io.Writer // told when Max is reached
	Dir       string    // file names are relative to it
	Max       int       // lines; 0 for no limit
	Qualified bool      // Cart.add_item, not add_item

	lines int
	over  bool
	open  map[int64]bool
}

const maxOpen = 1_000_000

// Record implements View.
func (c *Calls) Record(r trace.Followed) {
	switch {
	case c.over || r.Code == nil:
	case r.Kind == wire.KindCall && !r.Late:
		if c.open == nil {
			c.open = map[int64]bool{}
		}
		if len(c.open) < maxOpen {
			c.open[r.Call] = true
		}
		c.line("CALL %s %s:%d\n", c.name(r.Code), place{c.Dir}.file(r.Code.File), r.Code.Line)
	case (r.Kind == wire.KindReturn || r.Kind == wire.KindUnwind) && c.open[r.Call]:
		delete(c.open, r.Call)
		c.line("RETURN %s\n", c.name(r.Code))
	}
}

func (c *Calls) name(code *trace.Code) string {
	if c.Qualified {
		return oneWord(code.Name)
	}
	return oneWord(short(code.Name))
}

func (c *Calls) line(format string, args ...any) {
	if c.Max > 0 && c.lines >= c.Max {
		c.over = true
		fmt.Fprintf(c.Notice, "MAX_EVENTS reached (%d)\n", c.Max)
		return
	}
	c.lines++
	fmt.Fprintf(c.Data, format, args...)
}

// Finish implements View.
func (c *Calls) Finish(*Result) {}

// Counts prints the functions that were called most, in the form of bottrace:
//
//	Call Counts (Top 10):
//	 100 calls to inner (worker.py:12)
type Counts struct {
	Data      io.Writer
	Dir       string
	Top       int // lines; 0 for 10
	Qualified bool

	each map[processFunction]int
}

type function struct {
	file, name string
	line       int
}

type processFunction struct {
	function
	pid int
}

// Record implements View.
func (c *Counts) Record(r trace.Followed) {
	if r.Kind != wire.KindCall || r.Code == nil {
		return
	}
	if c.each == nil {
		c.each = map[processFunction]int{}
	}
	k := processFunction{functionOf(r.Code), r.Process.PID}
	c.each[k] = max(c.each[k], r.Nth)
}

func functionOf(c *trace.Code) function { return function{c.File, c.Name, c.Line} }

// Finish implements View.
func (c *Counts) Finish(result *Result) {
	counts, atLeast := map[function]int{}, map[function]bool{}
	for _, code := range result.Trace.Codes() {
		counts[functionOf(code)] += code.Calls
		atLeast[functionOf(code)] = atLeast[functionOf(code)] || code.AtLeast
	}
	records := map[function]int{} // a process that was killed did not say its counts
	for k, n := range c.each {
		records[k.function] += n
	}
	for f, n := range records {
		if n > counts[f] {
			counts[f], atLeast[f] = n, true
		}
	}
	list := make([]function, 0, len(counts))
	for f, n := range counts {
		if n > 0 {
			list = append(list, f)
		}
	}
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b function) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.name, b.name))
	})
	top := cmp.Or(c.Top, 10)
	fmt.Fprintf(c.Data, "\nCall Counts (Top %d):\n", top)
	for _, f := range list[:min(top, len(list))] {
		name, more := f.name, ""
		if !c.Qualified {
			name = short(name)
		}
		if atLeast[f] {
			more = " or more"
		}
		fmt.Fprintf(c.Data, "%4d%s calls to %s (%s:%d)\n", counts[f], more, oneWord(name), place{c.Dir}.file(f.file), f.line)
	}
}
