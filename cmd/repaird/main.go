// Command repaird turns production errors into verified draft pull requests.
//
// Each subcommand is a short file: flags, configuration, one call. Data goes to
// standard output, progress and diagnostics to standard error.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/fault"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitStop    = 3
	exitAsked   = 4 // a person has to decide
)

// A command is one subcommand. run gets the arguments after its name.
type command struct {
	name, brief string
	run         func(ctx context.Context, args []string) error
}

func commands() []command {
	return []command{
		{"serve", "run the daemon: intake, repairs, dashboard", serve},
		{"repair", "repair one event, with no server and no database", repairOne},
		{"demo", "repair four sample incidents on this machine", demo},
		{"trace", "run a Python command and see what it really did", traceCommand},
		{"eval", "measure the verdict on patches that are known to be right or wrong", evaluate},
		{"run", "list, show, decide, cancel or retry the daemon's runs", runs},
		{"store", "show or prune cached mirrors, trees and environments", stored},
		{"bundle", "verify and print an evidence bundle", bundles},
		{"migrate", "migrate the database schema to this version", migrate},
		{"doctor", "check that this machine and the configuration are ready", doctor},
		{"mcp", "serve the tracer to coding agents", serveMCP},
		{"version", "print the version", version},
	}
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	// The first Ctrl-C shuts down gracefully; the second kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)

	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(os.Stdout)
		if len(args) == 0 {
			return exitUsage
		}
		return exitOK
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return exitCode(c.run(ctx, args[1:]))
		}
	}
	fmt.Fprintf(os.Stderr, "repaird: unknown command %q; run `repaird help` for the list\n", args[0])
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, `repaird reproduces a production error under a tracer and proposes a fix that
an independent, model-free verifier has accepted.

  repaird COMMAND [flags]
  repaird COMMAND --help         describe a command

`)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-9s %s\n", c.name, c.brief)
	}
	fmt.Fprint(w, `
Exit codes: 0 success, 1 failure, 2 usage error, 3 typed stop (repair),
4 a question that a person has to answer (repair).
`)
}

// errUsage means that the arguments are wrong and that the user has been told.
var errUsage = errors.New("usage")

func exitCode(err error) int {
	var status exitStatus
	switch {
	case errors.As(err, &status):
		return int(status)
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.Is(err, errUsage):
		return exitUsage
	case fault.AsStop(err) != nil && fault.AsStop(err).Type == fault.Undecided:
		return exitAsked
	case fault.AsStop(err) != nil:
		return exitStop
	}
	fmt.Fprintln(os.Stderr, "repaird:", err)
	return exitFailure
}

// flags returns a flag set whose help begins with text; parse it with parse.
func flags(name, text string) *flag.FlagSet {
	fs := flag.NewFlagSet("repaird "+name, flag.ContinueOnError)
	fs.SetOutput(plainWriter{os.Stderr})
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "%s\n\nFlags:\n", text)
		fs.PrintDefaults()
	}
	return fs
}

// A plainWriter strips terminal control characters.
type plainWriter struct{ w io.Writer }

func (p plainWriter) Write(b []byte) (int, error) {
	lines := strings.SplitAfter(string(b), "\n")
	for i, line := range lines {
		text, ended := strings.CutSuffix(line, "\n")
		words := strings.Split(text, "\t") // flag help is indented with tabs
		for j := range words {
			words[j] = oneLine(words[j])
		}
		if lines[i] = strings.Join(words, "\t"); ended {
			lines[i] += "\n"
		}
	}
	if _, err := io.WriteString(p.w, strings.Join(lines, "")); err != nil {
		return 0, err
	}
	return len(b), nil
}

// parse parses args and rejects more than rest positional arguments.
func parse(fs *flag.FlagSet, args []string, rest int) error {
	for _, a := range args {
		if a == "-h" || a == "-help" || a == "--help" {
			fs.SetOutput(os.Stdout) // requested help is data, not commentary
		}
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if fs.NArg() > rest {
		fmt.Fprintf(os.Stderr, "%s: unexpected argument %q\n", fs.Name(), fs.Arg(rest))
		return errUsage
	}
	return nil
}

// usageError prints what is wrong with the arguments and returns errUsage.
func usageError(fs *flag.FlagSet, format string, args ...any) error {
	fmt.Fprintf(os.Stderr, "%s: %s (see --help)\n", fs.Name(), oneLine(fmt.Sprintf(format, args...)))
	return errUsage
}

func logger(level string) *slog.Logger { return app.Logger(level, os.Stderr) }
