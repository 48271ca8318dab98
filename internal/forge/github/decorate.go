package github

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	gh "github.com/google/go-github/v62/github"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/redact"
)

// outputLimit is the maximum length of a check run's summary and of its text in
// characters; GitHub's is 65,535.
const outputLimit = 60000

// decorate adds the check and labels that an open pull request lacks.
func (s *session) decorate(ctx context.Context, p forge.Proposal, pr *forge.PullRequest, have []*gh.Label, acts forge.Acts) error {
	if p.Check.Name != "" {
		if err := acts.Before(ctx, forge.ActCheck); err != nil {
			return err
		}
		ref, note, err := s.check(ctx, p, pr)
		if err != nil {
			return err
		}
		if note != "" {
			pr.Notes = append(pr.Notes, note)
		}
		if err := acts.After(ctx, forge.ActCheck, ref); err != nil {
			return err
		}
	}
	if len(p.Labels) == 0 {
		return nil
	}
	if err := acts.Before(ctx, forge.ActLabel); err != nil {
		return err
	}
	note, err := s.label(ctx, p, pr, have)
	if err != nil {
		return err
	}
	if note != "" {
		pr.Notes = append(pr.Notes, note)
	}
	return acts.After(ctx, forge.ActLabel, strings.Join(p.Labels, ","))
}

// check publishes the verdict as a check run. Only Apps may create those; other
// tokens fall back to a commit status, and to nothing if that is not allowed.
func (s *session) check(ctx context.Context, p forge.Proposal, pr *forge.PullRequest) (ref, note string, err error) {
	ref, err = s.checkRun(ctx, p, pr)
	if err == nil {
		return ref, "", nil
	}
	if kind := fault.KindOf(err); kind != fault.Denied && kind != fault.NotFound {
		return "", "", err
	}
	s.f.log.InfoContext(ctx, "no check run", "repository", p.Repository, "reason", err)
	ref, err = s.status(ctx, p, pr)
	if err == nil {
		return ref, "This token may not create check runs; the verdict is a commit status.", nil
	}
	if kind := fault.KindOf(err); kind != fault.Denied && kind != fault.NotFound {
		return "", "", err
	}
	s.f.log.InfoContext(ctx, "no commit status", "repository", p.Repository, "reason", err)
	return "", "This token may create neither check runs nor commit statuses; the verdict is only in the description.", nil
}

func (s *session) checkRun(ctx context.Context, p forge.Proposal, pr *forge.PullRequest) (string, error) {
	list, _, err := s.api.Checks.ListCheckRunsForRef(ctx, s.owner, s.repo, pr.Commit, &gh.ListCheckRunsOptions{
		CheckName: gh.String(p.Check.Name), Filter: gh.String("all"), ListOptions: gh.ListOptions{PerPage: 100},
	})
	if err != nil {
		return "", s.classify(err, "find the check run")
	}
	for _, run := range list.CheckRuns {
		if run.GetExternalID() == p.Key && run.GetName() == p.Check.Name {
			return run.GetHTMLURL(), nil
		}
	}
	conclusion, title := "success", "The repair holds"
	if !p.Check.Passed {
		conclusion, title = "failure", "The repair does not hold"
	}
	output := &gh.CheckRunOutput{Title: gh.String(title), Summary: gh.String(forge.Fit(p.Check.Summary.String(), outputLimit))}
	if text := p.Check.Text.String(); text != "" {
		output.Text = gh.String(forge.Fit(text, outputLimit))
	}
	run, _, err := s.api.Checks.CreateCheckRun(ctx, s.owner, s.repo, gh.CreateCheckRunOptions{
		Name: p.Check.Name, HeadSHA: pr.Commit, ExternalID: gh.String(p.Key), DetailsURL: gh.String(pr.URL),
		Status: gh.String("completed"), Conclusion: gh.String(conclusion), Output: output,
	})
	if err != nil {
		return "", s.classify(err, "create the check run")
	}
	return run.GetHTMLURL(), nil
}

// status creates a commit status, which replaces an earlier one of the same
// context.
func (s *session) status(ctx context.Context, p forge.Proposal, pr *forge.PullRequest) (string, error) {
	state := "success"
	if !p.Check.Passed {
		state = "failure"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(p.Check.Summary.String()), "\n")
	made, _, err := s.api.Repositories.CreateStatus(ctx, s.owner, s.repo, pr.Commit, &gh.RepoStatus{
		State: gh.String(state), Context: gh.String(p.Check.Name), TargetURL: gh.String(pr.URL),
		Description: gh.String(truncate(line, 140)),
	})
	if err != nil {
		return "", s.classify(err, "create the commit status")
	}
	return made.GetURL(), nil
}

func truncate(line string, limit int) string {
	if r := []rune(line); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return line
}

// label adds the missing labels. They are a convenience, so a host that rejects
// them does not fail the publication.
func (s *session) label(ctx context.Context, p forge.Proposal, pr *forge.PullRequest, have []*gh.Label) (note string, err error) {
	var missing []string
	for _, name := range p.Labels {
		if !slices.ContainsFunc(have, func(l *gh.Label) bool { return strings.EqualFold(l.GetName(), name) }) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return "", nil
	}
	err = s.classify(s.addLabels(ctx, pr.Number, missing), "add labels")
	switch fault.KindOf(err) {
	case fault.Denied, fault.NotFound, fault.Invalid:
		s.f.log.InfoContext(ctx, "no labels", "repository", p.Repository, "reason", err)
		return "The labels could not be added.", nil
	}
	return "", err
}

// addLabels sends the labels as an object: go-github sends a bare list, which
// GitHub accepts but does not document.
func (s *session) addLabels(ctx context.Context, number int, labels []string) error {
	req, err := s.api.NewRequest(http.MethodPost, fmt.Sprintf("repos/%s/%s/issues/%d/labels", s.owner, s.repo, number),
		map[string][]string{"labels": labels})
	if err != nil {
		return err
	}
	_, err = s.api.Do(ctx, req, nil)
	return err
}

// commentPages is how many pages of an issue's comments to search for ours.
const commentPages = 50

// Comment implements forge.Forge.
func (f *Forge) Comment(ctx context.Context, repository string, issue int, key string, text redact.Clean) (err error) {
	defer fault.Wrap(&err, "comment on %s#%d", repository, issue)
	if err := forge.CheckComment(issue, key); err != nil {
		return err
	}
	s, err := f.open(ctx, repository)
	if err != nil {
		return err
	}
	opts := &gh.IssueListCommentsOptions{ListOptions: gh.ListOptions{PerPage: 100}}
	for range commentPages {
		comments, res, err := s.api.Issues.ListComments(ctx, s.owner, s.repo, issue, opts)
		if err != nil {
			return s.classify(err, "find the comment")
		}
		for _, c := range comments {
			// A person may quote the marker; an App's own comments are by a bot.
			if forge.KeyOfBody(c.GetBody()) == key && (!f.asApp || c.GetUser().GetType() == "Bot") {
				return nil
			}
		}
		if opts.Page = res.NextPage; opts.Page == 0 {
			break
		}
	}
	_, _, err = s.api.Issues.CreateComment(ctx, s.owner, s.repo, issue, &gh.IssueComment{
		Body: gh.String(forge.WithMarker(text.String(), key)),
	})
	return s.classify(err, "post the comment")
}
