package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"errors"
	"fmt"
	"github.com/repaird/repaird/internal/behaviour/history"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/gitrepo"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/secret"
	"github.com/repaird/repaird/internal/store"
	"syscall"
)

// A Source gives a project's code.
type Source interface {
	// Resolve returns the full id of a commit, branch or tag; "" means the
	// project's branch. fault.NotFound where there is none.
	Resolve(ctx context.Context, p Project, rev string) (sha string, err error)
	// Branch is the base branch of pull requests.
	Branch(ctx context.Context, p Project) (string, error)
	// Checkout returns the commit's tree, without .git. All stages and runs
	// share it, so it must not be written to; it stays until release is called.
	Checkout(ctx context.Context, p Project, sha string) (dir string, release func(), err error)
	// History answers what changed between commits; nil if unknown.
	History(ctx context.Context, p Project) (repro.History, error)
	// Ancestors gives a commit and those before it; nil if there is no history.
	Ancestors(p Project, sha string) history.Source
}

var (
	_ Source = (*Repos)(nil)
	_ Source = (*Folder)(nil)
)

// Repos has projects' repositories as mirrors, and trees of their commits, in a
// store.
type Repos struct {
	Store *store.Store
	Token func(ctx context.Context, p Project) (secret.String, error) // nil: none is needed
}

// with calls do with the project's mirror.
func (r *Repos) with(ctx context.Context, p Project, do func(*gitrepo.Repo) error) error {
	src := gitrepo.Source{URL: p.URL}
	if r.Token != nil {
		t, err := r.Token(ctx, p)
		if err != nil {
			return err
		}
		src.Token = t
	}
	key, err := src.Key()
	if err != nil {
		return err
	}
	var repo *gitrepo.Repo
	open := func(ctx context.Context, dir string) (err error) {
		repo, err = gitrepo.Open(ctx, dir, src, gitrepo.Options{})
		return err
	}
	e, err := r.Store.Use(ctx, store.Mirrors, key, open)
	if err != nil {
		return err
	}
	defer e.Release()
	if repo == nil {
		if err := open(ctx, e.Dir); err != nil {
			return err
		}
	}
	return do(repo)
}

// Resolve implements Source.
func (r *Repos) Resolve(ctx context.Context, p Project, rev string) (sha string, err error) {
	defer fault.Wrap(&err, "repository of %s", p.Name)
	err = r.with(ctx, p, func(repo *gitrepo.Repo) error {
		if rev == "" {
			rev = p.Branch
		}
		if rev == "" {
			if rev, _, err = repo.DefaultBranch(ctx); err != nil {
				return err
			}
		}
		sha, err = repo.Resolve(ctx, rev)
		return err
	})
	return sha, err
}

// Branch implements Source.
func (r *Repos) Branch(ctx context.Context, p Project) (name string, err error) {
	if p.Branch != "" {
		return p.Branch, nil
	}
	err = r.with(ctx, p, func(repo *gitrepo.Repo) error {
		name, _, err = repo.DefaultBranch(ctx)
		return err
	})
	return name, err
}

// Checkout implements Source.
func (r *Repos) Checkout(ctx context.Context, p Project, sha string) (dir string, release func(), err error) {
	defer fault.Wrap(&err, "check out %s", p.Name)
	e, err := r.Store.Use(ctx, store.Trees, gitrepo.Options{}.TreeKey(sha), func(ctx context.Context, dir string) error {
		return r.with(ctx, p, func(repo *gitrepo.Repo) error {
			_, err := repo.Checkout(ctx, sha, dir)
			return err
		})
	})
	if err != nil {
		return "", nil, err
	}
	return e.Dir, e.Release, nil
}

// History implements Source.
func (r *Repos) History(_ context.Context, p Project) (repro.History, error) {
	return changes{r, p}, nil
}

// Ancestors implements Source.
func (r *Repos) Ancestors(p Project, sha string) history.Source { return ancestors{r, p, sha} }

// ancestors are those of one commit of a project.
type ancestors struct {
	repos   *Repos
	project Project
	sha     string
}

// Commits implements history.Source.
func (a ancestors) Commits(ctx context.Context, n int) (commits []history.Commit, err error) {
	err = a.repos.with(ctx, a.project, func(repo *gitrepo.Repo) error {
		steps, err := repo.FirstParents(ctx, a.sha, n)
		for _, s := range steps {
			commits = append(commits, history.Commit{ID: s.SHA, Subject: s.Subject, Time: s.Time, Changed: s.Changed, Merge: s.Merge})
		}
		return err
	})
	return commits, err
}

// Tree implements history.Source.
func (a ancestors) Tree(ctx context.Context, c history.Commit) (string, func(), error) {
	return a.repos.Checkout(ctx, a.project, c.ID)
}

// changes are the commits of one project.
type changes struct {
	repos   *Repos
	project Project
}

// CommitsTouching implements repro.History.
func (h changes) CommitsTouching(ctx context.Context, paths []string, from, to string) (commits []gitrepo.Commit, err error) {
	err = h.repos.with(ctx, h.project, func(repo *gitrepo.Repo) error {
		commits, err = repo.CommitsTouching(ctx, paths, from, to)
		return err
	})
	return commits, err
}

// Checkout implements repro.History.
func (h changes) Checkout(ctx context.Context, commit string) (string, func(), error) {
	return h.repos.Checkout(ctx, h.project, commit)
}

// A Folder is a plain directory, without history: every revision is its content
// when first asked.
type Folder struct {
	Dir     string
	Store   *store.Store
	Scratch *store.Scratch

	mu  sync.Mutex
	sha string
}

// Resolve implements Source: 40 hex digits of the content.
func (f *Folder) Resolve(ctx context.Context, _ Project, _ string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sha == "" {
		_, release, sha, err := f.take(ctx)
		if err != nil {
			return "", err
		}
		release()
		f.sha = sha
	}
	return f.sha, nil
}

// take copies the directory's current content into the store, under a digest of
// the copy.
func (f *Folder) take(ctx context.Context) (dir string, release func(), sha string, err error) {
	parent, remove, err := f.Scratch.Mkdir("folder-")
	if err != nil {
		return "", nil, "", err
	}
	defer remove()
	taken := filepath.Join(parent, "tree")
	if _, err := gitrepo.Snapshot(ctx, f.Dir, taken, gitrepo.Options{}); err != nil {
		return "", nil, "", err
	}
	if sha, err = digestOf(taken); err != nil {
		return "", nil, "", err
	}
	e, err := f.Store.Use(ctx, store.Trees, folderKey(sha), func(ctx context.Context, dir string) error {
		if err := os.Remove(dir); err != nil { // it is empty; os.Rename requires that it does not exist
			return err
		}
		err := os.Rename(taken, dir)
		if errors.Is(err, syscall.EXDEV) { // the store is a file system of its own
			_, err = gitrepo.Snapshot(ctx, taken, dir, gitrepo.Options{})
		}
		return err
	})
	if err != nil {
		return "", nil, "", err
	}
	return e.Dir, e.Release, sha, nil
}

func folderKey(sha string) string { return "files-" + sha }

// digestOf names a folder's content: each entry's path, type, permission to
// execute, and bytes or link target, each with its length, so that no two folders
// that a program could tell apart have one digest.
func digestOf(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content := ""
		if d.Type()&fs.ModeSymlink != 0 {
			if content, err = os.Readlink(name); err != nil {
				return err
			}
		}
		fmt.Fprintf(h, "%q %s %t %q ", rel, d.Type(), info.Mode()&0o111 != 0, content)
		if !d.Type().IsRegular() {
			return nil
		}
		fmt.Fprintf(h, "%d ", info.Size())
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(h, file)
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:40], err
}

// Branch implements Source.
func (f *Folder) Branch(context.Context, Project) (string, error) { return "", nil }

// History implements Source.
func (f *Folder) History(context.Context, Project) (repro.History, error) { return nil, nil }

// Ancestors implements Source.
func (f *Folder) Ancestors(Project, string) history.Source { return nil }

// Checkout implements Source.
func (f *Folder) Checkout(ctx context.Context, _ Project, sha string) (string, func(), error) {
	if e, ok, err := f.Store.Lookup(ctx, store.Trees, folderKey(sha)); ok || err != nil {
		if err != nil {
			return "", nil, err
		}
		return e.Dir, e.Release, nil
	}
	dir, release, now, err := f.take(ctx)
	if err == nil && now != sha {
		release()
		err = fault.Errorf(fault.Invalid, "the files in %s changed during the repair", f.Dir)
	}
	return dir, release, err
}
