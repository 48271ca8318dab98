// Package pgtest gives each test its own database on a real PostgreSQL server.
//
// The server is the one of REPAIRD_TEST_DATABASE_URL, or a private one that is
// started once for all test processes of this user and left running under the
// temporary directory, without fsync; `make stop-test-db` ends it.
package pgtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/repaird/repaird/internal/postgres"
)

var server = sync.OnceValues(func() (func(db string) string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if url := os.Getenv("REPAIRD_TEST_DATABASE_URL"); url != "" {
		return func(db string) string { return url + " dbname=" + db }, nil
	}
	p, err := postgres.StartPrivate(ctx, Dir(), false)
	if err != nil {
		return nil, err
	}
	return p.URL, nil
})

// Dir is where the shared private server lives.
func Dir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("repaird-pg-%d", os.Getuid()))
}

// URL returns the connection string of a new, empty database that is dropped
// when the test ends. Without a server the test is skipped, or fails when CI
// is set; with -short it is skipped.
func URL(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs PostgreSQL, which -short does without")
	}
	t.Log("uses-backend: postgres")
	url, err := server()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("PostgreSQL is required in CI: %v", err)
		}
		t.Skipf("no PostgreSQL: %v", err)
	}
	ctx := context.Background()
	name := fmt.Sprintf("t%d_%x", os.Getpid(), rand.Uint64())
	exec(ctx, t, url("postgres"), "create database "+name)
	t.Cleanup(func() { exec(ctx, t, url("postgres"), "drop database if exists "+name+" with (force)") })
	return url(name)
}

// New returns a migrated database of its own.
func New(t testing.TB) *postgres.DB {
	t.Helper()
	url := URL(t)
	db, err := postgres.Open(context.Background(), url, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return db
}

func exec(ctx context.Context, t testing.TB, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatal(err)
	}
}
