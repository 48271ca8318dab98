package pytest

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/sandbox"
)

// plain is a backend without bounds for trusted sample code: the runner's own
// tests need the layout of a sandbox, not its strength.
type plain struct{ t *testing.T }

func (p plain) Name() string                      { return "plain" }
func (p plain) Probe(context.Context) error       { return nil }
func (p plain) Reap(context.Context) (int, error) { return 0, nil }
func (p plain) Run(ctx context.Context, s sandbox.Spec) (*sandbox.Result, error) {
	in, out := p.t.TempDir(), p.t.TempDir()
	for name, data := range s.Files {
		f := filepath.Join(in, name)
		if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(f, data, 0o644); err != nil {
			return nil, err
		}
	}
	home, _ := os.UserHomeDir()
	args := []string{"--unshare-all", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL", "--die-with-parent", "--clearenv", "--setenv", "PATH", home + "/.pyenv/versions/3.11.7/bin:/usr/bin:/bin",
		"--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin",
		"--ro-bind-try", home + "/.pyenv", home + "/.pyenv", "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
		"--ro-bind", in, "/in", "--bind", out, "/out"}
	for _, m := range s.Mounts {
		args = append(args, "--ro-bind", m.Host, m.Target)
	}
	args = append(args, "--chdir", s.Dir, "--")
	ctx, cancel := context.WithTimeout(ctx, s.Limits.Wall)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bwrap", append(args, s.Argv...)...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	_ = cmd.Run()
	res := &sandbox.Result{Cause: sandbox.Exited, Exit: cmd.ProcessState.ExitCode(), Stdout: []byte(stdout.String()),
		Stderr: []byte(stderr.String()), Wall: time.Since(start), Artifacts: map[string][]byte{}}
	if ctx.Err() != nil {
		res.Cause = sandbox.Timeout
	}
	_ = filepath.WalkDir(out, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, _ := filepath.Rel(out, name)
			res.Artifacts[rel], _ = os.ReadFile(name)
		}
		return nil
	})
	return res, nil
}

// backend returns the backend that the tests run on.
func backend(t *testing.T) sandbox.Backend {
	t.Helper()
	return plain{t}
}
