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

func TestFoldersThatAProgramCanTellApartHaveUnlikeDigests(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, write := range map[string]func(t *testing.T, dir string){
		"a file":                     func(t *testing.T, dir string) { put(t, dir, "a", "1", 0o644) },
		"another content":            func(t *testing.T, dir string) { put(t, dir, "a", "2", 0o644) },
		"another name":               func(t *testing.T, dir string) { put(t, dir, "b", "1", 0o644) },
		"executable":                 func(t *testing.T, dir string) { put(t, dir, "a", "1", 0o755) },
		"two files":                  func(t *testing.T, dir string) { put(t, dir, "a", "1", 0o644); put(t, dir, "b", "2", 0o644) },
		"one that spells the second": func(t *testing.T, dir string) { put(t, dir, "a", "1b\x002", 0o644) },
		"a link":                     func(t *testing.T, dir string) { link(t, dir, "a", "x") },
		"a link to another place":    func(t *testing.T, dir string) { link(t, dir, "a", "y") },
		"an empty folder": func(t *testing.T, dir string) {
			if err := os.Mkdir(filepath.Join(dir, "a"), 0o755); err != nil {
				t.Fatal(err)
			}
		},
		"nothing": func(*testing.T, string) {},
	} {
		dir := t.TempDir()
		write(t, dir)
		digest, err := digestOf(dir)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[digest]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[digest] = name
	}
}

func put(t *testing.T, dir, name, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, dir, name, target string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}
