package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/repaird/repaird/internal/fault"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"done":               {nil, 0},
		"help was asked for": {flag.ErrHelp, 0},
		"a failure":          {errors.New("disk full"), 1},
		"wrong usage":        {errUsage, 2},
		"a typed stop":       {fmt.Errorf("repair: %w", &fault.Stop{Type: fault.NoPatch}), 3},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

func TestWrongArgumentsAreUsage(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "event.json")
	if err := os.WriteFile(broken, []byte(`{"version":`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want int
	}{
		{nil, 2},
		{[]string{"help"}, 0},
		{[]string{"version"}, 0},
		{[]string{"fix"}, 2},
		{[]string{"repair"}, 2},
		{[]string{"repair", "--repeats", "0", "--repo", dir, "--event", broken}, 2},
		{[]string{"repair", "--repo", dir, "--event", broken}, 1},
		{[]string{"repair", "--repo", dir, "--event", filepath.Join(dir, "none")}, 1},
		{[]string{"repair", "--nonsense"}, 2},
		{[]string{"serve", "--config", filepath.Join(dir, "none.yaml")}, 1},
		{[]string{"bundle", broken}, 1},
		{[]string{"bundle"}, 2},
		{[]string{"run", "cancel"}, 2},
		{[]string{"eval"}, 2},
		{[]string{"eval", "--only", "(", dir}, 2},
		{[]string{"eval", "--jobs", "0", dir}, 2},
		{[]string{"eval", "--repeats", "51", dir}, 2},
		{[]string{"eval", dir}, 1}, // no case in it
	} {
		if got := run(c.args); got != c.want {
			t.Errorf("repaird %v: got %d, want %d", c.args, got, c.want)
		}
	}
	for _, c := range commands() {
		if got := run([]string{c.name, "--help"}); got != 0 {
			t.Errorf("repaird %s --help: got %d", c.name, got)
		}
	}
}
