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
	"slices"
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
const recipe = "2"

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
			env.Dir, env.Reader = e.Dir, b.Reader()
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

// Reader returns the image whose Python reads source: the newest base system's,
// since its parser reads what older ones do too and has what ast lacks there;
// "" if there is none.
func (b *Builder) Reader() string {
	if len(b.Bases) == 0 {
		return ""
	}
	return sandbox.NewestBase(b.Bases).Docker
}

// detect finds out what the tree needs, and finds or builds it.
func (b *Builder) detect(ctx context.Context, req language.EnvironmentRequest) (_ testrun.Environment, release func(), err error) {
	env := testrun.Environment{Env: map[string]string{}, Reader: b.Reader()}
	if zone := cmp.Or(req.Environment.TimeZone, req.Setup.TimeZone); zone != "" {
		env.Env["TZ"] = zone
	}
	root, err := os.OpenRoot(req.Tree)
	if err != nil {
		return env, nil, err
	}
	defer root.Close()
	m, err := readManifest(root, req.Setup)
	if err != nil {
		return env, nil, &fault.Stop{
			Type: fault.NeedsEnvironment, Detail: "The repository's dependencies cannot be read: " + err.Error() + ".",
			Help: "Configure the project's requirements files, or an image that contains the dependencies.",
		}
	}
	switch {
	case req.Setup.Image != "":
		env.Image = req.Setup.Image
	case len(b.Bases) > 0:
		base, why, err := choose(b.Bases, req.Environment.Python, m.python)
		if err != nil {
			return env, nil, err
		}
		env.Image = base.Docker
		if req.Known == nil { // otherwise it has been reported
			req.Progress("base system " + why)
		}
	}
	p, err := planOf(root, m, req)
	if err != nil {
		return env, nil, err
	}
	if m.empty() && len(p.Groups) == 0 {
		env.Digest = digest(b.Backend.Name(), env.Image)
		return env, func() {}, nil
	}
	return b.build(ctx, req, env, m, p)
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// build returns the virtual environment of a digest, building it if necessary.
func (b *Builder) build(ctx context.Context, req language.EnvironmentRequest, env testrun.Environment, m *manifest, p *plan) (_ testrun.Environment, release func(), err error) {
	if b.Store == nil {
		return env, nil, fault.Errorf(fault.Internal, "no store is configured in which to build the environment")
	}
	environ := b.Environ
	if environ == nil {
		environ = os.Environ()
	}
	pip := readPipConfig(environ)
	described, err := json.Marshal([]any{p, m.files})
	if err != nil {
		return env, nil, err
	}
	env.Digest = digest(recipe, b.Backend.Name(), env.Image, string(described), pip.identity())
	env.Interpreter = "/env/bin/python"
	built, from := false, strings.Join(m.found, ", ")
	e, err := b.Store.Use(ctx, store.Environments, key(env.Digest), func(ctx context.Context, dir string) error {
		built = true
		req.Progress("building the environment of " + from)
		return b.install(ctx, req, env.Image, dir, m, p, pip)
	})
	if err != nil {
		return env, nil, err
	}
	env.Dir = e.Dir
	was := readReport(e.Dir)
	if len(was.Roots) > 0 && !slices.Contains(was.Roots, ".") {
		was.Roots = append(was.Roots, ".")
	}
	env.Roots = was.Roots
	if built {
		for _, note := range was.Notes {
			req.Progress(note)
		}
	} else {
		req.Progress("environment of " + from + " is there")
	}
	return env, e.Release, nil
}

// key is a digest as a store key.
func key(digest string) string { return strings.TrimPrefix(digest, "sha256:") }
