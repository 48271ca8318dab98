package e2e

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
)

// A run ends in a question. The answer is given while no daemon runs, and
// daemons that kill themselves (kill -9) at one point after another resume it:
// the answer counts once, and is the assertion of the one test that is published.
func TestADecisionSurvivesWhatKillsTheDaemon(t *testing.T) {
	t.Parallel()
	s := newSite(t, "till", "bwrap")
	d := s.start("")
	if status, answer := s.sendEnvelope(); status != 200 {
		t.Fatalf("the envelope got %d %s", status, answer)
	}
	asked := s.ended(5 * time.Minute)
	d.stop()
	if asked.State != "stopped" || !strings.Contains(string(asked.Stop), `"undecided"`) {
		t.Fatalf("the run ended as %s: %s\n%s", asked.State, asked.Stop, s.logs())
	}
	decide := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), program, append([]string{"run", "--config", s.configFile(), "decide", asked.ID}, args...)...)
		cmd.Env = s.env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := decide(); err != nil || !strings.Contains(out, "price = DEPOSIT") || !strings.Contains(out, "QUESTION: What should") {
		t.Errorf("the question is shown as\n%s%v", out, err)
	}
	if out, err := decide("Z"); err == nil || !strings.Contains(out, "the options are A, B") {
		t.Errorf("an option that is not there: %s%v", out, err)
	}
	if out, err := decide("B"); err != nil || !strings.Contains(out, "continues") {
		t.Fatalf("the answer: %s%v", out, err)
	}
	if out, err := decide("A"); err == nil || !strings.Contains(out, "does not wait for an answer") {
		t.Errorf("a second answer: %s%v", out, err)
	}
	for _, point := range []string{"stage.repair.begin", "stage.repair.before", "stage.repair.after", "stage.verify.before"} {
		s.start(point).died(3 * time.Minute)
	}
	d = s.start("")
	r := s.ended(5 * time.Minute)
	d.stop()
	if r.ID != asked.ID || r.State != "proposed" {
		t.Fatalf("the run ended as %s: %s %s\n%s", r.State, r.Stop, r.Error, s.logs())
	}
	pulls := s.hub.State().Pulls
	if len(pulls) != 1 || !strings.Contains(pulls[0].Body, "**Established**") || !strings.Contains(pulls[0].Body, "option B") {
		t.Fatalf("the pull requests are %+v", pulls)
	}
	branch := git(t, s.bare, "show", "--stat=200", "--patch", pulls[0].Commit)
	for _, want := range []string{"# Established by ", "720}", "price = DEPOSIT"} {
		if !strings.Contains(branch, want) {
			t.Errorf("what is published lacks %q\n%s", want, branch)
		}
	}
	ledger, err := s.db.Ledger(t.Context(), r.ID, 0)
	must(t, err)
	if _, err := postgres.VerifyLedger(r.ID, ledger); err != nil {
		t.Error(err)
	}
	decisions := 0
	for _, e := range ledger {
		if e.Kind == "decision" {
			decisions++
		}
	}
	if decisions != 1 {
		t.Errorf("the ledger has %d decisions", decisions)
	}
	artifacts, err := s.db.Artifacts(t.Context(), r.ID)
	must(t, err)
	if c := string(artifacts[pipeline.ArtifactDecisions]); strings.Count(c, `"by"`) != 1 {
		t.Errorf("the decisions are %s", c)
	}
}
