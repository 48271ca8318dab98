package program_test

import (
	"context"
	"embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/language/python/program"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

//go:embed testdata/echo/*.py
var files embed.FS

var echo = program.Program{Source: files, Dir: "testdata/echo", Main: "echo"}

func skipShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs Python, which -short does without")
	}
}

func TestAProgramAnswersARequest(t *testing.T) {
	t.Parallel()
	skipShort(t)
	for _, beside := range []bool{false, true} {
		tree := t.TempDir()
		// Names that the program or its start import, planted in the tree.
		for _, name := range []string{"json.py", "echo.py", "repaird_syntax.py"} {
			if err := os.WriteFile(filepath.Join(tree, name), []byte("raise SystemExit('imported from the tree')\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		var got struct {
			Said  string
			Files []string
		}
		spec := program.Spec{Tree: tree, Beside: beside}
		if err := echo.Run(t.Context(), sandboxtest.Host{TB: t}, spec, map[string]string{"say": "größer"}, &got); err != nil {
			t.Fatal(err)
		}
		if got.Said != "größer" || strings.Join(got.Files, " ") != "echo.py json.py repaird_syntax.py" {
			t.Errorf("beside %v: got %+v", beside, got)
		}
	}
}

func TestAProgramRunsInARealSandbox(t *testing.T) {
	t.Parallel()
	var got struct{ Said string }
	err := echo.Run(t.Context(), sandboxtest.Any(t), program.Spec{Tree: sandboxtest.Dir(t)}, map[string]string{"say": "x"}, &got)
	if err != nil || got.Said != "x" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// ended is a sandbox in which everything ends in one way.
type ended sandbox.Result

func (e *ended) Run(context.Context, sandbox.Spec) (*sandbox.Result, error) {
	return (*sandbox.Result)(e), nil
}

func TestAProgramWithoutAnAnswerIsAFailure(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		res    ended
		beside bool
		says   string
	}{
		"it is killed":                       {ended{Cause: sandbox.Timeout, Exit: 137}, false, "timeout, status 137"},
		"it raises":                          {ended{Cause: sandbox.Exited, Exit: 1, Stderr: []byte("ValueError: x\n"), Stdout: []byte("{}")}, false, "ValueError: x"},
		"it says nothing":                    {ended{Cause: sandbox.Exited}, false, "status 0"},
		"its answer is cut":                  {ended{Cause: sandbox.Exited, Stdout: []byte(`{"Said": `)}, false, "not the expected JSON"},
		"its answer is another":              {ended{Cause: sandbox.Exited, Stdout: []byte(`{"Said": 1}`)}, false, "not the expected JSON"},
		"its answer is large":                {ended{Cause: sandbox.Exited, Stdout: []byte(`{"Said": "` + strings.Repeat("x", 2000) + `"}`)}, false, "exceeds its limit"},
		"only the code beside it says a lot": {ended{Cause: sandbox.Exited, Stdout: []byte(`{"Said": "x"}`)}, true, "status 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got struct{ Said string }
			err := echo.Run(t.Context(), &tt.res, program.Spec{Beside: tt.beside, Answer: 1000}, nil, &got)
			var failure *program.Failure
			if !errors.As(err, &failure) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want a failure saying %q", err, tt.says)
			}
		})
	}
}

func TestWhatPackagesWroteRunsNoTrustedProgram(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		env  testrun.Environment
		want string
	}{
		{testrun.Environment{}, "python3"},
		{testrun.Environment{Dir: "/state/envs/x", Interpreter: "/env/bin/python"}, "python3"},
		{testrun.Environment{Interpreter: "/opt/python/bin/python3.12"}, "/opt/python/bin/python3.12"},
	} {
		if got := program.Interpreter(tt.env); got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.env, got, tt.want)
		}
	}
	kept := program.Variables(map[string]string{"TZ": "Asia/Tokyo", "PYTHONPATH": "/x", "LD_PRELOAD": "x", "PATH": "/x", "PYTEST_ADDOPTS": "-p x", "": "x", "A=B": "x"})
	if len(kept) != 1 || kept["TZ"] != "Asia/Tokyo" {
		t.Errorf("got variables %v, want TZ only", kept)
	}
}

// The look-ups are Python, and so is their test.
func TestLookUps(t *testing.T) {
	t.Parallel()
	skipShort(t)
	cmd := exec.CommandContext(t.Context(), "python3", "-I", "-B", "testdata/syntax_test.py", "inside")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
