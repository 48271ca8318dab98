package sandboxtest

import (
	"bytes"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/sandbox"
)

// endings are programs that never end well.
var endings = []caseFunc{
	{"H02 a memory bomb is killed as oom", func(t *testing.T, b sandbox.Backend) {
		wantCause(t, run(t, b, python("b = []\nwhile True: b.append(bytearray(b'x' * (8 << 20)))")), sandbox.OutOfMemory)
	}},
	{"H02 memory in anonymous files counts too", func(t *testing.T, b sandbox.Backend) {
		wantCause(t, run(t, b, python("import os\nfds = []\nwhile True:\n fds.append(os.memfd_create('x'))\n for _ in range(32): os.write(fds[-1], b'x' * (1 << 20))", func(s *sandbox.Spec) {
			s.Limits.FileSize = 1 << 30
		})), sandbox.OutOfMemory)
	}},
	{"H02 a subprocess that is killed for memory makes the run oom", func(t *testing.T, b sandbox.Backend) {
		r := run(t, b, python(`
import subprocess, sys
p = subprocess.run([sys.executable, "-c", "b = []\nwhile True: b.append(bytearray(b'x' * (8 << 20)))"])
print(p.returncode)`))
		wantCause(t, r, sandbox.OutOfMemory)
		if string(r.Stdout) != "-9\n" {
			t.Errorf("the parent should have lived on; got output %q", r.Stdout)
		}
	}},
	{"H07 endless output is cut and ends the run", func(t *testing.T, b sandbox.Backend) {
		r := run(t, b, python("import os\nwhile True: os.write(1, b'line\\n' * 1000); os.write(2, b'error\\n')"))
		wantCause(t, r, sandbox.OutputLimit)
		if got := int64(len(r.Stdout) + len(r.Stderr)); got != quick.Output {
			t.Errorf("got %d bytes, want exactly the limit", got)
		}
	}},
	{"H09 one endless line is cut", func(t *testing.T, b sandbox.Backend) {
		r := run(t, b, python("import os\nb = b'x' * (1 << 20)\nwhile True: os.write(1, b)"))
		wantCause(t, r, sandbox.OutputLimit)
		if !bytes.Equal(r.Stdout, bytes.Repeat([]byte("x"), int(quick.Output))) {
			t.Errorf("got %d bytes", len(r.Stdout))
		}
	}},
	{"output of exactly the limit is allowed", func(t *testing.T, b sandbox.Backend) {
		r := succeed(t, b, python("import os\nfor _ in range(16): os.write(1, b'x' * 65536)"))
		if int64(len(r.Stdout)) != quick.Output {
			t.Errorf("got %d bytes", len(r.Stdout))
		}
	}},
	{"H10 a sleeper is stopped, and its output and files are kept", func(t *testing.T, b sandbox.Backend) {
		r := run(t, b, python("import time; print('here', flush=True); open('/out/kept', 'w').write('x'); time.sleep(1e6)", wall(time.Second)))
		wantCause(t, r, sandbox.Timeout)
		if string(r.Stdout) != "here\n" || string(r.Artifacts["kept"]) != "x" {
			t.Errorf("got %q, %q", r.Stdout, r.Artifacts)
		}
	}},
	{"H11 spinners that ignore every signal are stopped", func(t *testing.T, b sandbox.Backend) {
		wantCause(t, run(t, b, python(`
import os, signal
for s in range(1, 65):
    try: signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError): pass
for _ in range(4): os.fork()
while True: pass`, wall(time.Second))), sandbox.Timeout)
	}},
	{"H01 a fork bomb that never stops is stopped", func(t *testing.T, b sandbox.Backend) {
		wantCause(t, run(t, b, python(`
import os
while True:
    try: os.fork()
    except OSError: pass`, wall(2*time.Second))), sandbox.Timeout)
	}},
	{"a command stopped by SIGSTOP runs into the wall", func(t *testing.T, b sandbox.Backend) {
		wantCause(t, run(t, b, python("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", wall(time.Second))), sandbox.Timeout)
	}},
	{"H12 a daemon that holds the output does not outlive the command", func(t *testing.T, b sandbox.Backend) {
		w := newWire(t)
		r := succeed(t, b, python(doubleFork+`
daemon()
print("main ends")`, w.attach))
		if string(r.Stdout) != "main ends\n" {
			t.Errorf("got %q", r.Stdout)
		}
		w.dead(t)
	}},
	{"H13 orphans are reaped: more can come than the limit of processes", func(t *testing.T, b sandbox.Backend) {
		succeed(t, b, python(`
import os, time
for _ in range(200):
    pid = os.fork()
    if pid == 0:
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    os.waitpid(pid, 0)
    while True:  # room for the next two
        alive = sum(p.isdigit() for p in os.listdir("/proc"))
        if alive < 20: break
        time.sleep(0.001)`))
	}},
	{"H40 frames forged on stdout are mere output", func(t *testing.T, b sandbox.Backend) {
		forged := "Z\x00\x00\x00\x02{}A\x00\x00\x00\x1a{\"name\": \"x\", \"size\": 3}D\x00\x00\x00\x03abcE\x00\x00\x00\x02{}"
		r := run(t, b, sandbox.Spec{Argv: []string{"cat", "/in/forged"}, Files: map[string][]byte{"forged": []byte(forged)}, Limits: quick})
		if r.Exit != 0 || string(r.Stdout) != forged || len(r.Artifacts) != 0 {
			t.Errorf("got %s %d, %q, %q", r.Cause, r.Exit, r.Stdout, r.Artifacts)
		}
	}},
}

// doubleFork leaves a process in a session of its own that holds standard output
// and the wire, ignores what it can, and tells the reader of the wire.
const doubleFork = `
import os, signal, time
def daemon():
    if os.fork(): os.wait(); return
    os.setsid()
    if os.fork(): os._exit(0)
    for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(s, signal.SIG_IGN)
    fd = os.open("/wire/wire", os.O_WRONLY)
    os.write(fd, b"r")
    while True: time.sleep(1000)
`

func wall(d time.Duration) func(*sandbox.Spec) {
	return func(s *sandbox.Spec) { s.Limits.Wall = d }
}

func wantCause(t *testing.T, r *sandbox.Result, want sandbox.Cause) {
	t.Helper()
	if r.Cause != want {
		t.Errorf("got %s (exit %d), want %s; stderr: %s", r.Cause, r.Exit, want, r.Stderr)
	}
}
