// Package docker runs sandboxes as containers of a Docker engine, through its API.
//
// Each run is one container with the supervisor as process 1. Command, arguments
// and environment are sent over the attached standard input, and results come back
// over standard output, so that neither is in the engine's files; Spec.Files are
// in memory, bound read-only. If the daemon dies, the end of standard input ends
// the supervisor, and the engine removes the container.
//
// Containers have these labels:
//
//	dev.repaird.run     id of the repaird run
//	dev.repaird.owner   the daemon (sandbox.Owner)
//	dev.repaird.until   Unix time after which it is an orphan, whatever its owner
//
//	b, err := docker.New(docker.Options{Bases: bases})
//	err = b.Probe(ctx)
//	result, err := b.Run(ctx, sandbox.Spec{Argv: []string{"python3", "-V"}})
//
// Spec.Image defaults to the first base, and may be a base's release name. Any
// other image must be present in the engine, or be pinned by digest to be pulled.
package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/sandbox"
)

const (
	labelRun   = "dev.repaird.run"
	labelOwner = "dev.repaird.owner"
	labelUntil = "dev.repaird.until"
)

// callTimeout limits one call to the engine's API; a healthy engine responds in
// milliseconds.
const callTimeout = 30 * time.Second

// Options configure a Backend.
type Options struct {
	Bases  []sandbox.Base // from sandbox.LoadBases; the first is the default image
	Image  string         // overrides the default image
	Host   string         // address of the engine; default $DOCKER_HOST, else the usual socket
	InDir  string         // host directory for Spec.Files, visible to the engine under the same path; default: one in memory
	Logger *slog.Logger   // default: slog.Default
}

// A Backend implements sandbox.Backend. It is safe for concurrent use.
type Backend struct {
	options  Options
	api      *client.Client
	owner    sandbox.Owner
	inDir    string
	seccomp  string
	patience time.Duration // how long to wait for an unresponsive engine
}

var _ sandbox.Backend = (*Backend)(nil)

// New returns a Backend. The engine need not be running yet; Probe checks it.
func New(o Options) (_ *Backend, err error) {
	defer fault.Wrap(&err, "docker")
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	opts := []client.Opt{client.FromEnv}
	if o.Host != "" {
		opts = append(opts, client.WithHost(o.Host))
	}
	api, err := client.New(opts...)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "%w", err)
	}
	owner, err := sandbox.SelfOwner()
	if err != nil {
		return nil, err
	}
	profile, err := seccompProfile()
	if err != nil {
		return nil, err
	}
	inDir, err := filesFolder(o.InDir)
	if err != nil {
		return nil, err
	}
	return &Backend{options: o, api: api, owner: owner, inDir: inDir, seccomp: profile, patience: 5 * time.Second}, nil
}

// filesFolder returns a directory for Spec.Files, in memory if possible.
func filesFolder(dir string) (string, error) {
	if dir == "" {
		dir = os.TempDir()
		for _, candidate := range []string{"/dev/shm", "/run"} {
			var st unix.Statfs_t
			if unix.Statfs(candidate, &st) == nil && st.Type == unix.TMPFS_MAGIC && unix.Access(candidate, unix.W_OK) == nil {
				dir = candidate
				break
			}
		}
		dir = filepath.Join(dir, "repaird-"+strconv.Itoa(os.Geteuid()))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return "", err
	}
	if int(st.Uid) != os.Geteuid() || st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Mode&0o022 != 0 {
		return "", fault.Errorf(fault.Denied, "%s must be a directory that only this user can write to", dir)
	}
	return dir, nil
}

// Name returns "docker".
func (b *Backend) Name() string { return "docker" }

// Probe implements sandbox.Backend.
func (b *Backend) Probe(ctx context.Context) (err error) {
	defer fault.Wrap(&err, "docker")
	if err := b.ping(ctx); err != nil {
		return err
	}
	return sandbox.Attack(ctx, b)
}

// Ready quickly checks whether the engine responds.
func (b *Backend) Ready() error { return b.ping(context.Background()) }

// ping quickly checks whether the engine responds.
func (b *Backend) ping(ctx context.Context) error {
	pingCtx, cancel := context.WithTimeout(ctx, b.patience)
	defer cancel()
	_, err := b.api.Ping(pingCtx, client.PingOptions{NegotiateAPIVersion: true})
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Errorf(fault.Retryable, "the engine at %s does not answer: %w; start it, or run deploy/setup.sh as root", b.api.DaemonHost(), err)
}

// image resolves Spec.Image to a Docker reference.
func (b *Backend) image(name string) (string, error) {
	if name == "" && b.options.Image != "" {
		return b.options.Image, nil
	}
	if base, ok := sandbox.FindBase(b.options.Bases, name); ok {
		return base.Docker, nil
	}
	if name == "" {
		return "", fault.Errorf(fault.NotFound, "base systems are missing and no image is configured; run deploy/setup.sh")
	}
	return name, nil
}

// ensure checks that the engine has the image, pulling one pinned by digest, and
// that the image declares no volumes, which would be writable and unlimited.
func (b *Backend) ensure(ctx context.Context, image string) error {
	info, err := b.api.ImageInspect(ctx, image)
	if errdefs.IsNotFound(err) && strings.Contains(image, "@sha256:") {
		if err := b.pull(ctx, image); err != nil {
			return err
		}
		info, err = b.api.ImageInspect(ctx, image)
	}
	if errdefs.IsNotFound(err) {
		return fault.Errorf(fault.NotFound, "image %s is not in the engine; run deploy/setup.sh, or configure an image with its digest", image)
	}
	if err != nil {
		return classify(err, "inspect image %s", image)
	}
	if info.Config != nil && len(info.Config.Volumes) > 0 {
		return fault.Errorf(fault.Invalid, "image %s declares volumes, which would be writable and unlimited", image)
	}
	return nil
}

func (b *Backend) pull(ctx context.Context, image string) error {
	b.options.Logger.Info("pulling image", "image", image)
	stream, err := b.api.ImagePull(ctx, image, client.ImagePullOptions{})
	if err != nil {
		return classify(err, "pull %s", image)
	}
	defer stream.Close()
	if err := stream.Wait(ctx); err != nil {
		return classify(err, "pull %s", image)
	}
	return nil
}

// Reap implements sandbox.Backend. A container whose owner is in another PID
// namespace, such as a containerised daemon, is an orphan once its time is up.
func (b *Backend) Reap(ctx context.Context) (n int, err error) {
	defer fault.Wrap(&err, "docker: reap")
	if err := b.ping(ctx); err != nil {
		return 0, err
	}
	list, err := b.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", labelOwner)})
	if err != nil {
		return 0, classify(err, "list containers")
	}
	for _, c := range list.Items {
		if !orphaned(c.Labels, time.Now()) {
			continue
		}
		if err := b.remove(ctx, c.ID); err != nil {
			return n, err
		}
		n++
	}
	removed, err := b.reapFiles()
	return n + removed, err
}

// Owned returns the containers and file directories of a daemon; none once
// all its runs have ended.
func (b *Backend) Owned(ctx context.Context, owner sandbox.Owner) ([]string, error) {
	list, err := b.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", labelOwner+"="+owner.String())})
	if err != nil {
		return nil, classify(err, "list containers")
	}
	var names []string
	for _, c := range list.Items {
		names = append(names, "container "+c.ID+" "+string(c.State))
	}
	files, err := filepath.Glob(filepath.Join(b.inDir, owner.String()+".*"))
	return append(names, files...), err
}

func orphaned(labels map[string]string, now time.Time) bool {
	if until, err := strconv.ParseInt(labels[labelUntil], 10, 64); err == nil && now.Unix() > until {
		return true
	}
	owner, err := sandbox.ParseOwner(labels[labelOwner])
	return err != nil || owner.Dead()
}

func (b *Backend) reapFiles() (int, error) {
	entries, err := os.ReadDir(b.inDir)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		owner, err := sandbox.ParseOwner(e.Name())
		if err != nil || !owner.Dead() {
			continue
		}
		if err := os.RemoveAll(filepath.Join(b.inDir, e.Name())); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// remove removes a container in any state, and waits until it is gone.
func (b *Backend) remove(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		// A conflict means that removal is already in progress.
		_, err := b.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil || errdefs.IsNotFound(err) {
			return nil
		}
		if !errdefs.IsConflict(err) {
			return classify(err, "remove container")
		}
		select {
		case <-ctx.Done():
			return classify(err, "remove container")
		case <-tick.C:
		}
	}
}

// classify gives an engine's error its kind.
func classify(err error, format string, args ...any) error {
	kind := fault.Retryable
	switch {
	case errdefs.IsInvalidArgument(err):
		kind = fault.Invalid
	case errdefs.IsNotFound(err):
		kind = fault.NotFound
	case errdefs.IsPermissionDenied(err), errdefs.IsUnauthorized(err):
		kind = fault.Denied
	case errors.Is(err, context.Canceled):
		return err
	}
	return fault.Errorf(kind, "%s: %w", fmt.Sprintf(format, args...), err)
}
