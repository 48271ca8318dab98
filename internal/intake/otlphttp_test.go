package intake_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake"
)

const (
	jsonType   = "application/json"
	protoType  = "application/x-protobuf"
	tracesFile = "otlp/testdata/wire-otelpy-flask-chained-semconv-stable.traces.json"
	protoFile  = "otlp/testdata/wire-otelpy-flask-chained-semconv-stable.traces.pb.gz"
	logsFile   = "otlp/testdata/wire-otelpy-flask-chained.logs.json"
)

func (l *lab) export(path, contentType string, body []byte, header ...string) answer {
	l.t.Helper()
	return l.post(path, body, append([]string{"Content-Type", contentType, "Authorization", "Bearer " + otlpToken}, header...)...)
}

func TestExportersPostAsTheyDo(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	a := l.export("/v1/traces", jsonType, payload(t, tracesFile))
	l.want(a, 200, `{"partialSuccess":{}}`)
	if got := a.header.Get("Content-Type"); got != jsonType {
		t.Errorf("got type %q", got)
	}
	a = l.export("/v1/traces", protoType, payload(t, protoFile), "Content-Encoding", "gzip")
	if a.status != 200 || a.header.Get("Content-Type") != protoType || a.body != "\x0a\x00" {
		t.Errorf("got %d %s %q", a.status, a.header.Get("Content-Type"), a.body)
	}
	l.want(l.export("/v1/logs", jsonType, payload(t, logsFile)), 200, `{"partialSuccess":{}}`)
	l.want(l.export("/v1/traces", jsonType, payload(t, tracesFile)), 200, `{"partialSuccess":{}}`) // a retry
	ds := l.stored(3)
	for _, d := range ds {
		if d.Source != incident.SourceOTLP || d.Project != "shop" || len(d.Events) != 1 || d.Events[0].Project != "shop" ||
			!strings.HasPrefix(d.Keys[0], "otlp:0af7651916cd43dd8448eb211c80319c:") {
			t.Errorf("got %s %v", d.Type, d.Keys)
		}
	}
	if ds[0].Type != "otlp/traces" || ds[2].Type != "otlp/logs" {
		t.Errorf("got types %s, %s", ds[0].Type, ds[2].Type)
	}
}

func TestExportersEncodingsAreDecoded(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	body := string(payload(t, tracesFile))
	for i, enc := range []string{"", "identity", "gzip", "deflate", "zlib", "zstd"} {
		trace := fmt.Sprintf("%032x", i+1)
		one := strings.ReplaceAll(body, "0af7651916cd43dd8448eb211c80319c", trace)
		l.want(l.export("/v1/traces", jsonType+"; charset=utf-8", compress(t, enc, []byte(one)), "Content-Encoding", enc), 200, "partialSuccess")
	}
	l.stored(6)
	for _, enc := range []string{"br", "snappy"} {
		l.want(l.export("/v1/traces", jsonType, []byte(body), "Content-Encoding", enc), 415, `{"code":3,"message":"unsupported content encoding"}`)
	}
	l.want(l.export("/v1/traces", jsonType, []byte(body), "Content-Encoding", "gzip"), 400, `"code":3`)
}

func TestWhatExportersAreToldOfFailures(t *testing.T) {
	t.Parallel()
	traces := payload(t, tracesFile)
	bomb := compress(t, "gzip", []byte(`{"resourceSpans":[`+strings.Repeat(" ", 4<<20)+`]}`))
	token := []string{"Authorization", "Bearer " + otlpToken}
	tests := []struct {
		name, method, path string
		header             []string
		body               []byte
		status             int
		contentType, want  string
	}{
		{"no JSON", "POST", "/v1/traces", append(token, "Content-Type", jsonType), []byte("hello"), 400, jsonType, `{"code":3,"message":`},
		{"nothing, as JSON", "POST", "/v1/traces", append(token, "Content-Type", jsonType), nil, 400, jsonType, `{"code":3,"message":`},
		{"an empty object", "POST", "/v1/traces", append(token, "Content-Type", jsonType), []byte("{}"), 200, jsonType, `{"partialSuccess":{}}`},
		{"nothing, as protobuf", "POST", "/v1/logs", append(token, "Content-Type", protoType), nil, 200, protoType, "\x0a\x00"},
		{"no protobuf", "POST", "/v1/traces", append(token, "Content-Type", protoType), []byte("hello"), 400, protoType, "\x08\x03\x12"},
		{"another type", "POST", "/v1/traces", append(token, "Content-Type", "text/xml"), traces, 415, "text/plain; charset=utf-8", "415 unsupported media type, supported: [application/json, application/x-protobuf]"},
		{"no type", "POST", "/v1/traces", token, traces, 415, "text/plain; charset=utf-8", "415 unsupported"},
		{"another method", "GET", "/v1/traces", token, nil, 405, "text/plain; charset=utf-8", "405 method not allowed, supported: [POST]"},
		{"no token", "POST", "/v1/traces", []string{"Content-Type", jsonType}, traces, 401, jsonType, `{"code":16,"message":`},
		{"no token, in protobuf", "POST", "/v1/traces", []string{"Content-Type", protoType}, traces, 401, protoType, "\x08\x10\x12"},
		{"a wrong token", "POST", "/v1/traces", []string{"Content-Type", jsonType, "Authorization", "Bearer x"}, traces, 401, jsonType, `{"code":16,"message":`},
		{"an empty token", "POST", "/v1/traces", []string{"Content-Type", jsonType, "Authorization", "Bearer "}, traces, 401, jsonType, `{"code":16,"message":`},
		{"a token of another scheme", "POST", "/v1/traces", []string{"Content-Type", jsonType, "Authorization", "Basic " + otlpToken}, traces, 401, jsonType, `{"code":16,"message":`},
		{"a bomb", "POST", "/v1/traces", append(token, "Content-Type", jsonType, "Content-Encoding", "gzip"), bomb, 413, jsonType, `{"code":8,"message":`},
		{"metrics", "POST", "/v1/metrics", append(token, "Content-Type", jsonType), []byte("{}"), 404, "text/plain; charset=utf-8", "404"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, nil)
			a := l.do(tt.method, tt.path, strings.NewReader(string(tt.body)), tt.header...)
			l.want(a, tt.status, tt.want)
			if got := a.header.Get("Content-Type"); got != tt.contentType {
				t.Errorf("got type %q, want %q", got, tt.contentType)
			}
			l.stored(0)
		})
	}
}

func TestExportersAreToldToRetry(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *intake.Config) { c.Limits = intake.Limits{Rate: 0.1, Burst: 2} })
	l.accept.setError(fault.Errorf(fault.Internal, "a defect"))
	a := l.export("/v1/traces", jsonType, payload(t, tracesFile))
	l.want(a, 503, `{"code":14,"message":"not stored; try again later"}`)
	if a.header.Get("Retry-After") != "5" {
		t.Errorf("got Retry-After %q", a.header.Get("Retry-After"))
	}
	l.accept.setError(nil)
	l.want(l.export("/v1/traces", jsonType, payload(t, tracesFile)), 200, "partialSuccess")
	a = l.export("/v1/logs", jsonType, payload(t, logsFile))
	l.want(a, 429, `{"code":8,`)
	if a.header.Get("Retry-After") != "10" {
		t.Errorf("got Retry-After %q", a.header.Get("Retry-After"))
	}
}

func TestDroppedErrorsAreReported(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	var spans []string
	for i := range 103 {
		spans = append(spans, fmt.Sprintf(`{"traceId":"%032x","spanId":"2160e657ac3b1200","events":[{"timeUnixNano":"1","name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"E"}}]}]}`, i+1))
	}
	body := `{"resourceSpans":[{"scopeSpans":[{"spans":[` + strings.Join(spans, ",") + `]}]}]}`
	l.want(l.export("/v1/traces", jsonType, []byte(body)), 200, `"rejectedSpans":"3"`)
	if d := l.stored(1)[0]; len(d.Events) != 100 || len(d.Keys) != 100 {
		t.Errorf("got %d events, %d keys", len(d.Events), len(d.Keys))
	}
}

func TestACommitSurvivesTheSendersDisconnect(t *testing.T) {
	t.Parallel()
	started, finish, outcome := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	l := newLab(t, nil)
	l.accept.fail = func(ctx context.Context) error {
		close(started)
		<-finish
		outcome <- ctx.Err()
		return nil
	}
	ctx, hangUp := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+"/api/42/store/", strings.NewReader(`{"message":"m"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Sentry-Auth", sentryAuth)
	failed := make(chan struct{})
	go func() {
		defer close(failed)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			t.Error("the sender got an answer")
		}
	}()
	<-started
	hangUp()
	<-failed
	close(finish)
	if err := <-outcome; err != nil {
		t.Errorf("the acceptor's context ended with the sender: %v", err)
	}
}

func TestAStalledSenderTimesOut(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(c *intake.Config) { c.Limits = intake.Limits{ReadTimeout: 50 * time.Millisecond} })
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/42/store/ HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\nX-Sentry-Auth: %s\r\n\r\n{", sentryAuth)
	answer, err := io.ReadAll(conn) // ends because the server closes
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") || !strings.Contains(string(answer), "incomplete request body") {
		t.Errorf("got %q, %v", answer, err)
	}
	l.stored(0)
}

func TestNothingOfABodyOrSecretIsLogged(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	alert := payload(t, alertFile)
	l.hook("event_alert", sentrySecret, alert)
	l.hook("event_alert", "wrong", alert)
	l.post("/webhooks/sentry/shop/"+legacyToken, []byte(`{"project_slug":"canary-slug"}`))
	l.post("/webhooks/sentry/canary-project/canary-token", nil)
	l.post("/api/42/envelope/?sentry_key=canary-key", []byte("canary-body"), "X-Sentry-Auth", sentryAuth)
	l.post("/api/42/store/", []byte(`{"message":"canary-message"}`), "X-Sentry-Auth", sentryAuth)
	l.export("/v1/traces", jsonType, []byte(`{"canary-json":`))
	l.github("issues", "canary-guid", []byte(`{"canary":`))
	logged := l.log.String()
	if strings.Count(logged, "\n") != 8 {
		t.Errorf("got %d lines, want 8:\n%s", strings.Count(logged, "\n"), logged)
	}
	for _, s := range []string{sentrySecret, legacyToken, otlpToken, githubSecret, publicKey, "canary", "Custom exception", sign(sentrySecret, alert)} {
		if strings.Contains(logged, s) {
			t.Errorf("%q was logged:\n%s", s, logged)
		}
	}
}

func TestOutcomesAreCountedUnderFewNames(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	alert := payload(t, alertFile)
	l.hook("event_alert", sentrySecret, alert)
	l.hook("event_alert", sentrySecret, alert)
	l.hook("event_alert", "wrong", alert)
	l.hook("comment", sentrySecret, []byte(`{"data":{}}`))
	l.post("/webhooks/sentry/nobody", alert, "Sentry-Hook-Signature", "x")
	l.post("/api/43/store/", nil, "X-Sentry-Auth", sentryAuth)
	l.post("/api/42/store/", []byte("x"), "X-Sentry-Auth", sentryAuth)
	l.export("/v1/traces", "text/xml", nil)
	want := map[string]int{
		"sentry_webhook shop accepted":  1,
		"sentry_webhook shop duplicate": 1,
		"sentry_webhook  denied":        2,
		"sentry_webhook shop ignored":   1,
		"sentry_store  denied":          1,
		"sentry_store shop invalid":     1,
		"otlp_traces  unsupported":      1,
	}
	for name, n := range want {
		if l.metrics.n[name] != n {
			t.Errorf("%s: got %d, want %d", name, l.metrics.n[name], n)
		}
	}
	if len(l.metrics.n) != len(want) {
		t.Errorf("got %v, want %v", l.metrics.n, want)
	}
}
