// Package intake receives events over HTTP: Sentry webhooks and SDKs, OTLP
// exporters, GitHub. It verifies the sender, caps the body, decodes it to
// incident.Events, and hands a Delivery to an Acceptor; it answers only after
// the acceptor has committed.
//
//	h, err := intake.New(intake.Config{Projects: projects, Acceptor: orch, …})
//	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, …}
//
// Its addresses, all POST:
//
//	/webhooks/sentry/{project}          integration platform, signed
//	/webhooks/sentry/{project}/{token}  the WebHooks plugin, a secret in the path
//	/api/{id}/envelope/, /api/{id}/store/  SDKs, by DSN
//	/v1/traces, /v1/logs                OTLP, a bearer token for each project
//	/webhooks/github                    signed
//
// What it promises: a 2xx answer means that everything of use in the body is
// durable; 503 with Retry-After means that nothing was stored. Bodies, headers
// and secrets are never logged.
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
	ID      string           // the sender's delivery id, "" where it has none
	Digest  [32]byte         // sha256 of Body
	Keys    []string         // further deduplication keys, one for each Event, such as sentry:<event> or otlp:<trace>:<span>:<time>; "" none
	Body    []byte           // raw, decompressed; the acceptor stores it encrypted
	Type    string           // content type and resource, such as sentry/event_alert
	Events  []incident.Event // empty only where Ask names an incident
	Ask     *Ask             // a person asked, on the code host
}

// An Ask is where a person asked for a repair and hears of its end.
type Ask struct {
	Repository string `json:"repository"` // owner/name
	Issue      int    `json:"issue"`
	User       string `json:"user"`
	Incident   string `json:"incident,omitempty"` // an incident's id: start a run of it; the delivery then has no Events
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
