package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// An Info describes one entry.
type Info struct {
	Kind     Kind      `json:"kind"`
	Key      string    `json:"key"`
	Bytes    int64     `json:"bytes"` // on disk
	Built    time.Time `json:"built,omitzero"`
	Used     time.Time `json:"used"`   // last
	InUse    bool      `json:"in_use"` // right now, by any process
	Complete bool      `json:"complete"`
}

// List returns every entry, the least recently used first.
func (s *Store) List() ([]Info, error) {
	var list []Info
	for _, kind := range Kinds {
		names, err := os.ReadDir(filepath.Join(s.dir, string(kind)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, d := range names {
			key, isLock := strings.CutSuffix(d.Name(), ".lock")
			if !isLock {
				continue
			}
			at, err := s.place(kind, key)
			if err != nil {
				continue // not ours
			}
			info, err := d.Info()
			if err != nil {
				continue // it has just been removed
			}
			r, complete := at.record()
			list = append(list, Info{
				Kind: kind, Key: key, Bytes: r.Bytes, Built: r.Built, Used: info.ModTime().UTC(), InUse: at.inUse(), Complete: complete,
			})
		}
	}
	slices.SortStableFunc(list, func(a, b Info) int { return cmp.Or(a.Used.Compare(b.Used), strings.Compare(a.Key, b.Key)) })
	return list, nil
}

// inUse tries the lock without creating the file.
func (p place) inUse() bool {
	f, err := os.OpenFile(p.path+".lock", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// makeRoom evicts entries until one of the given size fits. It only logs its
// errors: an overfull store is better than an aborted run.
func (s *Store) makeRoom(ctx context.Context, size int64) {
	if s.max <= 0 {
		return
	}
	if _, err := s.Prune(ctx, max(s.max-size, 0)); err != nil {
		s.log.Warn("the store could not be kept within its size limit", "max_bytes", s.max, "error", err)
	}
}

// diskFull recognizes the error of a system call, and of a program such as git
// by what it prints. A Stop speaks of the project, whose sandbox has limits of
// its own.
func diskFull(err error) bool {
	if err == nil || fault.AsStop(err) != nil {
		return false
	}
	return errors.Is(err, syscall.ENOSPC) || strings.Contains(strings.ToLower(err.Error()), syscall.ENOSPC.Error())
}

// evictUnused evicts everything that is not in use, as how much the build of an
// entry needs is not known. It reports whether that made any room.
func (s *Store) evictUnused(ctx context.Context, at place) bool {
	s.log.Warn("the disk is full: everything unused is evicted from the store", "kind", at.kind, "key", at.key)
	removed, err := s.Prune(ctx, 0)
	if err != nil {
		s.log.Warn("not everything unused could be evicted from the store", "error", err)
	}
	return len(removed) > 0
}

// Prune evicts the least recently used entries until the rest take at most
// maxBytes, and removes what killed builders left. It returns what it removed;
// entries in use are kept.
func (s *Store) Prune(ctx context.Context, maxBytes int64) (removed []Info, err error) {
	// Two at once would each count what the other is about to remove.
	lock, err := acquire(ctx, filepath.Join(s.dir, "prune.lock"), syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	list, err := s.List()
	if err != nil {
		return nil, err
	}
	var total int64
	for _, i := range list {
		total += i.Bytes
	}
	var errs []error
	for _, i := range list {
		if i.Complete && total <= maxBytes {
			continue
		}
		if gone, err := s.remove(i); err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", i.Kind, i.Key, err))
		} else if gone {
			total -= i.Bytes
			removed = append(removed, i)
			s.log.Info("evicted from the store", "kind", i.Kind, "key", i.Key, "bytes", i.Bytes)
		}
	}
	return removed, errors.Join(errs...)
}

// remove removes an entry unless it is in use.
func (s *Store) remove(i Info) (bool, error) {
	at, err := s.place(i.Kind, i.Key)
	if err != nil {
		return false, err
	}
	lock, err := try(at.path+".lock", syscall.LOCK_EX)
	if errors.Is(err, errHeld) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer lock.Close()
	// The record goes first: a half-removed entry must not look complete.
	if err := ignoreMissing(os.Remove(at.path + ".json")); err != nil {
		return false, err
	}
	if err := removeAll(at.path); err != nil {
		return false, err
	}
	return true, os.Remove(at.path + ".lock")
}
