package github_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/forge/forgetest"
	"github.com/repaird/repaird/internal/forge/github"
	"github.com/repaird/repaird/internal/forge/github/githubtest"
	"github.com/repaird/repaird/internal/secret"
)

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func tokensMade(s *githubtest.Server) (n int) {
	for _, c := range s.State().Calls {
		if strings.HasSuffix(c.Template, "/access_tokens") {
			n++
		}
	}
	return n
}

func TestAnInstallationTokenIsCachedUntilShortlyBeforeItExpires(t *testing.T) {
	t.Parallel()
	repo := forgetest.NewRepository(t)
	at := &clock{at: time.Now()}
	s := start(t, repo, githubtest.Options{Now: at.Now})
	s.AddRepository(githubtest.Repository{Name: "shop/web", Dir: repo.Dir})
	f := open(t, github.Options{BaseURL: s.URL, Now: at.Now, App: &github.App{ID: "12345", Key: appPEM()}})
	get := func(name string) string {
		t.Helper()
		token, err := f.Token(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return token.Reveal()
	}
	first := get(repo.Name)
	at.add(54 * time.Minute)
	if get(repo.Name) != first || get("Shop/API") != first || tokensMade(s) != 1 {
		t.Errorf("%d tokens made within 54 minutes, want 1", tokensMade(s))
	}
	at.add(2 * time.Minute)
	if get(repo.Name) == first || tokensMade(s) != 2 {
		t.Errorf("the token is used in its last five minutes")
	}
	if get("shop/web") == get(repo.Name) {
		t.Error("two repositories share a token")
	}
	if n := len(first); n < 500 || !strings.HasPrefix(first, "ghs_12345_") {
		t.Errorf("the server's token has %d characters", n)
	}
}

func TestTokensAreRestrictedToOneRepositoryAndFewPermissions(t *testing.T) {
	t.Parallel()
	repo := forgetest.NewRepository(t)
	s := start(t, repo, githubtest.Options{})
	s.AddRepository(githubtest.Repository{Name: "shop/web", Dir: repo.Dir})
	token, err := asApp(t, s).Token(t.Context(), repo.Name)
	if err != nil {
		t.Fatal(err)
	}
	other := open(t, github.Options{BaseURL: s.URL, Token: token})
	p := forgetest.Proposal(repo)
	p.Repository = "shop/web"
	if _, err := other.Publish(t.Context(), p, forge.NoActs{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the token reaches another repository: %v", err)
	}
	p = forgetest.Proposal(repo)
	p.Files = map[string][]byte{".github/workflows/ci.yml": []byte("on: push\n")}
	if _, err := other.Publish(t.Context(), p, forge.NoActs{}); fault.KindOf(err) != fault.Denied {
		t.Errorf("the token may write workflows: %v", err)
	}
}

func TestARevokedTokenIsReplaced(t *testing.T) {
	t.Parallel()
	repo := forgetest.NewRepository(t)
	s := start(t, repo, githubtest.Options{})
	f := asApp(t, s)
	if _, err := f.Token(t.Context(), repo.Name); err != nil {
		t.Fatal(err)
	}
	s.RevokeTokens()
	if _, err := f.Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{}); err != nil {
		t.Errorf("with a revoked token: %v", err)
	}
	user := open(t, github.Options{BaseURL: s.URL, Token: secret.New("ghp_unknown")})
	if _, err := user.Publish(t.Context(), forgetest.Proposal(repo), forge.NoActs{}); fault.KindOf(err) != fault.Denied {
		t.Errorf("with an unknown token: %v", err)
	}
}

func TestATokenIsSentToItsHostOnly(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Get("Authorization"))
		http.Error(w, `{"message":"Not Found"}`, http.StatusNotFound)
	}))
	t.Cleanup(elsewhere.Close)
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusMovedPermanently)
	}))
	t.Cleanup(home.Close)
	f := open(t, github.Options{BaseURL: home.URL, Token: secret.New("ghp_verysecret")})
	_, err := f.Publish(t.Context(), forgetest.Proposal(forgetest.Repository{Name: "a/b", Base: strings.Repeat("a", 40)}), forge.NoActs{})
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("error %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) == 0 || strings.Join(seen, "") != "" {
		t.Errorf("the other host saw %q", seen)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	ecPEM := secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	der, err = x509.MarshalPKCS8PrivateKey(appKey())
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	token := secret.New("x")
	for name, c := range map[string]struct {
		o  github.Options
		ok bool
	}{
		"a token":                 {github.Options{Token: token}, true},
		"an App, PKCS #1":         {github.Options{App: &github.App{ID: "1", Key: appPEM()}}, true},
		"an App, PKCS #8":         {github.Options{App: &github.App{ID: "1", Key: pkcs8}}, true},
		"Enterprise Server":       {github.Options{Token: token, BaseURL: "https://ghe.example/api/v3"}, true},
		"nothing":                 {github.Options{}, false},
		"both":                    {github.Options{Token: token, App: &github.App{ID: "1", Key: appPEM()}}, false},
		"an App without id":       {github.Options{App: &github.App{Key: appPEM()}}, false},
		"a key that is not a key": {github.Options{App: &github.App{ID: "1", Key: secret.New("hello")}}, false},
		"an elliptic key":         {github.Options{App: &github.App{ID: "1", Key: ecPEM}}, false},
		"a base without host":     {github.Options{Token: token, BaseURL: "https:///x"}, false},
		"a base with userinfo":    {github.Options{Token: token, BaseURL: "https://a:b@ghe.example/"}, false},
		"a base of a file":        {github.Options{Token: token, BaseURL: "file:///etc"}, false},
	} {
		_, err := github.New(c.o)
		if (err == nil) != c.ok || (err != nil && fault.KindOf(err) != fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
