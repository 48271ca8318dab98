package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/findings"
	"github.com/repaird/repaird/internal/trace/run"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/view/text"
	"github.com/repaird/repaird/internal/trace/wire"
)

// RunInput is the input of the tool trace.
type RunInput struct {
	Command     []string `json:"command" jsonschema:"the program and its arguments, such as [\"python\", \"-m\", \"pytest\", \"tests/test_x.py::test_y\"]"`
	Dir         string   `json:"dir,omitempty" jsonschema:"directory to run in, below the server's working directory, which is the default"`
	Include     []string `json:"include,omitempty" jsonschema:"only code below these directories or files is traced, relative to dir"`
	Exclude     []string `json:"exclude,omitempty" jsonschema:"code below these is not traced"`
	Functions   []string `json:"functions,omitempty" jsonschema:"only these functions, by qualified name or its last part"`
	Level       string   `json:"level,omitempty" jsonschema:"functions (default), variables (each line with what changed) or control (branch decisions too)"`
	Breakpoints []string `json:"breakpoints,omitempty" jsonschema:"FILE:LINE or FILE:LINE if CONDITION, relative to dir, on lines inside functions: their state is recorded, see the tool snapshot"`
	Watches     []string `json:"watches,omitempty" jsonschema:"Python expressions evaluated at breakpoints, such as len(items)"`
	Seconds     int      `json:"timeout_seconds,omitempty" jsonschema:"the command is ended after that long, and the stacks of its threads are kept"`
	MaxRecords  int      `json:"max_records,omitempty" jsonschema:"records to keep, half from the beginning and half from the end; default 10000"`
}

// RunOutput is what the tool trace answers.
type RunOutput struct {
	Trace     string   `json:"trace" jsonschema:"name of the trace for the other tools"`
	ExitCode  int      `json:"exit_code"`
	TimedOut  bool     `json:"timed_out"`
	Summary   string   `json:"summary"`
	NotTraced []string `json:"not_traced" jsonschema:"processes of which nothing is known"`
	Notes     []string `json:"notes"`
	Findings  []string `json:"findings" jsonschema:"the most telling ones; the tool findings has the evidence"`
	Stdout    string   `json:"stdout" jsonschema:"its end"`
	Stderr    string   `json:"stderr" jsonschema:"its end"`
}

func (s *Server) trace(ctx context.Context, _ *mcp.CallToolRequest, in RunInput) (*mcp.CallToolResult, RunOutput, error) {
	var none RunOutput
	base := s.options
	if in.Dir != "" {
		dir, err := s.inside(in.Dir)
		if info, statErr := os.Stat(dir); err == nil && (statErr != nil || !info.IsDir()) {
			err = errors.New("not a directory")
		}
		if err != nil {
			return nil, none, s.failure(fmt.Errorf("dir %q: %w; name a directory below %s", in.Dir, err, s.options.Dir))
		}
		base.Dir = dir
	}
	o, err := base.run(in)
	if err != nil {
		return nil, none, s.failure(err)
	}
	s.mu.Lock()
	if s.traces >= maxTraces {
		s.mu.Unlock()
		return nil, none, fmt.Errorf("this session has recorded %d traces: start another", maxTraces)
	}
	s.traces++
	name := fmt.Sprintf("trace%d", s.traces)
	s.mu.Unlock()
	var out, errs tail
	o.Stdout, o.Stderr, o.Keep, o.Redact = &out, &errs, filepath.Join(s.folder, name+".jsonl.zst"), s.redact
	result, err := run.Run(ctx, o)
	if err != nil {
		return nil, none, s.failure(fmt.Errorf("%w\n%s", err, errs.text(s.clean)))
	}
	s.mu.Lock()
	s.last = name
	s.mu.Unlock()
	answer := RunOutput{Trace: name, ExitCode: result.Exit, TimedOut: result.TimedOut, Summary: s.clean(view.Summary(result.Trace)), NotTraced: []string{},
		Notes: []string{}, Findings: []string{}, Stdout: out.text(s.clean), Stderr: errs.text(s.clean)}
	for _, n := range result.Notes {
		answer.Notes = append(answer.Notes, s.clean(n))
	}
	for _, c := range result.Trace.Untraced() {
		answer.NotTraced = append(answer.NotTraced, s.clean(strings.Join(c.Argv, " ")))
	}
	for _, p := range result.Trace.Problems() {
		answer.Notes = append(answer.Notes, s.clean(p.Text))
	}
	for i, f := range findings.Find(result.Trace) {
		if i < 5 {
			answer.Findings = append(answer.Findings, s.clean(f.Text))
		}
	}
	return nil, answer, nil
}

var breakpointShape = regexp.MustCompile(`^(.+):([0-9]{1,7})(?:\s+if\s+(.+))?$`)

// run translates the input.
func (o Options) run(in RunInput) (run.Options, error) {
	r := run.Options{Command: in.Command, Dir: o.Dir, Timeout: o.Timeout, Sandbox: o.Sandbox, Image: o.Image}
	if in.Seconds > 0 {
		r.Timeout = min(o.Timeout, time.Duration(in.Seconds)*time.Second)
	}
	c := &r.Config
	*c = tracer.Config{Functions: in.Functions, Level: in.Level, Watches: in.Watches, Locals: true, ExceptionSnapshot: true, Snapshots: 50, MaxRecords: 10_000,
		Timeout: r.Timeout.Seconds()}
	if in.MaxRecords > 0 {
		c.MaxRecords = min(in.MaxRecords, 200_000)
	}
	switch in.Level {
	case "", "functions", "variables", "control":
	default:
		return r, fmt.Errorf("level %q: functions, variables or control", in.Level)
	}
	for _, p := range in.Include {
		c.Include = append(c.Include, o.absolute(p))
	}
	for _, p := range in.Exclude {
		c.Exclude = append(c.Exclude, o.absolute(p))
	}
	for _, b := range in.Breakpoints {
		m := breakpointShape.FindStringSubmatch(b)
		if m == nil {
			return r, fmt.Errorf("breakpoint %q: want FILE:LINE or FILE:LINE if CONDITION", b)
		}
		line, err := strconv.Atoi(m[2])
		if err != nil {
			return r, err
		}
		c.Breakpoints = append(c.Breakpoints, tracer.Breakpoint{File: o.absolute(m[1]), Line: line, Condition: m[3]})
	}
	return r, nil
}

func (o Options) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(o.Dir, path)
}

func (s *Server) clean(text string) string {
	if s.redact != nil {
		text = s.redact.Text(text, nil).String()
	}
	return strings.ToValidUTF8(text, "?")
}

// failure makes an error that may be told.
func (s *Server) failure(err error) error { return errors.New(s.clean(err.Error())) }

// TraceInput names a trace.
type TraceInput struct {
	Trace string `json:"trace,omitempty" jsonschema:"name of a trace, or a file; default the last one recorded"`
}

// FindingsInput is the input of the tool findings.
type FindingsInput struct {
	Trace string `json:"trace,omitempty" jsonschema:"name of a trace, or a file; default the last one recorded"`
	Green string `json:"green,omitempty" jsonschema:"trace of a passing run of the same test, to compare with"`
}

func (s *Server) findings(_ context.Context, _ *mcp.CallToolRequest, in FindingsInput) (*mcp.CallToolResult, any, error) {
	o := text.FindingsOptions{Options: s.view()}
	if in.Green != "" {
		green, err := s.load(in.Green)
		if err != nil {
			return nil, nil, s.failure(err)
		}
		o.Green = green
	}
	return s.shown(in.Trace, func(b *bytes.Buffer, t *trace.Trace) error { return text.Findings(b, t, o) })
}

func (s *Server) view() view.Options { return view.Options{Width: 240} }

// TreeInput is the input of the tool tree.
type TreeInput struct {
	Trace  string `json:"trace,omitempty" jsonschema:"name of a trace, or a file; default the last one recorded"`
	Depth  int    `json:"depth,omitempty" jsonschema:"deeper calls are counted only"`
	Lines  int    `json:"lines,omitempty" jsonschema:"at most so many lines, default 120"`
	Call   CallID `json:"call,omitempty" jsonschema:"only this call, by its id such as 14 or \"2.14\", and what it called"`
	Unfold bool   `json:"unfold,omitempty" jsonschema:"each call by itself"`
}

func (s *Server) tree(_ context.Context, _ *mcp.CallToolRequest, in TreeInput) (*mcp.CallToolResult, any, error) {
	if in.Lines <= 0 {
		in.Lines = 120
	}
	return s.shown(in.Trace, func(b *bytes.Buffer, t *trace.Trace) error {
		return text.Tree(b, t, view.TreeOptions{Options: s.view(), Depth: in.Depth, Lines: in.Lines, Call: int64(in.Call), Unfold: in.Unfold})
	})
}

// SliceInput is the input of the tool slice.
type SliceInput struct {
	Trace     string   `json:"trace,omitempty" jsonschema:"name of a trace, or a file; default the last one recorded"`
	Functions []string `json:"functions,omitempty" jsonschema:"qualified names, their last parts, or patterns with * and ?"`
	Files     []string `json:"files,omitempty" jsonschema:"paths, ends of paths or directories"`
	Modules   []string `json:"modules,omitempty" jsonschema:"dotted names, with what is below"`
	Text      string   `json:"text,omitempty" jsonschema:"part of a value, a name or a message"`
	Object    int      `json:"object,omitempty" jsonschema:"identity, 3 for #3: records whose values hold the object"`
	Calls     []CallID `json:"calls,omitempty" jsonschema:"ids of calls, such as 14 or \"2.14\""`
	Records   []int    `json:"records,omitempty" jsonschema:"ids of records"`
	FromMS    float64  `json:"from_ms,omitempty" jsonschema:"milliseconds since the start of tracing"`
	ToMS      float64  `json:"to_ms,omitempty" jsonschema:"likewise, the end"`
	Callers   bool     `json:"callers,omitempty" jsonschema:"with the calls that lead there"`
	Callees   bool     `json:"callees,omitempty" jsonschema:"with all that these called"`
	Limit     int      `json:"limit,omitempty" jsonschema:"the first so many records, default 100"`
}

func (s *Server) slice(ctx context.Context, _ *mcp.CallToolRequest, in SliceInput) (*mcp.CallToolResult, any, error) {
	if in.Limit <= 0 {
		in.Limit = 100
	}
	f := view.Filter{Functions: in.Functions, Files: in.Files, Modules: in.Modules, Text: in.Text, Object: in.Object,
		From: time.Duration(in.FromMS * 1e6), To: time.Duration(in.ToMS * 1e6), Callers: in.Callers, Callees: in.Callees, Limit: in.Limit, Done: ctx.Done()}
	for _, c := range in.Calls {
		f.Calls = append(f.Calls, int64(c))
	}
	for _, r := range in.Records {
		f.Records = append(f.Records, [2]int{r, r})
	}
	return s.shown(in.Trace, func(b *bytes.Buffer, t *trace.Trace) error {
		err := text.Show(b, t, f, text.ShowOptions{Options: s.view()})
		if err == nil && b.Len() == 0 {
			b.WriteString("No record matches.\n")
		}
		return err
	})
}

// DiffInput is the input of the tool diff.
type DiffInput struct {
	Red   string `json:"red" jsonschema:"trace of the failing run"`
	Green string `json:"green" jsonschema:"trace of the passing run"`
}

func (s *Server) diff(_ context.Context, _ *mcp.CallToolRequest, in DiffInput) (*mcp.CallToolResult, any, error) {
	green, err := s.load(in.Green)
	if err != nil {
		return nil, nil, s.failure(err)
	}
	return s.shown(in.Red, func(b *bytes.Buffer, red *trace.Trace) error {
		return text.Diff(b, red, green, text.DiffOptions{Options: s.view()})
	})
}

func (s *Server) snapshot(_ context.Context, _ *mcp.CallToolRequest, in TraceInput) (*mcp.CallToolResult, any, error) {
	return s.shown(in.Trace, func(b *bytes.Buffer, t *trace.Trace) error {
		list := t.Snapshots()
		if len(list) == 0 {
			b.WriteString("The trace holds no snapshots. Call trace with breakpoints on lines inside functions (not on a def line).\n")
		}
		for _, r := range list {
			writeSnapshot(b, r.ID, r.Snapshot())
		}
		for _, p := range t.Problems() {
			fmt.Fprintf(b, "note: %s\n", p.Text)
		}
		return nil
	})
}

func writeSnapshot(b *bytes.Buffer, id int, s *wire.Snapshot) {
	if s == nil {
		return
	}
	if s.Why == "exception" {
		fmt.Fprintf(b, "record %d: nobody caught %s: %s\n", id, s.Type, s.Text)
	} else {
		fmt.Fprintf(b, "record %d: %s, hit %d\n", id, s.At, s.Hit)
	}
	for _, w := range s.Watches {
		switch {
		case w.Err != "":
			fmt.Fprintf(b, "  watch %s: %s\n", w.Expr, w.Err)
		case w.Value != nil:
			fmt.Fprintf(b, "  watch %s = %s\n", w.Expr, w.Value)
		}
	}
	for _, f := range s.Stack {
		fmt.Fprintf(b, "  %s (%s:%d)\n", f.Name, f.File, f.Line)
		for _, v := range f.Locals {
			fmt.Fprintf(b, "    %s = %s\n", v.Name, v.Value)
		}
	}
}
