// Package store caches what can be rebuilt, below one directory: mirrors of
// repositories, trees of commits, environments. Each entry is a directory with
// a key, built once and then shared by every run of every process on the host,
// until it is evicted as the least recently used.
//
//	s, err := store.Open(dir, store.Options{MaxBytes: 20 << 30})
//	e, err := s.Use(ctx, store.Trees, sha, func(ctx context.Context, dir string) error {
//		return checkout(ctx, sha, dir) // dir exists and is empty
//	})
//	defer e.Release()
//	// e.Dir stays until Release; it must not be written to
//
// An entry in use is never evicted, not even by another process: users hold a
// shared flock on its lock file, builders and removers an exclusive one. The
// kernel releases the locks of a killed process, and its half-built entries are
// rebuilt.
//
// Stored format, for a kind and a key:
//
//	<kind>/<key>/      the entry, with mode 0755 up to the top: the sandbox's account must reach it
//	<kind>/<key>.json  written when it is complete: its size and when it was built
//	<kind>/<key>.lock  the lock; its modification time is the entry's last use
//
// Everything can be deleted when nothing runs.
//
// A [Scratch] is the counterpart: directories of one process, removed after its
// death.
package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// A Kind of entry is the name of its directory.
type Kind string

// The kinds.
const (
	Mirrors      Kind = "mirrors"      // of repositories, by the digest of their address; they grow while they are used
	Trees        Kind = "trees"        // of commits, by commit and what was left out of them
	Environments Kind = "environments" // by the digest of all their inputs
)

// Kinds are all kinds.
var Kinds = []Kind{Mirrors, Trees, Environments}

// Options bound a store and say where it reports.
type Options struct {
	MaxBytes int64        // on disk, of all entries together; 0 is unlimited
	Logger   *slog.Logger // of what is evicted, and of what could not be; nil discards
}

// A Store is safe for concurrent use, also by several processes.
type Store struct {
	dir string
	max int64
	log *slog.Logger
}

// Open returns the store below dir, which is created if necessary.
func Open(dir string, o Options) (_ *Store, err error) {
	defer fault.Wrap(&err, "open store")
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	for _, k := range Kinds {
		if err := os.MkdirAll(filepath.Join(dir, string(k)), 0o755); err != nil {
			return nil, err
		}
	}
	return newStore(dir, o), nil
}

// OpenExisting returns the store below dir and creates nothing: a missing
// directory is a fault.NotFound.
func OpenExisting(dir string, o Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Errorf(fault.NotFound, "%s does not exist", dir)
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fault.Errorf(fault.Invalid, "%s is not a directory", dir)
	}
	return newStore(dir, o), nil
}

func newStore(dir string, o Options) *Store {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Store{dir: dir, max: o.MaxBytes, log: o.Logger}
}

// An Entry is in use until Release. Dir must not be written to, except for a
// mirror's.
type Entry struct {
	Dir   string
	store *Store
	at    place
	lock  *os.File
}

// Release ends the use. Further calls do nothing.
func (e *Entry) Release() {
	if e == nil || e.lock == nil {
		return
	}
	if e.at.kind == Mirrors {
		e.measureAgain()
	}
	e.lock.Close()
	e.lock = nil
}

// measureAgain records a new size if it has changed much: a mirror grows by
// what is fetched into it.
func (e *Entry) measureAgain() {
	r, ok := e.at.record()
	size, err := diskUse(e.Dir)
	if !ok || err != nil || size == r.Bytes {
		return
	}
	r.Bytes = size
	_ = e.at.write(r) // the old size will do
}

// place is the location of one entry.
type place struct {
	kind Kind
	key  string
	path string // without extension
}

var validKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

func (s *Store) place(kind Kind, key string) (place, error) {
	if !validKey.MatchString(key) {
		return place{}, fault.Errorf(fault.Invalid, "store: %q is not a valid key", key)
	}
	return place{kind, key, filepath.Join(s.dir, string(kind), key)}, nil
}

// A record says that an entry is complete.
type record struct {
	Bytes int64     `json:"bytes"`
	Built time.Time `json:"built"`
}

func (p place) record() (r record, ok bool) {
	b, err := os.ReadFile(p.path + ".json")
	return r, err == nil && json.Unmarshal(b, &r) == nil
}

// write syncs what a complete entry is known by, before it gets its name: after
// a power cut there is either no record or a whole one, of a directory that is
// there. The content of the entry's files is not synced, because that would
// write back the whole disk's caches: those of an entry that was built within
// the last seconds may be lost while its record stays.
func (p place) write(r record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	name := filepath.Join(filepath.Dir(p.path), ".record-"+rand.Text())
	f, err := create(name)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(p.path)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(name, p.path+".json")
	}
	if err != nil {
		_ = os.Remove(name)
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Use returns the entry of a key and builds it if it does not exist: build gets
// an empty directory. Of several concurrent callers one builds, the others
// wait. An error of build is returned as it is, and leaves no entry. Only if the
// disk is full is build called a second time, once entries have been evicted,
// whatever the size limit is.
func (s *Store) Use(ctx context.Context, kind Kind, key string, build func(ctx context.Context, dir string) error) (*Entry, error) {
	at, err := s.place(kind, key)
	if err != nil {
		return nil, err
	}
	for retried := false; ; {
		e, err := s.shared(ctx, at, true)
		if e != nil || err != nil {
			return e, err
		}
		err = s.build(ctx, at, build)
		if diskFull(err) && !retried && s.evictUnused(ctx, at) {
			retried = true
			continue
		}
		if err != nil {
			return nil, err
		}
	}
}

// Lookup returns the entry of a key; ok is false where there is none.
func (s *Store) Lookup(ctx context.Context, kind Kind, key string) (e *Entry, ok bool, err error) {
	at, err := s.place(kind, key)
	if err != nil {
		return nil, false, err
	}
	e, err = s.shared(ctx, at, false)
	return e, e != nil, err
}

// shared locks the entry for use; nil if it is not complete.
func (s *Store) shared(ctx context.Context, at place, wait bool) (*Entry, error) {
	if _, ok := at.record(); !ok && !wait {
		return nil, nil
	}
	lock, err := acquire(ctx, at.path+".lock", syscall.LOCK_SH)
	if err != nil {
		return nil, err
	}
	if _, ok := at.record(); !ok {
		lock.Close()
		return nil, nil
	}
	now := time.Now()
	_ = os.Chtimes(at.path+".lock", now, now) // last use; without it the entry goes earlier
	return &Entry{Dir: at.path, store: s, at: at, lock: lock}, nil
}

// build builds the entry, unless another process has done so by the time the
// lock is acquired.
func (s *Store) build(ctx context.Context, at place, build func(context.Context, string) error) error {
	lock, err := acquire(ctx, at.path+".lock", syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, ok := at.record(); ok {
		return nil
	}
	if err := removeAll(at.path); err != nil { // of a builder that was killed
		return err
	}
	if err := os.Mkdir(at.path, 0o755); err != nil {
		return err
	}
	// Whatever the umask is.
	if err = os.Chmod(at.path, 0o755); err == nil {
		err = build(ctx, at.path)
	}
	var size int64
	if err == nil {
		size, err = diskUse(at.path)
	}
	if err == nil {
		s.makeRoom(ctx, size)
		err = at.write(record{Bytes: size, Built: time.Now().UTC()})
	}
	if err != nil {
		_ = removeAll(at.path)
		_ = os.Remove(at.path + ".lock")
	}
	return err
}

// diskUse counts the blocks that a directory takes; a hard-linked file counts
// once.
func diskUse(dir string) (n int64, err error) {
	seen := map[uint64]bool{}
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return ignoreMissing(err)
		}
		info, err := d.Info()
		if err != nil {
			return ignoreMissing(err)
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			n += info.Size()
			return nil
		}
		if st.Nlink > 1 && !d.IsDir() {
			if seen[st.Ino] {
				return nil
			}
			seen[st.Ino] = true
		}
		n += st.Blocks * 512
		return nil
	})
	return n, err
}

// ignoreMissing lets others remove files while a mirror is measured.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// removeAll removes a directory, even if code in a sandbox has removed its own
// permissions on subdirectories.
func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(name, 0o700) //nolint:gosec // a directory, about to be removed
		}
		return nil
	})
	return os.RemoveAll(dir)
}
