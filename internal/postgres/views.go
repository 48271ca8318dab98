package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
)

// An IncidentRow is one incident with its newest run, for lists.
type IncidentRow struct {
	ID        string
	Project   string
	Title     string
	FirstSeen time.Time
	LastSeen  time.Time
	Count     int64
	RunID     *string
	RunState  *string
	Stop      json.RawMessage
	PR        json.RawMessage
}

const incidentSQL = `
	select i.id, i.project, i.title, i.first_seen, i.last_seen, i.count, r.id, r.state, r.stop, r.pull_request
	from incidents i left join lateral (
		select * from runs where incident_id = i.id order by created_at desc limit 1) r on true`

// Incidents returns the newest incidents, at most limit.
func (db *DB) Incidents(ctx context.Context, limit int) ([]IncidentRow, error) {
	rows, err := db.Pool.Query(ctx, incidentSQL+` order by i.last_seen desc limit $1`, limit)
	if err != nil {
		return nil, Classify(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[IncidentRow])
	return out, Classify(err)
}

// Incident returns one incident; fault.NotFound when there is none.
func (db *DB) Incident(ctx context.Context, id string) (*IncidentRow, error) {
	return one[IncidentRow](ctx, db, incidentSQL+` where i.id = $1`, id)
}

// Runs returns an incident's runs, newest first.
func (db *DB) Runs(ctx context.Context, incident string) ([]Run, error) {
	rows, err := db.Pool.Query(ctx, `select `+runColumns+` from runs where incident_id = $1 order by created_at desc`, incident)
	if err != nil {
		return nil, Classify(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Run])
	return out, Classify(err)
}

// A PullRequestRow is a pull request of the local forge.
type PullRequestRow struct {
	Number     int
	Key        string
	Repository string
	Content    json.RawMessage
	Created    time.Time
}

// PutLocalPullRequest stores a pull request under the next number, or returns
// the one that the repository has under the key.
func (db *DB) PutLocalPullRequest(ctx context.Context, repository, key string, content []byte) (row *PullRequestRow, made bool, err error) {
	tag, err := db.Pool.Exec(ctx, `insert into local_pull_requests (key, repository, content) values ($1, $2, $3::text::jsonb)
		on conflict (repository, key) do nothing`, key, repository, string(content))
	if err != nil {
		return nil, false, Classify(err)
	}
	row, err = db.LocalPullRequestByKey(ctx, repository, key)
	return row, tag.RowsAffected() == 1, err
}

// MergeLocalPullRequest sets top-level fields of a pull request's content.
func (db *DB) MergeLocalPullRequest(ctx context.Context, repository, key string, fields []byte) error {
	_, err := db.Pool.Exec(ctx, `update local_pull_requests set content = content || $3::text::jsonb
		where repository = $1 and key = $2`, repository, key, string(fields))
	return Classify(err)
}

const pullColumns = `number::int, key, repository, content, created_at`

// LocalPullRequest returns one by number; fault.NotFound when there is none.
func (db *DB) LocalPullRequest(ctx context.Context, number int) (*PullRequestRow, error) {
	return one[PullRequestRow](ctx, db, `select `+pullColumns+` from local_pull_requests where number = $1`, number)
}

// LocalPullRequestByKey returns one by key; fault.NotFound when there is none.
func (db *DB) LocalPullRequestByKey(ctx context.Context, repository, key string) (*PullRequestRow, error) {
	return one[PullRequestRow](ctx, db, `select `+pullColumns+` from local_pull_requests where repository = $1 and key = $2`, repository, key)
}

// AddLocalComment stores a comment once per repository, issue and key.
func (db *DB) AddLocalComment(ctx context.Context, repository string, issue int, key string, content []byte) error {
	_, err := db.Pool.Exec(ctx, `insert into local_comments values ($1, $2, $3, $4::text::jsonb) on conflict do nothing`,
		repository, issue, key, string(content))
	return Classify(err)
}
