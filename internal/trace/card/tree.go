package card

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// treeWriter writes the folded call tree of a card: calls on the way to the
// crash or to evidence are shown with their children, runs of other calls of
// one function are folded.
type treeWriter struct {
	c     *cardWriter
	lines int
}

const maxTreeLines = 120

func (w *treeWriter) line(depth int, format string, args ...any) {
	if w.lines++; w.lines > maxTreeLines {
		if w.lines == maxTreeLines+1 {
			w.c.b.WriteString("…\n")
		}
		return
	}
	w.c.b.WriteString(strings.Repeat("  ", min(depth, 24)))
	fmt.Fprintf(&w.c.b, format, args...)
	w.c.b.WriteByte('\n')
}

// siblings writes calls that follow one another. Of those that are neither
// open nor evidence, the last few before an open one are kept.
func (w *treeWriter) siblings(list []trace.Call, depth int) {
	limit := w.c.detail.siblings
	for i := 0; i < len(list) && w.lines <= maxTreeLines; {
		if w.c.open[list[i].ID()] {
			i += w.deep(list[i], depth)
			continue
		}
		j := i
		for j < len(list) && !w.c.open[list[j].ID()] {
			j++
		}
		w.run(list[i:j], depth, limit)
		i = j
	}
}

// run writes closed calls, at most limit lines of them: equal functions in a
// row are one line with a count, and the middle is left out.
func (w *treeWriter) run(list []trace.Call, depth, limit int) {
	type group struct {
		first, last trace.Call
		n           int
	}
	var groups []group
	for _, c := range list {
		if n := len(groups); n > 0 && groups[n-1].first.Code() == c.Code() && n > limit/2 {
			groups[n-1].last, groups[n-1].n = c, groups[n-1].n+1
			continue
		}
		groups = append(groups, group{c, c, 1})
	}
	skip := len(groups) - limit
	for i, g := range groups {
		if skip > 0 && i >= limit/2 && i < limit/2+skip {
			if i == limit/2 {
				n := 0
				for _, h := range groups[i : i+skip] {
					n += h.n
				}
				w.line(depth, "… %d calls", n)
			}
			continue
		}
		if g.n == 1 {
			w.line(depth, "%s", w.call(g.first)+w.end(g.first))
		} else {
			w.line(depth, "%s … ×%d, the last: %s", w.call(g.first)+w.end(g.first), g.n, w.call(g.last)+w.end(g.last))
		}
	}
}

// deep writes an open call with its children. A long straight recursion is
// folded: its first calls and its last are kept.
func (w *treeWriter) deep(c trace.Call, depth int) int {
	limit := w.c.detail.path
	nested := 0
	for p := c.Parent(); p.Index != 0 && p.Code() == c.Code(); p = p.Parent() {
		nested++
	}
	if nested >= limit/2 {
		below, hidden := c, 0
		for n := w.next(below); n.Index != 0 && n.Code() == c.Code() && w.next(n).Index != 0; n = w.next(n) {
			below = n
			hidden++
		}
		if hidden > 2 {
			w.line(depth, "… %d more nested calls of %s", hidden, w.c.name(c.Code().Name))
			c, depth = below, depth+1
		}
	}
	from := ""
	if start := c.Start(); start.Line > 0 {
		from = fmt.Sprintf(", from line %d", start.Line)
	}
	w.line(depth, "%s  [%s%s]", w.call(c), w.c.place(c.Code().File, c.Code().Line), from)
	w.siblings(c.Children(), depth+1)
	w.events(c, depth+1)
	return 1
}

// next returns the child on the way to the crash.
func (w *treeWriter) next(c trace.Call) trace.Call {
	var found trace.Call
	for _, p := range w.c.s.Path { // a child of c follows it there
		if p.Parent() == c {
			found = p
		}
	}
	return found
}

// events writes what became of an open call: exceptions, changed arguments, its end.
func (w *treeWriter) events(c trace.Call, depth int) {
	for _, r := range c.Events() {
		switch r.Kind {
		case wire.KindRaise:
			w.line(depth, "! raises %s at line %d", w.c.exception(r.Type(), r.Text(), w.c.detail.value), r.Line)
		case wire.KindHandled:
			if r.Outcome() == "outside" {
				w.line(depth, "~ code out of scope swallowed the exception of a call")
			} else {
				w.line(depth, "~ handler at line %d swallowed the exception that arrived at line %d; %s at line %d", r.Handler(), r.Line, went(r.Outcome()), r.After())
			}
		}
	}
	if r, end := w.c.s.Raise, c.End(); r.ID != 0 && w.c.s.OnPath[c.ID()] && end.Exc == r.Exc && end.ID != 0 && len(end.Changed()) == 0 {
		return // the crash's own way out
	}
	if end := w.end(c); end != "" {
		w.line(depth, "%s", strings.TrimSpace(end))
	}
}

func went(outcome string) string {
	if outcome == "return" {
		return "returned"
	}
	return "went on"
}

func (w *treeWriter) call(c trace.Call) string {
	name, start := w.c.name(c.Code().Name), c.Start()
	if start.ID == 0 {
		return name + "(not recorded)"
	}
	gap := ""
	if n := start.Gap(); n > 0 {
		gap = fmt.Sprintf("(%d calls not recorded) ", n)
	}
	return gap + name + "(" + wire.RenderVars(start.Args(), w.c.detail.value, w.c.detail.args, true) + ")"
}

func (w *treeWriter) end(c trace.Call) string {
	end := c.End()
	if end.ID == 0 {
		return ""
	}
	changed := ""
	if vars := end.Changed(); len(vars) > 0 {
		changed = "  changed: " + wire.RenderVars(vars, w.c.detail.value, w.c.detail.args, true)
	}
	if v := end.Value(); end.Kind == wire.KindReturn && v != nil {
		return " → " + v.Render(w.c.detail.value, true) + changed
	}
	if end.Exc == 0 {
		return " ✗ " + wire.OneLine(end.Type()) + changed
	}
	return " ✗ left by the exception" + changed
}
