package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// errHeld means that another process or goroutine holds the lock.
var errHeld = errors.New("the lock is held")

// acquire waits for a lock until ctx ends. Closing the file gives it back.
func acquire(ctx context.Context, name string, how int) (*os.File, error) {
	for {
		f, err := try(name, how)
		if !errors.Is(err, errHeld) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, fault.Errorf(fault.Retryable, "wait for the lock of another process: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// try takes a lock or returns errHeld. Removing an entry removes its lock file
// too, so a lock counts only if the name still refers to the locked file.
func try(name string, how int) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if errors.Is(err, fs.ErrNotExist) {
			if f, err = create(name); errors.Is(err, fs.ErrExist) {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
			err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, errHeld
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		mine, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		if there, err := os.Stat(name); err == nil && os.SameFile(mine, there) {
			return f, nil
		}
		f.Close()
	}
}

// create creates a file with mode 0600 that must not exist. Created by root, it
// takes the owner of its folder: a daemon with an account of its own would
// otherwise be shut out by whatever root ran on its store. Only a new file is
// given away, and in the very folder whose owner was read, so that this account
// cannot make root give it any other file.
func create(name string) (_ *os.File, err error) {
	folder, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	f, err := folder.OpenFile(filepath.Base(name), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil || os.Geteuid() != 0 {
		return f, err
	}
	info, err := folder.Stat(".")
	if err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			err = f.Chown(int(owner.Uid), int(owner.Gid))
		}
	}
	if err != nil {
		f.Close()
		_ = folder.Remove(filepath.Base(name))
		return nil, err
	}
	return f, nil
}
