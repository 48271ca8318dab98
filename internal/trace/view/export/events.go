package export

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/wire"
)

// Events writes the trace as one JSON document of plain numbered events, for
// scripts that want to know no more of traces than this:
//
//	{"traces": [
//	  {"seq": 1, "timestamp": "2026-01-15T10:30:45.123456", "type": "function_entry", "depth": 0,
//	   "data": {"function": "total", "arguments": {"price": 100, "rate": 0.08}}},
//	  {"seq": 2, "timestamp": "2026-01-15T10:30:45.123471", "type": "variable_assignment", "depth": 1,
//	   "data": {"variable": "tax", "value": 8.0, "type": "float"}}],
//	 "metadata": {"total_events": 2, "max_depth": 1}}
//
// The types are function_entry, function_exit, variable_assignment (where the
// trace has the level variables), control_flow (where it has decisions),
// exception, exception_handled, yield, resume and mark. Timestamps are UTC.
// Numbers, booleans, None and strings are JSON's own. Every other value is its
// text as views write it: where the trace knows an object's identity, with that,
// such as [1, 2]#2, and cut where the trace or a view cuts. An event in another process, thread or task than the first says so.
func Events(w io.Writer, t *trace.Trace) error {
	x := eventWriter{w: bufio.NewWriterSize(w, 1<<16), classes: map[int64]string{}}
	start, from := view.Starts(t)
	if start.IsZero() {
		start = time.Unix(0, 0).UTC()
	}
	x.raw(`{"traces":[`)
	depths, last := map[int64]int{}, make([]int64, len(t.Processes))
	for r := range t.All() {
		depth, ok := depths[r.Call]
		switch r.Kind {
		case wire.KindCall:
			depth = r.Depth
			depths[r.Call] = depth
		case wire.KindReturn, wire.KindUnwind:
			delete(depths, r.Call)
		default:
			if ok {
				depth++ // what happens within the call
			}
		}
		last[r.Process] = max(last[r.Process], view.Micros(r)) // not every record has a time of its own
		at := time.UnixMicro(start.UnixMicro() + from[r.Process] + last[r.Process]).UTC()
		for _, e := range x.eventsOf(r) {
			x.put(at, depth, r, e)
		}
	}
	x.raw("\n],\"metadata\":")
	x.json(map[string]any{"total_events": x.n, "max_depth": x.deepest, "summary": view.Summary(t)})
	x.raw("}\n")
	if x.err != nil {
		return x.err
	}
	return x.w.Flush()
}

// A plainEvent is the part of an event that depends on its type.
type plainEvent struct {
	kind string
	data map[string]any
}

// eventsOf gives the events that a record stands for.
func (x *eventWriter) eventsOf(r trace.Record) (out []plainEvent) {
	event := func(kind string, data map[string]any) {
		if r.Code != nil {
			data["function"] = r.Code.Name
		}
		if r.Line > 0 && r.Kind != wire.KindCall {
			data["line"] = r.Line
		}
		out = append(out, plainEvent{kind, data})
	}
	for _, v := range r.Assigned() {
		kind, value := r.Kind, plainValue(&v.Value)
		if kind == wire.KindStep || kind == wire.KindReturn || kind == wire.KindUnwind {
			event("variable_assignment", map[string]any{"variable": v.Name, "value": value, "type": typeName(&v.Value, value)})
		}
	}
	switch r.Kind {
	case wire.KindCall:
		arguments := map[string]any{}
		for _, a := range r.Args() {
			arguments[a.Name] = plainValue(&a.Value)
		}
		event("function_entry", map[string]any{"arguments": arguments, "file": r.Code.File, "line": r.Code.Line})
	case wire.KindReturn:
		event("function_exit", map[string]any{"return_value": plainValue(r.Value())})
	case wire.KindUnwind:
		event("function_exit", map[string]any{"exception": x.classes[r.Exc]})
	case wire.KindRaise:
		x.classes[r.Exc] = r.Type()
		event("exception", map[string]any{"exception": r.Type(), "message": r.Text()})
	case wire.KindHandled:
		event("exception_handled", map[string]any{"exception": x.classes[r.Exc], "handler": r.Handler()})
	case wire.KindBranch:
		event("control_flow", map[string]any{"taken": r.Taken(), "to": r.To()})
	case wire.KindYield:
		event("yield", map[string]any{"value": plainValue(r.Value())})
	case wire.KindResume:
		event("resume", map[string]any{})
	case wire.KindMark:
		event("mark", map[string]any{"name": r.Text(), "state": r.State()})
	}
	return out
}

// plainValue gives a value as JSON has it: nil, a bool, a number or a string.
func plainValue(v *wire.Value) any {
	if v == nil {
		return nil
	}
	text := v.Text
	if v.Type == "" && !v.Cut {
		switch text {
		case "None":
			return nil
		case "True":
			return true
		case "False":
			return false
		}
		if s, ok := unquoted(text); ok {
			return s
		}
		if json.Valid([]byte(text)) { // a number; Python's text of one is JSON's
			return json.RawMessage(text)
		}
	}
	return v.String()
}

// unquoted gives the content of a string as Python's repr writes it.
func unquoted(text string) (string, bool) {
	if len(text) < 2 || text[0] != '\'' && text[0] != '"' || text[len(text)-1] != text[0] {
		return "", false
	}
	b := []byte{'"'}
	for i := 1; i < len(text)-1; i++ {
		switch c := text[i]; {
		case c == '"':
			b = append(b, '\\', '"')
		case c == '\\' && i+1 < len(text)-1:
			i++
			switch text[i] {
			case '\'':
				b = append(b, '\'')
			case 'x': // a character, where Go's is a byte
				b = append(b, `\u00`...)
			default:
				b = append(b, '\\', text[i])
			}
		default:
			b = append(b, c)
		}
	}
	s, err := strconv.Unquote(string(append(b, '"')))
	return s, err == nil
}

// typeName gives the name of a value's class.
func typeName(v *wire.Value, plain any) string {
	if v.Type != "" {
		return v.Type
	}
	switch p := plain.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case json.RawMessage:
		if bytes.ContainsAny(p, ".eE") {
			return "float"
		}
		return "int"
	case string:
		if len(v.Text) > 0 && v.Text[0] == '(' {
			return "tuple"
		}
		if len(v.Text) > 1 && v.Text[0] == 'b' {
			return "bytes"
		}
	}
	return "str"
}

type eventWriter struct {
	w          *bufio.Writer
	classes    map[int64]string // of exceptions
	n, deepest int
	err        error
}

func (x *eventWriter) put(at time.Time, depth int, r trace.Record, e plainEvent) {
	x.n++
	x.deepest = max(x.deepest, depth)
	if x.n > 1 {
		x.raw(",")
	}
	x.raw("\n")
	out := struct {
		Seq     int            `json:"seq"`
		At      string         `json:"timestamp"`
		Type    string         `json:"type"`
		Depth   int            `json:"depth"`
		Process int            `json:"process,omitempty"`
		Thread  int            `json:"thread,omitempty"`
		Task    int            `json:"task,omitempty"`
		Data    map[string]any `json:"data"`
	}{x.n, at.Format("2006-01-02T15:04:05.000000"), e.kind, depth, r.Process, r.Thread, r.Task, e.data}
	x.json(out)
}

func (x *eventWriter) raw(s string) {
	if x.err == nil {
		_, x.err = x.w.WriteString(s)
	}
}

func (x *eventWriter) json(v any) {
	var b bytes.Buffer
	if x.err == nil {
		x.err = view.EncodeJSON(&b, v, "")
	}
	if x.err == nil {
		_, x.err = x.w.Write(view.EscapeJSON(bytes.TrimSpace(b.Bytes()), false))
	}
}
