package sentry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake/sentry"
	"github.com/repaird/repaird/internal/secret"
)

const (
	eventID = "599349254a1447a99774b5310711c1a8"
	sha     = "9f2c1e7b5a0d4c3e8b6f1a2d3c4e5f60718293a4"
)

// api serves answers by escaped path, and 404 for everything else.
func api(t *testing.T, answers map[string]string) *sentry.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer token" {
			t.Errorf("got Authorization %q", got)
		}
		body, ok := answers[r.URL.EscapedPath()]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	return &sentry.Client{BaseURL: srv.URL + "/api/0/", Token: secret.New("token"), Org: "acme", HTTP: srv.Client()}
}

func TestFetchGetsTheLatestEventAndItsReleasesCommit(t *testing.T) {
	t.Parallel()
	c := api(t, map[string]string{
		"/api/0/organizations/acme/issues/123/events/latest/":      `{"eventID":"` + eventID + `","projectID":"42","entries":[]}`,
		"/api/0/projects/acme/42/events/" + eventID + "/json/":     `{"event_id":"` + eventID + `","release":"shop@1.4/2","exception":{"values":[{"type":"E"}]}}`,
		"/api/0/organizations/acme/releases/shop@1.4%2F2/commits/": `[{"id":"not a commit"},{"id":"` + strings.ToUpper(sha) + `","repository":{"name":"acme/shop"}}]`,
		"/api/0/organizations/other/issues/123/events/latest/":     `{"eventID":"` + eventID + `","projectID":42}`,
		"/api/0/projects/other/shop/events/" + eventID + "/json/":  `{"event_id":"` + eventID + `","release":"x"}`,
		"/api/0/projects/acme/shop/events/" + eventID + "/json/":   `{"event_id":"` + eventID + `","release":"` + sha + `"}`,
		"/api/0/organizations/acme/releases/" + sha + "/commits/":  `never asked`,
	})
	tests := []struct {
		name   string
		fetch  incident.Fetch
		commit string
	}{
		{"of an issue alone", incident.Fetch{Issue: "123"}, sha},
		{"of another organisation, whose releases have no commits", incident.Fetch{Org: "other", Project: "shop", Issue: "123"}, ""},
		{"of a known event, whose release is a commit", incident.Fetch{Project: "shop", EventID: eventID}, sha},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e, err := c.Fetch(context.Background(), tt.fetch)
			if err != nil {
				t.Fatal(err)
			}
			if e.ID != eventID || e.Commit != tt.commit {
				t.Errorf("got event %s, commit %q, want %q", e.ID, e.Commit, tt.commit)
			}
		})
	}
}

func TestStatusesBecomeKinds(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	tests := []struct {
		name   string
		status int
		header map[string]string
		want   fault.Kind
		after  time.Duration
	}{
		{"a bad token", 401, nil, fault.Denied, 0},
		{"a token without the right", 403, nil, fault.Denied, 0},
		{"no such event", 404, nil, fault.NotFound, 0},
		{"a rate limit that says for how long", 429, map[string]string{"Retry-After": "7"}, fault.Retryable, 7 * time.Second},
		{"a rate limit that says until when", 429, map[string]string{"X-Sentry-Rate-Limit-Reset": "1800000030"}, fault.Retryable, 30 * time.Second},
		{"a rate limit that says nothing", 429, nil, fault.Retryable, time.Minute},
		{"a server that is down", 502, nil, fault.Retryable, 0},
		{"a redirect to nowhere", 304, nil, fault.Invalid, 0},
		{"a request that is wrong", 400, nil, fault.Invalid, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range tt.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tt.status)
			}))
			defer srv.Close()
			c := &sentry.Client{BaseURL: srv.URL, Token: secret.New("token"), Org: "acme", HTTP: srv.Client(), Now: func() time.Time { return now }}
			_, err := c.EventJSON(context.Background(), "", "shop", eventID)
			if err == nil || fault.KindOf(err) != tt.want {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			var limited *sentry.Limited
			if errors.As(err, &limited) != (tt.after > 0) || limited != nil && limited.After != tt.after {
				t.Errorf("got %v, want to wait %s", limited, tt.after)
			}
			if strings.Contains(err.Error(), "token\"") || strings.Contains(err.Error(), "Bearer") {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}

func TestPathTraversalInNamesIsRejected(t *testing.T) {
	t.Parallel()
	c := api(t, map[string]string{"/api/0/projects/acme/..%2F..%2Fx/events/" + eventID + "/json/": "escaped"})
	if b, err := c.EventJSON(context.Background(), "", "../../x", eventID); err != nil || string(b) != "escaped" {
		t.Errorf("got %q, %v, want the name as one element", b, err)
	}
	for _, project := range []string{"", ".", "..", strings.Repeat("x", 300)} {
		if _, err := c.EventJSON(context.Background(), "", project, eventID); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: got %v", project, err)
		}
	}
}

func TestAnEndlessResponseIsCutOff(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for range 30 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	defer srv.Close()
	c := &sentry.Client{BaseURL: srv.URL, Org: "acme", HTTP: srv.Client()}
	if _, err := c.EventJSON(context.Background(), "", "shop", eventID); fault.KindOf(err) != fault.Budget {
		t.Errorf("got %v, want a budget", err)
	}
}

func TestAnUnreachableServerIsRetryable(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	c := &sentry.Client{BaseURL: srv.URL, Org: "acme"}
	if _, err := c.LatestEvent(context.Background(), "", "1"); fault.KindOf(err) != fault.Retryable {
		t.Errorf("got %v, want retryable", err)
	}
}
