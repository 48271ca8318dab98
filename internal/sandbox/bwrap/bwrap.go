// Package bwrap runs sandboxes with bubblewrap, without a container engine.
//
// bubblewrap itself limits no resources, and when started by root it leaves the
// code inside root's access to /proc. So this package re-executes its own program
// as a launcher, which enters a cgroup, prepares size-limited file systems in its
// own mount namespace, becomes an unprivileged user with an empty environment, and
// only then executes bwrap:
//
//	daemon ── launcher ═(exec)═ bwrap ── supervisor (process 1) ── command
//
// Nothing is stored. If the daemon is killed, its processes die with it, and Reap
// removes the cgroup, whose name contains its owner (see sandbox.Owner).
//
//	b, err := bwrap.New(bwrap.Options{Bases: bases})
//	err = b.Probe(ctx)
//	result, err := b.Run(ctx, sandbox.Spec{Argv: []string{"python3", "-V"}})
package bwrap

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/sandbox"
)

// Options configure a Backend.
type Options struct {
	Bases  []sandbox.Base // from sandbox.LoadBases; the first is the default
	Logger *slog.Logger   // default: slog.Default
}

// A Backend implements sandbox.Backend. It is safe for concurrent use.
type Backend struct {
	options Options
	program string
	groups  *hierarchy
	owner   sandbox.Owner
	filter  []byte
}

var _ sandbox.Backend = (*Backend)(nil)

// New checks that bubblewrap and cgroups are available. Its error tells an
// operator what to install or change.
func New(o Options) (*Backend, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if len(o.Bases) == 0 {
		return nil, fault.Errorf(fault.NotFound, "bwrap: base systems are missing; run deploy/setup.sh")
	}
	program, err := exec.LookPath("bwrap")
	if err != nil {
		return nil, fault.Errorf(fault.NotFound, "bwrap: bubblewrap is not installed; run deploy/setup.sh or apt-get install bubblewrap")
	}
	groups, err := findHierarchy()
	if err != nil {
		return nil, fmt.Errorf("bwrap: %w", err)
	}
	owner, err := sandbox.SelfOwner()
	if err != nil {
		return nil, fmt.Errorf("bwrap: %w", err)
	}
	return &Backend{options: o, program: program, groups: groups, owner: owner, filter: filter()}, nil
}

// Name returns "bwrap".
func (b *Backend) Name() string { return "bwrap" }

// Probe implements sandbox.Backend.
func (b *Backend) Probe(ctx context.Context) (err error) {
	defer fault.Wrap(&err, "bwrap")
	err = sandbox.Attack(ctx, b)
	if err != nil {
		if data, readErr := os.ReadFile("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"); readErr == nil && strings.TrimSpace(string(data)) == "1" {
			err = fmt.Errorf("%w (this kernel restricts user namespaces: allow bwrap in AppArmor, or set kernel.apparmor_restrict_unprivileged_userns=0)", err)
		}
		if data, readErr := os.ReadFile("/proc/sys/user/max_user_namespaces"); readErr == nil && strings.TrimSpace(string(data)) == "0" {
			err = fmt.Errorf("%w (set user.max_user_namespaces above 0)", err)
		}
	}
	return err
}

// Reap implements sandbox.Backend.
func (b *Backend) Reap(ctx context.Context) (int, error) {
	n := 0
	for _, g := range b.groups.orphans() {
		if err := g.remove(ctx); err != nil {
			return n, fmt.Errorf("bwrap: reap: %w", err)
		}
		n++
	}
	return n, nil
}

// Owned returns the cgroups of a daemon; none once all its runs
// have ended.
func (b *Backend) Owned(_ context.Context, owner sandbox.Owner) ([]string, error) {
	var names []string
	for _, parent := range b.groups.parents {
		found, err := filepath.Glob(filepath.Join(parent, owner.String()+".*"))
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	return names, nil
}

// arguments returns bwrap's command line for the spec on a root file system.
func (b *Backend) arguments(spec sandbox.Spec, root string) ([]string, error) {
	a := []string{"bwrap",
		"--unshare-user", "--unshare-net", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try",
		"--uid", fmt.Sprint(sandbox.UID), "--gid", fmt.Sprint(sandbox.UID), "--hostname", "sandbox",
		"--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL",
		"--clearenv", "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin",
		"--seccomp", fmt.Sprint(seccompFD),
	}
	tree, err := rootArguments(root)
	if err != nil {
		return nil, err
	}
	a = append(a, tree...)
	a = append(a,
		"--proc", "/proc", "--dev", "/dev", "--bind", stage+"/shm", "/dev/shm", "--remount-ro", "/dev",
		"--bind", stage+"/tmp", "/tmp", "--bind", stage+"/out", "/out", "--ro-bind", stage+"/in", "/in")
	for i, m := range spec.Mounts {
		kind := "--ro-bind"
		if m.Writable {
			kind = "--bind"
		}
		a = append(a, kind, filepath.Join(stage, staged(i+1)), m.Target)
	}
	a = append(a, "--remount-ro", "/", "--chdir", "/", "--")
	python, err := interpreter(root)
	if err != nil {
		return nil, err
	}
	return append(a, sandbox.SupervisorArgv(python)...), nil
}

// Directories of a base that the sandbox does not bind: its own, and those that
// are empty in a base, so that mounts are possible below them.
var own = map[string]bool{
	"proc": true, "sys": true, "dev": true, "tmp": true, "run": true, "in": true, "out": true,
	"home": true, "root": true, "mnt": true, "media": true, "opt": true, "srv": true, "boot": true, "work": true,
}

// rootArguments rebuilds the root directory from a base's entries, so that missing
// mount points can be created before it becomes read-only.
func rootArguments(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fault.Errorf(fault.NotFound, "base system: %w; run deploy/setup.sh", err)
	}
	var a []string
	for _, e := range entries {
		name := e.Name()
		switch {
		case own[name]:
		case e.Type()&os.ModeSymlink != 0:
			target, err := os.Readlink(filepath.Join(root, name))
			if err != nil {
				return nil, err
			}
			a = append(a, "--symlink", target, "/"+name)
		case e.IsDir():
			a = append(a, "--ro-bind", stage+"/root/"+name, "/"+name)
		}
	}
	return append(a, "--dir", "/run"), nil
}

// interpreter returns the absolute path of a base's Python inside the sandbox.
func interpreter(root string) (string, error) {
	for _, name := range []string{"/usr/local/bin/python3", "/usr/bin/python3"} {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
			return name, nil
		}
	}
	return "", fault.Errorf(fault.Invalid, "base system %s has no python3", root)
}
