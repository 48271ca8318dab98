package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/findings"
	tracerun "github.com/repaird/repaird/internal/trace/run"
)

// report prints the outcome of the run to standard error, and returns the
// command's exit code as an error.
func (f *traceFlags) report(result *tracerun.Result, err error) error {
	say := func(format string, args ...any) {
		fmt.Fprintln(os.Stderr, "repaird trace:", oneLine(fmt.Sprintf(format, args...)))
	}
	if err != nil {
		say("%v", err)
	}
	if result.Argv == nil { // it was not started
		return exitStatus(result.Exit)
	}
	for _, n := range result.Notes {
		say("%s", n)
	}
	whole := f.warnings(result, say)
	if f.engine == "monitoring" {
		for _, p := range result.Trace.Processes {
			if p.Engine != "" && p.Engine != f.engine {
				say("Python %s does not support the monitoring engine (3.12 and later do): process %d was traced with %s", p.Python, p.PID, p.Engine)
				break
			}
		}
	}
	if !f.shows() && !f.quiet {
		f.summary(result, say)
	}
	switch {
	case result.Exit != 0:
		return exitStatus(result.Exit)
	case err != nil, f.requireTraced && !whole:
		return exitStatus(exitFailure)
	}
	return nil
}

// warnings reports processes that were not traced and what the tracer could not
// do. It returns whether every process was traced.
func (f *traceFlags) warnings(result *tracerun.Result, say func(string, ...any)) bool {
	t := result.Trace
	untraced := t.Untraced()
	if !t.Traced() {
		say("not traced: no Python process loaded the tracer (%s)", strings.Join(shortened(result.Argv), " "))
	}
	for i, c := range untraced {
		if i == 10 {
			say("not traced: %d more processes", len(untraced)-i)
			break
		}
		say("not traced: process %d: %s", c.PID, strings.Join(shortened(c.Argv), " "))
	}
	for _, p := range t.Processes {
		if p.Lost != "" {
			say("process %d was not traced to the end: %s", p.PID, p.Lost)
		}
	}
	for i, p := range t.Problems() {
		if i == 10 {
			break
		}
		say("%s", p.Text)
	}
	return t.Traced() && len(untraced) == 0
}

const summaryFindings = 3

// summary prints what the trace contains.
func (f *traceFlags) summary(result *tracerun.Result, say func(string, ...any)) {
	t := result.Trace
	if !t.Traced() {
		return
	}
	parts := []string{count(t.Len(), "record")}
	if n := t.Footer.Dropped; n > 0 {
		parts = append(parts, fmt.Sprintf("%d dropped at the limits", n))
	}
	if n := t.Footer.Uncalled; n > 0 {
		parts = append(parts, fmt.Sprintf("%s only counted", count(n, "call")))
	}
	if n := t.Footer.Quiet; n > 0 {
		parts = append(parts, fmt.Sprintf("%s only counted", count(n, "exception")))
	}
	if n := t.Footer.Faults; n > 0 {
		parts = append(parts, fmt.Sprintf("%s lost to tracer errors", count(n, "event")))
	}
	if n := t.Footer.Unnamed; n > 0 {
		parts = append(parts, fmt.Sprintf("%s of undefined functions", count(n, "record")))
	}
	if n := t.Footer.Undefined; n > 0 {
		parts = append(parts, fmt.Sprintf("%s of functions and lines dropped at the limits", count(n, "definition")))
	}
	end := fmt.Sprintf("exit code %d", result.Exit)
	if result.Signal != "" {
		end = "killed: " + result.Signal
	}
	say("%s in %.1f s; traced %s: %s", end, result.Wall.Seconds(), processes(t.Processes), strings.Join(parts, ", "))
	findings := findings.Find(t)
	for i, x := range findings {
		if i == summaryFindings {
			say("%d more findings", len(findings)-i)
			break
		}
		line, _, _ := strings.Cut(x.Text, "\n")
		say("finding %d: %s: %s", i+1, x.Kind, line)
	}
	if result.Kept != "" {
		say("the trace is in %s; see: repaird trace findings %s", result.Kept, result.Kept)
	} else {
		say("the trace was not kept; --out FILE keeps it")
	}
}

func processes(list []trace.Process) string {
	version := ""
	if len(list) > 0 {
		version = fmt.Sprintf(" (Python %s, %s)", list[0].Python, list[0].Engine)
	}
	if len(list) == 1 {
		return "1 process" + version
	}
	return fmt.Sprintf("%d processes", len(list)) + version
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// shortened truncates a command line for a message.
func shortened(argv []string) []string {
	out := make([]string, 0, min(len(argv), 9))
	for i, a := range argv {
		if i == 8 {
			return append(out, "…")
		}
		if len(a) > 100 {
			a = strings.ToValidUTF8(a[:100], "") + "…"
		}
		out = append(out, a)
	}
	return out
}

// oneLine makes control characters and those that change the direction of text
// visible: what a trace or an argument holds must not reach a terminal as more
// than text.
func oneLine(s string) string { return tracerun.Clean(s) }

// A cleanError is an error whose text is one line of plain text.
type cleanError struct{ err error }

func (e cleanError) Error() string { return oneLine(e.err.Error()) }
func (e cleanError) Unwrap() error { return e.err }
