package text

import (
	"fmt"
	"io"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/wire"
)

// ShowOptions shape Show. The zero value is usable.
type ShowOptions struct {
	view.Options
}

// Show writes the records that a filter selects, one a line:
//
//	14     80µs  call    7  Cart.add_item(self=Cart#5(…)#2, name='Apple')  cart.py:7
//
// which is the record's id, the time, the kind, the call's id and what
// happened. With JSON each line is the record as an object.
func Show(w io.Writer, t *trace.Trace, q view.Filter, o ShowOptions) error {
	f := view.NewForest(t)
	list, err := q.Selection(f)
	if err != nil {
		return err
	}
	if o.Root == "" {
		o.Root = view.CommonRoot(t)
	}
	if o.JSON {
		e := view.LineEncoder{W: w}
		for _, i := range list {
			if err := e.Put(view.Record(t, i)); err != nil {
				return err
			}
		}
		return nil
	}
	p := view.NewPainter(w, o.Options)
	id, call := len(fmt.Sprint(view.Size(t))), 1
	for _, i := range list {
		call = max(call, len(view.CallName(view.Record(t, i).Call)))
	}
	for _, i := range list {
		r := view.Record(t, i)
		at := "·"
		if r.Micros > 0 {
			at = view.Duration(r.Micros)
		}
		head := fmt.Sprintf("%*d %9s  %-7s %*s  ", id, r.ID, at, r.Kind, call, view.CallName(r.Call))
		p.Line(kindStyle(r.Kind), "%s%s", head, view.RecordText(r, o.Root, p.Width-len(head), view.IdsMarked))
	}
	return p.Err
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
