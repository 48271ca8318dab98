package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/forge/forgetest"
	"github.com/repaird/repaird/internal/forge/local"
)

func TestSuite(t *testing.T) {
	t.Parallel()
	forgetest.Run(t, func(t *testing.T, repo forgetest.Repository) forgetest.Subject {
		dir := t.TempDir()
		store, err := local.NewFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		pulls := func() []local.Record {
			all, err := store.Pulls(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		restart := func() forge.Forge { return newForge(t, repo, dir) }
		return forgetest.Subject{
			Forge: restart(), Restart: restart, Issue: 7,
			Pulls: func() (out []forgetest.Pull) {
				for _, r := range pulls() {
					out = append(out, forgetest.Pull{Number: r.Number, Title: r.Title, Body: r.Body, Branch: r.Branch, Base: r.Base, State: r.State, Draft: r.Draft, Labels: r.Labels})
				}
				return out
			},
			Close: func(number int) {
				for _, r := range pulls() {
					if r.Number == number {
						if err := store.SetState(t.Context(), r.Repository, r.Key, "closed"); err != nil {
							t.Fatal(err)
						}
					}
				}
			},
			Comments: func(int) (bodies []string) {
				all, err := store.Comments(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range all {
					bodies = append(bodies, c.Body)
				}
				return bodies
			},
			Checks: func(commit string) (names []string) {
				for _, r := range pulls() {
					if r.Check != nil && r.Commit == commit {
						names = append(names, r.Check.Name+map[bool]string{true: ": success", false: ": failure"}[r.Check.Passed])
					}
				}
				return names
			},
		}
	})
}

func newForge(t *testing.T, repo forgetest.Repository, dir string) *local.Forge {
	t.Helper()
	store, err := local.NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := local.New(t.Context(), local.Options{
		Repositories: map[string]string{repo.Name: repo.Dir}, Store: store, PageURL: "http://127.0.0.1:8080/pulls/",
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAWorkingTreeWorksToo(t *testing.T) {
	t.Parallel()
	repo := forgetest.NewRepository(t)
	tree := filepath.Join(t.TempDir(), "shop")
	repo.Git(t, "clone", "--quiet", repo.Dir, tree)
	worked := repo
	worked.Dir = tree
	// The repository's hooks must not run.
	hook := filepath.Join(tree, ".git", "hooks", "reference-transaction")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\ntouch "+filepath.Join(tree, "ran")+"\n"), 0o755); err != nil { // a hook has to be executable
		t.Fatal(err)
	}
	p := forgetest.Proposal(repo)
	p.BaseBranch = ""
	pr, err := newForge(t, worked, t.TempDir()).Publish(t.Context(), p, forge.NoActs{})
	if err != nil {
		t.Fatal(err)
	}
	inTree := forgetest.Repository{Dir: filepath.Join(tree, ".git")}
	if got := inTree.Git(t, "rev-parse", "refs/heads/"+pr.Branch); got != pr.Commit {
		t.Errorf("branch at %s, want %s", got, pr.Commit)
	}
	if got, err := os.ReadFile(filepath.Join(tree, "run.sh")); err != nil || string(got) != "#!/bin/sh\necho broken\n" {
		t.Errorf("the work tree was changed: %q, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(tree, "ran")); !os.IsNotExist(err) {
		t.Error("a hook of the repository ran")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	store, err := local.NewFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]local.Options{
		"no store":             {},
		"a folder without git": {Store: store, Repositories: map[string]string{"a/b": t.TempDir()}},
		"a folder that is not": {Store: store, Repositories: map[string]string{"a/b": "/nonexistent"}},
		"a name of one part":   {Store: store, Repositories: map[string]string{"b": t.TempDir()}},
	} {
		if _, err := local.New(t.Context(), o); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}

func TestAFolderSerialisesProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	numbers := make([]int, 20)
	for i := range numbers {
		// Each Folder has its own lock, as another process has.
		store, err := local.NewFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			r, _, err := store.Create(t.Context(), local.Record{Key: fmt.Sprintf("%012d", i/2), Repository: "shop/api"})
			if err != nil {
				t.Error(err)
				return
			}
			numbers[i] = r.Number
		})
	}
	wg.Wait()
	seen := map[int]int{}
	for i, n := range numbers {
		seen[n]++
		if numbers[i/2*2] != n {
			t.Errorf("key %d has numbers %d and %d", i/2, numbers[i/2*2], n)
		}
	}
	if len(seen) != 10 {
		t.Errorf("%d numbers for 10 keys: %v", len(seen), numbers)
	}
}

func TestADamagedRecordIsAnErrorNotAMissingRecord(t *testing.T) {
	t.Parallel()
	repo, dir := forgetest.NewRepository(t), t.TempDir()
	f := newForge(t, repo, dir)
	if _, err := f.Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pulls", "000001.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{}); err == nil || !strings.Contains(err.Error(), "000001.json") {
		t.Errorf("error %v", err)
	}
}
