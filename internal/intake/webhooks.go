package intake

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake/github"
	"github.com/repaird/repaird/internal/intake/sentry"
	"github.com/repaird/repaird/internal/secret"
)

// Whether the project or its secret is wrong is not told to the sender.
var errSentrySignature = deniedf("unknown project, or Sentry-Hook-Signature is not made with its client secret")

// sentryWebhook serves the integration platform. The signature is over the raw
// bytes; Sentry-Hook-Timestamp is not signed and proves nothing.
func (s *server) sentryWebhook(w http.ResponseWriter, r *http.Request, mem *lease) reply {
	signature := r.Header.Get("Sentry-Hook-Signature")
	if signature == "" {
		return reply{err: deniedf("no Sentry-Hook-Signature")}
	}
	body, err := s.plain(w, r, mem)
	if err != nil {
		return reply{err: err}
	}
	p := s.reg.byName[chi.URLParam(r, "project")]
	var secrets []secret.String
	if p != nil {
		secrets = p.SentrySecrets
	}
	if !signed(secrets, body, signature) {
		return reply{err: errSentrySignature}
	}
	resource := r.Header.Get("Sentry-Hook-Resource")
	hook, err := sentry.ParseHook(resource, body)
	if err != nil {
		return reply{project: p.Name, err: err}
	}
	if hook.Event == nil || !worth(hook.Event) {
		return reply{project: p.Name, outcome: OutcomeIgnored, note: "nothing to repair in this delivery"}
	}
	d := Delivery{
		Source: incident.SourceSentry,
		Type:   "sentry/" + resource,
		Body:   body,
		Events: []incident.Event{*hook.Event},
		Keys:   []string{hook.Key},
	}
	if id := r.Header.Get("Request-ID"); id != "" && len(id) <= 64 {
		d.ID = "sentry-request:" + id
	}
	return s.deliver(r, p, d)
}

// sentryLegacy serves the WebHooks plugin, which does not sign: the secret is
// in the path.
func (s *server) sentryLegacy(w http.ResponseWriter, r *http.Request, mem *lease) reply {
	p := s.reg.byName[chi.URLParam(r, "project")]
	token := ""
	if p != nil {
		token = p.LegacyToken.Reveal()
	}
	if !same(token, chi.URLParam(r, "token")) || token == "" {
		return reply{err: deniedf("unknown project, or the address does not end with its token")}
	}
	body, err := s.plain(w, r, mem)
	if err != nil {
		return reply{project: p.Name, err: err}
	}
	e, err := sentry.Legacy(body)
	if err != nil {
		return reply{project: p.Name, err: err}
	}
	if !worth(&e) {
		return reply{project: p.Name, outcome: OutcomeIgnored, note: "below the level of an error"}
	}
	return s.deliver(r, p, Delivery{
		Source: incident.SourceSentry, Type: "sentry/legacy", Body: body,
		Events: []incident.Event{e}, Keys: []string{"sentry:" + e.ID},
	})
}

// plain reads the body of a sender that never compresses.
func (s *server) plain(w http.ResponseWriter, r *http.Request, mem *lease) ([]byte, error) {
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, errEncoding
	}
	return s.read(w, r, mem)
}

// githubWebhook serves GitHub. A delivery's GUID stays the same when it is sent
// again; one that failed here was not stored and is taken then.
func (s *server) githubWebhook(w http.ResponseWriter, r *http.Request, mem *lease) reply {
	if len(s.github) == 0 {
		return reply{err: fault.Errorf(fault.NotFound, "no GitHub webhook secret is configured")}
	}
	signature, ok := strings.CutPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256=")
	if !ok {
		return reply{err: deniedf("no X-Hub-Signature-256")}
	}
	body, err := s.plain(w, r, mem)
	if err != nil {
		return reply{err: err}
	}
	if !signed(s.github, body, signature) {
		return reply{err: deniedf("X-Hub-Signature-256 is not made with the configured secret")}
	}
	event := r.Header.Get("X-GitHub-Event")
	if event == "ping" {
		return reply{outcome: OutcomeIgnored, note: "pong"}
	}
	payload, err := github.Payload(r.Header.Get("Content-Type"), body)
	if err != nil {
		return reply{err: err}
	}
	hook, err := github.Parse(event, payload)
	if err != nil {
		return reply{err: err}
	}
	return s.githubHook(r, hook, body)
}

func (s *server) githubHook(r *http.Request, hook *github.Hook, body []byte) reply {
	p := s.reg.byRepository[strings.ToLower(hook.Repository)]
	if hook.Ask == nil && hook.Closed == nil {
		return reply{outcome: OutcomeIgnored, note: "nothing to do for this event"}
	}
	if p == nil {
		return reply{outcome: OutcomeIgnored, note: "no project has this repository"}
	}
	if c := hook.Closed; c != nil {
		out := reply{project: p.Name, outcome: OutcomeAccepted}
		ctx, cancel := s.commitContext(r)
		defer cancel()
		if out.err = s.acceptor.PullRequestClosed(ctx, hook.Repository, c.Number, c.Merged); out.err != nil {
			out.outcome = ""
		}
		return out
	}
	ask := hook.Ask
	if !slices.ContainsFunc(p.Labels, func(l string) bool { return strings.EqualFold(l, ask.Label) }) {
		return reply{project: p.Name, outcome: OutcomeIgnored, note: "not a label that asks for a repair"}
	}
	d := Delivery{
		Source: incident.SourceGitHub, Type: "github/issues.labeled", Body: body,
		Ask: &Ask{Repository: hook.Repository, Issue: ask.Issue, User: ask.User, Incident: ask.Incident},
	}
	if id := r.Header.Get("X-GitHub-Delivery"); id != "" && len(id) <= 64 {
		d.ID = "github:" + id
	}
	if ask.Incident == "" {
		d.Events, d.Keys = []incident.Event{ask.Event}, []string{""}
	}
	return s.deliver(r, p, d)
}
