package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
)

const runsHelp = `repaird run [--config FILE] list | show ID | decide ID ANSWER | cancel ID | retry ID

List, show, decide, cancel or retry the daemon's runs, through its database.

  list       list incidents with their latest run
  show ID    print a run as JSON, ledger included; exit with 1 if the hash chain is broken
  decide ID  print the question of a run that stopped undecided
  decide ID KEY
             answer it with the key of an option, or yes or no to a request for
             permission; the run continues
  decide ID --expect VALUE | --raises TYPE
             answer it otherwise: the call returns VALUE, a literal as in source,
             or raises TYPE, with its module unless it is built in
  cancel ID  cancel an unfinished run; it ends as stopped(cancelled)
  retry ID   start a new run for a finished run's incident, with the same sealed evidence`

func runs(ctx context.Context, args []string) error {
	fs := flags("run", runsHelp)
	file := fs.String("config", "repaird.yaml", "configuration `FILE`")
	var choice pipeline.Choice
	choiceFlags(fs, &choice)
	if err := parse(fs, args, len(args)); err != nil {
		return err
	}
	verb, id, rest := fs.Arg(0), fs.Arg(1), fs.Args()[min(2, fs.NArg()):]
	if verb == "" || (verb == "list") != (id == "") {
		return usageError(fs, "give list, or one of show, decide, cancel and retry with a run ID")
	}
	for len(rest) > 0 { // flags may follow
		if verb == "decide" && choice.Key == "" && rest[0] != "" && rest[0][0] != '-' {
			choice.Key, rest = rest[0], rest[1:]
			continue
		}
		before := len(rest)
		if err := parse(fs, rest, len(rest)); err != nil {
			return err
		}
		if rest = fs.Args(); len(rest) == before {
			return usageError(fs, "unexpected argument %q", rest[0])
		}
	}
	if n := chosen(choice); n > 1 || n > 0 && verb != "decide" {
		return usageError(fs, "one answer, and to decide only")
	}
	c, err := config.Load(*file)
	if err != nil {
		return err
	}
	db, err := postgres.Open(ctx, c.Database.Reveal(), 0)
	if err != nil {
		return err
	}
	defer db.Close()
	switch verb {
	case "list":
		return listRuns(ctx, db)
	case "show":
		return showRun(ctx, db, id)
	case "decide":
		return decideRun(ctx, db, id, choice)
	case "cancel":
		open, err := db.Cancel(ctx, id)
		if err == nil && !open {
			err = fault.Errorf(fault.NotFound, "run %s does not exist or has finished", id)
		}
		return err
	case "retry":
		var b [8]byte
		_, _ = rand.Read(b[:])
		again := "run-" + hex.EncodeToString(b[:])
		if err := db.Reopen(ctx, id, again); err != nil {
			return err
		}
		fmt.Println(again)
		return nil
	}
	return usageError(fs, "unknown action %q", verb)
}

func listRuns(ctx context.Context, db *postgres.DB) error {
	rows, err := db.Incidents(ctx, 500)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "INCIDENT\tPROJECT\tEVENTS\tLAST SEEN\tRUN\tSTATE\tTITLE")
	for _, r := range rows {
		run, state := "-", "-"
		if r.RunID != nil {
			run, state = *r.RunID, *r.RunState
		}
		var stop fault.Stop
		if json.Unmarshal(r.Stop, &stop) == nil && stop.Type != "" {
			state += "(" + string(stop.Type) + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", r.ID, r.Project, r.Count, r.LastSeen.UTC().Format(time.DateTime), run, state, r.Title)
	}
	return w.Flush()
}

func showRun(ctx context.Context, db *postgres.DB, id string) error {
	r, err := db.Run(ctx, id)
	if err != nil {
		return err
	}
	ledger, err := db.Ledger(ctx, id, 0)
	if err != nil {
		return err
	}
	_, broken := postgres.VerifyLedger(id, ledger)
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	if err := e.Encode(map[string]any{"run": r, "ledger": ledger, "ledger_holds": broken == nil}); err != nil {
		return err
	}
	return broken
}
