package local

import (
	"context"
	"encoding/json"
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

// A Folder is a Store of JSON files, one per pull request and comment:
//
//	DIR/pulls/000001.json
//	DIR/comments/<repository, / as _>-<issue>-<key>.json
//
// A lock file serialises processes. Each lookup reads every record, which is fine
// for the few dozen records of a demo.
type Folder struct{ dir string }

var _ Store = (*Folder)(nil)

// NewFolder returns a Folder, creating the directory if necessary.
func NewFolder(dir string) (*Folder, error) {
	for _, sub := range []string{"pulls", "comments"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fault.Errorf(fault.Invalid, "pull request store: %w", err)
		}
	}
	return &Folder{dir}, nil
}

// Pulls returns all records, ordered by number.
func (d *Folder) Pulls(ctx context.Context) (all []Record, err error) {
	err = d.locked(ctx, func() error { all, err = d.read(); return err })
	return all, err
}

// Find implements Store.
func (d *Folder) Find(ctx context.Context, repository, key string) (found *Record, err error) {
	err = d.locked(ctx, func() error { found, _, err = d.find(repository, key); return err })
	return found, err
}

// Create implements Store.
func (d *Folder) Create(ctx context.Context, r Record) (stored *Record, created bool, err error) {
	err = d.locked(ctx, func() error {
		have, next, err := d.find(r.Repository, r.Key)
		if err != nil || have != nil {
			stored = have
			return err
		}
		r.Number = next
		stored, created = &r, true
		return d.write(r)
	})
	return stored, created, err
}

// Decorate implements Store.
func (d *Folder) Decorate(ctx context.Context, repository, key string, check *Check, labels []string) error {
	return d.change(ctx, repository, key, func(r *Record) { r.Check, r.Labels = check, labels })
}

// SetState sets the state (open, closed or merged) of the record with the key.
func (d *Folder) SetState(ctx context.Context, repository, key, state string) error {
	return d.change(ctx, repository, key, func(r *Record) { r.State = state })
}

func (d *Folder) change(ctx context.Context, repository, key string, do func(*Record)) error {
	return d.locked(ctx, func() error {
		r, _, err := d.find(repository, key)
		if err != nil {
			return err
		}
		if r == nil {
			return fault.Errorf(fault.NotFound, "%s has no pull request with key %s", repository, key)
		}
		do(r)
		return d.write(*r)
	})
}

// AddComment implements Store.
func (d *Folder) AddComment(ctx context.Context, c Comment) error {
	name := fmt.Sprintf("%s-%d-%s.json", strings.ReplaceAll(strings.ToLower(c.Repository), "/", "_"), c.Issue, c.Key)
	path := filepath.Join(d.dir, "comments", name)
	return d.locked(ctx, func() error {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return writeJSON(path, c)
	})
}

// Comments returns the comments, oldest first.
func (d *Folder) Comments(ctx context.Context) (all []Comment, err error) {
	err = d.locked(ctx, func() error {
		names, err := filepath.Glob(filepath.Join(d.dir, "comments", "*.json"))
		if err != nil {
			return err
		}
		for _, name := range names {
			var c Comment
			if err := readJSON(name, &c); err != nil {
				return err
			}
			all = append(all, c)
		}
		slices.SortStableFunc(all, func(a, b Comment) int { return a.Created.Compare(b.Created) })
		return nil
	})
	return all, err
}

// locked runs do while holding the lock file. It stops waiting when ctx ends.
func (d *Folder) locked(ctx context.Context, do func() error) (err error) {
	f, err := os.OpenFile(filepath.Join(d.dir, "lock"), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fault.Errorf(fault.Retryable, "lock the folder of pull requests: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }() // closing unlocks
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return do()
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fault.Errorf(fault.Retryable, "lock the folder of pull requests: %w", err)
		}
		select {
		case <-ctx.Done():
			return fault.Errorf(fault.Retryable, "lock the folder of pull requests: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

func (d *Folder) read() ([]Record, error) {
	names, err := filepath.Glob(filepath.Join(d.dir, "pulls", "*.json"))
	if err != nil {
		return nil, err
	}
	var all []Record
	for _, name := range names {
		var r Record
		if err := readJSON(name, &r); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Record) int { return a.Number - b.Number })
	return all, nil
}

func (d *Folder) find(repository, key string) (found *Record, next int, err error) {
	all, err := d.read()
	next = 1
	for i, r := range all {
		next = max(next, r.Number+1)
		if r.Key == key && strings.EqualFold(r.Repository, repository) {
			found = &all[i]
		}
	}
	return found, next, err
}

func (d *Folder) write(r Record) error {
	return writeJSON(filepath.Join(d.dir, "pulls", fmt.Sprintf("%06d.json", r.Number)), r)
}

// writeJSON replaces a file atomically.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fault.Errorf(fault.Invalid, "%s: %w", path, err)
	}
	return nil
}
