// Package run runs any command under the Python tracer, without touching the
// project: the tracer's files lie in a temporary directory that PYTHONPATH leads
// to, and that is gone when the command has ended.
//
//	result, err := run.Run(ctx, run.Options{
//		Command: []string{"python", "-m", "pytest", "tests/test_cart.py"},
//		Stdout:  os.Stdout, Stderr: os.Stderr,
//		Keep:    "red.jsonl.zst",
//	})
//	os.Exit(result.Exit)
//
// The command keeps its standard streams, its signals and its exit code. What it
// did is in result.Trace; what could not be seen is in result.Notes and in the
// trace itself: a process that was not traced is never one that made no calls.
//
// Views show what is recorded while the command runs: see [View] and its
// implementations [Calls], [Counts], [Snapshots], [Exceptions], [Lines] and [Log].
//
// With Options.Sandbox the same happens in a sandbox that has no network: the
// command sees a copy of the project and nothing else of the machine.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
)

// Exit codes that stand for no exit code of the command.
const (
	ExitTimeout  = 124 // Options.Timeout was over
	ExitNotRun   = 126 // the command was found and could not be started
	ExitNotFound = 127 // the command was not found
	exitSignal   = 128 // plus the signal's number
)

// Options say what to run and how. Command is required.
type Options struct {
	Command   []string      // a program with its arguments; a file that ends in .py runs under Python
	Python    string        // interpreter for .py files, and in place of a python in Command; "" is the environment's own
	Dir       string        // working directory; "" is the caller's
	Env       []string      // as os.Environ, which it defaults to
	Config    tracer.Config // what to record. Out is ignored; without Include the scope is Dir and the script's directory, with "/" it is all Python code
	Timeout   time.Duration // then the stacks of all threads are recorded and everything is killed; 0 for none
	Interrupt bool          // at the time-out send SIGINT first: a Python process that ends in order says how often each function was called
	Keep      string        // file for the trace, compressed when it ends in .zst; "" keeps none

	Stdin          io.Reader        // an *os.File is handed on as it is
	Stdout, Stderr io.Writer        // likewise; nil discards
	Signals        <-chan os.Signal // are sent on to the command; the third kills
	Views          []View           // in the order in which they see the records

	Sandbox sandbox.Backend  // run in a sandbox
	Image   string           // root file system of the sandbox, see sandbox.Spec
	Redact  *redact.Redactor // redact the trace before it leaves the run's folder
}

// A Result is what became of the command.
type Result struct {
	Exit     int          // the command's exit code, 128+n where signal n killed it, or one of the constants
	TimedOut bool         //
	Signal   string       // name of the signal that killed it, "" for none
	Trace    *trace.Trace // never nil
	Kept     string       // where the trace is, "" where it was not kept
	Argv     []string     // what was really started
	Notes    []string     // what could not be seen or kept, and why: sentences for people
	Wall     time.Duration
}

// Run runs the command and waits for its end. Whatever happens, also when ctx
// ends, the temporary directory is removed. An error means that the command
// could not be run, or that its trace could not be read or kept; the result is
// then as far as it got and not nil.
func Run(ctx context.Context, o Options) (*Result, error) {
	result := &Result{Trace: new(trace.Trace), Exit: ExitNotRun}
	if len(o.Command) == 0 || o.Command[0] == "" {
		return result, fault.Errorf(fault.Invalid, "no command")
	}
	if o.Keep != "" {
		if err := view.Writable(o.Keep); err != nil {
			return result, fmt.Errorf("keep the trace: %w", err)
		}
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.Sandbox != nil {
		return runInSandbox(ctx, o, result)
	}
	return runHere(ctx, o, result)
}

// runHere runs the command on this machine as the caller's own child.
func runHere(ctx context.Context, o Options, result *Result) (*Result, error) {
	plan, err := makePlan(o)
	if err != nil {
		result.Exit = notStarted(err)
		return result, err
	}
	dir, err := newFolder()
	if err != nil {
		return result, err
	}
	defer dir.remove()
	if err := dir.install(o, plan); err != nil {
		return result, err
	}
	var note string
	if plan.argv, note = plan.launch(dir.lib); note != "" {
		result.Notes = append(result.Notes, note)
	}
	result.Argv = plan.argv
	began := time.Now()
	p, err := start(o, plan, dir)
	if err != nil {
		result.Exit = notStarted(err)
		return result, err
	}
	views := o.Views
	if o.Redact != nil { // what is shown is redacted too, so it is shown at the end
		views = nil
	}
	follower := follow(dir.out, views)
	p.wait(ctx, result)
	followed := follower.finish()
	if n := follower.missed; n > 0 {
		result.Notes = append(result.Notes, fmt.Sprintf("%d records came too fast to be shown; the trace's bounds had let them go", n))
	}
	result.Wall = time.Since(began)
	return result, errors.Join(collect(o, dir.out, result, follower.fed), followed)
}

// notStarted gives the exit code that a shell would give.
func notStarted(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return ExitNotFound
	}
	return ExitNotRun
}

// collect reads the trace and keeps it.
func collect(o Options, out string, result *Result, fed int) error {
	if result.TimedOut {
		if _, err := trace.CollectStacks(out); err != nil {
			result.Notes = append(result.Notes, "the stacks at the time-out could not be read: "+err.Error())
		}
	}
	if o.Redact != nil {
		if err := redactDir(out, o.Redact, result); err != nil {
			// What could not be redacted must not leave.
			return fmt.Errorf("redact: %w", err)
		}
	}
	t, err := trace.ReadDir(out)
	if t != nil {
		result.Trace = t
	}
	if err != nil {
		return fmt.Errorf("read the trace: %w", err)
	}
	if fed == 0 { // the records came in one piece
		feed(result.Trace, o.Views)
	}
	for _, v := range o.Views {
		v.Finish(result)
	}
	if o.Keep == "" {
		return nil
	}
	name, err := filepath.Abs(o.Keep)
	if err != nil {
		return err
	}
	if err := keep(out, name); err != nil {
		return fmt.Errorf("keep the trace: %w", err)
	}
	result.Kept = o.Keep
	return nil
}
