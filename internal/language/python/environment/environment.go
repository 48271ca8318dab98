// Package environment builds the environment of a commit's Python code: a
// virtual environment with the repository's dependencies, on a base system that
// matches production's Python. It is built once, in a sandbox, and found again
// by its digest.
//
//	envs := &environment.Builder{Backend: backend, Store: store, Bases: bases}
//	env, release, err := envs.Ensure(ctx, language.EnvironmentRequest{Run: id, Tree: tree})
//	defer release()
package environment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"cmp"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/store"
	"github.com/repaird/repaird/internal/testrun"
)

// recipe is the version of how environments are built; it is part of their
// digest, so that a change here rebuilds them.
const recipe = "1"

// buildScript builds /env. With --system-site-packages the image's own pytest
// is visible, unless the requirements install one; an image without pytest gets
// it.
const buildScript = `set -eu
python3 -m venv --system-site-packages /env
/env/bin/python -m pip --version
for f in $REPAIRD_INSTALL; do set -- "$@" -r "$f"; done
/env/bin/python -m pip install --no-input --no-cache-dir --disable-pip-version-check --progress-bar off "$@"
/env/bin/python -c 'import pytest' 2>/dev/null ||
  /env/bin/python -m pip install --no-input --no-cache-dir --disable-pip-version-check --progress-bar off pytest
`

// buildLimits limit the build of one environment.
var buildLimits = sandbox.Limits{
	Wall: 20 * time.Minute, Memory: 4 << 30, Processes: 512, FileSize: 2 << 30, Scratch: 3 << 30, Inodes: 400_000, Output: 16 << 20,
}

// A Builder finds and builds environments. Safe for concurrent use, also of
// several processes.
type Builder struct {
	Backend sandbox.Backend
	Store   *store.Store // of environments, by digest; without one only code without dependencies runs
	// Bases are the base systems to choose from by the event's Python version;
	// none means the backend's default.
	Bases []sandbox.Base
	// Environ is the environment from which pip's configuration is read; nil is
	// the process's own.
	Environ []string
}

// Ensure implements language.Reproduction's EnsureEnvironment.
func (b *Builder) Ensure(ctx context.Context, req language.EnvironmentRequest) (_ testrun.Environment, release func(), err error) {
	if req.Progress == nil {
		req.Progress = func(string) {}
	}
	if req.Known != nil && b.Store != nil {
		if e, ok, err := b.Store.Lookup(ctx, store.Environments, key(req.Known.Digest)); err != nil {
			return testrun.Environment{}, nil, err
		} else if ok {
			env := *req.Known
			env.Dir = e.Dir
			return env, e.Release, nil
		}
	}
	env, release, err := b.detect(ctx, req)
	if err == nil && req.Known != nil {
		if env.Digest != req.Known.Digest {
			req.Progress("this host's environment differs from the one in which the failure was reproduced: its base systems or package index are configured differently")
		}
		env.Env, env.Roots = req.Known.Env, req.Known.Roots
	}
	return env, release, err
}

// detect finds out what the tree needs, and finds or builds it.
func (b *Builder) detect(ctx context.Context, req language.EnvironmentRequest) (_ testrun.Environment, release func(), err error) {
	env := testrun.Environment{Env: map[string]string{}}
	if zone := cmp.Or(req.Environment.TimeZone, req.Setup.TimeZone); zone != "" {
		env.Env["TZ"] = zone
	}
	switch {
	case req.Setup.Image != "":
		env.Image = req.Setup.Image
	case len(b.Bases) > 0:
		base, why, err := sandbox.SelectBase(b.Bases, req.Environment.Python)
		if err != nil {
			return env, nil, err
		}
		env.Image = base.Docker
		if req.Known == nil { // otherwise it has been reported
			req.Progress("base system " + why)
		}
	}
	root, err := os.OpenRoot(req.Tree)
	if err != nil {
		return env, nil, err
	}
	defer root.Close()
	deps, err := readDependencies(root, req.Setup)
	if err != nil {
		return env, nil, &fault.Stop{
			Type: fault.NeedsEnvironment, Detail: "The repository's dependencies cannot be read: " + err.Error() + ".",
			Help: "Configure the project's requirements files, or an image that contains the dependencies.",
		}
	}
	if deps.empty() {
		env.Digest = digest(b.Backend.Name(), env.Image)
		return env, func() {}, nil
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

// build returns the virtual environment of a digest, building it if necessary.
func (b *Builder) build(ctx context.Context, req language.EnvironmentRequest, env testrun.Environment, deps dependencies) (_ testrun.Environment, release func(), err error) {
	if b.Store == nil {
		return env, nil, fault.Errorf(fault.Internal, "no store is configured in which to build the environment")
	}
	environ := b.Environ
	if environ == nil {
		environ = os.Environ()
	}
	pip := readPipConfig(environ)
	described, err := json.Marshal([]any{deps.requirements, deps.constraints, deps.files, deps.order})
	if err != nil {
		return env, nil, err
	}
	env.Digest = digest(recipe, b.Backend.Name(), env.Image, string(described), pip.identity())
	env.Interpreter = "/env/bin/python"
	built := false
	e, err := b.Store.Use(ctx, store.Environments, key(env.Digest), func(ctx context.Context, dir string) error {
		built = true
		req.Progress("building the environment of " + strings.Join(deps.found, ", "))
		return b.install(ctx, req.Run, env.Image, dir, deps, pip)
	})
	if err != nil {
		return env, nil, err
	}
	if !built {
		req.Progress("environment of " + strings.Join(deps.found, ", ") + " is there")
	}
	env.Dir = e.Dir
	return env, e.Release, nil
}

// key is a digest as a store key.
func key(digest string) string { return strings.TrimPrefix(digest, "sha256:") }

// install builds into dir, which is empty.
func (b *Builder) install(ctx context.Context, run, image, dir string, deps dependencies, pip pipConfig) error {
	if err := sandbox.PrepareWritable(dir); err != nil {
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
		Run: run, Image: image, Argv: []string{"/bin/sh", "-c", buildScript}, Env: vars, Dir: "/tmp", Network: true,
		Mounts: append([]sandbox.Mount{{Host: dir, Target: "/env", Writable: true}}, pip.mounts...),
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
		Detail: fmt.Sprintf("Installing %s failed (%s, exit code %d).", strings.Join(deps.found, ", "), res.Cause, res.Exit),
		Help:   "Make the packages available to pip on this host (index, certificates, find-links), configure an image that contains them, or configure other requirements files.",
	}
	if len(pip.notes) > 0 {
		stop.Help += " Of the host's pip configuration, " + strings.Join(pip.notes, "; ") + "."
	}
	return stop
}

// DecisiveLines picks the lines of a log that say what went wrong, otherwise
// its last lines.
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
