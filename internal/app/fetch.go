package app

import (
	"context"
	"strings"

	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake/sentry"
	"github.com/repaird/repaird/internal/pipeline"
)

// A sentryFetcher reads events and releases from each project's Sentry.
type sentryFetcher struct {
	clients map[string]*sentry.Client // by project name
	slugs   map[string]string
}

var _ pipeline.Fetcher = (*sentryFetcher)(nil)

func newFetcher(projects []config.Project) *sentryFetcher {
	f := &sentryFetcher{clients: map[string]*sentry.Client{}, slugs: map[string]string{}}
	for _, p := range projects {
		if p.Sentry == nil || p.Sentry.APIToken.Empty() {
			continue
		}
		f.clients[p.Name] = &sentry.Client{BaseURL: strings.TrimRight(p.Sentry.APIURL, "/"), Token: p.Sentry.APIToken.String, Org: p.Sentry.Organization}
		f.slugs[p.Name] = p.Sentry.Slug
	}
	return f
}

// FetchEvent implements pipeline.Fetcher.
func (f *sentryFetcher) FetchEvent(ctx context.Context, project string, want incident.Fetch) (incident.Event, error) {
	c, ok := f.clients[project]
	if !ok {
		return incident.Event{}, fault.Errorf(fault.Denied, "project %s has no sentry.api_token", project)
	}
	if want.Project == "" {
		want.Project = f.slugs[project]
	}
	return c.Fetch(ctx, want)
}

// ReleaseCommit implements pipeline.Fetcher: the newest commit of a release.
func (f *sentryFetcher) ReleaseCommit(ctx context.Context, project, release string) (string, error) {
	c, ok := f.clients[project]
	if !ok {
		return "", nil
	}
	commits, err := c.ReleaseCommits(ctx, c.Org, release)
	if k := fault.KindOf(err); k == fault.NotFound || k == fault.Denied {
		return "", nil // releases unknown to Sentry are common
	}
	if err != nil || len(commits) == 0 {
		return "", err
	}
	return commits[0].SHA, nil
}
