package web_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/postgres/pgtest"
	"github.com/repaird/repaird/internal/secret"
	"github.com/repaird/repaird/internal/web"
)

const hostile = `<script>alert(1)</script>`

type site struct {
	t   *testing.T
	db  *postgres.DB
	srv *httptest.Server
	run string
}

// newSite serves a database with one open run.
func newSite(t *testing.T, token string) *site {
	t.Helper()
	db := pgtest.New(t)
	h, err := web.New(web.Options{DB: db, Token: secret.New(token), Logger: slog.New(slog.DiscardHandler), Poll: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	a, err := db.Accept(t.Context(), "shop", "sentry", []string{"sha:1"}, []postgres.EventRow{{
		Fingerprint: "f", Incident: "inc-f", Title: "KeyError in f " + hostile, Rank: 2, Time: time.Now(), Run: "run-1", Body: []byte("x"), Wrapped: []byte("y"),
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, db: db, srv: httptest.NewServer(h), run: a.Runs[0]}
	t.Cleanup(s.srv.Close)
	return s
}

func (s *site) get(path string) (int, string) {
	s.t.Helper()
	resp, err := http.Get(s.srv.URL + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func (s *site) tx(f func(pgx.Tx) error) {
	s.t.Helper()
	if err := pgx.BeginFunc(s.t.Context(), s.db.Pool, f); err != nil {
		s.t.Fatal(err)
	}
}

func TestPagesEscapeUntrustedText(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.tx(func(tx pgx.Tx) error {
		return postgres.AppendLedger(t.Context(), tx, s.run, "progress", map[string]string{"stage": "repair", "text": hostile})
	})
	body, _ := json.Marshal(map[string]string{"title": hostile, "body": "**bold** " + hostile + ` <img src=x onerror=alert(1)> [l](javascript:alert(1))`, "base": "main"})
	if _, _, err := s.db.PutLocalPullRequest(t.Context(), "acme/shop", "k", body); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/": "KeyError in f", "/incidents/inc-f": s.run, "/runs/" + s.run: "accepted", "/pulls/1": "<strong>bold</strong>"} {
		status, page := s.get(path)
		if status != 200 || !strings.Contains(page, want) {
			t.Errorf("%s: got %d, want %q in it\n%s", path, status, want, page)
		}
		for _, bad := range []string{hostile, "onerror", "javascript:"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s holds %s", path, bad)
			}
		}
	}
}

func TestAMissingPageIsNotFound(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	for _, path := range []string{"/nothing", "/runs/none", "/incidents/none", "/pulls/9", "/pulls/x", "/runs/" + s.run + "/artifacts/none"} {
		if status, page := s.get(path); status != 404 || !strings.Contains(page, "repaird") {
			t.Errorf("%s: got %d %s", path, status, page)
		}
	}
}

func TestEveryPageRequiresTheToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, "open sesame")
	for _, path := range []string{"/", "/runs/" + s.run, "/runs/" + s.run + "/live", "/runs/" + s.run + "/artifacts/bundle.json", "/pulls/1", "/nothing"} {
		if status, page := s.get(path); status != 401 || strings.Contains(page, "KeyError") {
			t.Errorf("%s without a token: got %d", path, status)
		}
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.srv.URL+"/", nil)
	req.Header.Set("Authorization", "Bearer open sesame")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("with the token: got %d", resp.StatusCode)
	}
	noRedirect := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for token, want := range map[string]int{"open sesame": 303, "guess": 401, "": 401} {
		resp, err := noRedirect.PostForm(s.srv.URL+"/login", url.Values{"token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want || (want == 303) != (len(resp.Cookies()) == 1) {
			t.Errorf("login with %q: got %d and cookies %v, want %d", token, resp.StatusCode, resp.Cookies(), want)
		}
	}
}

func TestAnotherHostNameIsRejected(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	for host, want := range map[string]int{"127.0.0.1:7230": 200, "localhost": 200, "[::1]:80": 200, "evil.example": 421, "127.0.0.1.evil.example": 421} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.srv.URL+"/", nil)
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: got %d, want %d", host, resp.StatusCode, want)
		}
	}
}

func TestALivePageGetsEveryLineAndTheEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	resp, err := http.Get(s.srv.URL + "/runs/" + s.run + "/live")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r, err := s.db.Acquire(t.Context(), s.run, "assemble", "me", time.Minute)
	if err != nil || r == nil {
		t.Fatal(r, err)
	}
	s.tx(func(tx pgx.Tx) error {
		return postgres.AppendLedger(t.Context(), tx, s.run, "progress", map[string]string{"stage": "assemble", "text": "one"})
	})
	s.tx(func(tx pgx.Tx) error {
		if err := postgres.Advance(t.Context(), tx, s.run, r.Fence, postgres.Step{State: "stopped", Stop: &fault.Stop{Type: fault.Flaky}}); err != nil {
			return err
		}
		return postgres.AppendLedger(t.Context(), tx, s.run, "stage", map[string]any{"stage": "assemble", "state": "stopped"})
	})
	var events []string
	for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
		if name, ok := strings.CutPrefix(scan.Text(), "event: "); ok {
			events = append(events, name)
		}
	}
	if got := strings.Join(events, " "); got != "line stage end" {
		t.Errorf("got events %q", got)
	}
}

func TestADatabaseOutageIsReported(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.db.Close()
	if status, page := s.get("/"); status != 503 || !strings.Contains(page, "Accepted events are safe") {
		t.Errorf("got %d %s", status, page)
	}
}
