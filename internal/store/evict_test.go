package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/store"
)

// logged opens a bounded store that logs to the buffer.
func logged(t *testing.T, dir string, maxBytes int64) (*store.Store, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	s, err := store.Open(dir, store.Options{MaxBytes: maxBytes, Logger: slog.New(slog.NewTextHandler(log, nil))})
	must(t, err)
	return s, log
}

func TestEveryEvictionIsLogged(t *testing.T) {
	t.Parallel()
	s, log := logged(t, t.TempDir(), 1)
	use(t, s, "old", write("a", 8192)).Release()
	use(t, s, "new", write("a", 8192)).Release()
	for _, want := range []string{"level=INFO", "kind=trees", "key=old", "bytes="} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("got %q, want %q in it", log, want)
		}
	}
}

func TestAFailureToMakeRoomIsLogged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, log := logged(t, dir, 1)
	must(t, os.Mkdir(filepath.Join(dir, "prune.lock"), 0o755)) // it cannot be opened
	use(t, s, "abc", write("a", 8192)).Release()
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "prune.lock") {
		t.Errorf("got %q, want a warning about prune.lock", log)
	}
}

func TestWhatRootCreatesBelongsToTheOwnerOfTheFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can create files for others")
	}
	const daemon = 54321
	dir := t.TempDir()
	s := open(t, dir, 1)
	for _, d := range []string{"", "trees"} {
		must(t, os.Chown(filepath.Join(dir, d), daemon, daemon))
	}
	use(t, s, "abc", write("a", 1)).Release()
	for _, name := range []string{"prune.lock", "trees/abc.lock", "trees/abc.json"} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		st := info.Sys().(*syscall.Stat_t)
		if st.Uid != daemon || st.Gid != daemon || info.Mode().Perm() != 0o600 {
			t.Errorf("%s belongs to %d:%d with mode %v", name, st.Uid, st.Gid, info.Mode())
		}
	}
}

func TestRootGivesNoFileAwayThatWasThere(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir, target := t.TempDir(), filepath.Join(t.TempDir(), "target")
	s := open(t, dir, 1)
	must(t, os.WriteFile(target, nil, 0o600))
	must(t, os.Symlink(target, filepath.Join(dir, "prune.lock")))
	must(t, os.Chown(dir, 54321, 54321))
	use(t, s, "abc", write("a", 1)).Release()
	info, err := os.Stat(target)
	must(t, err)
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 0 {
		t.Errorf("the file behind the link now belongs to %d", uid)
	}
}

func TestAFullDiskEvictsAndRetriesOnce(t *testing.T) {
	t.Parallel()
	full := &os.PathError{Op: "write", Path: "a", Err: syscall.ENOSPC}
	for _, c := range []struct {
		name   string
		err    error
		left   []string // unused entries from before
		always bool     // the disk stays full
		builds int
		keys   string
	}{
		{"a system call", full, []string{"old"}, false, 2, "new"},
		{"a program", errors.New("git fetch: fatal: write error: No space left on device"), []string{"old"}, false, 2, "new"},
		{"still full", full, []string{"old"}, true, 2, ""},
		{"nothing to evict", full, nil, true, 1, ""},
		{"another error", errors.New("no"), []string{"old"}, true, 1, "old"},
		{"a stop", &fault.Stop{Type: fault.NeedsEnvironment, Detail: "No space left on device"}, []string{"old"}, true, 1, "old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, t.TempDir(), 0)
			for _, key := range c.left {
				use(t, s, key, write("a", 1)).Release()
			}
			builds := 0
			e, err := s.Use(t.Context(), store.Trees, "new", func(ctx context.Context, dir string) error {
				if builds++; c.always || builds == 1 {
					return c.err
				}
				return write("a", 1)(ctx, dir)
			})
			e.Release()
			if builds != c.builds || c.always && !errors.Is(err, c.err) || !c.always && err != nil {
				t.Errorf("built %d times, %v; want %d", builds, err, c.builds)
			}
			if got := keys(t, s); got != c.keys {
				t.Errorf("left are %q, want %q", got, c.keys)
			}
		})
	}
}
