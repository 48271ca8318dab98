package orchestrator

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/text"
)

var _ intake.Acceptor = (*Orchestrator)(nil)

// Accept implements intake.Acceptor: one transaction, one round trip.
func (o *Orchestrator) Accept(ctx context.Context, d intake.Delivery) (*intake.Accepted, error) {
	keys := []string{"sha:" + hex.EncodeToString(d.Digest[:])}
	if d.ID != "" {
		keys = append(keys, "id:"+d.ID)
	}
	if d.Ask != nil && d.Ask.Incident != "" && len(d.Events) == 0 {
		a, err := o.DB.Ask(ctx, d.Project, string(d.Source), keys, d.Ask.Incident, d.Ask, newRunID())
		if err != nil {
			return nil, err
		}
		return &intake.Accepted{Duplicate: a.Duplicate, Incidents: a.Incidents, Runs: a.Runs}, nil
	}
	rows := make([]postgres.EventRow, 0, len(d.Events))
	for i, e := range d.Events {
		e.Project = d.Project
		plain, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		body, wrapped, err := o.Box.Seal(plain)
		if err != nil {
			return nil, err
		}
		row := describe(d.Project, &e)
		row.Body, row.Wrapped = body, wrapped
		if i < len(d.Keys) {
			row.Key = d.Keys[i]
		}
		rows = append(rows, row)
	}
	var ask any
	if d.Ask != nil {
		ask = d.Ask
	}
	o.Failpoint("accept.before")
	a, err := o.DB.Accept(ctx, d.Project, string(d.Source), keys, rows, ask)
	if err != nil {
		return nil, err
	}
	o.Failpoint("accept.after")
	return &intake.Accepted{Duplicate: a.Duplicate, Incidents: a.Incidents, Runs: a.Runs}, nil
}

// describe computes the plaintext columns of an event: identifiers, never a
// message or a value.
func describe(project string, e *incident.Event) postgres.EventRow {
	sig, ok := incident.SignatureOf(e)
	if !ok {
		sig = incident.Signature{Type: "message", Message: incident.MaskMessage(e.Message)}
		if sig.Message == "" {
			sig.Message = e.ID // not fetched yet: an incident of its own until its content is known
		}
	}
	fp := incident.Fingerprint(project, sig)
	at := e.Time
	if at.IsZero() || at.After(time.Now().Add(time.Hour)) {
		at = time.Now()
	}
	return postgres.EventRow{
		Fingerprint: fp, Incident: "inc-" + fp[:16], Title: title(sig), Rank: rank(e), Commit: e.Commit,
		Time: at.UTC(), Run: newRunID(),
	}
}

func title(s incident.Signature) string {
	t := s.Type
	if s.Function != "" {
		t += " in " + s.Function
	}
	if s.File != "" {
		t += " (" + s.File + ")"
	}
	return identifier(t)
}

// identifier keeps the characters of class, function and file names: an
// untrusted event must not inject markup or control characters into lists.
func identifier(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == ' ' || r == '.' || r == '_' || r == '-' || r == '/' || r == '(' || r == ')' || r == '<' || r == '>' ||
			r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '?'
	}, s)
	return text.Head(s, 200)
}

// rank returns how much an event can prove: 3 frames with locals that the recorder
// described, 2 frames with locals, 1 frames, 0 none.
func rank(e *incident.Event) int {
	x := e.Raised()
	if x == nil || len(x.Frames) == 0 {
		return 0
	}
	if e.Described() {
		return 3
	}
	for _, f := range x.Frames {
		if len(f.Locals) > 0 {
			return 2
		}
	}
	return 1
}

func newRunID() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return "run-" + hex.EncodeToString(b[:])
}

func (o *Orchestrator) open(s postgres.StoredEvent) (e incident.Event, err error) {
	plain, err := o.Box.Open(s.Body, s.Wrapped)
	if err != nil {
		return e, err
	}
	return e, json.Unmarshal(plain, &e)
}

// PullRequestClosed implements intake.Acceptor.
func (o *Orchestrator) PullRequestClosed(ctx context.Context, repository string, number int, merged bool) error {
	run, err := o.DB.RunByPullRequest(ctx, repository, number)
	if fault.KindOf(err) == fault.NotFound {
		return nil // not ours
	}
	if err != nil {
		return err
	}
	state := "closed"
	if merged {
		state = "merged"
	}
	return o.DB.Outcome(ctx, run.ID, state)
}
