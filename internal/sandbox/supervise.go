package sandbox

import (
	"bytes"
	"context"
	_ "embed" // supervisor.py
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/repaird/repaird/internal/fault"
)

// SupervisorSource is the Python program that runs as process 1 of every sandbox.
// It runs one command, relays its output, kills all remaining processes and
// collects artifacts.
//
//go:embed supervisor.py
var SupervisorSource string

// SupervisorArgv returns the supervisor's command line for an interpreter.
func SupervisorArgv(python string) []string {
	return []string{python, "-I", "-S", "-B", "-c", SupervisorSource}
}

const (
	startAllowance   = 60 * time.Second // to start the command
	killAllowance    = time.Second      // to kill everything after Limits.Wall
	collectAllowance = 30 * time.Second // to collect the artifacts
	maxArtifacts     = 5_000            // files per run
)

// A Connection is a backend's connection to the supervisor of one sandbox.
type Connection struct {
	In   io.WriteCloser // standard input; closing it makes the supervisor kill everything
	Out  io.Reader      // standard output; must end after Kill
	Kill func()         // kills the whole sandbox; idempotent
	Log  func() string  // the backend's own error output, for errors
}

// Supervise sends the prepared spec over c and returns what the supervisor
// reports. It enforces the time and size limits itself too, because the other end
// is inside the sandbox. When it returns, the command has ended or Kill has been
// called. The second result is the number of processes killed by the kernel for
// lack of memory, or -1 if the sandbox could not tell.
func Supervise(ctx context.Context, spec Spec, c Connection) (*Result, int, error) {
	defer c.In.Close()
	header, err := json.Marshal(map[string]any{
		"argv": spec.Argv, "env": nonNil(spec.Env), "dir": spec.Dir,
		"wall": spec.Limits.Wall.Seconds(), "output": spec.Limits.Output, "fsize": spec.Limits.FileSize,
		"artifacts": spec.Limits.Artifacts, "count": maxArtifacts,
	})
	if err != nil {
		return nil, 0, err
	}
	written := make(chan error, 1)
	go func() {
		_, err := c.In.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(header))), header...))
		written <- err
	}()

	frames := make(chan frame)
	gone := make(chan struct{})
	defer close(gone)
	go readFrames(c.Out, frames, gone)

	r := newReceiver(spec.Limits)
	timer := time.NewTimer(startAllowance)
	defer timer.Stop()
	var late bool
	for {
		select {
		case <-ctx.Done():
			c.Kill()
			return nil, 0, fmt.Errorf("sandbox run: %w", context.Cause(ctx))
		case <-timer.C:
			late = true
			c.Kill()
			return r.cutOff(late, c)
		case f, ok := <-frames:
			if !ok {
				c.Kill()
				if ctx.Err() != nil {
					return nil, 0, fmt.Errorf("sandbox run: %w", context.Cause(ctx))
				}
				return r.cutOff(late, c)
			}
			if err := r.take(f); err != nil {
				c.Kill()
				return nil, 0, fmt.Errorf("sandbox run: %w", err)
			}
			switch f.kind {
			case 'S':
				timer.Reset(spec.Limits.Wall + killAllowance)
			case 'E':
				timer.Reset(collectAllowance)
			case 'Z':
				<-written //nolint:errcheck // the command has ended, so unread input does not matter
				return r.result, r.oom, nil
			}
		}
	}
}

func nonNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// A receiver builds a Result from frames, which it does not trust.
type receiver struct {
	result         *Result
	limits         Limits
	started, ended bool
	start          time.Time
	oom            int
	stdout, stderr bytes.Buffer
	artifact       string // name of the artifact being received; "" discards it
	missing        int64  // bytes of it yet to be received
	artifacts      int64
}

func newReceiver(l Limits) *receiver {
	return &receiver{limits: l, oom: -1, start: time.Now(), result: &Result{Cause: Killed, Exit: -1, Artifacts: map[string][]byte{}}}
}

func (r *receiver) take(f frame) error {
	if r.missing > 0 && f.kind != 'D' {
		return fault.Errorf(fault.Internal, "supervisor: frame %q inside an artifact", f.kind)
	}
	switch f.kind {
	case 'S':
		if r.started {
			return fault.Errorf(fault.Internal, "supervisor: started twice")
		}
		r.started, r.start = true, time.Now()
		return nil
	case 'o', 'e':
		return r.output(f)
	case 'E':
		return r.end(f)
	case 'A':
		return r.open(f)
	case 'D':
		return r.data(f)
	case 'R':
		return r.refuse(f)
	case 'Z':
		if !r.ended {
			return fault.Errorf(fault.Internal, "supervisor: completed before the command ended")
		}
		return nil
	}
	return fault.Errorf(fault.Internal, "supervisor: unknown frame %q", f.kind)
}

func (r *receiver) output(f frame) error {
	if !r.started || r.ended || int64(r.stdout.Len()+r.stderr.Len()+len(f.payload)) > r.limits.Output {
		return fault.Errorf(fault.Internal, "supervisor: output out of bounds")
	}
	if f.kind == 'o' {
		r.stdout.Write(f.payload)
		r.result.Stdout = r.stdout.Bytes()
	} else {
		r.stderr.Write(f.payload)
		r.result.Stderr = r.stderr.Bytes()
	}
	return nil
}

func (r *receiver) end(f frame) error {
	var e struct {
		Cause Cause `json:"cause"`
		Exit  int   `json:"exit"`
		NS    int64 `json:"ns"`
		OOM   *int  `json:"oom"`
	}
	if err := json.Unmarshal(f.payload, &e); err != nil || !r.started || r.ended || e.NS < 0 || e.Exit < -1 || e.Exit > 255 {
		return fault.Errorf(fault.Internal, "supervisor: malformed end")
	}
	switch e.Cause {
	case Exited, Timeout, OutputLimit:
	default:
		return fault.Errorf(fault.Internal, "supervisor: unknown cause %q", e.Cause)
	}
	r.ended = true
	r.result.Cause, r.result.Wall = e.Cause, time.Duration(e.NS)
	if e.Cause == Exited {
		r.result.Exit = e.Exit
	}
	if e.OOM != nil {
		r.oom = *e.OOM
	}
	return nil
}

func (r *receiver) open(f frame) error {
	var a struct {
		Name string `json:"name"`
		Size int64  `json:"size"`
	}
	if err := json.Unmarshal(f.payload, &a); err != nil || !r.ended || a.Size < 0 {
		return fault.Errorf(fault.Internal, "supervisor: malformed artifact")
	}
	r.artifact, r.missing = a.Name, a.Size
	if !inertName(a.Name) { // Python and Go have different versions of Unicode
		r.artifact = ""
		r.result.Refused = append(r.result.Refused, escape(a.Name)+": its name is not printable")
		return nil
	}
	_, twice := r.result.Artifacts[a.Name]
	if twice || len(r.result.Artifacts) >= maxArtifacts ||
		a.Size > r.limits.Artifacts-r.artifacts {
		return fault.Errorf(fault.Internal, "supervisor: artifact out of bounds")
	}
	r.artifacts += a.Size
	r.result.Artifacts[a.Name] = make([]byte, 0, a.Size)
	return nil
}

func (r *receiver) data(f frame) error {
	if int64(len(f.payload)) > r.missing {
		return fault.Errorf(fault.Internal, "supervisor: more data than announced")
	}
	r.missing -= int64(len(f.payload))
	if r.artifact != "" {
		r.result.Artifacts[r.artifact] = append(r.result.Artifacts[r.artifact], f.payload...)
	}
	return nil
}

func (r *receiver) refuse(f frame) error {
	var x struct{ Name, Why string }
	if err := json.Unmarshal(f.payload, &x); err != nil || !r.ended || len(r.result.Refused) > 2*maxArtifacts {
		return fault.Errorf(fault.Internal, "supervisor: malformed refusal")
	}
	r.result.Refused = append(r.result.Refused, escape(x.Name)+": "+escape(x.Why))
	return nil
}

// cutOff returns the result of a sandbox that ended or was killed before the
// supervisor had reported everything.
func (r *receiver) cutOff(late bool, c Connection) (*Result, int, error) {
	if !r.started {
		why := c.Log()
		if late {
			why = "it did not start in " + startAllowance.String() + "; " + why
		}
		return nil, 0, fault.Errorf(fault.Retryable, "sandbox did not start: %s", escape(why))
	}
	if r.missing > 0 {
		delete(r.result.Artifacts, r.artifact)
	}
	if !r.ended {
		r.result.Wall = time.Since(r.start)
		if late {
			r.result.Cause = Timeout
		}
	}
	r.result.Refused = append(r.result.Refused, "/out: the sandbox was killed before everything was collected")
	return r.result, r.oom, nil
}
