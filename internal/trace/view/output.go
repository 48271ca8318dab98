package view

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// WriteFile writes a file that appears complete or not at all, and that only
// its owner can read: traces hold what a program worked on. A name that ends in
// .zst makes it compressed. A link stays one: what it leads to is written. Anything but a regular file, such as a pipe, is written to directly.
func WriteFile(name string, write func(io.Writer) error) error {
	return Replace(name, func(w io.Writer) error { return compressed(w, name, write) })
}

// Replace is WriteFile without compression.
func Replace(name string, write func(io.Writer) error) (err error) {
	target, through, err := resolve(name)
	if err != nil {
		return err
	}
	if through {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		return errors.Join(buffered(f, write), f.Close())
	}
	f, err := beside(target)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err = buffered(f, write); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), target)
}

// Writable returns why WriteFile could not write a file, nil if it could by
// what is known before. It leaves nothing behind.
func Writable(name string) error {
	target, through, err := resolve(name)
	if err != nil {
		return err
	}
	if through {
		if err := unix.Access(name, unix.W_OK); err != nil {
			return &fs.PathError{Op: "write", Path: name, Err: err}
		}
		return nil
	}
	f, err := beside(target)
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", name, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// beside makes the file that takes target's name when it is complete.
func beside(target string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(target), "."+clipName(filepath.Base(target))+".")
}

func clipName(s string) string { return s[:min(len(s), 200)] }

const maxLinks = 40 // as Linux

// resolve follows links, also one that leads to a file that is not there yet.
// through says that the file is to be written to directly: it is not a regular file, or is one that a process holds open (/dev/stdout).
func resolve(name string) (target string, through bool, err error) {
	if name == "" {
		return "", false, errors.New("no file is named")
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return "", false, fmt.Errorf("%s is a directory", name)
	case err == nil && !info.Mode().IsRegular():
		return name, true, nil
	}
	target = name
	for range maxLinks {
		link, err := os.Lstat(target)
		if err != nil || link.Mode()&fs.ModeSymlink == 0 {
			return target, false, nil //nolint:nilerr // what is wrong with it, its use will tell
		}
		if dir, err := filepath.EvalSymlinks(filepath.Dir(target)); err == nil && strings.HasPrefix(dir, "/proc/") {
			return name, true, nil
		}
		to, err := os.Readlink(target)
		if err != nil {
			return "", false, err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Dir(target) + "/" + to // not cleaned: .. of a directory that is a link leads elsewhere
		}
		target = to
	}
	return "", false, fmt.Errorf("%s: too many links", name)
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, 1<<16)
	return errors.Join(write(b), b.Flush())
}

func compressed(w io.Writer, name string, write func(io.Writer) error) error {
	if !strings.HasSuffix(name, ".zst") {
		return write(w)
	}
	z, err := zstd.NewWriter(w)
	if err != nil {
		return err
	}
	return errors.Join(write(z), z.Close())
}
