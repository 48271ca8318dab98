package pipeline

import (
	"context"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/verify"
)

// A Pipeline holds what the stages need. Safe for concurrent use.
type Pipeline struct {
	Source     Source
	Language   language.Language
	Reproducer *repro.Reproducer
	Proposer   repair.Proposer
	Verifier   *verify.Verifier // of verdicts
	Quick      *verify.Verifier // of feedback for proposers; may remember base results
	Fetch      Fetcher          // nil: events that only name another cannot be fetched
	Repeats    int              // runs of each test; 0 means 5
	Floor      float64          // least fidelity; 0 means 0.7
}

// A Fetcher gets an event that a notice only names. App fills it with Sentry's
// API client.
type Fetcher interface {
	FetchEvent(ctx context.Context, project string, f incident.Fetch) (incident.Event, error)
	// ReleaseCommit returns the commit of a release, "" when it has none.
	ReleaseCommit(ctx context.Context, project, release string) (string, error)
}
