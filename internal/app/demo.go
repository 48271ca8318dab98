package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/app/samples"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/orchestrator"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/verify"
)

// A Demo repairs the samples end to end with a private PostgreSQL and local
// repositories, through the daemon's own HTTP server.
type Demo struct {
	StateDir string
	Model    config.Model
	Sandbox  string
	Listen   string // default 127.0.0.1:7230
	Progress func(sample, stage, line string)

	app *App
	dir string
	pg  *postgres.Private
}

// A DemoResult is the outcome of one sample.
type DemoResult struct {
	Sample, Story, Run, State string
	Stop                      *fault.Stop
	Question                  *verify.Question // that the run waits for; nil none
	PR                        *forge.PullRequest
	Page                      string // address while the demo is running
	File                      string // the page as a file
	Error                     string
	Seconds                   float64
	Stages                    map[string]float64 // seconds of each stage

	seen int // lines of the ledger
}

const demoKey = "0123456789abcdef0123456789abcdef" // public key of the recorded DSN

// Run repairs every sample; the daemon keeps running until Close.
func (d *Demo) Run(ctx context.Context) (_ []DemoResult, err error) {
	all, err := samples.All()
	if err != nil {
		return nil, err
	}
	if d.StateDir, err = filepath.Abs(d.StateDir); err != nil { // required by PostgreSQL's files
		return nil, err
	}
	d.dir = filepath.Join(d.StateDir, "demo")
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return nil, err
	}
	d.say("", "setup", "starting a private PostgreSQL")
	if d.pg, err = postgres.StartPrivate(ctx, filepath.Join(d.dir, "pg"), true); err != nil {
		return nil, err
	}
	c, err := d.configure(ctx, all)
	if err != nil {
		return nil, err
	}
	logFile, err := os.Create(filepath.Join(d.dir, "repaird.log"))
	if err != nil {
		return nil, err
	}
	d.say("", "setup", "probing the sandbox with attacks")
	if d.app, err = New(ctx, c, slog.New(slog.NewTextHandler(logFile, nil)), nil); err != nil {
		return nil, err
	}
	if err := d.app.Start(ctx); err != nil {
		return nil, err
	}
	d.say("", "setup", "repaird is listening on http://"+d.app.Address())
	results := make([]DemoResult, len(all))
	for i, s := range all {
		if results[i], err = d.send(ctx, i+1, s); err != nil {
			return nil, err
		}
	}
	return results, d.follow(ctx, results)
}

// Close stops the daemon and the database.
func (d *Demo) Close(ctx context.Context) {
	if d.app != nil {
		_ = d.app.Stop(ctx)
	}
	if d.pg != nil {
		_ = d.pg.Stop(ctx)
	}
}

// ConfigFile is the file with which `repaird serve --config` runs the demo
// again.
func (d *Demo) ConfigFile() string { return filepath.Join(d.dir, "repaird.yaml") }

func (d *Demo) say(sample, stage, line string) {
	if d.Progress != nil {
		d.Progress(sample, stage, line)
	}
}

// configure creates fresh repositories and a fresh database, and writes the
// configuration for them.
func (d *Demo) configure(ctx context.Context, all []samples.Sample) (*config.Config, error) {
	name := fmt.Sprintf("demo_%d", time.Now().Unix())
	admin, err := postgres.Open(ctx, d.pg.URL("postgres"), 20*time.Second)
	if err != nil {
		return nil, err
	}
	_, err = admin.Pool.Exec(ctx, "create database "+name)
	admin.Close()
	if err != nil {
		return nil, err
	}
	if d.Listen == "" {
		d.Listen = "127.0.0.1:7230"
	}
	var y strings.Builder
	fmt.Fprintf(&y, "# Written by `repaird demo`.\nlisten: %s\nstate_dir: %s\ndatabase: file:database\nencryption_key: file:key\nsandbox: {backend: %s}\nprojects:\n", d.Listen, d.StateDir, d.Sandbox)
	repos := filepath.Join(d.dir, "repos")
	if err := os.RemoveAll(repos); err != nil {
		return nil, err
	}
	for i, s := range all {
		repo := filepath.Join(repos, s.Name)
		if err := makeRepository(ctx, repo, s); err != nil {
			return nil, err
		}
		fmt.Fprintf(&y, "  - {name: %s, repository: demo/%s, url: %q, forge: local, sentry: {project_id: %d, public_keys: [%q]}}\n", s.Name, s.Name, repo, i+1, demoKey)
	}
	key := randomHex(32)
	for file, text := range map[string]string{"database": d.pg.URL(name), "key": key, "repaird.yaml": y.String()} {
		if err := os.WriteFile(filepath.Join(d.dir, file), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	c, err := config.Load(d.ConfigFile())
	if err != nil {
		return nil, err
	}
	if d.Model.Vendor != "" { // the key stays in the environment
		c.Model = d.Model
	}
	return c, nil
}

// makeRepository commits a sample's files with fixed names and dates, so that
// the commit is the one that the recorded event names.
func makeRepository(ctx context.Context, dir string, s samples.Sample) error {
	for _, f := range s.Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return err
		}
	}
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir, "-c", "core.autocrlf=false", "-c", "core.fileMode=true", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null"}, args...)...)
		const who, mail, when = "repaird demo", "demo@repaird.invalid", "2026-01-05T09:00:00+0000"
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
			"GIT_AUTHOR_NAME="+who, "GIT_AUTHOR_EMAIL="+mail, "GIT_AUTHOR_DATE="+when,
			"GIT_COMMITTER_NAME="+who, "GIT_COMMITTER_EMAIL="+mail, "GIT_COMMITTER_DATE="+when)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("git %s: %w: %s", args[0], err, out)
		}
		return strings.TrimSpace(string(out)), nil
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", s.Name + ": first version"}} {
		if _, err := git(args...); err != nil {
			return err
		}
	}
	sha, err := git("rev-parse", "HEAD")
	if err == nil && !bytes.Contains(s.Envelope, []byte(sha)) {
		err = fmt.Errorf("sample %s: its commit %s is not the one named by its event", s.Name, sha)
	}
	return err
}

// send delivers a sample's event as the SDK did, and returns its run.
func (d *Demo) send(ctx context.Context, id int, s samples.Sample) (DemoResult, error) {
	r := DemoResult{Sample: s.Name, Story: s.Story}
	url := fmt.Sprintf("http://%s/api/%d/envelope/", d.app.Address(), id)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(s.Envelope))
	if err != nil {
		return r, err
	}
	req.Header.Set("Content-Type", "application/x-sentry-envelope")
	req.Header.Set("X-Sentry-Auth", "Sentry sentry_key="+demoKey+", sentry_version=7, sentry_client=sentry.python/2.75.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if resp.StatusCode != http.StatusOK {
		return r, fmt.Errorf("the event was not accepted: %s: %s", resp.Status, body)
	}
	rows, err := d.app.DB.Incidents(ctx, 10)
	if err != nil {
		return r, err
	}
	for _, row := range rows {
		if row.Project == s.Name && row.RunID != nil {
			r.Run = *row.RunID
		}
	}
	if r.Run == "" {
		return r, fmt.Errorf("sample %s: no run was started", s.Name)
	}
	r.Page = "http://" + d.app.Address() + "/runs/" + r.Run
	d.say(s.Name, "accepted", s.Story)
	return r, nil
}

// Decide answers the question of a result's run and follows the run to its end.
func (d *Demo) Decide(ctx context.Context, r *DemoResult, choice pipeline.Choice, by string) error {
	decision, err := orchestrator.Decide(ctx, d.app.DB, r.Run, choice, by)
	if err != nil {
		return err
	}
	d.say(r.Sample, "decided", decision.String())
	one := []DemoResult{*r}
	one[0].State, one[0].Stop, one[0].Question = "", nil, nil
	err = d.follow(ctx, one)
	*r = one[0]
	return err
}

// follow reports the runs' ledgers until all have ended.
func (d *Demo) follow(ctx context.Context, results []DemoResult) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for open := len(results); ; {
		for i := range results {
			r := &results[i]
			if r.State != "" {
				continue
			}
			ended, err := d.news(ctx, r)
			if err != nil {
				return err
			}
			if ended {
				open--
			}
		}
		if open == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// news reports what a run's ledger says after the lines seen, and whether it
// ended.
func (d *Demo) news(ctx context.Context, r *DemoResult) (ended bool, err error) {
	run, err := d.app.DB.Run(ctx, r.Run) // before its ledger: nothing follows the end
	if err != nil {
		return false, err
	}
	entries, err := d.app.DB.Ledger(ctx, r.Run, r.seen)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		r.seen = e.Seq
		var line struct{ Stage, Text string }
		if e.Kind == "progress" && json.Unmarshal(e.Data, &line) == nil {
			d.say(r.Sample, line.Stage, line.Text)
		}
	}
	if run.Finished == nil {
		return false, nil
	}
	return true, d.finish(ctx, r, run)
}

func (d *Demo) finish(ctx context.Context, r *DemoResult, run *postgres.Run) error {
	r.State, r.Error, r.Seconds = run.State, run.Error, run.Finished.Sub(run.Created).Seconds()
	if len(run.Stop) > 0 {
		r.Stop = &fault.Stop{}
		if err := json.Unmarshal(run.Stop, r.Stop); err != nil {
			return err
		}
	}
	if len(run.PullRequest) > 0 {
		r.PR = &forge.PullRequest{}
		if err := json.Unmarshal(run.PullRequest, r.PR); err != nil {
			return err
		}
	}
	entries, err := d.app.DB.Ledger(ctx, r.Run, 0)
	if err != nil {
		return err
	}
	r.Stages = map[string]float64{}
	last := run.Created
	for _, e := range entries {
		var line struct{ Stage string }
		if e.Kind == "decision" { // the time before it was a person's
			last = e.At
		}
		if e.Kind == "stage" && json.Unmarshal(e.Data, &line) == nil {
			r.Stages[line.Stage] = e.At.Sub(last).Seconds()
			last = e.At
		}
	}
	if r.Stop != nil && r.Stop.Type == fault.Undecided {
		if r.Question, err = orchestrator.Question(ctx, d.app.DB, r.Run); err != nil {
			return err
		}
	}
	d.say(r.Sample, "ended", "as "+run.State)
	r.File, err = d.save(ctx, r)
	return err
}

// save writes the run's page as one self-contained file.
func (d *Demo) save(ctx context.Context, r *DemoResult) (string, error) {
	get := func(url string) ([]byte, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		return io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	}
	page, err := get(r.Page)
	if err != nil {
		return "", err
	}
	style, err := get("http://" + d.app.Address() + "/static/style.css")
	if err != nil {
		return "", err
	}
	page = bytes.Replace(page, []byte(`<link rel="stylesheet" href="/static/style.css">`), append(append([]byte("<style>\n"), style...), "</style>"...), 1)
	page = bytes.Replace(page, []byte(`<script src="/static/live.js" defer></script>`), nil, 1)
	dir := filepath.Join(d.dir, "pages")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	file := filepath.Join(dir, r.Sample+".html")
	return file, os.WriteFile(file, page, 0o644)
}
