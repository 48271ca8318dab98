package tracer_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/language/python/tracer/tracertest"
	"github.com/repaird/repaird/internal/trace/wire"
)

// T40: no event of a fork's parent comes again in the child, and none twice.
func TestAForkRepeatsNothing(t *testing.T) {
	t.Parallel()
	for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons), tracertest.OnePython(t, tracertest.NewerPythons)} {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			s := tracertest.Job{Python: p, Files: map[string]string{"prog.py": `
import os, sys, threading
def work(who):
    return who
def both():
    pid = os.fork()
    work("child" if pid == 0 else "parent")
    return pid
def in_thread():
    pid = both()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
work("before")
pid = both()
if pid == 0:
    work("rest of child")
    sys.exit(0)
os.waitpid(pid, 0)
t = threading.Thread(target=in_thread)
t.start()
t.join()
`}, Env: []string{"PYTHONWARNINGS=ignore"}}.Same(t)
			text := tracertest.Outline(s.Trace, wire.KindCall)
			for call, n := range map[string]int{"work(who='before')": 1, "work(who='parent')": 2, "work(who='child')": 2, "work(who='rest of child')": 1, "both()": 2, "in_thread()": 1} {
				if strings.Count(text, call) != n {
					t.Errorf("%d times %s, want %d:\n%s", strings.Count(text, call), call, n, text)
				}
			}
			if len(s.Trace.Processes) != 3 {
				t.Errorf("%d processes, want 3", len(s.Trace.Processes))
			}
		})
	}
}

// A handshake says from which time on its process counts, whatever the program
// makes of its clocks.
func TestTheStartOfAProcessIsARealTime(t *testing.T) {
	t.Parallel()
	for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons), tracertest.OnePython(t, tracertest.NewerPythons)} {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			before := time.Now()
			s := tracertest.Job{Python: p, Env: []string{"PYTHONWARNINGS=ignore"}, Files: map[string]string{"prog.py": `
import os, sys, time
clocks = [time.time, time.monotonic, time.perf_counter]
for module in list(sys.modules.values()):
    for name, value in list(getattr(module, "__dict__", {}).items()):
        if any(value is c for c in clocks):
            setattr(module, name, lambda: 0.0)
if os.fork() == 0:
    os._exit(0)
os.wait()
`}}.Same(t)
			if len(s.Trace.Processes) != 2 {
				t.Fatalf("%d processes, want 2", len(s.Trace.Processes))
			}
			for _, x := range s.Trace.Processes {
				if x.Began.Before(before.Add(-time.Minute)) || x.Began.After(time.Now().Add(time.Minute)) {
					t.Errorf("process %d began at %v, the test at %v", x.PID, x.Began, before)
				}
			}
		})
	}
}

// T41: processes of multiprocessing are traced to their end, which is in order
// also where it is by os._exit.
func TestMultiprocessing(t *testing.T) {
	t.Parallel()
	for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons), tracertest.OnePython(t, tracertest.NewerPythons)} {
		for _, method := range []string{"fork", "spawn", "forkserver"} {
			t.Run(p.Version+"/"+method, func(t *testing.T) {
				t.Parallel()
				s := tracertest.Job{Python: p, Args: []string{"prog.py", method}, Env: []string{"PYTHONWARNINGS=ignore"}, Files: map[string]string{"prog.py": `
import multiprocessing, sys, threading
def work(n):
    return n * n
def fails(n):
    raise ValueError(n)
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2) as pool:
        print(pool.map(work, range(8), chunksize=1))
        pool.close()
        pool.join()
    p = context.Process(target=fails, args=(9,))
    sys.stderr.close()
    p.start()
    p.join()
    print(p.exitcode)
`}}.Same(t)
				text := tracertest.Outline(s.Trace, wire.KindCall)
				if n := strings.Count(text, "work(n="); n != 8 {
					t.Errorf("%d calls of work, want 8:\n%s", n, text)
				}
				if !strings.Contains(text, "fails(n=9)") {
					t.Error("the failing process's call is missing")
				}
				if len(s.Trace.Children()) < 3 || len(s.Trace.Untraced()) > 0 {
					t.Errorf("children %+v, untraced %+v", s.Trace.Children(), s.Trace.Untraced())
				}
				started := map[int]bool{}
				for _, c := range s.Trace.Children() {
					started[c.PID] = true
				}
				for _, x := range s.Trace.Processes {
					if started[x.PID] && !x.Ended {
						t.Errorf("process %d, %q, has no end", x.PID, x.Argv)
					}
				}
			})
		}
	}
}

// T43: a process that executes another program leaves what it recorded.
func TestExec(t *testing.T) {
	t.Parallel()
	s := tracertest.Job{Python: tracertest.OnePython(t, tracertest.AnyPythons), Files: map[string]string{"prog.py": `
import os, sys
def work(n):
    return n
work(len(sys.argv))
sys.stdout.flush()
if len(sys.argv) < 3:
    os.execv(sys.executable, [sys.executable] + sys.argv + ["again"])
`}}.Same(t)
	tracertest.Want(t, tracertest.Outline(s.Trace, wire.KindReturn), "  -> 1\n--\n  -> 2\n--\n  -> 3\n-> None\n")
	if p := s.Trace.Processes; len(p) != 3 || p[0].PID != p[2].PID {
		t.Errorf("processes %+v, want three images of one", p)
	}
}

// A process that root starts may end as somebody who cannot open its files, or
// where their paths lead nowhere.
func TestAProcessThatGivesUpRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	const closed = "; os.closerange(3, 2000)"
	for name, c := range map[string]struct{ change, end, lost string }{
		"another user":                    {"os.setuid(65534)", "", ""},
		"another root directory":          {"os.chroot('.')", "", ""},
		"a user without descriptors":      {"os.setuid(65534)" + closed, "", "PermissionError 13"},
		"a root directory likewise":       {"os.chroot('.')" + closed, "", "FileNotFoundError 2"},
		"a user whose end is not ordered": {"os.setuid(65534)" + closed, "os._exit(0)", "PermissionError 13"},
	} {
		for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons), tracertest.OnePython(t, tracertest.NewerPythons)} {
			t.Run(name+"/"+p.Version, func(t *testing.T) {
				t.Parallel()
				s := tracertest.Job{Python: p, Config: tracer.Config{PerCode: 100000}, Env: []string{"PYTHONWARNINGS=ignore"}, Files: map[string]string{"prog.py": `
import os, sys
def work(n):
    return n
pid = os.fork()
if pid == 0:
    ` + c.change + `
    for n in range(20000):
        work(n)
    ` + c.end + `
else:
    sys.exit(os.waitpid(pid, 0)[1])
`}}.Same(t)
				n, recorded := 0, strings.Count(tracertest.Outline(s.Trace, wire.KindCall), "work(")
				for _, x := range s.Trace.Problems() {
					if strings.Contains(x.Text, "is recorded up to its record") && strings.Contains(x.Text, c.lost) {
						n++
					}
				}
				if c.lost == "" && (n > 0 || recorded != 20000 || !s.Trace.Footer.Ended) {
					t.Errorf("%d calls, problems %+v; want all of 20000", recorded, s.Trace.Problems())
				}
				child := s.Trace.Processes[len(s.Trace.Processes)-1]
				for _, x := range s.Trace.Processes {
					if x.Parent == s.Trace.Processes[0].PID {
						child = x
					}
				}
				if c.lost != "" && (n != 1 || recorded == 20000 || c.end == "" && !strings.Contains(child.Lost, c.lost)) {
					t.Errorf("%d calls, problems %+v, lost %q; want %s", recorded, s.Trace.Problems(), child.Lost, c.lost)
				}
			})
		}
	}
}

// T44: what was recorded before a crash or a kill is readable.
func TestCrashes(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"SIGKILL":  "os.kill(os.getpid(), 9)",
		"SIGTERM":  "os.kill(os.getpid(), 15)",
		"abort":    "os.abort()",
		"segfault": "os.kill(os.getpid(), 11)",
		"_exit":    "os._exit(3)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tracertest.Job{Python: tracertest.OnePython(t, tracertest.AnyPythons), Files: map[string]string{"prog.py": "import os\ndef last(n):\n    " + end +
				"\ndef step(n):\n    return n\nfor i in range(3000):\n    step(i)\nlast(7)\n"}, Config: tracer.Config{PerCode: 10000}}.Same(t)
			text := tracertest.Outline(s.Trace, wire.KindCall)
			if n := strings.Count(text, "step(n="); n != 3000 || !strings.HasSuffix(text, "  last(n=7)\n") {
				t.Errorf("%d steps of 3000, end %q", n, text[max(0, len(text)-40):])
			}
			if s.Trace.Processes[0].Ended {
				t.Error("the trace says that the process ended in order")
			}
		})
	}
}

// T45: a program that closes every descriptor, or becomes a daemon, finds its
// files as it wrote them, and is traced to its end.
func TestDescriptorsOfTheProgramAreItsOwn(t *testing.T) {
	t.Parallel()
	for _, p := range []tracertest.Interpreter{tracertest.OnePython(t, tracertest.OlderPythons), tracertest.OnePython(t, tracertest.NewerPythons)} {
		t.Run(p.Version, func(t *testing.T) {
			t.Parallel()
			s := tracertest.Job{Python: p, Config: tracer.Config{PerCode: 100000, MaxBytes: 4 << 20, MaxRecords: 4000}, Files: map[string]string{"prog.py": `
import os, sys
def work(n):
    return n
def write(name):
    os.closerange(3, 200)
    files = [open(name + str(i), "w") for i in range(12)]
    for n in range(8000):
        work("text of some length " * 8)
        files[n % 12].write("%d\n" % n)
    for f in files:
        f.close()
    os.closerange(3, 200)
    for i in range(12):
        with open(name + str(i)) as f:
            assert f.read() == "".join("%d\n" % n for n in range(i, 8000, 12))
read, end = os.pipe()
if os.fork() == 0: # the daemon
    os.close(read)
    os.dup2(end, 2)
    os.setsid()
    write("daemon")
    os.write(2, b"done")
    sys.exit(0)
os.close(end)
os.wait()
print(os.read(read, 100), [f for f in sorted(os.listdir(".")) if "trace" in f])
write("parent")
`}}.Same(t)
			if len(s.Trace.Processes) != 2 || !s.Trace.Processes[0].Ended || !s.Trace.Processes[1].Ended {
				t.Errorf("processes %+v", s.Trace.Processes)
			}
			if s.Trace.Footer.Dropped == 0 {
				t.Error("the trace never went on in another file")
			}
		})
	}
}

// T46: where the trace cannot be written the program runs as ever.
func TestNoRoomForTheTrace(t *testing.T) {
	t.Parallel()
	const program = `
import os, sys
def work(n):
    return n
def main():
    for i in range(20000):
        work("x" * 100)
    print("done")
main()
`
	t.Run("limit on the size of files", func(t *testing.T) {
		t.Parallel()
		p := tracertest.OnePython(t, tracertest.AnyPythons)
		j := tracertest.Job{Python: p, Config: tracer.Config{PerCode: 100000}, Files: map[string]string{"prog.py": "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (700000, 700000))\n" + program}}
		s := j.Same(t)
		if n := s.Trace.Len(); n < 500 || s.Trace.Processes[0].Lost == "" {
			t.Errorf("%d records, lost %q; want what there was room for, and why it ended", n, s.Trace.Processes[0].Lost)
		}
	})
	t.Run("full disk", func(t *testing.T) {
		t.Parallel()
		p := tracertest.OnePython(t, tracertest.AnyPythons)
		dir, tracer := t.TempDir(), tracertest.Dir(t)
		// A file system of its own, which only the child processes of the shell see.
		shell := tracertest.Interpreter{Path: "/usr/bin/unshare"}
		j := tracertest.Job{Python: shell, Tracer: tracer, Files: map[string]string{"prog.py": program},
			Args: []string{"--user", "--map-root-user", "--mount", "sh", "-c", `
mount -t tmpfs -o size=900k none "$1" && { "$2" prog.py; code=$?; cat "$1"/trace-*-0.jsonl | tr -d '\0' | tail -n 1 >&2; exit $code; }`, "sh", dir, p.Path},
			Env: []string{"PYTHONDONTWRITEBYTECODE=1", `REPAIRD_TRACE_CONFIG={"include":["/tmp"],"max_per_function":100000,"out":"` + dir + `"}`}}
		s := j.Run(t, true)
		if strings.Contains(string(s.Err), "unshare") || strings.Contains(string(s.Err), "mount:") {
			t.Skipf("no file system of our own here: %s", s.Err)
		}
		if string(s.Out) != "done\n" || s.Code != 0 || !strings.Contains(string(s.Err), `"dead":"OSError 28, the disk is full"`) {
			t.Errorf("exit %d, %s, %s", s.Code, s.Out, s.Err)
		}
	})
	t.Run("no folder", func(t *testing.T) {
		t.Parallel()
		j := tracertest.Job{Python: tracertest.OnePython(t, tracertest.AnyPythons), Files: map[string]string{"prog.py": program}, Env: []string{`REPAIRD_TRACE_CONFIG={"include":["/"],"out":"/proc/none"}`}}
		s := j.Run(t, true)
		if string(s.Out) != "done\n" || s.Code != 0 || len(s.Err) > 0 || s.Trace.Traced() {
			t.Errorf("exit %d, %s, %s", s.Code, s.Out, s.Err)
		}
	})
}

// T47: after chdir, chroot and setuid the program goes on and what could be
// recorded is there.
func TestOtherPlacesAndUsers(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"chdir":  "os.chdir('/')",
		"chroot": "os.chroot('.')",
		"setuid": "os.setgid(65534); os.setuid(65534)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name != "chdir" && os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			s := tracertest.Job{Python: tracertest.OnePython(t, tracertest.AnyPythons), Config: tracer.Config{PerCode: 100000}, Files: map[string]string{"prog.py": `
import os, sys
def work(n):
    return n
work("before")
` + change + `
for i in range(20000):
    work(i)
print("done")
`}}.Same(t)
			n, lost := strings.Count(tracertest.Outline(s.Trace, wire.KindCall), "work("), s.Trace.Processes[0].Lost
			if name == "chdir" && (n != 20001 || lost != "") {
				t.Errorf("%d calls, lost %q", n, lost)
			}
			if name != "chdir" && n < 1000 {
				t.Errorf("%d calls, lost %q; want those for which there was room", n, lost)
			}
		})
	}
}
