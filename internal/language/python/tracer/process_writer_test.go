package tracer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/wire"
)

// T13: what a test patches is not what the writer uses, also while it makes room.
func TestTheWriterUsesNothingPatched(t *testing.T) {
	t.Parallel()
	for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons), tracertest.OnePython(t, tracertest.NewerPythons)} {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			s := tracertest.Job{Python: p, Config: tracer.Config{PerCode: 100000, MaxBytes: 4 << 20, Wall: 1000}, Files: map[string]string{"prog.py": `
import builtins, io, mmap, os, time
def work(n):
    return n
def no(*a, **k):
    raise AssertionError("patched")
def main():
    names = [(os, n) for n in ("open", "close", "write", "pwrite", "ftruncate", "posix_fallocate", "fstat", "getpid", "stat")]
    names += [(time, n) for n in ("time", "monotonic", "perf_counter", "perf_counter_ns")] + [(mmap, "mmap"), (io, "open")]
    names += [(builtins, n) for n in ("open", "len", "min", "max", "bytes", "isinstance", "id", "type", "repr", "hasattr", "property")]
    saved = [(m, n, getattr(m, n)) for m, n in names]
    for m, n in names:
        setattr(m, n, no)
    try:
        for n in range(30000):
            work("some text that fills the file " * 3)
    finally:
        for m, n, v in saved:
            setattr(m, n, v)
main()
print("done")
`}}.Same(t)
			if f := s.Trace.Footer; f.Recorded < 60000 || f.Dropped == 0 || s.Trace.Processes[0].Lost != "" {
				t.Errorf("footer %+v, lost %q; want all records and a rotation", f, s.Trace.Processes[0].Lost)
			}
		})
	}
}

const loopProgram = `
import threading
def work(n):
    return n
def loop(count):
    for n in range(count):
        work(n)
threads = [threading.Thread(target=loop, args=(4000,)) for _ in range(3)]
for t in threads:
    t.start()
loop(4000)
for t in threads:
    t.join()
print("done")
`

// T49, T50: bounds of records and bytes hold for a loop that does not care for
// them, and the footer's counts are exact, also with threads.
func TestBoundsAreKeptAndCounted(t *testing.T) {
	t.Parallel()
	const all = 4*(2*4000+2) + 2 // calls and returns of work, loop and the module
	for name, c := range map[string]struct {
		config   tracer.Config
		recorded int // 0: not said
		kept     int
	}{
		"everything fits":   {tracer.Config{}, all, all},
		"records":           {tracer.Config{MaxRecords: 1000}, all, 0},
		"bytes":             {tracer.Config{MaxBytes: 1 << 20}, all, 0},
		"the end":           {tracer.Config{MaxRecords: 1000, Ring: true}, all, 0},
		"events":            {tracer.Config{MaxEvents: 1234}, 1234, 1234},
		"events in a ring":  {tracer.Config{MaxEvents: 1234, MaxRecords: 100, Ring: true}, 1234, 0},
		"events after head": {tracer.Config{MaxEvents: 1234, MaxRecords: 1000}, 1234, 0},
		"a time past":       {tracer.Config{Wall: 1e-9}, 0, 0},
	} {
		c.config.PerCode = 100000
		for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons), tracertest.OnePython(t, tracertest.NewerPythons)} {
			t.Run(name+"/"+p.Version, func(t *testing.T) {
				t.Parallel()
				s := tracertest.Job{Python: p, Config: c.config, Files: map[string]string{"prog.py": loopProgram}}.Same(t)
				f, n := s.Trace.Footer, s.Trace.Len()
				if f.Recorded-f.Dropped != n || (f.Recorded != c.recorded) {
					t.Errorf("footer %+v, %d records read; want %d recorded", f, n, c.recorded)
				}
				if c.kept > 0 && n != c.kept {
					t.Errorf("%d records, want %d", n, c.kept)
				}
				if limit := c.config.MaxRecords; limit > 0 && (n > limit || (n < limit/2 && !c.config.Ring)) {
					t.Errorf("%d records, want at most %d and half of it at least", n, limit)
				}
				lost := s.Trace.Processes[0].Lost
				if (c.config.MaxEvents > 0) != strings.Contains(lost, "max_events") || (c.config.Wall > 0) != strings.Contains(lost, "wall") {
					t.Errorf("lost %q", lost)
				}
				if !s.Trace.Processes[0].Ended {
					t.Error("no end")
				}
				size, files := int64(0), 0
				found, _ := filepath.Glob(filepath.Join(s.Dir, "trace-*"))
				for _, f := range found {
					if info, err := os.Stat(f); err == nil {
						size, files = size+info.Size(), files+1
					}
				}
				if limit := max(c.config.MaxBytes, 1<<20); c.config.MaxBytes > 0 && size > 3*limit {
					t.Errorf("%d bytes in %d files, want about %d", size, files, limit)
				}
			})
		}
	}
}

// What does not fit the room for definitions is counted, and so is what refers to it.
func TestDefinitionsWithoutRoomAreCounted(t *testing.T) {
	t.Parallel()
	const functions = 4000
	var text strings.Builder
	for n := range functions {
		fmt.Fprintf(&text, "def a_function_with_number_%d(): pass\na_function_with_number_%[1]d()\n", n)
	}
	for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons), tracertest.OnePython(t, tracertest.NewerPythons)} {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			s := tracertest.Job{Python: p, Config: tracer.Config{MaxBytes: 1 << 20}, Files: map[string]string{"prog.py": text.String()}}.Same(t)
			// Two records of each function and of the module; at the end there is no room for any count.
			trace, f := s.Trace, s.Trace.Footer
			if f.Recorded != 2*functions+2 || f.Unnamed < functions || f.Unnamed+trace.Len() != f.Recorded || f.Undefined != f.Unnamed/2+functions+1 {
				t.Errorf("footer %+v, %d records read", f, trace.Len())
			}
		})
	}
}

// A ring keeps the end, and only that.
func TestARingKeepsTheEnd(t *testing.T) {
	t.Parallel()
	s := tracertest.Job{Python: tracertest.OnePython(t, tracertest.AnyPythons), Config: tracer.Config{PerCode: 100000, Ring: true, MaxRecords: 200}, Files: map[string]string{"prog.py": `
import os
def work(n):
    return n
for n in range(5000):
    work(n)
os._exit(0)
`}}.Same(t)
	text := tracertest.Outline(s.Trace, wire.KindCall)
	if !strings.HasSuffix(text, "work(n=4999)\n") || strings.Contains(text, "work(n=4000)") || s.Trace.Len() < 100 || s.Trace.Len() > 200 {
		t.Errorf("%d records:\n%s", s.Trace.Len(), text)
	}
}

// A file of ours that the program has deleted, replaced or cut is not touched again.
func TestTraceFilesThatTheProgramTakes(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]string{
		"deleted":  "os.remove(f)",
		"replaced": "os.remove(f); open(f, 'w').write('mine')",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tracertest.Job{Python: tracertest.OnePython(t, tracertest.AnyPythons), Config: tracer.Config{PerCode: 100000}, Files: map[string]string{"prog.py": `
import glob, json, os
def work(n):
    return n
out = json.loads(os.environ.get("REPAIRD_TRACE_CONFIG", "{}")).get("out", "/nonexistent")
for f in glob.glob(out + "/trace-*"):
    ` + take + `
for n in range(20000):
    work("x" * 100)
for f in glob.glob(out + "/trace-*"):
    assert open(f).read() == "mine", f
print("done")
`}}
			bare, traced := s.Run(t, false), s.Run(t, true)
			if traced.Code != 0 || string(bare.Out) != string(traced.Out) || len(traced.Err) > 0 {
				t.Errorf("exit %d, %s%s", traced.Code, traced.Out, traced.Err)
			}
		})
	}
}
