package sentry

import (
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
)

// A Hook is one delivery from Sentry's integration platform.
type Hook struct {
	Resource string // the Sentry-Hook-Resource header
	Action   string
	Event    *incident.Event // nil: acknowledge only
	Key      string          // deduplication key; "" if Event is nil
}

// ParseHook parses a webhook's body. The resources event_alert and error carry an
// event; issue carries only a notification (see incident.Fetch), which matters
// for errors and the actions created and unresolved. All others, including
// unknown ones, need only an acknowledgement. Its error is fault.Invalid or
// fault.Budget.
func ParseHook(resource string, body []byte) (h *Hook, err error) {
	defer fault.Wrap(&err, "sentry webhook")
	n, err := parse(body)
	if err != nil {
		return nil, err
	}
	if n.kind != '{' || n.get("data").null() {
		return nil, fault.Errorf(fault.Invalid, "the body has no data")
	}
	h = &Hook{Resource: resource, Action: n.get("action").text()}
	switch resource {
	case "event_alert":
		err = h.event(n.get("data", "event"))
	case "error":
		err = h.event(n.get("data", "error"))
	case "issue":
		h.issue(n)
	}
	return h, err
}

// resourceOf guesses the resource of a body without its header.
func resourceOf(data *node) string {
	for resource, key := range map[string]string{"event_alert": "event", "error": "error", "issue": "issue", "metric_alert": "metric_alert", "comment": "comment", "installation": "installation"} {
		if !data.get(key).null() {
			return resource
		}
	}
	return ""
}

func (h *Hook) event(n *node) error {
	e, err := event(n)
	if err != nil {
		return err
	}
	if e.ID == "" {
		return fault.Errorf(fault.Invalid, "event without an id")
	}
	e.Environment.Service = projectOf(n.get("url").text())
	h.Event, h.Key = &e, "sentry:"+e.ID
	return nil
}

// projectOf extracts the project's slug from an event's API URL,
// …/api/0/projects/{org}/{project}/events/{id}/.
func projectOf(address string) string {
	_, rest, ok := strings.Cut(address, "/projects/")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) < 2 {
		return ""
	}
	return parts[1]
}

// issue turns the notification of a new or unresolved error into an Event with a
// Fetch.
func (h *Hook) issue(body *node) {
	n := body.get("data", "issue")
	category := n.get("issueCategory").text()
	if n.get("id").text() == "" || (category != "" && category != "error") {
		return
	}
	if category == "" && n.get("type").text() != "" && n.get("type").text() != "error" {
		return // a delivery older than issueCategory
	}
	id := n.get("id").text()
	key := "sentry-issue:" + id + ":" + h.Action
	switch h.Action {
	case "created":
	case "unresolved":
		// An issue can be unresolved repeatedly; lastSeen tells the occasions apart.
		key += ":" + n.get("lastSeen").text()
	default:
		return
	}
	link := first(n, "web_url", "permalink")
	fetch, _ := incident.SentryLink(link)
	if fetch == nil {
		fetch = &incident.Fetch{}
	}
	if org := body.get("installation", "organization", "slug").text(); fetch.Org == "" {
		fetch.Org = org
	}
	fetch.Issue, fetch.Project = id, n.get("project", "slug").text()
	h.Key = key
	h.Event = &incident.Event{
		ID:          "issue-" + id,
		Source:      incident.SourceSentry,
		Time:        timestamp(n.get("lastSeen")),
		Level:       level(n.get("level").text()),
		Platform:    n.get("platform").text(),
		Logger:      n.get("logger").text(),
		Message:     n.get("title").text(),
		Link:        link,
		Environment: incident.Environment{Service: fetch.Project},
		Fetch:       fetch,
	}
}

// Legacy parses the body of the WebHooks plugin, which contains the stored event
// and is unsigned. Its error is fault.Invalid or fault.Budget.
func Legacy(body []byte) (e incident.Event, err error) {
	defer fault.Wrap(&err, "sentry legacy webhook")
	n, err := parse(body)
	if err != nil {
		return incident.Event{}, err
	}
	return legacy(n)
}

func legacy(n *node) (incident.Event, error) {
	if n.get("event").null() || n.get("project_slug").null() {
		return incident.Event{}, fault.Errorf(fault.Invalid, "the body lacks event or project_slug")
	}
	e, err := event(n.get("event"))
	if err != nil {
		return incident.Event{}, err
	}
	if e.ID == "" {
		return incident.Event{}, fault.Errorf(fault.Invalid, "event without an id")
	}
	if e.Link == "" {
		e.Link = n.get("url").text()
	}
	e.Environment.Service = n.get("project_slug").text()
	return e, nil
}

// File parses a captured body of unknown origin: an event, an envelope, or a
// webhook body of either kind. Its error is fault.Invalid, fault.Budget, or
// fault.NotFound if the body is well-formed but contains no error.
func File(data []byte) (e incident.Event, err error) {
	n, err := parse(data)
	if fault.KindOf(err) == fault.Budget {
		return incident.Event{}, err
	}
	if err != nil || n.get("sent_at") != nil {
		env, err := ParseEnvelope(data)
		if err != nil {
			return incident.Event{}, err
		}
		e, ok, err := env.Event()
		if err == nil && !ok {
			err = fault.Errorf(fault.NotFound, "sentry envelope: contains no error event")
		}
		return e, err
	}
	switch {
	case !n.get("data").null() && !n.get("action").null():
		h, err := ParseHook(resourceOf(n.get("data")), data)
		if err != nil {
			return incident.Event{}, err
		}
		if h.Event == nil {
			return incident.Event{}, fault.Errorf(fault.NotFound, "sentry webhook: %q contains no error", resourceOf(n.get("data")))
		}
		return *h.Event, nil
	case !n.get("project_slug").null() && !n.get("event").null():
		return Legacy(data)
	case isEvent(n):
		return Event(data)
	}
	return incident.Event{}, fault.Errorf(fault.Invalid, "not a Sentry event, envelope or webhook")
}

func isEvent(n *node) bool {
	for _, key := range []string{"exception", "logentry", "stacktrace", "event_id", "message"} {
		if !n.get(key).null() {
			return true
		}
	}
	return false
}
