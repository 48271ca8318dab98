package pytrace

import (
	"fmt"
	"strings"
)

// A Query selects records. Zero fields do not restrict; set ones all do.
type Query struct {
	Function string // qualified name or its last part
	File     string // the file's path or the end of it
	Text     string // substring of the record's rendering
	CallID   int64  // records of this call, and the calls and ends of its direct callees
	Around   int    // record id: records near it, half of Limit on each side
	Kind     Kind   //
	Limit    int    // default 50, at most 500
}

// Query returns the records in order, the first Limit of them.
func (t *Trace) Query(q Query) []Record {
	if q.Limit <= 0 {
		q.Limit = 50
	}
	q.Limit = min(q.Limit, 500)
	from, to := 1, t.length
	if q.Around > 0 {
		from, to = max(q.Around-q.Limit/2, 1), min(q.Around+q.Limit/2, t.length)
	}
	var out []Record
	for id := from; id <= to && len(out) < q.Limit; id++ {
		if r := t.Record(id); t.matches(r, q) {
			out = append(out, r)
		}
	}
	return out
}

func (t *Trace) matches(r Record, q Query) bool {
	if q.Kind != "" && r.Kind != q.Kind {
		return false
	}
	if q.CallID != 0 && r.Call != q.CallID {
		c := t.Call(r.Call)
		if c.Parent().ID() != q.CallID || (r.ID != int(c.node().start) && r.ID != int(c.node().end)) {
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
	return q.Text == "" || strings.Contains(r.Summary("", 2000), q.Text)
}

// Summary renders the record in one line of at most limit bytes; root is cut
// from file names.
func (r Record) Summary(root string, limit int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d ", r.ID)
	if r.Kind == KindMark {
		fmt.Fprintf(&b, "mark %s %s", oneLine(r.Text()), oneLine(r.State()))
		return cutText(b.String(), limit)
	}
	if r.Kind == KindSnapshot {
		s := r.Snapshot()
		fmt.Fprintf(&b, "snap %s %s", oneLine(s.Why), oneLine(s.At))
		return cutText(b.String(), limit)
	}
	fmt.Fprintf(&b, "%s call=%d %s (%s:%d)", r.Kind, r.Call, oneLine(r.Code.Name), oneLine(relative(r.Code.File, root)), r.at())
	switch r.Kind {
	case KindCall:
		fmt.Fprintf(&b, " parent=%d depth=%d (%s)", r.Parent, r.Depth, RenderVars(r.Args(), 200, limit, true))
	case KindReturn, KindYield:
		if r.Value() != nil {
			fmt.Fprintf(&b, " → %s", r.Value().render(min(limit, 400), true))
		}
	case KindRaise:
		fmt.Fprintf(&b, " exc=%d %s", r.Exc, exceptionText(r.Type(), r.Text(), 300))
		if r.Origin() != nil {
			fmt.Fprintf(&b, " from %s:%d", oneLine(r.Origin().File), r.Origin().Line)
		}
		if len(r.Args()) > 0 {
			fmt.Fprintf(&b, " locals: %s", RenderVars(r.Args(), 160, limit, true))
		}
	case KindStep:
		if vars := r.Assigned(); len(vars) > 0 {
			fmt.Fprintf(&b, " %s", RenderVars(vars, 160, limit, true))
		}
	case KindBranch:
		fmt.Fprintf(&b, " %t → line %d", r.Taken(), r.To())
	case KindPass:
		fmt.Fprintf(&b, " exc=%d", r.Exc)
	case KindUnwind:
		fmt.Fprintf(&b, " exc=%d %s", r.Exc, oneLine(r.Type()))
	case KindHandled:
		fmt.Fprintf(&b, " exc=%d handler=line %d outcome=%s at line %d", r.Exc, r.Handler(), oneLine(r.Outcome()), r.After())
	}
	if len(r.Changed()) > 0 {
		fmt.Fprintf(&b, " changed: %s", RenderVars(r.Changed(), 160, limit, true))
	}
	return cutText(b.String(), limit)
}

// at is the line in the function's own file; a call's Line is its caller's.
func (r Record) at() int {
	if r.Kind == KindCall || r.Line == 0 {
		return r.Code.Line
	}
	return r.Line
}

// Format renders records, one a line, in at most limit bytes, 8,000 by default.
func Format(records []Record, root string, limit int) string {
	if limit <= 0 {
		limit = 8000
	}
	var b strings.Builder
	for i, r := range records {
		line := r.Summary(root, 600)
		if b.Len()+len(line)+40 > limit {
			fmt.Fprintf(&b, "… %d more records\n", len(records)-i)
			break
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String()
}
