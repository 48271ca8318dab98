package intake_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/repaird/repaird/internal/intake"
	"github.com/repaird/repaird/internal/secret"
)

const (
	publicKey    = "0123456789abcdef0123456789abcdef"
	sentrySecret = "test-client-secret"
	oldSecret    = "the-secret-before"
	githubSecret = "It's a Secret to Everybody"
	legacyToken  = "legacy-token-0123456789"
	otlpToken    = "otlp-token-0123456789"
)

// A recorder is an Acceptor that stores deliveries and forgets rejected ones, as a
// transaction does.
type recorder struct {
	mu         sync.Mutex
	err        error // what Accept returns, nil: accepted
	deliveries []intake.Delivery
	seen       map[string]bool
	closed     []string
	fail       func(ctx context.Context) error
}

func (a *recorder) Accept(ctx context.Context, d intake.Delivery) (*intake.Accepted, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail != nil {
		if err := a.fail(ctx); err != nil {
			return nil, err
		}
	}
	if a.err != nil {
		return nil, a.err
	}
	keys := append([]string{"sha:" + hex.EncodeToString(d.Digest[:]), d.ID}, d.Keys...)
	for _, k := range keys {
		if k != "" && a.seen[k] {
			return &intake.Accepted{Duplicate: true}, nil
		}
	}
	for _, k := range keys {
		a.seen[k] = true
	}
	a.deliveries = append(a.deliveries, d)
	return &intake.Accepted{}, nil
}

func (a *recorder) PullRequestClosed(_ context.Context, repository string, number int, merged bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return a.err
	}
	b, _ := json.Marshal([]any{repository, number, merged})
	a.closed = append(a.closed, string(b))
	return nil
}

func (a *recorder) setError(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

func (a *recorder) all() []intake.Delivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]intake.Delivery(nil), a.deliveries...)
}

// counts is a Metrics that counts outcomes.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) Delivery(endpoint, project, outcome string, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[endpoint+" "+project+" "+outcome]++
}

// A lab is the handler behind a real server, with its dependencies.
type lab struct {
	t       *testing.T
	url     string
	accept  *recorder
	metrics *counts
	log     *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func projects() []intake.Project {
	return []intake.Project{{
		Name:          "shop",
		SentryID:      42,
		PublicKeys:    []string{publicKey, "another-key"},
		SentrySecrets: []secret.String{secret.New(sentrySecret), secret.New(oldSecret)},
		LegacyToken:   secret.New(legacyToken),
		OTLPTokens:    []secret.String{secret.New(otlpToken)},
		Repository:    "Codertocat/Hello-World",
		Labels:        []string{"bug"},
	}, {Name: "bare"}}
}

func newLab(t *testing.T, change func(*intake.Config)) *lab {
	t.Helper()
	l := &lab{t: t, accept: &recorder{seen: map[string]bool{}}, metrics: &counts{n: map[string]int{}}, log: &lockedBuffer{}}
	cfg := intake.Config{
		Projects:      projects(),
		GitHubSecrets: []secret.String{secret.New(githubSecret)},
		Acceptor:      l.accept,
		Metrics:       l.metrics,
		Log:           slog.New(slog.NewJSONHandler(l.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	h, err := intake.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	l.url = srv.URL
	return l
}

// An answer is a response that was read completely.
type answer struct {
	status int
	header http.Header
	body   string
}

func (l *lab) post(path string, body []byte, header ...string) answer {
	l.t.Helper()
	return l.do(http.MethodPost, path, bytes.NewReader(body), header...)
}

func (l *lab) do(method, path string, body io.Reader, header ...string) answer {
	l.t.Helper()
	req, err := http.NewRequest(method, l.url+path, body)
	if err != nil {
		l.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, strings.TrimSuffix(string(b), "\n")}
}

// want fails unless the answer has the status and the body contains the text.
func (l *lab) want(a answer, status int, text string) {
	l.t.Helper()
	if a.status != status || !strings.Contains(a.body, text) {
		l.t.Errorf("got %d %q, want %d with %q", a.status, a.body, status, text)
	}
}

// stored fails unless n deliveries were stored in all.
func (l *lab) stored(n int) []intake.Delivery {
	l.t.Helper()
	all := l.accept.all()
	if len(all) != n {
		l.t.Fatalf("got %d deliveries stored, want %d", len(all), n)
	}
	return all
}

func payload(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sign(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// compress encodes a body.
func compress(t testing.TB, encoding string, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "identity", "":
		return body
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&b)
	case "deflate", "zlib":
		w = zlib.NewWriter(&b)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("no encoding %q", encoding)
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unzip(t testing.TB, body []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestConfigurationsThatAdmitAnyoneAreRejected(t *testing.T) {
	t.Parallel()
	project := func(change func(*intake.Project)) func(*intake.Config) {
		return func(c *intake.Config) { change(&c.Projects[0]) }
	}
	empty := secret.New("")
	tests := []struct {
		name   string
		change func(*intake.Config)
		want   string
	}{
		{"an empty Sentry secret", project(func(p *intake.Project) { p.SentrySecrets = []secret.String{empty} }), "client secret is empty"},
		{"an empty second Sentry secret", project(func(p *intake.Project) { p.SentrySecrets[1] = empty }), "client secret is empty"},
		{"three Sentry secrets", project(func(p *intake.Project) { p.SentrySecrets = append(p.SentrySecrets, secret.New("x")) }), "more than two"},
		{"an empty OTLP token", project(func(p *intake.Project) { p.OTLPTokens = []secret.String{empty} }), "OTLP token is empty"},
		{"an empty public key", project(func(p *intake.Project) { p.PublicKeys = []string{""} }), "public key is empty"},
		{"public keys without a project id", project(func(p *intake.Project) { p.SentryID = 0 }), "need the DSN's project id"},
		{"a name that is not a path element", project(func(p *intake.Project) { p.Name = "a/b" }), "may contain only"},
		{"two projects of one name", func(c *intake.Config) { c.Projects[1].Name = "shop" }, "twice"},
		{"two projects of one Sentry id", func(c *intake.Config) { c.Projects[1].SentryID = 42 }, "same Sentry id"},
		{"two projects of one token", func(c *intake.Config) { c.Projects[1].OTLPTokens = c.Projects[0].OTLPTokens }, "OTLP token is shared"},
		{"an empty GitHub secret", func(c *intake.Config) { c.GitHubSecrets = []secret.String{empty} }, "GitHub webhook secret is empty"},
		{"no acceptor", func(c *intake.Config) { c.Acceptor = nil }, "acceptor is missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := intake.Config{Projects: projects(), Acceptor: &recorder{}}
			tt.change(&cfg)
			if _, err := intake.New(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
