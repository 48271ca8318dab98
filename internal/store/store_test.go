package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/store"
)

// The test binary, executed again, is another process that uses the same
// directory.
func TestMain(m *testing.M) {
	if role := os.Getenv("STORE_TEST_ROLE"); role != "" {
		if err := other(role, os.Getenv("STORE_TEST_DIR")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func other(role, dir string) error {
	ctx := context.Background()
	switch role {
	case "scratch":
		s, err := store.OpenScratch(dir)
		if err != nil {
			return err
		}
		tree, _, err := s.Mkdir("tree-")
		if err != nil {
			return err
		}
		fmt.Println(tree)
		return os.WriteFile(filepath.Join(tree, "left.py"), []byte("x = 1\n"), 0o600)
	case "user":
		s, err := store.Open(dir, store.Options{})
		if err != nil {
			return err
		}
		_, err = s.Use(ctx, store.Trees, "shared", write("a", 8192))
		fmt.Println("in use")
		return err
	case "builder":
		s, err := store.Open(dir, store.Options{})
		if err != nil {
			return err
		}
		_, err = s.Use(ctx, store.Trees, "shared", func(_ context.Context, dir string) error {
			if err := os.WriteFile(filepath.Join(dir, "half"), nil, 0o600); err != nil {
				return err
			}
			fmt.Println("half built")
			_, err := io.Copy(io.Discard, os.Stdin)
			return err
		})
		return err
	}
	return errors.New("no such role")
}

// start starts another process and returns what it says first; kill ends it as
// kill -9 does.
func start(t *testing.T, role, dir string) (said string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_ROLE="+role, "STORE_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	kill = sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); in.Close() })
	t.Cleanup(kill)
	said, err = bufio.NewReader(out).ReadString('\n')
	must(t, err)
	return strings.TrimSpace(said), kill
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string, maxBytes int64) *store.Store {
	t.Helper()
	s, err := store.Open(dir, store.Options{MaxBytes: maxBytes})
	must(t, err)
	return s
}

// write builds an entry of one file.
func write(name string, size int) func(context.Context, string) error {
	return func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600)
	}
}

func use(t *testing.T, s *store.Store, key string, build func(context.Context, string) error) *store.Entry {
	t.Helper()
	e, err := s.Use(t.Context(), store.Trees, key, build)
	must(t, err)
	return e
}

func keys(t *testing.T, s *store.Store) string {
	t.Helper()
	list, err := s.List()
	must(t, err)
	var out []string
	for _, i := range list {
		out = append(out, i.Key)
	}
	return strings.Join(out, " ")
}

func TestAnEntryIsBuiltOnceForAllWhoWantIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var builds atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		s := open(t, dir, 0)
		wg.Go(func() {
			e, err := s.Use(t.Context(), store.Environments, "abc", func(ctx context.Context, dir string) error {
				builds.Add(1)
				return write("a", 10)(ctx, dir)
			})
			if err != nil {
				t.Error(err)
				return
			}
			defer e.Release()
			if _, err := os.Stat(filepath.Join(e.Dir, "a")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if builds.Load() != 1 {
		t.Errorf("built %d times", builds.Load())
	}
}

func TestLookupBuildsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, 0)
	if e, ok, err := s.Lookup(t.Context(), store.Trees, "none"); e != nil || ok || err != nil {
		t.Errorf("got %v %v %v", e, ok, err)
	}
	if k := keys(t, s); k != "" {
		t.Errorf("a look-up left %q", k)
	}
	use(t, s, "there", write("a", 1)).Release()
	e, ok, err := s.Lookup(t.Context(), store.Trees, "there")
	if !ok || err != nil {
		t.Fatalf("got %v %v", ok, err)
	}
	e.Release()
	e.Release()
}

func TestAFailedBuildLeavesNothingAndItsError(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), 0)
	stop := &fault.Stop{Type: fault.NeedsEnvironment}
	_, err := s.Use(t.Context(), store.Environments, "abc", func(ctx context.Context, dir string) error {
		_ = write("half", 10)(ctx, dir)
		return stop
	})
	if fault.AsStop(err) != stop {
		t.Errorf("got %v", err)
	}
	if k := keys(t, s); k != "" {
		t.Errorf("left %q", k)
	}
	use(t, s, "abc", write("a", 1)).Release()
}

func TestTheLeastRecentlyUsedGoFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, 0)
	for _, key := range []string{"one", "two", "three"} {
		use(t, s, key, write("a", 100_000)).Release()
	}
	old := time.Now().Add(-time.Hour)
	for i, key := range []string{"two", "three", "one"} {
		at := old.Add(time.Duration(i) * time.Minute)
		must(t, os.Chtimes(filepath.Join(dir, "trees", key+".lock"), at, at))
	}
	use(t, s, "two", nil).Release() // now the latest
	bounded := open(t, dir, 350_000)
	use(t, bounded, "four", write("a", 100_000)).Release()
	if got := keys(t, s); got != "one two four" {
		t.Errorf("left are %s", got)
	}
}

func TestAnEntryInUseIsNeverRemoved(t *testing.T) {
	t.Parallel()
	t.Run("by this process", func(t *testing.T) {
		t.Parallel()
		s := open(t, t.TempDir(), 1)
		e := use(t, s, "held", write("a", 8192))
		use(t, s, "next", write("a", 8192)).Release()
		if _, err := os.Stat(filepath.Join(e.Dir, "a")); err != nil {
			t.Error(err)
		}
		e.Release()
		use(t, s, "last", write("a", 8192)).Release()
		if got := keys(t, s); got != "last" {
			t.Errorf("left are %s", got)
		}
	})
	t.Run("by another process, until it is killed", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		_, kill := start(t, "user", dir)
		s := open(t, dir, 0)
		list, err := s.List()
		must(t, err)
		if len(list) != 1 || !list[0].InUse || list[0].Bytes < 8192 {
			t.Errorf("got %+v", list)
		}
		removed, err := s.Prune(t.Context(), 0)
		if len(removed) != 0 || err != nil {
			t.Errorf("removed %v, %v", removed, err)
		}
		kill()
		removed, err = s.Prune(t.Context(), 0)
		if len(removed) != 1 || err != nil || keys(t, s) != "" {
			t.Errorf("removed %v, %v", removed, err)
		}
	})
}

func TestWhatAKilledBuilderLeftIsBuiltAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, kill := start(t, "builder", dir)
	s := open(t, dir, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Use(ctx, store.Trees, "shared", write("a", 1)); fault.KindOf(err) != fault.Retryable {
		t.Errorf("beside a builder: got %v, want a retryable error", err)
	}
	kill()
	e := use(t, s, "shared", write("a", 1))
	defer e.Release()
	if _, err := os.Stat(filepath.Join(e.Dir, "half")); err == nil {
		t.Error("the half of the killed builder is still there")
	}
}

func TestAnEntryThatShutsItsOwnerOutIsRemoved(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), 0)
	use(t, s, "shut", func(ctx context.Context, dir string) error {
		inner := filepath.Join(dir, "a", "b")
		if err := os.MkdirAll(inner, 0o755); err != nil {
			return err
		}
		return errors.Join(write("x", 1)(ctx, inner), os.Chmod(inner, 0o500))
	}).Release()
	if removed, err := s.Prune(t.Context(), 0); len(removed) != 1 || err != nil {
		t.Errorf("removed %v, %v", removed, err)
	}
}

func TestAMirrorIsMeasuredAgain(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), 0)
	e, err := s.Use(t.Context(), store.Mirrors, "m", write("a", 1))
	must(t, err)
	must(t, write("pack", 1<<20)(t.Context(), e.Dir))
	e.Release()
	if list, err := s.List(); err != nil || list[0].Bytes < 1<<20 {
		t.Errorf("got %+v, %v", list, err)
	}
}

func TestTheSandboxReachesAnEntry(t *testing.T) {
	t.Parallel()
	top := filepath.Join(t.TempDir(), "store")
	s := open(t, top, 0)
	e := use(t, s, "abc", write("a", 1))
	defer e.Release()
	for dir := e.Dir; len(dir) >= len(top); dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
	}
}

func TestOddKeysAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), 0)
	for _, key := range []string{"", ".", "..", "a/b", "sha256:abc", "a.lock"} {
		if _, err := s.Use(t.Context(), store.Trees, key, write("a", 1)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: got %v", key, err)
		}
	}
}

func TestFoldersOfDeadProcessesAreReaped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tree, kill := start(t, "scratch", dir)
	mine, err := store.OpenScratch(dir)
	must(t, err)
	if n, err := store.Reap(dir); n != 0 || err != nil {
		t.Errorf("while both live: reaped %d, %v", n, err)
	}
	if _, err := os.Stat(tree); err != nil {
		t.Error(err)
	}
	kill()
	if n, err := store.Reap(dir); n != 1 || err != nil {
		t.Errorf("after kill -9: reaped %d, %v", n, err)
	}
	if _, err := os.Stat(tree); err == nil {
		t.Error("the tree of the killed process is still there")
	}
	if _, err := os.Stat(mine.Dir); err != nil {
		t.Error(err)
	}
	must(t, mine.Close())
	if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
		t.Errorf("left are %v, %v", left, err)
	}
}

func TestFoldersWithoutALockAreReapedADayLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := time.Now().Add(-25 * time.Hour)
	for _, name := range []string{"tree-1", "tree-2"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	must(t, os.Chtimes(filepath.Join(dir, "tree-1"), old, old))
	n, err := store.Reap(dir)
	if _, there := os.Stat(filepath.Join(dir, "tree-2")); n != 1 || err != nil || there != nil {
		t.Errorf("reaped %d, %v, %v", n, err, there)
	}
	if n, err := store.Reap(filepath.Join(dir, "none")); n != 0 || err != nil {
		t.Errorf("a folder that is not there: %d, %v", n, err)
	}
}
