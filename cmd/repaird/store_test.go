package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/config"
	"github.com/repaird/repaird/internal/store"
)

// storeWith creates a state directory with a store of two entries of 100 kB,
// the first of which is in use, and a directory that a dead process left.
func storeWith(t *testing.T) (state string) {
	t.Helper()
	state = t.TempDir()
	s, err := store.Open(filepath.Join(state, "store"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"held", "idle"} {
		e, err := s.Use(t.Context(), store.Trees, key, func(_ context.Context, dir string) error {
			return os.WriteFile(filepath.Join(dir, "f"), make([]byte, 100_000), 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
		if key == "held" {
			t.Cleanup(e.Release)
		} else {
			e.Release()
		}
	}
	dead := filepath.Join(state, "work", "1-dead")
	if err := os.MkdirAll(dead, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dead+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return state
}

func runStore(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryStore(t, args...)
	if err != nil {
		t.Fatalf("repaird store %v: %v\n%s", args, err, out)
	}
	return out
}

func tryStore(t *testing.T, args ...string) (string, error) {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), bin, append([]string{"store"}, args...)...).CombinedOutput()
	return string(out), err
}

func TestASizeAndAllExcludeEachOther(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"0", "5GiB"} {
		out, err := tryStore(t, "prune", "--max", size, "--all", "--state", storeWith(t))
		if err == nil || !strings.Contains(out, "mutually exclusive") {
			t.Errorf("--max %s --all: %v\n%s", size, err, out)
		}
	}
}

func TestAMissingStoreIsAnErrorAndIsNotCreated(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"prune"}} {
		empty := t.TempDir()
		for _, state := range []string{empty, filepath.Join(empty, "none")} {
			out, err := tryStore(t, append(args, "--state", state)...)
			if err == nil || !strings.Contains(out, filepath.Join(state, "store")+" does not exist") || !strings.Contains(out, "check --state") {
				t.Errorf("store %v: %v\n%s", args, err, out)
			}
		}
		if left, err := os.ReadDir(empty); len(left) != 0 || err != nil {
			t.Errorf("store %v created %v, %v", args, left, err)
		}
	}
}

func TestTheHelpNamesTheLimitWithoutAConfiguration(t *testing.T) {
	t.Parallel()
	if want := "or " + config.DefaultStoreSize.String() + " without --config"; !strings.Contains(runStore(t, "--help"), want) {
		t.Errorf("the help does not say %q", want)
	}
}

func TestTheStoreIsShownAndPruned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		says []string
		left string
	}{
		{"shown", nil, []string{"KIND", "trees  held", "in use", "trees  idle", "208KiB of 20GiB"}, "held idle"},
		{"pruned to its bound", []string{"prune"}, []string{"removed 0 items (0B) and 1 folder of dead processes"}, "held idle"},
		{"pruned to a size", []string{"prune", "--max", "110KiB"}, []string{"removed 1 item (104KiB)"}, "held"},
		{"pruned to nothing but what is in use", []string{"prune", "--max", "0"}, []string{"removed 1 item"}, "held"},
		{"all pruned but what is in use", []string{"prune", "--all"}, []string{"removed 1 item"}, "held"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			state := storeWith(t)
			out := runStore(t, append(c.args, "--state", state)...)
			for _, want := range c.says {
				if !strings.Contains(out, want) {
					t.Errorf("got\n%s\nwant %q in it", out, want)
				}
			}
			var shown struct {
				Entries []store.Info `json:"entries"`
			}
			if err := json.Unmarshal([]byte(runStore(t, "--state", state, "--json")), &shown); err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, e := range shown.Entries {
				left = append(left, e.Key)
				if e.InUse != (e.Key == "held") || e.Bytes < 100_000 {
					t.Errorf("got %+v", e)
				}
			}
			if got := strings.Join(left, " "); got != c.left {
				t.Errorf("left are %s, want %s", got, c.left)
			}
			_, err := os.Stat(filepath.Join(state, "work", "1-dead"))
			if pruned := len(c.args) > 0; pruned != os.IsNotExist(err) {
				t.Errorf("the dead process's folder: %v", err)
			}
		})
	}
}
