package text

import (
	"io"

	"github.com/repaird/repaird/internal/trace/view"
)

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

func writeTreeJSON(w io.Writer, f *view.Forest, o view.TreeOptions, items []*view.Item) error {
	p := &treePainter{Painter: &view.Painter{Width: view.MaxWidth}, f: f, o: o}
	out := struct {
		Traced  bool        `json:"traced"`
		Summary string      `json:"summary"`
		Items   []*jsonItem `json:"items"`
	}{f.T.Traced(), view.Summary(f.T), p.jsonItems(items)}
	return view.WriteJSON(w, out)
}

func (p *treePainter) jsonItems(list []*view.Item) []*jsonItem {
	out := make([]*jsonItem, 0, len(list))
	for _, it := range list {
		out = append(out, p.jsonItem(it))
	}
	return out
}

func (p *treePainter) jsonItem(it *view.Item) *jsonItem {
	x := &jsonItem{Kind: it.Kind}
	switch it.Kind {
	case "call", "loop":
		if it.Node >= 0 {
			p.jsonCall(x, it.Node)
			if it.Last > 0 && it.Last != it.Node && it.Kind == "loop" {
				x.Last = &jsonItem{Kind: "call"}
				p.jsonCall(x.Last, it.Last)
			}
		}
		x.Times, x.Hidden = it.Times, it.Hidden
	case "raise", "handled", "changed", "mark":
		text, _ := p.note(it, 4*jsonValue)
		r := view.Record(p.f.T, it.Record)
		x.Text, x.Record, x.Line = view.Unmark(text[min(2, len(text)):]), r.ID, r.Line
		if it.Kind == "mark" {
			x.Text = view.Visible(r.Text() + " " + r.State())
		}
	case "rest":
		x.Times, x.Hidden, x.Calls = it.Times, it.Hidden, map[string]int{}
		for _, n := range it.Names {
			x.Calls[n.Name] = n.Calls
		}
	default:
		x.Text, _ = p.frame(it)
	}
	if len(it.Kids) > 0 {
		x.Children = p.jsonItems(it.Kids)
	}
	return x
}

func (p *treePainter) jsonCall(x *jsonItem, i int32) {
	c := &p.f.Nodes[i]
	x.Call, x.Function, x.File, x.Line, x.Micros = c.Id, c.Code.Name, c.Code.File, c.Code.Line, c.Total
	if c.Task != 0 {
		x.Task = p.f.TaskName(c)
	}
	if c.Start >= 0 {
		r := view.Record(p.f.T, int(c.Start))
		x.Record = r.ID
		for _, a := range r.Args() {
			x.Args = append(x.Args, jsonVar{a.Name, view.Text(&a.Value, jsonValue, view.IdsPlain)})
		}
	}
	if c.End >= 0 {
		r := view.Record(p.f.T, int(c.End))
		if v := r.Value(); v != nil {
			s := view.Text(v, jsonValue, view.IdsPlain)
			x.Returned = &s
		} else if e, ok := p.f.Left(c); ok {
			x.Raised = e.Type()
		} else {
			x.Raised = r.Type()
		}
	}
}
