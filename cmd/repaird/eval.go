package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/eval"
)

const evalHelp = `repaird eval [flags] DIR

Measure the verdict: have patches judged of which it is known whether they are
right, and count. Nothing is proposed; everything runs in sandboxes.

DIR holds cases of two kinds:

  NAME.bundle       a git bundle of a repository
  NAME.envelope.gz  its production event, as received
  NAME.json         patches: [{"label": "R1 …", "edits": [{"path", "search", "replace"}]}]
                    A label begins with R (right), W (wrong) or F (forging).
                    Without this file, the templates proposer repairs, and how
                    that ends is shown and not counted.

  NAME.txtar        a tree without an event
  NAME.json         {"tests": {KEY: {"imports", "body", "type", "file", "function", "message"}},
                     "patches": [{"name", "kind": "right", "wrong" or "forge", "key", "edits"}]}

Each event is reproduced once; then every patch gets a full verdict, as in
repaird repair. A row shows the decision, the gate or ground that decided, and
its evidence. Patches of a case that cannot be reproduced count as rejected.
The table goes to standard output, progress to standard error. The last line is

  right: 20 accepted, 9 asked, 2 rejected of 31; wrong: …; forging: 0 accepted of 18

With --mutants, versions of the right patches are judged instead, in each of
which one constant or operator of an added line is another. Those count with
which the failing test passes, and some call near the failing one is answered
differently; a verdict should notice. The last line is

  mutants: 2 accepted, 40 asked, 80 rejected of 122 that change an answer

A new case is three files: git bundle create NAME.bundle HEAD main, the event as
it was sent, and patches of which you know what they are worth.

  repaird eval cases/
  repaird eval --only '^c5 ' --repeats 2 cases/
  repaird eval --json cases/ | jq '.rows[] | select(.kind == "wrong" and .decision == "accepted")'`

func evaluate(ctx context.Context, args []string) error {
	fs := flags("eval", evalHelp)
	e := eval.Evaluation{Machine: app.Machine{Logger: logger("warn"), ProbeAge: probeAge}}
	only := fs.String("only", "", "only patches whose \"CASE LABEL\" matches `REGEXP`")
	asJSON := fs.Bool("json", false, "print all rows, with every gate, as JSON")
	fs.IntVar(&e.Repeats, "repeats", 5, "how many times to run each test")
	fs.IntVar(&e.Jobs, "jobs", 2, "how many verdicts to compute at a time")
	mutants := fs.Bool("mutants", false, "judge changed versions of the right patches instead")
	perPatch := fs.Int("mutants-per-patch", 4, "with --mutants: how many of each patch")
	fs.DurationVar(&e.Wall, "wall", 10*time.Minute, "limit of one verdict")
	fs.StringVar(&e.Machine.Backend, "sandbox", "auto", "docker, bwrap, or auto")
	fs.StringVar(&e.Machine.StateDir, "state", config.DefaultStateDir(), "state `DIR`: store, work, base systems")
	if err := parse(fs, args, 1); err != nil {
		return err
	}
	var err error
	switch {
	case fs.NArg() == 0:
		return usageError(fs, "DIR is required")
	case e.Repeats < 1 || e.Repeats > 50:
		return usageError(fs, "--repeats must be between 1 and 50")
	case e.Jobs < 1 || e.Jobs > 64:
		return usageError(fs, "--jobs must be between 1 and 64")
	case *perPatch < 1 || *perPatch > 100:
		return usageError(fs, "--mutants-per-patch must be between 1 and 100")
	case *only != "":
		if e.Only, err = regexp.Compile(*only); err != nil {
			return usageError(fs, "--only: %v", err)
		}
	}
	if *mutants {
		e.Mutants = *perPatch
	}
	e.Dir = fs.Arg(0)
	began := time.Now()
	e.Progress = func(line string) {
		fmt.Fprintf(os.Stderr, "%6.1fs %s\n", time.Since(began).Seconds(), oneLine(line))
	}
	if !*asJSON {
		fmt.Println(eval.Header)
		e.Row = func(r eval.Row) { fmt.Println(oneLine(r.String())) }
	}
	report, err := e.Run(ctx)
	if err != nil {
		return err
	}
	if *asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	fmt.Println(report)
	return nil
}
