package run

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// keep writes the trace files of a directory to one file: they may be
// concatenated in any order. The file appears complete or not at all, and only
// its owner can read it: a trace holds what the program worked on.
func keep(dir, name string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	var w io.WriteCloser = nopCloser{f}
	if strings.HasSuffix(name, ".zst") {
		if w, err = zstd.NewWriter(f); err != nil {
			return err
		}
	}
	if err = concatenate(w, dir); err != nil {
		return err
	}
	if err = w.Close(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if info, serr := os.Stat(name); serr == nil && !info.Mode().IsRegular() {
		return copyTo(name, f.Name()) // a pipe or /dev/stdout is written to, not replaced
	}
	return os.Rename(f.Name(), name)
}

func copyTo(name, from string) error {
	defer os.Remove(from)
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// traceFiles lists the trace files of a directory, in the order of their names.
func traceFiles(dir string) ([]string, error) {
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
	return names, nil
}

// concatenate copies the trace without the NUL bytes that end the file of a
// process that was killed.
func concatenate(w io.Writer, dir string) error {
	names, err := traceFiles(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := copyLines(w, name); err != nil {
			return err
		}
	}
	return nil
}

func copyLines(w io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 256<<10)
	for {
		line, err := r.ReadSlice('\n')
		if i := bytes.IndexByte(line, 0); i >= 0 {
			line = bytes.Trim(line, "\x00")
		}
		if _, werr := w.Write(line); werr != nil {
			return werr
		}
		switch {
		case errors.Is(err, io.EOF):
			if len(line) > 0 && line[len(line)-1] != '\n' {
				_, err := w.Write([]byte{'\n'}) // a line that was cut ends here
				return err
			}
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}
