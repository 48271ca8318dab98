package view

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// CountsOptions shape Counts. The zero value is usable.
type CountsOptions struct {
	Options
	Top       int    // functions that are listed, default 10; -1 for all
	Sort      string // calls (default), total or self: with the last two, a table of times
	Qualified bool   // Cart.add_item, not add_item
}

// A Count is how often a function was called, and how long that took.
type Count struct {
	Function string `json:"function"` // qualified name
	File     string `json:"file"`
	Line     int    `json:"line"`
	Calls    int    `json:"calls"`              // all, also those that were not recorded
	AtLeast  bool   `json:"at_least,omitempty"` // the tracer ceased to count: Calls is a lower bound
	Recorded int    `json:"recorded"`
	Raised   int    `json:"raised,omitempty"` // recorded calls that an exception left
	Total    int64  `json:"total_us"`         // of the recorded calls, with what they called; recursion counts once
	Self     int64  `json:"self_us"`          // without what they called in scope
}

// Counted returns the functions of a trace, those of several processes
// together, most called first; by "total" or "self", those that took longest.
func Counted(t *trace.Trace, by string) []Count {
	return countedIn(newForest(t), by)
}

func countedIn(f *forest, by string) []Count {
	t := f.t
	type key struct {
		file, name string
		line       int
	}
	index := map[key]int{}
	var out []Count
	at := func(c *trace.Code) *Count {
		k := key{c.File, c.Name, c.Line}
		i, ok := index[k]
		if !ok {
			i = len(out)
			index[k] = i
			out = append(out, Count{Function: c.Name, File: c.File, Line: c.Line})
		}
		return &out[i]
	}
	recorded := map[*trace.Code]int{}
	for i := range f.nodes {
		c := &f.nodes[i]
		x := at(c.code)
		if c.start >= 0 {
			x.Recorded++
			recorded[c.code]++
		}
		x.Self += c.self
		if !f.within(int32(i), c.code) {
			x.Total += c.total
		}
		if c.end >= 0 {
			if r := record(t, int(c.end)); r.Kind == wire.KindUnwind && r.Exc != 0 {
				x.Raised++
			}
		}
	}
	for _, c := range t.Codes() {
		x := at(c)
		x.Calls += max(c.Calls, recorded[c])
		x.AtLeast = x.AtLeast || c.AtLeast
	}
	slices.SortStableFunc(out, func(a, b Count) int {
		switch by {
		case "total":
			return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(b.Calls, a.Calls))
		case "self":
			return cmp.Or(cmp.Compare(b.Self, a.Self), cmp.Compare(b.Calls, a.Calls))
		}
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Function, b.Function))
	})
	return out
}

const maxWithin = 400 // callers that are looked at for recursion

// within says whether a call of code is among the callers of i.
func (f *forest) within(i int32, code *trace.Code) bool {
	for n := 0; n < maxWithin; n++ {
		if i = f.nodes[i].parent; i < 0 {
			return false
		}
		if f.nodes[i].code == code {
			return true
		}
	}
	return false
}

// Counts writes the most-called functions:
//
//	Call Counts (Top 10):
//	 100 calls to inner (worker.py:12)
//	   1 calls to main (app.py:5)
//
// or, sorted by time, a table of times.
func Counts(w io.Writer, t *trace.Trace, o CountsOptions) error {
	switch o.Sort {
	case "", "calls", "total", "self":
	default:
		return fmt.Errorf("cannot sort by %q: want calls, total or self", o.Sort)
	}
	list := Counted(t, o.Sort)
	top := o.Top
	if top == 0 {
		top = 10
	}
	all := len(list)
	if top > 0 && len(list) > top {
		list = list[:top]
	}
	if o.JSON {
		return writeJSON(w, struct {
			Traced    bool    `json:"traced"`
			Functions int     `json:"functions"` // in the trace
			Counts    []Count `json:"counts"`
		}{t.Traced(), all, list})
	}
	p := newPainter(w, o.Options)
	if o.Sort == "total" || o.Sort == "self" {
		p.times(list, o, commonRoot(t))
		return p.err
	}
	if top < 0 {
		p.line("1", "Call Counts:")
	} else {
		p.line("1", "Call Counts (Top %d):", top)
	}
	wide := 4
	for _, c := range list {
		wide = max(wide, len(c.number()))
	}
	for _, c := range list {
		p.line("", "%*s calls to %s (%s:%d)", wide, c.number(), visible(c.name(o.Qualified)), visible(base(c.File)), c.Line)
	}
	return p.err
}

func (c Count) number() string {
	if c.AtLeast {
		return strconv.Itoa(c.Calls) + "+"
	}
	return strconv.Itoa(c.Calls)
}

func (c Count) name(qualified bool) string {
	if qualified {
		return c.Function
	}
	return c.Function[strings.LastIndexByte(c.Function, '.')+1:]
}

// times writes a table of times.
func (p *painter) times(list []Count, o CountsOptions, root string) {
	if o.Root != "" {
		root = o.Root
	}
	p.line("1", "%10s %10s %9s %7s  function", "total", "self", "calls", "raised")
	for _, c := range list {
		raised := ""
		if c.Raised > 0 {
			raised = strconv.Itoa(c.Raised)
		}
		p.line("", "%10s %10s %9s %7s  %s (%s:%d)", duration(c.Total), duration(c.Self), c.number(), raised, visible(c.Function), visible(relative(c.File, root)), c.Line)
	}
	p.line("2", "Times are of the recorded calls and hold what tracing took.")
}
