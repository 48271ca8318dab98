package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// UID is the user and group that commands run as, and that own the files they
// write to a writable mount, if the daemon is root. Otherwise the daemon's own user
// takes its place: see [Account].
const UID = 65534

// Limits on a Spec, far above what a run needs.
const (
	maxFiles     = 10_000
	maxFileBytes = 64 << 20
	maxEnvBytes  = 128 << 10
	maxArgvBytes = 128 << 10
	maxWall      = 2 * time.Hour
)

// Account returns the host's user and group that commands run as.
func Account() (uid, gid int) {
	if os.Geteuid() == 0 {
		return UID, UID
	}
	return os.Geteuid(), os.Getegid()
}

// PrepareWritable makes the existing directory dir writable for commands, for use
// as a Mount with Writable set.
func PrepareWritable(dir string) (err error) {
	defer fault.Wrap(&err, "prepare writable directory")
	if uid, gid := Account(); uid != os.Geteuid() {
		if err := os.Lchown(dir, uid, gid); err != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o755)
}

// Directories that a mount must not cover or be below: the sandbox's own, and
// those of the base system, which are already read-only when mounts are created.
var reserved = map[string]bool{
	"/proc": true, "/dev": true, "/sys": true, "/in": true, "/out": true, "/tmp": true,
	"/usr": true, "/bin": true, "/sbin": true, "/lib": true, "/lib64": true, "/etc": true, "/run": true, "/var": true,
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Prepare validates s and returns it with the defaults filled in. Backends call it
// first. Its error is fault.Invalid.
func (s Spec) Prepare() (Spec, error) {
	s.Limits = s.Limits.WithDefaults()
	for _, check := range []func() error{s.checkLimits, s.checkCommand, s.checkMounts, s.checkFiles} {
		if err := check(); err != nil {
			return Spec{}, fault.Errorf(fault.Invalid, "sandbox spec: %w", err)
		}
	}
	if s.Dir == "" {
		s.Dir = "/tmp"
		for _, m := range s.Mounts {
			if m.Target == "/work" {
				s.Dir = "/work"
			}
		}
	}
	return s, nil
}

func (s Spec) checkLimits() error {
	l := s.Limits
	if l.Wall < 0 || l.Wall > maxWall || l.Memory < 16<<20 || l.Processes < 1 || l.CPUs < 0 || l.FileSize < 0 ||
		l.Scratch < 0 || l.Inodes < 0 || l.Output < 0 || l.Artifacts < 0 {
		return fmt.Errorf("limits out of range: %+v", l)
	}
	return nil
}

func (s Spec) checkCommand() error {
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return fmt.Errorf("command is missing")
	}
	size := 0
	for _, a := range s.Argv {
		if strings.ContainsRune(a, 0) {
			return fmt.Errorf("an argument contains NUL")
		}
		size += len(a)
	}
	if size > maxArgvBytes {
		return fmt.Errorf("arguments have %d bytes, the limit is %d", size, maxArgvBytes)
	}
	size = 0
	for k, v := range s.Env {
		if !envName.MatchString(k) || strings.ContainsRune(v, 0) {
			return fmt.Errorf("invalid environment variable %q", k)
		}
		size += len(k) + len(v)
	}
	if size > maxEnvBytes {
		return fmt.Errorf("environment has %d bytes, the limit is %d", size, maxEnvBytes)
	}
	if s.Dir != "" && (!path.IsAbs(s.Dir) || strings.ContainsRune(s.Dir, 0)) {
		return fmt.Errorf("working directory %q is not absolute", s.Dir)
	}
	return nil
}

func (s Spec) checkMounts() error {
	var targets []string
	for _, m := range s.Mounts {
		if !filepath.IsAbs(m.Host) || filepath.Clean(m.Host) != m.Host || strings.ContainsRune(m.Host, 0) {
			return fmt.Errorf("mount source %q is not a clean absolute path", m.Host)
		}
		if !path.IsAbs(m.Target) || path.Clean(m.Target) != m.Target || strings.ContainsAny(m.Target, "\x00:,") ||
			m.Target == "/" || reserved["/"+strings.SplitN(m.Target, "/", 3)[1]] {
			return fmt.Errorf("mount target %q is not allowed", m.Target)
		}
		for _, other := range targets {
			if m.Target == other || strings.HasPrefix(m.Target, other+"/") || strings.HasPrefix(other, m.Target+"/") {
				return fmt.Errorf("mount targets %q and %q overlap", other, m.Target)
			}
		}
		targets = append(targets, m.Target)
		if m.Writable && !s.Build {
			return fmt.Errorf("mount %q is writable, which is for environment builds only", m.Target)
		}
		if err := checkAccess(m); err != nil {
			return err
		}
	}
	return nil
}

// checkAccess reports early and clearly what would otherwise be a puzzling failure
// inside the sandbox.
func checkAccess(m Mount) error {
	info, err := os.Stat(m.Host)
	if err != nil {
		return fmt.Errorf("mount %s: %w", m.Target, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("mount %s: %s is not a directory", m.Target, m.Host)
	}
	uid, gid := Account()
	want, what := fs.FileMode(0o5), "readable"
	if m.Writable {
		want, what = 0o7, "writable"
	}
	mode := info.Mode().Perm()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		switch {
		case int(st.Uid) == uid:
			mode >>= 6
		case int(st.Gid) == gid:
			mode >>= 3
		}
	}
	if mode&want != want {
		return fmt.Errorf("mount %s: %s is not %s for uid %d, which commands run as", m.Target, m.Host, what, uid)
	}
	return nil
}

func (s Spec) checkFiles() error {
	if len(s.Files) > maxFiles {
		return fmt.Errorf("%d files, the limit is %d", len(s.Files), maxFiles)
	}
	size := 0
	for name, data := range s.Files {
		if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\x00\\") || len(name) > 1024 {
			return fmt.Errorf("file name %q is not allowed", name)
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := s.Files[dir]; ok {
				return fmt.Errorf("file %q is below the file %q", name, dir)
			}
		}
		size += len(data)
	}
	if size > maxFileBytes {
		return fmt.Errorf("files have %d bytes, the limit is %d", size, maxFileBytes)
	}
	return nil
}

// WriteFiles writes s.Files below the existing directory dir, readable by everyone
// and writable only by the daemon.
func (s Spec) WriteFiles(dir string) error {
	for name, data := range s.Files {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, data, 0o444); err != nil {
			return err
		}
	}
	return nil
}
