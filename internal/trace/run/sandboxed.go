package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/sandbox"
)

// Where things are in a sandbox.
const (
	inWork  = "/tmp/work" // the writable copy of the project
	inTrace = "/out/trace"
	inLib   = "/in/lib"
)

// sandboxBytes bounds a trace that comes out of a sandbox, below what a
// sandbox lets out.
const sandboxBytes = 48 << 20

// The command runs in a writable copy of the project. A watchdog has the
// stacks written shortly before the sandbox's own limit ends everything.
const sandboxScript = `exec 3>&2 2> /dev/null
mkdir -p ` + inTrace + ` ` + inWork + ` && cp -R /work/. ` + inWork + `/ && cd ` + inWork + ` || exit 126
"$@" 2>&3 3>&- &
child=$!
if [ "$LIMIT" != 0 ]; then
	( sleep "$LIMIT"
	: > /out/timeout
	for f in ` + inTrace + `/stacks-*.txt; do
		pid=${f##*/stacks-}
		kill -42 "${pid%.txt}"
	done
	sleep 1
	kill -9 "$child" ) > /dev/null 3>&- &
	dog=$!
fi
wait "$child"
code=$?
[ "$LIMIT" != 0 ] && kill -9 "$dog"
exit "$code"
`

var traceName = regexp.MustCompile(`^trace/((?:trace|stacks)-[0-9x]{1,24}(?:-[012]\.jsonl|\.txt))$`)

// runInSandbox runs the command in a sandbox that sees a copy of the project.
// What the command prints comes at its end.
func runInSandbox(ctx context.Context, o Options, result *Result) (*Result, error) {
	ctx, signalled := untilSignal(ctx, o.Signals)
	defer signalled()
	dir, err := newFolder()
	if err != nil {
		return result, err
	}
	defer dir.remove()
	work := filepath.Join(dir.root, "work")
	if err := dir.open(); err != nil {
		return result, err
	}
	if err := copyTree(work, o.Dir); err != nil {
		return result, fmt.Errorf("copy the project: %w", err)
	}
	spec, err := sandboxSpec(o, work, result)
	if err != nil {
		return result, err
	}
	began := time.Now()
	r, err := o.Sandbox.Run(ctx, spec)
	if s := signalled(); s != nil {
		result.Wall = time.Since(began)
		result.ended(s)
		result.Notes = append(result.Notes, "the sandbox was ended; what its command wrote and its trace are lost")
		return result, nil
	}
	if err != nil {
		return result, err
	}
	result.Wall = time.Since(began)
	result.Exit = r.Exit
	if _, ok := r.Artifacts["timeout"]; ok || r.Cause == sandbox.Timeout {
		result.TimedOut, result.Exit = true, ExitTimeout
	} else if r.Cause != sandbox.Exited {
		result.Exit = exitSignal + 9
		result.Signal = "killed (" + string(r.Cause) + ")"
	}
	if o.Stdout != nil {
		_, _ = o.Stdout.Write(r.Stdout) // a reader that left is not our failure
	}
	if o.Stderr != nil {
		_, _ = o.Stderr.Write(r.Stderr)
	}
	// Files are named as they are here: a string that begins with the copy's
	// place is a file name, for values of the program begin with a quote or a
	// letter.
	quoted, err := json.Marshal(strings.TrimSuffix(mustAbs(o.Dir), "/") + "/")
	if err != nil {
		return result, err
	}
	home := strings.TrimSuffix(string(quoted), `"`)
	for name, data := range r.Artifacts {
		if m := traceName.FindStringSubmatch(name); m != nil {
			data = bytes.ReplaceAll(data, []byte(`"`+inWork+`/`), []byte(home))
			if err := os.WriteFile(filepath.Join(dir.out, m[1]), data, 0o600); err != nil {
				return result, err
			}
		}
	}
	for _, refused := range r.Refused {
		result.Notes = append(result.Notes, "not taken out of the sandbox: "+refused)
	}
	return result, collect(o, dir.out, result, 0)
}

// untilSignal returns a context that the first signal ends, and a function that
// stops the waiting and returns that signal, nil if there was none.
func untilSignal(ctx context.Context, signals <-chan os.Signal) (context.Context, func() os.Signal) {
	ctx, cancel := context.WithCancel(ctx)
	got := make(chan os.Signal, 1)
	go func() {
		defer close(got)
		select {
		case s, ok := <-signals:
			if ok {
				got <- s
				cancel()
			}
		case <-ctx.Done():
		}
	}()
	return ctx, func() os.Signal {
		cancel()
		return <-got
	}
}

// ended says that a signal ended the command.
func (r *Result) ended(s os.Signal) {
	r.Exit, r.Signal = exitSignal+int(syscall.SIGTERM), s.String()
	if n, ok := s.(syscall.Signal); ok {
		r.Exit = exitSignal + int(n)
	}
}

// open lets the sandbox's user in.
func (f *folder) open() error {
	if err := os.Mkdir(filepath.Join(f.root, "work"), 0o755); err != nil {
		return err
	}
	return os.Chmod(f.root, 0o711) // names below it are secret; work is what the sandbox must read
}

// sandboxSpec says how the command is run.
func sandboxSpec(o Options, work string, result *Result) (sandbox.Spec, error) {
	argv := o.Command
	python := o.Python
	if python == "" {
		python = "python3"
	}
	switch first := o.Command[0]; {
	case isScript(first) || (o.Python != "" && pythonName.MatchString(path.Base(first))):
		if isScript(first) {
			argv = append([]string{python}, o.Command...)
		} else {
			argv = append([]string{python}, o.Command[1:]...)
		}
	}
	for _, a := range argv {
		if filepath.IsAbs(a) && below(a, mustAbs(o.Dir)) {
			return sandbox.Spec{}, fault.Errorf(fault.Invalid, "%s: in a sandbox the project has another place; name its files relative to the current directory", a)
		}
	}
	if pythonName.MatchString(path.Base(argv[0])) {
		p := plan{argv: argv, split: pythonOptions(argv)}
		if p.bare = bare(argv[1:min(p.split+1, len(argv))]); p.bare != "" {
			var note string
			argv, note = p.launch(inLib)
			result.Notes = append(result.Notes, note)
		}
	}
	c := o.Config
	c.Out = inTrace
	c.Include, c.Exclude = inSandbox(c.Include, o.Dir), inSandbox(c.Exclude, o.Dir)
	if len(c.Include) == 0 {
		c.Include = []string{inWork}
	}
	for i, b := range c.Breakpoints {
		c.Breakpoints[i].File = inSandbox([]string{b.File}, o.Dir)[0]
	}
	if c.MaxBytes == 0 || c.MaxBytes > sandboxBytes {
		c.MaxBytes = sandboxBytes
	}
	config, err := json.Marshal(c)
	if err != nil {
		return sandbox.Spec{}, err
	}
	spec := sandbox.Spec{
		Image: o.Image, Dir: "/tmp", Mounts: []sandbox.Mount{{Host: work, Target: "/work"}},
		Argv:   append([]string{"/bin/sh", "/in/run.sh"}, argv...),
		Files:  map[string][]byte{"run.sh": []byte(sandboxScript), "config.json": config},
		Env:    map[string]string{"PYTHONPATH": inLib, "REPAIRD_TRACE_CONFIG": "/in/config.json", "LIMIT": "0", "PYTHONDONTWRITEBYTECODE": "1"},
		Limits: sandbox.Limits{Wall: 30 * time.Minute},
	}
	if o.Timeout > 0 {
		spec.Env["LIMIT"] = strconv.FormatFloat(o.Timeout.Seconds(), 'f', -1, 64)
		spec.Limits.Wall = o.Timeout + 10*time.Second
	}
	for name, content := range tracer.Files() {
		spec.Files["lib/"+name] = content
	}
	result.Argv = argv
	return spec, nil
}

// inSandbox translates paths of the project.
func inSandbox(paths []string, dir string) []string {
	var out []string
	for _, p := range paths {
		if rest, ok := strings.CutPrefix(p, strings.TrimSuffix(mustAbs(dir), "/")); ok && (rest == "" || rest[0] == '/') {
			p = inWork + rest
		}
		out = append(out, p)
	}
	return out
}

func mustAbs(dir string) string {
	if a, err := filepath.Abs(dir); err == nil {
		return a
	}
	return dir
}
