package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"sync"
	"testing"

	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/forge/forgetest"
	"github.com/repaird/repaird/internal/forge/github"
	"github.com/repaird/repaird/internal/forge/github/githubtest"
	"github.com/repaird/repaird/internal/secret"
)

// appKey is generated once: 2048 bits take a second.
var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func appPEM() secret.String {
	return secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(appKey())})))
}

func start(t *testing.T, repo forgetest.Repository, o githubtest.Options) *githubtest.Server {
	t.Helper()
	o.AppID, o.AppKey = "12345", &appKey().PublicKey
	s := githubtest.Start(t, o)
	s.AddRepository(githubtest.Repository{Name: repo.Name, Dir: repo.Dir})
	return s
}

func asApp(t *testing.T, s *githubtest.Server) *github.Forge {
	t.Helper()
	return open(t, github.Options{BaseURL: s.URL, App: &github.App{ID: "12345", Key: appPEM()}})
}

func open(t *testing.T, o github.Options) *github.Forge {
	t.Helper()
	f, err := github.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func subject(t *testing.T, s *githubtest.Server, repo forgetest.Repository, restart func() forge.Forge) forgetest.Subject {
	return forgetest.Subject{
		Forge: restart(), Restart: restart, Issue: s.AddIssue(repo.Name),
		Pulls: func() (pulls []forgetest.Pull) {
			for _, p := range s.State().Pulls {
				pulls = append(pulls, forgetest.Pull{Number: p.Number, Title: p.Title, Body: p.Body, Branch: p.Branch, Base: p.Base, State: p.State, Draft: p.Draft, Labels: p.Labels})
			}
			return pulls
		},
		Close: func(number int) { s.SetPullState(repo.Name, number, "closed") },
		Comments: func(int) (bodies []string) {
			for _, c := range s.State().Comments {
				bodies = append(bodies, c.Body)
			}
			return bodies
		},
		Checks: func(commit string) (names []string) {
			st := s.State()
			for _, r := range append(st.Runs, st.Statuses...) {
				if r.Commit == commit {
					names = append(names, r.Name+": "+r.Conclusion)
				}
			}
			return names
		},
	}
}

func TestSuiteAsApp(t *testing.T) {
	t.Parallel()
	forgetest.Run(t, func(t *testing.T, repo forgetest.Repository) forgetest.Subject {
		s := start(t, repo, githubtest.Options{})
		return subject(t, s, repo, func() forge.Forge { return asApp(t, s) })
	})
}
