package card

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A Query selects records. Zero fields do not restrict; set ones all do.
type Query struct {
	Function string    // qualified name or its last part
	File     string    // the file's path or the end of it
	Text     string    // substring of the record's rendering
	CallID   int64     // records of this call, and the calls and ends of its direct callees
	Around   int       // record id: records near it, half of Limit on each side
	Kind     wire.Kind //
	Limit    int       // default 50, at most 500
}

// Select returns the records in order, the first Limit of them.
func Select(t *trace.Trace, q Query) []trace.Record {
	if q.Limit <= 0 {
		q.Limit = 50
	}
	q.Limit = min(q.Limit, 500)
	from, to := 1, t.Len()
	if q.Around > 0 {
		from, to = max(q.Around-q.Limit/2, 1), min(q.Around+q.Limit/2, t.Len())
	}
	var out []trace.Record
	for id := from; id <= to && len(out) < q.Limit; id++ {
		if r := t.Record(id); matchesQuery(t, r, q) {
			out = append(out, r)
		}
	}
	return out
}

func matchesQuery(t *trace.Trace, r trace.Record, q Query) bool {
	if q.Kind != "" && r.Kind != q.Kind {
		return false
	}
	if q.CallID != 0 && r.Call != q.CallID {
		c := t.Call(r.Call)
		if c.Parent().ID() != q.CallID || (r.ID != c.Start().ID && r.ID != c.End().ID) {
			return false
		}
	}
	if (q.Function != "" || q.File != "") && r.Code == nil {
		return false
	}
	if q.Function != "" && r.Code.Name != q.Function && !strings.HasSuffix(r.Code.Name, "."+q.Function) {
		return false
	}
	if q.File != "" && r.Code.File != q.File && !strings.HasSuffix(r.Code.File, "/"+strings.TrimPrefix(q.File, "/")) {
		return false
	}
	return q.Text == "" || strings.Contains(Summary(r, "", 2000), q.Text)
}

// Summary renders the record in one line of at most limit bytes; root is cut
// from file names.
func Summary(r trace.Record, root string, limit int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d ", r.ID)
	if r.Kind == wire.KindMark {
		fmt.Fprintf(&b, "mark %s %s", wire.OneLine(r.Text()), wire.OneLine(r.State()))
		return wire.CutText(b.String(), limit)
	}
	if r.Kind == wire.KindSnapshot {
		s := r.Snapshot()
		fmt.Fprintf(&b, "snap %s %s", wire.OneLine(s.Why), wire.OneLine(s.At))
		return wire.CutText(b.String(), limit)
	}
	fmt.Fprintf(&b, "%s call=%d %s (%s:%d)", r.Kind, r.Call, wire.OneLine(r.Code.Name), wire.OneLine(wire.Relative(r.Code.File, root)), lineOf(r))
	switch r.Kind {
	case wire.KindCall:
		fmt.Fprintf(&b, " parent=%d depth=%d (%s)", r.Parent, r.Depth, wire.RenderVars(r.Args(), 200, limit, true))
	case wire.KindReturn, wire.KindYield:
		if r.Value() != nil {
			fmt.Fprintf(&b, " → %s", r.Value().Render(min(limit, 400), true))
		}
	case wire.KindRaise:
		fmt.Fprintf(&b, " exc=%d %s", r.Exc, wire.ExceptionText(r.Type(), r.Text(), 300))
		if r.Origin() != nil {
			fmt.Fprintf(&b, " from %s:%d", wire.OneLine(r.Origin().File), r.Origin().Line)
		}
		if len(r.Args()) > 0 {
			fmt.Fprintf(&b, " locals: %s", wire.RenderVars(r.Args(), 160, limit, true))
		}
	case wire.KindStep:
		if vars := r.Assigned(); len(vars) > 0 {
			fmt.Fprintf(&b, " %s", wire.RenderVars(vars, 160, limit, true))
		}
	case wire.KindBranch:
		fmt.Fprintf(&b, " %t → line %d", r.Taken(), r.To())
	case wire.KindPass:
		fmt.Fprintf(&b, " exc=%d", r.Exc)
	case wire.KindUnwind:
		fmt.Fprintf(&b, " exc=%d %s", r.Exc, wire.OneLine(r.Type()))
	case wire.KindHandled:
		fmt.Fprintf(&b, " exc=%d handler=line %d outcome=%s at line %d", r.Exc, r.Handler(), wire.OneLine(r.Outcome()), r.After())
	}
	if len(r.Changed()) > 0 {
		fmt.Fprintf(&b, " changed: %s", wire.RenderVars(r.Changed(), 160, limit, true))
	}
	return wire.CutText(b.String(), limit)
}

// lineOf is the line in the function's own file; a call's Line is its caller's.
func lineOf(r trace.Record) int {
	if r.Kind == wire.KindCall || r.Line == 0 {
		return r.Code.Line
	}
	return r.Line
}

// Format renders records, one a line, in at most limit bytes, 8,000 by default.
func Format(records []trace.Record, root string, limit int) string {
	if limit <= 0 {
		limit = 8000
	}
	var b strings.Builder
	for i, r := range records {
		line := Summary(r, root, 600)
		if b.Len()+len(line)+40 > limit {
			fmt.Fprintf(&b, "… %d more records\n", len(records)-i)
			break
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String()
}
