package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/report"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/verify"
)

// Accepted is what the propose stage needs.
type Accepted struct {
	Bundle       *bundle.Bundle
	Reproduction *repro.Reproduction
	Verdict      *verify.Verdict
	Pinned       *Pinned      // nil: the test is published as it is
	Report       report.Input // the whole case, for the reviewer
}

// propose publishes the draft pull request, once per key. It does nothing if
// the project has no forge.
func (a *at) propose(ctx context.Context, in Accepted) (*forge.PullRequest, error) {
	if a.Project.Forge == nil {
		return nil, nil
	}
	proposal, err := a.proposal(ctx, in)
	if err != nil {
		return nil, err
	}
	acts := a.Acts
	if acts == nil {
		acts = forge.NoActs{}
	}
	a.progress("publishing %s", proposal.Branch)
	return a.Project.Forge.Publish(ctx, *proposal, acts)
}

// proposal renders what is published: the patch, its test, and the words for
// the reviewer.
func (a *at) proposal(ctx context.Context, in Accepted) (*forge.Proposal, error) {
	branch, err := a.Source.Branch(ctx, a.Project)
	if err != nil {
		return nil, err
	}
	base, accepted := in.Bundle.Code.Commit, in.Verdict.Patch
	if h := in.Verdict.Head; h != nil {
		base, accepted = h.Commit, h.Patch
	}
	tree, release, err := a.Source.Checkout(ctx, a.Project, base)
	if err != nil {
		return nil, err
	}
	defer release()
	overlay, err := patch.Apply(patch.Dir(tree), accepted)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "the accepted patch no longer applies: %w", err)
	}
	files := map[string][]byte{}
	if t := in.Reproduction.Test; !t.Own {
		if in.Pinned != nil {
			t = in.Pinned.Test
		}
		files[path.Clean(t.Path)] = []byte(t.Source)
	}
	for name, content := range overlay {
		files[name] = content
	}
	texts := report.PullRequest(in.Report)
	key := a.key(in.Bundle)
	return &forge.Proposal{
		Key: key, Repository: a.Project.Repository, BaseBranch: branch, BaseSHA: base, Branch: "repaird/" + key[:12],
		Title: texts.Title, Body: texts.Body, Message: texts.Message, Check: texts.Check,
		Files: files, Labels: []string{report.Label},
	}, nil
}

// key is the idempotency key of an incident's proposal on a base commit.
func (j *Job) key(b *bundle.Bundle) string {
	h := sha256.Sum256([]byte(j.Project.Name + "\x00" + b.Incident.Fingerprint + "\x00" + b.Code.Commit))
	return hex.EncodeToString(h[:])
}
