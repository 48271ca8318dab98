package github

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strconv"
	"strings"
	"sync"
	"time"

	gh "github.com/google/go-github/v62/github"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/secret"
)

// An App is a GitHub App's identity.
type App struct {
	ID             string        // App id or client id
	Key            secret.String // PEM, PKCS #1 or PKCS #8
	InstallationID int64         // 0: looked up per repository
}

// A tokenSource returns tokens for a repository. renew bypasses the cache.
type tokenSource interface {
	token(ctx context.Context, owner, repo string, renew bool) (secret.String, error)
}

type staticToken secret.String

func (t staticToken) token(context.Context, string, string, bool) (secret.String, error) {
	return secret.String(t), nil
}

// installations creates tokens of an App's installations. A token is valid for an
// hour and cached until five minutes before it expires.
type installations struct {
	app App
	key *rsa.PrivateKey
	f   *Forge

	mu   sync.Mutex
	kept map[string]*kept
}

type kept struct {
	mu      sync.Mutex // held while creating a token, so that two callers create one
	token   secret.String
	expires time.Time
}

// early is how long before its expiry a token is no longer used.
const early = 5 * time.Minute

func newInstallations(app App, f *Forge) (*installations, error) {
	if app.ID == "" {
		return nil, fault.Errorf(fault.Invalid, "the App's id is missing")
	}
	key, err := parseKey(app.Key)
	if err != nil {
		return nil, err
	}
	return &installations{app: app, key: key, f: f, kept: map[string]*kept{}}, nil
}

func parseKey(text secret.String) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text.Reveal()))
	if block == nil {
		return nil, fault.Errorf(fault.Invalid, "the App's key is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if any, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if key, ok := any.(*rsa.PrivateKey); ok {
			return key, nil
		}
	}
	// The parser's error may quote the key, so it is dropped.
	return nil, fault.Errorf(fault.Invalid, "the App's key is not an RSA private key (PKCS #1 or PKCS #8)")
}

// jwt returns a token that authenticates as the App for nine minutes (RFC 7519,
// RS256). It is backdated by a minute, because GitHub rejects tokens from the
// future.
func (in *installations) jwt() (secret.String, error) {
	now := in.f.now()
	claims, err := json.Marshal(map[string]any{
		"iat": now.Add(-time.Minute).Unix(),
		"exp": now.Add(9 * time.Minute).Unix(),
		"iss": in.app.ID,
	})
	if err != nil {
		return secret.String{}, err
	}
	enc := base64.RawURLEncoding
	signed := enc.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + enc.EncodeToString(claims)
	digest := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, in.key, crypto.SHA256, digest[:])
	if err != nil {
		return secret.String{}, fault.Errorf(fault.Invalid, "sign as the App: %w", err)
	}
	return secret.New(signed + "." + enc.EncodeToString(sig)), nil
}

func (in *installations) token(ctx context.Context, owner, repo string, renew bool) (secret.String, error) {
	name := strings.ToLower(owner + "/" + repo)
	in.mu.Lock()
	k := in.kept[name]
	if k == nil {
		k = &kept{}
		in.kept[name] = k
	}
	in.mu.Unlock()

	k.mu.Lock()
	defer k.mu.Unlock()
	if !renew && !k.token.Empty() && in.f.now().Before(k.expires.Add(-early)) {
		return k.token, nil
	}
	token, expires, err := in.create(ctx, owner, repo)
	if err != nil {
		return secret.String{}, err
	}
	k.token, k.expires = token, expires
	return token, nil
}

func (in *installations) create(ctx context.Context, owner, repo string) (secret.String, time.Time, error) {
	// A new client per call: a client remembers rate limits, but it is for the
	// caller to decide when to retry.
	api := in.f.client(func(context.Context, bool) (secret.String, error) { return in.jwt() })
	opts := &gh.InstallationTokenOptions{
		Repositories: []string{repo},
		Permissions: &gh.InstallationPermissions{
			Contents:     gh.String("write"),
			PullRequests: gh.String("write"),
			Issues:       gh.String("write"),
			Checks:       gh.String("write"),
			Metadata:     gh.String("read"),
		},
	}
	id := in.app.InstallationID
	if id == 0 {
		inst, res, err := api.Apps.FindRepositoryInstallation(ctx, owner, repo)
		if err != nil {
			return secret.String{}, time.Time{}, in.classify(err, "find the App's installation")
		}
		id = inst.GetID()
		// A renamed repository redirects to /repositories/{id}/…; its old name would
		// be rejected below.
		if rest, ok := strings.CutPrefix(res.Request.URL.Path, api.BaseURL.Path+"repositories/"); ok {
			number, _, _ := strings.Cut(rest, "/")
			if n, err := strconv.ParseInt(number, 10, 64); err == nil {
				opts.Repositories, opts.RepositoryIDs = nil, []int64{n}
			}
		}
	}
	made, _, err := api.Apps.CreateInstallationToken(ctx, id, opts)
	if err != nil {
		return secret.String{}, time.Time{}, in.classify(err, "create an installation token")
	}
	if made.GetToken() == "" {
		return secret.String{}, time.Time{}, fault.Errorf(fault.Retryable, "create an installation token: the response has none")
	}
	return secret.New(made.GetToken()), made.GetExpiresAt().Time, nil
}

func (in *installations) classify(err error, doing string) error {
	err = classify(err, in.f.now(), doing)
	if fault.KindOf(err) == fault.Invalid {
		// 422: the App was not granted this repository or these permissions.
		return fault.Errorf(fault.Denied, "%w (the App needs write permission for contents, pull_requests, issues and checks, and read permission for metadata, on this repository)", err)
	}
	return err
}
