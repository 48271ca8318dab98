// Package pipeline is one incident's way from evidence to a draft pull request.
//
// Each stage is a function func(ctx, In) (Out, error): In says what it needs,
// Out what it returns. [Stages] lists them with their names, and [Pipeline.Do]
// runs one of them on a [Case], which grows from stage to stage. `repaird
// repair` runs them in sequence without a database; the orchestrator runs each
// as a durable job, stores its artifacts, and restores the case from them for
// the next.
//
//	c := &pipeline.Case{Job: pipeline.Job{Run: "run-1", Project: p}, Events: events}
//	for _, stage := range pipeline.Stages {
//		if _, err := pl.Do(ctx, stage.Name, c); err != nil {
//			return err // a *fault.Stop is an answer, not a failure
//		}
//	}
package pipeline

import (
	"fmt"
	"time"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/report"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/verify"
)

// A Project is the application whose errors are repaired.
type Project struct {
	Name        string
	Repository  string // owner/name; for a local folder its base name
	URL         string // git URL or path
	Branch      string // "" the repository's default
	TestCommand []string
	Setup       language.Setup
	RedactKey   []byte // at least 16 bytes, secret
	Policy      patch.Policy
	Budget      repair.Budget
	Card        repair.CardPolicy
	Forge       forge.Forge // nil: nothing is published
}

// A Job is the context of one run.
type Job struct {
	Run      string
	Project  Project
	Test     string                         // node id of a failing test of the repository that is the incident, instead of an event; where it is several tests', assemble makes it that of one; "" none
	Progress func(string)                   // one line of progress; may be nil
	Record   func(kind string, payload any) // for the ledger; may be nil
	Acts     forge.Acts                     // asked before and after every outward act; may be nil
	PageURL  string                         // address of the run's page; "" none
}

// A Case is a job with everything known so far; it grows from stage to stage.
type Case struct {
	Job
	Incident Incident
	Events   []incident.Event // unredacted, the best first; only while there is no bundle

	Bundle       *bundle.Bundle
	Reproduction *repro.Reproduction
	Repair       *repair.Result
	Verdict      *verify.Verdict
	Decisions    Decisions // people's answers to the run's questions
	Pinned       *Pinned   // the test with what its call should answer
	PullRequest  *forge.PullRequest
	Diagnosis    string              // diagnosis card of the red run, redacted
	Divergence   *diverge.Divergence // divergence card, redacted
}

// Incident is the incident's row in the database.
type Incident struct {
	ID        string
	FirstSeen time.Time
	LastSeen  time.Time
	Count     int
}

func (j *Job) progress(format string, args ...any) {
	if j.Progress != nil {
		j.Progress(fmt.Sprintf(format, args...))
	}
}

// say is progress for packages that format their own lines.
func (j *Job) say(line string) { j.progress("%s", line) }

func (j *Job) record(kind string, payload any) {
	if j.Record != nil {
		j.Record(kind, payload)
	}
}

// redactor is the project's.
func (j *Job) redactor() *redact.Redactor { return redact.New(j.Project.RedactKey) }

func (c *Case) red() Red { return Red{c.Bundle, c.Reproduction, c.Decisions, c.Pinned} }

// ReportInput is the case as package report reads it.
func (c *Case) ReportInput() report.Input {
	in := report.Input{
		Run: c.Run, Bundle: c.Bundle, Reproduction: c.Reproduction, Repair: c.Repair, Verdict: c.Verdict,
		Diagnosis: c.Diagnosis, Divergence: c.Divergence, PageURL: c.PageURL, Redactor: c.redactor(),
	}
	if p := c.Pinned; p != nil {
		in.Assertion = report.Assertion{What: p.Asserts, By: p.By, Why: p.Why, Test: p.Test.Source}
	}
	if c.Bundle != nil {
		in.Key = c.key(c.Bundle)
		in.Known = in.Redactor.Event(c.Bundle.Event).Known()
	}
	return in
}
