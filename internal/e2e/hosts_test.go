package e2e

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
)

// A host is a daemon's surroundings: its own state folder and identity, and the
// database that it shares.
type host struct {
	site                         *site
	name, address, state, config string
}

// hostLease is long enough for a busy machine.
const hostLease = 15 * time.Second

func (s *site) host(name string) *host {
	s.t.Helper()
	h := &host{site: s, name: name, address: freeAddress(s.t), state: s.t.TempDir()}
	bases, err := os.ReadFile(filepath.Join(config.DefaultStateDir(), "bases.json"))
	must(s.t, err)
	must(s.t, os.WriteFile(filepath.Join(h.state, "bases.json"), bases, 0o600))
	y, err := os.ReadFile(s.configFile())
	must(s.t, err)
	text := strings.NewReplacer("listen: "+s.address, "listen: "+h.address, "state_dir: "+config.DefaultStateDir(), "state_dir: "+h.state,
		"repeats: 2", "repeats: 1", "lease: 3s", "lease: "+hostLease.String()).Replace(string(y))
	h.config = filepath.Join(s.dir, name+".yaml")
	must(s.t, os.WriteFile(h.config, []byte(text), 0o600))
	return h
}

func (h *host) start(failpoint string) *daemon {
	h.site.t.Helper()
	return h.site.startAs(h.config, h.address, "REPAIRD_HOST="+h.name, "PGAPPNAME="+h.name, "REPAIRD_FAILPOINT="+failpoint)
}

// environments are the digests that the host's store has.
func (h *host) environments() string {
	h.site.t.Helper()
	found, err := filepath.Glob(filepath.Join(h.state, "store", "environments", "*.json"))
	must(h.site.t, err)
	for i, name := range found {
		found[i] = "sha256:" + strings.TrimSuffix(filepath.Base(name), ".json")
	}
	return strings.Join(found, " ")
}

// event is the sample's envelope as another error of another release, with or
// without the frames' locals.
func (s *site) event(number int, typ, release string, locals bool) []byte {
	s.t.Helper()
	lines := bytes.SplitN(s.sample.Envelope, []byte("\n"), 4)
	var event map[string]any
	must(s.t, json.Unmarshal(lines[2], &event))
	id := fmt.Sprintf("%032x", number+1)
	event["event_id"], event["release"] = id, release
	raised := event["exception"].(map[string]any)["values"].([]any)[0].(map[string]any)
	raised["type"] = typ
	for _, f := range raised["stacktrace"].(map[string]any)["frames"].([]any) {
		if !locals {
			delete(f.(map[string]any), "vars")
		}
	}
	body, err := json.Marshal(event)
	must(s.t, err)
	return fmt.Appendf(nil, "{\"event_id\":%q}\n{\"type\":\"event\",\"length\":%d}\n%s\n", id, len(body), body)
}

func (h *host) deliver(envelope []byte) {
	h.site.t.Helper()
	if status, answer := h.site.sendTo(h.address, "/api/42/envelope/", envelope, envelopeHeader); status != 200 {
		h.site.t.Fatalf("host %s answered %d %s", h.name, status, answer)
	}
}

// wheel writes a wheel of one module into dir.
func wheel(t *testing.T, dir string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string]string{
		"repaird_sample.py":                     "x = 1\n",
		"repaird_sample-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: repaird-sample\nVersion: 1.0\n",
		"repaird_sample-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"repaird_sample-1.0.dist-info/RECORD":   "repaird_sample.py,,\n",
	} {
		w, err := z.Create(name)
		must(t, err)
		_, err = w.Write([]byte(text))
		must(t, err)
	}
	must(t, z.Close())
	must(t, os.WriteFile(filepath.Join(dir, "repaird_sample-1.0-py3-none-any.whl"), b.Bytes(), 0o644)) // the sandbox reads it
}

// Two hosts share a database and nothing else. The first incident's repair
// crosses from one, which is killed, to the other, which has to build the
// environment of the reproduction anew; of 29 more half name a commit that does not exist,
// and most others have no locals.
func TestTwoHostsShareTheWorkAndOneIsKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, "tariff", "bwrap", txtar.File{Name: "requirements.txt", Data: []byte("repaird-sample==1.0\n")})
	links := t.TempDir()
	wheel(t, links)
	s.env = append(s.env, "PIP_CONFIG_FILE=/dev/null", "PIP_NO_INDEX=1", "PIP_FIND_LINKS="+links)
	release := git(t, s.bare, "rev-parse", "HEAD")
	one, two := s.host("one"), s.host("two")

	killed := one.start("stage.repair.begin")
	one.deliver(s.event(0, "IndexError", release, true))
	s.wait("a repair to begin", 2*time.Minute, func() bool {
		r := s.run()
		return r != nil && (r.Finished != nil || r.Stage == pipeline.Repair && r.Attempt > 0)
	})
	first := s.run()
	if first.State != "reproduced" {
		t.Fatalf("the first run is %s: %s %s", first.State, first.Stop, first.Error)
	}
	killed.died(10 * time.Second)
	second := two.start("")
	s.wait("the other host to take the repair", time.Minute, func() bool { return s.run().Fence > first.Fence })
	if after := s.run().Updated.Sub(first.Updated); after < hostLease {
		t.Errorf("the other host, which cannot know of the death, took the run after %s", after)
	}

	killed = one.start("")
	for i := range 29 {
		h, commit := one, release
		if i%2 == 0 {
			h, commit = two, strings.Repeat("0", 40)
		}
		h.deliver(s.event(i+1, fmt.Sprintf("Error%02d", i), commit, i%7 == 3))
	}
	runs := func() (open, ended int, held map[string]bool) {
		t.Helper()
		rows, err := s.db.Pool.Query(t.Context(), `select id, finished_at is not null, coalesce(lease_owner, '') from runs`)
		must(t, err)
		defer rows.Close()
		owners := map[string][]string{}
		for rows.Next() {
			var id, owner string
			var done bool
			must(t, rows.Scan(&id, &done, &owner))
			if done {
				ended++
				continue
			}
			open++
			if pid := fmt.Sprintf(".%d.", killed.cmd.Process.Pid); strings.Contains(owner, pid) {
				owners[pid] = append(owners[pid], id)
			}
		}
		must(t, rows.Err())
		held = map[string]bool{}
		for _, ids := range owners {
			for _, id := range ids {
				held[id] = true
			}
		}
		return open, ended, held
	}
	s.wait("ten ends, with the first host at work", time.Minute, func() bool {
		if _, ended, _ := runs(); ended < 10 {
			return false
		}
		must(t, killed.cmd.Process.Signal(syscall.SIGSTOP)) // so that it ends nothing while we look
		if _, _, held := runs(); len(held) > 0 {
			return true
		}
		must(t, killed.cmd.Process.Signal(syscall.SIGCONT))
		return false
	})
	killed.kill()
	s.wait("the database to finish what the killed host has asked for", time.Minute, func() bool {
		var n int
		must(t, s.db.Pool.QueryRow(t.Context(), `select count(*) from pg_stat_activity where datname = current_database() and application_name = $1`, one.name).Scan(&n))
		return n == 0
	})
	_, ended, interrupted := runs()
	t.Logf("killed with %d ended and %d in its hands", ended, len(interrupted))
	s.wait("every run to end", 3*time.Minute, func() bool { open, ended, _ := runs(); return open == 0 && ended == 30 })
	second.stop()

	incidents, err := s.db.Incidents(t.Context(), 100)
	must(t, err)
	if len(incidents) != 30 {
		t.Errorf("got %d incidents", len(incidents))
	}
	states := map[string]int{}
	for _, inc := range incidents {
		all, err := s.db.Runs(t.Context(), inc.ID)
		must(t, err)
		if len(all) != 1 {
			t.Errorf("incident %s has %d runs", inc.ID, len(all))
		}
		r := all[0]
		states[r.State]++
		ledger, err := s.db.Ledger(t.Context(), r.ID, 0)
		must(t, err)
		if _, err := postgres.VerifyLedger(r.ID, ledger); err != nil {
			t.Error(err)
		}
		taken, done := r.Fence, int64(0)
		for _, line := range ledger {
			if line.Kind == "stage" {
				done++
			}
		}
		if interrupted[r.ID] || r.ID == first.ID {
			taken-- // the killed daemon's
		}
		if taken != done {
			t.Errorf("run %s was taken %d times for %d stages: it was stolen from a daemon that lived\n%s", r.ID, taken, done, s.logs())
		}
	}
	if states["proposed"] != 1 || states["stopped"] != 29 {
		t.Errorf("got ends %v\n%s", states, s.logs())
	}
	if pulls := s.hub.State().Pulls; len(pulls) != 1 {
		t.Errorf("got %d pull requests, want one", len(pulls))
	}

	stored, err := s.db.Artifact(t.Context(), first.ID, pipeline.ArtifactReproduction)
	must(t, err)
	var reproduction struct{ Env struct{ Digest string } }
	must(t, json.Unmarshal(stored, &reproduction))
	if a, b := one.environments(), two.environments(); a != reproduction.Env.Digest || b != reproduction.Env.Digest {
		t.Errorf("the hosts have the environments %q and %q, want %s", a, b, reproduction.Env.Digest)
	}
	if strings.Contains(string(stored), one.state) {
		t.Error("the stored reproduction names the killed host's folder")
	}
}
