package trace

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/repaird/repaird/internal/trace/wire"
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
	end      *wire.Line
	modules  map[int][]int // code number of a module → lines that can run
	lines    map[int][]int // code number → lines that ran
}

// Events are kept in pieces of pieceEvents, which is a power of two.
const (
	eventBits   = 12
	pieceEvents = 1 << eventBits
)

// A segment holds the events of one file.
type segment struct{ pieces [][]wire.Event }

func (s *segment) add(e *wire.Event) {
	last := len(s.pieces) - 1
	if last < 0 || len(s.pieces[last]) == cap(s.pieces[last]) {
		size := 16
		if last >= 0 {
			size = min(8*cap(s.pieces[last]), pieceEvents)
		}
		s.pieces = append(s.pieces, make([]wire.Event, 0, size))
		last++
	}
	s.pieces[last] = append(s.pieces[last], *e)
}

func (p *process) segment(n int) *segment {
	s := p.segments[n]
	if s == nil {
		s = &segment{}
		p.segments[n] = s
	}
	return s
}

// A builder makes a Trace of lines.
type builder struct {
	trace   *Trace
	procs   []*process
	byName  map[string]*process
	now     *process
	records int
	defs    int
	numbers int // line numbers

	handshakes int
	decoder    wire.Decoder
	wire       wire.Line
}

func newBuilder() *builder {
	return &builder{trace: &Trace{}, byName: map[string]*process{}}
}

// event takes an event of the process whose file is read, with its body.
func (b *builder) event(e *wire.Event, body []byte) {
	t := b.trace
	if b.now == nil {
		t.Footer.Skipped++
		return
	}
	if b.records >= maxRecords {
		t.Footer.Cut = true
		return
	}
	b.records++
	e.Proc, e.Size = uint16(b.now.index), uint32(len(body))
	if len(body) > 0 {
		var ok bool
		if e.Off, ok = t.store.add(body); !ok {
			e.Size, t.Footer.Cut = 0, true
		}
	}
	b.now.current.add(e)
}

// other takes a line that is not an event as the tracer writes it.
func (b *builder) other(line []byte) {
	w := &b.wire
	ok := b.decoder.DecodeLine(line, w)
	if ok && w.K == "meta" && len(b.procs) < maxProcs && b.handshakes < 2*maxProcs {
		b.handshake(line)
	}
	if ok && wire.KindOf(w.K) != 0 {
		var e wire.Event
		if e, ok = wire.EventOf(w); ok {
			b.event(&e, line[1:])
		}
	} else {
		ok = ok && b.accept(w)
	}
	if !ok {
		b.trace.Footer.Skipped++
	}
}

// handshake takes the format's version, whose key is that of values elsewhere.
func (b *builder) handshake(line []byte) {
	b.handshakes++
	var meta struct {
		V int `json:"v"`
	}
	if json.Unmarshal(line, &meta) == nil {
		b.trace.version = max(b.trace.version, meta.V)
	}
}

// accept takes lines that are not events; false when it does not fit.
func (b *builder) accept(w *wire.Line) bool {
	if w.K == "meta" || w.K == "seg" {
		return b.open(w)
	}
	if b.now == nil {
		return false
	}
	if b.defs++; b.defs > maxDefs {
		b.trace.Footer.Cut = true
		return true
	}
	return b.define(w)
}

// open starts a file: meta that of a process's head, seg that of a part of its tail.
func (b *builder) open(w *wire.Line) bool {
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
	p.meet(w)
	return true
}

// meet takes a process's handshake.
func (p *Process) meet(w *wire.Line) {
	p.PID, p.Parent, p.Python, p.Engine = w.PID, w.PPID, wire.Clip(w.Python, 40), wire.Clip(w.Engine, 40)
	p.Argv, p.Dir, p.Exe, p.Threads = w.Argv, wire.Clip(w.Cwd, wire.MaxName), wire.Clip(w.Exe, wire.MaxName), []string{"MainThread"}
	if w.TS > 0 {
		p.Began = time.UnixMicro(int64(w.TS * 1e6)).UTC()
	}
}

// name takes the name of a thread or a task.
func (p *Process) name(w *wire.Line) {
	if w.K == "task" {
		if p.tasks == nil {
			p.tasks = map[int]string{}
		}
		p.tasks[w.Ta] = wire.Clip(w.Name, 100)
		return
	}
	for len(p.Threads) <= min(w.Th, 10_000) {
		p.Threads = append(p.Threads, "")
	}
	if w.Th < len(p.Threads) {
		p.Threads[w.Th] = wire.Clip(w.Name, 100)
	}
}

func codeOf(w *wire.Line) *Code {
	return &Code{File: wire.Clip(w.File, 4096), Name: wire.Clip(w.Name, wire.MaxName), Line: w.Line, Args: w.Args, Kind: wire.Clip(w.Kind, 40), signature: wire.Clip(w.Sig, 64)}
}

// define takes what says more about a process.
func (b *builder) define(w *wire.Line) bool {
	p, t := b.now, b.trace
	switch w.K {
	case "code":
		if p.codes[w.C] != nil || w.C == 0 {
			return false
		}
		p.codes[w.C] = codeOf(w)
	case "thread", "task":
		p.Process.name(w)
	case "line":
		p.lines[w.C] = append(p.lines[w.C], w.L)
	case "lines":
		if b.numbers += len(w.Ls); b.numbers > maxNumbers {
			t.Footer.Cut = true
			return true
		}
		p.modules[w.C] = append(p.modules[w.C], w.Ls...)
	case "count":
		p.counts[w.C] = count{w.N, w.Min == 1}
	case "stack":
		t.stacks = append(t.stacks, Stack{wire.Clip(w.Why, 20), p.index, w.Th, wire.Clip(w.Name, 100), w.Frames, w.More})
	case "child":
		t.children = append(t.children, Child{p.index, w.PID, wire.Clip(w.How, 20), w.Argv})
	case "problem":
		t.problems = append(t.problems, Problem{p.index, wire.Clip(w.Msg, wire.MaxName), wire.Clip(w.At, wire.MaxName)})
	case "end":
		end := *w
		p.end = &end
	default:
		return false
	}
	return true
}

// finish puts everything in place.
func (b *builder) finish() *Trace {
	t := b.trace
	t.store.known = nil
	t.executed, t.executable = map[string]map[int]bool{}, map[string]map[int]bool{}
	t.Footer.Ended = len(b.procs) > 0
	t.expected = b.records
	var spare [][]wire.Event
	for _, p := range b.procs {
		b.finishProcess(p, &spare)
	}
	t.index()
	return t
}

// place moves the events of a process to the trace, in order. Full pieces that
// were read are used again for what follows. It returns which functions have any.
func (b *builder) place(p *process, spare *[][]wire.Event) map[int]bool {
	t := b.trace
	numbers := map[int]uint32{} // of codes in the process → in the trace
	from, before := t.length, 0
	for _, n := range slices.Sorted(maps.Keys(p.segments)) {
		s := p.segments[n]
		if n > 0 && t.length > from && (n > before+1 || before == 0 && p.lost() > 0) {
			t.gaps = append(t.gaps, int32(t.length))
		}
		before = n
		for i, piece := range s.pieces {
			for j := range piece {
				e := &piece[j]
				if e.Code != 0 || e.Kind != wire.EventMark && e.Kind != wire.EventSnapshot {
					number := numbers[int(e.Code)]
					if number == 0 {
						code := p.codes[int(e.Code)]
						if code == nil {
							t.Footer.Unnamed++
							continue
						}
						t.codes = append(t.codes, code)
						number = uint32(len(t.codes))
						numbers[int(e.Code)] = number
					}
					e.Code = number
				}
				t.push(e, spare)
			}
			s.pieces[i] = nil
			if cap(piece) == pieceEvents {
				*spare = append(*spare, piece[:0])
			}
		}
	}
	placed := map[int]bool{}
	for n := range numbers {
		placed[n] = true
	}
	return placed
}

// lost counts the records that were given up between the head and the tail.
func (p *process) lost() int {
	if p.end != nil {
		return max(p.dropped, p.end.Dropped)
	}
	return p.dropped
}

// push appends an event.
func (t *Trace) push(e *wire.Event, spare *[][]wire.Event) {
	last := len(t.events) - 1
	if last < 0 || len(t.events[last]) == pieceEvents {
		var piece []wire.Event
		if n := len(*spare); n > 0 {
			piece, *spare = (*spare)[n-1], (*spare)[:n-1]
		} else {
			piece = make([]wire.Event, 0, min(pieceEvents, t.expected-t.length))
		}
		t.events = append(t.events, piece)
		last++
	}
	t.events[last] = append(t.events[last], *e)
	t.length++
}

func (b *builder) finishProcess(p *process, spare *[][]wire.Event) {
	t := b.trace
	placed := b.place(p, spare)
	for _, n := range slices.Sorted(maps.Keys(p.codes)) {
		c := p.codes[n]
		c.Calls, c.AtLeast = p.counts[n].n, p.counts[n].atLeast
		if c.Calls > 0 && !placed[n] { // of Config.CountsOnly, or its records were dropped
			t.codes = append(t.codes, c)
		}
	}
	for n := range p.counts {
		if p.codes[n] == nil {
			t.Footer.Unnamed++
		}
	}
	for n, lines := range p.lines {
		if c := p.codes[n]; c != nil {
			addLines(t.executed, c.File, lines)
		} else {
			t.Footer.Unnamed += len(lines)
		}
	}
	for n, lines := range p.modules {
		if c := p.codes[n]; c != nil {
			addLines(t.executable, c.File, lines)
		} else {
			t.Footer.Unnamed++
		}
	}
	if e := p.end; e != nil {
		p.Ended = true
		p.written, p.dropped = max(p.written, e.Records), max(p.dropped, e.Dropped)
		t.Footer.Uncalled += e.Uncalled
		t.Footer.Quiet += e.Quiet
		t.Footer.Faults += e.Faults + e.Oversize
		t.Footer.Oversize += e.Oversize
		t.Footer.Undefined += e.Undefined
		p.Lost = wire.Clip(e.Lost, 200)
		if e.Dead != "" {
			p.Lost = "writing stopped: " + wire.Clip(e.Dead, 200)
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
