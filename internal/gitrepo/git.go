package gitrepo

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// gitconfig is the only configuration that git reads. Each line prevents a
// repository, or the account that repaird runs under, from making git run or
// read something.
const gitconfig = `[core]
	hooksPath = /dev/null
	fsmonitor = false
	symlinks = false
	attributesFile = /dev/null
	alternateRefsCommand = true
	askPass =
	sshCommand = ssh -oBatchMode=yes -oStrictHostKeyChecking=yes
[protocol]
	allow = never
[protocol "https"]
	allow = always
[protocol "http"]
	allow = always
[protocol "ssh"]
	allow = always
[protocol "file"]
	allow = always
[credential]
	helper =
[http]
	followRedirects = false
[submodule]
	recurse = false
[fetch]
	recurseSubmodules = false
	writeCommitGraph = false
[gc]
	auto = 0
[maintenance]
	auto = false
[uploadpack]
	allowAnySHA1InWant = true
[transfer]
	bundleURI = false
# A local source often belongs to another account than repaird's. Reading its
# objects runs nothing of it.
[safe]
	directory = *
`

// maxGitOutput limits how much of a git command's output is kept, in bytes.
const maxGitOutput = 64 << 20

// passed lists the environment variables that git inherits.
var passed = []string{
	"PATH", "SSH_AUTH_SOCK", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy",
	"NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "TMPDIR",
}

// command prepares git with gitconfig as its only configuration.
func (r *Repo) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.opts.Git, args...)
	cmd.Dir = r.home
	cmd.Env = []string{
		"HOME=" + r.home, "XDG_CONFIG_HOME=" + r.home, "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + filepath.Join(r.home, "gitconfig"), "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "GIT_LFS_SKIP_SMUDGE=1", "GIT_NO_REPLACE_OBJECTS=1",
		"GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1",
	}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, r.tokenEnv()...)
	// git starts helpers; they are killed with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// tokenEnv passes git the token as a header for the source's origin, through
// the environment, so that neither the URL nor the command line contains it.
func (r *Repo) tokenEnv() []string {
	u, err := url.Parse(r.source.URL)
	if r.source.Token.Empty() || err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return nil
	}
	basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + r.source.Token.Reveal()))
	return []string{
		"GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=http." + u.Scheme + "://" + u.Host + "/.extraHeader",
		"GIT_CONFIG_VALUE_0=Authorization: Basic " + basic,
	}
}

// git runs a command in the mirror and returns its output.
func (r *Repo) git(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	if args[0] != "init" {
		args = append([]string{"--git-dir", r.dir}, args...)
	}
	cmd := r.command(ctx, args...)
	stdout, stderr := &capped{max: maxGitOutput}, &capped{max: 64 << 10}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, fault.Errorf(fault.Internal, "the git command is missing: install git")
	case ctx.Err() != nil:
		return nil, fault.Errorf(fault.Retryable, "git %s: %w", verb(args), ctx.Err())
	case err != nil:
		return nil, gitError(verb(args), stderr.String())
	case stdout.over:
		return nil, fault.Errorf(fault.Budget, "git %s printed more than %d bytes", verb(args), stdout.max)
	}
	return stdout.Bytes(), nil
}

func verb(args []string) string {
	if args[0] == "--git-dir" {
		return args[2]
	}
	return args[0]
}

// causes maps git's messages to kinds of errors. The first match counts.
var causes = []struct {
	kind  fault.Kind
	texts []string
}{
	{fault.Denied, []string{"Authentication failed", "could not read Username", "could not read Password", "Permission denied", "error: 403", "error: 401", "access denied", "Host key verification failed"}},
	{fault.NotFound, []string{"not our ref", "couldn't find remote ref", "unadvertised object", "Repository not found", "does not appear to be a git repository", "error: 404", "not found", "unknown revision", "bad revision", "Not a valid object", "bad object", "Invalid revision range", "not a git repository", "shallow file has changed"}},
	{fault.Retryable, []string{"Could not resolve host", "Failed to connect", "Connection refused", "Connection timed out", "Connection reset", "timed out", "early EOF", "hung up", "error: 5", "error: 429", "Couldn't connect", "unable to access", "index-pack failed"}},
	{fault.Invalid, []string{"transport", "not allowed"}},
}

func gitError(verb, stderr string) error {
	kind := fault.Internal
find:
	for _, c := range causes {
		for _, text := range c.texts {
			if strings.Contains(stderr, text) {
				kind = c.kind
				break find
			}
		}
	}
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	last := lines[max(0, len(lines)-3):]
	return fault.Errorf(kind, "git %s: %s", verb, strings.Join(last, "; "))
}

// capped keeps the first max bytes that are written to it.
type capped struct {
	bytes.Buffer
	max  int
	over bool
}

func (c *capped) Write(p []byte) (int, error) {
	if room := c.max - c.Len(); len(p) > room {
		c.over = true
		c.Buffer.Write(p[:max(room, 0)])
		return len(p), nil
	}
	return c.Buffer.Write(p)
}

// lock keeps other processes and goroutines from changing the mirror.
func (r *Repo) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(r.home, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, err
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fault.Errorf(fault.Retryable, "wait for the mirror's lock: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
