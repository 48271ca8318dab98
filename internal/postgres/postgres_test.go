package postgres_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/postgres/pgtest"
)

var ctx = context.Background()

func event(fp string, rank int, key string) postgres.EventRow {
	id := fmt.Sprint(time.Now().UnixNano())
	return postgres.EventRow{
		Key: key, Fingerprint: fp, Incident: "inc-" + fp, Title: "KeyError in f", Rank: rank,
		Commit: "c0ffee", Time: time.Now(), Run: "run-" + id, Body: []byte("sealed"), Wrapped: []byte("key"),
	}
}

func accept(t *testing.T, db *postgres.DB, keys []string, events ...postgres.EventRow) *postgres.Accepted {
	t.Helper()
	a, err := db.Accept(ctx, "shop", "sentry", keys, events, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAcceptDecidesOnceForEachDelivery(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)

	first := accept(t, db, []string{"id:1", "sha:a"}, event("f1", 2, ""))
	if first.Duplicate || len(first.Runs) != 1 {
		t.Fatalf("first delivery: got %+v, want one run", first)
	}
	if again := accept(t, db, []string{"id:1", "sha:a"}, event("f1", 2, "")); !again.Duplicate {
		t.Errorf("same delivery again: got %+v, want a duplicate", again)
	}
	if changed := accept(t, db, []string{"id:2", "sha:a"}, event("f1", 2, "")); !changed.Duplicate {
		t.Errorf("same body under another id: got %+v, want a duplicate", changed)
	}
	more := accept(t, db, []string{"id:3", "sha:b"}, event("f1", 2, ""))
	if more.Duplicate || len(more.Runs) != 0 || more.Incidents[0] != first.Incidents[0] {
		t.Errorf("another event of the incident: got %+v, want the same incident and no second run", more)
	}
	inc, err := db.Incident(ctx, first.Incidents[0])
	if err != nil || inc.Count != 2 {
		t.Errorf("count: got %+v, %v, want 2", inc, err)
	}
	otlp := accept(t, db, []string{"sha:c"}, event("f2", 1, "otlp:t:s:1"), event("f2", 1, "otlp:t:s:1"))
	if len(otlp.Incidents) != 1 {
		t.Errorf("one record twice in a delivery: got %+v, want one event", otlp)
	}
}

func TestBetterEvidenceStartsAnotherRunAndWorseDoesNot(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	poor := accept(t, db, []string{"sha:1"}, event("f", 1, ""))
	finish(t, db, poor.Runs[0])
	if same := accept(t, db, []string{"sha:2"}, event("f", 1, "")); len(same.Runs) != 0 {
		t.Errorf("equal evidence: got a run %v, want none", same.Runs)
	}
	if rich := accept(t, db, []string{"sha:3"}, event("f", 2, "")); len(rich.Runs) != 1 {
		t.Errorf("evidence with locals after a run without: got %v, want a run", rich.Runs)
	}
}

func TestARunIsNotRepeatedForWhatWasTried(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	end := func(run string, step postgres.Step) {
		t.Helper()
		r, err := db.Acquire(ctx, run, "assemble", "me", time.Minute)
		if err != nil || r == nil {
			t.Fatalf("acquire: %v, %v", r, err)
		}
		inTx(t, db, func(tx pgx.Tx) error { return postgres.Advance(ctx, tx, run, r.Fence, step) })
	}
	deliver := func(n int, commit string) []string {
		t.Helper()
		e := event("f", 2, "")
		e.Commit = commit
		return accept(t, db, []string{fmt.Sprint("sha:", n)}, e).Runs
	}
	// The event names a tag; assembling finds the commit.
	run := deliver(1, "")
	end(run[0], postgres.Step{State: "stopped", Commit: strings.Repeat("a", 40), Stop: &fault.Stop{Type: fault.NoPatch}})
	if again := deliver(2, ""); len(again) != 0 {
		t.Errorf("the same release again: got runs %v, want none", again)
	}
	run = deliver(3, "b0b")
	if len(run) != 1 {
		t.Fatal("another commit is worth a run")
	}
	end(run[0], postgres.Step{State: "stopped", Stop: &fault.Stop{Type: fault.OverBudget}})
	if run = deliver(4, "b0b"); len(run) != 1 {
		t.Fatal("a run that the budget stopped does not count as a try")
	}
	end(run[0], postgres.Step{State: "proposed"})
	if again := deliver(5, "c0c"); len(again) != 0 {
		t.Errorf("while a pull request waits: got runs %v, want none", again)
	}
}

func TestEvidenceThatCameTooLateGetsARunOfItsOwn(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	first := accept(t, db, []string{"sha:1"}, event("f", 1, ""))
	if late := accept(t, db, []string{"sha:2"}, event("f", 2, "")); len(late.Runs) != 0 {
		t.Fatalf("while a run is open: got %v", late.Runs)
	}
	finish(t, db, first.Runs[0])
	inTx(t, db, func(tx pgx.Tx) error { return postgres.FollowUp(ctx, tx, first.Runs[0], "run-follow") })
	if r, err := db.Run(ctx, "run-follow"); err != nil || r.Rank != 2 || r.Finished != nil {
		t.Errorf("got %+v, %v, want an open run with the better evidence", r, err)
	}
}

func finish(t *testing.T, db *postgres.DB, run string) {
	t.Helper()
	r, err := db.Acquire(ctx, run, "assemble", "me", time.Minute)
	if err != nil || r == nil {
		t.Fatalf("acquire: %v, %v", r, err)
	}
	inTx(t, db, func(tx pgx.Tx) error {
		return postgres.Advance(ctx, tx, run, r.Fence, postgres.Step{State: "stopped", Stop: &fault.Stop{Type: fault.NeedsLocals}})
	})
}

func inTx(t *testing.T, db *postgres.DB, f func(pgx.Tx) error) {
	t.Helper()
	if err := pgx.BeginFunc(ctx, db.Pool, f); err != nil {
		t.Fatal(err)
	}
}

func TestConcurrentDeliveriesOfOneIncidentStartOneRun(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	runs := 0
	for i := range 20 {
		wg.Go(func() {
			a, err := db.Accept(ctx, "shop", "sentry", []string{fmt.Sprint("sha:", i)}, []postgres.EventRow{event("f", 2, "")}, nil)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			runs += len(a.Runs)
			mu.Unlock()
		})
	}
	wg.Wait()
	inc, err := db.Incident(ctx, "inc-f")
	if err != nil || runs != 1 || inc.Count != 20 {
		t.Errorf("got %d runs and incident %+v, %v; want one run, count 20", runs, inc, err)
	}
}

func TestForgottenEventsCannotBeRead(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := accept(t, db, []string{"sha:1"}, event("f", 2, ""))
	if ev, err := db.Events(ctx, a.Incidents[0]); err != nil || len(ev) != 1 || string(ev[0].Body) != "sealed" {
		t.Fatalf("before: got %v, %v", ev, err)
	}
	inTx(t, db, func(tx pgx.Tx) error { return postgres.ForgetEvents(ctx, tx, a.Incidents[0], 1<<62) })
	if ev, err := db.Events(ctx, a.Incidents[0]); err != nil || len(ev) != 0 {
		t.Errorf("after: got %v, %v, want none", ev, err)
	}
	var left int
	if err := db.Pool.QueryRow(ctx, `select count(*) from events where length(body) > 0`).Scan(&left); err != nil || left != 0 {
		t.Errorf("bodies left: %d, %v", left, err)
	}
}

func TestOnlyTheNewestLeaseMayWrite(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	run := accept(t, db, []string{"sha:1"}, event("f", 2, "")).Runs[0]
	old, err := db.Acquire(ctx, run, "assemble", "a", -time.Second) // expires at once
	if err != nil || old == nil {
		t.Fatal(old, err)
	}
	held, err := db.Acquire(ctx, run, "assemble", "b", time.Minute)
	if err != nil || held == nil || held.Fence <= old.Fence {
		t.Fatalf("second lease: got %+v, %v", held, err)
	}
	if none, err := db.Acquire(ctx, run, "assemble", "c", time.Minute); none != nil || err != nil {
		t.Errorf("third while the second lives: got %+v, %v, want none", none, err)
	}
	if _, err := db.Extend(ctx, run, old.Fence, time.Minute); !errors.Is(err, postgres.ErrFenced) {
		t.Errorf("extend by the old holder: got %v, want ErrFenced", err)
	}
	err = pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		return postgres.Advance(ctx, tx, run, old.Fence, postgres.Step{State: "assembled", Stage: "reproduce"})
	})
	if !errors.Is(err, postgres.ErrFenced) {
		t.Errorf("write by the old holder: got %v, want ErrFenced", err)
	}
	if ok, err := db.Cancel(ctx, run); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if cancel, err := db.Extend(ctx, run, held.Fence, time.Minute); !cancel || err != nil {
		t.Errorf("cancel flag: got %v, %v", cancel, err)
	}
}

func TestOrphansAreRunsThatNobodyWorksOn(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	run := accept(t, db, []string{"sha:1"}, event("f", 2, "")).Runs[0]
	orphans := func() int {
		t.Helper()
		o, err := db.Orphans(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return len(o)
	}
	if n := orphans(); n != 0 {
		t.Errorf("with a waiting job: got %d orphans, want none", n)
	}
	if _, err := db.Acquire(ctx, run, "assemble", "dead", -time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Pool.Exec(ctx, `update river_job set state = 'running'`); err != nil {
		t.Fatal(err)
	}
	if n := orphans(); n != 1 {
		t.Errorf("with an expired lease and a job that was being worked: got %d orphans, want one", n)
	}
}

func TestLedgerShowsEveryChange(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	run := accept(t, db, []string{"sha:1"}, event("f", 2, "")).Runs[0]
	for i := range 5 {
		inTx(t, db, func(tx pgx.Tx) error {
			return postgres.AppendLedger(ctx, tx, run, "stage", map[string]any{"n": i, "b": "x<y", "a": 1.5})
		})
	}
	good, err := db.Ledger(ctx, run, 0)
	if err != nil || len(good) != 5 {
		t.Fatal(good, err)
	}
	if _, err := postgres.VerifyLedger(run, good); err != nil {
		t.Fatalf("untouched: %v", err)
	}
	for name, spoil := range map[string]func([]postgres.Entry) []postgres.Entry{
		"a changed value":  func(e []postgres.Entry) []postgres.Entry { e[2].Data = json.RawMessage(`{"n":9}`); return e },
		"a changed kind":   func(e []postgres.Entry) []postgres.Entry { e[2].Kind = "act"; return e },
		"a changed time":   func(e []postgres.Entry) []postgres.Entry { e[2].At = e[2].At.Add(time.Second); return e },
		"a removed line":   func(e []postgres.Entry) []postgres.Entry { return append(e[:2], e[3:]...) },
		"two swapped":      func(e []postgres.Entry) []postgres.Entry { e[1], e[2] = e[2], e[1]; return e },
		"a renumbered one": func(e []postgres.Entry) []postgres.Entry { e[4].Seq = 7; return e },
	} {
		bad := append([]postgres.Entry(nil), good...)
		if _, err := postgres.VerifyLedger(run, spoil(bad)); err == nil {
			t.Errorf("%s was not seen", name)
		}
	}
	if _, err := postgres.VerifyLedger("another run", good); err == nil {
		t.Error("a ledger moved to another run was not seen")
	}
}

func TestArtifactsComeBackAsStored(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	run := accept(t, db, []string{"sha:1"}, event("f", 2, "")).Runs[0]
	for _, content := range []string{"first", "second"} { // the second replaces the first
		inTx(t, db, func(tx pgx.Tx) error {
			return postgres.PutArtifact(ctx, tx, run, "card.md", []byte(content), sha256.Sum256([]byte(content)))
		})
	}
	if got, err := db.Artifact(ctx, run, "card.md"); err != nil || string(got) != "second" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := db.Artifact(ctx, run, "none"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("missing artifact: got %v, want NotFound", err)
	}
	if _, err := db.Pool.Exec(ctx, `update artifacts set sha256 = '\x00'`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Artifacts(ctx, run); err == nil {
		t.Error("a changed artifact was read without complaint")
	}
}

func TestMigrateIsSafeToRunAtOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := postgres.Open(ctx, url, time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			if err := db.Migrate(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestADeadServerIsRetryable(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(ctx, "host=/nonexistent user=x password=hunter2", 0)
	if fault.KindOf(err) != fault.Retryable {
		t.Errorf("got %v, want a retryable error", err)
	}
}

func TestAPrivateServerSurvivesACrash(t *testing.T) {
	t.Parallel()
	pgtest.URL(t) // skip or fail where no server is installed
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // the server's account must get there
		t.Fatal(err)
	}
	p, err := postgres.StartPrivate(ctx, dir, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill(ctx) })
	db, err := postgres.Open(ctx, p.URL("postgres"), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	run := accept(t, db, []string{"sha:1"}, event("f", 2, "")).Runs[0]
	if err := p.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Run(ctx, run); fault.KindOf(err) != fault.Retryable {
		t.Errorf("while the server is away: got %v, want a retryable error", err)
	}
	if p, err = postgres.StartPrivate(ctx, p.Dir, true); err != nil {
		t.Fatal(err)
	}
	again, err := postgres.Open(ctx, p.URL("postgres"), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.Run(ctx, run); err != nil {
		t.Errorf("an accepted delivery was lost: %v", err)
	}
}
