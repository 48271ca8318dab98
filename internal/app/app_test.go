package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/postgres/pgtest"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// newApp opens a daemon with a database and a state folder of its own; more is
// appended to its YAML.
func newApp(t *testing.T, more string) *App {
	t.Helper()
	sandboxtest.Backend(t, "bwrap")
	dir := t.TempDir()
	bases, err := os.ReadFile(filepath.Join(sandboxtest.StateDir(), "bases.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"db": pgtest.URL(t), "key": strings.Repeat("7a", 32), "bases.json": string(bases)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Parse(fmt.Appendf(nil, "listen: 127.0.0.1:0\nstate_dir: .\ndatabase: file:db\nencryption_key: file:key\nsandbox: {backend: bwrap}\n%s", more), dir)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Stop(context.Background()) })
	return a
}

func TestADaemonThatCannotBeReachedEnds(t *testing.T) {
	t.Parallel()
	a := newApp(t, "")
	a.listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := a.Run(ctx, 10*time.Second)
	if err == nil || !strings.Contains(err.Error(), "the HTTP server on 127.0.0.1:") || ctx.Err() != nil {
		t.Errorf("got %v", err)
	}
	if err := a.DB.Pool.Ping(t.Context()); err == nil {
		t.Error("the database is still open: the daemon has not unwound")
	}
	if _, err := os.Stat(a.state.Scratch.Dir); err == nil {
		t.Error("the process's folder is still there")
	}
}
