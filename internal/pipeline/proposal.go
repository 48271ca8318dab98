package pipeline

import (
	"context"
	"path"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/report"
)

// Proposal renders what is published: the patch, its test, and the words for
// the reviewer.
func (p *Pipeline) Proposal(ctx context.Context, c *Case) (*forge.Proposal, error) {
	branch, err := p.Source.Branch(ctx, c.Project)
	if err != nil {
		return nil, err
	}
	tree, release, err := p.Source.Checkout(ctx, c.Project, c.Bundle.Code.Commit)
	if err != nil {
		return nil, err
	}
	defer release()
	overlay, err := patch.Apply(patch.Dir(tree), c.Verdict.Patch)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "the accepted patch does not apply any more: %w", err)
	}
	files := map[string][]byte{path.Clean(c.Reproduction.Test.Path): []byte(c.Reproduction.Test.Source)}
	for name, content := range overlay {
		files[name] = content
	}
	texts := report.PullRequest(c.ReportInput())
	key := c.Key()
	return &forge.Proposal{
		Key: key, Repository: c.Project.Repository, BaseBranch: branch, BaseSHA: c.Bundle.Code.Commit, Branch: "repaird/" + key[:12],
		Title: texts.Title, Body: texts.Body, Message: texts.Message, Check: texts.Check,
		Files: files, Labels: []string{report.Label},
	}, nil
}

// ReportInput is the case as package report reads it.
func (c *Case) ReportInput() report.Input {
	in := report.Input{
		Run: c.Run, Bundle: c.Bundle, Reproduction: c.Reproduction, Repair: c.Repair, Verdict: c.Verdict,
		Diagnosis: c.Diagnosis, Divergence: c.Divergence, PageURL: c.PageURL, Redactor: c.redactor(),
	}
	if c.Bundle != nil {
		in.Key = c.Key()
		in.Known = in.Redactor.Event(c.Bundle.Event).Known()
	}
	return in
}
