package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// ShowOptions shape Show. The zero value is usable.
type ShowOptions struct {
	Options
}

// Show writes the records that a filter selects, one a line:
//
//	14     80µs  call    7  Cart.add_item(self=Cart#5(…)#2, name='Apple')  cart.py:7
//
// which is the record's id, the time, the kind, the call's id and what
// happened. With JSON each line is the record as an object.
func Show(w io.Writer, t *trace.Trace, q Filter, o ShowOptions) error {
	f := newForest(t)
	list, err := q.selection(f)
	if err != nil {
		return err
	}
	if o.Root == "" {
		o.Root = commonRoot(t)
	}
	if o.JSON {
		e := lineEncoder{w: w}
		for _, i := range list {
			if err := e.put(record(t, i)); err != nil {
				return err
			}
		}
		return nil
	}
	p := newPainter(w, o.Options)
	id, call := len(fmt.Sprint(size(t))), 1
	for _, i := range list {
		call = max(call, len(callName(record(t, i).Call)))
	}
	for _, i := range list {
		r := record(t, i)
		at := "·"
		if r.Micros > 0 {
			at = duration(r.Micros)
		}
		head := fmt.Sprintf("%*d %9s  %-7s %*s  ", id, r.ID, at, r.Kind, call, callName(r.Call))
		p.line(kindStyle(r.Kind), "%s%s", head, recordText(r, o.Root, p.width-len(head), idsMarked))
	}
	return p.err
}

func kindStyle(k wire.Kind) string {
	switch k {
	case wire.KindRaise:
		return "31"
	case wire.KindHandled:
		return "33"
	case wire.KindPass, wire.KindUnwind:
		return "2"
	case wire.KindMark:
		return "1"
	}
	return ""
}

// recordText says in one line of about room bytes what a record records.
func recordText(r rec, root string, room, ids int) string {
	if r.Kind == wire.KindMark {
		return visible(strings.TrimSpace(r.Text() + " " + r.State()))
	}
	if r.Kind == wire.KindSnapshot {
		return snapshotText(r, root, room, ids)
	}
	if r.Code == nil {
		return ""
	}
	name := visible(r.Code.Name)
	line := r.Line
	if r.Kind == wire.KindCall || line == 0 {
		line = r.Code.Line
	}
	place := fmt.Sprintf("  %s:%d", visible(relative(r.Code.File, root)), line)
	room = max(room-len(name)-len(place)-3, 40)
	return name + eventText(r, room, ids) + place
}

// eventText says what happened in a function.
func eventText(r rec, room, ids int) string {
	switch r.Kind {
	case wire.KindCall:
		if r.Code.Kind == "module" {
			return ""
		}
		return "(" + vars(r.Args(), room, ids) + ")"
	case wire.KindReturn, wire.KindUnwind:
		s := " ✗ " + visible(r.Type())
		if r.Kind == wire.KindReturn {
			s = " → " + text(r.Value(), room, ids)
		} else if r.Exc != 0 {
			s = fmt.Sprintf(" ✗ exception %d", number(r.Exc))
		}
		if list := r.Changed(); len(list) > 0 {
			s += "  changed: " + vars(list, max(room-len(s), 40), ids)
		}
		return withAssigned(s, r, room, ids)
	case wire.KindYield:
		return " yields " + text(r.Value(), room, ids)
	case wire.KindRaise:
		s := fmt.Sprintf(" ! exception %d %s", number(r.Exc), cut(visible(exceptionText(r)), room))
		if o := r.Origin(); o != nil {
			s += fmt.Sprintf(" from %s (%s:%d)", visible(o.Name), visible(base(o.File)), o.Line)
		}
		if list := r.Args(); len(list) > 0 {
			s += "  locals: " + vars(list, max(room-len(s), 40), ids)
		}
		return s
	case wire.KindPass:
		return fmt.Sprintf(" gets exception %d", number(r.Exc))
	case wire.KindHandled:
		return fmt.Sprintf(" ~ swallowed exception %d: handler at line %d, %s at line %d", number(r.Exc), r.Handler(), visible(r.Outcome()), r.After())
	case wire.KindBranch:
		return fmt.Sprintf(" line %d %v, went to line %d", r.Line, r.Taken(), r.To())
	case wire.KindStep:
		return withAssigned(fmt.Sprintf(" line %d", r.Line), r, room, ids)
	}
	return ""
}

func withAssigned(s string, r rec, room, ids int) string {
	if list := r.Assigned(); len(list) > 0 {
		s += "  set: " + vars(list, max(room-len(s), 40), ids)
	}
	return s
}

func snapshotText(r rec, root string, room, ids int) string {
	s := r.Snapshot()
	if s == nil {
		return ""
	}
	out := fmt.Sprintf("snapshot %d, %s %s", s.N, visible(s.Why), visible(relative(s.At, root)))
	if s.Type != "" {
		out += "  " + cut(visible(s.Type+": "+s.Text), room/2)
	}
	for _, w := range s.Watches {
		if w.Err != "" {
			out += "  " + visible(w.Expr) + " ✗ " + visible(w.Err)
		} else {
			out += "  " + visible(w.Expr) + "=" + text(w.Value, room/(len(s.Watches)+1), ids)
		}
	}
	if len(s.Stack) > 0 && len(s.Stack[0].Locals) > 0 {
		out += "  locals: " + vars(s.Stack[0].Locals, max(room-len(out), 40), ids)
	}
	return out
}
