// Package sandbox is the interface for running untrusted code: one command in a
// disposable environment without network access, with a read-only root and
// bounded resources.
//
// Backends (docker, bwrap) implement [Backend]; each must pass the suite in
// sandboxtest. A backend never runs with weaker isolation than it declares:
// [Backend.Probe] runs real attacks, and its error says what is missing.
//
// Inside the sandbox a command sees:
//
//	/work   the tree, read-only (Spec.Mounts)
//	/in     Spec.Files, read-only
//	/out    scratch whose regular files become Result.Artifacts
//	/tmp    scratch, discarded
//
// It runs as an unprivileged uid ([Account] on the host) with only Spec.Env in its
// environment, as a child of process 1, the supervisor (supervisor.py): trusted
// code that it cannot trace, read or kill. The supervisor relays its output, kills
// all remaining processes, and only then collects artifacts, so that they cannot
// change meanwhile. Everything passes through pipes: a run writes no file to the
// host's disk.
//
//	daemon ── frames over pipes ── supervisor (process 1) ── command
//
// An example, with the base systems built by deploy/setup.sh:
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
// Environment builds (Spec.Build) are isolated in the same way, but may write to
// mounts prepared by [PrepareWritable]. What they need of the network they get
// through a socket in a mount.
package sandbox

import (
	"context"
	"time"
)

// A Spec describes one run. Backends do not retain it.
type Spec struct {
	Run    string            // id of the repaird run, for labels
	Image  string            // root file system: a Base's release or Docker reference, or with docker any image; default: the backend's
	Argv   []string          // command; Argv[0] is an absolute path or is looked up in the image's PATH
	Env    map[string]string // the complete environment, except for PATH, HOME=/tmp and LANG
	Dir    string            // working directory; default /work if mounted, else /tmp
	Mounts []Mount           // host directories
	Files  map[string][]byte // name → content below /in; names are relative, without ".."
	Build  bool              // of an environment: mounts may be writable
	Limits Limits            // zero fields default to DefaultLimits
}

// A Mount makes a host directory visible in the sandbox.
type Mount struct {
	Host     string // absolute path of a directory
	Target   string // absolute path in the sandbox, outside system directories and other mounts
	Writable bool   // for environment builds only
}

// Limits bound one run.
type Limits struct {
	Wall      time.Duration // wall-clock time; then everything gets SIGKILL within a second
	Memory    int64         // bytes, swap included
	Processes int           // processes and threads
	CPUs      float64       // processors
	FileSize  int64         // bytes per file
	Scratch   int64         // bytes in each of /tmp and /out
	Inodes    int           // files in each of /tmp and /out
	Output    int64         // bytes of stdout and stderr together
	Artifacts int64         // bytes of all artifacts together
}

// DefaultLimits are the limits of a test run.
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

// A Result is the outcome of a run.
type Result struct {
	Cause     Cause
	Exit      int               // exit code, or 128+signal if killed by a signal; -1 unless Cause is Exited
	Stdout    []byte            // at most Limits.Output together with Stderr
	Stderr    []byte            //
	Artifacts map[string][]byte // path relative to /out → content; only regular files with one link
	Refused   []string          // artifacts that were not collected, each with the reason; names are escaped
	Wall      time.Duration
}

// A Cause says how a run ended.
type Cause string

// The causes.
const (
	Exited      Cause = "exited"       // of its own accord
	Timeout     Cause = "timeout"      // exceeded Limits.Wall
	OutOfMemory Cause = "oom"          // exceeded Limits.Memory: the kernel killed at least one process
	OutputLimit Cause = "output_limit" // exceeded Limits.Output
	Killed      Cause = "killed"       // from outside, or lost by the backend
)

// A Backend runs commands in sandboxes. Its methods are safe for concurrent use.
type Backend interface {
	// Name is "docker" or "bwrap".
	Name() string

	// Probe runs attacks to check that the backend isolates as declared. It is
	// idempotent and leaves nothing behind. Its error tells an operator what to
	// install or change.
	Probe(ctx context.Context) error

	// Run runs one command to its end. When it returns, even because ctx has
	// ended, no process, mount, container or file of the run is left. An error
	// means that the sandbox itself failed (fault.Retryable if a retry may help);
	// a failing command is a Result.
	Run(ctx context.Context, spec Spec) (*Result, error)

	// Reap removes what killed daemons on this host left behind: containers,
	// processes, cgroups and directories whose owner is dead. It is idempotent
	// and returns the number of things removed.
	Reap(ctx context.Context) (int, error)
}
