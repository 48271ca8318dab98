package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/app/samples"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/forge/github/githubtest"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/postgres/pgtest"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

const (
	publicKey = "0123456789abcdef0123456789abcdef"
	otlpToken = "otlp-test-token"
	hookKey   = "hook-secret"
)

var program string // the compiled repaird

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "repaird-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "repaird")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/repaird").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build repaird: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// A site is everything that one test needs around a daemon.
type site struct {
	t       *testing.T
	dir     string
	address string
	db      *postgres.DB
	hub     *githubtest.Server
	sample  samples.Sample
	bare    string
	env     []string

	mu  sync.Mutex
	log bytes.Buffer
}

// newSite prepares database, code host, repository and configuration for one
// sample on one backend; more files are added to its repository.
func newSite(t *testing.T, sampleName, backend string, more ...txtar.File) *site {
	t.Helper()
	sandboxtest.Backend(t, backend) // skips or fails if it is not available
	s := &site{t: t, dir: t.TempDir(), address: freeAddress(t)}
	all, err := samples.All()
	must(t, err)
	for _, x := range all {
		if x.Name == sampleName {
			s.sample = x
		}
	}
	url := pgtest.URL(t)
	s.db, err = postgres.Open(t.Context(), url, 10*time.Second)
	must(t, err)
	t.Cleanup(s.db.Close)
	must(t, s.db.Migrate(t.Context()))
	s.bare = makeRepository(t, append(s.sample.Files, more...))
	s.hub = githubtest.Start(t, githubtest.Options{})
	s.hub.AddRepository(githubtest.Repository{Name: "acme/" + sampleName, Dir: s.bare})
	s.env = append(os.Environ(), "E2E_DATABASE="+url, "E2E_KEY="+strings.Repeat("7a", 32), "E2E_TOKEN="+s.hub.UserToken(),
		"E2E_HOOK="+hookKey, "E2E_OTLP="+otlpToken)
	s.configure(backend, "")
	return s
}

func (s *site) configure(backend, extra string) {
	s.t.Helper()
	y := fmt.Sprintf(`listen: %s
state_dir: %s
database: env:E2E_DATABASE
encryption_key: env:E2E_KEY
repeats: 2
lease: 3s
sandbox: {backend: %s}
github: {base_url: %q, token: env:E2E_TOKEN, webhook_secrets: [env:E2E_HOOK]}
projects:
  - name: %s
    repository: acme/%s
    url: %s
    sentry: {project_id: 42, public_keys: [%q], client_secrets: [env:E2E_HOOK]}
    otlp: {tokens: [env:E2E_OTLP]}
%s`, s.address, config.DefaultStateDir(), backend, s.hub.URL, s.sample.Name, s.sample.Name, s.bare, publicKey, extra)
	must(s.t, os.WriteFile(s.configFile(), []byte(y), 0o600))
}

func (s *site) configFile() string { return filepath.Join(s.dir, "repaird.yaml") }

// A daemon is one repaird process.
type daemon struct {
	site *site
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// start runs the daemon and waits until it answers, unless failpoint kills it
// before.
func (s *site) start(failpoint string) *daemon {
	s.t.Helper()
	return s.startAs(s.configFile(), s.address, "REPAIRD_FAILPOINT="+failpoint)
}

// startAs starts a daemon with its own configuration and further variables.
func (s *site) startAs(file, address string, env ...string) *daemon {
	s.t.Helper()
	d := &daemon{site: s, done: make(chan struct{})}
	d.cmd = exec.Command(program, "serve", "--config", file)
	d.cmd.Env = append(s.env[:len(s.env):len(s.env)], env...)
	d.cmd.Stdout, d.cmd.Stderr = s, s
	must(s.t, d.cmd.Start())
	go func() { d.err = d.cmd.Wait(); close(d.done) }()
	s.t.Cleanup(func() { d.kill() })
	s.wait("the daemon to answer or end", 60*time.Second, func() bool {
		select {
		case <-d.done:
			return true
		default:
		}
		resp, err := http.Get("http://" + address + "/healthz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return d
}

// Write collects the daemons' logs.
func (s *site) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *site) logs() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.done
}

// stop ends the daemon in order.
func (d *daemon) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	<-d.done
	if d.err != nil {
		d.site.t.Errorf("the daemon ended with %v", d.err)
	}
}

// died waits for a failpoint to have killed the daemon.
func (d *daemon) died(within time.Duration) {
	d.site.t.Helper()
	select {
	case <-d.done:
	case <-time.After(within):
		d.site.t.Fatalf("the failpoint was not reached within %s\n%s", within, d.site.logs())
	}
	var exit *exec.ExitError
	if !errors.As(d.err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		d.site.t.Fatalf("the daemon ended with %v instead of its failpoint\n%s", d.err, d.site.logs())
	}
}

// wait polls for what another process does.
func (s *site) wait(what string, within time.Duration, ok func() bool) {
	s.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); !ok(); {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %s for %s\n%s", within, what, s.logs())
		}
		select {
		case <-tick.C:
		case <-s.t.Context().Done():
			s.t.Fatal("the test ended")
		}
	}
}

// send posts a body and returns the status and the answer.
func (s *site) send(path string, body []byte, header map[string]string) (int, string) {
	s.t.Helper()
	return s.sendTo(s.address, path, body, header)
}

func (s *site) sendTo(address, path string, body []byte, header map[string]string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+address+path, bytes.NewReader(body))
	must(s.t, err)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, string(answer)
}

func (s *site) sendEnvelope() (int, string) {
	s.t.Helper()
	return s.send("/api/42/envelope/", s.sample.Envelope, envelopeHeader)
}

var envelopeHeader = map[string]string{
	"Content-Type":  "application/x-sentry-envelope",
	"X-Sentry-Auth": "Sentry sentry_version=7, sentry_client=sentry.python/2.75.0, sentry_key=" + publicKey,
}

// run returns the newest run of the only incident, or nil.
func (s *site) run() *postgres.Run {
	s.t.Helper()
	rows, err := s.db.Incidents(s.t.Context(), 10)
	must(s.t, err)
	if len(rows) == 0 || rows[0].RunID == nil {
		return nil
	}
	r, err := s.db.Run(s.t.Context(), *rows[0].RunID)
	must(s.t, err)
	return r
}

// ended waits for the only run's end.
func (s *site) ended(within time.Duration) *postgres.Run {
	s.t.Helper()
	var r *postgres.Run
	s.wait("the run to end", within, func() bool { r = s.run(); return r != nil && r.Finished != nil })
	return r
}

// answered waits for the run to end, and answers its question, where it has one,
// with option A, as a person would who agrees with the patch.
func (s *site) answered(within time.Duration) *postgres.Run {
	s.t.Helper()
	r := s.ended(within)
	if r.State != "stopped" || !strings.Contains(string(r.Stop), `"undecided"`) {
		return r
	}
	cmd := exec.CommandContext(s.t.Context(), program, "run", "--config", s.configFile(), "decide", r.ID, "A")
	cmd.Env = s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("answering %s: %v\n%s", r.Stop, err, out)
	}
	return s.ended(within)
}

// freeAddress returns a loopback address below the range from which the kernel
// gives ports to others, so that a daemon can come back to it again and again.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 15000+rand.IntN(15000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), "git", append([]string{"-C", dir, "-c", "core.autocrlf=false", "-c", "commit.gpgsign=false"}, args...)...)
	const who, mail, when = "repaird demo", "demo@repaird.invalid", "2026-01-05T09:00:00+0000"
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME="+who, "GIT_AUTHOR_EMAIL="+mail, "GIT_AUTHOR_DATE="+when,
		"GIT_COMMITTER_NAME="+who, "GIT_COMMITTER_EMAIL="+mail, "GIT_COMMITTER_DATE="+when)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}
