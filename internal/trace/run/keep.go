package run

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/repaird/repaird/internal/pytrace"
)

// keep writes the trace files of a directory to one file. The file appears complete or not at all, and only
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
	if err = pytrace.Merge(w, dir); err != nil {
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
