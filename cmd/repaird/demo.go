package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/text"
)

const demoHelp = `repaird demo [flags]

Repair four sample incidents end to end on this machine: start a private
PostgreSQL and a daemon, send it each sample's recorded Sentry event, and follow
the runs until each ends in a draft pull request in the local forge, in a typed
stop, or in a question that a person has to answer. In a terminal, wait for the
answer, and keep serving the dashboard until Ctrl-C; its pages are also saved as
files. Without one, or with --yes, option A is the answer.

With ANTHROPIC_API_KEY, OPENAI_API_KEY or OPENAI_BASE_URL set, patches are
proposed by that model; otherwise by the templates proposer, which needs no
model. deploy/setup.sh, which make demo runs first, installs what is missing.`

func demo(ctx context.Context, args []string) error {
	fs := flags("demo", demoHelp)
	d := app.Demo{}
	fs.StringVar(&d.StateDir, "state", config.DefaultStateDir(), "state `DIR`")
	fs.StringVar(&d.Sandbox, "sandbox", "auto", "docker, bwrap, or auto")
	fs.StringVar(&d.Listen, "listen", "127.0.0.1:7230", "`ADDRESS` of the demo's daemon")
	serve := fs.Bool("serve", terminal(), "keep serving the dashboard until Ctrl-C (default: in a terminal)")
	yes := fs.Bool("yes", false, "answer a question with option A instead of asking (default: without a terminal)")
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	d.Model = modelFromEnvironment()
	if d.Model.Vendor == "templates" {
		fmt.Println("proposer: templates (no model: none of ANTHROPIC_API_KEY, OPENAI_API_KEY and OPENAI_BASE_URL is set)")
	} else {
		fmt.Printf("proposer: %s %s\n", d.Model.Vendor, d.Model.Name)
	}
	began := time.Now()
	d.Progress = func(sample, stage, line string) {
		fmt.Printf("%6.1fs  %-8s %-9s %s\n", time.Since(began).Seconds(), sample, stage, line)
	}
	defer func() {
		c, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		d.Close(c)
	}()
	results, err := d.Run(ctx)
	if err != nil {
		return err
	}
	for i := range results {
		if err := decideDemo(ctx, &d, &results[i], *yes || !isTerminal(os.Stdin)); err != nil {
			return err
		}
	}
	fmt.Printf("\n%s in %.0f s\n", text.Count(len(results), "incident"), time.Since(began).Seconds())
	failed := false
	for _, r := range results {
		failed = failed || r.State == "failed"
		printResult(r, *serve)
	}
	if *serve {
		fmt.Printf("\nThe dashboard is at http://%s until Ctrl-C.\n", d.Listen)
		<-ctx.Done()
	} else {
		fmt.Printf("\nTo keep the dashboard running: repaird demo --serve\n")
	}
	if failed {
		return errors.New("a run failed")
	}
	return nil
}

func printResult(r app.DemoResult, served bool) {
	fmt.Printf("\n%s: %s\n", r.Sample, r.Story)
	switch {
	case r.PR != nil:
		fmt.Printf("  verified: draft pull request #%d on branch %s, commit %.12s\n", r.PR.Number, r.PR.Branch, r.PR.Commit)
		if served {
			fmt.Printf("  %s\n", r.PR.URL)
		}
	case r.Stop != nil:
		fmt.Printf("  stopped: %s: %s\n  what would help: %s\n", r.Stop.Type, r.Stop.Detail, r.Stop.Help)
	default:
		fmt.Printf("  %s: %s\n", r.State, r.Error)
	}
	fmt.Printf("  evidence: %s (file://%s)\n  %.1f s:", r.Page, r.File, r.Seconds)
	for _, s := range pipeline.Stages {
		if t, ok := r.Stages[s.Name]; ok {
			fmt.Printf(" %s %.1f", s.Name, t)
		}
	}
	fmt.Println()
}

// decideDemo has a person answer the question of a run, if it ended in one; or
// answers with option A. An empty line leaves the question open.
func decideDemo(ctx context.Context, d *app.Demo, r *app.DemoResult, script bool) error {
	if r.Question == nil {
		return nil
	}
	command := "repaird run --config " + d.ConfigFile() + " decide " + r.Run
	fmt.Printf("\n%s: %s\n\n", r.Sample, r.Story)
	printQuestion(os.Stdout, r.Question)
	fmt.Printf("\n%s\n", answerHelp(r.Question, command, keyOf))
	if script {
		const key = "A"
		fmt.Printf("\nNobody is asked here: answering with option %s.\n\n", key)
		return d.Decide(ctx, r, pipeline.Choice{Key: key}, "the demo")
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			lines <- strings.TrimSpace(in.Text())
		}
	}()
	for {
		fmt.Print("\nYour answer (a key, a value, or raises TYPE; empty to leave it open): ")
		var line string
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case line = <-lines:
		}
		if line == "" {
			fmt.Println()
			return nil
		}
		err := d.Decide(ctx, r, choiceFrom(r.Question, line), whoami())
		if fault.KindOf(err) != fault.Invalid {
			return err
		}
		fmt.Println(oneLine(err.Error()))
	}
}

func terminal() bool { return isTerminal(os.Stdout) }

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
