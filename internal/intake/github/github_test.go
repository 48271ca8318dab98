package github_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake/github"
)

func payload(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestEveryDeliveryIsActedOnOrAcknowledged(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file, event, want string
	}{
		{"issues.labeled.json", "issues", "labeled Codertocat/Hello-World: Codertocat set bug on #1"},
		{"pull_request.closed.json", "pull_request", "closed Codertocat/Hello-World: #2 of changes, merged false"},
		{"ping.json", "ping", " Octocoders/Hello-World"},
		{"check_run.rerequested.json", "check_run", "rerequested github/hello-world"},
		{"check_run.requested_action.json", "check_run", "requested_action electron/electron"},
		{"installation.created.json", "installation", "created "},
		{"installation.deleted.json", "installation", "deleted "},
		{"issue_comment.created.with-installation.json", "issue_comment", "created "},
		{"pull_request_review.submitted.json", "pull_request_review", "submitted Codertocat/Hello-World"},
		{"pull_request_review_comment.created.json", "pull_request_review_comment", "created Codertocat/Hello-World"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			h, err := github.Parse(tt.event, payload(t, tt.file))
			if err != nil {
				t.Fatal(err)
			}
			got := h.Action + " " + h.Repository
			if a := h.Ask; a != nil {
				got += fmt.Sprintf(": %s set %s on #%d", a.User, a.Label, a.Issue)
			}
			if c := h.Closed; c != nil {
				got += fmt.Sprintf(": #%d of %s, merged %t", c.Number, c.Branch, c.Merged)
			}
			if tt.event == "issue_comment" {
				got = strings.TrimSuffix(got, h.Repository)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAMergedPullRequestIsMerged(t *testing.T) {
	t.Parallel()
	body := strings.Replace(string(payload(t, "pull_request.closed.json")), `"merged": false`, `"merged": true`, 1)
	h, err := github.Parse("pull_request", []byte(body))
	if err != nil || h.Closed == nil || !h.Closed.Merged {
		t.Errorf("got %+v, %v", h, err)
	}
}

// labeled writes a delivery whose issue has a body.
func labeled(body string) []byte {
	return fmt.Appendf(nil, `{"action":"labeled","label":{"name":"repaird"},"sender":{"login":"ann"},"repository":{"full_name":"acme/shop"},`+
		`"issue":{"number":7,"title":"Carts break","body":%q,"html_url":"https://github.com/acme/shop/issues/7","updated_at":"2026-01-02T03:04:05Z"}}`, body)
}

const (
	sha       = "9f2c1e7b5a0d4c3e8b6f1a2d3c4e5f60718293a4"
	traceback = "Traceback (most recent call last):\n  File \"/srv/shop/shop.py\", line 23, in quote\n    raise PricingError(\"no price\")\nshop.PricingError: no price"
)

func TestTheBodyNamesWhatBroke(t *testing.T) {
	t.Parallel()
	chain, _ := incident.ParseTraceback(traceback)
	sentry := &incident.Fetch{Org: "acme", Issue: "12"}
	tests := []struct {
		name, body string
		incident   string
		fetch      *incident.Fetch
		exceptions []incident.Exception
		commit     string
	}{
		{"an incident's id", "Please fix.\n\nrepaird incident: `inc-0123456789abcdef`", "inc-0123456789abcdef", nil, nil, ""},
		{"an incident's id in words", "**Incident ID:** inc-0123456789abcdef\n", "inc-0123456789abcdef", nil, nil, ""},
		{"an incident's page", "see https://repaird.acme.example/incidents/inc-0123456789abcdef?x=1", "inc-0123456789abcdef", nil, nil, ""},
		{"a Sentry link", "Sentry: https://acme.sentry.io/issues/12/?project=3", "", sentry, nil, ""},
		{"a Sentry link before a traceback", traceback + "\n\nhttps://acme.sentry.io/issues/12/", "", sentry, nil, ""},
		{"a traceback", "It broke:\n\n```\n" + traceback + "\n```\n", "", nil, chain, ""},
		{"a traceback and a commit", "Commit: `" + sha + "`\n```python\n" + traceback + "\n```\n", "", nil, chain, sha},
		{"a traceback and a release", "Release shop@1.4+9f2c1e7.\n\n> " + strings.ReplaceAll(traceback, "\n", "\n> "), "", nil, chain, "9f2c1e7"},
		{"a commit elsewhere in the text", "the commit message is wrong\nversion: 1.2\n```\n" + traceback + "\n```", "", nil, chain, ""},
		{"nothing of use", "It does not work.", "", nil, nil, ""},
		{"nothing", "", "", nil, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, err := github.Parse("issues", labeled(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			a := h.Ask
			if a.Incident != tt.incident || a.Event.Commit != tt.commit {
				t.Errorf("got incident %q, commit %q, want %q, %q", a.Incident, a.Event.Commit, tt.incident, tt.commit)
			}
			if diff := cmp.Diff(tt.fetch, a.Event.Fetch); diff != "" {
				t.Errorf("fetch (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.exceptions, a.Event.Exceptions); diff != "" {
				t.Errorf("exceptions (-want +got):\n%s", diff)
			}
			if tt.incident == "" && (a.Event.ID == "" || a.Event.Message != "Carts break") {
				t.Errorf("got event %+v", a.Event)
			}
		})
	}
}

func TestFormsAreUnpacked(t *testing.T) {
	t.Parallel()
	form := []byte(url.Values{"payload": {`{"action":"x"}`}}.Encode())
	for _, contentType := range []string{"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8"} {
		got, err := github.Payload(contentType, form)
		if err != nil || string(got) != `{"action":"x"}` {
			t.Errorf("%s: got %q, %v", contentType, got, err)
		}
	}
	if got, err := github.Payload("application/json", []byte("{}")); err != nil || string(got) != "{}" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, body := range []string{"", "a=b", "payload=%zz"} {
		if _, err := github.Payload("application/x-www-form-urlencoded", []byte(body)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: got %v", body, err)
		}
	}
}

func TestWhatIsNotADeliveryIsRejected(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "[]", "hello", `{"issue":{"number":"7"}}`} {
		if h, err := github.Parse("issues", []byte(body)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: got %+v, %v", body, h, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("issues", labeled(traceback))
	f.Add("issues", labeled("repaird incident inc-1 https://acme.sentry.io/issues/12/"))
	f.Add("pull_request", []byte(`{"action":"closed","pull_request":{"number":1,"merged":null}}`))
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		h, err := github.Parse(event, body)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		if h.Ask != nil && (h.Ask.Issue <= 0 || h.Ask.Incident == "" && h.Ask.Event.ID == "") {
			t.Fatalf("got %+v", h.Ask)
		}
		if h.Closed != nil && h.Closed.Number <= 0 {
			t.Fatalf("got %+v", h.Closed)
		}
		_, _ = github.Payload("application/x-www-form-urlencoded", body)
	})
}
