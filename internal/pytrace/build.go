package pytrace

import (
	"hash/maphash"
	"maps"
	"slices"
)

// A count is how often a function was called, or at least was.
type count struct {
	n       int
	atLeast bool
}

// A process under construction.
type process struct {
	Process
	name     string // file name without number, which is unique in a run
	index    int
	codes    map[int]*Code
	segments map[int]*segment // 0 head, then 1, 2, … of the tail: files may come in any order
	current  *segment
	counts   map[int]count
	written  int
	dropped  int
	end      *wireRecord
	modules  map[int][]int // code number of a module → lines that can run
	lines    map[int][]int // code number → lines that ran
}

// A segment holds records in pieces that are never copied but once, to their
// place in the trace. Until then the ID of a record is its code's number.
type segment struct {
	pieces [][]event
}

const maxPiece = 2048 // records

func (s *segment) add() *event {
	last := len(s.pieces) - 1
	if last < 0 || len(s.pieces[last]) == cap(s.pieces[last]) {
		size := 16
		if last >= 0 {
			size = min(4*cap(s.pieces[last]), maxPiece)
		}
		s.pieces = append(s.pieces, make([]event, 0, size))
		last++
	}
	piece := s.pieces[last]
	s.pieces[last] = piece[:len(piece)+1]
	return &s.pieces[last][len(piece)]
}

func (p *process) segment(n int) *segment {
	s := p.segments[n]
	if s == nil {
		s = &segment{}
		p.segments[n] = s
	}
	return s
}

// builder reads lines into a Trace.
type builder struct {
	trace   *Trace
	procs   []*process
	byName  map[string]*process
	now     *process
	records int
	defs    int
	numbers int // line numbers
	decoder decoder
	decode  func(line []byte, w *wireRecord) bool // the decoder's; a test compares another
	wire    wireRecord
}

func newBuilder() *builder {
	b := &builder{trace: &Trace{}, byName: map[string]*process{}}
	b.decoder.seed, b.decoder.left = maphash.MakeSeed(), maxValues
	b.decode = b.decoder.line
	return b
}

// accept takes one record; false when it does not fit.
func (b *builder) accept(w *wireRecord) bool {
	if w.K == "meta" || w.K == "seg" {
		return b.open(w)
	}
	if b.now == nil {
		return false
	}
	if kindIsRecord(Kind(w.K)) {
		return b.record(w)
	}
	if b.defs++; b.defs > maxDefs {
		b.trace.Footer.Cut = true
		return true
	}
	return b.define(w)
}

func kindIsRecord(k Kind) bool {
	switch k {
	case KindCall, KindReturn, KindUnwind, KindYield, KindResume, KindRaise, KindPass, KindHandled, KindStep, KindBranch, KindSnapshot, KindMark:
		return true
	}
	return false
}

// open starts a file: meta that of a process's head, seg that of a part of its tail.
func (b *builder) open(w *wireRecord) bool {
	if w.F == "" || len(w.F) > 200 {
		return false
	}
	p := b.byName[w.F]
	if p == nil {
		if len(b.procs) >= maxProcs {
			b.trace.Footer.Cut = true
			b.now = nil
			return true
		}
		p = &process{name: w.F, index: len(b.procs), codes: map[int]*Code{}, segments: map[int]*segment{},
			counts: map[int]count{}, modules: map[int][]int{}, lines: map[int][]int{}}
		p.tasks = map[int]string{}
		p.current = p.segment(0)
		b.procs = append(b.procs, p)
		b.byName[w.F] = p
	}
	b.now = p
	if w.K == "seg" {
		p.current = p.segment(max(w.N, 1))
		p.written, p.dropped = max(p.written, w.Written), max(p.dropped, w.Dropped)
		return true
	}
	if p.PID != 0 {
		return false // a second handshake of one process
	}
	p.current = p.segment(0)
	p.PID, p.Parent, p.Python, p.Engine = w.PID, w.PPID, clip(w.Python, 40), clip(w.Engine, 40)
	p.Argv, p.Dir, p.Exe, p.Threads = w.Argv, clip(w.Cwd, maxName), clip(w.Exe, maxName), []string{"MainThread"}
	return true
}

// define takes what is no event: code, thread, lines, counts and the end.
func (b *builder) define(w *wireRecord) bool {
	p := b.now
	switch w.K {
	case "code":
		if p.codes[w.C] != nil || w.C == 0 {
			return false
		}
		p.codes[w.C] = &Code{File: clip(w.File, 4096), Name: clip(w.Name, maxName), Line: w.Line, Args: w.Args, Kind: clip(w.Kind, 40)}
	case "thread":
		p.Threads = append(p.Threads, clip(w.Name, 100))
	case "line":
		p.lines[w.C] = append(p.lines[w.C], w.L)
	case "lines":
		if b.numbers += len(w.Ls); b.numbers > maxNumbers {
			b.trace.Footer.Cut = true
			return true
		}
		p.modules[w.C] = append(p.modules[w.C], w.Ls...)
	case "count":
		p.counts[w.C] = count{w.N, w.Min == 1}
	case "task":
		p.tasks[w.Ta] = clip(w.Name, 100)
	case "stack":
		b.trace.stacks = append(b.trace.stacks, Stack{clip(w.Why, 20), p.index, w.Th, clip(w.Name, 100), w.Frames})
	case "child":
		b.trace.children = append(b.trace.children, Child{p.index, w.PID, clip(w.How, 20), w.Argv})
	case "problem":
		b.trace.problems = append(b.trace.problems, Problem{p.index, clip(w.Msg, maxName)})
	case "end":
		end := *w
		p.end = &end
	default:
		return false
	}
	return true
}

func (b *builder) record(w *wireRecord) bool {
	kind := Kind(w.K)
	if kind != KindMark && kind != KindSnapshot && (w.I == 0 || w.C == 0) || (kind == KindReturn && w.V == nil) {
		return false
	}
	if b.records >= maxRecords {
		b.trace.Footer.Cut = true
		return true
	}
	b.records++
	r := b.now.current.add()
	*r = event{ID: w.C, Kind: kind, Process: b.now.index, Thread: w.Th, Task: w.Ta, Call: b.unique(w.I), Parent: b.unique(w.P), Depth: w.D, Nth: w.N,
		Micros: w.T, Line: w.L, Late: w.Late == 1, Gap: w.Gap, Value: w.V, Exc: b.unique(w.E), Type: clip(w.X, maxName),
		Module: clip(w.Xm, maxName), Text: w.Msg, Context: b.unique(w.Ctx), Handler: w.H, After: w.After,
		Outcome: clip(w.O, 20), State: clip(w.State, 200)}
	switch kind {
	case KindCall:
		r.Args, r.Defaults = w.A, w.Df
	case KindReturn, KindUnwind:
		r.Changed, r.Assigned = w.M, w.S
	case KindStep:
		r.Assigned = w.S
	case KindBranch:
		r.To, r.Taken = w.To, w.On == 1
	case KindSnapshot:
		r.Snapshot = &Snapshot{N: w.N, Why: clip(w.Why, 20), At: clip(w.At, maxName), Hit: w.Hit, Line: w.L, Time: w.Ts, Type: r.Type, Text: r.Text,
			Stack: w.Stack, Watches: w.W}
	case KindRaise:
		r.Args = w.Loc
	case KindMark:
		r.Text = clip(w.Name, maxName)
	}
	if w.From != nil {
		r.Origin = &Origin{clip(w.From.File, maxName), clip(w.From.Name, maxName), w.From.Line}
	}
	return true
}

func (b *builder) unique(n int64) int64 {
	if n == 0 {
		return 0
	}
	return n | int64(b.now.index)<<procShift
}

// finish puts everything in place.
func (b *builder) finish() *Trace {
	t := b.trace
	t.Footer.Cut = t.Footer.Cut || b.decoder.over
	t.executed, t.executable = map[string]map[int]bool{}, map[string]map[int]bool{}
	t.Footer.Ended = len(b.procs) > 0
	t.records = make([]event, 0, b.records)
	for _, p := range b.procs {
		b.finishProcess(p)
	}
	t.index()
	return t
}

// place moves the records of a process to the trace, in order.
func (b *builder) place(p *process) {
	t := b.trace
	listed := map[*Code]bool{}
	for _, n := range slices.Sorted(maps.Keys(p.segments)) {
		s := p.segments[n]
		for i := range s.pieces {
			for j := range s.pieces[i] {
				r := &s.pieces[i][j]
				if r.Kind != KindMark && (r.Kind != KindSnapshot || r.ID != 0) {
					if r.Code = p.codes[r.ID]; r.Code == nil {
						t.Footer.Skipped++
						continue
					}
					if !listed[r.Code] {
						listed[r.Code] = true
						t.codes = append(t.codes, r.Code)
					}
				}
				r.ID = len(t.records) + 1
				t.records = append(t.records, *r)
			}
			s.pieces[i] = nil // memory for what follows
		}
	}
}

func (b *builder) finishProcess(p *process) {
	t := b.trace
	b.place(p)
	for n, c := range p.codes {
		c.Calls, c.AtLeast = p.counts[n].n, p.counts[n].atLeast
	}
	for n, lines := range p.lines {
		if c := p.codes[n]; c != nil {
			addLines(t.executed, c.File, lines)
		}
	}
	for n, lines := range p.modules {
		if c := p.codes[n]; c != nil {
			addLines(t.executable, c.File, lines)
		}
	}
	if e := p.end; e != nil {
		p.Ended = true
		p.written, p.dropped = max(p.written, e.Records), max(p.dropped, e.Dropped)
		t.Footer.Uncalled += e.Uncall
		t.Footer.Faults += e.Faults + e.Over
		p.Lost = clip(e.Lost, 200)
		if e.Dead != "" {
			p.Lost = "writing stopped: " + clip(e.Dead, 200)
		}
	} else {
		t.Footer.Ended = false
	}
	t.Footer.Recorded += p.written
	t.Footer.Dropped += p.dropped
	t.Processes = append(t.Processes, p.Process)
}

func addLines(set map[string]map[int]bool, file string, lines []int) {
	if set[file] == nil {
		set[file] = map[int]bool{}
	}
	for _, n := range lines {
		if n > 0 {
			set[file][n] = true
		}
	}
}
