package sandboxtest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/sandbox"
)

// Host runs commands on this machine with nothing around them: quick, and for
// code that is the project's own. /in and /out become folders of the test, the
// places of mounts those that are mounted.
type Host struct{ TB testing.TB }

// Run runs a command.
func (h Host) Run(ctx context.Context, spec sandbox.Spec) (*sandbox.Result, error) {
	dir := h.TB.TempDir()
	out := filepath.Join(dir, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		return nil, err
	}
	for name, data := range spec.Files {
		file := filepath.Join(dir, "in", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return nil, err
		}
	}
	place := func(path string) string {
		for _, m := range spec.Mounts {
			if path == m.Target || strings.HasPrefix(path, m.Target+"/") {
				return m.Host + strings.TrimPrefix(path, m.Target)
			}
		}
		if strings.HasPrefix(path, "/in/") || strings.HasPrefix(path, "/out/") {
			return filepath.Join(dir, path)
		}
		return path
	}
	argv := make([]string, len(spec.Argv))
	for i, arg := range spec.Argv {
		argv[i] = place(arg)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = place(spec.Dir)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	res := &sandbox.Result{Cause: sandbox.Exited, Artifacts: map[string][]byte{}}
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		res.Exit = exit.ExitCode()
	} else if err != nil {
		return nil, err
	}
	res.Stdout, res.Stderr = []byte(stdout.String()), []byte(stderr.String())
	files, err := os.ReadDir(out)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if res.Artifacts[f.Name()], err = os.ReadFile(filepath.Join(out, f.Name())); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// Dir returns a new folder that the sandbox's user, who is another one, can enter.
func Dir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
