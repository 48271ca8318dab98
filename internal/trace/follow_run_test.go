package trace_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
)

func TestFollowOfARunGivesTheRecordsOfItsTrace(t *testing.T) {
	t.Parallel()
	s := tracertest.RunSource(t, tracertest.Pythons(t)[0], `
import os, threading
def f(n):
    return n if n < 2 else f(n - 1) + f(n - 2)
t = threading.Thread(target=f, args=(9,), name="worker")
t.start(); t.join()
pid = os.fork()
f(7)
if pid:
    os.waitpid(pid, 0)
`, tracer.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	count, threads := map[string]int{}, map[string]int{}
	if _, err := trace.Follow(ctx, s.Dir, func(r trace.Followed) error {
		count[fmt.Sprint(r.Process.PID, r.Kind, r.Code.Name, r.Value() != nil)]++
		threads[r.Thread]++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for r := range s.Trace.All() {
		count[fmt.Sprint(s.Trace.Processes[r.Process].PID, r.Kind, r.Code.Name, r.Value() != nil)]--
	}
	for what, n := range count {
		if n != 0 {
			t.Errorf("%s: %d more than in the trace", what, n)
		}
	}
	if threads["worker"] == 0 || len(s.Trace.Processes) != 2 {
		t.Errorf("threads %v, %d processes", threads, len(s.Trace.Processes))
	}
}
