package trace

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/trace/wire"
)

// A Followed is a record of a process that still runs.
type Followed struct {
	Record
	Process Process // that wrote it, as known so far; Record.Process tells processes apart
	Task    string  // name of the asyncio task
	Thread  string  // name of the thread
}

// Follow reads the trace files of a directory while they are written, and
// calls fn with each record as soon as it is there: in order within a process,
// and by arrival among processes. New files are picked up. Records of a tail
// file that was wiped before Follow could read them are missed, and counted.
//
// Follow returns when ctx is done, after it has read what was written until
// then: cancel it once the traced command has ended. It returns the error of
// fn, which ends it at once, or that of reading the directory; that ctx is done
// is not an error. A Record that fn gets stays valid; its ID counts arrivals. Trees
// and findings are those of the Trace that ReadDir gives at the end.
func Follow(ctx context.Context, dir string, fn func(Followed) error) (missed int, err error) {
	f := follower{dir: dir, fn: fn, byName: map[string]*live{}}
	const shortest, longest = 5 * time.Millisecond, 50 * time.Millisecond
	wait := shortest
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		done := ctx.Err() != nil // asked before: what is there by now is read
		before := f.bytes
		if err := f.poll(); err != nil {
			return f.missed(), err
		}
		if done && f.bytes == before {
			return f.missed(), nil
		}
		if done {
			continue
		}
		if wait = min(2*wait, longest); f.bytes > before {
			wait = shortest
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
}

type follower struct {
	dir    string
	fn     func(Followed) error
	byName map[string]*live
	all    []*live // in the order in which they were found
	seen   int     // records
	bytes  int
}

// A live process is one whose files grow.
type live struct {
	Process
	index   int
	base    string // path of its files without number
	codes   map[int]*Code
	files   [3]tailing
	seen    int // records
	missed  int
	ended   bool // its end was read
	done    bool // and what its tail files had
	decoder wire.Decoder
	wire    wire.Line
}

// A tailing file has been read up to at.
type tailing struct {
	at  int64
	seg int // ordinal of the segment in it, 0 for the head
}

func (f *follower) missed() (n int) {
	for _, p := range f.all {
		n += p.missed
	}
	return n
}

// poll reads what has come since the last time.
func (f *follower) poll() error {
	names, err := Files(f.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		base, ok := strings.CutSuffix(name, "-0.jsonl")
		if ok && f.byName[base] == nil && len(f.all) < maxProcs {
			p := &live{index: len(f.all), base: base, codes: map[int]*Code{}}
			f.byName[base] = p
			f.all = append(f.all, p)
		}
	}
	for _, p := range f.all {
		if p.done {
			continue
		}
		ended, before := p.ended, f.bytes
		if err := f.process(p); err != nil {
			return err
		}
		p.done = ended && f.bytes == before // nothing comes after the end, but before it in another file
	}
	return nil
}

// process reads the files of one process. That there is a segment means that
// nothing is added to the one before, and a function is defined in the head
// before it is in a record: so first which segments there are, then the tails,
// then the head; and the head is taken first.
func (f *follower) process(p *live) error {
	type part struct {
		n, seg, written int
		text            []byte
	}
	var parts []part
	var open [3]*os.File
	defer func() {
		for _, file := range open {
			if file != nil {
				_ = file.Close() // it was only read
			}
		}
	}()
	for n := 1; n < len(p.files); n++ {
		file, seg, written := p.segment(n)
		if open[n] = file; seg > 0 {
			parts = append(parts, part{n: n, seg: seg, written: written})
		}
	}
	for i := range parts {
		x := &parts[i]
		at := &p.files[x.n]
		if x.seg != at.seg {
			*at = tailing{seg: x.seg}
		}
		x.text = readLines(open[x.n], at.at)
		if seg, _ := header(open[x.n]); seg != x.seg { // wiped meanwhile
			x.text = nil
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return a.seg - b.seg })
	var err error
	if open[0], err = os.Open(p.base + "-0.jsonl"); err != nil {
		return nil // removed, or not ours to read
	}
	text := readLines(open[0], p.files[0].at)
	if err := f.lines(p, 0, text); err != nil || len(text) > maxFollowed/2 {
		return err // there may be more of it
	}
	for _, x := range parts {
		if p.files[x.n].at == 0 && x.text != nil {
			p.missed += max(0, x.written-p.seen-p.missed)
		}
		if err := f.lines(p, x.n, x.text); err != nil || len(x.text) > maxFollowed/2 {
			return err
		}
	}
	return nil
}

// segment opens a tail file and says which segment is in it, 0 for none.
func (p *live) segment(n int) (file *os.File, seg, written int) {
	file, err := os.Open(p.base + [...]string{"-0.jsonl", "-1.jsonl", "-2.jsonl"}[n])
	if err != nil {
		return nil, 0, 0
	}
	seg, written = header(file)
	return file, seg, written
}

// header decodes the first line of a tail file; seg is 0 where there is none.
func header(file *os.File) (seg, written int) {
	if file == nil {
		return 0, 0
	}
	buf := make([]byte, 512)
	n, err := file.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0
	}
	line, _, whole := bytes.Cut(buf[:n], []byte("\n"))
	var d wire.Decoder
	var w wire.Line
	if !whole || !d.DecodeLine(line, &w) || w.K != "seg" {
		return 0, 0
	}
	return max(w.N, 1), w.Written
}

// readLines returns the whole lines from an offset on, up to the first NUL byte.
func readLines(file *os.File, at int64) []byte {
	var text []byte
	for len(text) < maxFollowed {
		n := len(text)
		text = slices.Grow(text, 64<<10)
		got, err := file.ReadAt(text[n:n+64<<10], at+int64(n))
		text = text[:n+got]
		if end := bytes.IndexByte(text[n:], 0); end >= 0 {
			text = text[:n+end]
			break
		}
		if err != nil {
			break
		}
	}
	return text[:bytes.LastIndexByte(text, '\n')+1]
}

// maxFollowed bounds what is read of a file at once.
const maxFollowed = 4 << 20

// lines takes whole lines of one of a process's files.
func (f *follower) lines(p *live, n int, text []byte) error {
	p.files[n].at += int64(len(text))
	f.bytes += len(text)
	for line := range bytes.Lines(text) {
		from, to := trim(line, 0, len(line))
		if from == to || to-from >= wire.MaxLine {
			continue
		}
		if err := f.line(p, line[from:to]); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) line(p *live, line []byte) error {
	var e wire.Event
	var rest []byte
	if wire.ScanEvent(line, &e) {
		rest = line[e.Off : e.Off+e.Size]
	} else {
		w := &p.wire
		if !p.decoder.DecodeLine(line, w) {
			return nil
		}
		if wire.KindOf(w.K) == 0 {
			p.define(w)
			return nil
		}
		var ok bool
		if e, ok = wire.EventOf(w); !ok {
			return nil
		}
		rest = line[1:]
	}
	p.seen++
	e.Proc = uint16(p.index)
	code := p.codes[int(e.Code)]
	if code == nil && (e.Code != 0 || e.Kind != wire.EventMark && e.Kind != wire.EventSnapshot) {
		return nil
	}
	f.seen++
	out := Followed{Process: p.Process, Task: p.tasks[int(e.Task)]}
	out.ID, out.Code = f.seen, code
	out.take(&e, wire.Body(string(rest)))
	if out.Record.Thread > 0 && out.Record.Thread < len(p.Threads) {
		out.Thread = p.Threads[out.Record.Thread]
	}
	return f.fn(out)
}

// define takes definitions, which are not events.
func (p *live) define(w *wire.Line) {
	switch w.K {
	case "meta":
		p.meet(w)
	case "code":
		if w.C != 0 && len(p.codes) < maxDefs {
			p.codes[w.C] = codeOf(w)
		}
	case "thread", "task":
		p.name(w)
	case "end":
		p.ended = true
	}
}
