package intake_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/intake"
)

const (
	sentryAuth = "Sentry sentry_key=" + publicKey + ", sentry_version=7, sentry_client=sentry.python/2.68.0"
	kthFile    = "sentry/testdata/wire-sdk2.68-quixbugs-kth.envelope.gz"
	kthID      = "e1b8a50f2d9940f398f302f59cb343fb"
)

func TestSDKsPostAsTheyDo(t *testing.T) {
	t.Parallel()
	// Paths and headers are those that were captured with the bodies.
	tests := []struct{ file, path, encoding, id string }{
		{"wire-sdk1.9.10-store-flask.json.gz", "/api/42/store/", "gzip", "899bf445c7fe4a698a8affc87598e03b"},
		{"wire-sdk2.68-exceptiongroup.envelope.br", "/api/42/envelope/", "br", "5f01943e88c74d2e805346f1ad1231df"},
		{"wire-sdk2.68-flask-chained.envelope.br", "/api/42/envelope/", "br", "639915138ba5432fa52cc1fe04262a20"},
		{"wire-sdk2.68-quixbugs-detect_cycle.envelope.gz", "/api/42/envelope/", "gzip", "8b6509a4c1b049a18dd13353019e1ab5"},
		{"wire-sdk2.68-quixbugs-kth.envelope.gz", "/api/42/envelope", "gzip", kthID},
		{"wire-sdk2.68-quixbugs-mergesort-recursion.envelope.gz", "/api/42/envelope/", "gzip", "927e3db9331c4f90bd260bb0121b3303"},
		{"wire-sentrycli3.8.0-send-event-environ.envelope", "/api/42/envelope/", "", "904551b903f644c1b38c297dd3b90125"},
	}
	l := newLab(t, nil)
	for i, tt := range tests {
		header := []string{"X-Sentry-Auth", sentryAuth}
		if tt.encoding != "" {
			header = append(header, "Content-Encoding", tt.encoding)
		}
		a := l.post(tt.path, payload(t, "sentry/testdata/"+tt.file), header...)
		l.want(a, 200, `{"id":"`+tt.id+`"}`)
		if d := l.stored(i + 1)[i]; d.Keys[0] != "sentry:"+tt.id || d.Events[0].ID != tt.id || d.Project != "shop" {
			t.Errorf("%s: got %+v", tt.file, d.Keys)
		}
	}
	transaction := payload(t, "sentry/testdata/wire-sdk2.68-transaction.envelope.br")
	l.want(l.post("/api/42/envelope/", transaction, "X-Sentry-Auth", sentryAuth, "Content-Encoding", "br"), 200, `{"id":"1988f87be6824a0d8244acc9e2a73254"}`)
	l.stored(len(tests))
}

func TestEveryContentEncodingIsDecoded(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	envelope := unzip(t, payload(t, kthFile))
	event := bytes.Split(envelope, []byte("\n"))[2]
	for i, enc := range []string{"", "identity", "gzip", "x-gzip", "GZIP", "deflate", "br", "zstd"} {
		for j, path := range []string{"/api/42/envelope/", "/api/42/store/", "/api/42/store"} {
			// Each body is another event.
			id := fmt.Sprintf("%032x", 1+i*10+j)
			body := envelope
			if j > 0 {
				body = event
			}
			body = bytes.ReplaceAll(body, []byte(kthID), []byte(id))
			a := l.post(path, compress(t, strings.ToLower(enc), body), "X-Sentry-Auth", sentryAuth, "Content-Encoding", enc)
			l.want(a, 200, `{"id":"`+id+`"}`)
		}
	}
	for _, d := range l.stored(24) {
		if len(d.Events[0].Raised().Frames) != 7 {
			t.Errorf("got %d frames", len(d.Events[0].Raised().Frames))
		}
	}
	a := l.post("/api/42/envelope/", []byte("x"), "X-Sentry-Auth", sentryAuth, "Content-Encoding", "snappy")
	l.want(a, 415, "unsupported content encoding")
	a = l.post("/api/42/envelope/", compress(t, "gzip", envelope), "X-Sentry-Auth", sentryAuth, "Content-Encoding", "gzip, gzip")
	l.want(a, 415, "unsupported content encoding")
	for _, enc := range []string{"gzip", "deflate", "br", "zstd"} {
		a := l.post("/api/42/envelope/", []byte("not compressed"), "X-Sentry-Auth", sentryAuth, "Content-Encoding", enc)
		l.want(a, 400, "body is not "+enc)
		whole := compress(t, enc, envelope)
		a = l.post("/api/42/envelope/", whole[:len(whole)/2], "X-Sentry-Auth", sentryAuth, "Content-Encoding", enc)
		l.want(a, 400, "body is not "+enc)
	}
}

func TestTheThreePlacesOfAKeyMustAgree(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	const item = "\n{\"type\":\"event\"}\n{\"exception\":{\"values\":[{\"type\":\"E\"}]}}"
	envelope := func(dsn string) string {
		if dsn == "" {
			return "{}" + item
		}
		return `{"dsn":"` + dsn + `"}` + item
	}
	ours := "http://" + publicKey + "@h/base/42"
	tests := []struct {
		name, path, header, dsn string
		status                  int
		want                    string
	}{
		{"in the header", "/api/42/envelope/", sentryAuth, "", 200, "id"},
		{"in the query", "/api/42/envelope/?sentry_key=" + publicKey + "&sentry_version=7", "", "", 200, "id"},
		{"in the envelope", "/api/42/envelope/", "", ours, 200, "id"},
		{"in all three", "/api/42/envelope/?sentry_key=" + publicKey, sentryAuth, ours, 200, "id"},
		{"nowhere", "/api/42/envelope/", "", "", 401, "sentry_key is missing"},
		{"nowhere, at the old address", "/api/42/store/", "", "", 401, "sentry_key is missing"},
		{"another key of the project in the query", "/api/42/envelope/?sentry_key=another-key", sentryAuth, "", 400, "two different"},
		{"another key of the project in the envelope", "/api/42/envelope/", sentryAuth, "http://another-key@h/42", 400, "two different"},
		{"another project in the envelope", "/api/42/envelope/", sentryAuth, "http://" + publicKey + "@h/43", 400, "different project ids"},
		{"a malformed dsn in the envelope", "/api/42/envelope/", sentryAuth, "h/42", 400, "malformed"},
		{"an unknown key", "/api/42/envelope/", "Sentry sentry_key=x, sentry_version=7", "", 403, "unknown project id or public key"},
		{"an unknown key in the envelope", "/api/42/envelope/", "", "http://x@h/42", 403, "unknown project id or public key"},
		{"an unknown project", "/api/43/envelope/", sentryAuth, "", 403, "unknown project id or public key"},
		{"an unknown project, at the old address", "/api/43/store/", sentryAuth, "", 403, "unknown project id or public key"},
		{"a project that is not a number", "/api/shop/envelope/", sentryAuth, "", 400, "not a number"},
		{"a protocol of the future", "/api/42/envelope/", "Sentry sentry_key=" + publicKey + ", sentry_version=8", "", 400, "sentry_version"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var header []string
			if tt.header != "" {
				header = []string{"X-Sentry-Auth", tt.header}
			}
			a := l.post(tt.path, []byte(envelope(tt.dsn)), header...)
			if a.status != tt.status || !strings.Contains(a.body, tt.want) {
				t.Errorf("got %d %s, want %d with %q", a.status, a.body, tt.status, tt.want)
			}
			var fields map[string]any
			if err := json.Unmarshal([]byte(a.body), &fields); err != nil || a.status != 200 && fields["detail"] == nil {
				t.Errorf("got body %s, want JSON with a detail", a.body)
			}
		})
	}
}

func TestBrokenEnvelopesSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	for body, want := range map[string]string{
		"":      "not JSON",
		"hello": "not JSON",
		"{}\n{\"type\":\"event\",\"length\":99}\n{}":             "2 are left",
		"{}\n{\"type\":\"event\"}\n[]":                           "not a JSON object",
		"{}\n{\"type\":\"event\"}\n{}\n{\"type\":\"event\"}\n{}": "more than one event",
	} {
		a := l.post("/api/42/envelope/", []byte(body), "X-Sentry-Auth", sentryAuth)
		l.want(a, 400, want)
		l.want(a, 400, `"detail":`)
	}
	l.stored(0)
}

func TestOnlyErrorsOfAnEnvelopeAreKept(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	for body, want := range map[string]string{
		"{}": "{}",
		"{}\n{\"type\":\"session\"}\n{\"sid\":\"x\"}\n{\"type\":\"client_report\"}\n{}":       "{}",
		"{\"event_id\":\"aa\"}\n{\"type\":\"from_the_future\"}\nx":                            `{"id":"aa"}`,
		"{\"event_id\":\"ab\"}\n{\"type\":\"event\"}\n{\"level\":\"info\",\"message\":\"m\"}": `{"id":"ab"}`,
	} {
		l.want(l.post("/api/42/envelope/", []byte(body), "X-Sentry-Auth", sentryAuth), 200, want)
	}
	l.stored(0)
	l.want(l.post("/api/42/envelope/", []byte("{\"event_id\":\"ac\"}\n{\"type\":\"event\"}\n{\"level\":\"error\",\"message\":\"m\"}"), "X-Sentry-Auth", sentryAuth), 200, `{"id":"ac"}`)
	l.stored(1)
}

func TestBodiesOverALimitAreRejected(t *testing.T) {
	t.Parallel()
	small := func(c *intake.Config) {
		c.Limits = intake.Limits{Wire: 100 << 10, Body: 32 << 20, Event: 200 << 10}
	}
	event := func(n int) []byte {
		// Digits do not compress well enough to exceed the ratio.
		return []byte(`{"message":"` + strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", n/36) + `"}`)
	}
	envelope := func(n int) []byte { return append([]byte("{}\n{\"type\":\"event\"}\n"), event(n)...) }
	attachment := func(n int) []byte {
		return []byte("{}\n{\"type\":\"attachment\"}\n" + strings.Repeat("x", n))
	}
	tests := []struct {
		name, path, encoding string
		body                 []byte
		status               int
		want                 string
	}{
		{"under every cap", "/api/42/envelope/", "gzip", envelope(150 << 10), 200, "id"},
		{"over the cap as sent", "/api/42/envelope/", "", envelope(150 << 10), 413, "102400"},
		{"an event over its cap", "/api/42/envelope/", "gzip", envelope(300 << 10), 413, "204800"},
		{"an event over its cap, at the old address", "/api/42/store/", "gzip", event(300 << 10), 413, "204800"},
		{"an attachment over the event's cap", "/api/42/envelope/", "gzip", attachment(300 << 10), 200, "{}"},
		{"a bomb of gzip", "/api/42/envelope/", "gzip", attachment(4 << 20), 413, "250-fold"},
		{"a bomb of deflate", "/api/42/envelope/", "deflate", attachment(4 << 20), 413, "250-fold"},
		{"a bomb of brotli", "/api/42/envelope/", "br", attachment(4 << 20), 413, "250-fold"},
		{"a bomb of zstd", "/api/42/envelope/", "zstd", attachment(4 << 20), 413, "250-fold"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, small)
			a := l.post(tt.path, compress(t, tt.encoding, tt.body), "X-Sentry-Auth", sentryAuth, "Content-Encoding", tt.encoding)
			l.want(a, tt.status, tt.want)
		})
	}
}

func TestTheLimitAfterDecompressionAppliesBelowTheRatio(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *intake.Config) { c.Limits = intake.Limits{Body: 100 << 10} })
	body := []byte("{}\n{\"type\":\"attachment\"}\n" + strings.Repeat("x", 200<<10))
	for _, enc := range []string{"gzip", "deflate", "br", "zstd"} {
		l.want(l.post("/api/42/envelope/", compress(t, enc, body), "X-Sentry-Auth", sentryAuth, "Content-Encoding", enc), 413, "102400")
	}
}

func TestABodyWithoutALengthIsLimitedToo(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *intake.Config) { c.Limits = intake.Limits{Wire: 10 << 10} })
	// A reader other than a bytes.Reader makes the client send chunks.
	body := struct{ *bytes.Reader }{bytes.NewReader(make([]byte, 20<<10))}
	l.want(l.do("POST", "/api/42/envelope/", body, "X-Sentry-Auth", sentryAuth), 413, "10240")
}

func TestTheTotalSizeOfBodiesIsLimited(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *intake.Config) { c.Limits = intake.Limits{Memory: 50 << 10} })
	body := []byte("{}\n{\"type\":\"attachment\"}\n" + strings.Repeat("x", 60<<10))
	for _, enc := range []string{"identity", "gzip"} {
		a := l.post("/api/42/envelope/", compress(t, enc, body), "X-Sentry-Auth", sentryAuth, "Content-Encoding", enc)
		l.want(a, 503, "try again")
	}
	// The reservation is released.
	for range 5 {
		a := l.post("/api/42/envelope/", body[:40<<10], "X-Sentry-Auth", sentryAuth)
		l.want(a, 200, "{}")
	}
}

func TestAProjectOverItsRateLimitIsToldToWait(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *intake.Config) { c.Limits = intake.Limits{Rate: 0.1, Burst: 2} })
	event := func(i int) []byte { return fmt.Appendf(nil, `{"message":"m%d"}`, i) }
	for i := range 2 {
		l.want(l.post("/api/42/store/", event(i), "X-Sentry-Auth", sentryAuth), 200, "id")
	}
	a := l.post("/api/42/store/", event(2), "X-Sentry-Auth", sentryAuth)
	l.want(a, 429, "rate limit")
	if got := a.header.Get("Retry-After"); got != "10" {
		t.Errorf("got Retry-After %q, want 10", got)
	}
	if got := a.header.Get("X-Sentry-Rate-Limits"); got != "10::project:rate_limit" {
		t.Errorf("got X-Sentry-Rate-Limits %q", got)
	}
	// Requests without an error do not count.
	l.want(l.post("/api/42/envelope/", []byte("{}"), "X-Sentry-Auth", sentryAuth), 200, "{}")
	l.stored(2)
}

func TestAnOverloadedDatabaseIsARateLimit(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	l.accept.setError(fault.Errorf(fault.Budget, "queue is full"))
	a := l.post("/api/42/store/", []byte(`{"message":"m"}`), "X-Sentry-Auth", sentryAuth)
	l.want(a, 429, "rate limit")
	if a.header.Get("Retry-After") != "30" {
		t.Errorf("got Retry-After %q", a.header.Get("Retry-After"))
	}
}
