// Package forge is the interface to code hosts: it publishes a verified repair
// as a draft pull request, exactly once. Implementations: github (go-github) and
// local (a bare repository).
//
// The proposal's Key makes publishing idempotent. It is in the branch name
// (repaird/<first 12 of Key>), in a trailer of the commit message
// (Repaird-Key: <Key>) and in a marker at the end of the pull request's body:
//
//	<!-- repaird:key=3f1c… -->
//
// so that a restarted publisher finds what an earlier call created.
package forge

import (
	"context"

	"github.com/repaird/repaird/internal/redact"
)

// A Proposal is everything published for one run.
type Proposal struct {
	Key        string            // idempotency key: at least 12 hex digits of a hash over project, fingerprint and base commit
	Repository string            // owner/name
	BaseBranch string            // the pull request's base; "" is the repository's default branch
	BaseSHA    string            // full SHA of the commit that the patch applies to
	Branch     string            // default and only valid value: repaird/<first 12 of Key>
	Title      redact.Clean      // one line
	Body       redact.Clean      // without the marker, which the forge adds; truncated at BodyLimit
	Message    redact.Clean      // commit message without the trailer, which the forge adds
	Files      map[string][]byte // path → new content; nil deletes
	Labels     []string
	Check      Check
}

// A Check is the verdict as shown by the host next to the commit.
type Check struct {
	Name    string // repaird/verdict
	Summary redact.Clean
	Text    redact.Clean
	Passed  bool
}

// A PullRequest is the result of Publish.
type PullRequest struct {
	Number  int      `json:"number"`
	URL     string   `json:"url"`
	Branch  string   `json:"branch"`
	Commit  string   `json:"commit"`
	Adopted bool     `json:"adopted,omitempty"` // created by an earlier call
	State   string   `json:"state"`             // open, closed, merged
	Notes   []string `json:"notes,omitempty"`   // what the host did not allow, such as drafts or check runs; one sentence each
}

// The names of acts.
const (
	ActCommit      = "commit"       // ref: the commit's SHA
	ActBranch      = "branch"       // ref: the branch's name
	ActPullRequest = "pull_request" // ref: its URL
	ActCheck       = "check"        // ref: the URL of the check run or status, "" if the host allows neither
	ActLabel       = "label"        // ref: the labels, separated by commas
	ActComment     = "comment"      // ref: its URL
)

// Acts is notified before and after every act, a side effect on the outside
// world, so that each is in the ledger and a run that lost its lease performs
// none. The orchestrator implements it.
//
// An act that an earlier call has already performed is reported as well, with
// the earlier call's reference. Publish reports acts in the order commit,
// branch, pull_request, check, label; if the pull request already exists, it
// starts with pull_request.
type Acts interface {
	// Before is called before an act, with its name. An error forbids the act;
	// Publish returns it unchanged.
	Before(ctx context.Context, act string) error
	// After is called after an act, with a reference such as a commit SHA or URL.
	After(ctx context.Context, act, ref string) error
}

// NoActs is an Acts for callers without a ledger: it records nothing and forbids
// nothing.
type NoActs struct{}

// Before returns nil.
func (NoActs) Before(context.Context, string) error { return nil }

// After returns nil.
func (NoActs) After(context.Context, string, string) error { return nil }

// A Forge publishes repairs. Implementations are safe for concurrent use.
type Forge interface {
	Name() string

	// Publish creates the commit, branch, draft pull request, check and labels.
	// It is idempotent per Key: it adopts whatever an earlier call created, never
	// opens a second pull request, and never changes an existing one except for a
	// missing check or label. A closed or merged pull request is returned
	// immediately. Errors are fault.Retryable, fault.Denied, fault.NotFound or
	// fault.Invalid; see RetryAfter for how long to wait.
	Publish(ctx context.Context, p Proposal, acts Acts) (*PullRequest, error)

	// Comment posts text on the issue where a person asked for the repair, once
	// per key, such as a run's id or a Proposal's Key.
	Comment(ctx context.Context, repository string, issue int, key string, text redact.Clean) error
}
