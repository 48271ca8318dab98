package intake_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake"
)

const alertFile = "sentry/testdata/webhook-event_alert-python-exception.zulip.json"

// hook posts a Sentry webhook, signed with a key.
func (l *lab) hook(resource, key string, body []byte, header ...string) answer {
	l.t.Helper()
	return l.post("/webhooks/sentry/shop", body, append([]string{
		"Content-Type", "application/json",
		"Sentry-Hook-Resource", resource,
		"Sentry-Hook-Timestamp", "1795212976",
		"Sentry-Hook-Signature", sign(key, body),
	}, header...)...)
}

func TestASignedAlertIsStored(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	body := payload(t, alertFile)
	// The test vector was computed with two other programs.
	if got := sign(sentrySecret, body); got != "fc6f002b288106da3a1d6a3153fc9e78faa6e83aaa82d5dfa79b3cafb14be2ec" {
		t.Fatalf("got signature %s", got)
	}
	l.want(l.hook("event_alert", sentrySecret, body, "Request-ID", "0123456789abcdef0123456789abcdef"), 200, "accepted")
	d := l.stored(1)[0]
	if d.Project != "shop" || d.Source != incident.SourceSentry || d.Type != "sentry/event_alert" || string(d.Body) != string(body) ||
		d.ID != "sentry-request:0123456789abcdef0123456789abcdef" || d.Keys[0] != "sentry:599349254a1447a99774b5310711c1a8" {
		t.Errorf("got %+v", d)
	}
	if e := d.Events[0]; e.Project != "shop" || e.Raised().Type != "Exception" || len(e.Raised().Frames) != 1 {
		t.Errorf("got event %+v", e)
	}
}

func TestBothSecretsOfARotationSign(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	body := payload(t, alertFile)
	l.want(l.hook("event_alert", oldSecret, body), 200, "accepted")
	l.want(l.hook("event_alert", sentrySecret, body), 200, "duplicate")
	l.stored(1)
}

func TestUnsignedDeliveriesAreDenied(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	body := payload(t, alertFile)
	good := sign(sentrySecret, body)
	tests := []struct {
		name, path, signature string
		body                  []byte
		want                  string
	}{
		{"a wrong secret", "/webhooks/sentry/shop", sign("x", body), body, "signature"},
		{"the empty secret", "/webhooks/sentry/shop", sign("", body), body, "signature"},
		{"an empty signature", "/webhooks/sentry/shop", "", body, "Sentry-Hook-Signature is missing"},
		{"a signature in capitals", "/webhooks/sentry/shop", strings.ToUpper(good), body, "signature"},
		{"a signature with a prefix", "/webhooks/sentry/shop", "sha256=" + good, body, "signature"},
		{"a body that was changed", "/webhooks/sentry/shop", good, append([]byte(" "), body...), "signature"},
		{"an unknown project", "/webhooks/sentry/nobody", good, body, "unknown project"},
		{"an unknown project, signed as if it had no secret", "/webhooks/sentry/nobody", sign("nobody's secret", body), body, "unknown project"},
		{"a project without a secret", "/webhooks/sentry/bare", sign("", body), body, "unknown project"},
		{"the legacy address with a wrong token", "/webhooks/sentry/shop/wrong", "", body, "token"},
		{"the legacy address of a project without one", "/webhooks/sentry/bare/x", "", body, "token"},
		{"the legacy address of an unknown project", "/webhooks/sentry/nobody/" + legacyToken, "", body, "unknown project"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := []string{"Sentry-Hook-Resource", "event_alert"}
			if tt.signature != "" {
				header = append(header, "Sentry-Hook-Signature", tt.signature)
			}
			a := l.post(tt.path, tt.body, header...)
			if a.status != 401 || !strings.Contains(strings.ToLower(a.body), strings.ToLower(tt.want)) {
				t.Errorf("got %d %s, want 401 with %q", a.status, a.body, tt.want)
			}
		})
	}
	l.stored(0)
}

func TestResourcesThatStartNothingAreAcknowledged(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	var bodies map[string]json.RawMessage
	if err := json.Unmarshal(payload(t, "sentry/testdata/webhook-all-resources.integration-platform-example.json"), &bodies); err != nil {
		t.Fatal(err)
	}
	ignored := 0
	for name, body := range bodies {
		resource, _, _ := strings.Cut(name, ".")
		a := l.hook(resource, sentrySecret, body)
		switch {
		case a.status != 200:
			t.Errorf("%s: got %d %s", name, a.status, a.body)
		case strings.Contains(a.body, "ignored"):
			ignored++
		}
	}
	if ignored != 13 {
		t.Errorf("%d of 16 were ignored, want 13", ignored)
	}
	l.stored(2) // the two alerts are of one event
	l.want(l.hook("from_the_future", sentrySecret, []byte(`{"data":{}}`)), 200, "ignored")
	l.want(l.hook("", sentrySecret, []byte(`{"data":{}}`)), 200, "ignored")
}

func TestAnIssueIsStoredAsANotification(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	body := payload(t, "sentry/testdata/webhook-issue-created-python.zulip.json")
	l.want(l.hook("issue", sentrySecret, body), 200, "accepted")
	d := l.stored(1)[0]
	f := d.Events[0].Fetch
	if f == nil || f.Issue != "1635244907" || f.Project != "zulip-integration-testing" || d.Keys[0] != "sentry-issue:1635244907:created" {
		t.Errorf("got %+v, keys %v", f, d.Keys)
	}
}

func TestARetriedDeliveryIsADuplicate(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	body := payload(t, alertFile)
	l.want(l.hook("event_alert", sentrySecret, body, "Request-ID", "a"), 200, "accepted")
	// A retry by Sentry has a new id and a new body for the same event.
	again := []byte(strings.Replace(string(body), `"triggered_rule": "`, `"triggered_rule": "again `, 1))
	l.want(l.hook("event_alert", sentrySecret, again, "Request-ID", "b"), 200, "duplicate")
	l.stored(1)
}

func TestTheLegacyPluginIsServedByItsToken(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	body := payload(t, "sentry/testdata/legacy-webhooks-plugin-python-exception.zulip.json")
	l.want(l.post("/webhooks/sentry/shop/"+legacyToken, body, "Content-Type", "application/json"), 200, "accepted")
	if d := l.stored(1)[0]; d.Type != "sentry/legacy" || d.Events[0].Raised().Type != "ValueError" {
		t.Errorf("got %+v", d)
	}
	l.want(l.post("/webhooks/sentry/shop/"+legacyToken, []byte(`{"event":`)), 400, "not JSON")
}

func TestADatabaseOutageTellsTheSenderToRetry(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	body := payload(t, alertFile)
	for _, err := range []error{fault.Errorf(fault.Retryable, "dial postgres://repaird:hunter2@db"), fault.Errorf(fault.Internal, "a defect")} {
		l.accept.setError(err)
		a := l.hook("event_alert", sentrySecret, body)
		l.want(a, 503, "not stored; try again later")
		if a.header.Get("Retry-After") != "5" || strings.Contains(a.body, "hunter2") {
			t.Errorf("got Retry-After %q, body %s", a.header.Get("Retry-After"), a.body)
		}
	}
	l.accept.setError(nil)
	l.want(l.hook("event_alert", sentrySecret, body), 200, "accepted")
	l.stored(1)
}

// github posts a delivery, signed.
func (l *lab) github(event, guid string, body []byte, header ...string) answer {
	l.t.Helper()
	return l.post("/webhooks/github", body, append([]string{
		"Content-Type", "application/json",
		"X-GitHub-Event", event,
		"X-GitHub-Delivery", guid,
		"X-Hub-Signature-256", "sha256=" + sign(githubSecret, body),
	}, header...)...)
}

func TestGitHubsOwnVectorVerifies(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	// The signature is valid, but the body is not a delivery.
	l.want(l.post("/webhooks/github", []byte("Hello, World!"), "X-Hub-Signature-256", signature), 400, "not a delivery")
	l.want(l.post("/webhooks/github", []byte("Hello, World?"), "X-Hub-Signature-256", signature), 401, "X-Hub-Signature-256")
	l.want(l.post("/webhooks/github", []byte("Hello, World!")), 401, "X-Hub-Signature-256 is missing")
	l.want(l.post("/webhooks/github", []byte("Hello, World!"), "X-Hub-Signature", "sha1=x"), 401, "X-Hub-Signature-256 is missing")
}

func TestGitHubIsNotServedWithoutASecret(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *intake.Config) { c.GitHubSecrets = nil })
	body := []byte("{}")
	l.want(l.post("/webhooks/github", body, "X-Hub-Signature-256", "sha256="+sign("", body)), 404, "not configured")
}

func TestALabelAsksForARepair(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	body := payload(t, "github/testdata/issues.labeled.json")
	l.want(l.github("ping", "g0", payload(t, "github/testdata/ping.json")), 200, "pong")
	l.want(l.github("issues", "g1", body), 200, "accepted")
	d := l.stored(1)[0]
	if d.ID != "github:g1" || d.Ask == nil || *d.Ask != (intake.Ask{Repository: "Codertocat/Hello-World", Issue: 1, User: "Codertocat"}) ||
		len(d.Events) != 1 || d.Events[0].Message != "Spelling error in the README file" {
		t.Errorf("got %+v, ask %+v", d, d.Ask)
	}
	l.want(l.github("issues", "g1", body), 200, "duplicate")

	named := []byte(strings.Replace(string(body), "It looks like you accidently spelled 'commit' with two 't's.", "repaird incident inc-7", 1)) //nolint:misspell // GitHub's example
	form := []byte(url.Values{"payload": {string(named)}}.Encode())
	l.want(l.github("issues", "g2", form, "Content-Type", "application/x-www-form-urlencoded"), 200, "accepted")
	if d := l.stored(2)[1]; d.Ask.Incident != "inc-7" || len(d.Events) != 0 {
		t.Errorf("got %+v, ask %+v", d, d.Ask)
	}

	other := []byte(strings.ReplaceAll(string(body), `"name": "bug"`, `"name": "wontfix"`))
	l.want(l.github("issues", "g3", other), 200, "does not ask for a repair")
	elsewhere := []byte(strings.ReplaceAll(string(body), `"full_name": "Codertocat/Hello-World"`, `"full_name": "acme/other"`))
	l.want(l.github("issues", "g4", elsewhere), 200, "belongs to no project")
	l.want(l.github("check_run", "g5", payload(t, "github/testdata/check_run.rerequested.json")), 200, "needs no action")
	l.stored(2)
}

func TestARedeliveryAfterAFailureIsAccepted(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	body := payload(t, "github/testdata/issues.labeled.json")
	l.accept.setError(fault.Errorf(fault.Retryable, "away"))
	l.want(l.github("issues", "g1", body), 503, "try again")
	l.accept.setError(nil)
	l.want(l.github("issues", "g1", body), 200, "accepted")
	l.stored(1)
}

func TestAClosedPullRequestIsReported(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	body := payload(t, "github/testdata/pull_request.closed.json")
	merged := []byte(strings.Replace(string(body), `"merged": false`, `"merged": true`, 1))
	l.want(l.github("pull_request", "g1", body), 200, "accepted")
	l.want(l.github("pull_request", "g2", merged), 200, "accepted")
	l.accept.setError(fault.Errorf(fault.Retryable, "away"))
	l.want(l.github("pull_request", "g3", body), 503, "try again")
	want := []string{`["Codertocat/Hello-World",2,false]`, `["Codertocat/Hello-World",2,true]`}
	if got := l.accept.closed; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %v, want %v", got, want)
	}
}
