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

// One message, so that the sender cannot tell which of the two is wrong.
var errSentrySignature = deniedf("unknown project, or Sentry-Hook-Signature does not match its client secret")

// sentryWebhook serves the integration platform. The signature covers the raw
// body; Sentry-Hook-Timestamp is unsigned and proves nothing.
func (s *server) sentryWebhook(w http.ResponseWriter, r *http.Request, mem *reservation) reply {
	signature := r.Header.Get("Sentry-Hook-Signature")
	if signature == "" {
		return reply{err: deniedf("Sentry-Hook-Signature is missing")}
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
		return reply{project: p.Name, outcome: OutcomeIgnored, note: "the delivery contains no error"}
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

// sentryLegacy serves the WebHooks plugin, which does not sign its requests: the
// secret is in the path.
func (s *server) sentryLegacy(w http.ResponseWriter, r *http.Request, mem *reservation) reply {
	p := s.reg.byName[chi.URLParam(r, "project")]
	token := ""
	if p != nil {
		token = p.LegacyToken.Reveal()
	}
	if !same(token, chi.URLParam(r, "token")) || token == "" {
		return reply{err: deniedf("unknown project, or the URL does not end with its token")}
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
		return reply{project: p.Name, outcome: OutcomeIgnored, note: "below error level"}
	}
	return s.deliver(r, p, Delivery{
		Source: incident.SourceSentry, Type: "sentry/legacy", Body: body,
		Events: []incident.Event{e}, Keys: []string{"sentry:" + e.ID},
	})
}

// plain reads an uncompressed body.
func (s *server) plain(w http.ResponseWriter, r *http.Request, mem *reservation) ([]byte, error) {
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, errEncoding
	}
	return s.read(w, r, mem)
}

// githubWebhook serves GitHub. A redelivery keeps its GUID; if the first one
// failed, it was not stored, so the redelivery is not a duplicate.
func (s *server) githubWebhook(w http.ResponseWriter, r *http.Request, mem *reservation) reply {
	if len(s.github) == 0 {
		return reply{err: fault.Errorf(fault.NotFound, "GitHub webhooks are not configured")}
	}
	signature, ok := strings.CutPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256=")
	if !ok {
		return reply{err: deniedf("X-Hub-Signature-256 is missing")}
	}
	body, err := s.plain(w, r, mem)
	if err != nil {
		return reply{err: err}
	}
	if !signed(s.github, body, signature) {
		return reply{err: deniedf("X-Hub-Signature-256 does not match the configured secret")}
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
		return reply{outcome: OutcomeIgnored, note: "this event needs no action"}
	}
	if p == nil {
		return reply{outcome: OutcomeIgnored, note: "the repository belongs to no project"}
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
		return reply{project: p.Name, outcome: OutcomeIgnored, note: "the label does not ask for a repair"}
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
