package view

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/repaird/repaird/internal/trace"
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
	x := chromeWriter{t: t, w: b, root: commonRoot(t)}
	var start time.Time
	start, x.from = starts(t)
	x.number()
	x.raw(`{"displayTimeUnit":"ms","otherData":{"exporter":"repaird trace","summary":`)
	x.json(Summary(t))
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
			name = visible(base(p.Argv[0]))
			for _, a := range p.Argv[1:min(len(p.Argv), 4)] {
				name += " " + visible(a)
			}
			name = cut(name, 80)
		}
		x.event(chromeEvent{Name: "process_name", Phase: "M", PID: x.pid(i), Args: map[string]any{"name": name}})
		for n := range max(len(p.Threads), 1) {
			x.event(chromeEvent{Name: "thread_name", Phase: "M", PID: x.pid(i), TID: n, Args: map[string]any{"name": threadName(x.t, i, n)}})
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
	spans := timeline(x.t)
	tasks := map[int64]*whole{}
	var order []int64
	for i := range spans {
		s := &spans[i]
		dur, from := s.to-s.from, x.from[s.process]+s.from
		r := x.t.Record(int(s.begin) + 1)
		x.event(chromeEvent{Name: visible(r.Code.Name), Cat: "call", Phase: "X", TS: from, Dur: &dur, PID: x.pid(s.process), TID: s.thread, Args: x.args(s)})
		if r.Task == 0 {
			continue
		}
		if w := tasks[s.call]; w != nil {
			w.last = max(w.last, from+dur)
			continue
		}
		tasks[s.call] = &whole{from, from + dur, s.begin}
		order = append(order, s.call)
	}
	for _, call := range order {
		w := tasks[call]
		r := x.t.Record(int(w.begin) + 1)
		e := chromeEvent{Name: visible(r.Code.Name), Cat: "task", Phase: "b", TS: w.first, PID: x.pid(r.Process), TID: r.Thread,
			ID: fmt.Sprintf("%d.%d", r.Process, r.Task), Args: map[string]any{"task": visible(x.t.TaskName(r))}}
		x.event(e)
		e.Phase, e.TS, e.Args = "e", w.last, nil
		x.event(e)
	}
}

const chromeValue = 300 // bytes of a value

func (x *chromeWriter) args(s *span) map[string]any {
	args := map[string]any{"call": callName(s.call)}
	r := x.t.Record(int(s.begin) + 1)
	if r.Code != nil {
		args["at"] = fmt.Sprintf("%s:%d", visible(relative(r.Code.File, x.root)), r.Code.Line)
	}
	if s.part > 0 {
		args["part"] = s.part + 1
	}
	if name := x.t.TaskName(r); name != "" {
		args["task"] = visible(name)
	}
	if r.Kind == wire.KindCall {
		list := r.Args()
		for i := range list {
			args["arg "+visible(list[i].Name)] = text(&list[i].Value, chromeValue, idsPlain)
		}
	}
	if s.end < 0 {
		args["end"] = "not recorded"
		return args
	}
	end := x.t.Record(int(s.end) + 1)
	switch end.Kind {
	case wire.KindReturn:
		args["returned"] = text(end.Value(), chromeValue, idsPlain)
	case wire.KindYield:
		args["yielded"] = text(end.Value(), chromeValue, idsPlain)
	case wire.KindUnwind:
		args["left by"] = "exception"
		if end.Type() != "" {
			args["left by"] = visible(end.Type())
		}
	}
	list := end.Changed()
	for i := range list {
		args["changed "+visible(list[i].Name)] = text(&list[i].Value, chromeValue, idsPlain)
	}
	return args
}

// instants writes exceptions and marks.
func (x *chromeWriter) instants() {
	clock := map[threadKey]int64{}
	for i := range size(x.t) {
		r := record(x.t, i)
		key := threadKey{r.Process, r.Thread}
		clock[key] = max(clock[key], micros(r))
		e := chromeEvent{Phase: "i", Scope: "t", TS: x.from[r.Process] + clock[key], PID: x.pid(r.Process), TID: r.Thread}
		switch r.Kind {
		case wire.KindRaise:
			e.Cat, e.Name = "exception", "raise "+visible(r.Type())
			e.Args = map[string]any{"message": cut(visible(r.Text()), chromeValue), "at": fmt.Sprintf("%s:%d", visible(relative(r.Code.File, x.root)), r.Line)}
		case wire.KindHandled:
			e.Cat, e.Name = "exception", "swallowed"
			e.Args = map[string]any{"handler": fmt.Sprintf("%s:%d", visible(relative(r.Code.File, x.root)), r.Handler()), "outcome": visible(r.Outcome())}
		case wire.KindMark:
			e.Cat, e.Name, e.Scope = "mark", visible(r.Text()+" "+r.State()), "p"
		default:
			continue
		}
		x.event(e)
	}
}
