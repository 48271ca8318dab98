// Package pipeline is one incident's way from evidence to a draft pull request,
// as plain functions: assemble, reproduce, repair, verify, propose.
//
// Each reads and fills a [Case]. `repaird repair` calls them in a row with no
// database; the orchestrator runs each as a durable job and keeps in between
// what [Case.Artifacts] returns and [Restore] reads back.
//
//	c := &pipeline.Case{Run: "run-1", Project: p, Events: events}
//	for _, stage := range pipeline.Stages {
//		if err := pl.Do(ctx, stage.Name, c); err != nil {
//			return err // a *fault.Stop is an answer, not a failure
//		}
//	}
package pipeline

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/trace/diverge"
	"github.com/repaird/repaird/internal/verify"
)

// A Stage is one step of a run and the state that its success leads to.
type Stage struct {
	Name  string
	State string
	Next  string // "" at the end
}

// Stages are in order. docs/states.md draws them, and a test compares.
var Stages = []Stage{
	{"assemble", "assembled", "reproduce"},
	{"reproduce", "reproduced", "repair"},
	{"repair", "patched", "verify"},
	{"verify", "verified", "propose"},
	{"propose", "proposed", ""},
}

// StageByName returns a stage; ok is false when there is none.
func StageByName(name string) (s Stage, ok bool) {
	for _, s := range Stages {
		if s.Name == name {
			return s, true
		}
	}
	return Stage{}, false
}

// A Project is the application whose errors are repaired.
type Project struct {
	Name        string
	Repository  string // owner/name; for a local folder its base name
	URL         string // git URL or path
	Branch      string // "" the repository's default
	TestCommand []string
	Setup       repro.Setup
	TimeZone    string
	RedactKey   []byte // at least 16 bytes, secret
	Policy      patch.Policy
	Budget      repair.Budget
	Forge       forge.Forge // nil: nothing is published
}

// A Case is one run's evidence, growing from stage to stage.
type Case struct {
	Run      string
	Project  Project
	Incident Incident
	Events   []incident.Event // unredacted; only while assembling

	Bundle       *bundle.Bundle
	Reproduction *repro.Reproduction
	Repair       *repair.Result
	Verdict      *verify.Verdict
	PullRequest  *forge.PullRequest
	Diagnosis    string              // diagnosis card of the red run, redacted
	Divergence   *diverge.Divergence // divergence card, redacted

	Progress func(string)                   // one line of what is being done; may be nil
	Record   func(kind string, payload any) // for the ledger; may be nil
	Acts     forge.Acts                     // asked before and after every outward act; may be nil
	PageURL  string                         // address of the run's page; "" none
}

// Incident is what the incident's own row says.
type Incident struct {
	ID          string    `json:"id"`
	Fingerprint string    `json:"fingerprint"`
	FirstSeen   time.Time `json:"first_seen"`
	LastSeen    time.Time `json:"last_seen"`
	Count       int       `json:"count"`
}

func (c *Case) progress(format string, args ...any) {
	if c.Progress != nil {
		c.Progress(fmt.Sprintf(format, args...))
	}
}

func (c *Case) record(kind string, payload any) {
	if c.Record != nil {
		c.Record(kind, payload)
	}
}

// Artifact names, as stored and as `repaird repair --out` calls its files.
const (
	ArtifactBundle       = "bundle.json"
	ArtifactReproduction = "reproduction.json"
	ArtifactRed          = "red.jsonl"
	ArtifactRepair       = "repair.json"
	ArtifactVerdict      = "verdict.json"
	ArtifactVerdictRed   = "verdict-red.jsonl"
	ArtifactGreen        = "green.jsonl"
	ArtifactPullRequest  = "pull_request.json"
	ArtifactDiagnosis    = "card.md"
	ArtifactDivergence   = "divergence.json"
	ArtifactProposal     = "pull_request.md"
)

// Artifacts returns everything that the case holds by now.
func (c *Case) Artifacts() (map[string][]byte, error) {
	out := map[string][]byte{}
	var err error
	put := func(name string, v any) {
		b, e := json.Marshal(v)
		if e != nil && err == nil {
			err = fmt.Errorf("%s: %w", name, e)
		}
		out[name] = b
	}
	if c.Bundle != nil {
		out[ArtifactBundle] = c.Bundle.JSON()
	}
	if c.Reproduction != nil {
		put(ArtifactReproduction, c.Reproduction)
		out[ArtifactRed] = c.Reproduction.Trace
	}
	if c.Repair != nil {
		put(ArtifactRepair, c.Repair)
	}
	if c.Verdict != nil {
		put(ArtifactVerdict, c.Verdict)
		out[ArtifactVerdictRed] = c.Verdict.Red
		out[ArtifactGreen] = c.Verdict.Green
	}
	if c.PullRequest != nil {
		put(ArtifactPullRequest, c.PullRequest)
	}
	if c.Diagnosis != "" {
		out[ArtifactDiagnosis] = []byte(c.Diagnosis)
	}
	if c.Divergence != nil {
		put(ArtifactDivergence, c.Divergence)
	}
	return out, err
}

// Restore fills the case from artifacts that an earlier stage returned.
func (c *Case) Restore(artifacts map[string][]byte) (err error) {
	defer fault.Wrap(&err, "restore run %s", c.Run)
	if b := artifacts[ArtifactBundle]; b != nil {
		if c.Bundle, err = bundle.Open(b); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name string
		dst  any
	}{
		{ArtifactReproduction, &c.Reproduction},
		{ArtifactRepair, &c.Repair},
		{ArtifactVerdict, &c.Verdict},
		{ArtifactPullRequest, &c.PullRequest},
		{ArtifactDivergence, &c.Divergence},
	} {
		if b := artifacts[f.name]; b != nil {
			if err := json.Unmarshal(b, f.dst); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
	}
	c.Diagnosis = string(artifacts[ArtifactDiagnosis])
	if c.Reproduction != nil {
		c.Reproduction.Trace = artifacts[ArtifactRed]
	}
	if c.Verdict != nil {
		c.Verdict.Red, c.Verdict.Green = artifacts[ArtifactVerdictRed], artifacts[ArtifactGreen]
	}
	return nil
}
