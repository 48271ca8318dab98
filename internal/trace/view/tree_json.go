package view

import "io"

// jsonItem is one item of a tree in JSON. Values are text.
type jsonItem struct {
	Kind     string         `json:"kind"`
	Call     int64          `json:"call_id,omitempty"`
	Function string         `json:"function,omitempty"`
	File     string         `json:"file,omitempty"`
	Line     int            `json:"line,omitempty"`
	Args     []jsonVar      `json:"args,omitempty"`
	Returned *string        `json:"returned,omitempty"`
	Raised   string         `json:"raised,omitempty"` // the exception that left the call
	Micros   int64          `json:"micros,omitempty"`
	Task     string         `json:"task,omitempty"`
	Times    int            `json:"times,omitempty"`
	Last     *jsonItem      `json:"last,omitempty"`   // of a loop over one function
	Hidden   int            `json:"hidden,omitempty"` // calls below that are not shown
	Record   int            `json:"record,omitempty"`
	Text     string         `json:"text,omitempty"`
	Calls    map[string]int `json:"calls,omitempty"` // rest: by function
	Children []*jsonItem    `json:"children,omitempty"`
}

type jsonVar struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

const jsonValue = 400 // bytes of a value

func writeTreeJSON(w io.Writer, f *forest, o TreeOptions, items []*item) error {
	p := &treePainter{painter: &painter{width: maxWidth}, f: f, o: o}
	out := struct {
		Traced  bool        `json:"traced"`
		Summary string      `json:"summary"`
		Items   []*jsonItem `json:"items"`
	}{f.t.Traced(), Summary(f.t), p.jsonItems(items)}
	return writeJSON(w, out)
}

func (p *treePainter) jsonItems(list []*item) []*jsonItem {
	out := make([]*jsonItem, 0, len(list))
	for _, it := range list {
		out = append(out, p.jsonItem(it))
	}
	return out
}

func (p *treePainter) jsonItem(it *item) *jsonItem {
	x := &jsonItem{Kind: it.kind}
	switch it.kind {
	case "call", "loop":
		if it.node >= 0 {
			p.jsonCall(x, it.node)
			if it.last > 0 && it.last != it.node && it.kind == "loop" {
				x.Last = &jsonItem{Kind: "call"}
				p.jsonCall(x.Last, it.last)
			}
		}
		x.Times, x.Hidden = it.times, it.hidden
	case "raise", "handled", "changed", "mark":
		text, _ := p.note(it, 4*jsonValue)
		r := record(p.f.t, it.record)
		x.Text, x.Record, x.Line = unmark(text[min(2, len(text)):]), r.ID, r.Line
		if it.kind == "mark" {
			x.Text = visible(r.Text() + " " + r.State())
		}
	case "rest":
		x.Times, x.Hidden, x.Calls = it.times, it.hidden, map[string]int{}
		for _, n := range it.names {
			x.Calls[n.name] = n.calls
		}
	default:
		x.Text, _ = p.frame(it)
	}
	if len(it.kids) > 0 {
		x.Children = p.jsonItems(it.kids)
	}
	return x
}

func (p *treePainter) jsonCall(x *jsonItem, i int32) {
	c := &p.f.nodes[i]
	x.Call, x.Function, x.File, x.Line, x.Micros = c.id, c.code.Name, c.code.File, c.code.Line, c.total
	if c.task != 0 {
		x.Task = p.f.taskName(c)
	}
	if c.start >= 0 {
		r := record(p.f.t, int(c.start))
		x.Record = r.ID
		for _, a := range r.Args() {
			x.Args = append(x.Args, jsonVar{a.Name, text(&a.Value, jsonValue, idsPlain)})
		}
	}
	if c.end >= 0 {
		r := record(p.f.t, int(c.end))
		if v := r.Value(); v != nil {
			s := text(v, jsonValue, idsPlain)
			x.Returned = &s
		} else if e, ok := p.f.left(c); ok {
			x.Raised = e.Type()
		} else {
			x.Raised = r.Type()
		}
	}
}
