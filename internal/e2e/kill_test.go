package e2e

import (
	"testing"
	"time"

	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
)

// Each test drives one incident to its end through daemons that kill themselves
// (kill -9) at one point after another. However it dies, the incident ends in
// one terminal state with one pull request, and its ledger is whole.

func TestKilledAtEveryStage(t *testing.T) {
	t.Parallel()
	points := []string{"accept.before", "accept.after"}
	for _, s := range pipeline.Stages {
		points = append(points, "stage."+s.Name+".begin", "stage."+s.Name+".before", "stage."+s.Name+".after")
	}
	survive(t, "bwrap", points)
}

func TestKilledBeforeEveryAct(t *testing.T) {
	t.Parallel()
	survive(t, "bwrap", actPoints("before"))
}

func TestKilledAfterEveryAct(t *testing.T) {
	t.Parallel()
	survive(t, "docker", actPoints("after"))
}

func actPoints(when string) (points []string) {
	for _, act := range []string{"branch", "commit", "pull_request", "check", "label"} {
		points = append(points, "act."+act+"."+when)
	}
	return points
}

func survive(t *testing.T, backend string, points []string) {
	s := newSite(t, "tariff", backend)
	delivered := false
	var slowest time.Duration
	for _, point := range points {
		before := int64(0)
		if r := s.run(); r != nil {
			before = r.Fence
		}
		began := time.Now()
		d := s.start(point)
		if !delivered {
			// The SDK of a caller that got no answer sends again; one that got 200 does not.
			status, answer := s.sendEnvelope()
			delivered = status == 200
			if !delivered && status != 0 {
				t.Fatalf("%s: the envelope got %d %s", point, status, answer)
			}
		}
		if before > 0 {
			s.wait("work to go on after "+point, 30*time.Second, func() bool { return s.run().Fence > before || s.run().Finished != nil })
			slowest = max(slowest, time.Since(began))
		}
		d.died(3 * time.Minute)
		if point == "accept.after" {
			if s.run() == nil {
				t.Fatal("a committed delivery was lost")
			}
			// The client got no answer and sends again: a duplicate.
			delivered = false
		}
	}
	d := s.start("")
	if !delivered {
		if status, answer := s.sendEnvelope(); status != 200 {
			t.Fatalf("the envelope got %d %s", status, answer)
		}
	}
	r := s.answered(3 * time.Minute)
	d.stop()
	if r.State != "proposed" {
		t.Errorf("the run ended as %s: %s %s\n%s", r.State, r.Stop, r.Error, s.logs())
	}
	incidents, err := s.db.Incidents(t.Context(), 10)
	must(t, err)
	if len(incidents) != 1 || incidents[0].Count != 1 {
		t.Errorf("got incidents %+v, want one event", incidents)
	}
	runs, err := s.db.Runs(t.Context(), r.Incident)
	must(t, err)
	if len(runs) != 1 {
		t.Errorf("got %d runs, want one", len(runs))
	}
	if pulls := s.hub.State().Pulls; len(pulls) != 1 {
		t.Errorf("got %d pull requests, want one: %+v", len(pulls), pulls)
	}
	ledger, err := s.db.Ledger(t.Context(), r.ID, 0)
	must(t, err)
	if _, err := postgres.VerifyLedger(r.ID, ledger); err != nil {
		t.Error(err)
	}
	t.Logf("%d kills; work went on within %s at the latest", len(points), slowest.Round(100*time.Millisecond))
}
