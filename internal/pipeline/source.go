package pipeline

import (
	"context"
	"os"
	"path/filepath"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/gitrepo"
	"github.com/repaird/repaird/internal/secret"
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

// Resolve returns the full SHA of a commit, branch or tag; "" means the
// project's branch.
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

// Branch is the branch that pull requests go to.
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

// Checkout writes the commit's tree into a new folder; remove deletes it.
func (r *Repos) Checkout(ctx context.Context, p Project, sha string) (dir string, remove func(), err error) {
	defer fault.Wrap(&err, "check out %s", p.Name)
	repo, err := r.open(ctx, p)
	if err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(r.Work, 0o755); err != nil {
		return "", nil, err
	}
	parent, err := os.MkdirTemp(r.Work, "tree-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(parent) }
	if err := os.Chmod(parent, 0o755); err != nil {
		remove()
		return "", nil, err
	}
	dir = filepath.Join(parent, "tree")
	if _, err := repo.Checkout(ctx, sha, dir); err != nil {
		remove()
		return "", nil, err
	}
	return dir, remove, nil
}
