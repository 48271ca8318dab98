package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/gitrepo"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/secret"
)

// A Source gives a project's code.
type Source interface {
	// Resolve returns the full id of a commit, branch or tag; "" means the
	// project's branch. fault.NotFound where there is none.
	Resolve(ctx context.Context, p Project, rev string) (sha string, err error)
	// Branch is the branch that pull requests go to.
	Branch(ctx context.Context, p Project) (string, error)
	// Checkout writes the commit's tree, without .git, into a new folder;
	// remove deletes it.
	Checkout(ctx context.Context, p Project, sha string) (dir string, remove func(), err error)
	// History answers what changed between commits; nil where nobody knows.
	History(ctx context.Context, p Project) (repro.History, error)
}

var (
	_ Source = (*Repos)(nil)
	_ Source = (*Folder)(nil)
)

// Repos checks projects out, from mirrors below Cache into folders below Work.
// Both must be reachable by the sandbox's account: no parent with mode 0700.
type Repos struct {
	Cache string
	Work  string
	Token func(ctx context.Context, p Project) (secret.String, error) // nil: none is needed
}

func (r *Repos) open(ctx context.Context, p Project) (*gitrepo.Repo, error) {
	src := gitrepo.Source{URL: p.URL}
	if r.Token != nil {
		t, err := r.Token(ctx, p)
		if err != nil {
			return nil, err
		}
		src.Token = t
	}
	return gitrepo.Open(ctx, r.Cache, src, gitrepo.Options{})
}

// Resolve implements Source.
func (r *Repos) Resolve(ctx context.Context, p Project, rev string) (sha string, err error) {
	defer fault.Wrap(&err, "repository of %s", p.Name)
	repo, err := r.open(ctx, p)
	if err != nil {
		return "", err
	}
	if rev == "" {
		rev = p.Branch
	}
	if rev == "" {
		if rev, _, err = repo.DefaultBranch(ctx); err != nil {
			return "", err
		}
	}
	return repo.Resolve(ctx, rev)
}

// Branch implements Source.
func (r *Repos) Branch(ctx context.Context, p Project) (string, error) {
	if p.Branch != "" {
		return p.Branch, nil
	}
	repo, err := r.open(ctx, p)
	if err != nil {
		return "", err
	}
	name, _, err := repo.DefaultBranch(ctx)
	return name, err
}

// History implements Source.
func (r *Repos) History(ctx context.Context, p Project) (repro.History, error) {
	return r.open(ctx, p)
}

// Checkout implements Source.
func (r *Repos) Checkout(ctx context.Context, p Project, sha string) (dir string, remove func(), err error) {
	defer fault.Wrap(&err, "check out %s", p.Name)
	repo, err := r.open(ctx, p)
	if err != nil {
		return "", nil, err
	}
	return newTree(r.Work, func(dir string) error {
		_, err := repo.Checkout(ctx, sha, dir)
		return err
	})
}

// newTree makes a folder that the sandbox's account can enter, and has write
// fill it.
func newTree(work string, write func(dir string) error) (dir string, remove func(), err error) {
	if err := os.MkdirAll(work, 0o755); err != nil {
		return "", nil, err
	}
	parent, err := os.MkdirTemp(work, "tree-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(parent) }
	dir = filepath.Join(parent, "tree")
	if err = os.Chmod(parent, 0o755); err == nil {
		err = write(dir)
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return dir, remove, nil
}

// A Folder is plain files, with no history: every revision is what lies there.
type Folder struct {
	Dir  string
	Work string
}

// Resolve implements Source: 40 hex digits of the content.
func (f *Folder) Resolve(ctx context.Context, _ Project, _ string) (sha string, err error) {
	dir, remove, err := f.Checkout(ctx, Project{}, "")
	if err != nil {
		return "", err
	}
	defer remove()
	h := sha256.New()
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		rel, _ := filepath.Rel(dir, name)
		_, _ = io.WriteString(h, rel+"\x00")
		_, err = io.Copy(h, file)
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:40], err
}

// Branch implements Source.
func (f *Folder) Branch(context.Context, Project) (string, error) { return "", nil }

// History implements Source.
func (f *Folder) History(context.Context, Project) (repro.History, error) { return nil, nil }

// Checkout implements Source.
func (f *Folder) Checkout(ctx context.Context, _ Project, _ string) (string, func(), error) {
	return newTree(f.Work, func(dir string) error {
		_, err := gitrepo.Snapshot(ctx, f.Dir, dir, gitrepo.Options{})
		return err
	})
}
