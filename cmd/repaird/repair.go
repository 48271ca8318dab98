package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/app"
	"github.com/repaird/repaird/internal/behaviour"
	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/llm"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/verify"
)

const repairHelp = `repaird repair --repo DIR --event FILE [--out DIR] [--json]
repaird repair --test NODEID [--repo DIR] [--out DIR] [--json]

Repair one event without a server or database: seal the redacted evidence,
generate a failing test from it, run the test under the tracer, search for a
patch and verify it. With --test, a test of the repository that fails takes the
event's place. Progress goes to standard error, the verdict to standard
output, and every artifact to --out.

FILE is a Sentry event, envelope or webhook body, an OTLP request, a Python
traceback or a bundle, as received (gzip, br and zstd included); "-" reads
standard input. DIR is a git repository that contains the event's commit, or a
plain directory, which is used as it is; with --test the current one by default.
NODEID is what pytest calls a test, such as tests/test_cart.py::test_total[EUR].

The environment is built from what the repository says it needs (docs/environment.md);
--requirements, --root, --python, --image and --time-zone say it instead.

With ANTHROPIC_API_KEY (and ANTHROPIC_MODEL, ANTHROPIC_BASE_URL), or
OPENAI_API_KEY or OPENAI_BASE_URL (and OPENAI_MODEL), patches are proposed by
that model; otherwise, or with --proposer templates, by the templates proposer,
which needs no model. OpenAI itself is asked through the Responses API, an
OPENAI_BASE_URL through chat completions; --api chooses. Several independent
conversations (--samples) share the budget, and the behaviour that most of them
arrive at is proposed. Without --price the cost is unknown, and --dollars has no
effect. Sandboxes need what deploy/setup.sh installs.

Where several behaviours remain plausible, the outcome is a question with the
candidates side by side. The answer is given by repeating the command with
--decide and an option's key as it is printed (B-3f2a), or with --expect or
--raises for another answer;
it becomes the assertion of the test.

Exit codes: 0 verified patch, 1 failure, 2 usage error, 3 typed stop,
4 a question that a person has to answer.

  repaird repair --repo . --event crash.envelope.gz --out repair/
  repaird repair --test tests/test_cart.py::test_total
  curl -s $EVENT_URL | repaird repair --repo . --event - --json | jq .accepted`

// probeAge is for how long commands that follow each other trust one probe of the
// sandbox.
const probeAge = 15 * time.Minute

func repairOne(ctx context.Context, args []string) error {
	fs := flags("repair", repairHelp)
	o := app.OneShot{Machine: app.Machine{Logger: logger("warn"), ProbeAge: probeAge}}
	fs.StringVar(&o.Repo, "repo", "", "git repository or plain `DIR`")
	fs.StringVar(&o.Event, "event", "", "`FILE` that holds the event; - reads standard input")
	fs.StringVar(&o.Test, "test", "", "node id of a failing test of the repository, instead of an event")
	fs.StringVar(&o.Commit, "commit", "", "use this `SHA`, branch or tag instead of the event's commit")
	fs.StringVar(&o.Setup.Root, "root", "", "source root inside the repository, such as src")
	fs.StringVar(&o.Machine.Backend, "sandbox", "auto", "docker, bwrap, or auto")
	fs.StringVar(&o.Machine.Image, "image", "", "container image with Python and pytest, pinned by digest (docker), or `RELEASE` of a base system")
	fs.Func("python", "`MINOR=IMAGE` to run code of this Python in, such as 3.8=python:3.8-slim@sha256:…; repeatable", func(s string) error {
		minor, image, ok := strings.Cut(s, "=")
		if !ok || image == "" || !strings.HasPrefix(minor, "3.") {
			return fmt.Errorf("%q is not MINOR=IMAGE", s)
		}
		if o.Machine.Images == nil {
			o.Machine.Images = map[string]string{}
		}
		o.Machine.Images[minor] = image
		return nil
	})
	fs.Func("requirements", "requirements `FILE` of the repository to install instead of those found; repeatable", func(s string) error {
		o.Setup.Requirements = append(o.Setup.Requirements, s)
		return nil
	})
	fs.StringVar(&o.Setup.TimeZone, "time-zone", "", "`ZONE` of production, such as Europe/Vienna, if the event names none")
	fs.Func("test-command", "`COMMAND` that runs the repository's tests, such as 'pytest tests/unit'", func(s string) error {
		o.Command = strings.Fields(s)
		return nil
	})
	fs.IntVar(&o.Policy.MaxFiles, "max-files", 0, "files that a patch may change; 0 is the default")
	fs.IntVar(&o.Policy.MaxLines, "max-lines", 0, "lines that a patch may add and remove; 0 is the default")
	fs.StringVar(&o.Machine.StateDir, "state", config.DefaultStateDir(), "state `DIR`: store, work, base systems")
	fs.IntVar(&o.Repeats, "repeats", 5, "how many times to run each test")
	choiceFlags(fs, &o.Choice)
	fs.StringVar(&o.Choice.Key, "decide", "", "the `KEY` of the option that is right, should a question be asked, as the question prints it (B-3f2a)")
	model := modelFlags(fs, &o)
	out := fs.String("out", "", "write all artifacts to `DIR`")
	asJSON := fs.Bool("json", false, "print the outcome as JSON")
	if err := parse(fs, args, 0); err != nil {
		return err
	}
	switch {
	case o.Test != "" && o.Event != "":
		return usageError(fs, "--event and --test exclude each other")
	case o.Test != "" && o.Repo == "":
		o.Repo = "."
	case o.Test == "" && (o.Repo == "" || o.Event == ""):
		return usageError(fs, "--repo and --event, or --test, are required")
	}
	if o.Repeats < 1 || o.Repeats > 50 {
		return usageError(fs, "--repeats must be between 1 and 50")
	}
	if err := model(); err != nil {
		return usageError(fs, "%s", err)
	}
	if chosen(o.Choice) > 1 {
		return usageError(fs, "--decide, --expect and --raises exclude each other")
	}
	o.By = whoami()
	began := time.Now()
	o.Progress = func(stage, line string) {
		fmt.Fprintf(os.Stderr, "%6.1fs %-9s %s\n", time.Since(began).Seconds(), stage, line)
	}
	c, err := o.Run(ctx)
	if *out != "" {
		if werr := app.WriteOut(*out, c, err); werr != nil {
			return werr
		}
		fmt.Fprintf(os.Stderr, "%6.1fs %-9s artifacts are in %s\n", time.Since(began).Seconds(), "done", *out)
	}
	if text := spent(c.Repair); text != "" {
		fmt.Fprintf(os.Stderr, "%6.1fs %-9s %s\n", time.Since(began).Seconds(), "spent", text)
	}
	if err != nil && fault.AsStop(err) == nil {
		return err
	}
	printOutcome(c, fault.AsStop(err), *asJSON)
	return err
}

// An outcome is what --json prints.
type outcome struct {
	Accepted   bool               `json:"accepted"`
	Decision   verify.Decision    `json:"decision,omitempty"`
	Strength   behaviour.Strength `json:"strength,omitempty"`
	Grounds    []behaviour.Ground `json:"grounds,omitempty"`
	Question   *verify.Question   `json:"question,omitempty"`
	Run        string             `json:"run"`
	Bundle     string             `json:"bundle,omitempty"`
	Incident   string             `json:"incident,omitempty"`
	Commit     string             `json:"commit,omitempty"`
	Fidelity   float64            `json:"fidelity,omitempty"`
	Failed     int                `json:"failed,omitempty"`
	Runs       int                `json:"runs,omitempty"`
	Proposer   string             `json:"proposer,omitempty"`
	Candidates int                `json:"candidates,omitempty"` // verified
	Usage      *llm.Usage         `json:"usage,omitempty"`      // of a model
	Dollars    *float64           `json:"dollars,omitempty"`    // not there: unknown, or no model was used
	ProofModes []string           `json:"proof_modes,omitempty"`
	Gates      []verify.Gate      `json:"gates,omitempty"`
	Diff       string             `json:"diff,omitempty"`
	Stop       *fault.Stop        `json:"stop,omitempty"`
}

func printOutcome(c *pipeline.Case, stop *fault.Stop, asJSON bool) {
	o := outcome{Run: c.Run, Stop: stop}
	if b := c.Bundle; b != nil {
		o.Bundle, o.Incident, o.Commit = b.ID, b.Incident.Summary, b.Code.Commit
	}
	if r := c.Reproduction; r != nil {
		o.Fidelity, o.Failed, o.Runs = r.Fidelity.Score, r.Failed, r.Runs
	}
	if r := c.Repair; r != nil {
		o.Proposer, o.Candidates = r.Proposer, len(r.Attempts)
		if r.Usage.Used() {
			o.Usage = &r.Usage
			if !r.Unpriced {
				o.Dollars = &r.Dollars
			}
		}
	}
	if v := c.Verdict; v != nil {
		o.Accepted, o.ProofModes, o.Gates, o.Diff = v.Decision == verify.Accepted && stop == nil, v.ProofModes, v.Gates, v.Diff
		o.Decision, o.Strength, o.Grounds, o.Question = v.Decision, v.Strength, v.Grounds, v.Question
	}
	if asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		_ = e.Encode(o)
		return
	}
	if stop != nil && stop.Type == fault.Undecided && o.Question != nil {
		printQuestion(os.Stdout, o.Question)
		fmt.Printf("\n%s\n%s\n", oneLine(stop.Detail), answerHelp(o.Question, "repeat the command with --decide", pipeline.Reference))
		return
	}
	if stop != nil {
		fmt.Printf("stopped: %s\n%s\nwhat would help: %s\n", stop.Type, stop.Detail, stop.Help)
		if stop.Log != "" {
			fmt.Println(stop.Log)
		}
		return
	}
	fmt.Printf("verdict: accepted; proof modes %v; reproduced %d of %d, fidelity %.2f; proposed by %s\n\n", o.ProofModes, o.Failed, o.Runs, o.Fidelity, o.Proposer)
	for _, g := range o.Gates {
		fmt.Printf("  %-13s %-11s %s\n", g.Name, g.Outcome, g.Evidence)
	}
	fmt.Printf("\n%s", o.Diff)
	fmt.Printf("\nstrength: %s\n", o.Strength)
	for _, g := range o.Grounds {
		fmt.Printf("  %-15s %-11s %s\n", oneLine(g.Name), g.Effect, oneLine(g.Evidence))
	}
	if p := c.Pinned; p != nil && p.Asserts != "" {
		fmt.Printf("the test asserts %s\n", oneLine(p.Asserts))
	} else if p != nil && p.Why != "" {
		fmt.Printf("the test asserts nothing: %s\n", oneLine(p.Why))
	}
}

// modelFromEnvironment chooses the model as the vendors' own tools do.
func modelFromEnvironment() config.Model {
	return app.ModelFromEnvironment(os.LookupEnv)
}
