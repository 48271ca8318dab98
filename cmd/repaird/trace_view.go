package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	tracerun "github.com/repaird/repaird/internal/trace/run"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/view/export"
	"github.com/repaird/repaird/internal/trace/view/page"
	"github.com/repaird/repaird/internal/trace/view/text"
)

// traceViews runs a subcommand of trace that shows a recorded trace.
func traceViews(_ context.Context, name string, args []string) error {
	for _, v := range traceViewCommands {
		if v.name != name {
			continue
		}
		x := &traceView{fs: flags("trace "+name, v.help)}
		run := v.define(x)
		x.common()
		if err := x.parse(args, v.files); err != nil {
			return err
		}
		return x.failed(run())
	}
	return fmt.Errorf("unknown view %q", name)
}

// A traceViewCommand is a view. define adds its flags and returns what runs it.
type traceViewCommand struct {
	name   string
	files  int // traces that it takes
	help   string
	define func(x *traceView) func() error
}

const traceFileHelp = `

FILE is a trace, plain or compressed with zstd, a directory of trace files, or
- for standard input.`

var traceViewCommands = []traceViewCommand{
	{"tree", 1, `repaird trace tree [flags] FILE

Show the call tree with values. Similar calls are folded, except the first and
the last; calls that an exception passed through are always shown. #3 is an
identity: it denotes the same object everywhere. Lines with ! show an exception
that was raised, with ~ one that was swallowed, with * what a call changed.` + traceFileHelp, defineTree},
	{"counts", 1, `repaird trace counts [flags] FILE

Show the most-called functions, or those that took longest.` + traceFileHelp, defineCounts},
	{"show", 1, `repaird trace show [flags] FILE

Show records, one per line: id, time since the start, kind, call and what
happened. Flags select records: a record must match all the different flags, and
any one of the values of a repeated flag. --json prints JSON Lines.` + traceFileHelp, defineShow},
	{"slice", 1, `repaird trace slice [flags] FILE

Select the part of a trace about functions, files, values, objects, calls or a
time. It is printed as by show; --out writes it as a trace of its own, which all
views can read.

  repaird trace slice --object '#3' --callers --out list.jsonl.zst red.jsonl.zst` + traceFileHelp, defineSlice},
	{"findings", 1, `repaird trace findings [flags] FILE

List likely causes in a trace, the most telling first, with the records that
support them.

With --green, compare a failing run with a passing run of the same test, such as
one with different input or of an older commit. This adds the place where the two
diverge, calls that are missing, and calls that occur only in the failing run;
what also occurs in the passing run cannot be the cause, and comes last.

  repaird trace findings red.jsonl.zst --green green.jsonl.zst` + traceFileHelp, defineFindings},
	{"diff", 2, `repaird trace diff [flags] RED GREEN

Show where two runs of the same test diverge, a failing one and a passing one.` + traceFileHelp, defineDiff},
	{"export", 1, `repaird trace export [flags] FILE

Export the trace for other programs:

  html         a self-contained page for a browser: call tree, values, sources,
               findings; with --green two runs side by side
  chrome       for ui.perfetto.dev and chrome://tracing
  speedscope   for speedscope.app
  events       one JSON document of plain numbered events with timestamps and
               JSON's own values, for scripts

Without --format, the name of --out decides. The sources on a page are read from
the directories of --source; DIR1=DIR2 reads files that were below DIR1 from DIR2.` + traceFileHelp, defineExport},
	{"replay", 1, replayHelp, defineReplay},
}

// A traceView is the flags and files of one view.
type traceView struct {
	fs    *flag.FlagSet
	files []string
	o     view.Options
	color string
}

func (x *traceView) common() {
	if x.fs.Lookup("root") == nil {
		x.fs.StringVar(&x.o.Root, "root", "", "strip `DIR` from file names (default: their common prefix)")
	}
	if x.fs.Lookup("format") != nil || x.fs.Lookup("pytest") != nil {
		return
	}
	x.fs.BoolVar(&x.o.JSON, "json", false, "print JSON")
	x.fs.IntVar(&x.o.Width, "width", 0, "maximum line width in columns, -1 for no limit (default 160)")
	x.fs.StringVar(&x.color, "color", "auto", "`WHEN`: always, never, or auto (only on a terminal)")
}

// parse takes flags before and after files.
func (x *traceView) parse(args []string, files int) error {
	for {
		if err := parse(x.fs, args, len(args)); err != nil {
			return err
		}
		if x.fs.NArg() == 0 {
			break
		}
		x.files = append(x.files, x.fs.Arg(0))
		args = x.fs.Args()[1:]
	}
	if len(x.files) != files {
		return usageError(x.fs, "want %d trace file(s), got %d", files, len(x.files))
	}
	switch x.color {
	case "auto":
		x.o.Color = tracerun.IsTerminal(os.Stdout) && os.Getenv("NO_COLOR") == ""
	case "always":
		x.o.Color = true
	case "never", "":
	default:
		return usageError(x.fs, "--color %s: want always, never or auto", x.color)
	}
	return nil
}

// failed returns err unless it is not a failure of this program.
func (x *traceView) failed(err error) error {
	if errors.Is(err, errBrokenPipe) {
		return nil
	}
	return err
}

// read reads the n-th trace, and warns if its end is missing.
func (x *traceView) read(n int) (*trace.Trace, error) {
	t, err := view.Open(x.files[n], os.Stdin)
	if err != nil {
		return nil, err
	}
	if t.Torn() {
		fmt.Fprintf(os.Stderr, "%s: %s: truncated: the end is missing\n", x.fs.Name(), oneLine(x.files[n]))
	}
	return t, nil
}

// print reads the trace and writes a view of it to standard output.
func (x *traceView) print(write func(io.Writer, *trace.Trace) error) error {
	t, err := x.read(0)
	if err != nil {
		return err
	}
	return toStdout(func(w io.Writer) error { return write(w, t) })
}

func defineTree(x *traceView) func() error {
	o := &view.TreeOptions{}
	x.fs.IntVar(&o.Lines, "lines", 0, "print at most `N` lines, -1 for all (default 200)")
	x.fs.IntVar(&o.Depth, "depth", 0, "show calls down to this depth")
	x.fs.BoolVar(&o.Unfold, "unfold", false, "fold nothing")
	x.fs.BoolVar(&o.Times, "times", false, "show the duration of calls")
	call := x.fs.String("call", "", "show only call `ID` and the calls below it")
	return func() (err error) {
		if *call != "" {
			if o.Call, err = view.ParseCall(*call); err != nil {
				return usageError(x.fs, "%v", err)
			}
		}
		o.Options = x.o
		return x.print(func(w io.Writer, t *trace.Trace) error { return text.Tree(w, t, *o) })
	}
}

func defineCounts(x *traceView) func() error {
	o := &text.CountsOptions{}
	x.fs.IntVar(&o.Top, "top", 0, "show `N` functions, -1 for all (default 10)")
	x.fs.StringVar(&o.Sort, "sort", "calls", "sort `BY` calls, total or self time")
	x.fs.BoolVar(&o.Qualified, "qualified", false, "Cart.add_item, not add_item")
	return func() error {
		o.Options = x.o
		if o.Sort != "calls" && o.Sort != "total" && o.Sort != "self" {
			return usageError(x.fs, "--sort %s: want calls, total or self", o.Sort)
		}
		return x.print(func(w io.Writer, t *trace.Trace) error { return text.Counts(w, t, *o) })
	}
}

func defineShow(x *traceView) func() error {
	filter := defineFilter(x.fs)
	return func() error {
		q, err := filter()
		if err != nil {
			return usageError(x.fs, "%v", err)
		}
		return x.print(func(w io.Writer, t *trace.Trace) error { return text.Show(w, t, q, text.ShowOptions{Options: x.o}) })
	}
}

func defineSlice(x *traceView) func() error {
	filter := defineFilter(x.fs)
	out := x.fs.String("out", "", "write a trace to `FILE`, - for standard output; compressed if its name ends in .zst")
	return func() error {
		q, err := filter()
		if err != nil {
			return usageError(x.fs, "%v", err)
		}
		switch *out {
		case "":
			return x.print(func(w io.Writer, t *trace.Trace) error { return text.Show(w, t, q, text.ShowOptions{Options: x.o}) })
		case "-":
			return x.print(func(w io.Writer, t *trace.Trace) error { return export.Slice(w, t, q) })
		}
		t, err := x.read(0)
		if err != nil {
			return err
		}
		return view.WriteFile(*out, func(w io.Writer) error { return export.Slice(w, t, q) })
	}
}

func defineFindings(x *traceView) func() error {
	o := &text.FindingsOptions{}
	x.fs.IntVar(&o.Evidence, "evidence", 0, "show `N` records below each finding, -1 for none (default 6)")
	green := x.fs.String("green", "", "compare with the trace in `FILE`, a passing run of the same test")
	return func() (err error) {
		o.Options = x.o
		if *green != "" {
			x.files = append(x.files, *green)
			if o.Green, err = x.read(1); err != nil {
				return err
			}
		}
		return x.print(func(w io.Writer, t *trace.Trace) error { return text.Findings(w, t, *o) })
	}
}

func defineDiff(x *traceView) func() error {
	return func() error {
		red, err := x.read(0)
		if err != nil {
			return err
		}
		green, err := x.read(1)
		if err != nil {
			return err
		}
		return toStdout(func(w io.Writer) error { return text.Diff(w, red, green, text.DiffOptions{Options: x.o}) })
	}
}

func defineExport(x *traceView) func() error {
	format := x.fs.String("format", "", "html, chrome, speedscope or events")
	out := x.fs.String("out", "", "write to `FILE` (default: standard output)")
	green := x.fs.String("green", "", "html: compare with the trace in `FILE`, such as the passing run")
	title := x.fs.String("title", "", "html: title of the page")
	var sources listFlag
	x.fs.Var(&sources, "source", "html: show sources below `DIR`; repeatable (default: the current directory)")
	return func() error {
		if *format == "" {
			*format = formatOf(*out)
		}
		if *format == "perfetto" {
			*format = "chrome"
		}
		if !slices.Contains([]string{"html", "chrome", "speedscope", "events"}, *format) {
			return usageError(x.fs, "--format %q: want html, chrome, speedscope or events", *format)
		}
		if *green != "" && *format != "html" {
			return usageError(x.fs, "--green is for --format html")
		}
		t, err := x.read(0)
		if err != nil {
			return err
		}
		write := func(w io.Writer) error { return export.Chrome(w, t) }
		switch *format {
		case "speedscope":
			write = func(w io.Writer) error { return export.Speedscope(w, t) }
		case "events":
			write = func(w io.Writer) error { return export.Events(w, t) }
		case "html":
			o := page.Options{Title: *title, Red: t}
			if *green != "" {
				x.files = append(x.files, *green)
				if o.Green, err = x.read(1); err != nil {
					return err
				}
			}
			if len(sources) == 0 {
				sources = listFlag{"."}
			}
			o.Source = page.DiskSource(sources)
			write = func(w io.Writer) error { return page.Write(w, o) }
		}
		if *out == "" || *out == "-" {
			return toStdout(write)
		}
		if err := view.WriteFile(*out, write); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, x.fs.Name()+": wrote", oneLine(*out))
		return nil
	}
}

func formatOf(file string) string {
	name := strings.ToLower(filepath.Base(strings.TrimSuffix(file, ".zst")))
	switch {
	case strings.HasSuffix(name, ".html"), strings.HasSuffix(name, ".htm"):
		return "html"
	case strings.Contains(name, "speedscope"):
		return "speedscope"
	case strings.Contains(name, "events"):
		return "events"
	case strings.HasSuffix(name, ".json"):
		return "chrome"
	}
	return ""
}
