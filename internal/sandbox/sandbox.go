// Package sandbox is the contract for running hostile code: one command, in a
// disposable place with no network, a read-only root and bounded resources.
//
// Backends (docker, bwrap) implement [Backend]; sandboxtest is the suite that
// each must pass. A backend refuses to start in a weaker form than it declares:
// [Backend.Probe] really runs attacks, and its error says what is missing.
//
// Inside the sandbox a command sees:
//
//	/work   the tree, read-only (Spec.Mounts)
//	/in     Spec.Files, read-only
//	/out    scratch whose regular files become Result.Artifacts
//	/tmp    scratch, lost
//
// It runs as an unprivileged uid ([Owner] on the host) with only Spec.Env in its
// environment, and as a child of process 1, the supervisor (supervisor.py): trusted
// code that it can neither trace, read nor kill. The supervisor relays its output,
// kills whatever is left of it, and only then collects artifacts, so that nothing
// can change under its hands. Everything passes through pipes: no file of a run is
// on the host's disk.
//
//	daemon ── frames over pipes ── supervisor (process 1) ── command
//
// A worked example, with the base systems that deploy/setup.sh has built:
//
//	bases, err := sandbox.LoadBases("/var/lib/repaird")
//	backend, err := bwrap.New(bwrap.Options{Bases: bases})
//	err = backend.Probe(ctx)
//	result, err := backend.Run(ctx, sandbox.Spec{
//		Run: "01J…", Argv: []string{"python3", "-m", "pytest", "/in/test_x.py"},
//		Files: map[string][]byte{"test_x.py": source},
//		Mounts: []sandbox.Mount{{Host: tree, Target: "/work"}},
//	})
//
// Environment builds (Spec.Network) share the host's network, its loopback and
// abstract sockets included; everything else holds for them too. They may write to
// mounts that [PrepareWritable] has prepared.
package sandbox

import (
	"context"
	"time"
)

// A Spec describes one run. It is a value: a backend keeps nothing of it.
type Spec struct {
	Run     string            // id of the repaird run; labels what the backend creates
	Image   string            // root file system: a Base's release or Docker reference, or with docker any image; "" is the backend's default
	Argv    []string          // command; Argv[0] is an absolute path or found in the image's PATH
	Env     map[string]string // the whole environment besides PATH, HOME=/tmp and LANG
	Dir     string            // working directory; default /work when mounted, else /tmp
	Mounts  []Mount           // host directories
	Files   map[string][]byte // name → content below /in; names are relative, without ".."
	Network bool              // host network, for environment builds only
	Limits  Limits            // zero fields take the values of DefaultLimits
}

// A Mount makes a host directory visible in the sandbox.
type Mount struct {
	Host     string // absolute path of a directory
	Target   string // absolute path inside, outside the system's folders and other mounts
	Writable bool   // for environment builds only
}

// Limits bound one run.
type Limits struct {
	Wall      time.Duration // wall time; then SIGKILL for everything within a second
	Memory    int64         // bytes, swap included
	Processes int           // processes and threads
	CPUs      float64       // processors
	FileSize  int64         // bytes of one file
	Scratch   int64         // bytes of each of /tmp and /out
	Inodes    int           // files in each of /tmp and /out
	Output    int64         // bytes of stdout and stderr together
	Artifacts int64         // bytes of all artifacts together
}

// DefaultLimits are those of a test run.
var DefaultLimits = Limits{
	Wall: 2 * time.Minute, Memory: 1 << 30, Processes: 256, CPUs: 2,
	FileSize: 64 << 20, Scratch: 128 << 20, Inodes: 20_000, Output: 8 << 20, Artifacts: 96 << 20,
}

// WithDefaults fills the zero fields of l from DefaultLimits.
func (l Limits) WithDefaults() Limits {
	d := DefaultLimits
	if l.Wall == 0 {
		l.Wall = d.Wall
	}
	if l.Memory == 0 {
		l.Memory = d.Memory
	}
	if l.Processes == 0 {
		l.Processes = d.Processes
	}
	if l.CPUs == 0 {
		l.CPUs = d.CPUs
	}
	if l.FileSize == 0 {
		l.FileSize = d.FileSize
	}
	if l.Scratch == 0 {
		l.Scratch = d.Scratch
	}
	if l.Inodes == 0 {
		l.Inodes = d.Inodes
	}
	if l.Output == 0 {
		l.Output = d.Output
	}
	if l.Artifacts == 0 {
		l.Artifacts = d.Artifacts
	}
	return l
}

// A Result is what is left of a run.
type Result struct {
	Cause     Cause
	Exit      int               // exit code, 128+signal when a signal ended it; -1 unless Cause is Exited
	Stdout    []byte            // at most Limits.Output together with Stderr
	Stderr    []byte            //
	Artifacts map[string][]byte // relative path below /out → content; regular files with one link only
	Refused   []string          // artifacts that were not collected, with the reason, names escaped
	Wall      time.Duration
}

// A Cause says how a run ended.
type Cause string

// The causes.
const (
	Exited      Cause = "exited"       // by itself
	Timeout     Cause = "timeout"      // Limits.Wall
	OutOfMemory Cause = "oom"          // Limits.Memory: the kernel killed any process of the run for it
	OutputLimit Cause = "output_limit" // Limits.Output
	Killed      Cause = "killed"       // from outside, or the backend lost it
)

// A Backend runs commands in sandboxes. All methods may be called concurrently.
type Backend interface {
	// Name is "docker" or "bwrap".
	Name() string

	// Probe checks, by running attacks, that the backend contains what it
	// declares. It is idempotent and leaves nothing behind. Its error tells an
	// operator what to install or change.
	Probe(ctx context.Context) error

	// Run runs one command and waits for its end. Whatever happens, also when
	// ctx ends, no process, mount, container or file of the run is left when it
	// returns. An error means that the sandbox itself failed (fault.Retryable
	// where trying again can help); a failing command is a Result.
	Run(ctx context.Context, spec Spec) (*Result, error)

	// Reap removes what killed daemons of this host left behind: containers,
	// processes, cgroups, directories whose owning process is dead. It is
	// idempotent and returns how many things it removed.
	Reap(ctx context.Context) (int, error)
}
