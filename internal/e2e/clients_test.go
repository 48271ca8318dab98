package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/fault"
)

// clientPython is the interpreter with the current SDKs (deploy/test-clients.sh).
func clientPython() string {
	return filepath.Join(config.DefaultStateDir(), "test-clients", "current", "bin", "python")
}

const distributionPython = "/usr/bin/python3"

// needClient skips, or fails in CI, where an interpreter lacks a module.
func needClient(t *testing.T, python, module string) {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import "+module).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s lacks %s (deploy/test-clients.sh): %v %s", python, module, err, out)
		}
		t.Skipf("%s lacks %s: run deploy/test-clients.sh", python, module)
	}
}

// crash runs a client script in a checkout of the site's repository.
func (s *site) crash(python, script string, env ...string) {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "checkout")
	git(s.t, s.dir, "clone", "-q", s.bare, dir)
	abs, err := filepath.Abs(filepath.Join("testdata", script))
	must(s.t, err)
	cmd := exec.CommandContext(s.t.Context(), python, abs)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "PYTHONPATH=" + dir, "PYTHONDONTWRITEBYTECODE=1"}, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s\n%s", script, err, out, s.logs())
	}
}

// newShop is a site whose repository is the tariff sample behind a Flask application.
func newShop(t *testing.T, backend string) (s *site, head string) {
	t.Helper()
	s = newSite(t, "tariff", backend)
	app, err := os.ReadFile("testdata/app.py")
	must(t, err)
	s.bare = makeRepository(t, append(s.sample.Files[:len(s.sample.Files):len(s.sample.Files)], txtar.File{Name: "app.py", Data: app}))
	s.hub.AddRepository(serving(s.bare))
	s.configure(backend, "")
	return s, git(t, s.bare, "rev-parse", "main")
}

func TestARealSentrySDKLeadsToOnePullRequest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ python, backend string }{
		"the current SDK, repaired in docker":         {clientPython(), "docker"},
		"the distribution's SDK, repaired with bwrap": {distributionPython, "bwrap"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needClient(t, c.python, "sentry_sdk, flask")
			s, head := newShop(t, c.backend)
			d := s.start("")
			s.crash(c.python, "crash_sentry.py", "SENTRY_RELEASE="+head, "SENTRY_DSN=http://"+publicKey+"@"+s.address+"/42")
			r := s.answered(4 * time.Minute)
			if r.State != "proposed" {
				t.Fatalf("the run ended as %s: %s %s\n%s", r.State, r.Stop, r.Error, s.logs())
			}
			rows, err := s.db.Incidents(t.Context(), 10)
			must(t, err)
			pulls := s.hub.State().Pulls
			if len(rows) != 1 || len(pulls) != 1 || !pulls[0].Draft {
				t.Fatalf("got %d incidents and pull requests %+v, want one draft", len(rows), pulls)
			}
			// The branch really holds the fix and its test.
			diff := git(t, s.bare, "diff", "--stat", "main", pulls[0].Branch)
			if !strings.Contains(diff, "tariff/bands.py") || !strings.Contains(diff, "tests/test_repaird_") {
				t.Errorf("the branch changes\n%s", diff)
			}
			if strings.Contains(pulls[0].Body, "sk-canary-flask") {
				t.Error("the pull request shows the request's token")
			}
			d.stop()
		})
	}
}

func TestARealOTelExporterAddsToTheIncidentOrAsksForLocals(t *testing.T) {
	t.Parallel()
	needClient(t, clientPython(), "opentelemetry.instrumentation.flask")
	s, head := newShop(t, "bwrap")
	d := s.start("")
	crash := func() {
		s.crash(clientPython(), "crash_otel.py",
			"OTEL_EXPORTER_OTLP_ENDPOINT=http://"+s.address, "OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20"+otlpToken,
			"OTEL_SERVICE_NAME=tariff", "OTEL_RESOURCE_ATTRIBUTES=vcs.ref.head.revision="+head)
	}
	crash()
	r := s.ended(2 * time.Minute)
	if stop := stopOf(t, r.Stop); stop.Type != fault.NeedsLocals {
		t.Fatalf("OpenTelemetry alone: the run ended as %s %+v, want stopped(needs_locals)\n%s", r.State, stop, s.logs())
	}
	// The same failure reported by Sentry, with locals, is the same incident and worth another run.
	s.crash(clientPython(), "crash_sentry.py", "SENTRY_RELEASE="+head, "SENTRY_DSN=http://"+publicKey+"@"+s.address+"/42")
	first := r.ID
	s.wait("a second run to end", 4*time.Minute, func() bool { r = s.run(); return r.ID != first && r.Finished != nil })
	r = s.answered(4 * time.Minute)
	crash() // and again by OpenTelemetry: it only counts
	rows, err := s.db.Incidents(t.Context(), 10)
	must(t, err)
	if len(rows) != 1 || rows[0].Count < 3 || r.State != "proposed" {
		t.Errorf("got %d incidents, count %d, state %s; want one incident of at least three events, proposed\n%s", len(rows), rows[0].Count, r.State, s.logs())
	}
	d.stop()
}
