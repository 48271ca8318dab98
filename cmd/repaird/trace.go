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

Run any Python command under a tracer and show what it did: calls with arguments
and return values, and exceptions, including those that were swallowed. The
project is not changed; the command keeps its input, output and exit code.

  repaird trace --out red.jsonl.zst -- python -m pytest tests/test_cart.py
  repaird trace findings red.jsonl.zst

By default, a summary with the first findings is printed to standard error. These
flags print to standard output while the command runs:

  repaird trace app.py --calls --max-depth 3        CALL load_config app.py:5
  repaird trace app.py --call-counts                the most-called functions, and where they are
  repaird trace app.py --on-exception snapshot --locals
  repaird trace app.py --breakpoint app/core.py:42 --watch 'len(items)' --json-out snap.json
  repaird trace app.py --breakpoint 'app/core.py:42 if len(items) > 3'
  repaird trace app.py --xtrace                     each line, like bash -x (standard error)

COMMAND is a script (app.py) or any other command. Flags may precede or follow a
script; unknown flags are passed to the script. With any other command, flags
come first. Everything after -- is passed on.

  repaird trace --calls manage.py migrate
  repaird trace --timeout 20 pytest -x tests/       exit code 124, and where it hung
  repaird trace --calls app.py -- --calls-of-app

The scope is the code below the current directory and the script's directory,
without installed packages; --include, --module and --function narrow it. Child
processes are traced too. A process that could not be traced is reported as
untraced, never as one that made no calls.

  repaird trace tree FILE        folded call tree with values
  repaird trace show FILE        records, one per line
  repaird trace counts FILE      most-called functions
  repaird trace findings FILE    likely causes, with the records that prove them
  repaird trace diff RED GREEN   where two runs diverge
  repaird trace slice FILE       the part about a function, module, value, object or time
  repaird trace export FILE      for Perfetto, speedscope, or a browser
  repaird trace replay FILE      a script or test that repeats recorded calls

FILE is what --out wrote; - is standard input. repaird trace VIEW --help
explains a view; repaird trace -- VIEW runs a command of that name.

Exit codes: the command's own; 124 time limit exceeded; 126 the command could not
be started; 127 the command was not found; 128+n it was killed by signal n; 1
with --require-traced if a process was not traced; 2 usage error.`

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
