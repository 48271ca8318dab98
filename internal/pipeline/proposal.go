package pipeline

import (
	"context"

	"github.com/repaird/repaird/internal/forge"
)

// Proposal renders what is published.
func (p *Pipeline) Proposal(ctx context.Context, c *Case) (*forge.Proposal, error) {
	branch, err := p.Source.Branch(ctx, c.Project)
	if err != nil {
		return nil, err
	}
	key := c.Key()
	r := p.redactor(c)
	return &forge.Proposal{
		Key: key, Repository: c.Project.Repository, BaseBranch: branch, BaseSHA: c.Bundle.Code.Commit, Branch: "repaird/" + key[:12],
		Title: r.Text("Repair "+c.Bundle.Incident.Summary, nil), Body: r.Code(c.Verdict.Diff, nil), Message: r.Text(c.Bundle.Incident.Summary, nil),
	}, nil
}
