package github

import (
	"context"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"

	gh "github.com/google/go-github/v62/github"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
)

// A tip is the commit that a branch points at.
type tip struct {
	commit string // "" if the branch does not exist
	ours   bool   // created for this key, or still at the base
	same   bool   // the commit is exactly the proposal
}

// pushBranch creates commit and branch, or finds those of an earlier call, and
// returns the commit that the branch points at.
func (s *session) pushBranch(ctx context.Context, p forge.Proposal, acts forge.Acts) (string, error) {
	if err := acts.Before(ctx, forge.ActCommit); err != nil {
		return "", err
	}
	tree, err := s.makeTree(ctx, p)
	if err != nil {
		return "", err
	}
	at, err := s.tip(ctx, p, tree)
	if err != nil {
		return "", err
	}
	commit := at.commit
	if !at.same {
		if commit, err = s.makeCommit(ctx, p, tree); err != nil {
			return "", err
		}
	}
	if err := acts.After(ctx, forge.ActCommit, commit); err != nil {
		return "", err
	}
	if err := acts.Before(ctx, forge.ActBranch); err != nil {
		return "", err
	}
	if commit, err = s.point(ctx, p, at, commit, tree); err != nil {
		return "", err
	}
	return commit, acts.After(ctx, forge.ActBranch, p.Branch)
}

// point makes the branch point at commit, or at the equivalent commit of a faster
// publisher, and returns the commit that it points at.
func (s *session) point(ctx context.Context, p forge.Proposal, at tip, commit, tree string) (string, error) {
	if at.same {
		return at.commit, nil
	}
	ref := &gh.Reference{Ref: gh.String("refs/heads/" + p.Branch), Object: &gh.GitObject{SHA: gh.String(commit)}}
	if at.commit == "" {
		_, _, err := s.api.Git.CreateRef(ctx, s.owner, s.repo, ref)
		if err == nil {
			return commit, nil
		}
		if !says(err, http.StatusUnprocessableEntity, "already exists") {
			return "", s.classify(err, "create the branch")
		}
		if at, err = s.tip(ctx, p, tree); err != nil {
			return "", err
		}
		if at.same {
			return at.commit, nil
		}
	}
	// Ours but outdated: at the base, or an earlier candidate. Force, because a
	// later candidate is not a descendant of an earlier one.
	if _, _, err := s.api.Git.UpdateRef(ctx, s.owner, s.repo, ref, true); err != nil {
		return "", s.classify(err, "move the branch")
	}
	return commit, nil
}

// tip reads the branch. If a branch of that name is not repaird's, the error is
// fault.Invalid.
func (s *session) tip(ctx context.Context, p forge.Proposal, tree string) (tip, error) {
	ref, _, err := s.api.Git.GetRef(ctx, s.owner, s.repo, "heads/"+p.Branch)
	if hasStatus(err, http.StatusNotFound) {
		return tip{}, nil
	}
	if err != nil {
		return tip{}, s.classify(err, "read the branch")
	}
	at := tip{commit: ref.GetObject().GetSHA()}
	if at.commit == p.BaseSHA {
		at.ours = true
		return at, nil
	}
	c, _, err := s.api.Git.GetCommit(ctx, s.owner, s.repo, at.commit)
	if err != nil {
		return tip{}, s.classify(err, "read the branch's commit")
	}
	if forge.KeyOfMessage(c.GetMessage()) != p.Key {
		return tip{}, fault.Errorf(fault.Invalid, "branch %s exists but was not created for this repair; rename or delete it", p.Branch)
	}
	at.ours = true
	at.same = c.GetTree().GetSHA() == tree && len(c.Parents) == 1 && c.Parents[0].GetSHA() == p.BaseSHA
	return at, nil
}

// makeCommit omits author and committer: GitHub then fills in the App and signs
// the commit.
func (s *session) makeCommit(ctx context.Context, p forge.Proposal, tree string) (string, error) {
	c, _, err := s.api.Git.CreateCommit(ctx, s.owner, s.repo, &gh.Commit{
		Message: gh.String(forge.WithTrailer(p.Message.String(), p.Key)),
		Tree:    &gh.Tree{SHA: gh.String(tree)},
		Parents: []*gh.Commit{{SHA: gh.String(p.BaseSHA)}},
	}, nil)
	if err != nil {
		return "", s.classify(err, "create the commit")
	}
	return c.GetSHA(), nil
}

// makeTree creates the base commit's tree with the proposal's files and returns
// its SHA. It is idempotent, because objects are content-addressed.
func (s *session) makeTree(ctx context.Context, p forge.Proposal) (string, error) {
	base, _, err := s.api.Git.GetCommit(ctx, s.owner, s.repo, p.BaseSHA)
	if err != nil {
		return "", s.classify(err, "read the base commit")
	}
	dirs := directories{s: s, root: base.GetTree().GetSHA(), read: map[string]map[string]*gh.TreeEntry{}}
	var entries []*gh.TreeEntry
	for _, name := range slices.Sorted(maps.Keys(p.Files)) {
		old, err := dirs.find(ctx, name)
		if err != nil {
			return "", err
		}
		entry, err := s.makeEntry(ctx, name, p.Files[name], old)
		if err != nil {
			return "", err
		}
		if entry != nil {
			entries = append(entries, entry)
		}
	}
	if len(entries) == 0 {
		return "", fault.Errorf(fault.Invalid, "the proposal changes nothing")
	}
	tree, _, err := s.api.Git.CreateTree(ctx, s.owner, s.repo, base.GetTree().GetSHA(), entries)
	if err != nil {
		return "", s.classify(err, "create the tree")
	}
	if tree.GetSHA() == base.GetTree().GetSHA() {
		return "", fault.Errorf(fault.Invalid, "the proposal changes nothing")
	}
	return tree.GetSHA(), nil
}

// makeEntry returns the tree entry of one file, keeping its mode in the base, or
// nil if a file to delete does not exist.
func (s *session) makeEntry(ctx context.Context, name string, content []byte, old *gh.TreeEntry) (*gh.TreeEntry, error) {
	mode := "100644"
	if old != nil {
		if mode = old.GetMode(); mode != "100644" && mode != "100755" {
			return nil, fault.Errorf(fault.Invalid, "%s has mode %s in the base; only plain files are replaced", name, mode)
		}
	}
	entry := &gh.TreeEntry{Path: gh.String(name), Mode: gh.String(mode), Type: gh.String("blob")}
	if content == nil {
		if old == nil {
			return nil, nil
		}
		return entry, nil // no SHA: go-github writes null, which deletes
	}
	blob, _, err := s.api.Git.CreateBlob(ctx, s.owner, s.repo, &gh.Blob{
		Content:  gh.String(base64.StdEncoding.EncodeToString(content)),
		Encoding: gh.String("base64"),
	})
	if err != nil {
		return nil, s.classify(err, "store "+name)
	}
	entry.SHA = blob.SHA
	return entry, nil
}

// directories looks up paths in a tree, directory by directory: GitHub truncates
// recursive listings of large repositories.
type directories struct {
	s    *session
	root string
	read map[string]map[string]*gh.TreeEntry // tree SHA → name → entry
}

// find returns the entry at the path, or nil if there is none.
func (d *directories) find(ctx context.Context, name string) (*gh.TreeEntry, error) {
	sha := d.root
	parts := strings.Split(name, "/")
	for i, part := range parts {
		entries, err := d.list(ctx, sha)
		if err != nil {
			return nil, err
		}
		entry := entries[part]
		if entry == nil || i == len(parts)-1 {
			return entry, nil
		}
		if entry.GetType() != "tree" {
			return nil, fault.Errorf(fault.Invalid, "%s: %s is not a directory in the base", name, strings.Join(parts[:i+1], "/"))
		}
		sha = entry.GetSHA()
	}
	return nil, nil
}

func (d *directories) list(ctx context.Context, sha string) (map[string]*gh.TreeEntry, error) {
	if entries := d.read[sha]; entries != nil {
		return entries, nil
	}
	tree, _, err := d.s.api.Git.GetTree(ctx, d.s.owner, d.s.repo, sha, false)
	if err != nil {
		return nil, d.s.classify(err, "read a directory in the base")
	}
	if tree.GetTruncated() {
		return nil, fault.Errorf(fault.Invalid, "a directory in the base is too large to list")
	}
	entries := map[string]*gh.TreeEntry{}
	for _, e := range tree.Entries {
		entries[e.GetPath()] = e
	}
	d.read[sha] = entries
	return entries, nil
}
