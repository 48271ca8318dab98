package bwrap

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/sandbox"
)

const cgroupMount = "/sys/fs/cgroup"

// The directory of all sandboxes in each hierarchy.
const cgroupFolder = "repaird"

// A hierarchy is where the host lets us limit memory and processes.
type hierarchy struct {
	unified bool     // one tree (v2), not one per controller (v1)
	parents []string // parent directories of the sandboxes' own; one with v2
}

// overhead is the number of processes in the group besides the command: the
// waiting bwrap, and the supervisor.
const overhead = 2

// findHierarchy prepares the sandboxes' parent directories. Its error says what an
// operator must change.
func findHierarchy() (*hierarchy, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(cgroupMount, &st); err != nil {
		return nil, fault.Errorf(fault.NotFound, "cgroups are not available: %s: %w", cgroupMount, err)
	}
	if st.Type == unix.CGROUP2_SUPER_MAGIC {
		return findUnified()
	}
	h := &hierarchy{}
	for _, controller := range []string{"memory", "pids", "cpu"} {
		own, err := ownGroup(controller)
		if err != nil {
			return nil, err
		}
		base := filepath.Join(cgroupMount, controller)
		if os.Geteuid() != 0 {
			base = filepath.Join(base, own) // only a delegated directory is writable
		}
		parent := filepath.Join(base, cgroupFolder)
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return nil, fault.Errorf(fault.Denied, "the cgroup controller %s is not usable: %w; run the daemon as root, or use docker", controller, err)
		}
		h.parents = append(h.parents, parent)
	}
	return h, nil
}

// findUnified uses the top of the tree if root, else the directory that a service
// manager has delegated to us (systemd: Delegate=yes).
func findUnified() (*hierarchy, error) {
	base := cgroupMount
	if os.Geteuid() != 0 {
		own, err := ownGroup("")
		if err != nil {
			return nil, err
		}
		base = filepath.Join(cgroupMount, own)
		for up := filepath.Dir(base); unix.Access(up, unix.W_OK) == nil && up != cgroupMount; up = filepath.Dir(up) {
			base = up
		}
	}
	parent := filepath.Join(base, cgroupFolder)
	for _, dir := range []string{base, parent} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fault.Errorf(fault.Denied, "cgroups are not usable: %w; run the daemon as root or as a service with Delegate=yes, or use docker", err)
		}
		if err := writeFile(dir, "cgroup.subtree_control", "+memory +pids +cpu"); err != nil {
			return nil, fault.Errorf(fault.Denied, "cgroup controllers cannot be delegated: %w; run the daemon as root or as a service with Delegate=yes, or use docker", err)
		}
	}
	return &hierarchy{unified: true, parents: []string{parent}}, nil
}

// ownGroup returns the path of this process's group for a v1 controller, "" for v2.
func ownGroup(controller string) (string, error) {
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for name := range strings.SplitSeq(parts[1], ",") {
			if name == controller {
				return parts[2], nil
			}
		}
	}
	return "", fault.Errorf(fault.NotFound, "this host lacks the cgroup controller %q; use docker", controller)
}

// A group is the cgroup of one sandbox: one directory per hierarchy.
type group struct {
	unified bool
	dirs    []string
}

func (h *hierarchy) create(name string, l sandbox.Limits) (*group, error) {
	g := &group{unified: h.unified}
	for _, parent := range h.parents {
		dir := filepath.Join(parent, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return g, err
		}
		g.dirs = append(g.dirs, dir)
	}
	memory := strconv.FormatInt(l.Memory, 10)
	pids := strconv.Itoa(l.Processes + overhead)
	const period = 100_000 // microseconds
	quota := int64(l.CPUs * period)
	if h.unified {
		dir := g.dirs[0]
		return g, errors.Join(
			writeFile(dir, "memory.max", memory), optional(writeFile(dir, "memory.swap.max", "0")),
			writeFile(dir, "pids.max", pids), writeFile(dir, "cpu.max", fmt.Sprintf("%d %d", quota, period)))
	}
	return g, errors.Join(
		writeFile(g.dirs[0], "memory.limit_in_bytes", memory),
		// Absent if the kernel does not account for swap.
		optional(writeFile(g.dirs[0], "memory.memsw.limit_in_bytes", memory)),
		writeFile(g.dirs[1], "pids.max", pids),
		writeFile(g.dirs[2], "cpu.cfs_period_us", strconv.Itoa(period)),
		writeFile(g.dirs[2], "cpu.cfs_quota_us", strconv.FormatInt(quota, 10)))
}

// join returns the files to which a process writes "0" to enter the group.
func (g *group) join() []string {
	var files []string
	for _, dir := range g.dirs {
		files = append(files, filepath.Join(dir, "cgroup.procs"))
	}
	return files
}

// oomKills returns how many processes the kernel killed for lack of memory.
func (g *group) oomKills() int {
	if len(g.dirs) == 0 {
		return 0
	}
	name := "memory.oom_control"
	if g.unified {
		name = "memory.events"
	}
	data, _ := os.ReadFile(filepath.Join(g.dirs[0], name))
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(rest))
			return n
		}
	}
	return 0
}

// kill sends SIGKILL to every process of the group.
func (g *group) kill() {
	for _, dir := range g.dirs {
		if g.unified && writeFile(dir, "cgroup.kill", "1") == nil {
			continue
		}
		data, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		for pid := range strings.FieldsSeq(string(data)) {
			if n, err := strconv.Atoi(pid); err == nil && n > 1 {
				_ = unix.Kill(n, unix.SIGKILL)
			}
		}
	}
}

// remove kills all remaining processes and removes the group.
func (g *group) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		var left []error
		for _, dir := range g.dirs {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				left = append(left, err)
			}
		}
		if len(left) == 0 {
			return nil
		}
		g.kill()
		select {
		case <-ctx.Done():
			return errors.Join(left...)
		case <-tick.C:
		}
	}
}

// orphans returns the groups whose owners are dead.
func (h *hierarchy) orphans() []*group {
	found := map[string]*group{}
	for _, parent := range h.parents {
		entries, _ := os.ReadDir(parent)
		for _, e := range entries {
			owner, err := sandbox.ParseOwner(e.Name())
			if !e.IsDir() || err != nil || !owner.Dead() {
				continue
			}
			if found[e.Name()] == nil {
				found[e.Name()] = &group{unified: h.unified}
			}
			found[e.Name()].dirs = append(found[e.Name()].dirs, filepath.Join(parent, e.Name()))
		}
	}
	var groups []*group
	for _, g := range found {
		groups = append(groups, g)
	}
	return groups
}

func writeFile(dir, name, value string) error {
	return os.WriteFile(filepath.Join(dir, name), []byte(value), 0o644)
}

func optional(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
