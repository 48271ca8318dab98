package sandboxtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/sandbox"
)

// BenchmarkStart measures minimal runs: python3 -c pass, and a single pytest test. It
// reports the median and the 95th percentile.
func BenchmarkStart(b *testing.B, name string) {
	backend := Backend(b, name)
	specs := map[string]sandbox.Spec{
		"python": {Argv: []string{"python3", "-c", "pass"}},
		"pytest": {Argv: []string{"python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "/in/test_a.py"}, Files: map[string][]byte{"test_a.py": []byte("def test_a(): assert True\n")}},
	}
	for what, spec := range specs {
		b.Run(what, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				start := time.Now()
				r, err := backend.Run(context.Background(), spec)
				if err != nil || r.Cause != sandbox.Exited || r.Exit != 0 {
					b.Fatalf("got %+v, %v", r, err)
				}
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms/median")
			b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "ms/p95")
		})
	}
}
