package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/repaird/repaird/internal/trace"
)

// binary builds the command once; TestMain removes it.
var binary = sync.OnceValues(func() (string, error) {
	name := filepath.Join(binaryDir, "repaird")
	out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return name, nil
})

var binaryDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "repaird-test-")
	if err != nil {
		panic(err)
	}
	binaryDir = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// A traceProject is a folder of files with the command beside it.
type traceProject struct {
	dir string // the project
	tmp string // TMPDIR of what runs
	bin string
}

// newTraceProject writes files, name → content.
func newTraceProject(t *testing.T, files map[string]string) *traceProject {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &traceProject{dir: filepath.Join(root, "project"), tmp: filepath.Join(root, "tmp"), bin: bin}
	for _, d := range []string{p.dir, p.tmp} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		path := filepath.Join(p.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// ran is what a command left.
type ran struct {
	stdout, stderr string
	code           int
}

// command prepares `repaird trace args`.
func (p *traceProject) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.bin, append([]string{"trace"}, args...)...)
	tmp, err := os.MkdirTemp(p.tmp, "")
	if err != nil {
		panic(err)
	}
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "PYTHONDONTWRITEBYTECODE=1", "PATH="+filepath.Dir(p.bin)+":"+os.Getenv("PATH"))
	return cmd
}

// trace runs `repaird trace args` in the project, and checks that nothing stays behind.
func (p *traceProject) trace(t *testing.T, args ...string) ran {
	t.Helper()
	return p.finish(t, p.command(args...))
}

// shell runs a line of bash, in which repaird is the command.
func (p *traceProject) shell(t *testing.T, line string) ran {
	t.Helper()
	cmd := p.command()
	cmd.Path, cmd.Args = "/bin/bash", []string{"bash", "-c", line}
	return p.finish(t, cmd)
}

func (p *traceProject) finish(t *testing.T, cmd *exec.Cmd) ran {
	t.Helper()
	var out, said bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &said
	}
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	nothingLeft(t, cmd)
	return ran{out.String(), said.String(), cmd.ProcessState.ExitCode()}
}

// nothingLeft checks that a command has removed its temporary files.
func nothingLeft(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	for _, e := range cmd.Env {
		if tmp, ok := strings.CutPrefix(e, "TMPDIR="); ok {
			if left, _ := filepath.Glob(filepath.Join(tmp, "repaird-trace-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		}
	}
}

func (p *traceProject) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Programs of the kinds that bottrace's page describes.
var samples = map[string]string{
	"hello.py": `import sys


def main():
    print("hello", *sys.argv[1:])
    return int(sys.argv[-1]) if sys.argv[-1].isdigit() else 0


if __name__ == "__main__":
    sys.exit(main())
`,
	"calls.py": `def load_config(name):
    return {"name": name}


class Box:
    def __init__(self, n):
        self.n = n

    def get(self):
        return process(self.n)


def process(n):
    return n * 2


def main():
    load_config("x")
    print(Box(3).get())


main()
`,
	"exception.py": `def get_user(conn, user_id):
    return conn[user_id]


def handle_request(user_id):
    conn = {"x": 1}
    return get_user(conn, user_id)


def main():
    handle_request("abc123")


main()
`,
	"slow.py": `import time


def infinite_loop():
    while True:
        time.sleep(0.01)


def main():
    infinite_loop()


main()
`,
	"many_calls.py": `def inner(i):
    return i


def outer():
    for i in range(100):
        inner(i)


def main():
    outer()


main()
`,
}

func (p *traceProject) readTrace(t *testing.T, name string) *trace.Trace {
	t.Helper()
	f, err := os.Open(filepath.Join(p.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	trace, err := trace.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

// waitFor waits for a file that another process makes.
func waitFor(t *testing.T, name string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		if _, err := os.Stat(name); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come", name)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
