package trace_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
)

// hangs never ends: a thread that waits, and a main thread within one call of C.
const hangs = `
import sys, threading
sys.path.insert(0, sys.argv[1])
from repaird_tracer import stacks
assert stacks.start({"timeout": 1, "out": sys.argv[2]})
def waits():
    threading.Event().wait()
def loops():
    print("ready", flush=True)
    while sys.argv[3] == "python":
        pass
    1 in iter(int, 2)
threading.Thread(target=waits, daemon=True).start()
loops()
`

func TestAProgramThatHangsShowsTheStacksOfItsThreads(t *testing.T) {
	t.Parallel()
	for _, python := range tracertest.Pythons(t) {
		for _, in := range []string{"python", "C"} {
			t.Run(python+" in "+in, func(t *testing.T) {
				t.Parallel()
				out := t.TempDir()
				_, file := tracertest.Program(t, hangs)
				cmd := exec.Command(python, file, tracertest.Dir(t), out, in)
				stdout, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				cmd.Stderr = os.Stderr
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				ready := make([]byte, 6)
				if _, err := stdout.Read(ready); err != nil {
					t.Fatal(err)
				}
				asked, err := trace.RequestStacks(out)
				if err != nil || len(asked) != 1 || asked[0] != cmd.Process.Pid {
					t.Fatalf("asked %v, %v; want process %d", asked, err, cmd.Process.Pid)
				}
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
				defer cancel()
				if !trace.WaitStacks(ctx, out, asked) {
					t.Fatal("no stacks")
				}
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait() // killed
				stacks, err := trace.CollectStacks(out)
				if err != nil || len(stacks) != 2 {
					t.Fatalf("got %+v, %v; want two threads", stacks, err)
				}
				if s := stacks[0]; s.Name != "MainThread" || !has(s, "loops") || has(s, "waits") {
					t.Errorf("main thread: %+v", s)
				}
				if !has(stacks[1], "waits") {
					t.Errorf("second thread: %+v", stacks[1])
				}
			})
		}
	}
}

func has(s trace.ThreadStack, name string) bool {
	for _, f := range s.Frames {
		if f.Name == name && strings.HasSuffix(f.File, "prog.py") {
			return true
		}
	}
	return false
}

func TestAForkedChildHasAStacksFileOfItsOwn(t *testing.T) {
	t.Parallel()
	const forks = `
import os, sys
sys.path.insert(0, sys.argv[1])
from repaird_tracer import stacks
stacks.start({"timeout": 1, "out": sys.argv[2]})
first = os.open(os.devnull, os.O_RDONLY)
pid = os.fork()
if pid == 0:
    os.kill(os.getpid(), stacks.SIGNAL)
    os._exit(0)
os.waitpid(pid, 0)
print(pid, first)
`
	for _, python := range tracertest.Pythons(t) {
		t.Run(python, func(t *testing.T) {
			t.Parallel()
			out := t.TempDir()
			_, file := tracertest.Program(t, forks)
			bare, err := exec.Command(python, file, t.TempDir(), out).CombinedOutput()
			if err == nil {
				t.Fatalf("without the tracer's files: %s", bare)
			}
			text, err := exec.Command(python, file, tracertest.Dir(t), out).Output()
			if err != nil {
				t.Fatal(err)
			}
			fields := strings.Fields(string(text))
			if fields[1] != "3" {
				t.Errorf("the program's first descriptor is %s, want 3 as without the tracer", fields[1])
			}
			child, err := os.ReadFile(filepath.Join(out, "stacks-"+fields[0]+".txt"))
			if os.IsNotExist(err) && strings.Contains(python, "3.6") {
				return // no hook in a forked child there: it writes into its parent's file
			}
			if got := trace.ParseStacks(child); err != nil || len(got) != 1 || got[0].Name != "MainThread" {
				t.Errorf("child: %v, %q", err, child)
			}
		})
	}
}
