package github

import (
	"context"
	"net/http"
	"strings"

	gh "github.com/google/go-github/v62/github"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/secret"
)

// A session is one call's view of one repository.
type session struct {
	f             *Forge
	api           *gh.Client
	owner, repo   string // current name, after renames
	defaultBranch string
}

// open resolves the repository's current name after a rename, because not every
// proxy handles redirected POSTs.
func (f *Forge) open(ctx context.Context, repository string) (*session, error) {
	owner, name, err := forge.SplitRepository(repository)
	if err != nil {
		return nil, err
	}
	s := &session{f: f, owner: owner, repo: name}
	s.api = f.client(func(ctx context.Context, renew bool) (secret.String, error) {
		return f.tokens.token(ctx, owner, name, renew)
	})
	r, _, err := s.api.Repositories.Get(ctx, owner, name)
	if err != nil {
		return nil, s.classify(err, "read the repository")
	}
	s.defaultBranch = r.GetDefaultBranch()
	if o, n, err := forge.SplitRepository(r.GetFullName()); err == nil {
		s.owner, s.repo = o, n
	}
	return s, nil
}

func (s *session) classify(err error, doing string) error { return classify(err, s.f.now(), doing) }

// Publish implements forge.Forge.
func (f *Forge) Publish(ctx context.Context, p forge.Proposal, acts forge.Acts) (_ *forge.PullRequest, err error) {
	defer fault.Wrap(&err, "publish to %s", p.Repository)
	if p, err = p.Normal(); err != nil {
		return nil, err
	}
	s, err := f.open(ctx, p.Repository)
	if err != nil {
		return nil, err
	}
	if p.BaseBranch == "" {
		p.BaseBranch = s.defaultBranch
	}
	found, err := s.findPull(ctx, p)
	if err != nil {
		return nil, err
	}
	if found != nil {
		return s.adopt(ctx, p, found, acts)
	}
	commit, err := s.pushBranch(ctx, p, acts)
	if err != nil {
		return nil, err
	}
	pr, err := s.openPull(ctx, p, commit, acts)
	if err != nil {
		return nil, err
	}
	return pr, s.decorate(ctx, p, pr, nil, acts)
}

// findPull returns the pull request of the proposal's branch, in any state, or
// nil. One with the proposal's marker takes precedence over one that a person
// opened from the branch.
func (s *session) findPull(ctx context.Context, p forge.Proposal) (*gh.PullRequest, error) {
	pulls, _, err := s.api.PullRequests.List(ctx, s.owner, s.repo, &gh.PullRequestListOptions{
		State: "all", Head: s.owner + ":" + p.Branch, Sort: "created", Direction: "asc",
		ListOptions: gh.ListOptions{PerPage: 100},
	})
	if err != nil {
		return nil, s.classify(err, "find the pull request")
	}
	var byHand *gh.PullRequest
	for _, pr := range pulls {
		// A host that ignores the filter returns all pull requests.
		if pr.GetHead().GetRef() != p.Branch || !strings.EqualFold(pr.GetHead().GetRepo().GetFullName(), s.owner+"/"+s.repo) {
			continue
		}
		switch forge.KeyOfBody(pr.GetBody()) {
		case p.Key:
			return pr, nil
		default:
			if byHand == nil || byHand.GetState() != "open" {
				byHand = pr
			}
		}
	}
	return byHand, nil
}

// adopt returns an existing pull request. An open one may lack its check and
// labels if the earlier call was interrupted.
func (s *session) adopt(ctx context.Context, p forge.Proposal, found *gh.PullRequest, acts forge.Acts) (*forge.PullRequest, error) {
	if err := acts.Before(ctx, forge.ActPullRequest); err != nil {
		return nil, err
	}
	pr := asPullRequest(found)
	pr.Adopted = true
	if err := acts.After(ctx, forge.ActPullRequest, pr.URL); err != nil {
		return nil, err
	}
	if pr.State != "open" {
		return pr, nil
	}
	commit, _, err := s.api.Git.GetCommit(ctx, s.owner, s.repo, pr.Commit)
	if err != nil {
		return nil, s.classify(err, "read the branch's commit")
	}
	if forge.KeyOfMessage(commit.GetMessage()) != p.Key {
		pr.Notes = append(pr.Notes, "The branch has new commits, which the verdict does not cover, so no check was added.")
		return pr, nil
	}
	return pr, s.decorate(ctx, p, pr, found.Labels, acts)
}

// openPull opens the draft pull request.
func (s *session) openPull(ctx context.Context, p forge.Proposal, commit string, acts forge.Acts) (*forge.PullRequest, error) {
	if err := acts.Before(ctx, forge.ActPullRequest); err != nil {
		return nil, err
	}
	pr, err := s.createPull(ctx, p)
	if err != nil {
		return nil, err
	}
	if pr.Commit == "" {
		pr.Commit = commit
	}
	return pr, acts.After(ctx, forge.ActPullRequest, pr.URL)
}

func (s *session) createPull(ctx context.Context, p forge.Proposal) (*forge.PullRequest, error) {
	req := &gh.NewPullRequest{
		Title: gh.String(p.TitleText()),
		Head:  gh.String(p.Branch),
		Base:  gh.String(p.BaseBranch),
		Body:  gh.String(forge.WithMarker(p.Body.String(), p.Key)),
		Draft: gh.Bool(true),
		// maintainer_can_modify is only for forks.
	}
	var notes []string
	made, _, err := s.api.PullRequests.Create(ctx, s.owner, s.repo, req)
	if says(err, http.StatusUnprocessableEntity, "draft pull requests are not supported") {
		notes = append(notes, "This repository does not support drafts; the pull request is open for review.")
		req.Draft = nil
		made, _, err = s.api.PullRequests.Create(ctx, s.owner, s.repo, req)
	}
	if says(err, http.StatusUnprocessableEntity, "already exists") {
		// Another publisher was faster, or the response to an earlier call was lost.
		found, ferr := s.findPull(ctx, p)
		switch {
		case ferr != nil:
			return nil, ferr
		case found == nil: // listings lag behind
			return nil, fault.Errorf(fault.Retryable, "the pull request exists but is not listed yet")
		}
		pr := asPullRequest(found)
		pr.Adopted, pr.Notes = true, notes
		return pr, nil
	}
	if err != nil {
		return nil, s.classify(err, "open the pull request")
	}
	pr := asPullRequest(made)
	pr.Notes = notes
	return pr, nil
}

func asPullRequest(pr *gh.PullRequest) *forge.PullRequest {
	state := pr.GetState()
	if pr.MergedAt != nil || pr.GetMerged() {
		state = "merged"
	}
	return &forge.PullRequest{
		Number: pr.GetNumber(), URL: pr.GetHTMLURL(), State: state,
		Branch: pr.GetHead().GetRef(), Commit: pr.GetHead().GetSHA(),
	}
}
