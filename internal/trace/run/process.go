package run

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/trace"
)

// How long things may take at the end of a run.
const (
	graceStacks = 2 * time.Second        // to write the stacks, at a time-out
	graceTerm   = time.Second            // between SIGTERM and SIGKILL
	graceOutput = 500 * time.Millisecond // for output that a surviving descendant holds open
)

// A process is the command under way.
type process struct {
	o      Options
	dir    *folder
	cmd    *exec.Cmd
	exited chan error
}

// start starts the command.
func start(o Options, p *plan, dir *folder) (*process, error) {
	cmd := exec.Command(p.program) //nolint:noctx // it is asked to end before it is killed
	cmd.Args, cmd.Dir, cmd.Env = p.argv, o.Dir, dir.environment(o.Env)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = o.Stdin, o.Stdout, o.Stderr
	cmd.WaitDelay = graceOutput
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	x := &process{o: o, dir: dir, cmd: cmd, exited: make(chan error, 1)}
	go func() { x.exited <- cmd.Wait() }()
	return x, nil
}

// wait waits for the end, passes signals on, and keeps the time limit.
func (p *process) wait(ctx context.Context, result *Result) {
	var deadline <-chan time.Time
	if p.o.Timeout > 0 {
		t := time.NewTimer(p.o.Timeout)
		defer t.Stop()
		deadline = t.C
	}
	signals := 0
	for {
		select {
		case err := <-p.exited:
			p.ended(err, result)
			return
		case s := <-p.o.Signals:
			if signals++; signals >= 3 {
				p.kill()
			} else {
				p.pass(s)
			}
		case <-deadline:
			deadline = nil
			result.TimedOut = true
			if err := p.stacks(); err != nil {
				result.Notes = append(result.Notes, "the stacks at the time-out are not available: "+err.Error())
			}
			if p.o.Interrupt {
				p.kill(syscall.SIGINT, syscall.SIGTERM)
			} else {
				p.kill(syscall.SIGTERM)
			}
		case <-ctx.Done():
			p.kill(syscall.SIGTERM)
			ctx = context.Background()
		}
	}
}

// pass sends a signal on. What a terminal's key sends goes to the whole
// foreground group: the command has it already.
func (p *process) pass(s os.Signal) {
	if (s == syscall.SIGINT || s == syscall.SIGQUIT) && foreground() {
		return
	}
	_ = p.cmd.Process.Signal(s) // it may have ended by now
}

// ended says how the command ended.
func (p *process) ended(err error, result *Result) {
	state := p.cmd.ProcessState
	if errors.Is(err, exec.ErrWaitDelay) {
		result.Notes = append(result.Notes, "a process that the command left behind held its output open; what it wrote later is not shown")
	}
	status, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case result.TimedOut:
		result.Exit = ExitTimeout
	case ok && status.Signaled():
		result.Exit, result.Signal = exitSignal+int(status.Signal()), status.Signal().String()
	default:
		result.Exit = state.ExitCode()
	}
}

// kill ends the command and its descendants: those that take a hint first.
func (p *process) kill(hints ...syscall.Signal) {
	family := map[int]string{}
	for _, s := range append(hints, syscall.SIGKILL) {
		maps.Copy(family, p.family())
		for pid, began := range family {
			if _, now, ok := stat(pid); ok && now == began { // the number may have gone to another
				_ = syscall.Kill(pid, s) // those that are gone are gone
			}
		}
		if s == syscall.SIGKILL {
			return
		}
		select {
		case err := <-p.exited:
			p.exited <- err
		case <-time.After(graceTerm):
		}
	}
}

// family returns the command's process and all that it started, with the times
// of their starts, by what /proc says now. Those that another has adopted, since
// their parents are gone, are known by their environment, which names the run's
// folder, and lead to their own descendants.
func (p *process) family() map[int]string {
	children, began, todo := map[int][]int{}, map[int]string{}, []int{p.cmd.Process.Pid}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == os.Getpid() {
			continue
		}
		parent, start, ok := stat(pid)
		if !ok {
			continue
		}
		children[parent] = append(children[parent], pid)
		began[pid] = start
		if p.marked(dir) {
			todo = append(todo, pid)
		}
	}
	family := map[int]string{}
	for len(todo) > 0 {
		pid := todo[0]
		todo = todo[1:]
		if _, known := family[pid]; !known {
			family[pid] = began[pid]
			todo = append(todo, children[pid]...)
		}
	}
	return family
}

const maxEnviron = 4 << 20 // bytes of a process's environment that are read

// marked says whether the process with a directory in /proc was started with
// the environment of the run.
func (p *process) marked(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "environ"))
	if err != nil {
		return false // it is another user's, or gone
	}
	defer f.Close()
	environ, _ := io.ReadAll(io.LimitReader(f, maxEnviron)) // what was read counts
	return bytes.Contains(environ, []byte("\x00"+p.dir.mark()+"\x00")) || bytes.HasPrefix(environ, []byte(p.dir.mark()+"\x00"))
}

// stat returns a process's parent and when it began, in clock ticks since the
// machine's start.
func stat(pid int) (parent int, began string, ok bool) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, "", false
	}
	// pid (name, which may hold anything) state ppid …; the 22nd is the start
	f := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(f) < 20 {
		return 0, "", false
	}
	parent, err = strconv.Atoi(f[1])
	return parent, f[19], err == nil
}

// foreground says whether this process's group is the one that its terminal's
// keys send signals to.
func foreground() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := terminalGroup(tty)
	return err == nil && group == syscall.Getpgrp()
}

// stacks asks every traced process for the stacks of its threads, and waits
// until they are written or the command has ended.
func (p *process) stacks() error {
	asked, err := trace.RequestStacks(p.dir.out)
	if err != nil || len(asked) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), graceStacks)
	defer cancel()
	if !trace.WaitStacks(ctx, p.dir.out, asked) && len(p.exited) == 0 {
		return errors.New("a process did not answer")
	}
	return nil
}
