package view

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/trace/wire"
)

// RecordText says in one line of about room bytes what a record records.
func RecordText(r Rec, root string, room, ids int) string {
	if r.Kind == wire.KindMark {
		return Visible(strings.TrimSpace(r.Text() + " " + r.State()))
	}
	if r.Kind == wire.KindSnapshot {
		return SnapshotText(r, root, room, ids)
	}
	if r.Code == nil {
		return ""
	}
	name := Visible(r.Code.Name)
	line := r.Line
	if r.Kind == wire.KindCall || line == 0 {
		line = r.Code.Line
	}
	place := fmt.Sprintf("  %s:%d", Visible(Relative(r.Code.File, root)), line)
	room = max(room-len(name)-len(place)-3, 40)
	return name + eventText(r, room, ids) + place
}

// eventText says what happened in a function.
func eventText(r Rec, room, ids int) string {
	switch r.Kind {
	case wire.KindCall:
		if r.Code.Kind == "module" {
			return ""
		}
		return "(" + Vars(r.Args(), room, ids) + ")"
	case wire.KindReturn, wire.KindUnwind:
		s := " ✗ " + Visible(r.Type())
		if r.Kind == wire.KindReturn {
			s = " → " + Text(r.Value(), room, ids)
		} else if r.Exc != 0 {
			s = fmt.Sprintf(" ✗ exception %d", Number(r.Exc))
		}
		if list := r.Changed(); len(list) > 0 {
			s += "  changed: " + Vars(list, max(room-len(s), 40), ids)
		}
		return withAssigned(s, r, room, ids)
	case wire.KindYield:
		return " yields " + Text(r.Value(), room, ids)
	case wire.KindRaise:
		s := fmt.Sprintf(" ! exception %d %s", Number(r.Exc), Cut(Visible(ExceptionText(r)), room))
		if o := r.Origin(); o != nil {
			s += fmt.Sprintf(" from %s (%s:%d)", Visible(o.Name), Visible(Base(o.File)), o.Line)
		}
		if list := r.Args(); len(list) > 0 {
			s += "  locals: " + Vars(list, max(room-len(s), 40), ids)
		}
		return s
	case wire.KindPass:
		return fmt.Sprintf(" gets exception %d", Number(r.Exc))
	case wire.KindHandled:
		return fmt.Sprintf(" ~ swallowed exception %d: handler at line %d, %s at line %d", Number(r.Exc), r.Handler(), Visible(r.Outcome()), r.After())
	case wire.KindBranch:
		return fmt.Sprintf(" line %d %v, went to line %d", r.Line, r.Taken(), r.To())
	case wire.KindStep:
		return withAssigned(fmt.Sprintf(" line %d", r.Line), r, room, ids)
	}
	return ""
}

func withAssigned(s string, r Rec, room, ids int) string {
	if list := r.Assigned(); len(list) > 0 {
		s += "  set: " + Vars(list, max(room-len(s), 40), ids)
	}
	return s
}

// SnapshotText renders a snapshot in one line.
func SnapshotText(r Rec, root string, room, ids int) string {
	s := r.Snapshot()
	if s == nil {
		return ""
	}
	out := fmt.Sprintf("snapshot %d, %s %s", s.N, Visible(s.Why), Visible(Relative(s.At, root)))
	if s.Type != "" {
		out += "  " + Cut(Visible(s.Type+": "+s.Text), room/2)
	}
	for _, w := range s.Watches {
		if w.Err != "" {
			out += "  " + Visible(w.Expr) + " ✗ " + Visible(w.Err)
		} else {
			out += "  " + Visible(w.Expr) + "=" + Text(w.Value, room/(len(s.Watches)+1), ids)
		}
	}
	if len(s.Stack) > 0 && len(s.Stack[0].Locals) > 0 {
		out += "  locals: " + Vars(s.Stack[0].Locals, max(room-len(out), 40), ids)
	}
	return out
}
