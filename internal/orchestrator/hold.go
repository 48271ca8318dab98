package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/intake"
	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/redact"
	"github.com/repaird/repaird/internal/report"
)

var errCancelled = errors.New("the run was cancelled")

// A hold is one worker's lease on one run. It is the run's forge.Acts: no
// outward act happens without the newest fencing token.
type hold struct {
	o   *Orchestrator
	run *postgres.Run
	log *slog.Logger
	// read is the newest event that the assemble stage has decrypted.
	read int64
}

// keep renews the lease while the stage works (heartbeat). The returned context
// ends when the lease is lost, the run is cancelled, or the stage exceeds its
// time limit; its cause says which.
func (h *hold) keep(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ctx, cancelTimeout := context.WithTimeout(ctx, h.o.StageTimeout)
	done := make(chan struct{})
	go func() {
		defer close(done)
		lastGood := time.Now()
		tick := time.NewTicker(h.o.Lease / 4)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			cancelled, err := h.o.DB.Extend(ctx, h.run.ID, h.run.Fence, h.o.Lease)
			switch {
			case cancelled:
				cancel(errCancelled)
			case errors.Is(err, postgres.ErrFenced), err != nil && time.Since(lastGood) > h.o.Lease:
				cancel(postgres.ErrFenced)
			case err == nil:
				lastGood = time.Now()
			}
		}
	}()
	return ctx, func() {
		cause := context.Cause(ctx)
		cancel(cause) // keeps an earlier cause
		cancelTimeout()
		<-done
	}
}

// Before implements forge.Acts.
func (h *hold) Before(ctx context.Context, act string) error {
	h.o.Failpoint("act." + act + ".before")
	return h.append(ctx, "act", map[string]any{"act": act, "phase": "before"})
}

// After implements forge.Acts.
func (h *hold) After(ctx context.Context, act, ref string) error {
	h.o.Failpoint("act." + act + ".after")
	return h.append(ctx, "act", map[string]any{"act": act, "phase": "after", "ref": ref})
}

func (h *hold) progress(line string) {
	h.record("progress", map[string]string{"stage": h.run.Stage, "text": h.o.Clean(h.run.Project, line).String()})
}

// record appends to the ledger; a lost entry is logged, never fatal.
func (h *hold) record(kind string, payload any) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := h.append(ctx, kind, payload); err != nil && !errors.Is(err, postgres.ErrFenced) {
		h.log.Warn("ledger entry lost", "kind", kind, "error", err)
	}
}

// append writes one ledger entry while holding the run's row, so that the token
// is checked and entries do not race.
func (h *hold) append(ctx context.Context, kind string, payload any) error {
	return pgx.BeginFunc(ctx, h.o.DB.Pool, func(tx pgx.Tx) error {
		if err := postgres.CheckFence(ctx, tx, h.run.ID, h.run.Fence); err != nil {
			return err
		}
		return postgres.AppendLedger(ctx, tx, h.run.ID, kind, payload)
	})
}

// commentKey identifies the comment on a run's end: one more for each decision.
func commentKey(run string, decisions pipeline.Decisions) string {
	if len(decisions) == 0 {
		return run
	}
	return fmt.Sprintf("%s-%d", run, len(decisions))
}

// notify tells the person who asked how the run ended.
func (o *Orchestrator) notify(ctx context.Context, h *hold, c *pipeline.Case) error {
	var ask intake.Ask
	if err := json.Unmarshal(h.run.Ask, &ask); err != nil || ask.Issue == 0 || c.Project.Forge == nil {
		return nil //nolint:nilerr // no person asked in a way that can be answered
	}
	r := redact.New(c.Project.RedactKey)
	var text redact.Clean
	switch stop := (*fault.Stop)(nil); {
	case c.PullRequest != nil:
		text = redact.Concat(redact.Constant("A draft pull request proposes a repair: "), r.Text(c.PullRequest.URL, nil))
	case len(h.run.Stop) > 0 && json.Unmarshal(h.run.Stop, &stop) == nil:
		in := report.StopInput{Stop: stop, Incident: h.run.Incident, Run: h.run.ID, PageURL: c.PageURL, Redactor: r}
		if c.Verdict != nil {
			in.Question = c.Verdict.Question
		}
		if c.Bundle != nil {
			in.Summary = c.Bundle.Incident.Summary
		}
		text = report.Stop(in)
	case h.run.State == StateFailed:
		text = redact.Constant("The repair could not be finished because of a defect or an outage. The details are in repaird's log; its operator can start a new run.")
	default:
		return nil
	}
	if err := h.Before(ctx, "comment"); err != nil {
		return err
	}
	if err := c.Project.Forge.Comment(ctx, ask.Repository, ask.Issue, commentKey(h.run.ID, c.Decisions), text); err != nil {
		return err
	}
	return h.After(ctx, "comment", "")
}
