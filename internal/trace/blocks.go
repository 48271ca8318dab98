package trace

import (
	"bytes"
	"errors"
	"io"
	"runtime"

	"github.com/repaird/repaird/internal/trace/wire"
)

const (
	firstBlock = 32 << 10
	blockSize  = 1 << 20 // more than a line may have
	maxWorkers = 4
)

// A block is a part of a stream that ends with a line's end, and what a scan
// found in it. Blocks are scanned at the same time and taken in order.
type block struct {
	text    []byte
	events  []wire.Event // whose off is that in text
	others  []span       // lines that are not events
	skipped int
	scanned chan struct{}
}

// A span is a line of a block, after so many events.
type span struct{ after, from, to int }

// stream reads lines. NUL bytes between lines are the unused end of the file of
// a process that was killed.
func (b *builder) stream(r io.Reader) error {
	b.now = nil
	s := splitter{r: r, size: firstBlock}
	var q queue
	defer q.stop()
	for !s.ended {
		blk := q.free()
		blk.text = s.fill(blk.text)
		if s.ended && len(q.pending) == 0 { // all that there is
			blk.scan()
			b.take(blk)
			break
		}
		if q.push(blk); len(q.pending) > q.workers {
			b.take(q.pop())
		}
	}
	for len(q.pending) > 0 {
		b.take(q.pop())
	}
	b.trace.Footer.Skipped += s.long
	return s.err
}

// take takes what was found in a block.
func (b *builder) take(blk *block) {
	b.trace.Footer.Skipped += blk.skipped
	n := 0
	for i := 0; i <= len(blk.others); i++ {
		end := len(blk.events)
		if i < len(blk.others) {
			end = blk.others[i].after
		}
		for ; n < end; n++ {
			e := &blk.events[n]
			b.event(e, blk.text[e.Off:e.Off+e.Size])
		}
		if i < len(blk.others) {
			b.other(blk.text[blk.others[i].from:blk.others[i].to])
		}
	}
}

// scan finds the events of a block.
func (blk *block) scan() {
	blk.events, blk.others, blk.skipped = blk.events[:0], blk.others[:0], 0
	for i := 0; i < len(blk.text); {
		end := bytes.IndexByte(blk.text[i:], '\n')
		if end < 0 {
			end = len(blk.text) - i
		}
		from, to := trim(blk.text, i, i+end)
		i += end + 1
		if from == to {
			continue
		}
		if to-from >= wire.MaxLine {
			blk.skipped++
			continue
		}
		blk.events = append(blk.events, wire.Event{})
		e := &blk.events[len(blk.events)-1]
		if wire.ScanEvent(blk.text[from:to], e) {
			e.Off += uint32(from)
			continue
		}
		blk.events = blk.events[:len(blk.events)-1]
		blk.others = append(blk.others, span{len(blk.events), from, to})
	}
}

// trim cuts white space and NUL bytes off a line.
func trim(text []byte, from, to int) (int, int) {
	blank := func(c byte) bool { return c == 0 || c == '\n' || c == '\r' || c == ' ' || c == '\t' }
	for from < to && blank(text[to-1]) {
		to--
	}
	for from < to && blank(text[from]) {
		from++
	}
	return from, to
}

// A splitter cuts a stream at line ends.
type splitter struct {
	r     io.Reader
	size  int    // of the next block
	carry []byte // begun line
	in    bool   // in a line that is too long
	long  int    // number of such lines
	ended bool
	err   error
}

// fill returns the next lines in the memory of text.
func (s *splitter) fill(text []byte) []byte {
	if cap(text) < s.size {
		text = make([]byte, 0, s.size)
	}
	text = append(text[:0], s.carry...)
	for len(text) < cap(text) && !s.ended {
		n, err := s.r.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if err != nil {
			s.ended = true
			if !errors.Is(err, io.EOF) {
				s.err = err
			}
		}
	}
	s.size = blockSize
	if s.in {
		end := bytes.IndexByte(text, '\n')
		if s.in = end < 0; s.in {
			end = len(text) - 1
		}
		text = text[end+1:]
	}
	if s.ended {
		return text
	}
	end := bytes.LastIndexByte(text, '\n') + 1
	rest := bytes.TrimLeft(text[end:], "\x00")
	if len(rest) >= wire.MaxLine {
		s.in, rest = true, nil
		s.long++
	}
	s.carry = append(s.carry[:0], rest...)
	return text[:end]
}

// EachLine calls f with the lines of a stream, without what is around them, in
// memory that is used again. It returns the number of lines that are too long.
func EachLine(r io.Reader, f func(line []byte)) (long int, err error) {
	s := splitter{r: r, size: blockSize}
	var text []byte
	for !s.ended {
		text = s.fill(text)
		for line := range bytes.Lines(text) {
			if from, to := trim(line, 0, len(line)); from < to {
				f(line[from:to])
			}
		}
	}
	return s.long, s.err
}

// A queue hands blocks to goroutines that scan them.
type queue struct {
	pending []*block // in order
	spare   []*block
	work    chan *block
	workers int
}

// free returns a block to fill.
func (q *queue) free() *block {
	if n := len(q.spare); n > 0 {
		blk := q.spare[n-1]
		q.spare = q.spare[:n-1]
		return blk
	}
	return &block{scanned: make(chan struct{}, 1)}
}

func (q *queue) push(blk *block) {
	if q.work == nil {
		q.workers = min(runtime.GOMAXPROCS(0), maxWorkers)
		q.work = make(chan *block, q.workers+1)
		for range q.workers {
			go func() {
				for blk := range q.work {
					blk.scan()
					blk.scanned <- struct{}{}
				}
			}()
		}
	}
	q.pending = append(q.pending, blk)
	q.work <- blk
}

// pop waits for the first block. It is free again as soon as another is asked for.
func (q *queue) pop() *block {
	blk := q.pending[0]
	q.pending = append(q.pending[:0], q.pending[1:]...)
	<-blk.scanned
	q.spare = append(q.spare, blk)
	return blk
}

func (q *queue) stop() {
	if q.work != nil {
		close(q.work)
	}
}
