// Package orchestrator makes repairs durable: it accepts deliveries in one
// transaction, runs each stage of a run as a short idempotent River job, and
// resumes the runs of a killed daemon.
//
// A run is a state machine (docs/states.md). A worker takes the run's lease
// with a new fencing token, does the stage, and in one transaction writes its
// artifacts, its ledger entry, the run's next state, the completion of its own
// job and the next job. A worker whose token is no longer the newest can
// neither write nor act. River's own rescue of lost jobs takes an hour, so a
// sweeper finds runs whose lease has expired and gives them a new job; leases
// of dead processes on the same host expire at startup.
package orchestrator

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/forge"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/secret"
)

// Stages does the work; *pipeline.Pipeline in production.
type Stages interface {
	// Do returns the artifacts that the stage created.
	Do(ctx context.Context, stage string, c *pipeline.Case) ([]pipeline.Artifact, error)
}

// Options configure an Orchestrator.
type Options struct {
	DB           *postgres.DB
	Box          *secret.Box
	Stages       Stages
	Project      func(name string) (pipeline.Project, bool)
	Workers      int
	Lease        time.Duration // default 20 s
	StageTimeout time.Duration // default 30 min
	RawRetention time.Duration // default 15 min
	RetryBase    time.Duration // first pause before a retry, doubled each time; default 1 s
	RunsPerDay   int           // of one project; default 50
	PageURL      func(run string) string
	Logger       *slog.Logger
	Clean        func(project, text string) redact.Clean // redacts texts that leave
	Failpoint    func(name string)                       // tests kill the process here; nil does nothing
}

// An Orchestrator runs stages. It implements intake.Acceptor.
type Orchestrator struct {
	Options
	owner  string
	client *river.Client[pgx.Tx]
	stop   context.CancelFunc
	done   chan struct{}
}

// Stages beside those of pipeline.
const stageNotify = "notify" // tells the person who asked

// Terminal states.
const (
	StateStopped = "stopped"
	StateFailed  = "failed" // a defect, or an outage that outlasted every retry; `repaird run retry` starts a new run
)

// maxAttempts is how often a stage is started before it counts as failed.
// Outages (fault.Retryable) do not count, crashes of the daemon do.
const maxAttempts = 6

// patience is how long outages are tolerated, from when a run began or was
// resumed.
const patience = 24 * time.Hour

type stageArgs struct {
	Run   string `json:"run"`
	Stage string `json:"stage"`
}

func (stageArgs) Kind() string { return "stage" }

// New prepares an orchestrator; Start begins the work.
func New(o Options) (*Orchestrator, error) {
	if o.Lease == 0 {
		o.Lease = 20 * time.Second
	}
	if o.StageTimeout == 0 {
		o.StageTimeout = 30 * time.Minute
	}
	if o.RetryBase == 0 {
		o.RetryBase = time.Second
	}
	if o.RawRetention == 0 {
		o.RawRetention = 15 * time.Minute
	}
	if o.RunsPerDay == 0 {
		o.RunsPerDay = 50
	}
	if o.Workers == 0 {
		o.Workers = 2
	}
	if o.Failpoint == nil {
		o.Failpoint = func(string) {}
	}
	owner, err := sandbox.SelfOwner()
	if err != nil {
		return nil, err
	}
	orc := &Orchestrator{Options: o, owner: owner.String(), done: make(chan struct{})}
	workers := river.NewWorkers()
	river.AddWorker(workers, &stageWorker{orc: orc})
	orc.client, err = river.NewClient(riverpgxv5.New(o.DB.Pool), &river.Config{
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.Workers}},
		Workers:           workers,
		Logger:            slog.New(quiet{o.Logger.Handler()}),
		JobTimeout:        -1, // stages have their own
		FetchPollInterval: 500 * time.Millisecond,
		FetchCooldown:     100 * time.Millisecond,
	})
	return orc, err
}

// Start begins working on jobs and does not block.
func (o *Orchestrator) Start(ctx context.Context) error {
	ctx, o.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := o.recover(ctx); err != nil {
		o.stop()
		return err
	}
	if err := o.client.Start(ctx); err != nil {
		o.stop()
		return err
	}
	go o.sweep(ctx)
	return nil
}

// Stop lets running stages end until ctx does, then cancels them; a cancelled
// stage releases its lease and is repeated by the next daemon.
func (o *Orchestrator) Stop(ctx context.Context) error {
	if o.stop == nil {
		return nil
	}
	defer func() { o.stop(); <-o.done }()
	err := o.client.Stop(ctx)
	if err != nil && ctx.Err() != nil {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return o.client.StopAndCancel(hard)
	}
	return err
}

type stageWorker struct {
	river.WorkerDefaults[stageArgs]
	orc *Orchestrator
}

// NextRetry spaces retries 1, 2, 4 … 60 s.
func (w *stageWorker) NextRetry(job *river.Job[stageArgs]) time.Time {
	return time.Now().Add(min(time.Minute, w.orc.RetryBase<<min(job.Attempt-1, 6)))
}

// Work runs one stage, once: whatever happens, the run's row says where to
// resume.
func (w *stageWorker) Work(ctx context.Context, job *river.Job[stageArgs]) error {
	o := w.orc
	log := o.Logger.With("run", job.Args.Run, "stage", job.Args.Stage)
	run, err := o.DB.Acquire(ctx, job.Args.Run, job.Args.Stage, o.owner, o.Lease)
	if err != nil {
		return err
	}
	if run == nil {
		return nil // ended, at another stage, or held by a live worker
	}
	h := &hold{o: o, run: run, log: log}
	if run.Attempt > maxAttempts {
		return h.fail(ctx, job, fmt.Errorf("stage %s was started %d times without finishing; last error: %s", run.Stage, maxAttempts, run.Error))
	}
	began := time.Now()
	stageCtx, end := h.keep(ctx)
	o.Failpoint("stage." + run.Stage + ".begin")
	c, made, err := o.do(stageCtx, h)
	end()
	log.Info("stage finished", "attempt", run.Attempt, "seconds", time.Since(began).Seconds(), "error", h.clean(outcome(err)))
	return h.settle(ctx, stageCtx, job, c, made, err)
}

func outcome(err error) string {
	if err == nil {
		return ""
	}
	if s := fault.AsStop(err); s != nil {
		return "stop " + string(s.Type)
	}
	return err.Error()
}

// do runs the stage on the run's case.
func (o *Orchestrator) do(ctx context.Context, h *hold) (*pipeline.Case, []pipeline.Artifact, error) {
	project, ok := o.Project(h.run.Project)
	if !ok {
		return nil, nil, &fault.Stop{Type: fault.NoSource, Detail: "Project " + h.run.Project + " is not configured.",
			Help: "Add it to projects in the configuration file, or cancel the run."}
	}
	c, err := o.load(ctx, h, project)
	if err != nil {
		return nil, nil, err
	}
	if h.run.Stage == stageNotify {
		return c, nil, o.notify(ctx, h, c)
	}
	if h.run.Stage == pipeline.Assemble && c.Bundle == nil {
		if err := o.admit(ctx, h, c); err != nil {
			return c, nil, err
		}
	}
	made, err := o.Stages.Do(ctx, h.run.Stage, c)
	return c, made, err
}

// load reads the artifacts of earlier stages.
func (o *Orchestrator) load(ctx context.Context, h *hold, p pipeline.Project) (*pipeline.Case, error) {
	inc, err := o.DB.Incident(ctx, h.run.Incident)
	if err != nil {
		return nil, err
	}
	c := &pipeline.Case{
		Job:      pipeline.Job{Run: h.run.ID, Project: p, Acts: h, Progress: h.progress, Record: h.record},
		Incident: pipeline.Incident{ID: inc.ID, FirstSeen: inc.FirstSeen, LastSeen: inc.LastSeen, Count: int(inc.Count)},
	}
	if o.PageURL != nil {
		c.PageURL = o.PageURL(h.run.ID)
	}
	artifacts, err := o.DB.Artifacts(ctx, h.run.ID)
	if err != nil {
		return nil, err
	}
	return c, c.Restore(artifacts)
}

// admit decrypts the incident's events for the assemble stage, within the project's daily limit.
func (o *Orchestrator) admit(ctx context.Context, h *hold, c *pipeline.Case) error {
	n, err := o.DB.RunsToday(ctx, h.run.Project)
	if err != nil {
		return err
	}
	if n > o.RunsPerDay {
		return &fault.Stop{Type: fault.OverBudget, Detail: fmt.Sprintf("Project %s has had %d runs in 24 hours; the limit is %d.", h.run.Project, n, o.RunsPerDay),
			Help: "Raise budget.runs_per_day, or wait."}
	}
	stored, err := o.DB.Events(ctx, h.run.Incident)
	if err != nil {
		return err
	}
	for _, s := range stored {
		h.read = max(h.read, s.ID)
		e, err := o.open(s)
		if err != nil {
			return err
		}
		c.Events = append(c.Events, e)
	}
	if len(c.Events) == 0 {
		return &fault.Stop{Type: fault.NeedsInput, Detail: "The incident's raw events have expired (raw_retention).",
			Help: "Wait for the next event, or raise raw_retention."}
	}
	return nil
}

// settle writes the stage's end in one transaction.
func (h *hold) settle(ctx, stageCtx context.Context, job *river.Job[stageArgs], c *pipeline.Case, made []pipeline.Artifact, err error) error {
	switch {
	case errors.Is(context.Cause(stageCtx), postgres.ErrFenced):
		return nil // another worker holds the run
	case errors.Is(context.Cause(stageCtx), errCancelled):
		return h.commit(ctx, job, c, made, h.stopStep(&fault.Stop{Type: fault.Cancelled, Detail: "The run was cancelled.", Help: "Start a new run with `repaird run retry " + h.run.ID + "`."}))
	case err == nil:
		return h.commit(ctx, job, c, made, h.nextStep(c))
	case fault.AsStop(err) != nil:
		return h.commit(ctx, job, c, made, h.stopStep(fault.AsStop(err)))
	case ctx.Err() != nil: // the daemon stops
		_ = h.o.DB.Release(context.WithoutCancel(ctx), h.run.ID, h.run.Fence, false, "the daemon stopped")
		return err
	case errors.Is(context.Cause(stageCtx), context.DeadlineExceeded):
		return h.commit(ctx, job, c, made, h.stopStep(&fault.Stop{Type: fault.OverBudget, Detail: fmt.Sprintf("Stage %s exceeded its time limit of %s.", h.run.Stage, h.o.StageTimeout), Help: "Raise stage_timeout."}))
	}
	began := h.run.Created
	if h.run.Resumed != nil {
		began = *h.run.Resumed
	}
	retryable := fault.KindOf(err) == fault.Retryable && time.Since(began) < patience
	if !retryable && h.run.Attempt >= maxAttempts {
		return h.fail(ctx, job, err)
	}
	h.log.Error("stage will be retried", "attempt", h.run.Attempt, "error", h.clean(err.Error()))
	if rerr := h.o.DB.Release(ctx, h.run.ID, h.run.Fence, !retryable, h.clean(err.Error())); rerr != nil {
		return rerr
	}
	if wait, ok := forge.RetryAfter(err); ok && wait > 0 {
		return river.JobSnooze(min(wait, time.Hour))
	}
	return err
}

func (h *hold) fail(ctx context.Context, job *river.Job[stageArgs], err error) error {
	h.log.Error("stage failed", "error", h.clean(err.Error()))
	if h.run.Stage == stageNotify { // an answer that cannot be posted changes nothing about the run
		return h.commit(ctx, job, nil, nil, postgres.Step{State: h.run.State, Stop: rawOrNil(h.run.Stop), Error: h.clean(err.Error())})
	}
	return h.commit(ctx, job, nil, nil, postgres.Step{State: StateFailed, Error: h.clean(err.Error())})
}

func (h *hold) nextStep(c *pipeline.Case) postgres.Step {
	if h.run.Stage == stageNotify {
		return postgres.Step{State: h.run.State, Stop: rawOrNil(h.run.Stop)}
	}
	s, _ := pipeline.StageByName(h.run.Stage)
	step := postgres.Step{State: s.State, Stage: s.Next()}
	if c.Bundle != nil {
		step.Commit = c.Bundle.Code.Commit
	}
	if c.PullRequest != nil {
		step.PullRequest = struct {
			*forge.PullRequest
			Repository string `json:"repository"`
		}{c.PullRequest, c.Project.Repository}
	}
	return step
}

// stopStep ends the run with an answer. Its texts may contain untrusted input,
// so they are redacted once more.
func (h *hold) stopStep(s *fault.Stop) postgres.Step {
	if h.run.Stage == stageNotify {
		return postgres.Step{State: h.run.State, Stop: rawOrNil(h.run.Stop)}
	}
	return postgres.Step{State: StateStopped, Stop: &fault.Stop{Type: s.Type, Detail: h.clean(s.Detail), Help: h.clean(s.Help), Log: h.clean(s.Log)}}
}

// clean redacts a text that may contain untrusted input.
func (h *hold) clean(text string) string { return h.o.Clean(h.run.Project, text).String() }

// commit is the one transaction in which a stage ends.
func (h *hold) commit(ctx context.Context, job *river.Job[stageArgs], c *pipeline.Case, made []pipeline.Artifact, step postgres.Step) error {
	o := h.o
	o.Failpoint("stage." + h.run.Stage + ".before")
	line := map[string]any{"stage": h.run.Stage, "attempt": h.run.Attempt, "state": step.State}
	if step.Stop != nil {
		line["stop"] = step.Stop
	}
	if step.Error != "" {
		line["error"] = step.Error
	}
	digests := map[string]string{}
	for _, a := range made {
		digests[a.Name] = hex.EncodeToString(a.SHA256[:])
	}
	if c != nil {
		line["artifacts"] = digests
	}
	err := pgx.BeginFunc(ctx, o.DB.Pool, func(tx pgx.Tx) error {
		// A person who asks during the last stage is answered too.
		ask, err := postgres.AskOf(ctx, tx, h.run.ID)
		if err != nil {
			return err
		}
		if step.Stage == "" && len(ask) > 0 && h.run.Stage != stageNotify {
			step.Stage = stageNotify
		}
		if c != nil {
			if c.Bundle != nil && h.read > 0 { // sealed: the raw events that it contains are no longer needed
				if err := postgres.ForgetEvents(ctx, tx, h.run.Incident, h.read); err != nil {
					return err
				}
			}
		}
		for _, a := range made {
			if err := postgres.PutArtifact(ctx, tx, h.run.ID, a.Name, a.Content, a.SHA256); err != nil {
				return err
			}
		}
		if err := postgres.Advance(ctx, tx, h.run.ID, h.run.Fence, step); err != nil {
			return err
		}
		if err := postgres.AppendLedger(ctx, tx, h.run.ID, "stage", line); err != nil {
			return err
		}
		if step.Stage == "" {
			if err := postgres.FollowUp(ctx, tx, h.run.ID, newRunID()); err != nil {
				return err
			}
		} else {
			if _, err := o.client.InsertTx(ctx, tx, stageArgs{h.run.ID, step.Stage}, nil); err != nil {
				return err
			}
		}
		_, err = river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
		return err
	})
	if errors.Is(err, postgres.ErrFenced) {
		return nil
	}
	if err == nil {
		o.Failpoint("stage." + h.run.Stage + ".after")
	}
	return err
}

func rawOrNil(b json.RawMessage) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// quiet lets River log only warnings and errors, not its statistics.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}
