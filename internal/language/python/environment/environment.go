// Package environment builds what a commit's Python code runs in: a virtual
// environment with what the repository says that it needs, on a base system that
// fits production's Python. It is built once, in a sandbox, and found again by
// its digest.
//
//	envs := &environment.Builder{Backend: backend, Dir: "/var/lib/repaird/envs", Bases: bases}
//	env, err := envs.Ensure(ctx, language.EnvironmentRequest{Run: id, Tree: tree})
package environment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

// recipe is the version of how environments are built; it is part of their
// digest, so that a change here builds them anew.
const recipe = "1"

// buildScript makes /env. With --system-site-packages the image's own pytest is
// seen, unless the requirements bring one; an image without pytest gets it.
const buildScript = `set -eu
python3 -m venv --system-site-packages /env
/env/bin/python -m pip --version
for f in $REPAIRD_INSTALL; do set -- "$@" -r "$f"; done
/env/bin/python -m pip install --no-input --no-cache-dir --disable-pip-version-check --progress-bar off "$@"
/env/bin/python -c 'import pytest' 2>/dev/null ||
  /env/bin/python -m pip install --no-input --no-cache-dir --disable-pip-version-check --progress-bar off pytest
`

// buildLimits bound the building of one environment.
var buildLimits = sandbox.Limits{
	Wall: 20 * time.Minute, Memory: 4 << 30, Processes: 512, FileSize: 2 << 30, Scratch: 3 << 30, Inodes: 400_000, Output: 16 << 20,
}

// A Builder finds and builds environments. Safe for concurrent use, also of
// several processes.
type Builder struct {
	Backend sandbox.Backend
	// Dir is a host directory where environments are built once per digest.
	Dir string
	// Bases are the root file systems to choose from by the event's Python;
	// none means the backend's default.
	Bases []sandbox.Base
	// Environ is the environment from which pip's configuration is taken; nil
	// is the process's own.
	Environ []string
}

// Ensure finds or builds the environment of a tree. A *fault.Stop of type
// needs_environment says why there is none.
func (b *Builder) Ensure(ctx context.Context, req language.EnvironmentRequest) (testrun.Environment, error) {
	if req.Progress == nil {
		req.Progress = func(string) {}
	}
	env := testrun.Environment{Env: map[string]string{}}
	if zone := req.Environment.TimeZone; zone != "" {
		env.Env["TZ"] = zone
	}
	if req.Setup.Dockerfile != "" {
		return env, &fault.Stop{
			Type:   fault.NeedsEnvironment,
			Detail: "the project is configured with " + req.Setup.Dockerfile + ", and images are not built from a repository's Dockerfile yet",
			Help:   "Build the image where you build your others and name it as the project's image.",
		}
	}
	switch {
	case req.Setup.Image != "":
		env.Image = req.Setup.Image
	case len(b.Bases) > 0:
		base, why, err := sandbox.SelectBase(b.Bases, req.Environment.Python)
		if err != nil {
			return env, err
		}
		env.Image = base.Docker
		req.Progress("base system " + why)
	}
	root, err := os.OpenRoot(req.Tree)
	if err != nil {
		return env, err
	}
	defer root.Close()
	deps, err := readDependencies(root, req.Setup)
	if err != nil {
		return env, &fault.Stop{
			Type: fault.NeedsEnvironment, Detail: "the repository's dependencies cannot be read: " + err.Error(),
			Help: "Name the requirements files in the project's configuration, or configure an image that has the dependencies.",
		}
	}
	if deps.empty() {
		env.Digest = digest(b.Backend.Name(), env.Image)
		return env, nil
	}
	return b.build(ctx, req, env, deps)
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// build returns the virtual environment of a digest, building it when it is
// not there. Several processes may ask for the same one: one builds, the others
// wait for its lock.
func (b *Builder) build(ctx context.Context, req language.EnvironmentRequest, env testrun.Environment, deps dependencies) (testrun.Environment, error) {
	environ := b.Environ
	if environ == nil {
		environ = os.Environ()
	}
	pip := readPipConfig(environ)
	described, err := json.Marshal([]any{deps.requirements, deps.constraints, deps.files, deps.order})
	if err != nil {
		return env, err
	}
	env.Digest = digest(recipe, b.Backend.Name(), env.Image, string(described), pip.identity())
	env.Interpreter = "/env/bin/python"
	dir := filepath.Join(b.Dir, strings.TrimPrefix(env.Digest, "sha256:")[:32])
	env.Dir = filepath.Join(dir, "env")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return env, err
	}
	unlock, err := lockFile(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return env, err
	}
	defer unlock()
	done := filepath.Join(dir, "done.json")
	if _, err := os.Stat(done); err == nil {
		req.Progress("environment of " + strings.Join(deps.found, ", ") + " is there")
		return env, nil
	}
	req.Progress("building the environment of " + strings.Join(deps.found, ", "))
	if err := b.install(ctx, req.Run, env, deps, pip); err != nil {
		_ = os.RemoveAll(env.Dir)
		return env, err
	}
	record, err := json.MarshalIndent(map[string]any{"digest": env.Digest, "image": env.Image, "from": deps.found, "built": time.Now().UTC()}, "", "  ")
	if err != nil {
		return env, err
	}
	return env, os.WriteFile(done, record, 0o644)
}

// install builds into env.Dir, which is emptied first.
func (b *Builder) install(ctx context.Context, run string, env testrun.Environment, deps dependencies, pip pipConfig) error {
	if err := os.RemoveAll(env.Dir); err != nil {
		return err
	}
	if err := os.Mkdir(env.Dir, 0o755); err != nil {
		return err
	}
	if err := sandbox.PrepareWritable(env.Dir); err != nil {
		return err
	}
	files, install := pip.files, []string{}
	for name, data := range deps.files {
		files["req/"+name] = data
	}
	for _, name := range deps.order {
		install = append(install, "/in/req/"+name)
	}
	if len(deps.requirements) > 0 {
		text := strings.Join(deps.requirements, "\n") + "\n"
		if len(deps.constraints) > 0 {
			files["req/.constraints"] = []byte(strings.Join(deps.constraints, "\n") + "\n")
			text = "-c .constraints\n" + text
		}
		files["req/.requirements"] = []byte(text)
		install = append(install, "/in/req/.requirements")
	}
	vars := pip.env
	vars["REPAIRD_INSTALL"] = strings.Join(install, " ")
	res, err := b.Backend.Run(ctx, sandbox.Spec{
		Run: run, Image: env.Image, Argv: []string{"/bin/sh", "-c", buildScript}, Env: vars, Dir: "/tmp", Network: true,
		Mounts: append([]sandbox.Mount{{Host: env.Dir, Target: "/env", Writable: true}}, pip.mounts...),
		Files:  files, Limits: buildLimits,
	})
	if err != nil {
		return err
	}
	if res.Cause == sandbox.Exited && res.Exit == 0 {
		return nil
	}
	log := string(res.Stdout) + string(res.Stderr)
	stop := &fault.Stop{
		Type: fault.NeedsEnvironment, Log: DecisiveLines(log, 30),
		Detail: fmt.Sprintf("installing %s failed (%s, exit status %d)", strings.Join(deps.found, ", "), res.Cause, res.Exit),
		Help:   "Make the packages available to pip on this host (index, certificates, find-links), or configure an image that has them, or name other requirements files.",
	}
	if len(pip.notes) > 0 {
		stop.Help += " Of the host's pip configuration, " + strings.Join(pip.notes, "; ") + "."
	}
	return stop
}

// DecisiveLines picks the lines of a log that say what went wrong, else its last ones.
func DecisiveLines(log string, most int) string {
	var errs, all []string
	for line := range strings.Lines(log) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			continue
		}
		if len(line) > 400 {
			line = strings.ToValidUTF8(line[:400], "") + "…"
		}
		all = append(all, line)
		low := strings.ToLower(line)
		for _, word := range []string{"error", "no matching distribution", "could not", "failed", "not found", "denied", "no module named"} {
			if strings.Contains(low, word) {
				errs = append(errs, line)
				break
			}
		}
	}
	if len(errs) == 0 {
		errs = all
	}
	return strings.Join(errs[max(0, len(errs)-most):], "\n")
}

func lockFile(ctx context.Context, name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
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
			return nil, fault.Errorf(fault.Retryable, "wait for the environment that another run builds: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
