package main

import (
	"context"
	"flag"
	"os"

	"github.com/repaird/repaird/internal/trace/view"
)

// traceViews runs a subcommand of trace that looks at a recorded trace.
func traceViews(_ context.Context, name string, args []string) error {
	fs := flags("trace "+name, "Looks at a trace.")
	o := view.TreeOptions{}
	fs.IntVar(&o.Lines, "lines", 0, "")
	fs.IntVar(&o.Depth, "depth", 0, "")
	fs.BoolVar(&o.JSON, "json", false, "")
	fs.BoolVar(&o.Color, "color", false, "")
	fs.BoolVar(&o.Times, "times", false, "")
	if err := parse(fs, args, 1); err != nil {
		return err
	}
	_ = flag.ErrHelp
	t, err := view.Open(fs.Arg(0), os.Stdin)
	if err != nil {
		return err
	}
	return view.Tree(os.Stdout, t, o)
}
