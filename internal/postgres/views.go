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

// PutLocalPullRequest stores a pull request, or returns the one that has the key.
func (db *DB) PutLocalPullRequest(ctx context.Context, key, repository string, content []byte) (*PullRequestRow, error) {
	return one[PullRequestRow](ctx, db, `
		with made as (insert into local_pull_requests (key, repository, content) values ($1, $2, $3::text::jsonb)
			on conflict (key) do nothing returning *)
		select number::int, key, repository, content, created_at from made
		union all select number::int, key, repository, content, created_at from local_pull_requests where key = $1 limit 1`,
		key, repository, string(content))
}

// UpdateLocalPullRequest replaces a pull request's content.
func (db *DB) UpdateLocalPullRequest(ctx context.Context, number int, content []byte) error {
	_, err := db.Pool.Exec(ctx, `update local_pull_requests set content = $2::text::jsonb where number = $1`, number, string(content))
	return Classify(err)
}

// LocalPullRequest returns one by number, or by key when number is 0; fault.NotFound when there is none.
func (db *DB) LocalPullRequest(ctx context.Context, number int, key string) (*PullRequestRow, error) {
	return one[PullRequestRow](ctx, db, `select number::int, key, repository, content, created_at
		from local_pull_requests where number = $1 or key = $2`, number, key)
}
