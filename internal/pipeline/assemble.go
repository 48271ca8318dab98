package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/text"
)

// Evidence is what the assemble stage needs.
type Evidence struct {
	Incident Incident
	Events   []incident.Event // unredacted, the best first
	Sealed   *bundle.Bundle   // by an earlier run of the incident; nil: there is none
}

// assemble completes the evidence, redacts and seals it.
func (a *at) assemble(ctx context.Context, in Evidence) (*bundle.Bundle, error) {
	if in.Sealed != nil {
		return in.Sealed, nil
	}
	e, err := a.bestEvent(ctx, in.Events)
	if err != nil {
		return nil, err
	}
	if !a.Language.Claims(&e) {
		return nil, &fault.Stop{Type: fault.Policy, Detail: "The event's platform is " + text.Head(e.Platform, 40) + "; only " + a.Language.Name() + " is supported.",
			Help: "Limit the alert rule to " + a.Language.Name() + " projects."}
	}
	if e.Commit, err = a.commit(ctx, &e); err != nil {
		return nil, err
	}
	if a.Test != "" {
		if err := a.witness(ctx, &e); err != nil {
			return nil, err
		}
	}
	a.progress("redacting and sealing the evidence")
	sig, ok := incident.SignatureOf(&e)
	if !ok {
		return nil, &fault.Stop{Type: fault.NeedsInput, Detail: "The event has no exception.", Help: "Send exceptions, not only messages."}
	}
	fp := incident.Fingerprint(a.Project.Name, sig)
	evidence := a.redactor().Event(e)
	clean := evidence.Event()
	sig, _ = incident.SignatureOf(&clean)
	now := time.Now().UTC()
	first, last, count := in.Incident.FirstSeen, in.Incident.LastSeen, in.Incident.Count
	if first.IsZero() {
		first, last, count = clean.Time, clean.Time, max(count, 1)
	}
	if first.IsZero() {
		first, last = now, now
	}
	b, err := bundle.Seal(bundle.Incident{
		ID: cmp.Or(in.Incident.ID, "inc-"+fp[:16]), Project: a.Project.Name, Summary: summary(&clean), Fingerprint: fp, Signature: sig,
		FirstSeen: first, LastSeen: last, Count: count,
	}, bundle.Code{
		Repository: a.Project.Repository, Commit: e.Commit, Language: a.Language.Name(), Build: clean.Release, TestCommand: a.Project.TestCommand,
	}, evidence)
	if err != nil {
		return nil, err
	}
	a.progress("sealed %s: %s; %d values replaced", text.Head(b.ID, 19), b.Incident.Summary, b.Redaction.Replaced)
	return b, nil
}

// witness runs the failing test that stands for an event, and makes e what
// production would have reported.
func (a *at) witness(ctx context.Context, e *incident.Event) error {
	tree, release, err := a.Source.Checkout(ctx, a.Project, e.Commit)
	if err != nil {
		return err
	}
	defer release()
	test, x, err := a.Reproducer.Witness(ctx, repro.Input{Run: a.Run, Tree: tree, Setup: a.Project.Setup, Committed: a.committed(ctx, e.Commit), Progress: a.say}, a.Test)
	if err != nil {
		return err
	}
	a.Test, e.Platform, e.Exceptions = test.ID(), a.Language.Name(), []incident.Exception{x}
	return nil
}

// bestEvent picks the richest of the incident's events and adds what others of
// the same trace know.
func (a *at) bestEvent(ctx context.Context, events []incident.Event) (incident.Event, error) {
	if len(events) == 0 {
		return incident.Event{}, fault.Errorf(fault.Invalid, "run %s has no event", a.Run)
	}
	best := events[0] // callers order by rank
	if best.Raised() == nil && best.Fetch != nil {
		if a.Fetch == nil {
			return best, &fault.Stop{Type: fault.NeedsInput, Detail: "The notification refers to a Sentry event but does not contain it.",
				Help: "Configure projects[].sentry.api_token and organization, or use alert webhooks, which contain the event."}
		}
		a.progress("fetching the event from Sentry")
		e, err := a.Fetch.FetchEvent(ctx, a.Project.Name, *best.Fetch)
		if err != nil {
			if k := fault.KindOf(err); k == fault.NotFound || k == fault.Denied || k == fault.Invalid {
				return best, &fault.Stop{Type: fault.NeedsInput, Detail: "The event could not be fetched from Sentry: " + text.Head(err.Error(), 200) + ".", Help: "Check projects[].sentry.api_token (scopes event:read and project:read), organization and slug."}
			}
			return best, err
		}
		e.Project, e.Link = a.Project.Name, best.Link
		best = e
	}
	for _, o := range events[1:] {
		if o.TraceID == "" || o.TraceID != best.TraceID {
			continue
		}
		best.Spans = append(best.Spans, o.Spans...)
		best.Logs = append(best.Logs, o.Logs...)
		if best.Request == nil {
			best.Request = o.Request
		}
		if best.Commit == "" {
			best.Commit = o.Commit
		}
	}
	return best, nil
}

// commit finds the deployed commit.
func (a *at) commit(ctx context.Context, e *incident.Event) (string, error) {
	if a.Project.URL == "" {
		return "", &fault.Stop{Type: fault.NoSource, Detail: "Project " + a.Project.Name + " has no repository.", Help: "Set projects[].repository or url."}
	}
	rev := e.Commit
	if rev == "" && e.Release != "" && a.Fetch != nil {
		found, err := a.Fetch.ReleaseCommit(ctx, a.Project.Name, e.Release)
		if err != nil && fault.KindOf(err) == fault.Retryable {
			return "", err
		}
		rev = found
	}
	if rev == "" && e.Release != "" {
		// A release is often a tag.
		for _, tag := range []string{e.Release, "v" + e.Release} {
			if sha, err := a.Source.Resolve(ctx, a.Project, tag); err == nil || !unknown(err) {
				return sha, err
			}
		}
	}
	if rev == "" {
		return "", &fault.Stop{Type: fault.NoSource, Detail: "The event does not say which commit was deployed.",
			Help: "Set the SDK's release to the commit (SENTRY_RELEASE=$(git rev-parse HEAD)) or, for OpenTelemetry, OTEL_RESOURCE_ATTRIBUTES=vcs.ref.head.revision=$(git rev-parse HEAD)."}
	}
	a.progress("finding commit %s", text.Head(rev, 12))
	sha, err := a.Source.Resolve(ctx, a.Project, rev)
	if unknown(err) {
		return "", &fault.Stop{Type: fault.NoSource, Detail: fmt.Sprintf("Commit %s is not in %s.", text.Head(rev, 40), a.Project.Repository),
			Help: "Push the deployed commit, or correct the release."}
	}
	return sha, err
}

// unknown reports whether a repository has answered that the revision does not
// exist; any other error may be an outage.
func unknown(err error) bool {
	k := fault.KindOf(err)
	return err != nil && (k == fault.NotFound || k == fault.Invalid)
}

// summary is one line: type, message, function.
func summary(e *incident.Event) string {
	x := e.Raised()
	s := incident.BareName(x.Type)
	if x.Message != "" {
		s += ": " + x.Message
	}
	if f := x.InApp(); len(f) > 0 {
		s += " in " + f[len(f)-1].Function
	}
	return text.Head(s, 200)
}
