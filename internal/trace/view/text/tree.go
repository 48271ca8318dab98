// Package text prints views of a trace for terminals, pipes and, as JSON, for
// tools: call tree, counts, records, findings, and where two runs part.
//
// A tree looks like this:
//
//	process 4711  python3 -m pytest  (CPython 3.11.2, settrace)
//	  test_total()  test_cart.py:11  80µs
//	    Cart.__init__(self=Cart#5(Cart.items=[{…}, {…}]#2), customer_name='Charlie') → None  cart.py:4
//	      * self is now Cart#5(customer_name='Charlie', Cart.items=[{…}, {…}]#2)
//
// #2 is an identity: the same list wherever it is written in one process, until
// it dies. Lines that begin with ! tell of an exception that was raised, those
// with ~ of one that was swallowed, those with * of an argument that the call
// changed.
package text

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/wire"
)

// Tree writes the call tree with values. Calls that look alike are folded with
// a count, so that it fits the budget of lines; what an exception went through
// is shown however much else is left out.
func Tree(w io.Writer, t *trace.Trace, o view.TreeOptions) error {
	f := view.NewForest(t)
	var roots []int32
	if o.Call != 0 {
		i := f.Find(o.Call)
		if i < 0 {
			return fmt.Errorf("the trace has no call %s", view.CallName(o.Call))
		}
		roots = []int32{i}
	}
	if o.Root == "" {
		o.Root = view.CommonRoot(t)
	}
	items := view.Arrange(f, o, roots)
	if o.JSON {
		return writeTreeJSON(w, f, o, items)
	}
	p := treePainter{Painter: view.NewPainter(w, o.Options), f: f, o: o}
	if !t.Traced() {
		p.Line("33", "No process of this run was traced.")
		return p.Err
	}
	p.items(items, 0)
	p.shared(items)
	p.Line("2", "%s", view.Summary(t))
	return p.Err
}

type treePainter struct {
	*view.Painter
	f *view.Forest
	o view.TreeOptions
}

const maxIndent = 32

func (p *treePainter) items(list []*view.Item, depth int) {
	for _, it := range list {
		p.item(it, depth)
		p.items(it.Kids, depth+1)
	}
}

func (p *treePainter) item(it *view.Item, depth int) {
	pad := strings.Repeat("  ", min(depth, maxIndent))
	if depth > maxIndent {
		pad += fmt.Sprintf("%d: ", depth)
	}
	room := p.Width - len(pad)
	switch it.Kind {
	case "call":
		p.Line("", "%s%s", pad, p.call(it, room))
	case "loop":
		p.Line("", "%s%s", pad, p.loop(it, room))
	case "raise", "handled", "changed", "mark":
		text, style := p.note(it, room)
		p.Line(style, "%s%s", pad, text)
	default:
		text, style := p.frame(it)
		p.Line(style, "%s%s", pad, text)
	}
}

// frame is the text of what is neither a call nor an event.
func (p *treePainter) frame(it *view.Item) (text, style string) {
	switch it.Kind {
	case "process":
		return view.ProcessText(p.f.T, it.Times), "1"
	case "thread":
		return "thread " + view.ThreadName(p.f.T, int(it.Node), it.Times), "1"
	case "nested":
		return fmt.Sprintf("… %d more nested calls of %s", it.Times, view.Visible(p.f.Nodes[it.Node].Code.Name)), "2"
	case "rest":
		var names []string
		for i, n := range it.Names {
			if i == 3 {
				names = append(names, fmt.Sprintf("%d more functions", len(it.Names)-i))
				break
			}
			names = append(names, view.Visible(n.Name)+" ×"+strconv.Itoa(n.Calls))
		}
		return fmt.Sprintf("… %s: %s%s", view.Plural(it.Times, "call"), strings.Join(names, ", "), hiddenText(it.Hidden)), "2"
	case "untraced":
		return it.Text, "33"
	}
	return "… the budget of lines is spent; ask for more of them, less depth, or one call", "2"
}

func hiddenText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (+%d below)", n)
}

// call is the text of a call: name(arguments) → value  file:line  time.
func (p *treePainter) call(it *view.Item, room int) string {
	c := &p.f.Nodes[it.Node]
	tail := p.tail(c) + hiddenText(it.Hidden)
	return p.signature(c, room-len(tail)) + tail
}

// tail is what stands behind a call: its place, and how it went.
func (p *treePainter) tail(c *view.Node) string {
	tail := "  " + p.place(c.Code.File, c.Code.Line)
	if p.o.Times && c.Start >= 0 && c.End >= 0 {
		tail += "  " + view.Duration(c.Total)
	}
	yields := 0
	for _, e := range c.Events {
		if view.Record(p.f.T, int(e)).Kind == wire.KindYield {
			yields++
		}
	}
	if yields > 0 && c.Code.Kind == "generator" {
		tail += fmt.Sprintf("  yielded %d×", yields)
	} else if yields > 0 {
		tail += fmt.Sprintf("  suspended %d×", yields)
	}
	if c.Task != 0 && (c.Parent < 0 || p.f.Nodes[c.Parent].Task != c.Task) {
		tail += "  [" + view.Visible(p.f.TaskName(c)) + "]"
	}
	if c.Start >= 0 {
		r := view.Record(p.f.T, int(c.Start))
		if r.Gap() > 0 {
			tail += fmt.Sprintf("  (%s between it and its caller not recorded)", view.Plural(r.Gap(), "call"))
		}
		if r.Late {
			tail += "  (arguments as of the exception)"
		}
	}
	return tail
}

// signature is name(arguments) and what came of the call, in about room bytes.
func (p *treePainter) signature(c *view.Node, room int) string {
	name := view.Visible(c.Code.Name)
	room = max(room-len(name)-3, 48)
	end := p.end(c, room/2)
	switch {
	case c.Code.Kind == "module":
		return name + end
	case c.Start < 0:
		return name + "(not recorded)" + end
	}
	list := view.Record(p.f.T, int(c.Start)).Args()
	args := view.Vars(list, room, view.IdsMarked)
	if view.Columns(args)+view.Columns(end) > room {
		end = p.end(c, room/3)
		args = view.Vars(list, room-view.Columns(end)-2, view.IdsMarked)
		if over := view.Columns(args) + view.Columns(end) - room; over > 0 { // ends and identities take their own room
			args = view.Vars(list, max(room-view.Columns(end)-2-over, 16), view.IdsMarked)
		}
	}
	return name + "(" + args + ")" + end
}

// end says what came of a call.
func (p *treePainter) end(c *view.Node, limit int) string {
	if c.End < 0 {
		return " ⋯ its end is not in the trace"
	}
	r := view.Record(p.f.T, int(c.End))
	if r.Kind == wire.KindReturn {
		return " → " + view.Text(r.Value(), limit, view.IdsMarked)
	}
	if x, ok := p.f.Left(c); ok {
		return " ✗ " + view.Visible(x.Type())
	}
	if r.Type() == "" {
		return " ✗ an exception"
	}
	return " ✗ " + view.Visible(r.Type())
}

// loop is the text of calls that look alike: the first and the last.
func (p *treePainter) loop(it *view.Item, room int) string {
	if it.Node < 0 {
		return fmt.Sprintf("×%d  a loop of these %d calls, the first time:", it.Times, len(it.Kids))
	}
	head := fmt.Sprintf("×%d  ", it.Times)
	c, last := &p.f.Nodes[it.Node], &p.f.Nodes[it.Last]
	tail := p.tail(c) + hiddenText(it.Hidden)
	room -= len(head) + len(tail)
	a, b := p.signature(c, room), p.signature(last, room)
	if a == b {
		return head + a + tail
	}
	return head + p.signature(c, room/2) + " … " + p.signature(last, room/2) + tail
}

// note is the text of an event in a call.
func (p *treePainter) note(it *view.Item, room int) (text, style string) {
	r := view.Record(p.f.T, it.Record)
	switch it.Kind {
	case "raise":
		return "! " + raiseText(r, p.o.Root, room-2), "31"
	case "handled":
		return "~ " + view.SwallowedText(p.f, r, room), "33"
	case "mark":
		return "── " + view.Visible(strings.TrimSpace(r.Text()+" "+r.State())), "1"
	}
	list := r.Changed()
	if it.Times >= len(list) {
		return "", ""
	}
	return "* " + view.ChangeText(p.f, r, &list[it.Times], room-2), "35"
}

func raiseText(r view.Rec, root string, room int) string {
	at := fmt.Sprintf("  at %s:%d", view.Visible(view.Relative(r.Code.File, root)), r.Line)
	if o := r.Origin(); o != nil {
		at += fmt.Sprintf(", from %s (%s:%d)", view.Visible(o.Name), view.Visible(view.Base(o.File)), o.Line)
	}
	return view.Cut(view.Visible(view.ExceptionText(r)), max(room-len(at), 40)) + at
}

func (p *treePainter) place(file string, line int) string {
	return view.Visible(view.Relative(file, p.o.Root)) + ":" + strconv.Itoa(line)
}
