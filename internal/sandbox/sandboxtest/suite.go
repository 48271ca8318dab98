package sandboxtest

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/repaird/repaird/internal/sandbox"
)

// planted is in the test process's environment, as credentials are in a daemon's,
// and must not appear anywhere in a sandbox.
const planted = "canary-4f1b9a77c2e0"

// A caseFunc tests one property of a backend. Numbers such as H12 refer to the table
// of attacks in docs/threat-model.md.
//
// Cases that do not concern a single run are tested elsewhere: H08 (the engine's
// log) by the Docker backend, H39 (forged traces) by the tracer, H41-H54 (forged
// verdicts) by the session and verify, H55-H57 (patches) by patch, and H58 and H60
// (repositories) by gitrepo. H37 (archives) needs no test, because artifacts are
// never unpacked.
type caseFunc struct {
	name string
	run  func(t *testing.T, b sandbox.Backend)
}

// Run runs the suite against a backend. The calling package needs a TestMain that
// calls Main.
func Run(t *testing.T, b sandbox.Backend) {
	t.Run("cases", func(t *testing.T) {
		t.Run("H01-H32 in-place attacks", func(t *testing.T) { t.Parallel(); attacks(t, b) })
		for _, cases := range [][]caseFunc{basics, endings, artifacts, mounts, lifecycle} {
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					t.Logf("uses-backend: %s", b.Name())
					c.run(t, b)
				})
			}
		}
	})
	t.Run("nothing is left of all these runs", func(t *testing.T) {
		self, err := sandbox.SelfOwner()
		if err != nil {
			t.Fatal(err)
		}
		if left := owned(t, b, self); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	})
}

// attacks runs every case of sandbox.AttackSource as a subtest.
func attacks(t *testing.T, b sandbox.Backend) {
	r := run(t, b, sandbox.AttackSpec())
	reports, err := sandbox.ParseAttack(r.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	if r.Cause != sandbox.Exited || r.Exit != 0 || len(reports) != attackCases() {
		t.Fatalf("got %s, exit %d, %d reports, want all %d: %s", r.Cause, r.Exit, len(reports), attackCases(), r.Stderr)
	}
	for _, report := range reports {
		t.Run(report.Case, func(t *testing.T) {
			t.Logf("uses-backend: %s", b.Name())
			t.Log(report.Detail)
			if !report.Contained {
				t.Errorf("not contained: %s", report.Detail)
			}
		})
	}
}

// attackCases counts the cases in the program, so that none is skipped silently.
func attackCases() int {
	return strings.Count(sandbox.AttackSource, "\ndef h") + strings.Count(sandbox.AttackSource, "\ndef s0")
}

// quick are the limits of most cases: enough for Python, but quickly exceeded.
var quick = sandbox.Limits{Wall: 60 * time.Second, Memory: 256 << 20, Processes: 32, CPUs: 1, Scratch: 16 << 20, Inodes: 8_000, Output: 1 << 20, Artifacts: 4 << 20}

// python returns a spec that runs a program with the quick limits.
func python(program string, change ...func(*sandbox.Spec)) sandbox.Spec {
	s := sandbox.Spec{Run: "suite", Argv: []string{"python3", "-I", "-c", program}, Limits: quick}
	for _, f := range change {
		f(&s)
	}
	return s
}

// run runs the spec and fails the test if the sandbox itself fails.
func run(t *testing.T, b sandbox.Backend, s sandbox.Spec) *sandbox.Result {
	t.Helper()
	r, err := b.Run(context.Background(), s)
	if err != nil {
		t.Fatalf("Run: %v", err)
	}
	if int64(len(r.Stdout)+len(r.Stderr)) > s.Limits.WithDefaults().Output {
		t.Errorf("output of %d bytes, over the limit", len(r.Stdout)+len(r.Stderr))
	}
	if (r.Cause == sandbox.Exited) != (r.Exit >= 0) {
		t.Errorf("got cause %s with exit %d", r.Cause, r.Exit)
	}
	return r
}

// succeed runs the spec and requires exit code 0.
func succeed(t *testing.T, b sandbox.Backend, s sandbox.Spec) *sandbox.Result {
	t.Helper()
	r := run(t, b, s)
	if r.Cause != sandbox.Exited || r.Exit != 0 {
		t.Fatalf("got %s, exit %d, want exit 0; stderr: %s", r.Cause, r.Exit, r.Stderr)
	}
	return r
}

// refusedAs checks that name was refused for the reason.
func refusedAs(t *testing.T, r *sandbox.Result, name, reason string) {
	t.Helper()
	for _, line := range r.Refused {
		if strings.HasPrefix(line, name+": ") && strings.Contains(line, reason) {
			return
		}
	}
	t.Errorf("no refusal of %s because %q in %q", name, reason, r.Refused)
}

// owned returns what a backend has for a daemon.
func owned(t *testing.T, b sandbox.Backend, owner sandbox.Owner) []string {
	t.Helper()
	o, ok := b.(interface {
		Owned(context.Context, sandbox.Owner) ([]string, error)
	})
	if !ok {
		t.Fatalf("backend %s has no method Owned", b.Name())
	}
	names, err := o.Owned(context.Background(), owner)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A wire is a named pipe that the processes in a sandbox hold open: data means that
// they are running, EOF that all of them are dead. Only environment builds have
// writable mounts, so runs with a wire are builds.
type wire struct {
	dir    string
	r      *os.File
	keeper *os.File // a writer, without which a read could see EOF before the first writer opens it
}

func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{dir: t.TempDir()}
	if err := sandbox.PrepareWritable(w.dir); err != nil {
		t.Fatal(err)
	}
	w.r, w.keeper = fifo(t, filepath.Join(w.dir, "wire"))
	return w
}

// fifo creates a named pipe and opens both ends.
func fifo(t *testing.T, name string) (r, w *os.File) {
	t.Helper()
	if err := unix.Mkfifo(name, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, 0o666); err != nil { // regardless of the umask
		t.Fatal(err)
	}
	w, err := os.OpenFile(name, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	r, err = os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close(); r.Close() })
	return r, w
}

// attach mounts the wire at /wire.
func (w *wire) attach(s *sandbox.Spec) {
	s.Build = true
	s.Mounts = append(s.Mounts, sandbox.Mount{Host: w.dir, Target: "/wire", Writable: true})
}

// ready waits until the program has written a byte.
func (w *wire) ready(t *testing.T) {
	t.Helper()
	deadline(t, w.r)
	if _, err := w.r.Read(make([]byte, 1)); err != nil {
		t.Fatalf("waiting for the command: %v", err)
	}
	w.keeper.Close()
}

// dead waits until no process holds the wire open.
func (w *wire) dead(t *testing.T) {
	t.Helper()
	w.keeper.Close()
	deadline(t, w.r)
	if _, err := io.Copy(io.Discard, w.r); err != nil {
		t.Errorf("processes of the sandbox live on: %v", err)
	}
}

func deadline(t *testing.T, f *os.File) {
	t.Helper()
	if err := f.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
}
