package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/redact"
	tracerun "github.com/repaird/repaird/internal/trace/run"
	"github.com/repaird/repaird/internal/trace/run/configfile"
	"github.com/repaird/repaird/internal/trace/view"
)

// Limits of a trace whose records are all shown: the output may be long.
const (
	shownRecords = 100_000_000
	shownBytes   = 2 << 30
)

// run runs the command with the views that the flags ask for.
func (f *traceFlags) run(ctx context.Context, command []string) error {
	o, err := f.options(command)
	if err != nil {
		return err
	}
	if err := f.locate(ctx, &o); err != nil {
		return err
	}
	if err := f.place(ctx, &o); err != nil {
		return err
	}
	// The command decides when it ends: signals are forwarded to it and do not cancel this context.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE) // a closed pipe must not kill us before the clean-up
	defer signal.Stop(broken)
	o.Signals = signals

	mux := tracerun.NewMux(os.Stdout)
	o.Stdin, o.Stdout, o.Stderr = os.Stdin, os.Stdout, os.Stderr
	if f.live() && !tracerun.IsTerminal(os.Stdout) {
		o.Stdout = mux.Program()
	}
	views, err := f.views(mux)
	if err != nil {
		return err
	}
	o.Views = append(o.Views, views...)
	result, err := tracerun.Run(context.WithoutCancel(ctx), o)
	mux.Flush()
	return f.report(result, err)
}

// live reports whether something is printed on standard output while the command runs.
func (f *traceFlags) live() bool {
	return f.calls || (f.breaks() && f.jsonOut == "")
}

// shows reports whether a flag requests output.
func (f *traceFlags) shows() bool {
	return f.calls || f.counts > 0 || f.xtrace != "" || f.onException != "" || f.breaks()
}

// breaks reports whether snapshots are requested.
func (f *traceFlags) breaks() bool { return len(f.breakpoints)+len(f.breakFunctions) > 0 }

// options translates the flags into what to run and record.
func (f *traceFlags) options(command []string) (tracerun.Options, error) {
	o := tracerun.Options{Command: command, Python: f.python, Keep: f.out, Timeout: time.Duration(f.timeout), Interrupt: f.counts > 0}
	c := &o.Config
	if f.file != "" {
		file, err := configfile.Read(f.file)
		if err != nil {
			return o, err
		}
		for _, n := range file.Notes {
			fmt.Fprintf(os.Stderr, "repaird trace: %s: %s\n", f.file, n)
		}
		*c = file.Config
		if file.LogFile != "" {
			l := &tracerun.Log{Name: file.LogFile, Max: file.MaxEntries}
			if err := l.Open(); err != nil {
				return o, err
			}
			o.Views = append(o.Views, l)
		}
	}
	if err := f.check(); err != nil {
		return o, err
	}
	c.Include, c.Exclude = append(c.Include, f.include...), append(c.Exclude, f.exclude...)
	c.Modules, c.Functions = append(c.Modules, f.modules...), append(c.Functions, f.functions...)
	c.ExcludeFunctions = append(c.ExcludeFunctions, f.noFunctions...)
	if err := absolute(c.Include, c.Exclude); err != nil {
		return o, err
	}
	if f.xtrace == tracerun.XTraceAll && len(c.Include) == 0 {
		c.Include = []string{"/"}
	}
	if f.level != "" {
		c.Level = f.level
	}
	c.Engine, c.Ring, c.Timeout = f.engine, f.ring, o.Timeout.Seconds()
	c.Watches, c.Snapshots, c.Locals = f.watches, f.snapshots, f.locals
	c.ExceptionSnapshot = f.onException != ""
	c.Comprehensions = !f.noComprehensions && (f.allComp || f.calls || f.counts > 0)
	c.Steps = f.xtrace != ""
	f.bounds(c)
	return o, nil
}

// locate finds the lines of the breakpoints.
func (f *traceFlags) locate(ctx context.Context, o *tracerun.Options) error {
	var lines []tracerun.Location
	for i := range f.breakpoints {
		file, err := filepath.Abs(f.breakpoints[i].file)
		if err != nil {
			return err
		}
		f.breakpoints[i].file = file
		lines = append(lines, tracerun.Location{File: file, Line: f.breakpoints[i].line})
	}
	adjusted, functions, err := tracerun.Locate(ctx, *o, lines, f.breakFunctions)
	if err != nil {
		return err
	}
	for i := range f.breakpoints {
		b := &f.breakpoints[i]
		if adjusted[i] != b.line {
			fmt.Fprintf(os.Stderr, "repaird trace: Adjusted breakpoint from line %d (def) to line %d (first statement)\n", b.line, adjusted[i])
			b.line = adjusted[i]
		}
	}
	for i, pattern := range f.breakFunctions {
		found := functions[i]
		if len(found) == 0 {
			return usageError(f.set, "no function matching %q in scope", pattern)
		}
		if len(found) > 1 {
			fmt.Fprintf(os.Stderr, "repaird trace: --break-func %q matched %d functions\n", pattern, len(found))
		}
		for _, l := range found {
			spec := fmt.Sprintf("%s (%s at %s:%d)", pattern, l.Name, filepath.Base(l.File), l.Line)
			f.breakpoints = append(f.breakpoints, breakpoint{spec: spec, file: l.File, line: l.Line})
		}
	}
	for _, b := range f.breakpoints {
		o.Config.Breakpoints = append(o.Config.Breakpoints, tracer.Breakpoint{File: b.file, Line: b.line, Condition: b.condition, Hits: b.hit})
	}
	return nil
}

// check finds errors in the flags.
func (f *traceFlags) check() error {
	for _, c := range []struct {
		name, value string
		known       []string
	}{
		{"on-exception", f.onException, []string{"", "snapshot"}},
		{"level", f.level, []string{"", "functions", "variables", "control"}},
		{"engine", f.engine, []string{"", "auto", "settrace", "monitoring"}},
	} {
		ok := false
		for _, k := range c.known {
			ok = ok || c.value == k
		}
		if !ok {
			return usageError(f.set, "--%s is %q; want %s", c.name, c.value, strings.Join(c.known[1:], ", "))
		}
	}
	if f.engine == "auto" {
		f.engine = ""
	}
	for _, b := range f.breakpoints {
		if info, err := os.Stat(b.file); err != nil || info.IsDir() {
			return usageError(f.set, "breakpoint file not found: %s", b.file)
		}
	}
	if f.sandbox && f.docker != "" {
		return usageError(f.set, "--sandbox and --docker are mutually exclusive")
	}
	if err := f.checkScope(); err != nil {
		return err
	}
	return f.checkFiles()
}

// checkScope finds scopes and limits that cannot be intended.
func (f *traceFlags) checkScope() error {
	for _, dir := range f.include {
		if _, err := os.Stat(dir); err != nil {
			return usageError(f.set, "--include %s: no such file or directory", dir)
		}
	}
	for _, c := range []struct {
		name string
		n    int
	}{{"max-events", f.maxEvents}, {"max-records", f.maxRecords}, {"max-depth", f.maxDepth}, {"max-per-function", f.perCode}, {"snapshots", f.snapshots}} {
		if c.n < 0 {
			return usageError(f.set, "--%s %d: must not be negative", c.name, c.n)
		}
	}
	if f.breaks() || f.onException != "" {
		return nil
	}
	if len(f.watches) > 0 {
		fmt.Fprintln(os.Stderr, "repaird trace: --watch has no effect without --breakpoint, --break-func or --on-exception snapshot")
	}
	if f.locals {
		fmt.Fprintln(os.Stderr, "repaird trace: --locals has no effect without --breakpoint, --break-func or --on-exception snapshot")
	}
	return nil
}

// checkFiles finds output files that could not be written at the end.
func (f *traceFlags) checkFiles() error {
	for _, c := range []struct{ flag, name string }{{"out", f.out}, {"json-out", f.jsonOut}} {
		if c.name == "-" {
			return usageError(f.set, "--%s -: give a file; standard output belongs to the command", c.flag)
		}
		if c.name != "" {
			if err := view.Writable(c.name); err != nil {
				return fmt.Errorf("--%s: %w", c.flag, err)
			}
		}
	}
	return nil
}

// bounds sets how much is kept: a trace that is shown record by record needs
// other limits than one that is viewed later.
func (f *traceFlags) bounds(c *tracer.Config) {
	c.MaxDepth = max(f.maxDepth, 0)
	if f.perCode > 0 {
		c.PerCode = f.perCode
	}
	switch {
	case f.maxRecords > 0:
		c.MaxRecords = f.maxRecords
	case c.MaxRecords == 0:
		c.MaxRecords = 10_000
	}
	only := f.out == "" && f.file == ""
	switch {
	case f.calls || f.xtrace != "":
		if f.maxRecords == 0 {
			c.MaxRecords, c.MaxBytes = shownRecords, shownBytes
		}
		if f.perCode == 0 {
			c.PerCode = shownRecords
		}
		c.CallsOnly = only && f.onException == "" && f.level == ""
		if f.maxEvents > 0 && c.MaxEvents == 0 { // the view counts its lines itself
			c.MaxEvents = 4*f.maxEvents + 1000
		}
	case f.counts > 0:
		c.CountsOnly = only && f.onException == "" && !f.breaks()
		c.MaxEvents = max(f.maxEvents, 0)
	default:
		c.MaxEvents = max(f.maxEvents, 0)
	}
}

func absolute(lists ...[]string) error {
	for _, l := range lists {
		for i, p := range l {
			a, err := filepath.Abs(p)
			if err != nil {
				return err
			}
			l[i] = a
		}
	}
	return nil
}

// views returns the views that are shown while the command runs and when it ends.
func (f *traceFlags) views(data *tracerun.Mux) ([]tracerun.View, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	var views []tracerun.View
	if f.calls {
		views = append(views, &tracerun.Calls{Data: data, Notice: os.Stderr, Dir: dir, Max: max(f.maxEvents, 0), Qualified: f.qualified})
	}
	if f.xtrace != "" {
		views = append(views, &tracerun.Lines{Data: os.Stderr, Dir: dir, Style: string(f.xtrace), Max: max(f.maxEvents, 0)})
	}
	if f.onException != "" {
		views = append(views, &tracerun.Exceptions{Data: data, Dir: dir})
	}
	views = append(views, &tracerun.Stacks{Notice: os.Stderr, Dir: dir, Timeout: time.Duration(f.timeout)})
	if f.counts > 0 {
		views = append(views, &tracerun.Counts{Data: data, Dir: dir, Top: int(f.counts), Qualified: f.qualified})
	}
	if f.breaks() {
		names := map[string]string{}
		for _, b := range f.breakpoints {
			names[fmt.Sprintf("%s:%d", b.file, b.line)] = b.spec
			if real, err := filepath.EvalSymlinks(b.file); err == nil {
				names[fmt.Sprintf("%s:%d", real, b.line)] = b.spec
			}
		}
		views = append(views, &tracerun.Snapshots{Data: data, Notice: os.Stderr, File: f.jsonOut, Names: names, Max: f.snapshots, Watch: f.watches,
			Verbose: f.verbose, PrintResult: f.printResult})
	}
	return views, nil
}

// place chooses a sandbox and a redactor.
func (f *traceFlags) place(ctx context.Context, o *tracerun.Options) error {
	if f.redact != "" {
		key, err := os.ReadFile(f.redact)
		if err != nil {
			return err
		}
		if key = bytes.TrimSpace(key); len(key) < 32 {
			return fault.Errorf(fault.Invalid, "%s: the key must have at least 32 bytes", f.redact)
		}
		o.Redact = redact.New(key)
	}
	if !f.sandbox && f.docker == "" {
		return nil
	}
	m := app.Machine{StateDir: f.state, Backend: "bwrap", ProbeAge: probeAge, Logger: logger("warn")}
	if f.docker != "" {
		m.Backend, m.Image = "docker", f.docker
	}
	backend, _, err := m.Sandbox(ctx)
	o.Sandbox, o.Image = backend, f.docker
	return err
}
