package text

import (
	"fmt"
	"io"
	"strconv"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
)

// CountsOptions shape Counts. The zero value is usable.
type CountsOptions struct {
	view.Options
	Top       int    // functions that are listed, default 10; -1 for all
	Sort      string // calls (default), total or self: with the last two, a table of times
	Qualified bool   // Cart.add_item, not add_item
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
	list := view.Counted(t, o.Sort)
	top := o.Top
	if top == 0 {
		top = 10
	}
	all := len(list)
	if top > 0 && len(list) > top {
		list = list[:top]
	}
	if o.JSON {
		return view.WriteJSON(w, struct {
			Traced    bool         `json:"traced"`
			Functions int          `json:"functions"` // in the trace
			Counts    []view.Count `json:"counts"`
		}{t.Traced(), all, list})
	}
	p := view.NewPainter(w, o.Options)
	if o.Sort == "total" || o.Sort == "self" {
		timesTable(p, list, o, view.CommonRoot(t))
		return p.Err
	}
	if top < 0 {
		p.Line("1", "Call Counts:")
	} else {
		p.Line("1", "Call Counts (Top %d):", top)
	}
	wide := 4
	for _, c := range list {
		wide = max(wide, len(c.Number()))
	}
	for _, c := range list {
		p.Line("", "%*s calls to %s (%s:%d)", wide, c.Number(), view.Visible(c.Name(o.Qualified)), view.Visible(view.Base(c.File)), c.Line)
	}
	return p.Err
}

// timesTable writes a table of times.
func timesTable(p *view.Painter, list []view.Count, o CountsOptions, root string) {
	if o.Root != "" {
		root = o.Root
	}
	p.Line("1", "%10s %10s %9s %7s  function", "total", "self", "calls", "raised")
	for _, c := range list {
		raised := ""
		if c.Raised > 0 {
			raised = strconv.Itoa(c.Raised)
		}
		p.Line("", "%10s %10s %9s %7s  %s (%s:%d)", view.Duration(c.Total), view.Duration(c.Self), c.Number(), raised, view.Visible(c.Function), view.Visible(view.Relative(c.File, root)), c.Line)
	}
	p.Line("2", "Times are of the recorded calls and hold what tracing took.")
}
