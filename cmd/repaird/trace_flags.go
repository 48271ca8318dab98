package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/config"
	tracerun "github.com/repaird/repaird/internal/trace/run"
)

// traceFlags are the flags of repaird trace, when it runs a command.
type traceFlags struct {
	set *flag.FlagSet

	calls, qualified          bool
	counts                    countFlag
	noComprehensions, allComp bool
	xtrace                    xtraceFlag
	onException               string
	locals                    bool
	breakpoints               breakpointFlag
	breakFunctions            listFlag
	watches                   listFlag
	snapshots                 int
	jsonOut                   string
	verbose, printResult      bool

	include, exclude, functions, noFunctions, modules listFlag
	file                                              string

	level                string
	maxDepth, maxEvents  int
	maxRecords, perCode  int
	timeout              secondsFlag
	ring                 bool
	python, engine       string
	out                  string
	requireTraced, quiet bool
	docker               string
	sandbox              bool
	state, redact        string
}

func newTraceFlags() *traceFlags {
	f := &traceFlags{set: flags("trace", traceHelp)}
	s := f.set
	explain := s.Usage
	s.Usage = func() { // a mistake does not print the whole help
		if s.Output() == os.Stdout {
			explain()
		} else {
			fmt.Fprintln(s.Output(), "repaird trace --help lists the flags")
		}
	}
	s.BoolVar(&f.calls, "calls", false, "print CALL and RETURN lines while the command runs")
	s.Var(&f.counts, "call-counts", "print the `N` most-called functions (default 10)")
	s.BoolVar(&f.noComprehensions, "no-comprehensions", false, "leave out the calls of comprehensions and generator expressions")
	s.BoolVar(&f.allComp, "comprehensions", false, "record the calls of comprehensions (default with --calls and --call-counts)")
	s.BoolVar(&f.qualified, "qualified", false, "print qualified names, such as Cart.add_item")
	s.Var(&f.xtrace, "xtrace", "print each executed line, like bash -x: `lines`, numbers or all (of every Python file)")
	s.StringVar(&f.onException, "on-exception", "", "`snapshot`: print the stack of an uncaught exception")
	s.BoolVar(&f.locals, "locals", false, "include the variables of each frame")
	s.Var(&f.breakpoints, "breakpoint", "take a snapshot at `FILE:LINE`, \"FILE:LINE if CONDITION\", \"FILE:LINE hit N\" (repeatable)")
	s.Var(&f.breakFunctions, "break-func", "take a snapshot at the start of function `NAME`: add, Cart.add, shop.cart:add (repeatable)")
	s.Var((*conditionFlag)(&f.breakpoints), "condition", "condition `EXPR` of the preceding breakpoint")
	s.Var(&f.watches, "watch", "evaluate `EXPR` at breakpoints (repeatable)")
	s.IntVar(&f.snapshots, "snapshots", 0, "at most `N` snapshots")
	s.StringVar(&f.jsonOut, "json-out", "", "write snapshots to `FILE` instead of standard output")
	s.BoolVar(&f.verbose, "verbose", false, "print a summary of each snapshot to standard error")
	s.BoolVar(&f.printResult, "print-result", false, "print the path of --json-out and its number of snapshots, as JSON")

	s.Var(&f.include, "include", "only code below `PATH` (repeatable)")
	s.Var(&f.exclude, "exclude", "leave out code below `PATH` (repeatable)")
	s.Var(&f.modules, "module", "only this module or package, by its dotted `NAME`, wherever it is (repeatable)")
	s.Var(&f.functions, "function", "only this function: `NAME`, qualified or its last part (repeatable)")
	s.Var(&f.noFunctions, "exclude-function", "not functions whose name matches `PATTERN` (repeatable)")
	s.StringVar(&f.file, "trace-config", "", "read targets and limits from a trace_config.json `FILE`")

	s.StringVar(&f.level, "level", "", "what to record: `functions`, variables (also each assignment), control (also each branch)")
	s.IntVar(&f.maxDepth, "max-depth", 0, "maximum depth `N` of recorded calls (default 200)")
	s.IntVar(&f.maxEvents, "max-events", 0, "stop tracing after `N` events; the command continues")
	s.IntVar(&f.maxRecords, "max-records", 0, "keep at most `N` records, the first and the last (default 10,000)")
	s.IntVar(&f.perCode, "max-per-function", 0, "record at most `N` calls per function, count the rest (default 500)")
	s.Var(&f.timeout, "timeout", "kill the command after `SECONDS` (exit code 124) and print the stacks of its threads")
	s.BoolVar(&f.ring, "ring", false, "keep only the end, where crashes occur")

	s.StringVar(&f.out, "out", "", "write the trace to `FILE`; compressed if its name ends in .zst")
	s.BoolVar(&f.requireTraced, "require-traced", false, "exit with 1 if a Python process was not traced")
	s.BoolVar(&f.quiet, "quiet", false, "do not print a summary")
	s.StringVar(&f.python, "python", "", "run with this interpreter (`PATH` or name)")
	s.StringVar(&f.engine, "engine", "", "`settrace` or monitoring (default: by the version of Python)")
	s.StringVar(&f.engine, "backend", "", "alias of --engine")
	s.BoolVar(&f.sandbox, "sandbox", false, "run in a sandbox (bubblewrap) with a copy of the current directory and no network")
	s.StringVar(&f.docker, "docker", "", "run in a container from `IMAGE`, with the same isolation as --sandbox")
	s.StringVar(&f.state, "state", config.DefaultStateDir(), "state `DIR` of deploy/setup.sh, for --sandbox")
	s.StringVar(&f.redact, "redact", "", "redact the trace with the key in `FILE` (at least 32 bytes)")
	return f
}

// splitTraceArgs separates the flags of repaird trace from the command. A
// script may be followed by flags; whatever follows another command belongs to it.
func splitTraceArgs(set *flag.FlagSet, args []string) (own, command []string) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return own, append(command, args[i+1:]...)
		case command == nil && (a == "-" || !strings.HasPrefix(a, "-")):
			if !strings.HasSuffix(a, ".py") {
				return own, args[i:]
			}
			command = []string{a}
		case command != nil && !isFlag(set, a):
			command = append(command, a)
		default:
			taken := flagWords(set, args[i:])
			own = append(own, strings.Join(args[i:i+taken], "="))
			i += taken - 1
		}
	}
	return own, command
}

// isFlag reports whether a word among a script's arguments is one of our flags:
// a known one with two dashes.
func isFlag(set *flag.FlagSet, word string) bool {
	name, ok := strings.CutPrefix(word, "--")
	name, _, _ = strings.Cut(name, "=")
	return ok && set.Lookup(name) != nil
}

// flagWords returns whether a flag is one word or two.
func flagWords(set *flag.FlagSet, args []string) int {
	name := strings.TrimLeft(args[0], "-")
	f := set.Lookup(name)
	if f == nil || strings.Contains(name, "=") || len(args) < 2 {
		return 1
	}
	if _, ok := f.Value.(*countFlag); ok {
		if _, err := strconv.ParseUint(args[1], 10, 31); err == nil {
			return 2
		}
		return 1
	}
	if b, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
		return 1
	}
	return 2
}

// A listFlag collects the values of a repeated flag.
type listFlag []string

func (l *listFlag) String() string     { return strings.Join(*l, " ") }
func (l *listFlag) Set(s string) error { *l = append(*l, s); return nil }

// A countFlag is a number with a default: --call-counts, --call-counts 20.
type countFlag int

func (c *countFlag) String() string   { return "" }
func (c *countFlag) IsBoolFlag() bool { return true }
func (c *countFlag) Set(s string) error {
	if s == "true" {
		s = "10"
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n == 0 {
		return fmt.Errorf("%q is not a number of functions", s)
	}
	*c = countFlag(n)
	return nil
}

// An xtraceFlag is a style of Lines: --xtrace, --xtrace=numbers.
type xtraceFlag string

func (x *xtraceFlag) String() string   { return "" }
func (x *xtraceFlag) IsBoolFlag() bool { return true }
func (x *xtraceFlag) Set(s string) error {
	switch s {
	case "true":
		s = tracerun.XTraceLines
	case tracerun.XTraceLines, tracerun.XTraceNumbers, tracerun.XTraceAll:
	default:
		return fmt.Errorf("%q is not one of lines, numbers, all", s)
	}
	*x = xtraceFlag(s)
	return nil
}

// A secondsFlag is a time in seconds (5, 0.5) or as Go writes it (1m30s).
type secondsFlag time.Duration

func (d *secondsFlag) String() string { return "" }
func (d *secondsFlag) Set(s string) error {
	t, err := time.ParseDuration(s)
	if err != nil {
		if t, err = time.ParseDuration(s + "s"); err != nil {
			return fmt.Errorf("%q is not a duration", s)
		}
	}
	if t < 0 || t > 24*time.Hour {
		return fmt.Errorf("%q is not between 0 and a day", s)
	}
	*d = secondsFlag(t)
	return nil
}

// A breakpoint is a line at which to look, as the user wrote it.
type breakpoint struct {
	spec, file, condition string
	line, hit             int
}

type breakpointFlag []breakpoint

func (b *breakpointFlag) String() string { return "" }

// Set parses FILE:LINE [hit N] [if CONDITION].
func (b *breakpointFlag) Set(s string) error {
	place, condition, conditional := strings.Cut(s, " if ")
	place, hit, hits := strings.Cut(strings.TrimSpace(place), " hit ")
	x := breakpoint{spec: strings.TrimSpace(place), condition: strings.TrimSpace(condition)}
	i := strings.LastIndexByte(x.spec, ':')
	if i <= 0 {
		return fmt.Errorf("%q is not FILE:LINE", x.spec)
	}
	var err error
	if x.line, err = strconv.Atoi(x.spec[i+1:]); err != nil || x.line < 1 {
		return fmt.Errorf("%q: the line must be a number from 1", x.spec)
	}
	x.file = filepath.Clean(x.spec[:i])
	if hits {
		if x.hit, err = strconv.Atoi(strings.TrimSpace(hit)); err != nil || x.hit < 1 {
			return fmt.Errorf("%q: the hit must be a number from 1", hit)
		}
	}
	if conditional && x.condition == "" {
		return fmt.Errorf("the condition after if is missing")
	}
	*b = append(*b, x)
	return nil
}

// A conditionFlag is a condition for the breakpoint before it.
type conditionFlag breakpointFlag

func (c *conditionFlag) String() string { return "" }
func (c *conditionFlag) Set(s string) error {
	if len(*c) == 0 {
		return fmt.Errorf("a condition applies to the preceding breakpoint, but there is none")
	}
	(*c)[len(*c)-1].condition = s
	return nil
}
