package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
)

const traceHelp = `repaird trace [flags] [--] COMMAND…
repaird trace VIEW [flags] FILE

Runs any Python command under a tracer, and shows what it really did: calls with
their arguments, what they returned, exceptions also where they were swallowed.
Nothing in the project is changed; the command keeps its input, its output and
its exit code.

  repaird trace --out red.jsonl.zst -- python -m pytest tests/test_cart.py
  repaird trace findings red.jsonl.zst

Without a flag that shows something, a summary with the first findings goes to
standard error. These show something on standard output, while the command runs:

  repaird trace app.py --calls --max-depth 3        CALL load_config app.py:5
  repaird trace app.py --call-counts                what is called most, and where it is
  repaird trace app.py --on-exception snapshot --locals
  repaird trace app.py --breakpoint app/core.py:42 --watch 'len(items)' --json-out snap.json
  repaird trace app.py --breakpoint 'app/core.py:42 if len(items) > 3'
  repaird trace app.py --xtrace                     each line, as bash -x (standard error)

COMMAND is a script (app.py, before or after flags; what is no flag of repaird's
is the script's), or anything else: then flags come first, and all that follows
is the command's. After -- nothing is a flag of repaird's.

  repaird trace --calls manage.py migrate
  repaird trace --timeout 20 pytest -x tests/       exit code 124, and where it hung
  repaird trace --calls app.py -- --calls-of-app

In scope is the code below the current directory and the script's, without
installed packages; --include, --module and --function narrow that. Child
processes are traced too. A process that could not be traced is reported as
that, never as one that made no calls.

  repaird trace tree FILE        folded call tree with values
  repaird trace show FILE        records, one a line
  repaird trace counts FILE      most-called functions
  repaird trace findings FILE    likely causes, with the records that prove them
  repaird trace diff RED GREEN   where two runs part
  repaird trace slice FILE       the part about a function, module, value, object or time
  repaird trace export FILE      for Perfetto, speedscope, or a browser
  repaird trace replay FILE      a script or test that repeats recorded calls

FILE is what --out wrote; - is standard input. repaird trace VIEW --help
explains a view; repaird trace -- VIEW runs a command of that name.

Exit codes: the command's own; 124 time-out; 126, 127 the command could not be
started, was not found; 128+n it was killed by signal n; 1 with --require-traced
where something was not traced; 2 wrong usage.`

// viewNames are the subcommands of trace that read a trace.
var viewNames = []string{"show", "tree", "counts", "findings", "diff", "slice", "export", "replay"}

// traceCommand runs a command under the tracer, or shows a trace.
func traceCommand(ctx context.Context, args []string) error {
	if err := traceArgs(ctx, args); err != nil {
		return cleanError{err}
	}
	return nil
}

func traceArgs(ctx context.Context, args []string) error {
	if len(args) > 0 && slices.Contains(viewNames, args[0]) {
		return traceViews(ctx, args[0], args[1:])
	}
	f := newTraceFlags()
	own, command := splitTraceArgs(f.set, args)
	if err := parse(f.set, own, 0); err != nil {
		if !errors.Is(err, flag.ErrHelp) && !errors.Is(err, errUsage) {
			return usageError(f.set, "%v", err)
		}
		return err
	}
	if len(command) == 0 {
		if len(args) == 0 {
			fmt.Fprintln(os.Stderr, traceHelp)
			return errUsage
		}
		return usageError(f.set, "no command to run")
	}
	return f.run(ctx, command)
}

// An exitStatus is the exit code of a command that ran; it was not this
// program that failed.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
