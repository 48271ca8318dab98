// Package github publishes to GitHub and GitHub Enterprise Server through the
// REST API.
//
//	f, err := github.New(github.Options{App: &github.App{ID: "12345", Key: pem}})
//	pr, err := f.Publish(ctx, proposal, acts)
//
// Commits are created through the git data API without an author, so that GitHub
// signs them for an App. Each token is restricted to one repository and to the
// permissions that publishing needs. These exclude workflows, so that GitHub
// rejects changes to .github/workflows whatever the patch policy says.
//
// Only tokens are kept between calls; what an earlier call did is looked up on
// GitHub itself (see package forge).
package github

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	gh "github.com/google/go-github/v62/github"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/secret"
)

// DefaultBaseURL is github.com's API.
const DefaultBaseURL = "https://api.github.com/"

// maxAnswer limits a response body, in bytes; the largest legitimate one lists a
// directory with 100,000 entries.
const maxAnswer = 32 << 20

// Options select a GitHub and an identity. Exactly one of Token and App is set.
type Options struct {
	BaseURL string        // default DefaultBaseURL; for Enterprise Server https://HOST/api/v3/
	Token   secret.String // a personal or Actions token
	App     *App
	HTTP    *http.Client     // default: a client with a timeout of 30 s
	Now     func() time.Time // default time.Now
	Log     *slog.Logger     // default: none
}

// A Forge publishes to one GitHub. It is safe for concurrent use.
type Forge struct {
	base   *url.URL
	http   *http.Client
	tokens tokenSource
	asApp  bool
	now    func() time.Time
	log    *slog.Logger
}

var _ forge.Forge = (*Forge)(nil)

// New checks the options without calling GitHub. Its error is fault.Invalid.
func New(o Options) (_ *Forge, err error) {
	defer fault.Wrap(&err, "github")
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	base, err := url.Parse(strings.TrimSuffix(o.BaseURL, "/") + "/")
	if err != nil || (base.Scheme != "https" && base.Scheme != "http") || base.Host == "" || base.User != nil {
		return nil, fault.Errorf(fault.Invalid, "base URL %q must be an http or https URL without userinfo", o.BaseURL)
	}
	f := &Forge{base: base, http: o.HTTP, now: o.Now, log: o.Log, asApp: o.App != nil}
	if f.http == nil {
		f.http = &http.Client{Timeout: 30 * time.Second}
	}
	if f.now == nil {
		f.now = time.Now
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.App != nil && !o.Token.Empty():
		return nil, fault.Errorf(fault.Invalid, "both a token and an App are configured")
	case o.App != nil:
		f.tokens, err = newInstallations(*o.App, f)
		return f, err
	case !o.Token.Empty():
		f.tokens = staticToken(o.Token)
		return f, nil
	}
	return nil, fault.Errorf(fault.Invalid, "neither a token nor an App is configured")
}

// Name returns "github".
func (f *Forge) Name() string { return "github" }

// Token returns a token with read and write access to the repository, for git
// over HTTPS (user name x-access-token). An App's token is valid for at least
// five more minutes.
func (f *Forge) Token(ctx context.Context, repository string) (_ secret.String, err error) {
	defer fault.Wrap(&err, "token for %s", repository)
	owner, name, err := forge.SplitRepository(repository)
	if err != nil {
		return secret.String{}, err
	}
	return f.tokens.token(ctx, owner, name, false)
}

// client returns an API client that authenticates with auth's tokens.
func (f *Forge) client(auth func(context.Context, bool) (secret.String, error)) *gh.Client {
	hc := *f.http
	next := hc.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	hc.Transport = &transport{base: f.base, auth: auth, next: next}
	c := gh.NewClient(&hc)
	c.BaseURL = f.base
	c.UserAgent = "repaird"
	return c
}

// A transport authenticates requests to its base URL only, so that a redirect to
// another host never gets the token. It limits response bodies.
type transport struct {
	base *url.URL
	auth func(ctx context.Context, renew bool) (secret.String, error)
	next http.RoundTripper
}

// RoundTrip sends the request. After a 401 it retries once with a new token,
// because an installation's token may be revoked before it expires.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, used, err := t.send(req, req.Body, secret.String{}, false)
	if err != nil || res.StatusCode != http.StatusUnauthorized || (req.Body != nil && req.GetBody == nil) {
		return res, err
	}
	var body io.ReadCloser
	if req.Body != nil {
		if body, err = req.GetBody(); err != nil {
			return res, nil //nolint:nilerr // the first answer stands
		}
	}
	again, renewed, err := t.send(req, body, used, true)
	if err != nil || again == nil || renewed.Reveal() == used.Reveal() {
		return res, nil //nolint:nilerr // the first answer stands
	}
	_ = res.Body.Close()
	return again, nil
}

func (t *transport) send(req *http.Request, body io.ReadCloser, used secret.String, renew bool) (*http.Response, secret.String, error) {
	out := req.Clone(req.Context())
	out.Body = body
	out.Header.Del("Authorization")
	var token secret.String
	if req.URL.Scheme == t.base.Scheme && req.URL.Host == t.base.Host {
		var err error
		if token, err = t.auth(req.Context(), renew); err != nil {
			return nil, token, err
		}
		out.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	if renew && token.Reveal() == used.Reveal() { // a retry would be pointless
		if body != nil {
			_ = body.Close()
		}
		return nil, token, nil
	}
	res, err := t.next.RoundTrip(out)
	if err == nil {
		res.Body = &capped{ReadCloser: res.Body, left: maxAnswer}
	}
	return res, token, err
}

// capped fails at the limit instead of truncating, so that a partial response is
// never taken for a complete one.
type capped struct {
	io.ReadCloser
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, fault.Errorf(fault.Budget, "the response exceeds %d bytes", maxAnswer)
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}
