package pytrace

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
)

// A job is a command that is run bare and traced in copies of one directory's
// files, as a user would: the tracer may write its bytecode.
type job struct {
	python  interpreter
	files   map[string]string
	options []string // of the interpreter; with -I, -E or -S it is run through the launcher
	args    []string // prog.py where there are none
	env     []string
	config  tracer.Config
	tracer  string // directory with the tracer's files; one of the test's own where there is none
}

// both runs the job bare and traced and requires the same exit code.
func (j job) both(t *testing.T) (bare, traced session) {
	t.Helper()
	bare, traced = j.run(t, false), j.run(t, true)
	if bare.code != traced.code {
		t.Errorf("exit %d traced, %d bare\n%s%s", traced.code, bare.code, traced.out, traced.err)
	}
	if !traced.trace.Traced() {
		t.Fatalf("no handshake; stderr: %s", traced.err)
	}
	if f := traced.trace.Footer; f.Faults > 0 || f.Skipped > 0 {
		t.Errorf("footer %+v: events were lost", f)
	}
	return bare, traced
}

// same runs the job bare and traced, requires the same output byte for byte,
// and returns the traced run.
func (j job) same(t *testing.T) session {
	t.Helper()
	bare, traced := j.both(t)
	if !bytes.Equal(bare.out, traced.out) {
		t.Errorf("traced, stdout is\n%s\nbare\n%s", traced.out, bare.out)
	}
	if !bytes.Equal(bare.err, traced.err) {
		t.Errorf("traced, stderr is\n%s\nbare\n%s", traced.err, bare.err)
	}
	return traced
}

func (j job) run(t *testing.T, traced bool) session {
	t.Helper()
	dir := workDir(t)
	for name, text := range j.files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.TrimLeft(text, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := j.args
	if args == nil {
		args = []string{"prog.py"}
	}
	s := session{}
	env := append(os.Environ(), "PYTHONHASHSEED=0", "LC_ALL=C.UTF-8", "HOME="+dir, "COLUMNS=100")
	env = slices.DeleteFunc(env, func(e string) bool { return strings.HasPrefix(e, "PYTHONDONTWRITEBYTECODE=") })
	if traced {
		s.dir = t.TempDir()
		if j.tracer == "" {
			j.tracer = tracerDir(t)
		}
		c := j.config
		c.Out = s.dir
		if c.Include == nil {
			c.Include = []string{dir}
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, "PYTHONPATH="+j.tracer, "REPAIRD_TRACE_CONFIG="+string(text))
		if j.options != nil {
			args = append([]string{filepath.Join(j.tracer, "repaird_launch.py"), "--"}, args...)
		}
	}
	cmd := exec.Command(j.python.Path, append(slices.Clone(j.options), args...)...)
	cmd.Dir, cmd.Env = dir, append(env, j.env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	s.out, s.err, s.code = out.Bytes(), errs.Bytes(), cmd.ProcessState.ExitCode()
	if traced {
		var err error
		if s.trace, err = ReadDir(s.dir); err != nil {
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

// outline renders what each thread of each process recorded, one event a line,
// indented by the depth of its call, the threads in alphabetical order.
func outline(trace *Trace, only ...Kind) string {
	type place struct{ process, thread int }
	depth, threads := map[int64]int{}, map[int64]int{}
	texts := map[place]*strings.Builder{}
	for r := range trace.All() {
		switch r.Kind { // only these say in which thread
		case KindCall:
			depth[r.Call], threads[r.Call] = r.Depth, r.Thread
		case KindResume:
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

func eventText(r Record) string {
	switch r.Kind {
	case KindCall:
		var args []string
		for _, a := range r.Args() {
			args = append(args, a.Name+"="+valueText(&a.Value))
		}
		return r.Code.Name + "(" + strings.Join(args, ", ") + ")"
	case KindReturn:
		return "-> " + valueText(r.Value())
	case KindYield:
		return "yield " + valueText(r.Value())
	case KindResume:
		return "resume " + r.Code.Name
	case KindRaise:
		return "raise " + r.Type()
	case KindPass, KindHandled, KindUnwind:
		return string(r.Kind)
	case KindMark:
		return "mark " + r.Text() + " " + r.State()
	}
	return ""
}

func valueText(v *Value) string {
	switch {
	case v == nil:
		return ""
	case v.Literal:
		return v.Text
	}
	return "<" + v.Type + ">"
}

// want compares an outline with the expected one.
func want(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimLeft(want, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
