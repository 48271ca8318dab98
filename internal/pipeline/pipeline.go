package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/repaird/repaird/internal/bundle"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/repair"
	"github.com/repaird/repaird/internal/repro"
	"github.com/repaird/repaird/internal/verify"
)

// A Pipeline holds what the stages need. Safe for concurrent use.
type Pipeline struct {
	Source     Source
	Reproducer *repro.Reproducer
	Proposer   func(p Project) repair.Proposer
	Verifier   *verify.Verifier // of verdicts
	Quick      *verify.Verifier // of feedback for proposers; may remember base results
	Fetch      Fetcher          // nil: events that only name another cannot be fetched
	Repeats    int              // runs of each test; 0 means 5
	Floor      float64          // least fidelity; 0 means 0.7
}

// A Fetcher gets an event that a notice only names. App fills it with Sentry's
// API client.
type Fetcher interface {
	FetchEvent(ctx context.Context, project string, f incident.Fetch) (incident.Event, error)
	// ReleaseCommit returns the commit of a release, "" when it has none.
	ReleaseCommit(ctx context.Context, project, release string) (string, error)
}

// Do runs one stage by name.
func (p *Pipeline) Do(ctx context.Context, stage string, c *Case) error {
	switch stage {
	case "assemble":
		return p.Assemble(ctx, c)
	case "reproduce":
		return p.Reproduce(ctx, c)
	case "repair":
		return p.Repair(ctx, c)
	case "verify":
		return p.Verify(ctx, c)
	case "propose":
		return p.Propose(ctx, c)
	}
	return fault.Errorf(fault.Invalid, "no stage is called %q", stage)
}

// Assemble completes the evidence, redacts and seals it.
func (p *Pipeline) Assemble(ctx context.Context, c *Case) error {
	if c.Bundle != nil {
		return nil // sealed by an earlier run of the incident
	}
	e, err := p.bestEvent(ctx, c)
	if err != nil {
		return err
	}
	if e.Platform != "" && e.Platform != "python" {
		return &fault.Stop{Type: fault.Policy, Detail: "the event's platform is " + clip(e.Platform, 40) + "; only Python is repaired", Help: "limit the alert rule to Python projects"}
	}
	sha, err := p.commit(ctx, c, &e)
	if err != nil {
		return err
	}
	e.Commit = sha
	c.progress("redacting and sealing the evidence")
	sig, ok := incident.SignatureOf(&e)
	if !ok {
		return &fault.Stop{Type: fault.NeedsInput, Detail: "the event has no exception", Help: "send exceptions, not only messages"}
	}
	fp := incident.Fingerprint(c.Project.Name, sig)
	evidence := c.redactor().Event(e)
	clean := evidence.Event()
	sig, _ = incident.SignatureOf(&clean)
	now := time.Now().UTC()
	first, last, count := c.Incident.FirstSeen, c.Incident.LastSeen, c.Incident.Count
	if first.IsZero() {
		first, last, count = clean.Time, clean.Time, max(count, 1)
	}
	if first.IsZero() {
		first, last = now, now
	}
	if c.Incident.ID == "" {
		c.Incident.ID = "inc-" + fp[:16]
	}
	c.Bundle, err = bundle.Seal(bundle.Incident{
		ID: c.Incident.ID, Project: c.Project.Name, Summary: summary(&clean), Fingerprint: fp, Signature: sig,
		FirstSeen: first, LastSeen: last, Count: count,
	}, bundle.Code{
		Repository: c.Project.Repository, Commit: sha, Language: "python", Build: clean.Release, TestCommand: c.Project.TestCommand,
	}, evidence)
	if err == nil {
		c.progress("sealed %s: %s; %d values replaced", clip(c.Bundle.ID, 19), c.Bundle.Incident.Summary, c.Bundle.Redaction.Replaced)
	}
	return err
}

// bestEvent picks the richest of the incident's events and adds what others of
// the same trace know.
func (p *Pipeline) bestEvent(ctx context.Context, c *Case) (incident.Event, error) {
	if len(c.Events) == 0 {
		return incident.Event{}, fault.Errorf(fault.Invalid, "run %s has no event", c.Run)
	}
	best := c.Events[0] // callers order by rank
	if best.Raised() == nil && best.Fetch != nil {
		if p.Fetch == nil {
			return best, &fault.Stop{Type: fault.NeedsInput, Detail: "the notice names a Sentry event but carries none",
				Help: "configure projects[].sentry.api_token and organization, or use alert webhooks, which carry the event"}
		}
		c.progress("fetching the event from Sentry")
		e, err := p.Fetch.FetchEvent(ctx, c.Project.Name, *best.Fetch)
		if err != nil {
			if k := fault.KindOf(err); k == fault.NotFound || k == fault.Denied || k == fault.Invalid {
				return best, &fault.Stop{Type: fault.NeedsInput, Detail: "Sentry did not give the event: " + clip(err.Error(), 200), Help: "check projects[].sentry.api_token (scopes event:read, project:read), organization and slug"}
			}
			return best, err
		}
		e.Project, e.Link = c.Project.Name, best.Link
		best = e
	}
	for _, o := range c.Events[1:] {
		if o.TraceID == "" || o.TraceID != best.TraceID {
			continue
		}
		best.Spans = append(best.Spans, o.Spans...)
		best.Logs = append(best.Logs, o.Logs...)
		if best.Request == nil {
			best.Request = o.Request
		}
		if best.Commit == "" {
			best.Commit = o.Commit
		}
	}
	return best, nil
}

// commit finds the commit that ran.
func (p *Pipeline) commit(ctx context.Context, c *Case, e *incident.Event) (string, error) {
	if c.Project.URL == "" {
		return "", &fault.Stop{Type: fault.NoSource, Detail: "project " + c.Project.Name + " has no repository", Help: "set projects[].repository or url"}
	}
	rev := e.Commit
	if rev == "" && e.Release != "" && p.Fetch != nil {
		found, err := p.Fetch.ReleaseCommit(ctx, c.Project.Name, e.Release)
		if err != nil && fault.KindOf(err) == fault.Retryable {
			return "", err
		}
		rev = found
	}
	if rev == "" && e.Release != "" {
		// A release is often a tag.
		for _, tag := range []string{e.Release, "v" + e.Release} {
			if sha, err := p.Source.Resolve(ctx, c.Project, tag); err == nil {
				return sha, nil
			}
		}
	}
	if rev == "" {
		return "", &fault.Stop{Type: fault.NoSource, Detail: "the event does not say which commit was running",
			Help: "set the SDK's release to the commit (SENTRY_RELEASE=$(git rev-parse HEAD)), or for OpenTelemetry OTEL_RESOURCE_ATTRIBUTES=vcs.ref.head.revision=$(git rev-parse HEAD)"}
	}
	c.progress("finding commit %s", clip(rev, 12))
	sha, err := p.Source.Resolve(ctx, c.Project, rev)
	if k := fault.KindOf(err); err != nil && (k == fault.NotFound || k == fault.Invalid) {
		return "", &fault.Stop{Type: fault.NoSource, Detail: fmt.Sprintf("commit %s is not in %s", clip(rev, 40), c.Project.Repository),
			Help: "push the commit that runs in production, or correct the release"}
	}
	return sha, err
}

// Reproduce makes the failing test.
func (p *Pipeline) Reproduce(ctx context.Context, c *Case) error {
	tree, remove, err := p.Source.Checkout(ctx, c.Project, c.Bundle.Code.Commit)
	if err != nil {
		return err
	}
	defer remove()
	in := repro.Input{
		Run: c.Run, Bundle: c.Bundle, Tree: tree, Setup: c.Project.Setup, Repeats: p.Repeats, Floor: p.Floor,
		Progress: func(line string) { c.progress("%s", line) },
	}
	head, err := p.Source.Resolve(ctx, c.Project, "")
	if fault.KindOf(err) == fault.Retryable {
		return err
	}
	if err != nil {
		c.progress("the default branch cannot be read, so nobody knows whether it is fixed there")
	}
	if err == nil && head != c.Bundle.Code.Commit {
		if in.Head, remove, err = p.Source.Checkout(ctx, c.Project, head); err != nil {
			return err
		}
		defer remove()
		in.HeadSHA = head
		if in.History, err = p.Source.History(ctx, c.Project); err != nil {
			return err
		}
	}
	r, err := p.Reproducer.Reproduce(ctx, in)
	if err != nil {
		return err
	}
	r.Trace = redacted(r.Trace, c.redactor())
	c.Reproduction = r
	c.Diagnosis = diagnose(r.Trace, c.redactor())
	c.progress("reproduced %d of %d, fidelity %.2f, by calling %s", r.Failed, r.Runs, r.Fidelity.Score, r.Called)
	return nil
}

// Repair finds a candidate that the verdict would accept.
func (p *Pipeline) Repair(ctx context.Context, c *Case) error {
	tree, remove, err := p.Source.Checkout(ctx, c.Project, c.Bundle.Code.Commit)
	if err != nil {
		return err
	}
	defer remove()
	r := c.Reproduction
	proposer := p.Proposer(c.Project)
	red := c.redactor()
	var frames []incident.Frame
	for _, f := range r.Frames {
		if f.Path != "" {
			g := f.Frame
			g.File = f.Path
			frames = append(frames, g)
		}
	}
	c.progress("asking %s for a patch", proposer.Name())
	c.Repair, err = proposer.Repair(ctx, repair.Input{
		Run: c.Run, Bundle: c.Bundle, Tree: tree, Env: r.Env, Test: r.Test, Outcome: r.Outcome, Output: r.Output,
		Trace: r.Trace, Frames: frames, Redactor: red, Known: red.Event(c.Bundle.Event).Known(), Budget: c.Project.Budget,
		Judge:    &judge{p: p, c: c, tree: tree},
		Progress: func(line string) { c.progress("%s", line) },
		Record:   c.record,
	})
	return err
}

// judge gives proposers the verdict's view on a candidate, without its repeats.
type judge struct {
	p    *Pipeline
	c    *Case
	tree string
}

func (j *judge) Judge(ctx context.Context, candidate patch.Patch) (*repair.Judgement, error) {
	in := j.p.verifyInput(j.c, j.tree, candidate)
	in.Quick = true
	v, err := j.p.Quick.Judge(ctx, in)
	if err != nil {
		return nil, err
	}
	out := &repair.Judgement{Accepted: v.Accepted, Patch: v.Patch}
	if g := failedGate(v); g != nil {
		out.Gate, out.Feedback = g.Name, g.Evidence
	}
	return out, nil
}

func (p *Pipeline) verifyInput(c *Case, tree string, candidate patch.Patch) verify.Input {
	r := c.Reproduction
	in := verify.Input{
		Run: c.Run, Tree: tree, Env: r.Env, Test: r.Test, Patch: candidate, Signature: r.Signature,
		Suite: suiteArguments(c.Project.TestCommand), Repeats: p.Repeats, Policy: c.Project.Policy,
	}
	in.Outer = outer(r.Frames, r.Called)
	return in
}

// outer counts the repository's functions on production's stack outside the
// one that the test calls. A module's body is no function: what it reads is
// input.
func outer(frames []repro.MappedFrame, called string) (n int) {
	for _, f := range frames {
		switch {
		case f.Path == "" || f.Function == "<module>":
		case incident.BareName(f.Function) == incident.BareName(called):
			return n
		default:
			n++
		}
	}
	return 0 // the called function is not among them: nothing is known
}

// Verify computes the verdict; only it lets a run go on to a pull request.
func (p *Pipeline) Verify(ctx context.Context, c *Case) error {
	tree, remove, err := p.Source.Checkout(ctx, c.Project, c.Bundle.Code.Commit)
	if err != nil {
		return err
	}
	defer remove()
	in := p.verifyInput(c, tree, c.Repair.Patch)
	in.Progress = func(gate string) { c.progress("gate %s", gate) }
	v, err := p.Verifier.Judge(ctx, in)
	if err != nil {
		return err
	}
	v.Red, v.Green = redacted(v.Red, c.redactor()), redacted(v.Green, c.redactor())
	c.Verdict = v
	if v.Accepted {
		c.Divergence = divergence(v.Red, v.Green, c.redactor())
		c.progress("verdict: accepted, %d proof modes", len(v.ProofModes))
		return nil
	}
	g := failedGate(v)
	if g == nil {
		return fmt.Errorf("the verdict rejects without a failed gate")
	}
	return &fault.Stop{Type: fault.Rejected, Detail: "gate " + g.Name + ": " + c.redactor().Text(g.Evidence, nil).String(),
		Help: "the evidence page has the candidate and every gate's evidence; a person may take it from there"}
}

// suiteArguments returns what a test command gives to pytest: the runner is our
// own. nil means the whole tree, also for a command that is not pytest's.
func suiteArguments(command []string) []string {
	for i, word := range command {
		if word == "pytest" || word == "py.test" {
			return append([]string{}, command[i+1:]...)
		}
	}
	return nil
}

func failedGate(v *verify.Verdict) *verify.Gate {
	for i := range v.Gates {
		if v.Gates[i].Outcome == verify.Failed {
			return &v.Gates[i]
		}
	}
	return nil
}

// Key is the idempotence key of an incident's proposal on a base commit.
func (c *Case) Key() string {
	h := sha256.Sum256([]byte(c.Project.Name + "\x00" + c.Bundle.Incident.Fingerprint + "\x00" + c.Bundle.Code.Commit))
	return hex.EncodeToString(h[:])
}

// Propose publishes the draft pull request, once for each Key.
func (p *Pipeline) Propose(ctx context.Context, c *Case) error {
	if c.Project.Forge == nil {
		return nil
	}
	proposal, err := p.Proposal(ctx, c)
	if err != nil {
		return err
	}
	acts := c.Acts
	if acts == nil {
		acts = forge.NoActs{}
	}
	c.progress("publishing %s", proposal.Branch)
	c.PullRequest, err = c.Project.Forge.Publish(ctx, *proposal, acts)
	return err
}

// redactor is the project's.
func (c *Case) redactor() *redact.Redactor { return redact.New(c.Project.RedactKey) }

// summary is one line: type, message, function.
func summary(e *incident.Event) string {
	x := e.Raised()
	s := incident.BareName(x.Type)
	if x.Message != "" {
		s += ": " + x.Message
	}
	if f := x.InApp(); len(f) > 0 {
		s += " in " + f[len(f)-1].Function
	}
	return clip(s, 200)
}

// clip cuts at a rune's boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
