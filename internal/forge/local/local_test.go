package local_test

import (
	"testing"

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
