// Package forge is the contract with code hosts: publishing a verified repair
// as a draft pull request, once. Implementations: github (go-github) and local
// (a bare repository).
package forge

import (
	"context"

	"github.com/repaird/repaird/internal/redact"
)

// A Proposal is everything that is published for one run.
type Proposal struct {
	Key        string            // idempotence key: hex of (project, fingerprint, base commit); in the branch name and the hidden marker
	Repository string            // owner/name
	BaseBranch string            // the pull request's base
	BaseSHA    string            // commit that the patch applies to
	Branch     string            // repaird/<first 12 of Key>
	Title      redact.Clean      //
	Body       redact.Clean      // without the marker, which the forge adds
	Message    redact.Clean      // commit message
	Files      map[string][]byte // path → new content; nil deletes
	Labels     []string
	Check      Check
}

// A Check is the verdict as the host shows it beside the commit.
type Check struct {
	Name    string // repaird/verdict
	Summary redact.Clean
	Text    redact.Clean
	Passed  bool
}

// A PullRequest is what was published.
type PullRequest struct {
	Number  int    `json:"number"`
	URL     string `json:"url"`
	Branch  string `json:"branch"`
	Commit  string `json:"commit"`
	Adopted bool   `json:"adopted,omitempty"` // an earlier try had made it
	State   string `json:"state"`             // open, closed, merged
}

// Acts is told of every outward act, before and after it is done, so that
// each is on the ledger and nothing is done by a run that lost its lease.
// The orchestrator supplies it.
type Acts interface {
	// Before is called with the act's name (branch, commit, pull_request, check,
	// label) before it is done; its error forbids the act.
	Before(ctx context.Context, act string) error
	// After records the act's outcome, such as a commit SHA or a URL.
	After(ctx context.Context, act, ref string) error
}

// A Forge publishes. Safe for concurrent use.
type Forge interface {
	Name() string

	// Publish makes branch, commit, draft pull request, check and labels, or
	// finds those that an earlier call with the same Key made, closed ones
	// included, and returns them: calling it again never makes a second pull
	// request. Errors are fault.Retryable, fault.Denied, fault.NotFound or
	// fault.Invalid.
	Publish(ctx context.Context, p Proposal, acts Acts) (*PullRequest, error)

	// Comment posts text where a person asked for the repair (an issue of the
	// repository), once for each key.
	Comment(ctx context.Context, repository string, issue int, key string, text redact.Clean) error
}
