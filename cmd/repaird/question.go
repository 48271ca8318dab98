package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/orchestrator"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/verify"
)

// choiceFlags are the flags of an answer that is not an option's key.
func choiceFlags(fs *flag.FlagSet, c *pipeline.Choice) {
	fs.StringVar(&c.Expect, "expect", "", "the call should return `VALUE`, a literal as in source")
	fs.StringVar(&c.Raises, "raises", "", "the call should raise `TYPE`, with its module unless it is built in")
}

// chosen counts the fields of a choice that are set.
func chosen(c pipeline.Choice) (n int) {
	for _, s := range []string{c.Key, c.Expect, c.Raises} {
		if s != "" {
			n++
		}
	}
	return n
}

// whoami is the person at the terminal, as the operating system knows them.
func whoami() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "somebody at the command line"
}

// decideRun answers a run's question, or prints it.
func decideRun(ctx context.Context, db *postgres.DB, id string, c pipeline.Choice) error {
	if chosen(c) == 0 {
		if _, err := db.Run(ctx, id); err != nil {
			return err
		}
		q, err := orchestrator.Question(ctx, db, id)
		if err != nil {
			return err
		}
		if q == nil {
			return fault.Errorf(fault.NotFound, "run %s has no question", id)
		}
		printQuestion(os.Stdout, q)
		fmt.Printf("\n%s\n", answerHelp(q, "repaird run decide "+id, keyOf))
		return nil
	}
	d, err := orchestrator.Decide(ctx, db, id, c, whoami())
	if err != nil {
		return err
	}
	fmt.Printf("%s continues: %s\n", id, oneLine(d.String()))
	return nil
}

// printQuestion prints the candidates, and side by side what they make calls
// near the failing one answer. What comes from the code under test is stripped of
// control characters.
func printQuestion(w io.Writer, q *verify.Question) {
	fmt.Fprintf(w, "QUESTION: %s\n", oneLine(q.Text))
	for _, o := range q.Options {
		fmt.Fprintf(w, "\n%s  %s\n", oneLine(o.Key), oneLine(o.Answer))
		if o.Standing != "" {
			fmt.Fprintf(w, "   %s\n", oneLine(o.Standing))
		}
		for line := range strings.Lines(o.Diff) {
			fmt.Fprintf(w, "   %s\n", oneLine(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "    ")))
		}
	}
	if len(q.Options) == 0 || len(q.Options[0].Changes) == 0 {
		return
	}
	fmt.Fprintf(w, "\nCalls near it:\n")
	for i, d := range q.Options[0].Changes {
		fmt.Fprintf(w, "\n   %s\n      before  %s\n", oneLine(d.Call), oneLine(d.Before))
		for _, o := range q.Options {
			if i < len(o.Changes) {
				fmt.Fprintf(w, "      %-6s  %s\n", oneLine(o.Key), oneLine(o.Changes[i].After))
			}
		}
	}
}

// keyOf is an option's name where the question is stored.
func keyOf(o verify.Option) string { return o.Key }

// answerHelp says how a question is answered; name is an option's.
func answerHelp(q *verify.Question, command string, name func(verify.Option) string) string {
	if q.Kind == verify.AskPermission {
		return "To answer: " + command + " yes (or no)"
	}
	var keys []string
	for _, o := range q.Options {
		keys = append(keys, name(o))
	}
	return fmt.Sprintf("To answer: %s %s; for another answer --expect VALUE or --raises TYPE instead of the key", command, strings.Join(keys, ", or "))
}

// choiceFrom reads what a person types: the key of an option, raises TYPE, or a
// value.
func choiceFrom(q *verify.Question, line string) pipeline.Choice {
	line = strings.TrimSpace(line)
	for _, o := range q.Options {
		if strings.EqualFold(o.Key, line) {
			return pipeline.Choice{Key: o.Key}
		}
	}
	if q.Kind == verify.AskPermission {
		return pipeline.Choice{Key: line}
	}
	if kind, ok := strings.CutPrefix(line, "raises "); ok {
		return pipeline.Choice{Raises: strings.TrimSpace(kind)}
	}
	return pipeline.Choice{Expect: line}
}
