package trace

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Bounds of a whole trace.
const (
	MaxStream  = 512 << 20 // bytes, decompressed
	maxRecords = 2_000_000
	maxDefs    = 400_000
	maxNumbers = 4_000_000 // numbers of lines that can run
	maxProcs   = 1000
	maxWindow  = 16 << 20 // memory that a compressed stream may ask for
	procShift  = 40       // call ids of process n have n in the bits above
)

// Read reads JSON Lines, plain or compressed with zstd. It tolerates a cut end
// and skips what does not fit the schema, counting it: a trace comes from
// hostile code. An error means that r could not be read; the trace up to there
// is returned with it.
func Read(r io.Reader) (*Trace, error) {
	b := newBuilder()
	left := int64(MaxStream)
	err := b.read(r, &left)
	return b.finish(), err
}

// Open reads the trace in a file, or in the files of a directory.
func Open(name string) (*Trace, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return ReadDir(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f)
}

// ReadDir reads the trace files of a directory, in the order of process ids,
// without following links. A directory without any gives a trace that was not
// Traced.
func ReadDir(dir string) (*Trace, error) {
	names, err := Files(dir)
	if err != nil {
		return nil, err
	}
	b := newBuilder()
	left := int64(MaxStream)
	for _, name := range names {
		if err := b.file(name, &left); err != nil {
			return nil, err
		}
	}
	return b.finish(), nil
}

// Files returns the paths of a directory's trace files in order.
func Files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasPrefix(e.Name(), "trace-") && strings.HasSuffix(e.Name(), ".jsonl") {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	// A process comes before those that it started, also where 9999 starts 10000.
	slices.SortStableFunc(names, func(a, b string) int { return digits(a) - digits(b) })
	return names, nil
}

// digits counts those of the process id in the name of a trace file.
func digits(name string) int {
	id := strings.TrimPrefix(filepath.Base(name), "trace-")
	return len(id) - len(strings.TrimLeft(id, "0123456789"))
}

func (b *builder) file(name string, left *int64) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return b.read(f, left)
}

// read reads one stream, of which and of those after it left bytes may be read.
func (b *builder) read(r io.Reader, left *int64) error {
	plain, done, err := Decompressed(r)
	if err != nil {
		return err
	}
	defer done()
	end := &endReader{r: plain, last: '\n'}
	limited := &io.LimitedReader{R: end, N: *left}
	err = b.stream(limited)
	if *left = limited.N; *left <= 0 {
		b.trace.Footer.Cut = true
	}
	if *left > 0 && end.last != '\n' && end.last != 0 {
		b.trace.torn = true
	}
	if errors.Is(err, io.ErrUnexpectedEOF) { // a compressed stream that was cut
		err, b.trace.torn = nil, true
	}
	return err
}

// An endReader remembers the last byte.
type endReader struct {
	r    io.Reader
	last byte
}

func (e *endReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if n > 0 {
		e.last = p[n-1]
	}
	return n, err
}

// Version is the version of the format, 0 where no process said it. Of one
// above FormatVersion, what was read may be little.
func (t *Trace) Version() int { return t.version }

// FormatVersion is the version of SCHEMA.md that this package reads.
const FormatVersion = 1

// Torn says whether a stream ended in the middle of a line or of compressed
// data: it was cut after it was written.
func (t *Trace) Torn() bool { return t.torn }

var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// Decompressed returns r, or what r decompresses to where it begins as zstd
// does. done frees what that took.
func Decompressed(r io.Reader) (plain io.Reader, done func(), err error) {
	buffered := bufio.NewReaderSize(r, 16)
	magic, err := buffered.Peek(len(zstdMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	if !bytes.Equal(magic, zstdMagic) {
		return buffered, func() {}, nil
	}
	z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}
