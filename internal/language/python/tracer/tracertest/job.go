package tracertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A Job is a command that is run bare and traced in copies of one directory's
// files, as a user would: the tracer may write its bytecode.
type Job struct {
	Python  Interpreter
	Files   map[string]string
	Options []string // of the interpreter; with -I, -E or -S it is run through the launcher
	Args    []string // prog.py where there are none
	Env     []string
	Config  tracer.Config
	Tracer  string // directory with the tracer's files; one of the test's own where there is none
}

// Both runs the job bare and traced and requires the same exit code.
func (j Job) Both(t *testing.T) (bare, traced session) {
	t.Helper()
	bare, traced = j.Run(t, false), j.Run(t, true)
	if bare.Code != traced.Code {
		t.Errorf("exit %d traced, %d bare\n%s%s", traced.Code, bare.Code, traced.Out, traced.Err)
	}
	if !traced.Trace.Traced() {
		t.Fatalf("no handshake; stderr: %s", traced.Err)
	}
	if f := traced.Trace.Footer; f.Faults > 0 || f.Skipped > 0 {
		t.Errorf("footer %+v: events were lost", f)
	}
	return bare, traced
}

// Same runs the job bare and traced, requires the same output byte for byte,
// and returns the traced run.
func (j Job) Same(t *testing.T) session {
	t.Helper()
	bare, traced := j.Both(t)
	if !bytes.Equal(bare.Out, traced.Out) {
		t.Errorf("traced, stdout is\n%s\nbare\n%s", traced.Out, bare.Out)
	}
	if !bytes.Equal(bare.Err, traced.Err) {
		t.Errorf("traced, stderr is\n%s\nbare\n%s", traced.Err, bare.Err)
	}
	return traced
}

func (j Job) Run(t *testing.T, traced bool) session {
	t.Helper()
	dir := workDir(t)
	for name, text := range j.Files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.TrimLeft(text, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := j.Args
	if args == nil {
		args = []string{"prog.py"}
	}
	s := session{}
	env := append(os.Environ(), "PYTHONHASHSEED=0", "LC_ALL=C.UTF-8", "HOME="+dir, "COLUMNS=100")
	env = slices.DeleteFunc(env, func(e string) bool { return strings.HasPrefix(e, "PYTHONDONTWRITEBYTECODE=") })
	if traced {
		s.Dir = t.TempDir()
		if j.Tracer == "" {
			j.Tracer = Dir(t)
		}
		c := j.Config
		c.Out = s.Dir
		if c.Include == nil {
			c.Include = []string{dir}
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, "PYTHONPATH="+j.Tracer, "REPAIRD_TRACE_CONFIG="+string(text))
		if j.Options != nil {
			args = append([]string{filepath.Join(j.Tracer, "repaird_launch.py"), "--"}, args...)
		}
	}
	cmd := exec.Command(j.Python.Path, append(slices.Clone(j.Options), args...)...)
	cmd.Dir, cmd.Env = dir, append(env, j.Env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	s.Out, s.Err, s.Code = out.Bytes(), errs.Bytes(), cmd.ProcessState.ExitCode()
	if traced {
		var err error
		if s.Trace, err = trace.ReadDir(s.Dir); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

var workDirs sync.Map // name of a test → directory

// workDir returns an empty directory, the same one in all of a test: paths are
// part of the output that is compared.
func workDir(t *testing.T) string {
	t.Helper()
	kept, ok := workDirs.Load(t.Name())
	if !ok {
		dir, err := os.MkdirTemp("", "repaird-job-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			workDirs.Delete(t.Name())
			_ = os.RemoveAll(dir) // a process that ends late may still be in it
		})
		workDirs.Store(t.Name(), dir)
		return dir
	}
	dir := kept.(string)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Outline renders what each thread of each process recorded, one event per line, indented by the depth of its call, the threads in alphabetical order.
func Outline(trace *trace.Trace, only ...wire.Kind) string {
	type place struct{ process, thread int }
	depth, threads := map[int64]int{}, map[int64]int{}
	texts := map[place]*strings.Builder{}
	for r := range trace.All() {
		switch r.Kind { // only these say in which thread
		case wire.KindCall:
			depth[r.Call], threads[r.Call] = r.Depth, r.Thread
		case wire.KindResume:
			threads[r.Call] = r.Thread
		}
		at := place{r.Process, threads[r.Call]}
		if texts[at] == nil {
			texts[at] = &strings.Builder{}
		}
		if text := eventText(r); text != "" && (only == nil || slices.Contains(only, r.Kind)) {
			fmt.Fprintf(texts[at], "%s%s\n", strings.Repeat("  ", depth[r.Call]), text)
		}
	}
	var groups []string
	for _, b := range texts {
		if b.Len() > 0 {
			groups = append(groups, b.String())
		}
	}
	slices.Sort(groups)
	return strings.Join(groups, "--\n")
}

func eventText(r trace.Record) string {
	switch r.Kind {
	case wire.KindCall:
		var args []string
		for _, a := range r.Args() {
			args = append(args, a.Name+"="+valueText(&a.Value))
		}
		return r.Code.Name + "(" + strings.Join(args, ", ") + ")"
	case wire.KindReturn:
		return "-> " + valueText(r.Value())
	case wire.KindYield:
		return "yield " + valueText(r.Value())
	case wire.KindResume:
		return "resume " + r.Code.Name
	case wire.KindRaise:
		return "raise " + r.Type()
	case wire.KindPass, wire.KindHandled, wire.KindUnwind:
		return string(r.Kind)
	case wire.KindMark:
		return "mark " + r.Text() + " " + r.State()
	}
	return ""
}

func valueText(v *wire.Value) string {
	switch {
	case v == nil:
		return ""
	case v.Literal:
		return v.Text
	}
	return "<" + v.Type + ">"
}

// Want compares an outline with the expected one.
func Want(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimLeft(want, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
