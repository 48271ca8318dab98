// Package local publishes to a bare repository on this machine: branch and
// commit through git's plumbing, the pull request as a record in a [Store],
// which the dashboard shows. It is the forge for the demo and for installations
// without a code host.
//
// In the daemon the store is the database; without a database, [Folder] keeps
// records as JSON files.
package local

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/redact"
)

// Options configure a Forge.
type Options struct {
	Repositories map[string]string // owner/name → path of a repository, bare or not
	Store        Store
	PageURL      string           // prefix of a pull request's URL, followed by its number, such as http://127.0.0.1:7230/pulls/
	Now          func() time.Time // default time.Now
	Log          *slog.Logger     // default: none
}

// A Store keeps pull requests and comments. It is safe for concurrent use, even
// by several processes. A missing record is nil, not an error.
type Store interface {
	// Find returns the record of a key.
	Find(ctx context.Context, repository, key string) (*Record, error)

	// Create atomically stores a record under the store's next number. If the
	// repository already has a record with that key, it returns that record and
	// stores nothing.
	Create(ctx context.Context, r Record) (stored *Record, created bool, err error)

	// Decorate sets the check and labels of the record with the key.
	Decorate(ctx context.Context, repository, key string, check *Check, labels []string) error

	// AddComment stores a comment, once per repository, issue and key.
	AddComment(ctx context.Context, c Comment) error
}

// A Record is the stored form of a pull request.
type Record = forge.LocalPullRequest

// A Check is the stored form of the verdict.
type Check = forge.LocalCheck

// A Comment is a comment posted on an issue.
type Comment struct {
	Repository string    `json:"repository"`
	Issue      int       `json:"issue"`
	Key        string    `json:"key"`
	Body       string    `json:"body"`
	Created    time.Time `json:"created"` // UTC
}

// A Forge publishes to repositories on this machine. It is safe for concurrent use.
type Forge struct {
	o     Options
	repos map[string]repository
}

var _ forge.Forge = (*Forge)(nil)

// New checks the options and opens the repositories. Errors are fault.Invalid.
func New(ctx context.Context, o Options) (_ *Forge, err error) {
	defer fault.Wrap(&err, "local forge")
	if o.Store == nil {
		return nil, fault.Errorf(fault.Invalid, "store is missing")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f := &Forge{o: o, repos: map[string]repository{}}
	for name, dir := range o.Repositories {
		if _, _, err := forge.SplitRepository(name); err != nil {
			return nil, err
		}
		repo, err := openRepository(ctx, dir)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "repository %s: %w", name, err)
		}
		f.repos[strings.ToLower(name)] = repo
	}
	return f, nil
}

// Name returns "local".
func (f *Forge) Name() string { return "local" }

func (f *Forge) repository(name string) (repository, error) {
	if _, _, err := forge.SplitRepository(name); err != nil {
		return repository{}, err
	}
	repo, ok := f.repos[strings.ToLower(name)]
	if !ok {
		return repository{}, fault.Errorf(fault.NotFound, "repository %s is not configured", name)
	}
	return repo, nil
}

// Publish implements forge.Forge.
func (f *Forge) Publish(ctx context.Context, p forge.Proposal, acts forge.Acts) (_ *forge.PullRequest, err error) {
	defer fault.Wrap(&err, "publish to %s", p.Repository)
	if p, err = p.Normal(); err != nil {
		return nil, err
	}
	repo, err := f.repository(p.Repository)
	if err != nil {
		return nil, err
	}
	if p.BaseBranch == "" {
		p.BaseBranch = repo.branch
	}
	found, err := f.o.Store.Find(ctx, p.Repository, p.Key)
	if err != nil {
		return nil, storeError(err)
	}
	adopted := found != nil
	if !adopted {
		commit, err := f.pushBranch(ctx, repo, p, acts)
		if err != nil {
			return nil, err
		}
		if found, adopted, err = f.openPull(ctx, p, commit, acts); err != nil {
			return nil, err
		}
	} else if err := pair(ctx, acts, forge.ActPullRequest, func() (string, error) { return f.url(found.Number), nil }); err != nil {
		return nil, err
	}
	pr := &forge.PullRequest{
		Number: found.Number, URL: f.url(found.Number), Branch: found.Branch, Commit: found.Commit, State: found.State, Adopted: adopted,
	}
	if pr.State != "open" {
		return pr, nil
	}
	return pr, f.decorate(ctx, p, found, acts)
}

func (f *Forge) url(number int) string { return f.o.PageURL + strconv.Itoa(number) }

// pair performs one act between its Before and After.
func pair(ctx context.Context, acts forge.Acts, act string, do func() (ref string, err error)) error {
	if err := acts.Before(ctx, act); err != nil {
		return err
	}
	ref, err := do()
	if err != nil {
		return err
	}
	return acts.After(ctx, act, ref)
}

func (f *Forge) pushBranch(ctx context.Context, repo repository, p forge.Proposal, acts forge.Acts) (commit string, err error) {
	var at tip
	err = pair(ctx, acts, forge.ActCommit, func() (string, error) {
		tree, err := repo.makeTree(ctx, p)
		if err != nil {
			return "", err
		}
		if at, err = repo.tip(ctx, p, tree); err != nil {
			return "", err
		}
		if commit = at.commit; !at.same {
			commit, err = repo.makeCommit(ctx, p, tree, f.o.Now())
		}
		return commit, err
	})
	if err != nil {
		return "", err
	}
	return commit, pair(ctx, acts, forge.ActBranch, func() (string, error) {
		if at.same {
			return p.Branch, nil
		}
		return p.Branch, repo.point(ctx, p.Branch, commit, at.commit)
	})
}

func (f *Forge) openPull(ctx context.Context, p forge.Proposal, commit string, acts forge.Acts) (stored *Record, adopted bool, err error) {
	err = pair(ctx, acts, forge.ActPullRequest, func() (string, error) {
		var created bool
		stored, created, err = f.o.Store.Create(ctx, Record{
			Key: p.Key, Repository: p.Repository, Title: p.TitleText(), Body: forge.WithMarker(p.Body.String(), p.Key),
			Base: p.BaseBranch, Branch: p.Branch, Commit: commit, State: "open", Draft: true, Created: f.o.Now().UTC(),
		})
		if err != nil {
			return "", storeError(err)
		}
		adopted = !created
		return f.url(stored.Number), nil
	})
	return stored, adopted, err
}

func (f *Forge) decorate(ctx context.Context, p forge.Proposal, r *Record, acts forge.Acts) error {
	check, labels := r.Check, slices.Clone(r.Labels)
	save := func() error {
		return storeError(f.o.Store.Decorate(ctx, p.Repository, p.Key, check, labels))
	}
	if p.Check.Name != "" {
		err := pair(ctx, acts, forge.ActCheck, func() (string, error) {
			ref := f.url(r.Number) + "#check"
			if check != nil {
				return ref, nil
			}
			check = &Check{
				Name: p.Check.Name, Summary: forge.Fit(p.Check.Summary.String(), forge.BodyLimit),
				Text: forge.Fit(p.Check.Text.String(), forge.BodyLimit), Passed: p.Check.Passed,
			}
			return ref, save()
		})
		if err != nil {
			return err
		}
	}
	if len(p.Labels) == 0 {
		return nil
	}
	return pair(ctx, acts, forge.ActLabel, func() (string, error) {
		before := len(labels)
		for _, l := range p.Labels {
			if !slices.Contains(labels, l) {
				labels = append(labels, l)
			}
		}
		if len(labels) == before {
			return strings.Join(p.Labels, ","), nil
		}
		return strings.Join(p.Labels, ","), save()
	})
}

// Comment implements forge.Forge.
func (f *Forge) Comment(ctx context.Context, repository string, issue int, key string, text redact.Clean) (err error) {
	defer fault.Wrap(&err, "comment on %s#%d", repository, issue)
	if err := forge.CheckComment(issue, key); err != nil {
		return err
	}
	if _, err := f.repository(repository); err != nil {
		return err
	}
	return storeError(f.o.Store.AddComment(ctx, Comment{
		Repository: repository, Issue: issue, Key: key, Body: forge.WithMarker(text.String(), key), Created: f.o.Now().UTC(),
	}))
}

// storeError makes a store's error retryable unless it has a kind already.
func storeError(err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	return fault.Errorf(fault.Retryable, "store: %w", err)
}
