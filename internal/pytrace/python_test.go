package pytrace

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
)

// pythons returns the interpreters of this machine, the default one first.
func pythons(t testing.TB) []string {
	t.Helper()
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
	out, err []byte
	code     int
	trace    *Trace
	dir      string // of the trace files
}

// tracerDir puts the tracer's files into a directory.
func tracerDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := tracer.Install(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs Python untraced (config nil) or traced through the environment.
func run(t testing.TB, python string, config *tracer.Config, args ...string) session {
	t.Helper()
	cmd := exec.Command(python, args...)
	cmd.Env = append(os.Environ(), "PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1", "LC_ALL=C.UTF-8")
	s := session{}
	if config != nil {
		s.dir = t.TempDir()
		c := *config
		c.Out = s.dir
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, "PYTHONPATH="+tracerDir(t), "REPAIRD_TRACE_CONFIG="+string(text))
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	s.out, s.err, s.code = out.Bytes(), errs.Bytes(), cmd.ProcessState.ExitCode()
	if config != nil {
		var err error
		if s.trace, err = ReadDir(s.dir); err != nil {
			t.Fatal(err)
		}
		if (s.trace.Footer.Faults > 0 && !bytes.Contains(s.err, []byte("RecursionError"))) || s.trace.Footer.Skipped > 0 {
			t.Errorf("%s: footer %+v: events were lost", python, s.trace.Footer)
		}
	}
	return s
}

// program writes a source file into a directory of its own.
func program(t testing.TB, source string) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "prog.py")
	if err := os.WriteFile(file, []byte(strings.TrimLeft(source, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

// runSource runs a program traced and untraced, requires that both behave the
// same, and returns the traced session.
func runSource(t testing.TB, python, source string, config tracer.Config) session {
	t.Helper()
	dir, file := program(t, source)
	config.Include = []string{dir}
	bare := run(t, python, nil, file)
	traced := run(t, python, &config, file)
	if !bytes.Equal(bare.out, traced.out) || !bytes.Equal(bare.err, traced.err) || bare.code != traced.code {
		t.Errorf("%s: traced: exit %d, %q, %q; want as untraced: exit %d, %q, %q", python, traced.code, traced.out, traced.err, bare.code, bare.out, bare.err)
	}
	if !traced.trace.Traced() {
		t.Fatalf("%s: no handshake; stderr: %s", python, traced.err)
	}
	return traced
}

// kinds renders the records of one function in order, such as "call ret".
func kinds(t *Trace, function string) string {
	var out []string
	for r := range t.All() {
		if r.Code != nil && r.Code.Name == function {
			out = append(out, string(r.Kind))
		}
	}
	return strings.Join(out, " ")
}
