package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
)

// sandboxFlags returns the flags that choose a backend, or ends the test.
func sandboxFlags(t *testing.T, name string) []string {
	t.Helper()
	sandboxtest.Backend(t, name)
	bases, err := sandbox.LoadBases(sandboxtest.StateDir())
	if err != nil {
		t.Fatal(err)
	}
	if name == "docker" {
		return []string{"--state", sandboxtest.StateDir(), "--docker", bases[0].Docker}
	}
	return []string{"--state", sandboxtest.StateDir(), "--sandbox"}
}

func TestTraceInASandbox(t *testing.T) {
	t.Parallel()
	for _, name := range sandboxtest.Backends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flags := sandboxFlags(t, name)
			p := newTraceProject(t, map[string]string{
				"app.py": `import os
import socket
import sys

import part


def f(x):
    return part.g(x)


open("made", "w").close()
try:
    socket.create_connection(("127.0.0.1", 22), 1)
except OSError as e:
    print("no network")
print(sorted(os.listdir(".")), f("y"), "HOME_SECRET" in os.environ)
sys.exit(5)
`,
				"part.py": "def g(x):\n    return x * 2\n",
				"slow.py": samples["slow.py"],
			})
			run := func(args ...string) ran {
				cmd := p.command(append(flags, args...)...)
				cmd.Env = append(cmd.Env, "HOME_SECRET=x")
				return p.finish(t, cmd)
			}
			got := run("--calls", "--out", "t.jsonl", "app.py")
			want := "no network\n['app.py', 'made', 'part.py', 'slow.py'] yy False\nCALL <module> app.py:1\nCALL <module> part.py:1\nRETURN <module>\nCALL f app.py:8\nCALL g part.py:1\nRETURN g\nRETURN f\nRETURN <module>\n"
			if got.code != 5 || got.stdout != want {
				t.Errorf("exit code %d, standard output:\n%s\nwant:\n%s\nstandard error:\n%s", got.code, got.stdout, want, got.stderr)
			}
			if _, err := os.Stat(filepath.Join(p.dir, "made")); err == nil {
				t.Error("the sandbox wrote into the project")
			}
			for _, c := range p.load(t, "t.jsonl").Codes() {
				if filepath.Dir(c.File) != p.dir {
					t.Errorf("%s is not named as it is here", c.File)
				}
			}
			if got := run("--breakpoint", "part.py:2", "--watch", "x", "app.py"); !strings.Contains(got.stdout, `{"breakpoint": "part.py:2"`) || !strings.Contains(got.stdout, `"value": "'y'"`) {
				t.Errorf("a breakpoint: %+v", got)
			}
			if got := run("--timeout", "10", "slow.py"); got.code != 124 || !strings.Contains(got.stderr, "  infinite_loop() slow.py:") {
				t.Errorf("a time-out: %+v", got)
			}
			if got := run("--", "python3", "-I", "app.py"); got.code != 5 && !strings.Contains(got.stderr, "traced 1 process") {
				t.Errorf("an isolated interpreter: %+v", got)
			}
		})
	}
}
