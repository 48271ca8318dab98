package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/repaird/repaird/internal/fault"
)

// ErrFenced means that another worker now holds the run, or that the run has
// ended.
var ErrFenced = fault.Errorf(fault.Denied, "the run's lease is lost")

// A Run is one row of runs. JSON columns are raw.
type Run struct {
	ID          string
	Incident    string
	Project     string
	Commit      string
	Rank        int
	State       string
	Stage       string
	Attempt     int
	Fence       int64
	Cancel      bool
	Ask         json.RawMessage
	Stop        json.RawMessage
	Error       string
	PullRequest json.RawMessage
	Created     time.Time
	Resumed     *time.Time // by a person's decision
	Updated     time.Time
	Finished    *time.Time
}

const runColumns = `id, incident_id, project, commit_sha, rank, state, stage, attempt, fence, cancel,
	ask, stop, coalesce(error, ''), pull_request, created_at, resumed_at, updated_at, finished_at`

// Run returns one run; fault.NotFound when there is none.
func (db *DB) Run(ctx context.Context, id string) (*Run, error) {
	return one[Run](ctx, db, `select `+runColumns+` from runs where id = $1`, id)
}

// Acquire takes the lease on a run for the stage, when nobody holds it, and
// returns the run with its new fencing token; nil if there is nothing to do:
// the run has ended, is at another stage, or is held by a live worker.
func (db *DB) Acquire(ctx context.Context, id, stage, owner string, ttl time.Duration) (*Run, error) {
	r, err := one[Run](ctx, db, `
		update runs set lease_owner = $3, lease_until = now() + $4, fence = fence + 1,
			attempt = attempt + 1, updated_at = now()
		where id = $1 and stage = $2 and finished_at is null
			and (lease_until is null or lease_until < now())
		returning `+runColumns, id, stage, owner, ttl)
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return r, err
}

// Extend renews a lease and reports whether the run is to be cancelled. It
// returns ErrFenced if the lease is lost.
func (db *DB) Extend(ctx context.Context, id string, fence int64, ttl time.Duration) (cancel bool, err error) {
	err = db.Pool.QueryRow(ctx, `update runs set lease_until = now() + $3
		where id = $1 and fence = $2 and finished_at is null returning cancel`, id, fence, ttl).Scan(&cancel)
	if err = Classify(err); fault.KindOf(err) == fault.NotFound {
		return false, ErrFenced
	}
	return cancel, err
}

// Release gives a lease back without a result, for a retry. counts says whether
// it counts as an attempt: an outage does not.
func (db *DB) Release(ctx context.Context, id string, fence int64, counts bool, reason string) error {
	_, err := db.Pool.Exec(ctx, `update runs set lease_owner = null, lease_until = null, error = $4, updated_at = now(),
			attempt = attempt - case when $3 then 0 else 1 end
		where id = $1 and fence = $2`, id, fence, counts, reason)
	return Classify(err)
}

// CheckFence locks the run's row in tx and returns ErrFenced unless fence is
// the newest token of an open run.
func CheckFence(ctx context.Context, tx pgx.Tx, id string, fence int64) error {
	var newest int64
	err := tx.QueryRow(ctx, `select fence from runs where id = $1 and finished_at is null for update`, id).Scan(&newest)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && newest != fence {
		return ErrFenced
	}
	return Classify(err)
}

// A Step is a run's change of state.
type Step struct {
	State       string
	Stage       string // next; "" ends the run
	Commit      string // where it became known
	Stop        any    // *fault.Stop
	Error       string
	PullRequest any
}

// Advance writes a step in tx, if fence is still the newest.
func Advance(ctx context.Context, tx pgx.Tx, id string, fence int64, s Step) error {
	stop, err := optionalJSON(s.Stop)
	if err != nil {
		return err
	}
	pr, err := optionalJSON(s.PullRequest)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `
		update runs set state = $3, stage = $4, attempt = 0, lease_owner = null, lease_until = null,
			commit_sha = case when $5 = '' then commit_sha else $5 end,
			stop = $6::text::jsonb, error = nullif($7, ''), pull_request = coalesce($8::text::jsonb, pull_request),
			updated_at = now(), finished_at = case when $4 = '' then now() end
		where id = $1 and fence = $2 and finished_at is null`,
		id, fence, s.State, s.Stage, s.Commit, stop, s.Error, pr)
	if err != nil {
		return Classify(err)
	}
	if tag.RowsAffected() == 0 {
		return ErrFenced
	}
	return nil
}

func optionalJSON(v any) (*string, error) {
	if v == nil {
		return nil, nil
	}
	b, err := json.Marshal(v)
	if err != nil || string(b) == "null" {
		return nil, err
	}
	s := withoutNUL(string(b))
	return &s, nil
}

// withoutNUL replaces the characters that jsonb cannot store.
func withoutNUL(json string) string { return strings.ReplaceAll(json, `\u0000`, `\ufffd`) }

// AskOf returns who has asked for the run so far; the row is locked.
func AskOf(ctx context.Context, tx pgx.Tx, id string) (ask json.RawMessage, err error) {
	err = tx.QueryRow(ctx, `select ask from runs where id = $1 for update`, id).Scan(&ask)
	return ask, Classify(err)
}

// FollowUp starts another run for the incident of an ended one in tx, if events
// that arrived since are better evidence.
func FollowUp(ctx context.Context, tx pgx.Tx, ended, id string) error {
	tag, err := tx.Exec(ctx, `
		insert into runs (id, incident_id, project, rank)
		select $2, r.incident_id, r.project, (select max(e.rank) from events e join event_keys on event_id = e.id where e.incident_id = r.incident_id)
		from runs r where r.id = $1 and r.finished_at is not null and r.state <> 'proposed' and exists (
			select from events e join event_keys on event_id = e.id where e.incident_id = r.incident_id and e.rank > r.rank)
		on conflict do nothing`, ended, id)
	if err != nil || tag.RowsAffected() == 0 {
		return Classify(err)
	}
	return Enqueue(ctx, tx, id)
}

// An Orphan is an open run that nobody works on.
type Orphan struct{ ID, Stage string }

// Orphans returns open runs whose lease has expired, and runs with neither a
// lease nor a waiting job.
func (db *DB) Orphans(ctx context.Context) ([]Orphan, error) {
	rows, err := db.Pool.Query(ctx, `
		select id, stage from runs where finished_at is null and stage <> '' and (
			lease_until < now()
			or lease_until is null and updated_at < now() - interval '2 seconds')
		and not exists (select from river_job where kind = 'stage'
			and state in ('available', 'scheduled', 'retryable', 'pending')
			and args->>'run' = runs.id and args->>'stage' = runs.stage)
		order by updated_at limit 500`)
	if err != nil {
		return nil, Classify(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Orphan])
	return out, Classify(err)
}

// Leases returns who holds leases, owner → run ids.
func (db *DB) Leases(ctx context.Context) (map[string][]string, error) {
	rows, err := db.Pool.Query(ctx, `select lease_owner, id from runs where lease_owner is not null and finished_at is null`)
	if err != nil {
		return nil, Classify(err)
	}
	out := map[string][]string{}
	var owner, id string
	_, err = pgx.ForEachRow(rows, []any{&owner, &id}, func() error {
		out[owner] = append(out[owner], id)
		return nil
	})
	return out, Classify(err)
}

// Expire ends the leases of an owner that is known to be dead.
func (db *DB) Expire(ctx context.Context, owner string) error {
	_, err := db.Pool.Exec(ctx, `update runs set lease_until = now() - interval '1 second' where lease_owner = $1 and finished_at is null`, owner)
	return Classify(err)
}

// Cancel asks a run to stop. It reports whether the run was still open.
func (db *DB) Cancel(ctx context.Context, id string) (bool, error) {
	tag, err := db.Pool.Exec(ctx, `update runs set cancel = true, updated_at = now() where id = $1 and finished_at is null`, id)
	return tag.RowsAffected() == 1, Classify(err)
}

// Reopen starts a new run for the incident of an ended one, with its sealed
// bundle where it has one. fault.NotFound when there is no such ended run,
// fault.Invalid while another run of the incident is open.
func (db *DB) Reopen(ctx context.Context, old, id string) error {
	return Classify(pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error { return reopen(ctx, tx, old, id, nil) }))
}

func reopen(ctx context.Context, tx pgx.Tx, old, id string, ask *string) error {
	tag, err := tx.Exec(ctx, `insert into runs (id, incident_id, project, asked_commit, commit_sha, rank, ask)
		select $2, incident_id, project, asked_commit, commit_sha, rank, coalesce($3::text::jsonb, ask)
		from runs where id = $1 and finished_at is not null`, old, id, ask)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.ConstraintName == "runs_one_open" {
		return fault.Errorf(fault.Invalid, "another run of this incident is open")
	}
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return fault.Errorf(fault.NotFound, "run %s does not exist or has not ended", old)
	}
	if _, err := tx.Exec(ctx, `insert into artifacts (run_id, name, content, sha256)
		select $2, name, content, sha256 from artifacts where run_id = $1 and name = 'bundle.json'`, old, id); err != nil {
		return err
	}
	return Enqueue(ctx, tx, id)
}

// A Resumption is how a decision lets a stopped run go on.
type Resumption struct {
	Stop     string // type of the stop that the decision answers
	Fence    int64  // of the run when the question was read: a later answer is another one's
	State    string
	Stage    string
	Artifact string // name of the one that holds the run's decisions
	Content  []byte
	Entry    any // of the ledger, of kind decision
}

// Resume lets a run that waits for a person's decision go on: decision, ledger
// and job in one transaction. fault.Invalid when the run does not wait for it,
// or while another run of the incident is open.
func (db *DB) Resume(ctx context.Context, id string, r Resumption) error {
	err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update runs set state = $4, stage = $5, attempt = 0, cancel = false, stop = null, error = null,
				finished_at = null, resumed_at = now(), updated_at = now()
			where id = $1 and fence = $2 and finished_at is not null and stop->>'type' = $3`, id, r.Fence, r.Stop, r.State, r.Stage)
		var pg *pgconn.PgError
		switch {
		case errors.As(err, &pg) && pg.ConstraintName == "runs_one_open":
			return fault.Errorf(fault.Invalid, "another run of this incident is open")
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return fault.Errorf(fault.Invalid, "run %s does not wait for an answer, or has just had one", id)
		}
		if err := PutArtifact(ctx, tx, id, r.Artifact, r.Content, sha256.Sum256(r.Content)); err != nil {
			return err
		}
		if err := AppendLedger(ctx, tx, id, "decision", r.Entry); err != nil {
			return err
		}
		return Enqueue(ctx, tx, id)
	})
	return Classify(err)
}

// Enqueue inserts the job of a run's next stage, as accept_delivery does.
func Enqueue(ctx context.Context, tx pgx.Tx, run string) error {
	_, err := tx.Exec(ctx, `insert into river_job (kind, args, queue, max_attempts, priority, state)
		select 'stage', jsonb_build_object('run', id, 'stage', stage), 'default', 25, 1, 'available' from runs where id = $1`, run)
	return Classify(err)
}

// RunsToday counts a project's runs of the last 24 hours.
func (db *DB) RunsToday(ctx context.Context, project string) (n int, err error) {
	err = db.Pool.QueryRow(ctx, `select count(*) from runs where project = $1
		and created_at > now() - interval '24 hours' and coalesce(stop->>'type', '') <> 'budget'`, project).Scan(&n)
	return n, Classify(err)
}

// RunByPullRequest finds the run that opened a pull request; fault.NotFound when none did.
func (db *DB) RunByPullRequest(ctx context.Context, repository string, number int) (*Run, error) {
	return one[Run](ctx, db, `select `+runColumns+` from runs
		where lower(pull_request->>'repository') = lower($1) and (pull_request->>'number')::int = $2
		order by created_at desc limit 1`, repository, number)
}

// Outcome records the outcome of a proposed pull request: merged or closed.
func (db *DB) Outcome(ctx context.Context, id, state string) error {
	_, err := db.Pool.Exec(ctx, `update runs set state = $2, updated_at = now() where id = $1 and state in ('proposed', 'closed', 'merged')`, id, state)
	return Classify(err)
}

func one[T any](ctx context.Context, db *DB, sql string, args ...any) (*T, error) {
	rows, err := db.Pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, Classify(err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[T])
	return v, Classify(err)
}
