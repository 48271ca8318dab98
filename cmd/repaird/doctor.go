package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/sandbox"
)

const doctorHelp = `repaird doctor [--config FILE]

Check this machine: git, the base systems, each sandbox backend (by running real
attacks in it) and, with --config, the configuration and its database. Print one
line per check; exit with 1 if a requirement is missing.`

func doctor(ctx context.Context, args []string) error {
	fs := flags("doctor", doctorHelp)
	file := fs.String("config", "", "also check this configuration `FILE`")
	state := fs.String("state", config.DefaultStateDir(), "state `DIR`")
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	bad, image, wanted := false, "", "auto"
	check := func(name string, needed bool, err error, good string) {
		switch {
		case err == nil:
			fmt.Printf("ok    %-10s %s\n", name, good)
		case needed:
			bad = true
			fmt.Printf("FAIL  %-10s %s\n", name, err)
		default:
			fmt.Printf("--    %-10s %s\n", name, err)
		}
	}
	if *file != "" {
		c, err := config.Load(*file)
		check("config", true, err, *file)
		if err == nil {
			*state, image, wanted = c.StateDir, c.Sandbox.Image, c.Sandbox.Backend
			db, err := postgres.Open(ctx, c.Database.Reveal(), 0)
			check("database", true, err, "answers")
			if err == nil {
				db.Close()
			}
		}
	}
	git, err := exec.LookPath("git")
	check("git", true, err, git)
	bases, err := sandbox.LoadBases(*state)
	names := ""
	for _, b := range bases {
		names += b.Release + " (Python " + b.Python + ") "
	}
	check("bases", false, err, names)
	working := 0
	for _, backend := range []string{"docker", "bwrap"} {
		m := app.Machine{StateDir: *state, Backend: backend, Image: image, Logger: logger("error")}
		began := time.Now()
		_, _, err := m.Sandbox(ctx)
		if err == nil {
			working++
		}
		check(backend, backend == wanted, err, fmt.Sprintf("contained every attack (%.1f s)", time.Since(began).Seconds()))
	}
	if working == 0 {
		check("sandbox", true, errors.New("no sandbox backend is usable: run deploy/setup.sh"), "")
	}
	if bad {
		return errors.New("a requirement is missing")
	}
	return nil
}
