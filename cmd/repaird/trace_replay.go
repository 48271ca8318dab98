package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/repaird/repaird/internal/trace/replay"
	"github.com/repaird/repaird/internal/trace/view"
)

const replayHelp = `repaird trace replay [flags] FILE

Write Python that repeats recorded calls: a script that reports for each call
whether it still behaves the same (exit code 1 if one does not) or, with
--pytest, a test that asserts it. Without --call, the outermost calls that can be
reconstructed are repeated in the recorded order. The others are listed at the
top of the file and on standard error.

  repaird trace replay red.jsonl.zst > replay.py && python replay.py
  repaird trace replay --call 17 --pytest --out tests/test_replay.py red.jsonl.zst

A script calls the code that was traced, with the values that it had. Run it
where you would run the program itself.

A trace may name any file. Only functions and classes of the program's own files
are called: those below --root (default: the current directory) that do not
belong to an installed package.` + traceFileHelp

func defineReplay(x *traceView) func() error {
	call := x.fs.String("call", "", "repeat only the call with this `ID`, as shown by the views")
	pytest := x.fs.Bool("pytest", false, "write a test instead of a script")
	most := x.fs.Int("max", 200, "repeat at most `N` calls")
	out := x.fs.String("out", "", "write to `FILE` (default: standard output)")
	var roots listFlag
	x.fs.Var(&roots, "import-root", "import modules from `DIR`; repeatable (default: the parent of a file's top-level package)")
	var within listFlag
	x.fs.Var(&within, "root", "the program's files are below `DIR`; repeatable (default: the current directory and --import-root)")
	return func() error {
		if len(within) == 0 {
			within = listFlag{"."}
		}
		o := replay.Options{Pytest: *pytest, Max: *most, Source: x.files[0], Roots: roots, Within: within}
		if err := absolute(o.Roots); err != nil {
			return err
		}
		if *call != "" {
			id, err := view.ParseCall(*call)
			if err != nil {
				return usageError(x.fs, "--call: %v", err)
			}
			o.Call = id
		}
		t, err := x.read(0)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		report, err := replay.Write(&b, t, o)
		for _, m := range report.Missing {
			fmt.Fprintf(os.Stderr, "repaird trace replay: call %d %s is not repeated: %s\n", m.Call, m.Name, m.Why)
		}
		if report.Left > 0 {
			fmt.Fprintf(os.Stderr, "repaird trace replay: %d more calls; raise --max\n", report.Left)
		}
		if errors.Is(err, replay.ErrNothing) {
			return fmt.Errorf("%w%s", err, replayHint(report))
		}
		if err != nil {
			return err
		}
		write := func(w io.Writer) error {
			_, err := w.Write(b.Bytes())
			return err
		}
		if *out == "" || *out == "-" {
			return toStdout(write)
		}
		return view.WriteFile(*out, write)
	}
}

// replayHint says what may help where nothing could be repeated.
func replayHint(report replay.Report) string {
	for _, m := range report.Missing {
		if strings.Contains(m.Why, "--root") {
			return ": give the program's directory with --root, if you know where the trace comes from"
		}
	}
	return ": a trace with --level variables or a narrower scope may contain more of their values"
}
