package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/repaird/repaird/internal/fault"
)

// A Private is a PostgreSQL server of our own: its data and its unix socket are
// in one directory, it does not listen on a network address, and it never runs
// as root.
type Private struct {
	Dir  string // data/, socket/ and log
	bin  string
	cred *syscall.Credential
}

// StartPrivate creates the server under dir at first use and starts it if it is
// not running. durable false switches fsync off, for tests. It is idempotent,
// also between processes.
func StartPrivate(ctx context.Context, dir string, durable bool) (_ *Private, err error) {
	defer fault.Wrap(&err, "private PostgreSQL in %s", dir)
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	p := &Private{Dir: dir}
	if p.bin, err = serverBin(); err != nil {
		return nil, err
	}
	if err := p.prepare(); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	if _, err := os.Stat(p.data("PG_VERSION")); err != nil {
		_ = os.RemoveAll(p.data()) // of an interrupted initdb
		if err := p.run(ctx, "initdb", "-D", p.data(), "-U", "repaird", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"); err != nil {
			return nil, err
		}
	}
	if p.run(ctx, "pg_ctl", "-D", p.data(), "status") == nil {
		return p, nil
	}
	opts := fmt.Sprintf("-c listen_addresses='' -c unix_socket_directories='%s' -c max_connections=300", p.socket())
	if !durable {
		opts += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
	}
	err = p.run(ctx, "pg_ctl", "-D", p.data(), "-l", filepath.Join(p.data(), "server.log"), "-w", "-t", "60", "-o", opts, "start")
	return p, err
}

// URL is the connection string of a database of the server.
func (p *Private) URL(database string) string {
	return fmt.Sprintf("host=%s user=repaird dbname=%s", p.socket(), database)
}

// Stop stops the server, ending its connections.
func (p *Private) Stop(ctx context.Context) error {
	return p.run(ctx, "pg_ctl", "-D", p.data(), "-m", "fast", "-w", "stop")
}

// Kill ends the server at once, as a crash would; StartPrivate recovers it.
func (p *Private) Kill(ctx context.Context) error {
	return p.run(ctx, "pg_ctl", "-D", p.data(), "-m", "immediate", "-w", "stop")
}

func (p *Private) data(elem ...string) string {
	return filepath.Join(append([]string{p.Dir, "data"}, elem...)...)
}

// socket is a short path: unix socket names end at 107 bytes.
func (p *Private) socket() string { return filepath.Join(p.Dir, "s") }

// prepare creates the directories and, for root, picks the unprivileged account
// that owns them.
func (p *Private) prepare() error {
	if len(p.socket()) > 90 {
		return fault.Errorf(fault.Invalid, "path %s is too long for a unix socket: choose a state directory with a shorter path", p.socket())
	}
	if os.Geteuid() == 0 {
		u, err := unprivileged()
		if err != nil {
			return err
		}
		p.cred = u
	}
	if err := os.MkdirAll(p.Dir, 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(p.socket(), 0o755); err != nil {
		return err
	}
	if p.cred == nil {
		return nil
	}
	if parent := unreachable(p.Dir); parent != "" {
		return fault.Errorf(fault.Denied, "PostgreSQL does not run as root, and no other account can reach %s: choose a state directory outside it, or chmod a+x it", parent)
	}
	// The whole directory belongs to the server: initdb creates data/ in it.
	for _, d := range []string{p.Dir, p.socket()} {
		if err := os.Chown(d, int(p.cred.Uid), int(p.cred.Gid)); err != nil {
			return err
		}
	}
	return nil
}

// unreachable returns the first parent of dir that other accounts may not enter.
func unreachable(dir string) string {
	var bad string
	for d := filepath.Dir(dir); ; d = filepath.Dir(d) {
		if st, err := os.Stat(d); err == nil && st.Mode().Perm()&0o001 == 0 {
			bad = d
		}
		if d == filepath.Dir(d) {
			return bad
		}
	}
}

func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fault.Errorf(fault.NotFound, "neither a postgres nor a nobody account exists, and PostgreSQL does not run as root")
}

func (p *Private) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, name), args...)
	cmd.Dir = p.Dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "HOME=" + p.Dir}
	// The server must outlive us and our terminal's Ctrl-C.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: p.cred}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if name == "pg_ctl" {
		// The server inherits the descriptors; a pipe would make Wait hang.
		cmd.Stdout, cmd.Stderr = nil, nil
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

// serverBin finds the newest installed server, 14 or later: distributions keep
// it off PATH.
func serverBin() (string, error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	more, _ := filepath.Glob("/usr/pgsql-*/bin")
	dirs = append(dirs, more...)
	sort.Slice(dirs, func(i, j int) bool { return major(dirs[i]) > major(dirs[j]) })
	for _, d := range dirs {
		if _, err := os.Stat(filepath.Join(d, "initdb")); err == nil && major(d) >= 14 {
			return d, nil
		}
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	return "", fault.Errorf(fault.NotFound, "no PostgreSQL server (14 or newer) is installed: run deploy/setup.sh, or apt-get install postgresql")
}

func major(dir string) int {
	s := strings.TrimPrefix(filepath.Base(filepath.Dir(dir)), "pgsql-")
	n, _ := strconv.Atoi(s)
	return n
}
