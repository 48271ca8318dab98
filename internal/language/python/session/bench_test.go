package session

import (
	"syscall"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

// What a session costs in a sandbox of its own, and as one of five in one, in
// milliseconds of processor time.
func BenchmarkSession(b *testing.B) {
	r := Runner{Backend: sandboxtest.Backend(b, "bwrap")}
	req := testrun.Request{Tree: sandboxtest.Tree(b, sample), Test: &sampleTest}
	for _, bench := range []struct {
		name string
		n    int
	}{{"alone", 1}, {"of-five", 5}} {
		b.Run(bench.name, func(b *testing.B) {
			before := processorTime(b)
			for b.Loop() {
				results, err := r.Repeat(b.Context(), req, bench.n)
				if err != nil || !results[bench.n-1].OK() {
					b.Fatal(err, results)
				}
			}
			spent := processorTime(b) - before
			b.ReportMetric(float64(spent.Milliseconds())/float64(b.N*bench.n), "cpu-ms/session")
		})
	}
}

// processorTime is that of the processes that have ended.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var spent syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &spent); err != nil {
		b.Fatal(err)
	}
	return time.Duration(spent.Utime.Nano() + spent.Stime.Nano())
}
