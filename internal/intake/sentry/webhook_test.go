package sentry_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake/sentry"
)

func TestEveryResourceIsActedOnOrAcknowledged(t *testing.T) {
	t.Parallel()
	var bodies map[string]json.RawMessage
	if err := json.Unmarshal(payload(t, "webhook-all-resources.integration-platform-example.json"), &bodies); err != nil {
		t.Fatal(err)
	}
	acts := map[string]string{
		"event_alert.triggered":                        "sentry:def456",
		"event_alert.triggered:with_alert_rule_action": "sentry:def456",
		"issue.created":                                "sentry-issue:123:created",
	}
	if len(bodies) != 16 {
		t.Fatalf("got %d bodies, want 16", len(bodies))
	}
	for name, body := range bodies {
		resource, _, _ := strings.Cut(name, ".")
		h, err := sentry.ParseHook(resource, body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if (h.Event != nil) != (acts[name] != "") || h.Key != acts[name] {
			t.Errorf("%s: got event %v, key %q, want key %q", name, h.Event != nil, h.Key, acts[name])
		}
	}
}

func TestAnIssueSaysWhereItsEventIs(t *testing.T) {
	t.Parallel()
	body := func(action, extra string) string {
		return `{"action":"` + action + `","installation":{"uuid":"u"},"data":{"issue":{"id":"123","title":"E: m","lastSeen":"2026-01-02T03:04:05Z",` +
			`"project":{"slug":"shop"},"permalink":"https://acme.sentry.io/issues/123/"` + extra + `}},"actor":{"id":7,"type":"user"}}`
	}
	tests := []struct {
		name, body, key string
		fetch           *incident.Fetch
	}{
		{"a new error", body("created", `,"issueCategory":"error"`), "sentry-issue:123:created", &incident.Fetch{Org: "acme", Project: "shop", Issue: "123"}},
		{"an error that came back", body("unresolved", ``), "sentry-issue:123:unresolved:2026-01-02T03:04:05Z", &incident.Fetch{Org: "acme", Project: "shop", Issue: "123"}},
		{"a new outage", body("created", `,"issueCategory":"outage"`), "", nil},
		{"new feedback", body("created", `,"issueCategory":"feedback"`), "", nil},
		{"an old performance issue", body("created", `,"type":"transaction"`), "", nil},
		{"a resolved error", body("resolved", ``), "", nil},
		{"an archived error", body("archived", ``), "", nil},
		{"an ignored error", body("ignored", ``), "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, err := sentry.ParseHook("issue", []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			var fetch *incident.Fetch
			if h.Event != nil {
				fetch = h.Event.Fetch
			}
			if diff := cmp.Diff(tt.fetch, fetch); diff != "" || h.Key != tt.key {
				t.Errorf("got key %q, want %q; fetch (-want +got):\n%s", h.Key, tt.key, diff)
			}
		})
	}
}

func TestTheErrorResourceCarriesAWholeEvent(t *testing.T) {
	t.Parallel()
	alert := payload(t, "webhook-event_alert-python-exception.zulip.json")
	asError := strings.Replace(string(alert), `"event": {`, `"error": {`, 1)
	h, err := sentry.ParseHook("error", []byte(asError))
	if err != nil {
		t.Fatal(err)
	}
	want, err := sentry.ParseHook("event_alert", alert)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Event, h.Event); diff != "" || h.Event == nil {
		t.Errorf("-event_alert +error:\n%s", diff)
	}
}

func TestBodiesThatAreNotWebhooksAreRejected(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `[]`, `{}`, `{"data":null}`, `{"data":{"event":{}}}`, `{"data":{"event":5}}`, `{"data":{}}`} {
		if h, err := sentry.ParseHook("event_alert", []byte(body)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %+v, %v", body, h, err)
		}
		if e, err := sentry.Legacy([]byte(body)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %+v, %v", body, e, err)
		}
	}
}
