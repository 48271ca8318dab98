package pytrace

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Bounds of a whole trace.
const (
	maxStream  = 256 << 20
	maxRecords = 1_000_000
	maxDefs    = 400_000
	maxProcs   = 1000
	procShift  = 40 // call ids of process n have n in the bits above
)

// Read reads JSON Lines. It tolerates a cut last line and skips what does not
// fit the schema, counting it: a trace comes from hostile code. An error means
// that r could not be read; the trace up to there is returned with it.
func Read(r io.Reader) (*Trace, error) {
	b := &builder{trace: &Trace{}, byName: map[string]*process{}}
	limited := &io.LimitedReader{R: r, N: maxStream}
	err := b.lines(bufio.NewReaderSize(limited, maxLine))
	if limited.N <= 0 {
		b.trace.Footer.Cut = true
	}
	return b.finish(), err
}

// ReadDir reads the trace files of a directory, in the order of their names,
// without following links. A directory without any gives a trace that was not
// Traced.
func ReadDir(dir string) (*Trace, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	b := &builder{trace: &Trace{}, byName: map[string]*process{}}
	left := int64(maxStream)
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), "trace-") || !strings.HasSuffix(e.Name(), ".jsonl") {
			continue
		}
		if err := b.file(filepath.Join(dir, e.Name()), &left); err != nil {
			return nil, err
		}
	}
	return b.finish(), nil
}

func (b *builder) file(name string, left *int64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	limited := &io.LimitedReader{R: f, N: *left}
	err = b.lines(bufio.NewReaderSize(limited, maxLine))
	*left = limited.N
	if *left <= 0 {
		b.trace.Footer.Cut = true
	}
	return err
}

// A process under construction.
type process struct {
	Process
	name    string // file name without number, which is unique in a run
	index   int
	codes   map[int]*Code
	current int // segment being read: 0 head, then 1, 2, … of the tail
	counts  map[int]int
	written int
	dropped int
	end     *wireRecord
	modules map[int][]int // code number of a module → lines that can run
	lines   map[int][]int // code number → lines that ran
}

// builder reads lines into a Trace.
type builder struct {
	trace   *Trace
	procs   []*process
	byName  map[string]*process
	now     *process
	records []placed
	defs    int
}

// A placed record knows where it belongs: files may come in any order.
type placed struct {
	Record
	proc    *process
	segment int
	code    int
}

func (b *builder) lines(r *bufio.Reader) error {
	b.now = nil
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long := bytes.Trim(line, "\x00") // the unused end of a killed process's file
			if len(long) > 0 {
				b.trace.Footer.Skipped++
			}
			for errors.Is(err, bufio.ErrBufferFull) {
				line, err = r.ReadSlice('\n')
			}
			if len(long) > 0 {
				line = nil
			}
		}
		if line = bytes.Trim(line, "\x00\r\n \t"); len(line) > 0 {
			b.line(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (b *builder) line(line []byte) {
	w, err := decodeLine(line)
	if err != nil || !b.accept(w) {
		b.trace.Footer.Skipped++
	}
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
	case KindCall, KindReturn, KindUnwind, KindYield, KindResume, KindRaise, KindPass, KindHandled, KindMark:
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
		p = &process{name: w.F, index: len(b.procs), codes: map[int]*Code{}, counts: map[int]int{}, modules: map[int][]int{}, lines: map[int][]int{}}
		b.procs = append(b.procs, p)
		b.byName[w.F] = p
	}
	b.now = p
	if w.K == "seg" {
		p.current = max(w.N, 1)
		p.written, p.dropped = max(p.written, w.Written), max(p.dropped, w.Dropped)
		return true
	}
	if p.PID != 0 {
		return false // a second handshake of one process
	}
	p.current = 0
	p.PID, p.Parent, p.Python, p.Engine = w.PID, w.PPID, clip(w.Python, 40), clip(w.Engine, 40)
	p.Argv, p.Dir, p.Threads = texts(w.Argv), clip(w.Cwd, maxName), []string{"MainThread"}
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
		p.codes[w.C] = &Code{File: clip(w.File, 4096), Name: clip(w.Name, maxName), Line: w.Line, Args: texts(w.Args), Kind: clip(w.Kind, 40)}
	case "thread":
		p.Threads = append(p.Threads, clip(w.Name, 100))
	case "line":
		p.lines[w.C] = append(p.lines[w.C], number(w.L))
	case "lines":
		p.modules[w.C] = append(p.modules[w.C], numbers(w.L)...)
	case "count":
		p.counts[w.C] = w.N
	case "end":
		p.end = w
	default:
		return false
	}
	return true
}

func (b *builder) record(w *wireRecord) bool {
	kind := Kind(w.K)
	if kind != KindMark && (w.I == 0 || w.C == 0) || (kind == KindReturn && w.V == nil) {
		return false
	}
	if len(b.records) >= maxRecords {
		b.trace.Footer.Cut = true
		return true
	}
	r := Record{Kind: kind, Process: b.now.index, Thread: w.Th, Call: b.unique(w.I), Parent: b.unique(w.P), Depth: w.D, Nth: w.N,
		Micros: w.T, Line: number(w.L), Late: w.Late == 1, Gap: w.Gap, Exc: b.unique(w.E), Type: clip(w.X, maxName),
		Module: clip(w.Xm, maxName), Text: w.Msg, Context: b.unique(w.Ctx), Handler: w.H, After: w.After,
		Outcome: clip(w.O, 20), State: clip(w.State, 200)}
	switch kind {
	case KindCall:
		r.Args, r.Defaults = decodeVars(w.A, 0), texts(w.Df)
	case KindReturn, KindUnwind:
		r.Changed = decodeVars(w.M, 0)
	case KindRaise:
		r.Args = decodeVars(w.Loc, 0)
	case KindMark:
		r.Text = clip(w.Name, maxName)
	}
	if w.V != nil {
		v := decodeValue(w.V, 0)
		r.Value = &v
	}
	if w.From != nil {
		r.Origin = &Origin{clip(w.From.File, maxName), clip(w.From.Name, maxName), w.From.Line}
	}
	b.records = append(b.records, placed{r, b.now, b.now.current, w.C})
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
	sort.SliceStable(b.records, func(i, j int) bool {
		x, y := &b.records[i], &b.records[j]
		if x.proc.index != y.proc.index {
			return x.proc.index < y.proc.index
		}
		return x.segment < y.segment
	})
	t.executed, t.executable = map[string]map[int]bool{}, map[string]map[int]bool{}
	t.Footer.Ended = len(b.procs) > 0
	for _, p := range b.procs {
		b.finishProcess(p)
	}
	t.Records = make([]Record, 0, len(b.records))
	listed := map[*Code]bool{}
	for i := range b.records {
		q := &b.records[i]
		if q.Kind != KindMark {
			if q.Code = q.proc.codes[q.code]; q.Code == nil {
				t.Footer.Skipped++
				continue
			}
			if !listed[q.Code] {
				listed[q.Code] = true
				t.codes = append(t.codes, q.Code)
			}
		}
		q.ID = len(t.Records) + 1
		t.Records = append(t.Records, q.Record)
	}
	b.records = nil
	t.index()
	return t
}

func (b *builder) finishProcess(p *process) {
	t := b.trace
	for n, c := range p.codes {
		c.Calls = p.counts[n]
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
