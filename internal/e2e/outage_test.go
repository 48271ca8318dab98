package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge/github/githubtest"
	"github.com/repaird/repaird/internal/postgres"
)

func serving(bare string) githubtest.Repository {
	return githubtest.Repository{Name: "acme/tariff", Dir: bare}
}

func stopOf(t *testing.T, raw []byte) (stop fault.Stop) {
	t.Helper()
	if len(raw) > 0 {
		must(t, json.Unmarshal(raw, &stop))
	}
	return stop
}

func sign(body []byte) string {
	m := hmac.New(sha256.New, []byte(hookKey))
	m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}

func TestWhatIsRefusedIsRefusedClearly(t *testing.T) {
	t.Parallel()
	s := newSite(t, "meter", "bwrap")
	s.start("")
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, err := z.Write(bytes.Repeat([]byte("x"), 30<<20))
	must(t, err)
	must(t, z.Close())
	auth := "Sentry sentry_version=7, sentry_key=" + publicKey
	hook := []byte(`{"action":"triggered","data":{}}`)
	for name, c := range map[string]struct {
		path, want string
		body       []byte
		header     map[string]string
		status     int
	}{
		"a bad signature":              {"/webhooks/sentry/meter", "Signature", hook, map[string]string{"Sentry-Hook-Resource": "event_alert", "Sentry-Hook-Signature": strings.Repeat("0", 64)}, 401},
		"an unknown webhook project":   {"/webhooks/sentry/nobody", "", hook, map[string]string{"Sentry-Hook-Resource": "event_alert", "Sentry-Hook-Signature": sign(hook)}, 401},
		"an unknown DSN project":       {"/api/77/envelope/", "", s.sample.Envelope, map[string]string{"X-Sentry-Auth": auth}, 403},
		"a body over the cap":          {"/api/42/envelope/", "", bytes.Repeat([]byte("x"), 21<<20), map[string]string{"X-Sentry-Auth": auth}, 413},
		"a body that grows over it":    {"/api/42/envelope/", "", bomb.Bytes(), map[string]string{"X-Sentry-Auth": auth, "Content-Encoding": "gzip"}, 413},
		"a broken envelope":            {"/api/42/envelope/", "detail", []byte("{}\n{\"type\":\"event\",\"length\":99}\n{}"), map[string]string{"X-Sentry-Auth": auth}, 400},
		"OTLP with another's token":    {"/v1/traces", "", []byte(`{}`), map[string]string{"Authorization": "Bearer no", "Content-Type": "application/json"}, 401},
		"a GitHub hook without a sign": {"/webhooks/github", "", []byte(`{}`), map[string]string{"X-GitHub-Event": "ping", "Content-Type": "application/json"}, 401},
	} {
		status, answer := s.send(c.path, c.body, c.header)
		if status != c.status || !strings.Contains(answer, c.want) {
			t.Errorf("%s: got %d %s, want %d with %q", name, status, answer, c.status, c.want)
		}
	}
	rows, err := s.db.Incidents(t.Context(), 10)
	must(t, err)
	if len(rows) != 0 {
		t.Errorf("something refused was stored: %+v", rows)
	}
}

func TestABadConfigurationDoesNotStart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "repaird.yaml")
	must(t, os.WriteFile(file, []byte("listen: 0.0.0.0:1\nworkers: 900\n"), 0o600))
	out, err := exec.Command(program, "serve", "--config", file).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "web.token") || !strings.Contains(string(out), "workers") {
		t.Errorf("got %v\n%s", err, out)
	}
}

func TestADeadDatabaseLosesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, "meter", "bwrap")
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	pg, err := postgres.StartPrivate(t.Context(), dir, true)
	must(t, err)
	t.Cleanup(func() { _ = pg.Kill(context.Background()) })
	s.env = append(s.env, "E2E_DATABASE="+pg.URL("postgres"))
	d := s.start("")
	if status, answer := s.sendEnvelope(); status != 200 {
		t.Fatalf("got %d %s", status, answer)
	}
	must(t, pg.Kill(t.Context()))
	other := bytes.Replace(s.sample.Envelope, []byte("m-204"), []byte("m-205"), 1)
	status, answer := s.send("/api/42/envelope/", append(other, '\n'), map[string]string{"X-Sentry-Auth": "Sentry sentry_version=7, sentry_key=" + publicKey})
	if status != 503 {
		t.Errorf("while the database is away: got %d %s, want 503", status, answer)
	}
	_, err = postgres.StartPrivate(t.Context(), dir, true)
	must(t, err)
	s.db, err = postgres.Open(t.Context(), pg.URL("postgres"), 10*time.Second)
	must(t, err)
	t.Cleanup(s.db.Close)
	if r := s.ended(time.Minute); stopOf(t, r.Stop).Type != fault.NeedsLocals {
		t.Errorf("the accepted event's run ended as %s %s %s", r.State, r.Stop, r.Error)
	}
	d.stop()
}

func TestADeadEngineIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, "tariff", "docker")
	s.env = append(s.env, "DOCKER_HOST=unix://"+filepath.Join(s.dir, "none.sock"))
	out, err := exec.CommandContext(t.Context(), "env", append(s.env[len(s.env)-1:], program, "repair", "--sandbox", "docker", "--repo", s.bare, "--event", "../app/samples/tariff.envelope")...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "docker") && !strings.Contains(string(out), "Docker") {
		t.Errorf("repair with a dead engine: got %v\n%s", err, out)
	}
}

func TestAForgeThatFailsInEveryWayGetsOnePullRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t, "tariff", "bwrap")
	for _, f := range []githubtest.Fault{
		githubtest.ExecuteThenDrop("POST", "/repos/{owner}/{repo}/pulls"),
		githubtest.ExecuteThenDrop("POST", "/repos/{owner}/{repo}/git/refs"),
		githubtest.Reply("POST", "/repos/{owner}/{repo}/git/trees", 403, "You have exceeded a secondary rate limit", map[string]string{"Retry-After": "1"}),
		githubtest.Reply("POST", "/repos/{owner}/{repo}/git/commits", 502, "Bad gateway", nil),
	} {
		s.hub.Inject(f)
	}
	s.start("")
	if status, answer := s.sendEnvelope(); status != 200 {
		t.Fatalf("got %d %s", status, answer)
	}
	if r := s.answered(5 * time.Minute); r.State != "proposed" {
		t.Errorf("the run ended as %s: %s %s\n%s", r.State, r.Stop, r.Error, s.logs())
	}
	if pulls := s.hub.State().Pulls; len(pulls) != 1 {
		t.Errorf("got %d pull requests, want one", len(pulls))
	}
}
