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
	Reader     repair.Reader    // reads accepted patches a second time; nil: nobody does
	Verifier   *verify.Verifier // of verdicts
	Quick      *verify.Verifier // for feedback to proposers; may cache base results
	Fetch      Fetcher          // nil: notifications cannot be fetched
	Repeats    int              // runs of each test; 0 means 5
	Floor      float64          // minimum fidelity; 0 means 0.7
}

// A Fetcher fetches the event that a notification refers to. App supplies
// Sentry's API client.
type Fetcher interface {
	FetchEvent(ctx context.Context, project string, f incident.Fetch) (incident.Event, error)
	// ReleaseCommit returns the commit of a release, "" when it has none.
	ReleaseCommit(ctx context.Context, project, release string) (string, error)
}
