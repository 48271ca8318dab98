package orchestrator

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/sandbox"
)

// keepKeys is how long deliveries are deduplicated: longer than any sender
// keeps redelivering.
const keepKeys = 30 * 24 * time.Hour

// sweep gives orphaned runs a new job and deletes old raw events, until ctx
// ends.
func (o *Orchestrator) sweep(ctx context.Context) {
	defer close(o.done)
	tick := time.NewTicker(max(o.Lease/4, 250*time.Millisecond))
	defer tick.Stop()
	var forgot time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := o.adopt(ctx); err != nil && ctx.Err() == nil {
			o.Logger.Warn("sweep", "error", err)
		}
		if time.Since(forgot) < time.Minute {
			continue
		}
		forgot = time.Now()
		if n, err := o.DB.ForgetOldEvents(ctx, time.Now().Add(-o.RawRetention), keepKeys); err != nil && ctx.Err() == nil {
			o.Logger.Warn("delete raw events", "error", err)
		} else if n > 0 {
			o.Logger.Info("raw events deleted", "count", n)
		}
	}
}

// adopt gives every orphaned run a job.
func (o *Orchestrator) adopt(ctx context.Context) error {
	orphans, err := o.DB.Orphans(ctx)
	if err != nil {
		return err
	}
	for _, r := range orphans {
		o.Logger.Info("resume", "run", r.ID, "stage", r.Stage)
		err := pgx.BeginFunc(ctx, o.DB.Pool, func(tx pgx.Tx) error { return postgres.Enqueue(ctx, tx, r.ID) })
		if err != nil {
			return err
		}
	}
	return nil
}

// recover immediately ends the leases of dead processes on this host, so that a
// restarted daemon does not wait for them to expire.
func (o *Orchestrator) recover(ctx context.Context) error {
	leases, err := o.DB.Leases(ctx)
	if err != nil {
		return err
	}
	for owner := range leases {
		if process, err := sandbox.ParseOwner(owner); err == nil && process.Dead() {
			if err := o.DB.Expire(ctx, owner); err != nil {
				return err
			}
		}
	}
	return o.adopt(ctx)
}
