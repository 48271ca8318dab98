// Package export writes traces as files for other programs: for Perfetto and
// speedscope, as plain events for scripts, and a part of a trace as a trace.
package export

import (
	"bufio"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/wire"
)

// Slice writes the records that a filter selects as a trace of their own, in
// the format of trace files. Calls whose callers are not selected hang under
// the nearest one that is, with the number of those between; Filter.Callers and
// Filter.Callees keep trees whole. Everything but records (counts, executed lines,
// children, stacks, problems) is left out.
func Slice(w io.Writer, t *trace.Trace, q view.Filter) error {
	f := view.NewForest(t)
	list, err := q.Selection(f)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 1<<16)
	s := slicer{f: f, e: view.LineEncoder{W: b, Ascii: true}, kept: map[int64]bool{}}
	for _, i := range list {
		if r := view.Record(t, i); r.Kind == wire.KindCall {
			s.kept[r.Call] = true
		}
	}
	s.settle()
	for process := range t.Processes {
		n, _ := slices.BinarySearchFunc(list, process, func(i, p int) int { return view.Record(t, i).Process - p })
		if s.err == nil && n < len(list) && view.Record(t, list[n]).Process == process {
			s.process(process, list[n:])
		}
	}
	if s.err != nil {
		return s.err
	}
	return b.Flush()
}

type slicer struct {
	f      *view.Forest
	e      view.LineEncoder
	err    error
	kept   map[int64]bool // calls whose call record is selected
	places []place        // by node, see settle
	codes  map[*trace.Code]int
	tasks  map[int]bool
}

func (s *slicer) put(v any) {
	if s.err == nil {
		s.err = s.e.Put(v)
	}
}

type dict = map[string]any

// process writes the part of the records in list that are of process n, which
// come first in it.
func (s *slicer) process(n int, list []int) {
	p := &s.f.T.Processes[n]
	s.codes, s.tasks = map[*trace.Code]int{}, map[int]bool{}
	s.put(struct {
		K      string   `json:"k"`
		V      int      `json:"v"`
		F      string   `json:"f"`
		PID    int      `json:"pid"`
		PPID   int      `json:"ppid,omitempty"`
		Python string   `json:"python"`
		Engine string   `json:"engine"`
		Argv   []string `json:"argv,omitempty"`
		Cwd    string   `json:"cwd,omitempty"`
		Exe    string   `json:"exe,omitempty"`
		TS     float64  `json:"ts,omitempty"`
	}{"meta", 1, "slice-" + strconv.Itoa(n), p.PID, p.Parent, p.Python, p.Engine, p.Argv, p.Dir, p.Exe, unixSeconds(p.Began)})
	for i, name := range p.Threads {
		if i > 0 {
			s.put(wire.Entry{K: "thread", Th: i, Name: name})
		}
	}
	written := 0
	for _, i := range list {
		r := view.Record(s.f.T, i)
		if r.Process != n {
			break
		}
		s.define(r)
		s.put(s.line(r))
		written++
	}
	if p.Ended {
		s.put(dict{"k": "end", "records": written})
	}
}

// unixSeconds returns a time as the format has it, 0 for the zero time.
func unixSeconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return float64(at.UnixMicro()) / 1e6
}

// define writes what a record refers to.
func (s *slicer) define(r view.Rec) {
	if c := r.Code; c != nil && s.codes[c] == 0 {
		s.codes[c] = len(s.codes) + 1
		s.put(struct {
			K    string   `json:"k"`
			C    int      `json:"c"`
			File string   `json:"file"`
			Name string   `json:"name"`
			Line int      `json:"line"`
			Args []string `json:"args,omitempty"`
			Kind string   `json:"kind,omitempty"`
		}{"code", s.codes[c], c.File, c.Name, c.Line, c.Args, c.Kind})
	}
	if name := s.f.T.TaskName(r); name != "" && !s.tasks[r.Task] {
		s.tasks[r.Task] = true
		s.put(wire.Entry{K: "task", Ta: r.Task, Name: name})
	}
}

func (s *slicer) line(r view.Rec) wire.Entry {
	w := wire.Entry{K: string(r.Kind), I: view.Number(r.Call), T: r.Micros, L: r.Line, Th: r.Thread, Ta: r.Task, E: view.Number(r.Exc)}
	if r.Code != nil {
		w.C = s.codes[r.Code]
	}
	switch r.Kind {
	case wire.KindCall:
		var skipped int
		w.P, w.D, skipped = s.caller(r)
		w.N, w.Gap, w.A, w.Df = r.Nth, r.Gap()+skipped, wire.EncodeVars(r.Args()), wire.OrNothing(r.Defaults())
		if r.Late {
			w.Late = 1
		}
	case wire.KindResume:
		w.P = view.Number(r.Parent)
	case wire.KindReturn, wire.KindUnwind, wire.KindYield:
		w.X, w.V, w.M, w.S = r.Type(), wire.EncodeResult(r.Value()), wire.EncodeVars(r.Changed()), wire.EncodeVars(r.Assigned())
	case wire.KindRaise:
		w.X, w.Xm, w.Msg, w.V, w.Ctx, w.Loc = r.Type(), r.Module(), r.Text(), wire.EncodeResult(r.Value()), view.Number(r.Context()), wire.EncodeVars(r.Args())
		if o := r.Origin(); o != nil {
			w.From = o
		}
	case wire.KindHandled:
		w.H, w.O, w.After = r.Handler(), r.Outcome(), r.After()
	case wire.KindStep:
		w.S = wire.EncodeVars(r.Assigned())
	case wire.KindBranch:
		w.To, w.O = r.To(), 0
		if r.Taken() {
			w.O = 1
		}
	case wire.KindMark:
		w.Name, w.State = r.Text(), r.State()
	case wire.KindSnapshot:
		s.snapshot(&w, r.Snapshot())
	}
	return w
}

// A place is where a call hangs in the slice: of what is kept, it or the nearest
// that leads to it.
type place struct {
	node    int32 // index, -1 for none
	depth   int32 // calls that are kept on the way to it, with it
	skipped int32 // calls below it that are not
}

// settle finds the place of each node. Each is made of its parent's, which
// stands before it, so that the cost does not grow with the depth.
func (s *slicer) settle() {
	s.places = make([]place, len(s.f.Nodes))
	for i := range s.f.Nodes {
		c := &s.f.Nodes[i]
		above := place{node: -1}
		if c.Parent >= 0 {
			above = s.places[c.Parent]
		}
		if s.kept[c.Id] {
			s.places[i] = place{int32(i), above.depth + 1, 0}
		} else {
			s.places[i] = place{above.node, above.depth, above.skipped + 1}
		}
	}
}

// caller returns the nearest caller whose call is selected, the number of
// selected callers, and how many there are between.
func (s *slicer) caller(r view.Rec) (parent int64, depth, skipped int) {
	i := s.f.Find(r.Parent)
	if i < 0 || s.places[i].node < 0 {
		return 0, 0, 0
	}
	p := s.places[i]
	return view.Number(s.f.Nodes[p.node].Id), int(p.depth), int(p.skipped)
}

func (s *slicer) snapshot(w *wire.Entry, x *wire.Snapshot) {
	if x == nil {
		return
	}
	w.N, w.Why, w.At, w.Hit, w.Ts, w.X, w.Msg = x.N, x.Why, x.At, x.Hit, x.Time, x.Type, x.Text
	var frames, watches []any
	for _, f := range x.Stack {
		o := dict{"file": f.File, "name": f.Name, "line": f.Line}
		if v := wire.EncodeVars(f.Locals); v != nil {
			o["loc"] = v
		}
		frames = append(frames, o)
	}
	for _, x := range x.Watches {
		o := dict{"x": x.Expr}
		if x.Value != nil {
			o["v"] = wire.EncodeValue(x.Value)
		}
		if x.Err != "" {
			o["err"] = x.Err
		}
		watches = append(watches, o)
	}
	w.Stack, w.W = wire.OrNothing(frames), wire.OrNothing(watches)
}
