package sandboxtest

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/sandbox"
)

// basics are what a command sees and what comes back of it.
var basics = []caseFunc{
	{"output, exit code and artifacts come back", func(t *testing.T, b sandbox.Backend) {
		r := run(t, b, python("import sys, os; print('out'); print('err', file=sys.stderr); os.mkdir('/out/d'); open('/out/d/a', 'wb').write(bytes(range(256))); open('/out/empty', 'w'); sys.exit(3)"))
		var all []byte
		for i := range 256 {
			all = append(all, byte(i))
		}
		got := []any{r.Cause, r.Exit, string(r.Stdout), string(r.Stderr), r.Artifacts, r.Refused}
		want := []any{sandbox.Exited, 3, "out\n", "err\n", map[string][]byte{"d/a": all, "empty": {}}, []string(nil)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}},
	{"a command that a signal ended has exit 128 plus its number", func(t *testing.T, b sandbox.Backend) {
		if r := run(t, b, python("import os; os.kill(os.getpid(), 15)")); r.Cause != sandbox.Exited || r.Exit != 143 {
			t.Errorf("got %s, exit %d", r.Cause, r.Exit)
		}
	}},
	{"a command that does not exist has exit 127", func(t *testing.T, b sandbox.Backend) {
		r := run(t, b, sandbox.Spec{Argv: []string{"/no/such"}, Limits: quick})
		if r.Cause != sandbox.Exited || r.Exit != 127 || !strings.Contains(string(r.Stderr), "/no/such") {
			t.Errorf("got %s, exit %d, stderr %q", r.Cause, r.Exit, r.Stderr)
		}
	}},
	{"H20 the environment is the spec's and nothing else", func(t *testing.T, b sandbox.Backend) {
		r := succeed(t, b, python("import os; [print(k) for k in sorted(os.environ)]; print(os.environ['GIVEN'], os.environ['LANG'])", func(s *sandbox.Spec) {
			s.Env = map[string]string{"GIVEN": "a=b\nc", "LANG": "C"}
		}))
		// LC_CTYPE is Python's own coercion of LANG=C.
		if got, want := strings.ReplaceAll(string(r.Stdout), "LC_CTYPE\n", ""), "GIVEN\nHOME\nLANG\nPATH\na=b\nc C\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}},
	{"H20 nothing of the daemon is in /proc", func(t *testing.T, b sandbox.Backend) {
		r := succeed(t, b, python(`
import glob
found = b""
for name in glob.glob("/proc/[0-9]*/*") + glob.glob("/proc/[0-9]*/task/*/*"):
    if name.rsplit("/", 1)[1] in ("environ", "cmdline", "maps", "mountinfo", "comm"):
        try: found += open(name, "rb").read()
        except OSError: pass
assert b"python3" in found
print(b"`+planted[:6]+`" + b"`+planted[6:]+`" in found)`))
		if string(r.Stdout) != "False\n" {
			t.Error("the daemon's secret is readable")
		}
	}},
	{"the working directory is /work where mounted, else /tmp", func(t *testing.T, b sandbox.Backend) {
		program := "import os; print(os.getcwd())"
		r := succeed(t, b, python(program))
		mounted := succeed(t, b, python(program, func(s *sandbox.Spec) { s.Mounts = []sandbox.Mount{{Host: t.TempDir(), Target: "/work"}} }))
		chosen := succeed(t, b, python(program, func(s *sandbox.Spec) { s.Dir = "/usr" }))
		if got := string(r.Stdout) + string(mounted.Stdout) + string(chosen.Stdout); got != "/tmp\n/work\n/usr\n" {
			t.Errorf("got %q", got)
		}
	}},
	{"files of the spec are below /in, and nobody can change them", func(t *testing.T, b sandbox.Backend) {
		r := succeed(t, b, python(`
import os
print(open("/in/a").read(), open("/in/d/e/f.txt").read(), len(open("/in/large").read()))
for attempt in (lambda: open("/in/a", "w"), lambda: os.chmod("/in/a", 0o777), lambda: os.unlink("/in/a"), lambda: os.rename("/in/d", "/in/e"), lambda: os.mkdir("/in/n")):
    try: attempt(); print("changed")
    except OSError: pass`, func(s *sandbox.Spec) {
			s.Files = map[string][]byte{"a": []byte("A"), "d/e/f.txt": []byte("F"), "large": bytes.Repeat([]byte("x"), 8<<20)}
		}))
		if got := string(r.Stdout); got != "A F 8388608\n" {
			t.Errorf("got %q", got)
		}
	}},
	{"H29 what a run has written to /tmp can be executed", func(t *testing.T, b sandbox.Backend) {
		r := succeed(t, b, sandbox.Spec{Argv: []string{"sh", "-c", "printf '#!/bin/sh\necho ran' >/tmp/x; chmod +x /tmp/x; /tmp/x"}, Limits: quick})
		if string(r.Stdout) != "ran\n" {
			t.Errorf("got %q", r.Stdout)
		}
	}},
	{"threads, subprocesses, sockets and shared memory work", func(t *testing.T, b sandbox.Backend) {
		succeed(t, b, python(`
import asyncio, concurrent.futures, multiprocessing, socket, sqlite3, subprocess, tempfile, threading
with concurrent.futures.ThreadPoolExecutor(4) as p: assert sum(p.map(lambda x: x, range(10))) == 45
assert subprocess.run(["echo", "x"], capture_output=True).stdout == b"x\n"
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); c = socket.create_connection(s.getsockname()); c.close()
q = multiprocessing.Queue(); w = multiprocessing.Process(target=q.put, args=(1,)); w.start(); assert q.get() == 1; w.join()
multiprocessing.Lock()
asyncio.run(asyncio.sleep(0))
with tempfile.TemporaryDirectory() as d: sqlite3.connect(d + "/db").execute("create table t (x)")
socket.getaddrinfo("localhost", 80)`))
	}},
	{"images are found by release and by name, and others are an error", func(t *testing.T, b sandbox.Backend) {
		for _, base := range Bases(t) {
			for _, image := range []string{base.Release, base.Docker} {
				r := succeed(t, b, python("import sys; print('%d.%d' % sys.version_info[:2])", func(s *sandbox.Spec) { s.Image = image }))
				if got := strings.TrimSpace(string(r.Stdout)); got != base.Python {
					t.Errorf("%s: got Python %s, want %s", image, got, base.Python)
				}
			}
		}
		_, err := b.Run(context.Background(), python("", func(s *sandbox.Spec) { s.Image = "repaird/no-such:image" }))
		if fault.KindOf(err) != fault.NotFound {
			t.Errorf("unknown image: got %v", err)
		}
	}},
}
