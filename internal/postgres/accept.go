package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
)

// An EventRow is one event of a delivery, ready to be stored.
type EventRow struct {
	Key         string    `json:"key"` // deduplication key of this event, "" none
	Fingerprint string    `json:"fingerprint"`
	Incident    string    `json:"incident"` // id for a new incident
	Title       string    `json:"title"`    // identifiers only
	Rank        int       `json:"rank"`     // 0 no frames, 1 frames, 2 frames with locals, 3 described by the recorder
	Commit      string    `json:"commit"`
	Time        time.Time `json:"time"`
	Run         string    `json:"run"` // id for a new run
	Body        []byte    `json:"-"`   // encrypted
	Wrapped     []byte    `json:"-"`   // its wrapped key
}

// Accepted is the outcome of a delivery.
type Accepted struct {
	Duplicate bool     `json:"duplicate"`
	Incidents []string `json:"incidents"`
	Runs      []string `json:"runs"`
}

// Accept stores one delivery in one transaction and one round trip. keys are
// the delivery's own deduplication keys, ask is JSON or nil.
func (db *DB) Accept(ctx context.Context, project, source string, keys []string, events []EventRow, ask any) (*Accepted, error) {
	meta, err := json.Marshal(events)
	if err != nil {
		return nil, err
	}
	var askJSON *string
	if ask != nil {
		b, err := json.Marshal(ask)
		if err != nil {
			return nil, err
		}
		s := string(b)
		askJSON = &s
	}
	bodies, wrapped := make([][]byte, len(events)), make([][]byte, len(events))
	for i, e := range events {
		bodies[i], wrapped[i] = e.Body, e.Wrapped
	}
	var answer []byte
	err = db.Pool.QueryRow(ctx, `select accept_delivery($1, $2, $3, $4::text::jsonb, $5, $6, $7::text::jsonb)`,
		project, source, keys, string(meta), bodies, wrapped, askJSON).Scan(&answer)
	if err != nil {
		return nil, Classify(err)
	}
	var a Accepted
	return &a, json.Unmarshal(answer, &a)
}

// Ask stores a person's request to repair an incident: an open run learns where
// to answer; if the newest run has ended, a new one is started as run. An
// unknown incident is fault.NotFound.
func (db *DB) Ask(ctx context.Context, project, source string, keys []string, incident string, ask any, run string) (a *Accepted, err error) {
	askJSON, err := optionalJSON(ask)
	if err != nil {
		return nil, err
	}
	a = &Accepted{Incidents: []string{incident}}
	err = pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `insert into delivery_keys (project, source, key)
			select $1, $2, k from unnest($3::text[]) as k on conflict do nothing`, project, source, keys)
		if err != nil {
			return err
		}
		if int(tag.RowsAffected()) < len(keys) {
			a.Duplicate = true
			return nil
		}
		var old string
		var ended bool
		err = tx.QueryRow(ctx, `select id, finished_at is not null from runs where incident_id = $1 and project = $2
			order by created_at desc limit 1 for update`, incident, project).Scan(&old, &ended)
		if err != nil {
			return err
		}
		if !ended {
			_, err = tx.Exec(ctx, `update runs set ask = $2::text::jsonb where id = $1`, old, askJSON)
			return err
		}
		a.Runs = []string{run}
		return reopen(ctx, tx, old, run, askJSON)
	})
	return a, Classify(err)
}

// A StoredEvent is an event with its key, as long as the key exists.
type StoredEvent struct {
	ID         int64
	Source     string
	Rank       int
	ReceivedAt time.Time
	Body       []byte
	Wrapped    []byte
}

// Events returns the incident's events that can still be read, the best
// evidence first and the oldest first within equal rank.
func (db *DB) Events(ctx context.Context, incident string) ([]StoredEvent, error) {
	rows, err := db.Pool.Query(ctx, `
		select id, source, rank, received_at, body, wrapped
		from events join event_keys on event_id = id
		where incident_id = $1 order by rank desc, id`, incident)
	if err != nil {
		return nil, Classify(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[StoredEvent])
	return out, Classify(err)
}

// ForgetEvents destroys the keys of the incident's events up to id last and
// empties their bodies: they can no longer be read, and the row records only
// that they existed. Later ones belong to another run.
func ForgetEvents(ctx context.Context, tx pgx.Tx, incident string, last int64) error {
	_, err := tx.Exec(ctx, `
		with gone as (delete from event_keys using events
			where event_id = events.id and incident_id = $1 and events.id <= $2 returning event_id)
		update events set body = ''::bytea from gone where id = gone.event_id`, incident, last)
	return Classify(err)
}

// ForgetOldEvents does the same for events received before t whose incident has
// no open run, and removes delivery keys older than keep. It returns how many
// events were forgotten.
func (db *DB) ForgetOldEvents(ctx context.Context, t time.Time, keep time.Duration) (int64, error) {
	tag, err := db.Pool.Exec(ctx, `
		with gone as (delete from event_keys using events
			where event_id = events.id and received_at < $1
			and not exists (select from runs where runs.incident_id = events.incident_id
				and finished_at is null and state = 'accepted')
			returning event_id)
		update events set body = ''::bytea from gone where id = gone.event_id`, t)
	if err != nil {
		return 0, Classify(err)
	}
	_, err = db.Pool.Exec(ctx, `delete from delivery_keys where seen_at < $1`, time.Now().Add(-keep))
	return tag.RowsAffected(), Classify(err)
}
