package orchestrator_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/intake"
	"github.com/repaird/repaird/internal/orchestrator"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/postgres/pgtest"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/secret"
)

var ctx = context.Background()

// fakeStages answers each stage by the function of its name; others succeed.
type fakeStages struct {
	mu   sync.Mutex
	do   map[string]func(context.Context, *pipeline.Case) error
	seen []string
}

func (f *fakeStages) Do(ctx context.Context, stage string, c *pipeline.Case) ([]pipeline.Artifact, error) {
	f.mu.Lock()
	f.seen = append(f.seen, stage)
	do := f.do[stage]
	f.mu.Unlock()
	if do == nil {
		return nil, nil
	}
	return nil, do(ctx, c)
}

func (f *fakeStages) count(stage string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.seen {
		if s == stage {
			n++
		}
	}
	return n
}

type stageFuncs = map[string]func(context.Context, *pipeline.Case) error

func start(t *testing.T, db *postgres.DB, do stageFuncs, change ...func(*orchestrator.Options)) (*orchestrator.Orchestrator, *fakeStages) {
	t.Helper()
	box, err := secret.NewBox(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeStages{do: do}
	r := redact.New(make([]byte, 32))
	o := orchestrator.Options{
		DB: db, Box: box, Stages: f, Lease: 2 * time.Second, RetryBase: time.Millisecond,
		Project: func(name string) (pipeline.Project, bool) {
			return pipeline.Project{Name: name, Repository: "acme/shop"}, name == "shop"
		},
		Clean:  func(_, text string) redact.Clean { return r.Text(text, nil) },
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	for _, c := range change {
		c(&o)
	}
	orc, err := orchestrator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := orc.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_ = orc.Stop(c)
	})
	return orc, f
}

func delivery(n int) intake.Delivery {
	return intake.Delivery{
		Project: "shop", Source: incident.SourceSentry, ID: fmt.Sprint(n), Digest: sha256.Sum256([]byte{byte(n)}),
		Events: []incident.Event{{ID: fmt.Sprint(n), Exceptions: []incident.Exception{{
			Type: "KeyError", Message: "'a'", Frames: []incident.Frame{{
				File: "shop.py", Function: "price", Line: 3, InApp: true,
				Locals: []incident.Variable{{Name: "x", Value: incident.Value{Kind: incident.KindRepr, Repr: "1"}}},
			}},
		}}}},
	}
}

func accept(t *testing.T, o *orchestrator.Orchestrator, d intake.Delivery) string {
	t.Helper()
	a, err := o.Accept(ctx, d)
	if err != nil || len(a.Runs) != 1 {
		t.Fatalf("accept: %+v, %v", a, err)
	}
	return a.Runs[0]
}

// until polls the run's row: its end is a commit of another process in principle.
func until(t *testing.T, db *postgres.DB, run string, ok func(*postgres.Run) bool) *postgres.Run {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		r, err := db.Run(ctx, run)
		if err != nil {
			t.Fatal(err)
		}
		if ok(r) {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("run did not get there: %+v", r)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func ended(r *postgres.Run) bool { return r.Finished != nil }

func TestADeliveryGoesThroughEveryStageToAProposal(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var got incident.Event
	orc, f := start(t, db, stageFuncs{
		"assemble": func(_ context.Context, c *pipeline.Case) error { got = c.Events[0]; return nil },
		"propose": func(_ context.Context, c *pipeline.Case) error {
			c.PullRequest = &forge.PullRequest{Number: 7, URL: "http://forge/7", State: "open"}
			return nil
		},
	})
	run := accept(t, orc, delivery(1))
	r := until(t, db, run, ended)
	if r.State != "proposed" || len(f.seen) != len(pipeline.Stages) {
		t.Errorf("got state %s after %v", r.State, f.seen)
	}
	if got.Raised() == nil || got.Raised().Message != "'a'" || got.Project != "shop" {
		t.Errorf("the stage saw another event: %+v", got)
	}
	entries, err := db.Ledger(ctx, run, 0)
	if err != nil || len(entries) != len(pipeline.Stages) {
		t.Errorf("ledger: got %d lines, %v", len(entries), err)
	}
	if _, err := postgres.VerifyLedger(run, entries); err != nil {
		t.Error(err)
	}
	if err := orc.PullRequestClosed(ctx, "acme/shop", 7, true); err != nil {
		t.Fatal(err)
	}
	if r, _ := db.Run(ctx, run); r.State != "merged" {
		t.Errorf("after the merge: got %s", r.State)
	}
}

func TestTheEndOfARun(t *testing.T) {
	t.Parallel()
	stop := &fault.Stop{Type: fault.Flaky, Detail: "3 of 5", Help: "fix the clock"}
	tries := 0
	for name, c := range map[string]struct {
		reproduce func(context.Context, *pipeline.Case) error
		state     string
		tries     int
	}{
		"a typed stop ends it":                {func(context.Context, *pipeline.Case) error { return stop }, "stopped", 1},
		"an outage is waited for":             {func(context.Context, *pipeline.Case) error { tries++; return outageUntil(tries, 9) }, "proposed", 9},
		"a defect is tried again, then fails": {func(context.Context, *pipeline.Case) error { return errors.New("nil map") }, "failed", 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			orc, f := start(t, db, stageFuncs{"reproduce": c.reproduce})
			r := until(t, db, accept(t, orc, delivery(1)), ended)
			if r.State != c.state || f.count("reproduce") != c.tries {
				t.Errorf("got state %s after %d tries, want %s after %d", r.State, f.count("reproduce"), c.state, c.tries)
			}
		})
	}
}

func outageUntil(try, last int) error {
	if try < last {
		return fault.Errorf(fault.Retryable, "engine away")
	}
	return nil
}

func TestAPersonCancelsARunningStage(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	orc, _ := start(t, db, stageFuncs{"repair": func(ctx context.Context, _ *pipeline.Case) error { <-ctx.Done(); return ctx.Err() }})
	run := accept(t, orc, delivery(1))
	until(t, db, run, func(r *postgres.Run) bool { return r.Stage == "repair" && r.Attempt == 1 })
	if ok, err := db.Cancel(ctx, run); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if r := until(t, db, run, ended); r.State != "stopped" || string(r.Stop) == "" {
		t.Errorf("got %+v", r)
	}
}

func TestAWorkerThatLostItsLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	release, actErr := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	slow := func(_ context.Context, c *pipeline.Case) error {
		first := false
		once.Do(func() { first = true })
		if !first {
			return nil
		}
		<-release // deaf to its context, as a worker in a long pause is
		actErr <- c.Acts.Before(ctx, "pull_request")
		return &fault.Stop{Type: fault.NoPatch, Detail: "written by the dead"}
	}
	orc, _ := start(t, db, stageFuncs{"propose": slow})
	run := accept(t, orc, delivery(1))
	until(t, db, run, func(r *postgres.Run) bool { return r.Stage == "propose" && r.Attempt == 1 })
	// Another daemon takes over, as if the first had died. The first goes on
	// extending its lease until it sees the new token.
	if _, err := db.Pool.Exec(ctx, `update runs set lease_until = now() - interval '1 minute', fence = fence + 1, lease_owner = 'dead'`); err != nil {
		t.Fatal(err)
	}
	start(t, db, stageFuncs{"propose": slow})
	r := until(t, db, run, ended)
	close(release)
	if err := <-actErr; !errors.Is(err, postgres.ErrFenced) {
		t.Errorf("an outward act of the old worker: got %v, want ErrFenced", err)
	}
	if again, _ := db.Run(ctx, run); r.State != "proposed" || again.State != "proposed" || len(again.Stop) != 0 {
		t.Errorf("got %s, then %s with stop %s", r.State, again.State, again.Stop)
	}
}

func TestAProjectThatLeftTheConfigurationStopsItsRuns(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	orc, _ := start(t, db, nil)
	d := delivery(1)
	d.Project = "gone"
	if r := until(t, db, accept(t, orc, d), ended); r.State != "stopped" {
		t.Errorf("got %s", r.State)
	}
}

func TestTheDailyLimitStopsRuns(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	orc, _ := start(t, db, nil, func(o *orchestrator.Options) { o.RunsPerDay = 1 })
	until(t, db, accept(t, orc, delivery(1)), ended)
	second := delivery(2)
	second.Events[0].Exceptions[0].Type = "ValueError"
	if r := until(t, db, accept(t, orc, second), ended); r.State != "stopped" {
		t.Errorf("got %s, want stopped by the budget", r.State)
	}
}

// commentForge keeps comments; it publishes nothing.
type commentForge struct {
	forge.Forge
	mu       sync.Mutex
	comments []string
}

func (f *commentForge) Comment(_ context.Context, repository string, issue int, _ string, text redact.Clean) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.comments = append(f.comments, fmt.Sprintf("%s#%d %s", repository, issue, text))
	return nil
}

func TestAPersonWhoAsksForARepairIsTold(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	f := &commentForge{}
	orc, stages := start(t, db, stageFuncs{
		"reproduce": func(context.Context, *pipeline.Case) error {
			return &fault.Stop{Type: fault.Flaky, Detail: "3 of 5", Help: "fix the clock"}
		},
	}, func(o *orchestrator.Options) {
		o.Project = func(name string) (pipeline.Project, bool) {
			return pipeline.Project{Name: name, Repository: "acme/shop", Forge: f, RedactKey: make([]byte, 32)}, true
		}
	})
	first := until(t, db, accept(t, orc, delivery(1)), ended)
	if len(f.comments) != 0 {
		t.Fatalf("nobody asked, and got %v", f.comments)
	}
	ask := intake.Delivery{
		Project: "shop", Source: incident.SourceGitHub, ID: "guid", Digest: sha256.Sum256([]byte("ask")),
		Ask: &intake.Ask{Repository: "acme/shop", Issue: 9, User: "ana", Incident: first.Incident},
	}
	again := until(t, db, accept(t, orc, ask), ended)
	if again.State != "stopped" || len(f.comments) != 1 || !strings.HasPrefix(f.comments[0], "acme/shop#9") ||
		!strings.Contains(f.comments[0], "flaky") || !strings.Contains(f.comments[0], "fix the clock") {
		t.Errorf("got state %s and comments %v", again.State, f.comments)
	}
	if a, err := orc.Accept(ctx, ask); err != nil || !a.Duplicate {
		t.Errorf("the same delivery again: got %+v, %v, want a duplicate", a, err)
	}
	if n := stages.count("reproduce"); n != 2 {
		t.Errorf("reproduced %d times, want twice", n)
	}
	ask.ID, ask.Digest, ask.Ask.Incident = "guid2", sha256.Sum256([]byte("other")), "inc-unknown"
	if _, err := orc.Accept(ctx, ask); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an unknown incident: got %v, want NotFound", err)
	}
}
