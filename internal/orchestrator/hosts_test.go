package orchestrator_test

import (
	"context"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/pipeline"
	"github.com/repaird/repaird/internal/postgres"
	"github.com/repaird/repaird/internal/postgres/pgtest"
	"github.com/repaird/repaird/internal/sandbox"
)

func TestAStartingDaemonTakesOnlyWhatItsOwnHostsDeadHeld(t *testing.T) {
	t.Parallel()
	self, err := sandbox.SelfOwner()
	if err != nil {
		t.Fatal(err)
	}
	rebooted := self
	rebooted.Boot = strings.Repeat("0", 32)
	elsewhere := rebooted
	elsewhere.Host = "h0123456789abcdef"
	for name, c := range map[string]struct {
		owner sandbox.Owner
		taken bool
	}{
		"its host's earlier boot": {rebooted, true},
		"another host":            {elsewhere, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			orc, _ := start(t, db, stageFuncs{"assemble": func(ctx context.Context, _ *pipeline.Case) error { <-ctx.Done(); return ctx.Err() }})
			run := accept(t, orc, delivery(1))
			until(t, db, run, func(r *postgres.Run) bool { return r.Attempt == 1 })
			// As if the owner had taken it from the first daemon.
			if _, err := db.Pool.Exec(ctx, `update runs set fence = fence + 1, lease_owner = $1, lease_until = now() + interval '1 hour'`, c.owner.String()); err != nil {
				t.Fatal(err)
			}
			start(t, db, stageFuncs{"assemble": func(ctx context.Context, _ *pipeline.Case) error { <-ctx.Done(); return ctx.Err() }})
			var held bool
			if err := db.Pool.QueryRow(ctx, `select lease_until > now() + interval '30 minutes' from runs`).Scan(&held); err != nil {
				t.Fatal(err)
			}
			if held == c.taken {
				t.Errorf("after the start of another daemon the lease holds: %v", held)
			}
		})
	}
}
