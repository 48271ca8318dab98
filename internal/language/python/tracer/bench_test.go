package tracer_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
)

// BenchmarkRecording reports, for each program of testdata/bench, the run time
// as a ratio of the bare one and the cost of an event, of this tracer without
// and with its cap per function, and of a naive one.
func BenchmarkRecording(b *testing.B) {
	python := tracertest.Pythons(b)[0]
	script, err := filepath.Abs("testdata/bench/bench.py")
	if err != nil {
		b.Fatal(err)
	}
	measure := func(mode, perFunction string) map[string][2]float64 {
		cmd := exec.Command(python, script, mode, b.TempDir())
		cmd.Env = append(os.Environ(), "TRACER="+tracertest.Dir(b), "PER_FUNCTION="+perFunction, "PYTHONDONTWRITEBYTECODE=1")
		out, err := cmd.Output()
		if err != nil {
			b.Fatal(err)
		}
		times := map[string][2]float64{}
		for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			f := strings.Fields(line)
			if len(f) != 3 {
				b.Fatalf("%q", out)
			}
			seconds, _ := strconv.ParseFloat(f[1], 64)
			events, _ := strconv.ParseFloat(f[2], 64)
			times[f[0]] = [2]float64{seconds, events}
		}
		return times
	}
	bare := measure("bare", "")
	for _, m := range []struct{ name, mode, cap string }{{"traced", "traced", "100000000"}, {"capped", "traced", "2000"}, {"naive", "naive", ""}} {
		times := measure(m.mode, m.cap)
		for name, got := range times {
			b.Run(m.name+"/"+name, func(b *testing.B) {
				for b.Loop() { // measured above, once
				}
				b.ReportMetric(got[0]/bare[name][0], "x-bare")
				b.ReportMetric((got[0]-bare[name][0])*1e6/max(got[1], 1), "us/event")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// cpuTime returns the processor time of this process so far, which says more
// than the time of day on a machine that others load.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
