// Package intake receives events over HTTP: Sentry webhooks and SDKs, OTLP
// exporters, GitHub. It verifies the sender, caps the body, decodes it to
// incident.Events, and hands a Delivery to an Acceptor; it answers only after
// the acceptor has committed.
package intake

import (
	"context"

	"github.com/repaird/repaird/internal/incident"
)

// A Delivery is one authenticated, decoded request.
type Delivery struct {
	Project string           // configured project name
	Source  incident.Source  //
	ID      string           // the sender's delivery id, "" where it has none
	Digest  [32]byte         // sha256 of the raw body
	Keys    []string         // further deduplication keys, one for each Event, such as otlp:<trace>:<span>:<time>; "" none
	Body    []byte           // raw, decompressed; the acceptor stores it encrypted
	Type    string           // content type and resource, such as sentry/event_alert
	Events  []incident.Event // may be empty: acknowledged only, not stored
	Ask     *Ask             // a person asked, on the code host
}

// An Ask is where a person asked for a repair and hears of its end.
type Ask struct {
	Repository string `json:"repository"` // owner/name
	Issue      int    `json:"issue"`
	User       string `json:"user"`
}

// Accepted is what became of a delivery.
type Accepted struct {
	Duplicate bool     // seen before; nothing was stored
	Incidents []string // incident ids, one for each event
	Runs      []string // runs that were started
}

// An Acceptor makes deliveries durable in one transaction. Its error is
// fault.Retryable when the database is away. The orchestrator supplies it.
type Acceptor interface {
	Accept(ctx context.Context, d Delivery) (*Accepted, error)
	// PullRequestClosed records the outcome of a pull request that repaird opened.
	PullRequestClosed(ctx context.Context, repository string, number int, merged bool) error
}
