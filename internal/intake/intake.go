// Package intake receives events over HTTP: Sentry webhooks and SDKs, OTLP
// exporters, GitHub. It authenticates the sender, limits and decodes the body to
// incident.Events, and hands a Delivery to an Acceptor. It responds only after
// the acceptor has committed.
//
//	h, err := intake.New(intake.Config{Projects: projects, Acceptor: orch, …})
//	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, …}
//
// The endpoints, all POST:
//
//	/webhooks/sentry/{project}          integration platform, signed
//	/webhooks/sentry/{project}/{token}  the WebHooks plugin, a secret in the path
//	/api/{id}/envelope/, /api/{id}/store/  SDKs, by DSN
//	/v1/traces, /v1/logs                OTLP, a bearer token for each project
//	/webhooks/github                    signed
//
// A 2xx response means that everything of use in the body is durable; 503 with
// Retry-After means that nothing was stored. Bodies, headers and secrets are
// never logged.
//
// Decode reads the same payloads from files.
package intake

import (
	"context"

	"github.com/repaird/repaird/internal/incident"
)

// A Delivery is one authenticated, decoded request.
type Delivery struct {
	Project string           // configured project name
	Source  incident.Source  //
	ID      string           // the sender's delivery id, if any
	Digest  [32]byte         // sha256 of Body
	Keys    []string         // further deduplication keys, one per Event, such as sentry:<event> or otlp:<trace>:<span>:<time>; "" for none
	Body    []byte           // raw, decompressed; the acceptor stores it encrypted
	Type    string           // source and resource, such as sentry/event_alert
	Events  []incident.Event // empty only if Ask has an incident id
	Ask     *Ask             // set if a person asked for the repair on the code host
}

// An Ask is where a person asked for a repair, and where its outcome is posted.
type Ask struct {
	Repository string `json:"repository"` // owner/name
	Issue      int    `json:"issue"`
	User       string `json:"user"`
	Incident   string `json:"incident,omitempty"` // start a run for this incident id; the delivery then has no Events
}

// Accepted is the outcome of a delivery.
type Accepted struct {
	Duplicate bool     // seen before; nothing was stored
	Incidents []string // incident ids, one per event
	Runs      []string // runs that were started
}

// An Acceptor makes deliveries durable, each in one transaction. Its error is
// fault.Retryable if the database is unavailable. The orchestrator implements it.
type Acceptor interface {
	Accept(ctx context.Context, d Delivery) (*Accepted, error)
	// PullRequestClosed records the outcome of a pull request that repaird opened.
	PullRequestClosed(ctx context.Context, repository string, number int, merged bool) error
}
