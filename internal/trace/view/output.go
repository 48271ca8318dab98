package view

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// WriteFile writes a file that appears complete or not at all, and that only
// its owner can read: traces hold what a program worked on. A name that ends in
// .zst makes it compressed; what is no regular file, such as a pipe, is written
// to as it is.
func WriteFile(name string, write func(io.Writer) error) (err error) {
	if info, serr := os.Stat(name); serr == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(writeTo(f, name, write), f.Close())
	}
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
	if err = writeTo(f, name, write); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func writeTo(f *os.File, name string, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(f, 1<<16)
	if !strings.HasSuffix(name, ".zst") {
		return errors.Join(write(b), b.Flush())
	}
	z, err := zstd.NewWriter(b)
	if err != nil {
		return err
	}
	return errors.Join(write(z), z.Close(), b.Flush())
}
