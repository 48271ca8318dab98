package bwrap

import (
	"encoding/gob"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/repaird/repaird/internal/sandbox"
)

// launcherName is argument 0 of this program when re-executed as the launcher.
const launcherName = "repaird-sandbox-launcher"

// File descriptors of the launcher.
const (
	planFD    = 3
	seccompFD = 200 // above anything that the Go runtime opens
)

// stage is where the launcher assembles what bwrap binds. The mount covers /tmp
// only in the launcher's own mount namespace, and disappears with it.
const stage = "/tmp"

// A plan is what the launcher does before it becomes bwrap.
type plan struct {
	Groups  []string          // cgroup.procs files to enter
	Drop    bool              // we are root: become UID
	Root    string            // root file system
	Limits  sandbox.Limits    // of /tmp and /out
	Files   map[string][]byte // for /in
	Mounts  []sandbox.Mount   // mount i is bound at stage/m<i>
	Seccomp []byte
	Program string // bwrap
	Args    []string
}

// The launcher must run between fork and exec with its own mount namespace and
// credentials, which in Go needs a fresh process. So every program that links this
// package can be re-executed as a launcher.
func init() {
	if len(os.Args) == 1 && os.Args[0] == launcherName {
		runtime.LockOSThread()
		err := launch()
		fmt.Fprintln(os.Stderr, "launcher:", err)
		os.Exit(125)
	}
}

func launch() error {
	in := os.NewFile(planFD, "plan")
	var p plan
	if err := gob.NewDecoder(in).Decode(&p); err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	in.Close()
	for _, name := range p.Groups {
		if err := os.WriteFile(name, []byte("0"), 0); err != nil {
			return fmt.Errorf("enter cgroup: %w", err)
		}
	}
	if err := p.prepareStage(); err != nil {
		return err
	}
	if err := passSeccomp(p.Seccomp); err != nil {
		return fmt.Errorf("pass seccomp filter: %w", err)
	}
	if err := p.dropPrivileges(); err != nil {
		return fmt.Errorf("drop privileges: %w", err)
	}
	// An empty environment: the daemon's must not appear in the sandbox's /proc.
	return fmt.Errorf("exec %s: %w", p.Program, unix.Exec(p.Program, p.Args, []string{"PATH=/usr/bin:/bin"}))
}

// prepareStage creates the mounts that need privileges or limits that bwrap cannot
// set.
func (p *plan) prepareStage() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// Open the sources first, because the stage may cover them, and to rule out
	// races on the components of their paths.
	sources := []string{p.Root}
	for _, m := range p.Mounts {
		sources = append(sources, m.Host)
	}
	fds := make([]int, len(sources))
	for i, name := range sources {
		fd, err := unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open %s: %w", name, err)
		}
		fds[i] = fd
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV
	if err := unix.Mount("tmpfs", stage, "tmpfs", flags, "size=96m,nr_inodes=40k,mode=755"); err != nil {
		return fmt.Errorf("mount stage: %w", err)
	}
	uid, gid := os.Geteuid(), os.Getegid()
	if p.Drop {
		uid, gid = sandbox.UID, sandbox.UID
	}
	scratch := fmt.Sprintf("size=%d,nr_inodes=%d,uid=%d,gid=%d,mode=", p.Limits.Scratch, p.Limits.Inodes+1, uid, gid)
	shm := fmt.Sprintf("size=%d,nr_inodes=1k,uid=%d,gid=%d,mode=1777", min(p.Limits.Scratch, 64<<20), uid, gid)
	for name, options := range map[string]string{"tmp": scratch + "1777", "out": scratch + "755", "shm": shm} {
		if err := os.Mkdir(filepath.Join(stage, name), 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", filepath.Join(stage, name), "tmpfs", flags, options); err != nil {
			return fmt.Errorf("mount %s (%s): %w", name, options, err)
		}
	}
	for i, fd := range fds {
		writable := i > 0 && p.Mounts[i-1].Writable
		if err := bind(fd, filepath.Join(stage, staged(i)), writable); err != nil {
			return fmt.Errorf("bind %s: %w", sources[i], err)
		}
	}
	return p.writeFiles()
}

// staged returns the path of source i below the stage: the root, then the mounts.
func staged(i int) string {
	if i == 0 {
		return "root"
	}
	return "m" + strconv.Itoa(i-1)
}

func bind(fd int, target string, writable bool) error {
	if err := os.Mkdir(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("/proc/self/fd/"+strconv.Itoa(fd), target, "", unix.MS_BIND, ""); err != nil {
		return err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(target, &st); err != nil {
		return err
	}
	// A user namespace may add flags to a mount, but not remove them.
	kept := uintptr(st.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY | unix.MS_NOATIME | unix.MS_NODIRATIME | unix.MS_RELATIME)
	flags := kept | unix.MS_REMOUNT | unix.MS_BIND | unix.MS_NOSUID | unix.MS_NODEV
	if !writable {
		flags |= unix.MS_RDONLY
	}
	return unix.Mount("", target, "", flags, "")
}

// writeFiles writes /in, which bwrap binds read-only.
func (p *plan) writeFiles() error {
	dir := filepath.Join(stage, "in")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := (sandbox.Spec{Files: p.Files}).WriteFiles(dir); err != nil {
		return fmt.Errorf("write files: %w", err)
	}
	return nil
}

// passSeccomp leaves the filter in a file descriptor that bwrap inherits.
func passSeccomp(program []byte) error {
	fd, err := unix.MemfdCreate("seccomp", 0)
	if err != nil {
		return err
	}
	if _, err := unix.Write(fd, program); err != nil {
		return err
	}
	if _, err := unix.Seek(fd, 0, 0); err != nil {
		return err
	}
	if err := unix.Dup3(fd, seccompFD, 0); err != nil {
		return err
	}
	return unix.Close(fd)
}

// dropPrivileges becomes the unprivileged user. Without root, it only drops the
// capabilities of the launcher's own user namespace.
func (p *plan) dropPrivileges() error {
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	if p.Drop {
		if err := syscall.Setgroups(nil); err != nil {
			return err
		}
		if err := syscall.Setresgid(sandbox.UID, sandbox.UID, sandbox.UID); err != nil {
			return err
		}
		if err := syscall.Setresuid(sandbox.UID, sandbox.UID, sandbox.UID); err != nil {
			return err
		}
	} else if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	if os.Geteuid() == 0 || os.Getegid() == 0 {
		return fmt.Errorf("still root")
	}
	// A setuid bwrap must not regain root either.
	return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
}
