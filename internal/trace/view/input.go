package view

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/repaird/repaird/internal/pytrace"
)

// maxWindow bounds what a compressed trace may ask the decoder to hold.
const maxWindow = 128 << 20

// Open reads a trace: a file, plain or compressed with zstd; a directory that
// holds trace files; or, for "-", what stdin gives. Files are recognised by
// their content.
func Open(name string, stdin io.Reader) (*pytrace.Trace, error) {
	if name == "-" {
		return readStream(stdin)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return openDir(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := readStream(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

// openDir reads the trace files of a directory. Where it holds only files that
// were kept under names of their own, these are read one after the other.
func openDir(dir string) (*pytrace.Trace, error) {
	t, err := pytrace.ReadDir(dir)
	if err != nil || t.Traced() {
		return t, err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl*"))
	if err != nil || len(names) == 0 {
		return t, err
	}
	slices.Sort(names)
	var readers []io.Reader
	for _, name := range names {
		if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		plain, done, err := decompress(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		defer done()
		readers = append(readers, plain, strings.NewReader("\n"))
	}
	return pytrace.Read(io.MultiReader(readers...))
}

func readStream(r io.Reader) (*pytrace.Trace, error) {
	plain, done, err := decompress(r)
	if err != nil {
		return nil, err
	}
	defer done()
	return pytrace.Read(plain)
}

// decompress looks at the first bytes of r.
func decompress(r io.Reader) (io.Reader, func(), error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(4)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	if !bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		return b, func() {}, nil
	}
	d, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, nil, err
	}
	return d, d.Close, nil
}
