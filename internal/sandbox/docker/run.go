package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/sandbox"
)

// overhead is the number of processes in the container besides the command: the
// supervisor.
const overhead = 1

// slack is how much longer than Limits.Wall a container may live.
const slack = 5 * time.Minute

// Run implements sandbox.Backend.
func (b *Backend) Run(ctx context.Context, spec sandbox.Spec) (result *sandbox.Result, err error) {
	defer fault.Wrap(&err, "docker")
	if spec, err = spec.Prepare(); err != nil {
		return nil, err
	}
	if err := b.ping(ctx); err != nil {
		return nil, err
	}
	image, err := b.image(spec.Image)
	if err != nil {
		return nil, err
	}
	if err := b.ensure(ctx, image); err != nil {
		return nil, err
	}
	name := b.owner.Next()
	files := filepath.Join(b.inDir, name)
	if err := os.Mkdir(files, 0o755); err != nil {
		return nil, fmt.Errorf("prepare /in: %w", err)
	}
	defer os.RemoveAll(files)
	if err := spec.WriteFiles(files); err != nil {
		return nil, fmt.Errorf("prepare /in: %w", err)
	}
	id, err := b.create(ctx, spec, image, name, files)
	if err != nil {
		return nil, err
	}
	defer func() {
		if removeErr := b.remove(ctx, id); removeErr != nil {
			b.options.Logger.Error("container not removed", "container", id, "error", removeErr)
			err = errors.Join(err, removeErr)
		}
	}()
	return b.supervise(ctx, spec, id)
}

func (b *Backend) supervise(ctx context.Context, spec sandbox.Spec, id string) (*sandbox.Result, error) {
	// Attach before starting, so that no output is lost; not with the run's context,
	// whose end would leave the container running.
	attached, err := b.api.ContainerAttach(context.WithoutCancel(ctx), id, client.ContainerAttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, classify(err, "attach")
	}
	l := newLine(b, id, attached.HijackedResponse)
	defer l.close()
	startCtx, cancel := context.WithTimeout(ctx, 2*callTimeout)
	defer cancel()
	if _, err := b.api.ContainerStart(startCtx, id, client.ContainerStartOptions{}); err != nil {
		return nil, classify(err, "start container")
	}
	result, oom, err := sandbox.Supervise(ctx, spec, l.connection())
	if err != nil {
		return nil, err
	}
	if oom > 0 || oom < 0 && b.outOfMemory(ctx, id) {
		result.Cause, result.Exit = sandbox.OutOfMemory, -1
	}
	return result, nil
}

// outOfMemory asks the engine whether a container ran out of memory, for those that
// cannot see their own cgroup or whose supervisor was killed. The container may be
// gone already.
func (b *Backend) outOfMemory(ctx context.Context, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := b.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	return err == nil && info.Container.State != nil && info.Container.State.OOMKilled
}

func (b *Backend) create(ctx context.Context, spec sandbox.Spec, image, name, files string) (string, error) {
	// Not the run's context: an interrupted call may still have created a container.
	createCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	options := client.ContainerCreateOptions{
		Name:       "repaird-" + name,
		Config:     b.config(spec, image),
		HostConfig: b.hostConfig(spec, files),
	}
	created, err := b.api.ContainerCreate(createCtx, options)
	if err != nil {
		return "", classify(err, "create container from %s", image)
	}
	return created.ID, nil
}

func (b *Backend) config(spec sandbox.Spec, image string) *container.Config {
	uid, gid := sandbox.Account()
	supervisor := sandbox.SupervisorArgv("python3")
	return &container.Config{
		Image: image, Hostname: "sandbox", WorkingDir: "/", User: fmt.Sprintf("%d:%d", uid, gid),
		Entrypoint: supervisor[:1], Cmd: supervisor[1:],
		AttachStdin: true, AttachStdout: true, AttachStderr: true, OpenStdin: true, StdinOnce: true,
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		Labels: map[string]string{
			labelRun: spec.Run, labelOwner: b.owner.String(),
			labelUntil: strconv.FormatInt(time.Now().Add(spec.Limits.Wall+slack).Unix(), 10),
		},
	}
}

func (b *Backend) hostConfig(spec sandbox.Spec, files string) *container.HostConfig {
	l := spec.Limits
	uid, gid := sandbox.Account()
	scratch := fmt.Sprintf("rw,exec,nosuid,nodev,size=%d,nr_inodes=%d,uid=%d,gid=%d,mode=", l.Scratch, l.Inodes+1, uid, gid)
	pids := int64(l.Processes + overhead)
	none, noInit := int64(0), false
	h := &container.HostConfig{
		NetworkMode: "none", IpcMode: "private", CgroupnsMode: "private",
		AutoRemove: true, ReadonlyRootfs: true, Init: &noInit,
		CapDrop:     []string{"ALL"},
		SecurityOpt: []string{"no-new-privileges:true", "seccomp=" + b.seccomp},
		// The default logs a container's output to the host's disk, without limit.
		LogConfig: container.LogConfig{Type: "none"},
		Tmpfs: map[string]string{
			"/tmp": scratch + "1777", "/out": scratch + "755",
			"/dev/shm": fmt.Sprintf("rw,noexec,nosuid,nodev,size=%d,nr_inodes=1024,mode=1777", min(l.Scratch, 64<<20)),
		},
		Resources: container.Resources{
			Memory: l.Memory, MemorySwap: l.Memory, MemorySwappiness: &none,
			PidsLimit: &pids, NanoCPUs: int64(min(l.CPUs, float64(runtime.NumCPU())) * 1e9),
			Ulimits: []*container.Ulimit{
				{Name: "core", Soft: 0, Hard: 0},
				{Name: "nofile", Soft: 1024, Hard: 1024},
				{Name: "fsize", Soft: l.FileSize, Hard: l.FileSize},
			},
		},
		Mounts: []mount.Mount{bind(files, "/in", true)},
	}
	for _, m := range spec.Mounts {
		h.Mounts = append(h.Mounts, bind(m.Host, m.Target, !m.Writable))
	}
	return h
}

// bind returns a non-recursive bind mount: the engine would leave submounts
// writable.
func bind(host, target string, readOnly bool) mount.Mount {
	return mount.Mount{
		Type: mount.TypeBind, Source: host, Target: target, ReadOnly: readOnly,
		BindOptions: &mount.BindOptions{Propagation: mount.PropagationRPrivate, NonRecursive: true},
	}
}

// A line is the attached connection to one container.
type line struct {
	backend  *Backend
	id       string
	conn     client.HijackedResponse
	out      *io.PipeReader
	stderr   head
	done     chan struct{} // closed when the connection ends
	killOnce sync.Once
}

func newLine(b *Backend, id string, conn client.HijackedResponse) *line {
	r, w := io.Pipe()
	l := &line{backend: b, id: id, conn: conn, out: r, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		_, err := stdcopy.StdCopy(w, &l.stderr, conn.Reader)
		w.CloseWithError(err) // nil becomes io.EOF
	}()
	return l
}

func (l *line) connection() sandbox.Connection {
	return sandbox.Connection{In: stdin{l}, Out: l.out, Kill: l.kill, Log: l.log}
}

// kill kills the container, and closes the connection if the engine does not.
func (l *line) kill() {
	l.killOnce.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_, _ = l.backend.api.ContainerKill(ctx, l.id, client.ContainerKillOptions{Signal: "KILL"})
		l.close()
	})
}

func (l *line) log() string {
	select {
	case <-l.done:
	case <-time.After(2 * time.Second):
	}
	return l.stderr.String()
}

func (l *line) close() {
	l.conn.Close()
	_ = l.out.Close()
	<-l.done
}

type stdin struct{ *line }

func (s stdin) Write(p []byte) (int, error) { return s.conn.Conn.Write(p) }
func (s stdin) Close() error                { return s.conn.CloseWrite() }

// A head is a writer that keeps only the beginning.
type head struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if room := 4096 - h.buf.Len(); room > 0 {
		h.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.buf.String()
}
