package pytrace

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of a whole trace.
const (
	maxStream  = 256 << 20
	maxRecords = 1_000_000
	maxDefs    = 400_000
	maxNumbers = 4_000_000 // numbers of lines that can run
	maxProcs   = 1000
	procShift  = 40 // call ids of process n have n in the bits above
)

// Read reads JSON Lines. It tolerates a cut last line and skips what does not
// fit the schema, counting it: a trace comes from hostile code. An error means
// that r could not be read; the trace up to there is returned with it.
func Read(r io.Reader) (*Trace, error) {
	b := newBuilder()
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
	b := newBuilder()
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
		if line = trim(line); len(line) > 0 {
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

// trim cuts off white space and NUL bytes.
func trim(line []byte) []byte {
	blank := func(c byte) bool { return c == 0 || c == '\n' || c == '\r' || c == ' ' || c == '\t' }
	for len(line) > 0 && blank(line[len(line)-1]) {
		line = line[:len(line)-1]
	}
	for len(line) > 0 && blank(line[0]) {
		line = line[1:]
	}
	return line
}

func (b *builder) line(line []byte) {
	if !b.decode(line, &b.wire) || !b.accept(&b.wire) {
		b.trace.Footer.Skipped++
	}
}
