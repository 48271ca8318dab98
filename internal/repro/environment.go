package repro

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/pytest"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/store"
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

// An EnvironmentRequest asks for the environment of a reproduction that may have
// been made on another host.
type EnvironmentRequest struct {
	Run      string
	Tree     string             // host directory of the commit's tree
	Setup    Setup              //
	Event    *incident.Event    //
	Env      pytest.Environment // as stored, without a directory of this host
	Progress func(string)       // may be nil
}

// EnsureEnvironment finds or builds on this host what tests ran in: the
// environment of the same digest, or the one that this host builds from the
// same tree where, say, its package index is another. The environment stays
// until release is called.
func (r *Reproducer) EnsureEnvironment(ctx context.Context, in EnvironmentRequest) (_ pytest.Environment, release func(), err error) {
	if in.Progress == nil {
		in.Progress = func(string) {}
	}
	if in.Env.Python != "" {
		e, ok, err := r.Store.Lookup(ctx, store.Environments, environmentKey(in.Env.Digest))
		if err != nil {
			return in.Env, nil, err
		}
		if ok {
			in.Env.Venv = e.Dir
			return in.Env, e.Release, nil
		}
	}
	made := in.Env
	env, release, err := r.environment(ctx, in)
	if err != nil {
		return env, nil, err
	}
	if env.Digest != made.Digest {
		in.Progress("this host's environment is another than the reproduction's: its base systems, backend or package index differ")
	}
	env.Roots = made.Roots
	return env, release, nil
}

// environment finds or builds what the tests run in; it stays until release is
// called.
func (r *Reproducer) environment(ctx context.Context, in EnvironmentRequest) (_ pytest.Environment, release func(), err error) {
	env := pytest.Environment{Env: map[string]string{}}
	ev := in.Event.Environment
	if zone := cmp.Or(ev.TimeZone, in.Setup.TimeZone); zone != "" {
		env.Env["TZ"] = zone
	}
	switch {
	case in.Setup.Image != "":
		env.Image = in.Setup.Image
	case len(r.Bases) > 0:
		base, why, err := sandbox.SelectBase(r.Bases, ev.Python)
		if err != nil {
			return env, nil, err
		}
		env.Image = base.Docker
		if in.Env.Digest == "" { // else it has been said
			in.Progress("base system " + why)
		}
	}
	root, err := os.OpenRoot(in.Tree)
	if err != nil {
		return env, nil, err
	}
	defer root.Close()
	deps, err := readDependencies(root, in.Setup)
	if err != nil {
		return env, nil, &fault.Stop{
			Type: fault.NeedsEnvironment, Detail: "the repository's dependencies cannot be read: " + err.Error(),
			Help: "Name the requirements files in the project's configuration, or configure an image that has the dependencies.",
		}
	}
	if deps.empty() {
		env.Digest = digest(r.Runner.Backend.Name(), env.Image)
		return env, func() {}, nil
	}
	return r.build(ctx, in, env, deps)
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// environmentKey is a digest as the store names it.
func environmentKey(digest string) string { return strings.TrimPrefix(digest, "sha256:") }

// build returns the virtual environment of a digest, building it when it is
// not there. Of several processes that ask for the same one, one builds, the
// others wait.
func (r *Reproducer) build(ctx context.Context, in EnvironmentRequest, env pytest.Environment, deps dependencies) (_ pytest.Environment, release func(), err error) {
	environ := r.Environ
	if environ == nil {
		environ = os.Environ()
	}
	pip := readPipConfig(environ)
	described, err := json.Marshal([]any{deps.requirements, deps.constraints, deps.files, deps.order})
	if err != nil {
		return env, nil, err
	}
	env.Digest = digest(recipe, r.Runner.Backend.Name(), env.Image, string(described), pip.identity())
	env.Python = "/env/bin/python"
	built := false
	e, err := r.Store.Use(ctx, store.Environments, environmentKey(env.Digest), func(ctx context.Context, dir string) error {
		built = true
		in.Progress("building the environment of " + strings.Join(deps.found, ", "))
		env.Venv = dir
		return r.install(ctx, in.Run, env, deps, pip)
	})
	if err != nil {
		return env, nil, err
	}
	if !built {
		in.Progress("environment of " + strings.Join(deps.found, ", ") + " is there")
	}
	env.Venv = e.Dir
	return env, e.Release, nil
}

// install builds into env.Venv, which is empty.
func (r *Reproducer) install(ctx context.Context, run string, env pytest.Environment, deps dependencies, pip pipConfig) error {
	if err := sandbox.PrepareWritable(env.Venv); err != nil {
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
	res, err := r.Runner.Backend.Run(ctx, sandbox.Spec{
		Run: run, Image: env.Image, Argv: []string{"/bin/sh", "-c", buildScript}, Env: vars, Dir: "/tmp", Network: true,
		Mounts: append([]sandbox.Mount{{Host: env.Venv, Target: "/env", Writable: true}}, pip.mounts...),
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
		Type: fault.NeedsEnvironment, Log: decisive(log, 30),
		Detail: fmt.Sprintf("installing %s failed (%s, exit status %d)", strings.Join(deps.found, ", "), res.Cause, res.Exit),
		Help:   "Make the packages available to pip on this host (index, certificates, find-links), or configure an image that has them, or name other requirements files.",
	}
	if len(pip.notes) > 0 {
		stop.Help += " Of the host's pip configuration, " + strings.Join(pip.notes, "; ") + "."
	}
	return stop
}

// decisive picks the lines of a log that say what went wrong, else its last ones.
func decisive(log string, most int) string {
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

// roots are the directories on sys.path: the configured one, those that the
// frames' modules were imported from, a src directory, the tree itself.
func roots(m *mapper, setup Setup, frames []MappedFrame) []string {
	var all []string
	add := func(r string) {
		for _, old := range all {
			if old == r {
				return
			}
		}
		if filepath.IsLocal(r) {
			all = append(all, r)
		}
	}
	if setup.Root != "" {
		add(filepath.ToSlash(filepath.Clean(setup.Root)))
	}
	for i := len(frames) - 1; i >= 0 && len(all) < 8; i-- {
		if frames[i].Path != "" {
			root, _ := m.importOf(frames[i], setup.Root)
			add(root)
		}
	}
	if info, err := fs.Stat(m.root.FS(), "src"); err == nil && info.IsDir() && !m.exists("src/__init__.py") {
		add("src")
	}
	add(".")
	return all
}

// testFolder is where this repository keeps its tests.
func testFolder(m *mapper) string {
	for _, name := range []string{"tests", "test"} {
		if info, err := fs.Stat(m.root.FS(), name); err == nil && info.IsDir() {
			return name
		}
	}
	return "tests"
}

// hasLocals reports whether the source sent locals of any frame.
func hasLocals(frames []MappedFrame) bool {
	for _, f := range frames {
		if f.HasVars || len(f.Locals) > 0 {
			return true
		}
	}
	return false
}

// lastMapped is the innermost frame, which must be in the tree.
func lastMapped(frames []MappedFrame) (MappedFrame, bool) {
	if len(frames) == 0 {
		return MappedFrame{}, false
	}
	f := frames[len(frames)-1]
	return f, f.Path != ""
}
