package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"text/tabwriter"
	"time"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/store"
	"github.com/repaird/repaird/internal/text"
)

const storeHelp = `repaird store [--state DIR | --config FILE] [--json]
repaird store prune [--max SIZE | --all] [--state DIR | --config FILE] [--json]

Shows what is kept below the state folder because it can be made again: mirrors
of repositories, trees of commits, environments. The least recently used come
first; they are the first to go when the store grows over store.max_bytes.

prune removes entries until the others take at most SIZE (such as 5GiB; default
is store.max_bytes), and what killed processes left. --all removes every entry
that is not in use. Entries in use always stay, also those of a running daemon.`

func stored(ctx context.Context, args []string) error {
	fs := flags("store", storeHelp)
	file := fs.String("config", "", "configuration `FILE` that names the state folder and the store's bound")
	state := fs.String("state", config.DefaultStateDir(), "state `DIR`")
	asJSON := fs.Bool("json", false, "print JSON")
	prune := len(args) > 0 && args[0] == "prune"
	limit, all := config.Size(0), new(bool)
	if prune {
		args = args[1:]
		fs.Var(&limit, "max", "`SIZE` that the store may have, such as 5GiB")
		all = fs.Bool("all", false, "remove every entry that is not in use")
	}
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	if *all && limit != 0 {
		return usageError(fs, "--all and --max exclude each other")
	}
	bound := config.DefaultStoreSize
	if *file != "" {
		c, err := config.Load(*file)
		if err != nil {
			return err
		}
		*state, bound = c.StateDir, c.Store.MaxBytes
	}
	s, err := (&app.Machine{StateDir: *state}).State()
	if err != nil {
		return err
	}
	defer s.Close()
	if prune {
		if limit != 0 {
			bound = limit
		}
		return pruneStore(ctx, s, bound, *all, *asJSON)
	}
	list, err := s.Store.List()
	if err != nil {
		return err
	}
	return printStore(list, bound, *asJSON)
}

func printStore(list []store.Info, bound config.Size, asJSON bool) error {
	if asJSON {
		return printJSON(map[string]any{"entries": append([]store.Info{}, list...), "max_bytes": bound.Bound()})
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tKEY\tSIZE\tLAST USE\tSTATE")
	var total config.Size
	for _, i := range list {
		what := "-"
		switch {
		case !i.Complete && i.InUse:
			what = "being built"
		case !i.Complete:
			what = "half built"
		case i.InUse:
			what = "in use"
		}
		total += config.Size(i.Bytes)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", i.Kind, i.Key, config.Size(i.Bytes), i.Used.Format(time.DateTime), what)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("%s of %s\n", total, bound)
	return nil
}

func pruneStore(ctx context.Context, s *app.State, bound config.Size, all, asJSON bool) error {
	most := int64(math.MaxInt64)
	switch {
	case all:
		most = 0
	case bound != config.Unlimited:
		most = bound.Bound()
	}
	folders, err := s.Reap()
	if err != nil {
		return err
	}
	removed, err := s.Store.Prune(ctx, most)
	if err != nil {
		return err
	}
	var freed config.Size
	for _, i := range removed {
		freed += config.Size(i.Bytes)
	}
	if asJSON {
		return printJSON(map[string]any{"removed": append([]store.Info{}, removed...), "bytes": int64(freed), "folders": folders})
	}
	fmt.Printf("removed %s (%s) and %s of dead processes\n", text.Count(len(removed), "item"), freed, text.Count(folders, "folder"))
	return nil
}

func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
