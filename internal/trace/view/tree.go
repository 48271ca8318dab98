package view

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// TreeOptions shape a Tree. The zero value is usable.
type TreeOptions struct {
	Options
	Lines  int   // at most so many, default 200; -1 for all that there is
	Depth  int   // calls deeper than this are counted, not shown; 0 for no limit
	Unfold bool  // each call by itself
	Times  bool  // how long calls took
	Call   int64 // only this call and what it called; 0 for all
}

const defaultLines = 200

func (o TreeOptions) lines() int {
	switch {
	case o.Lines < 0:
		return 1 << 30
	case o.Lines == 0:
		return defaultLines
	}
	return o.Lines
}

// Tree writes the call tree with values. Calls that look alike are folded with
// a count, so that it fits the budget of lines; what an exception went through
// is shown however much else is left out.
func Tree(w io.Writer, t *trace.Trace, o TreeOptions) error {
	f := newForest(t)
	var roots []int32
	if o.Call != 0 {
		i := f.find(o.Call)
		if i < 0 {
			return fmt.Errorf("the trace has no call %s", callName(o.Call))
		}
		roots = []int32{i}
	}
	if o.Root == "" {
		o.Root = commonRoot(t)
	}
	items := arrange(f, o, roots)
	if o.JSON {
		return writeTreeJSON(w, f, o, items)
	}
	p := treePainter{painter: newPainter(w, o.Options), f: f, o: o}
	if !t.Traced() {
		p.line("33", "No process of this run was traced.")
		return p.err
	}
	p.items(items, 0)
	p.shared(items)
	p.line("2", "%s", Summary(t))
	return p.err
}

type treePainter struct {
	*painter
	f *forest
	o TreeOptions
}

const maxIndent = 32

func (p *treePainter) items(list []*item, depth int) {
	for _, it := range list {
		p.item(it, depth)
		p.items(it.kids, depth+1)
	}
}

func (p *treePainter) item(it *item, depth int) {
	pad := strings.Repeat("  ", min(depth, maxIndent))
	if depth > maxIndent {
		pad += fmt.Sprintf("%d: ", depth)
	}
	room := p.width - len(pad)
	switch it.kind {
	case "call":
		p.line("", "%s%s", pad, p.call(it, room))
	case "loop":
		p.line("", "%s%s", pad, p.loop(it, room))
	case "raise", "handled", "changed", "mark":
		text, style := p.note(it, room)
		p.line(style, "%s%s", pad, text)
	default:
		text, style := p.frame(it)
		p.line(style, "%s%s", pad, text)
	}
}

// frame is the text of what is neither a call nor an event.
func (p *treePainter) frame(it *item) (text, style string) {
	switch it.kind {
	case "process":
		return processText(p.f.t, it.times), "1"
	case "thread":
		return "thread " + threadName(p.f.t, int(it.node), it.times), "1"
	case "nested":
		return fmt.Sprintf("… %d more nested calls of %s", it.times, visible(p.f.nodes[it.node].code.Name)), "2"
	case "rest":
		var names []string
		for i, n := range it.names {
			if i == 3 {
				names = append(names, fmt.Sprintf("%d more functions", len(it.names)-i))
				break
			}
			names = append(names, visible(n.name)+" ×"+strconv.Itoa(n.calls))
		}
		return fmt.Sprintf("… %s: %s%s", plural(it.times, "call"), strings.Join(names, ", "), hiddenText(it.hidden)), "2"
	case "untraced":
		return it.text, "33"
	}
	return "… the budget of lines is spent; ask for more of them, less depth, or one call", "2"
}

func hiddenText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (+%d below)", n)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// call is the text of a call: name(arguments) → value  file:line  time.
func (p *treePainter) call(it *item, room int) string {
	c := &p.f.nodes[it.node]
	tail := p.tail(c) + hiddenText(it.hidden)
	return p.signature(c, room-len(tail)) + tail
}

// tail is what stands behind a call: its place, and how it went.
func (p *treePainter) tail(c *node) string {
	tail := "  " + p.place(c.code.File, c.code.Line)
	if p.o.Times && c.start >= 0 && c.end >= 0 {
		tail += "  " + duration(c.total)
	}
	yields := 0
	for _, e := range c.events {
		if record(p.f.t, int(e)).Kind == wire.KindYield {
			yields++
		}
	}
	if yields > 0 && c.code.Kind == "generator" {
		tail += fmt.Sprintf("  yielded %d×", yields)
	} else if yields > 0 {
		tail += fmt.Sprintf("  suspended %d×", yields)
	}
	if c.task != 0 && (c.parent < 0 || p.f.nodes[c.parent].task != c.task) {
		tail += "  [" + visible(p.f.taskName(c)) + "]"
	}
	if c.start >= 0 {
		r := record(p.f.t, int(c.start))
		if r.Gap() > 0 {
			tail += fmt.Sprintf("  (%s between it and its caller not recorded)", plural(r.Gap(), "call"))
		}
		if r.Late {
			tail += "  (arguments as of the exception)"
		}
	}
	return tail
}

// signature is name(arguments) and what came of the call, in about room bytes.
func (p *treePainter) signature(c *node, room int) string {
	name := visible(c.code.Name)
	room = max(room-len(name)-3, 48)
	end := p.end(c, room/2)
	switch {
	case c.code.Kind == "module":
		return name + end
	case c.start < 0:
		return name + "(not recorded)" + end
	}
	list := record(p.f.t, int(c.start)).Args()
	args := vars(list, room, idsMarked)
	if columns(args)+columns(end) > room {
		end = p.end(c, room/3)
		args = vars(list, room-columns(end)-2, idsMarked)
		if over := columns(args) + columns(end) - room; over > 0 { // ends and identities take their own room
			args = vars(list, max(room-columns(end)-2-over, 16), idsMarked)
		}
	}
	return name + "(" + args + ")" + end
}

// end says what came of a call.
func (p *treePainter) end(c *node, limit int) string {
	if c.end < 0 {
		return " ⋯ its end is not in the trace"
	}
	r := record(p.f.t, int(c.end))
	if r.Kind == wire.KindReturn {
		return " → " + text(r.Value(), limit, idsMarked)
	}
	if x, ok := p.f.left(c); ok {
		return " ✗ " + visible(x.Type())
	}
	if r.Type() == "" {
		return " ✗ an exception"
	}
	return " ✗ " + visible(r.Type())
}

// loop is the text of calls that look alike: the first and the last.
func (p *treePainter) loop(it *item, room int) string {
	if it.node < 0 {
		return fmt.Sprintf("×%d  a loop of these %d calls, the first time:", it.times, len(it.kids))
	}
	head := fmt.Sprintf("×%d  ", it.times)
	c, last := &p.f.nodes[it.node], &p.f.nodes[it.last]
	tail := p.tail(c) + hiddenText(it.hidden)
	room -= len(head) + len(tail)
	a, b := p.signature(c, room), p.signature(last, room)
	if a == b {
		return head + a + tail
	}
	return head + p.signature(c, room/2) + " … " + p.signature(last, room/2) + tail
}

// note is the text of an event in a call.
func (p *treePainter) note(it *item, room int) (text, style string) {
	r := record(p.f.t, it.record)
	switch it.kind {
	case "raise":
		return "! " + raiseText(r, p.o.Root, room-2), "31"
	case "handled":
		return "~ " + p.swallowed(r, room), "33"
	case "mark":
		return "── " + visible(strings.TrimSpace(r.Text()+" "+r.State())), "1"
	}
	list := r.Changed()
	if it.times >= len(list) {
		return "", ""
	}
	return "* " + changeText(p.f, r, &list[it.times], room-2), "35"
}

func raiseText(r rec, root string, room int) string {
	at := fmt.Sprintf("  at %s:%d", visible(relative(r.Code.File, root)), r.Line)
	if o := r.Origin(); o != nil {
		at += fmt.Sprintf(", from %s (%s:%d)", visible(o.Name), visible(base(o.File)), o.Line)
	}
	return cut(visible(exceptionText(r)), max(room-len(at), 40)) + at
}

func exceptionText(r rec) string {
	if r.Text() == "" {
		return r.Type()
	}
	return r.Type() + ": " + r.Text()
}

// swallowed says where and how an exception ended.
func (p *treePainter) swallowed(r rec, room int) string {
	what := "an exception"
	if i, ok := p.f.raises[r.Exc]; ok {
		x := record(p.f.t, int(i))
		what = cut(visible(exceptionText(x)), max(room-70, 40))
	}
	switch {
	case r.Outcome() == "outside":
		return what + " was swallowed by code out of scope that this called"
	case r.Outcome() == "return":
		return fmt.Sprintf("%s was SWALLOWED at line %d, and it returned at line %d", what, r.Handler(), r.After())
	}
	return fmt.Sprintf("%s was SWALLOWED at line %d, and it went on at line %d", what, r.Handler(), r.After())
}

func (p *treePainter) place(file string, line int) string {
	return visible(relative(file, p.o.Root)) + ":" + strconv.Itoa(line)
}
