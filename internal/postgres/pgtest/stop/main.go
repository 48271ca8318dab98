// Command stop stops the PostgreSQL server that tests share, if it is running.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/postgres/pgtest"
)

func main() {
	if _, err := os.Stat(filepath.Join(pgtest.Dir(), "data", "postmaster.pid")); err != nil {
		return
	}
	ctx := context.Background()
	p, err := postgres.StartPrivate(ctx, pgtest.Dir(), false) // finds the running one
	if err == nil {
		err = p.Stop(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stop the tests' PostgreSQL:", err)
		os.Exit(1)
	}
}
