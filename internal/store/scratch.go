package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// A Scratch is one process's private directory below a directory that processes
// share. It lives as long as its process holds the lock next to it; [Reap]
// removes those of dead processes.
type Scratch struct {
	Dir  string // mode 0755: the sandbox's account must reach it
	lock *os.File
}

// OpenScratch creates this process's directory below dir.
func OpenScratch(dir string) (_ *Scratch, err error) {
	defer fault.Wrap(&err, "create scratch directory")
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	b := make([]byte, 8)
	_, _ = rand.Read(b)
	name := filepath.Join(dir, fmt.Sprintf("%d-%s", os.Getpid(), hex.EncodeToString(b)))
	// The lock comes first, so that a directory without one is abandoned.
	lock, err := try(name+".lock", syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	if err = os.Mkdir(name, 0o755); err == nil {
		err = os.Chmod(name, 0o755) // whatever the umask is
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return &Scratch{Dir: name, lock: lock}, nil
}

// Mkdir creates a directory that the sandbox's account can enter; remove
// deletes it.
func (s *Scratch) Mkdir(prefix string) (dir string, remove func(), err error) {
	if dir, err = os.MkdirTemp(s.Dir, prefix); err != nil {
		return "", nil, err
	}
	if err = os.Chmod(dir, 0o755); err != nil {
		return "", nil, err
	}
	return dir, func() { _ = removeAll(dir) }, nil
}

// Close removes the directory and its content.
func (s *Scratch) Close() error {
	err := errors.Join(removeAll(s.Dir), os.Remove(s.Dir+".lock"))
	s.lock.Close()
	return err
}

// abandoned is how long a directory without a lock, as older versions created,
// must have been untouched.
const abandoned = 24 * time.Hour

// Reap removes the scratch directories below dir whose process is dead, and
// returns their number.
func Reap(dir string) (n int, err error) {
	names, err := os.ReadDir(dir)
	if ignoreMissing(err) != nil {
		return 0, err
	}
	var errs []error
	for _, d := range names {
		path := filepath.Join(dir, d.Name())
		name, isLock := strings.CutSuffix(path, ".lock")
		if !isLock {
			info, err := d.Info()
			if _, lockErr := os.Lstat(path + ".lock"); err == nil && lockErr != nil && time.Since(info.ModTime()) > abandoned {
				errs, n = append(errs, removeAll(path)), n+1
			}
			continue
		}
		lock, err := try(path, syscall.LOCK_EX)
		if errors.Is(err, errHeld) {
			continue
		}
		if err == nil {
			err = errors.Join(removeAll(name), os.Remove(path))
			lock.Close()
			n++
		}
		errs = append(errs, err)
	}
	return n, errors.Join(errs...)
}
