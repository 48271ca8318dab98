package view

import (
	"bufio"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// Slice writes the records that a filter selects as a trace of their own, in
// the format of trace files. Calls whose callers are not selected hang under
// the nearest one that is, with the number of those between; Filter.Callers and
// Filter.Callees keep trees whole. What is no record (counts, executed lines,
// children, stacks, problems) is not in the slice.
func Slice(w io.Writer, t *trace.Trace, q Filter) error {
	f := newForest(t)
	list, err := q.selection(f)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 1<<16)
	s := slicer{f: f, e: lineEncoder{w: b, ascii: true}, kept: map[int64]bool{}}
	for _, i := range list {
		if r := record(t, i); r.Kind == wire.KindCall {
			s.kept[r.Call] = true
		}
	}
	s.settle()
	for process := range t.Processes {
		n, _ := slices.BinarySearchFunc(list, process, func(i, p int) int { return record(t, i).Process - p })
		if s.err == nil && n < len(list) && record(t, list[n]).Process == process {
			s.process(process, list[n:])
		}
	}
	if s.err != nil {
		return s.err
	}
	return b.Flush()
}

type slicer struct {
	f      *forest
	e      lineEncoder
	err    error
	kept   map[int64]bool // calls whose call record is selected
	places []place        // by node, see settle
	codes  map[*trace.Code]int
	tasks  map[int]bool
}

func (s *slicer) put(v any) {
	if s.err == nil {
		s.err = s.e.put(v)
	}
}

type dict = map[string]any

// A wireLine is a line of a trace file. SCHEMA.md says which keys go with which kind.
type wireLine struct {
	K     string  `json:"k"`
	I     int64   `json:"i,omitempty"`
	P     int64   `json:"p,omitempty"`
	C     int     `json:"c,omitempty"`
	D     int     `json:"d,omitempty"`
	N     int     `json:"n,omitempty"`
	T     int64   `json:"t,omitempty"`
	L     int     `json:"l,omitempty"`
	Th    int     `json:"th,omitempty"`
	Ta    int     `json:"ta,omitempty"`
	Late  int     `json:"late,omitempty"`
	Gap   int     `json:"gap,omitempty"`
	A     any     `json:"a,omitempty"`
	Df    any     `json:"df,omitempty"`
	V     any     `json:"v,omitempty"`
	M     any     `json:"m,omitempty"`
	S     any     `json:"s,omitempty"`
	E     int64   `json:"e,omitempty"`
	X     string  `json:"x,omitempty"`
	Xm    string  `json:"xm,omitempty"`
	Msg   string  `json:"msg,omitempty"`
	Ctx   int64   `json:"ctx,omitempty"`
	From  any     `json:"from,omitempty"`
	Loc   any     `json:"loc,omitempty"`
	H     int     `json:"h,omitempty"`
	O     any     `json:"o,omitempty"`
	After int     `json:"after,omitempty"`
	To    int     `json:"to,omitempty"`
	Name  string  `json:"name,omitempty"`
	State string  `json:"state,omitempty"`
	At    string  `json:"at,omitempty"`
	Hit   int     `json:"hit,omitempty"`
	Ts    float64 `json:"ts,omitempty"`
	Stack any     `json:"stack,omitempty"`
	W     any     `json:"w,omitempty"`
	Why   string  `json:"why,omitempty"`
}

// process writes the part of the records in list that are of process n, which
// come first in it.
func (s *slicer) process(n int, list []int) {
	p := &s.f.t.Processes[n]
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
			s.put(wireLine{K: "thread", Th: i, Name: name})
		}
	}
	written := 0
	for _, i := range list {
		r := record(s.f.t, i)
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
func (s *slicer) define(r rec) {
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
	if name := s.f.t.TaskName(r); name != "" && !s.tasks[r.Task] {
		s.tasks[r.Task] = true
		s.put(wireLine{K: "task", Ta: r.Task, Name: name})
	}
}

func (s *slicer) line(r rec) wireLine {
	w := wireLine{K: string(r.Kind), I: number(r.Call), T: r.Micros, L: r.Line, Th: r.Thread, Ta: r.Task, E: number(r.Exc)}
	if r.Code != nil {
		w.C = s.codes[r.Code]
	}
	switch r.Kind {
	case wire.KindCall:
		var skipped int
		w.P, w.D, skipped = s.caller(r)
		w.N, w.Gap, w.A, w.Df = r.Nth, r.Gap()+skipped, wireVars(r.Args()), list(r.Defaults())
		if r.Late {
			w.Late = 1
		}
	case wire.KindResume:
		w.P = number(r.Parent)
	case wire.KindReturn, wire.KindUnwind, wire.KindYield:
		w.X, w.V, w.M, w.S = r.Type(), wireResult(r.Value()), wireVars(r.Changed()), wireVars(r.Assigned())
	case wire.KindRaise:
		w.X, w.Xm, w.Msg, w.V, w.Ctx, w.Loc = r.Type(), r.Module(), r.Text(), wireResult(r.Value()), number(r.Context()), wireVars(r.Args())
		if o := r.Origin(); o != nil {
			w.From = o
		}
	case wire.KindHandled:
		w.H, w.O, w.After = r.Handler(), r.Outcome(), r.After()
	case wire.KindStep:
		w.S = wireVars(r.Assigned())
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
	s.places = make([]place, len(s.f.nodes))
	for i := range s.f.nodes {
		c := &s.f.nodes[i]
		above := place{node: -1}
		if c.parent >= 0 {
			above = s.places[c.parent]
		}
		if s.kept[c.id] {
			s.places[i] = place{int32(i), above.depth + 1, 0}
		} else {
			s.places[i] = place{above.node, above.depth, above.skipped + 1}
		}
	}
}

// caller returns the nearest caller whose call is selected, the number of
// selected callers, and how many there are between.
func (s *slicer) caller(r rec) (parent int64, depth, skipped int) {
	i := s.f.find(r.Parent)
	if i < 0 || s.places[i].node < 0 {
		return 0, 0, 0
	}
	p := s.places[i]
	return number(s.f.nodes[p.node].id), int(p.depth), int(p.skipped)
}

func (s *slicer) snapshot(w *wireLine, x *wire.Snapshot) {
	if x == nil {
		return
	}
	w.N, w.Why, w.At, w.Hit, w.Ts, w.X, w.Msg = x.N, x.Why, x.At, x.Hit, x.Time, x.Type, x.Text
	var frames, watches []any
	for _, f := range x.Stack {
		o := dict{"file": f.File, "name": f.Name, "line": f.Line}
		if v := wireVars(f.Locals); v != nil {
			o["loc"] = v
		}
		frames = append(frames, o)
	}
	for _, x := range x.Watches {
		o := dict{"x": x.Expr}
		if x.Value != nil {
			o["v"] = wireValue(x.Value)
		}
		if x.Err != "" {
			o["err"] = x.Err
		}
		watches = append(watches, o)
	}
	w.Stack, w.W = list(frames), list(watches)
}

// list is nil for an empty list, so that its key is left out.
func list[T any](l []T) any {
	if len(l) == 0 {
		return nil
	}
	return l
}

func wireVars(vars []wire.Var) any {
	out := make([][2]any, 0, len(vars))
	for i := range vars {
		out = append(out, [2]any{vars[i].Name, wireValue(&vars[i].Value)})
	}
	return list(out)
}

func wireResult(v *wire.Value) any {
	if v == nil {
		return nil
	}
	return wireValue(v)
}

// A wireObject is a value that is not a literal by itself.
type wireObject struct {
	T      string `json:"t,omitempty"`
	M      string `json:"m,omitempty"`
	R      string `json:"r,omitempty"`
	Lit    int    `json:"lit,omitempty"`
	Re     string `json:"re,omitempty"`
	New    string `json:"new,omitempty"`
	DT     string `json:"dt,omitempty"`
	Sh     any    `json:"sh,omitempty"`
	ID     int    `json:"id,omitempty"`
	N      int    `json:"n,omitempty"`
	E      any    `json:"e,omitempty"`
	KV     any    `json:"kv,omitempty"`
	A      any    `json:"a,omitempty"`
	F      any    `json:"f,omitempty"`
	CF     any    `json:"cf,omitempty"`
	Cut    int    `json:"cut,omitempty"`
	Cyc    int    `json:"cyc,omitempty"`
	Masked int    `json:"masked,omitempty"`
}

func wireValue(v *wire.Value) any {
	if v.Type == "" && v.Literal && v.ID == 0 && v.Len == 0 && !v.Cut {
		return v.Text
	}
	bit := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	var pairs [][2]any
	for i := range v.Pairs {
		pairs = append(pairs, [2]any{wireValue(&v.Pairs[i][0]), wireValue(&v.Pairs[i][1])})
	}
	return wireObject{T: v.Type, M: v.Module, R: v.Text, Lit: bit(v.Literal), Re: v.Rebuild, New: v.New, DT: v.DType, Sh: list(v.Shape), ID: v.ID, N: v.Len,
		E: wireValues(v.Items), KV: list(pairs), A: wireValues(v.Args), F: wireVars(v.Fields), CF: wireVars(v.Shared),
		Cut: bit(v.Cut), Cyc: bit(v.Cycle), Masked: bit(v.Masked)}
}

func wireValues(values []wire.Value) any {
	out := make([]any, 0, len(values))
	for i := range values {
		out = append(out, wireValue(&values[i]))
	}
	return list(out)
}
