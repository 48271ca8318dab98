package main

import (
	"context"
	"encoding/json"
	"flag"
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

List the cached entries in the state directory: mirrors of repositories, trees of
commits, environments. The least recently used entries are listed first; they are
the first to be evicted when the store exceeds store.max_bytes.

prune evicts entries until the rest take at most SIZE (such as 5GiB; default:
store.max_bytes of --config, or 20GiB without --config), and removes what killed
processes left behind. --all evicts every entry that is not in use. Entries in
use, also by a running daemon, are kept.`

func stored(ctx context.Context, args []string) error {
	fs := flags("store", storeHelp)
	file := fs.String("config", "", "configuration `FILE` that gives the state directory and the store's size limit")
	state := fs.String("state", config.DefaultStateDir(), "state `DIR`")
	asJSON := fs.Bool("json", false, "print JSON")
	prune := len(args) > 0 && args[0] == "prune"
	limit, all := config.Size(0), new(bool)
	if prune {
		args = args[1:]
		fs.Var(&limit, "max", "maximum `SIZE` of the store, such as 5GiB")
		all = fs.Bool("all", false, "evict every entry that is not in use")
	}
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	sized := false // --max 0 is a size too
	fs.Visit(func(f *flag.Flag) { sized = sized || f.Name == "max" })
	if *all && sized {
		return usageError(fs, "--all and --max are mutually exclusive")
	}
	bound := config.DefaultStoreSize
	if *file != "" {
		c, err := config.Load(*file)
		if err != nil {
			return err
		}
		*state, bound = c.StateDir, c.Store.MaxBytes
	}
	s, err := (&app.Machine{StateDir: *state}).ExistingState()
	if err != nil {
		return fmt.Errorf("%w; check --state (or state_dir, with --config)", err)
	}
	if prune {
		if sized {
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
