package replay

import (
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A call is one recorded call with what became of it.
type call struct {
	trace.Call
	start, end trace.Record // end is ret or unwind; zero where none was recorded
	raised     trace.Record // the raise whose exception left the call
}

// look gathers what repeating a call asks for.
func (g *generator) look(c trace.Call) *call {
	out := &call{Call: c, start: c.Start(), end: c.End()}
	if out.end.Kind == wire.KindUnwind {
		out.raised = g.raises[out.end.Exc]
	}
	return out
}

// index finds the raises and what generators gave.
func (g *generator) index(t *trace.Trace) {
	g.raises, g.yields = map[int64]trace.Record{}, map[int64][]trace.Record{}
	for r := range t.All() {
		switch r.Kind {
		case wire.KindRaise:
			if _, ok := g.raises[r.Exc]; !ok {
				g.raises[r.Exc] = r
			}
		case wire.KindYield:
			if len(g.yields[r.Call]) < 1000 {
				g.yields[r.Call] = append(g.yields[r.Call], r)
			}
		}
	}
}

// repeatable says why a call is none to repeat by itself; its callees may be.
func repeatable(c *call) (why string) {
	code := c.Code()
	last := code.Name[strings.LastIndex(code.Name, ".")+1:]
	switch {
	case code.Kind == "module":
		return "the body of a module"
	case strings.HasPrefix(last, "test_") || strings.HasPrefix(last, "test") && strings.Contains(code.Name, "Test"):
		return "a test"
	case strings.Contains(code.Name, "<locals>"):
		return "a function inside a function cannot be named from outside"
	case strings.Contains(code.Name, "<"):
		return "it has no name"
	case !dotted(code.Name):
		return "its name is not a Python name"
	case code.Kind == "async_generator":
		return "asynchronous generators are not repeated"
	case last == "__del__" || last == "__new__" || last == "__repr__":
		return "the interpreter calls it"
	}
	return ""
}
