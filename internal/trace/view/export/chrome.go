package export

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/wire"
)

// Chrome writes the trace in the Trace Event Format, which ui.perfetto.dev and
// chrome://tracing open: processes and threads with the calls as nested slices,
// asyncio tasks as tracks of their own, arguments, return values and places in
// the slices' args, exceptions and marks as instant events. Times are since the
// start of the process that began first, which otherData.start says.
//
// Format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
func Chrome(w io.Writer, t *trace.Trace) error {
	b := bufio.NewWriterSize(w, 1<<16)
	x := chromeWriter{t: t, w: b, root: view.CommonRoot(t)}
	var start time.Time
	start, x.from = view.Starts(t)
	x.number()
	x.raw(`{"displayTimeUnit":"ms","otherData":{"exporter":"repaird trace","summary":`)
	x.json(view.Summary(t))
	if !start.IsZero() {
		x.raw(`,"start":`)
		x.json(start)
	}
	x.raw("},\n\"traceEvents\":[")
	x.names()
	x.slices()
	x.instants()
	x.raw("\n]}\n")
	if x.err != nil {
		return x.err
	}
	return b.Flush()
}

type chromeWriter struct {
	t    *trace.Trace
	w    *bufio.Writer
	root string
	pids []int
	from []int64 // see starts
	n    int
	err  error
}

// A chromeEvent is one event. Times are microseconds.
type chromeEvent struct {
	Name  string         `json:"name"`
	Cat   string         `json:"cat,omitempty"`
	Phase string         `json:"ph"`
	TS    int64          `json:"ts"`
	Dur   *int64         `json:"dur,omitempty"`
	PID   int            `json:"pid"`
	TID   int            `json:"tid"`
	ID    string         `json:"id,omitempty"`
	Scope string         `json:"s,omitempty"`
	Args  map[string]any `json:"args,omitempty"`
}

func (x *chromeWriter) raw(s string) {
	if x.err == nil {
		_, x.err = x.w.WriteString(s)
	}
}

func (x *chromeWriter) json(v any) {
	b, err := json.Marshal(v)
	if err != nil && x.err == nil {
		x.err = err
	}
	x.raw(string(b))
}

func (x *chromeWriter) event(e chromeEvent) {
	if x.n++; x.n > 1 {
		x.raw(",")
	}
	x.raw("\n")
	x.json(e)
}

// number gives processes the numbers that the format tells them apart by:
// their ids, or others where an id came again.
func (x *chromeWriter) number() {
	seen := map[int]bool{}
	for i, p := range x.t.Processes {
		n := p.PID
		if seen[n] {
			n = 1<<30 + i
		}
		seen[n] = true
		x.pids = append(x.pids, n)
	}
}

func (x *chromeWriter) pid(process int) int { return x.pids[process] }

func (x *chromeWriter) names() {
	for i, p := range x.t.Processes {
		name := fmt.Sprintf("python %d", p.PID)
		if len(p.Argv) > 0 {
			name = view.Visible(view.Base(p.Argv[0]))
			for _, a := range p.Argv[1:min(len(p.Argv), 4)] {
				name += " " + view.Visible(a)
			}
			name = view.Cut(name, 80)
		}
		x.event(chromeEvent{Name: "process_name", Phase: "M", PID: x.pid(i), Args: map[string]any{"name": name}})
		for n := range max(len(p.Threads), 1) {
			x.event(chromeEvent{Name: "thread_name", Phase: "M", PID: x.pid(i), TID: n, Args: map[string]any{"name": view.ThreadName(x.t, i, n)}})
			x.event(chromeEvent{Name: "thread_sort_index", Phase: "M", PID: x.pid(i), TID: n, Args: map[string]any{"sort_index": n}})
		}
	}
}

// slices writes the calls. A call that is in a task is also on the task's track
// from its beginning to its end, suspensions included.
func (x *chromeWriter) slices() {
	type whole struct {
		first, last int64
		begin       int32
	}
	spans := view.Timeline(x.t)
	tasks := map[int64]*whole{}
	var order []int64
	for i := range spans {
		s := &spans[i]
		dur, from := s.To-s.From, x.from[s.Process]+s.From
		r := x.t.Record(int(s.Begin) + 1)
		x.event(chromeEvent{Name: view.Visible(r.Code.Name), Cat: "call", Phase: "X", TS: from, Dur: &dur, PID: x.pid(s.Process), TID: s.Thread, Args: x.args(s)})
		if r.Task == 0 {
			continue
		}
		if w := tasks[s.Call]; w != nil {
			w.last = max(w.last, from+dur)
			continue
		}
		tasks[s.Call] = &whole{from, from + dur, s.Begin}
		order = append(order, s.Call)
	}
	for _, call := range order {
		w := tasks[call]
		r := x.t.Record(int(w.begin) + 1)
		e := chromeEvent{Name: view.Visible(r.Code.Name), Cat: "task", Phase: "b", TS: w.first, PID: x.pid(r.Process), TID: r.Thread,
			ID: fmt.Sprintf("%d.%d", r.Process, r.Task), Args: map[string]any{"task": view.Visible(x.t.TaskName(r))}}
		x.event(e)
		e.Phase, e.TS, e.Args = "e", w.last, nil
		x.event(e)
	}
}

const chromeValue = 300 // bytes of a value

func (x *chromeWriter) args(s *view.Span) map[string]any {
	args := map[string]any{"call": view.CallName(s.Call)}
	r := x.t.Record(int(s.Begin) + 1)
	if r.Code != nil {
		args["at"] = fmt.Sprintf("%s:%d", view.Visible(view.Relative(r.Code.File, x.root)), r.Code.Line)
	}
	if s.Part > 0 {
		args["part"] = s.Part + 1
	}
	if name := x.t.TaskName(r); name != "" {
		args["task"] = view.Visible(name)
	}
	if r.Kind == wire.KindCall {
		list := r.Args()
		for i := range list {
			args["arg "+view.Visible(list[i].Name)] = view.Text(&list[i].Value, chromeValue, view.IdsPlain)
		}
	}
	if s.End < 0 {
		args["end"] = "not recorded"
		return args
	}
	end := x.t.Record(int(s.End) + 1)
	switch end.Kind {
	case wire.KindReturn:
		args["returned"] = view.Text(end.Value(), chromeValue, view.IdsPlain)
	case wire.KindYield:
		args["yielded"] = view.Text(end.Value(), chromeValue, view.IdsPlain)
	case wire.KindUnwind:
		args["left by"] = "exception"
		if end.Type() != "" {
			args["left by"] = view.Visible(end.Type())
		}
	}
	list := end.Changed()
	for i := range list {
		args["changed "+view.Visible(list[i].Name)] = view.Text(&list[i].Value, chromeValue, view.IdsPlain)
	}
	return args
}

// instants writes exceptions and marks.
func (x *chromeWriter) instants() {
	clock := map[view.ThreadKey]int64{}
	for i := range view.Size(x.t) {
		r := view.Record(x.t, i)
		key := view.ThreadKey{Process: r.Process, Thread: r.Thread}
		clock[key] = max(clock[key], view.Micros(r))
		e := chromeEvent{Phase: "i", Scope: "t", TS: x.from[r.Process] + clock[key], PID: x.pid(r.Process), TID: r.Thread}
		switch r.Kind {
		case wire.KindRaise:
			e.Cat, e.Name = "exception", "raise "+view.Visible(r.Type())
			e.Args = map[string]any{"message": view.Cut(view.Visible(r.Text()), chromeValue), "at": fmt.Sprintf("%s:%d", view.Visible(view.Relative(r.Code.File, x.root)), r.Line)}
		case wire.KindHandled:
			e.Cat, e.Name = "exception", "swallowed"
			e.Args = map[string]any{"handler": fmt.Sprintf("%s:%d", view.Visible(view.Relative(r.Code.File, x.root)), r.Handler()), "outcome": view.Visible(r.Outcome())}
		case wire.KindMark:
			e.Cat, e.Name, e.Scope = "mark", view.Visible(r.Text()+" "+r.State()), "p"
		default:
			continue
		}
		x.event(e)
	}
}
