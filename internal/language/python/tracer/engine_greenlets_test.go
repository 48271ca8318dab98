package tracer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// withGreenlets runs a subtest with each engine of the Pythons for which
// deploy/test-clients.sh has unpacked greenlet and gevent into dir.
func withGreenlets(t *testing.T, test func(t *testing.T, python, engine, dir string)) {
	t.Helper()
	root := filepath.Join(filepath.Dir(projectsDir(t)), "greenlets")
	for _, version := range []string{"3.9", "3.11", "3.13", "3.15"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			p, ok := tracertest.ByVersion()[version]
			if !ok {
				t.Skipf("there is no Python %s on this machine; deploy/pythons.sh installs those that are available", version)
			}
			dir := filepath.Join(root, "python"+version)
			if _, err := os.Stat(filepath.Join(dir, "greenlet")); err != nil {
				t.Skipf("no greenlet for Python %s; deploy/test-clients.sh unpacks it where it is available", version)
			}
			engines := []string{"settrace"}
			if p.AtLeast(12) {
				engines = append(engines, "monitoring")
			}
			for _, engine := range engines {
				t.Run(engine, func(t *testing.T) {
					t.Parallel()
					test(t, p.Path, engine, dir)
				})
			}
		})
	}
}

// greenletSource is a program of testdata that finds greenlet in dir.
func greenletSource(t *testing.T, name, dir string) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata/engines", name))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("import sys; sys.path.insert(0, %q)\n%s", dir, source)
}

// T32: greenlets take turns in one thread, each with its own stack. What they do
// and return is as ever, and each of their calls is recorded once.
func TestEachCallOfAGreenletIsRecordedOnce(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"greenlets.py", "gevents.py", "greentasks.py"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withGreenlets(t, func(t *testing.T, python, engine, dir string) {
				s := tracertest.RunSource(t, python, greenletSource(t, name, dir), tracer.Config{Engine: engine})
				if len(s.Out) == 0 || s.Code != 0 {
					t.Fatalf("exit %d, %s%s", s.Code, s.Out, s.Err)
				}
				got := map[string]int{}
				for r := range s.Trace.All() {
					if r.Kind == wire.KindCall && !r.Late {
						got[r.Code.Name]++
					}
				}
				want := map[string]map[string]int{
					"greenlets.py":  {"step": 14, "inner": 14, "work": 3, "numbers": 2, "crosses": 2, "leaf": 7, "chain": 4},
					"gevents.py":    {"fetch": 16, "after": 17, "put": 3, "fails": 1, "caught": 1},
					"greentasks.py": {"task": 4, "spawn": 4, "session": 4, "query": 8, "await_": 8, "fetch": 8, "rows": 9},
				}[name]
				for function, n := range want {
					if got[function] != n {
						t.Errorf("%d calls of %s, want %d", got[function], function, n)
					}
				}
			})
		})
	}
}

// T32: a call's parent is the call that made it, in its greenlet; for
// the first call of a greenlet it is the one that waits for it. Returns,
// suspensions and exceptions find their calls however often greenlets switch.
func TestCallsOfGreenletsNestEachInItsOwn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"greenlets.py", "gevents.py", "greentasks.py"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withGreenlets(t, func(t *testing.T, python, engine, dir string) {
				s := tracertest.RunSource(t, python, greenletSource(t, name, dir), tracer.Config{Engine: engine})
				if f := s.Trace.Footer; f.Faults != 0 || !f.Ended {
					t.Errorf("footer %+v", f)
				}
				checkNesting(t, s.Trace)
				for _, r := range s.Trace.Raised() {
					if r.Type == "GreenletExit" {
						t.Errorf("%+v: the end of a greenlet is not an error", r)
					}
				}
			})
		})
	}
}

// nestedIn names for each function those that call it; "-" is nobody: gevent's
// loop starts greenlets.
var nestedIn = map[string]string{
	"main": "<module> -", "work": "main", "uses": "main", "numbers": "uses", "step": "work numbers fails", "inner": "step",
	"fails": "main -", "crosses": "main", "thrown": "main", "closes": "main", "caught": "main", "chain": "caught chain", "divide": "chain",
	"leave": "step crosses thrown closes", "leaf": "work fails thrown closes main", "fetch": "main put - spawn", "after": "fetch caught -", "put": "-",
	"spawn": "task", "session": "spawn", "query": "session", "await_": "query", "rows": "query task",
}

func checkNesting(t *testing.T, trace *trace.Trace) {
	t.Helper()
	open := map[int]string{}
	for r := range trace.All() {
		if r.Code == nil {
			continue
		}
		name := r.Code.Name
		switch r.Kind {
		case wire.KindCall:
			open[int(r.Call)] = name
			parent := "-"
			if c := trace.Call(r.Parent); r.Parent != 0 && c.Code() != nil {
				parent = c.Code().Name
				if c.Start().Thread != r.Thread {
					t.Errorf("%s and its caller are in different threads", name)
				}
			}
			if want, ok := nestedIn[name]; ok && !slices.Contains(strings.Fields(want), parent) {
				t.Errorf("%s was called by %s, want %s", name, parent, want)
			}
		case wire.KindReturn, wire.KindUnwind:
			delete(open, int(r.Call))
		}
	}
	if diff := cmp.Diff(map[int]string{}, open); diff != "" {
		t.Errorf("calls without an end (+):\n%s", diff)
	}
}
