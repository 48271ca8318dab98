package pipeline

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/store"
)

func newStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestATreeIsCheckedOutOnceForAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.py"), "x = 1\n")
	for _, args := range []string{"init -q -b main", "add -A", "-c user.name=a -c user.email=a@example.org commit -q -m first"} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, strings.Fields(args)...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", args, err, out)
		}
	}
	r := &Repos{Store: newStore(t)}
	p := Project{Name: "shop", URL: dir}
	sha, err := r.Resolve(t.Context(), p, "")
	if err != nil {
		t.Fatal(err)
	}
	first, release, err := r.Checkout(t.Context(), p, sha)
	if err != nil {
		t.Fatal(err)
	}
	// Whatever becomes of repository and mirror, who needs the tree has it.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if removed, err := r.Store.Prune(t.Context(), 0); len(removed) != 1 || removed[0].Kind != store.Mirrors || err != nil {
		t.Errorf("removed %v, %v, want the mirror alone", removed, err)
	}
	second, releaseSecond, err := r.Checkout(t.Context(), p, sha)
	if err != nil || second != first {
		t.Errorf("got %s and %s, %v", first, second, err)
	}
	release()
	if text, err := os.ReadFile(filepath.Join(second, "a.py")); string(text) != "x = 1\n" || err != nil {
		t.Errorf("after the first user has gone: %q, %v", text, err)
	}
	releaseSecond()
	if removed, err := r.Store.Prune(t.Context(), 0); len(removed) != 1 || err != nil {
		t.Errorf("when nobody uses it: removed %v, %v", removed, err)
	}
}

func TestAFolderIsTakenAsItWasFirst(t *testing.T) {
	t.Parallel()
	scratch, err := store.OpenScratch(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := &Folder{Dir: t.TempDir(), Store: newStore(t), Scratch: scratch}
	write(t, filepath.Join(f.Dir, "a.py"), "x = 1\n")
	sha, err := f.Resolve(t.Context(), Project{}, "files")
	if err != nil || len(sha) != 40 {
		t.Fatal(sha, err)
	}
	write(t, filepath.Join(f.Dir, "a.py"), "x = 2\n")
	if again, err := f.Resolve(t.Context(), Project{}, ""); again != sha || err != nil {
		t.Errorf("got %s, then %s, %v", sha, again, err)
	}
	dir, release, err := f.Checkout(t.Context(), Project{}, sha)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "a.py")); string(text) != "x = 1\n" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	release()
	if _, err := f.Store.Prune(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Checkout(t.Context(), Project{}, sha); fault.KindOf(err) != fault.Invalid {
		t.Errorf("when it has changed and the copy is gone: got %v", err)
	}
	if left, err := os.ReadDir(scratch.Dir); len(left) != 0 || err != nil {
		t.Errorf("left are %v, %v", left, err)
	}
}
