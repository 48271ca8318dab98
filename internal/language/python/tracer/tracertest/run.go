// Package tracertest runs Python programs bare and traced, for tests: on the
// interpreters of this machine, in directories of their own.
package tracertest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/repaird/repaird/internal/language/python/tracer"
	"github.com/repaird/repaird/internal/trace"
)

// Pythons returns the interpreters of this machine, the default one first.
func Pythons(t testing.TB) []string {
	t.Helper()
	skipShort(t)
	var found []string
	candidates := []string{"/usr/bin/python3"}
	if name := defaultPython(); name != "" {
		candidates = []string{name, "/usr/bin/python3"}
	}
	if home, err := os.UserHomeDir(); err == nil {
		more, _ := filepath.Glob(filepath.Join(home, ".pyenv/versions/3.*/bin/python"))
		sort.Strings(more)
		candidates = append(candidates, more...)
	}
	seen := map[string]bool{}
	for _, name := range candidates {
		if real, err := filepath.EvalSymlinks(name); err == nil && !seen[real] {
			seen[real] = true
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("no python3 on this machine")
		}
		t.Skip("no python3 on this machine")
	}
	return found
}

// defaultPython is the interpreter behind python3, which may be a shell script.
var defaultPython = sync.OnceValue(func() string {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
})

// A session is one run of Python.
type session struct {
	Out, Err []byte
	Code     int
	Trace    *trace.Trace
	Dir      string // of the trace files
}

// Dir puts the tracer's files into a directory.
func Dir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := tracer.Install(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Run runs Python untraced (config nil) or traced through the environment.
func Run(t testing.TB, python string, config *tracer.Config, args ...string) session {
	t.Helper()
	cmd := exec.Command(python, args...)
	cmd.Env = append(os.Environ(), "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", "LC_ALL=C.UTF-8")
	s := session{}
	if config != nil {
		s.Dir = t.TempDir()
		c := *config
		c.Out = s.Dir
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, "PYTHONPATH="+Dir(t), "REPAIRD_TRACE_CONFIG="+string(text))
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	s.Out, s.Err, s.Code = out.Bytes(), errs.Bytes(), cmd.ProcessState.ExitCode()
	if config != nil {
		var err error
		if s.Trace, err = trace.ReadDir(s.Dir); err != nil {
			t.Fatal(err)
		}
		if (s.Trace.Footer.Faults > 0 && !bytes.Contains(s.Err, []byte("RecursionError"))) || s.Trace.Footer.Skipped > 0 {
			t.Errorf("%s: footer %+v: events were lost", python, s.Trace.Footer)
		}
	}
	return s
}

// Program writes a source file into a directory of its own.
func Program(t testing.TB, source string) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "prog.py")
	if err := os.WriteFile(file, []byte(strings.TrimLeft(source, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

// RunSource runs a program traced and untraced, requires that both behave the
// same, and returns the traced session.
func RunSource(t testing.TB, python, source string, config tracer.Config) session {
	t.Helper()
	dir, file := Program(t, source)
	config.Include = []string{dir}
	bare := Run(t, python, nil, file)
	traced := Run(t, python, &config, file)
	if !bytes.Equal(bare.Out, traced.Out) || !bytes.Equal(bare.Err, traced.Err) || bare.Code != traced.Code {
		t.Errorf("%s: traced: exit %d, %q, %q; want as untraced: exit %d, %q, %q", python, traced.Code, traced.Out, traced.Err, bare.Code, bare.Out, bare.Err)
	}
	if !traced.Trace.Traced() {
		t.Fatalf("%s: no handshake; stderr: %s", python, traced.Err)
	}
	return traced
}

// Kinds renders the records of one function in order, such as "call ret".
func Kinds(t *trace.Trace, function string) string {
	var out []string
	for r := range t.All() {
		if r.Code != nil && r.Code.Name == function {
			out = append(out, string(r.Kind))
		}
	}
	return strings.Join(out, " ")
}
