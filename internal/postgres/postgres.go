// Package postgres holds the pool and every SQL statement of the project.
//
// The schema is in package migrations. Rows are read into this package's own
// structs, which are not those of the API: web and orchestrator translate.
//
// Writers of a run hold a lease with a fencing token ([DB.Acquire]); each write
// carries the token; with an outdated one it changes nothing and returns
// [ErrFenced].
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/tern/v2/migrate"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/migrations"
)

// A DB is a pool of connections. Safe for concurrent use.
type DB struct{ Pool *pgxpool.Pool }

// Open connects to the server at url (postgres://… or keyword form). It retries
// for up to wait, so that a daemon and its database may start together.
func Open(ctx context.Context, url string, wait time.Duration) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "database url: %s", redactURL(err, url))
	}
	cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "database: %s", redactURL(err, url))
	}
	deadline := time.Now().Add(wait)
	for {
		if err = pool.Ping(ctx); err == nil {
			return &DB{pool}, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			pool.Close()
			return nil, fault.Errorf(fault.Retryable, "database does not answer: %s", redactURL(err, url))
		}
		select {
		case <-ctx.Done():
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// redactURL keeps a connection string's password out of errors.
func redactURL(err error, url string) string {
	return strings.ReplaceAll(err.Error(), url, "<url>")
}

// Close waits for connections in use and closes the pool.
func (db *DB) Close() { db.Pool.Close() }

// Migrate brings the schema to the newest version. It takes an advisory lock,
// so that several daemons may start at once.
func (db *DB) Migrate(ctx context.Context) (err error) {
	defer fault.Wrap(&err, "migrate")
	conn, err := db.Pool.Acquire(ctx)
	if err != nil {
		return Classify(err)
	}
	defer conn.Release()
	m, err := migrate.NewMigrator(ctx, conn.Conn(), "public.repaird_schema_version")
	if err != nil {
		return Classify(err)
	}
	if err := m.LoadMigrations(fs.FS(migrations.Files)); err != nil {
		return err
	}
	if err := m.Migrate(ctx); err != nil {
		return Classify(err)
	}
	// River checks its own version table; its migrations are idempotent but not
	// safe to run at once, so the same lock guards them.
	if _, err := conn.Exec(ctx, `select pg_advisory_lock(7230195)`); err != nil {
		return Classify(err)
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock(7230195)`) }()
	rm, err := rivermigrate.New(riverpgxv5.New(db.Pool), nil)
	if err != nil {
		return err
	}
	_, err = rm.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return Classify(err)
}

// Classify gives a database error its kind: Retryable if the server is
// unavailable or asks for a retry.
func Classify(err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal {
		return err
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.Errorf(fault.NotFound, "not found: %w", err)
		}
		if errors.Is(err, context.Canceled) {
			return err
		}
		// Everything that is not a response from the server: no connection,
		// reset, time-out.
		return fault.Errorf(fault.Retryable, "database: %w", err)
	}
	switch pg.Code[:2] {
	case "08", "40", "53", "55", "57", "58": // connection, rollback, resources, lock, shutdown, system
		return fault.Errorf(fault.Retryable, "database: %w", err)
	}
	return fmt.Errorf("database: %w", err)
}
