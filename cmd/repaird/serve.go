package main

import (
	"context"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/postgres"
)

const serveHelp = `repaird serve --config FILE

Run the daemon, which receives errors, repairs what it can and serves the
dashboard. It needs one YAML file and PostgreSQL 14 or newer;
deploy/repaird.example.yaml documents every key. The schema is migrated at
startup. Ctrl-C or SIGTERM shuts the daemon down gracefully; unfinished runs
resume at the next start, even after kill -9.`

func serve(ctx context.Context, args []string) error {
	fs := flags("serve", serveHelp)
	file := fs.String("config", "repaird.yaml", "configuration `FILE`")
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	c, err := config.Load(*file)
	if err != nil {
		return err
	}
	a, err := app.New(ctx, c, logger(c.LogLevel), failpoint())
	if err != nil {
		return err
	}
	return a.Run(ctx, 20*time.Second)
}

// failpoint lets tests kill the daemon at a named point: REPAIRD_FAILPOINT
// holds the name. Nothing sets it in production.
func failpoint() func(string) {
	want := os.Getenv("REPAIRD_FAILPOINT")
	if want == "" {
		return nil
	}
	return func(name string) {
		if strings.EqualFold(name, want) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // wait for the signal
		}
	}
}

const migrateHelp = `repaird migrate --config FILE

Migrate the database schema to this version and exit. repaird serve does the
same at startup; use this command where the daemon's database user may not
change the schema.`

func migrate(ctx context.Context, args []string) error {
	fs := flags("migrate", migrateHelp)
	file := fs.String("config", "repaird.yaml", "configuration `FILE`")
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	c, err := config.Load(*file)
	if err != nil {
		return err
	}
	db, err := postgres.Open(ctx, c.Database.Reveal(), 30*time.Second)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Migrate(ctx)
}
