package bwrap

import (
	"bytes"
	"context"
	"encoding/gob"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/sandbox"
)

// Run implements sandbox.Backend.
func (b *Backend) Run(ctx context.Context, spec sandbox.Spec) (result *sandbox.Result, err error) {
	defer fault.Wrap(&err, "bwrap")
	if spec, err = spec.Prepare(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	base, ok := sandbox.FindBase(b.options.Bases, spec.Image)
	if !ok {
		return nil, fault.Errorf(fault.NotFound, "unknown base system %q", spec.Image)
	}
	p, err := b.plan(spec, base.Rootfs)
	if err != nil {
		return nil, err
	}
	g, err := b.groups.create(b.owner.Next(), spec.Limits)
	defer func() {
		if removeErr := g.remove(ctx); removeErr != nil {
			b.options.Logger.Error("sandbox cgroup not removed", "error", removeErr)
		}
	}()
	if err != nil {
		return nil, fault.Errorf(fault.Retryable, "create cgroup: %w", err)
	}
	p.Groups = g.join()

	c, err := start(p, g)
	if err != nil {
		return nil, fault.Errorf(fault.Retryable, "start: %w", err)
	}
	result, _, err = sandbox.Supervise(ctx, spec, c.connection())
	c.finish()
	if err != nil {
		return nil, err
	}
	if g.oomKills() > 0 {
		result.Cause, result.Exit = sandbox.OutOfMemory, -1
	}
	return result, nil
}

func (b *Backend) plan(spec sandbox.Spec, root string) (*plan, error) {
	args, err := b.arguments(spec, root)
	if err != nil {
		return nil, err
	}
	return &plan{
		Drop: os.Geteuid() == 0, Root: root, Limits: spec.Limits, Files: spec.Files, Mounts: spec.Mounts,
		Seccomp: b.filter, Program: b.program, Args: args,
	}, nil
}

// A child is a started launcher, later bwrap.
type child struct {
	group       *group
	in, out     *os.File
	stderr      head
	killOnce    sync.Once
	process     *os.Process
	done        chan struct{} // closed after Wait
	planWritten chan struct{}
}

// start starts the launcher from a goroutine that keeps its thread until the child
// exits: the kernel ties "die with parent" to the parent's thread.
func start(p *plan, g *group) (*child, error) {
	c := &child{group: g, done: make(chan struct{}), planWritten: make(chan struct{})}
	inR, inW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer inR.Close()
	outR, outW, err := os.Pipe()
	if err != nil {
		inW.Close()
		return nil, err
	}
	defer outW.Close()
	planR, planW, err := os.Pipe()
	if err != nil {
		inW.Close()
		outR.Close()
		return nil, err
	}
	defer planR.Close()
	c.in, c.out = inW, outR

	cmd := exec.Command("/proc/self/exe") //nolint:noctx // supervise ends it, and collects what it wrote
	cmd.Args = []string{launcherName}
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inR, outW, &c.stderr
	cmd.ExtraFiles = []*os.File{planR} // descriptor 3
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = attributes(p.Drop)

	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		inW.Close()
		outR.Close()
		planW.Close()
		return nil, err
	}
	c.process = cmd.Process
	go func() {
		defer close(c.planWritten)
		defer planW.Close()
		_ = gob.NewEncoder(planW).Encode(p) // after a broken pipe, the launcher has exited, which is noticed anyway
	}()
	return c, nil
}

// attributes gives the launcher its mount namespace, and without root also a user
// namespace in which it may mount.
func attributes(root bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true, Cloneflags: syscall.CLONE_NEWNS}
	if !root {
		uid, gid := os.Geteuid(), os.Getegid()
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	}
	return attr
}

func (c *child) connection() sandbox.Connection {
	return sandbox.Connection{In: c.in, Out: c.out, Kill: c.kill, Log: c.log}
}

// kill kills the whole sandbox: process 1 dies with bwrap, and the rest with it.
func (c *child) kill() {
	c.killOnce.Do(func() {
		_ = c.process.Kill()
		c.group.kill()
	})
}

// log waits for the exit, which is imminent whenever it is called, and returns
// stderr.
func (c *child) log() string {
	select {
	case <-c.done:
	case <-time.After(2 * time.Second):
	}
	return c.stderr.String()
}

// finish waits for bwrap to exit and releases what start has allocated.
func (c *child) finish() {
	c.in.Close()
	select {
	case <-c.done:
	case <-time.After(time.Second):
		c.kill()
		<-c.done
	}
	<-c.planWritten
	c.out.Close()
}

// A head is a writer that keeps only the beginning.
type head struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *head) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := 4096 - t.buf.Len(); room > 0 {
		t.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (t *head) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
