// Package forge is the contract with code hosts: publishing a verified repair
// as a draft pull request, once. Implementations: github (go-github) and local
// (a bare repository).
//
// What makes "once" true is the proposal's Key. It is in the branch's name
// (repaird/<first 12 of Key>), in a trailer of the commit message
// (Repaird-Key: <Key>) and in a marker at the end of the pull request's body:
//
//	<!-- repaird:key=3f1c… -->
//
// so that a publisher that lost its memory finds what an earlier one made.
package forge

import (
	"context"

	"github.com/repaird/repaird/internal/redact"
)

// A Proposal is everything that is published for one run.
type Proposal struct {
	Key        string            // idempotence key: hex of (project, fingerprint, base commit), at least 12 digits; in the branch name and the hidden marker
	Repository string            // owner/name
	BaseBranch string            // the pull request's base; "" is the repository's default branch
	BaseSHA    string            // commit that the patch applies to, full
	Branch     string            // repaird/<first 12 of Key>; "" is that
	Title      redact.Clean      // one line
	Body       redact.Clean      // without the marker, which the forge adds; cut at BodyLimit
	Message    redact.Clean      // commit message without the trailer, which the forge adds
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
	Number  int      `json:"number"`
	URL     string   `json:"url"`
	Branch  string   `json:"branch"`
	Commit  string   `json:"commit"`
	Adopted bool     `json:"adopted,omitempty"` // an earlier try had made it
	State   string   `json:"state"`             // open, closed, merged
	Notes   []string `json:"notes,omitempty"`   // what the host did not allow, such as a draft or a check run; one sentence each
}

// The names of acts.
const (
	ActCommit      = "commit"       // ref: the commit's SHA
	ActBranch      = "branch"       // ref: the branch's name
	ActPullRequest = "pull_request" // ref: its URL
	ActCheck       = "check"        // ref: the URL of the check run or status, "" when the host allows neither
	ActLabel       = "label"        // ref: the labels, separated by commas
	ActComment     = "comment"      // ref: its URL
)

// Acts is told of every outward act, before and after it is done, so that
// each is on the ledger and nothing is done by a run that lost its lease.
// The orchestrator supplies it.
//
// An act is told as a pair also where it turns out that an earlier try had done
// it: its reference is then that of the earlier try. Publish tells them in the
// order commit, branch, pull_request, check, label; it begins with
// pull_request where it finds that the pull request stands.
type Acts interface {
	// Before is called with the act's name (branch, commit, pull_request, check,
	// label) before it is done; its error forbids the act and is returned by
	// Publish as it is.
	Before(ctx context.Context, act string) error
	// After records the act's outcome, such as a commit SHA or a URL.
	After(ctx context.Context, act, ref string) error
}

// NoActs records nothing and forbids nothing: for callers without a ledger.
type NoActs struct{}

// Before returns nil.
func (NoActs) Before(context.Context, string) error { return nil }

// After returns nil.
func (NoActs) After(context.Context, string, string) error { return nil }

// A Forge publishes. Safe for concurrent use.
type Forge interface {
	Name() string

	// Publish makes branch, commit, draft pull request, check and labels, or
	// finds those that an earlier call with the same Key made, closed ones
	// included, and returns them: calling it again never makes a second pull
	// request, and a pull request that stands is left as it is. A closed or
	// merged one is returned at once. Errors are fault.Retryable, fault.Denied,
	// fault.NotFound or fault.Invalid; see RetryAfter for how long to wait.
	Publish(ctx context.Context, p Proposal, acts Acts) (*PullRequest, error)

	// Comment posts text where a person asked for the repair (an issue of the
	// repository), once for each key: a word such as a run's id or a Proposal's Key.
	Comment(ctx context.Context, repository string, issue int, key string, text redact.Clean) error
}
