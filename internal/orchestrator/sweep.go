package orchestrator

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/repaird/repaird/internal/postgres"
)

// keepKeys is how long deliveries are recognised as seen: longer than any
// sender redelivers.
const keepKeys = 30 * 24 * time.Hour

// sweep gives orphaned runs a new job and forgets old raw events, until ctx ends.
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
			o.Logger.Warn("forget raw events", "error", err)
		} else if n > 0 {
			o.Logger.Info("raw events forgotten", "count", n)
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
		err := pgx.BeginFunc(ctx, o.DB.Pool, func(tx pgx.Tx) error { return postgres.EnqueueStage(ctx, tx, r.ID, r.Stage) })
		if err != nil {
			return err
		}
	}
	return nil
}

// recover ends at once the leases of dead processes of this machine, so that
// a restarted daemon does not wait for them to run out.
func (o *Orchestrator) recover(ctx context.Context) error {
	leases, err := o.DB.Leases(ctx)
	if err != nil {
		return err
	}
	for owner := range leases {
		if deadHere(owner) {
			if err := o.DB.Expire(ctx, owner); err != nil {
				return err
			}
		}
	}
	return o.adopt(ctx)
}

// processIdentity names this process beyond doubt: boot id, pid name space, pid, start time.
func processIdentity() (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	ns, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "", err
	}
	start, err := startTime(os.Getpid())
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s %d %s", bytes.TrimSpace(boot), ns, os.Getpid(), start), nil
}

// deadHere reports whether owner is a process of this machine and name space
// that does not exist any more.
func deadHere(owner string) bool {
	me, err := processIdentity()
	f, mine := strings.Fields(owner), strings.Fields(me)
	if err != nil || len(f) != 4 || f[0] != mine[0] || f[1] != mine[1] {
		return false
	}
	pid, err := strconv.Atoi(f[2])
	if err != nil {
		return false
	}
	start, err := startTime(pid)
	return err != nil || start != f[3]
}

// startTime is field 22 of /proc/PID/stat, in clock ticks since boot; a zombie is dead.
func startTime(pid int) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The command name may hold spaces and parentheses; fields count from the last one.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 20 || f[0] == "Z" || f[0] == "X" {
		return "", fmt.Errorf("process %d has ended", pid)
	}
	return f[19], nil
}
