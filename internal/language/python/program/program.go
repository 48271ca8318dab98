// Package program runs repaird's own Python programs in a sandbox, which is
// where untrusted source is parsed and untrusted code runs.
//
//	//go:embed analyse/*.py
//	var files embed.FS
//	var analyse = program.Program{Source: files, Dir: "analyse", Main: "main"}
//
//	err := analyse.Run(ctx, backend, program.Spec{Run: run, Env: env, Tree: dir}, request, &answer)
//
// The program's main module has a function answer(request, tree); request and
// what it returns are JSON. inside/repaird_program.py calls it. Next to every
// program is inside/repaird_syntax.py, which has look-ups in syntax trees.
//
// A program that only reads source runs in the Python that reads source here
// (testrun.Environment.Reader), isolated: no untrusted code is imported, and what
// it reads does not depend on the Python of the code. One that works beside the code under
// test ([Spec].Beside) runs in the environment's interpreter, and its answer is
// as untrusted as that code.
package program

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/testrun"
)

//go:embed inside/*.py
var inside embed.FS

// A Program is Python source embedded in the daemon. Standard library only,
// Python 3.8 on.
type Program struct {
	Source embed.FS
	Dir    string // folder in Source that becomes the program's own; "." all
	Main   string // module with answer(request, tree)
}

// Files returns the program's files, named below prefix, for
// sandbox.Spec.Files.
func (p Program) Files(prefix string) (map[string][]byte, error) {
	files := map[string][]byte{}
	return files, add(files, p.Source, p.Dir, prefix)
}

func add(files map[string][]byte, from embed.FS, dir, prefix string) error {
	return fs.WalkDir(from, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := from.ReadFile(name)
		if dir != "." {
			name = strings.TrimPrefix(name, dir+"/")
		}
		files[path.Join(prefix, name)] = data
		return err
	})
}

// A Sandbox runs one command. sandbox.Backend is one.
type Sandbox interface {
	Run(ctx context.Context, spec sandbox.Spec) (*sandbox.Result, error)
}

// A Spec says where and how a program runs.
type Spec struct {
	Run    string              // run id, for labels
	Env    testrun.Environment //
	Tree   string              // host directory; "" none
	Beside bool                // in the environment's interpreter, whose packages it can import, beside untrusted code
	Limits sandbox.Limits      // default one minute
	Answer int                 // bytes at most, default 32 MiB
}

// A Failure is the error of a program that did not return an answer.
type Failure struct {
	Cause  sandbox.Cause
	Exit   int
	Stderr []byte
	Answer string // what is wrong with the answer; "" if the program itself failed
}

// Error says how the program ended, with the end of its output.
func (f *Failure) Error() string {
	if f.Answer != "" {
		return f.Answer
	}
	return fmt.Sprintf("%s, status %d: %s", f.Cause, f.Exit, Tail(f.Stderr, 1000))
}

const answerFile = "answer.json"

// Run runs the program. The error of a program that failed, or whose answer
// cannot be decoded, is a *Failure; other errors mean that the sandbox failed.
func (p Program) Run(ctx context.Context, sb Sandbox, s Spec, request, answer any) error {
	spec, err := p.spec(s, request)
	if err != nil {
		return err
	}
	res, err := sb.Run(ctx, spec)
	if err != nil {
		return err
	}
	data := res.Stdout
	if s.Beside {
		data = res.Artifacts[answerFile]
	}
	failure := &Failure{Cause: res.Cause, Exit: res.Exit, Stderr: res.Stderr}
	if res.Cause != sandbox.Exited || res.Exit != 0 || len(data) == 0 {
		return failure
	}
	if len(data) > s.answer() {
		failure.Answer = "the answer exceeds its limit"
		return failure
	}
	if err := json.Unmarshal(data, answer); err != nil {
		failure.Answer = "the answer is not the expected JSON"
		return failure
	}
	return nil
}

func (s Spec) answer() int {
	if s.Answer == 0 {
		return 32 << 20
	}
	return s.Answer
}

// spec lays a program out in the sandbox:
//
//	/work             the tree
//	/env              what was installed for it
//	/in               the program, its request, inside/*.py
//	/out/answer.json  the answer, where others write to standard output too
func (p Program) spec(s Spec, request any) (sandbox.Spec, error) {
	files, err := p.Files("")
	if err == nil {
		err = add(files, inside, "inside", "")
	}
	if err == nil {
		files["request.json"], err = json.Marshal(request)
	}
	if err != nil {
		return sandbox.Spec{}, err
	}
	spec := sandbox.Spec{
		Run: s.Run, Image: s.Env.Image, Dir: "/tmp", Files: files, Limits: s.Limits, Mounts: Mounts(s.Tree, s.Env),
	}
	if spec.Limits.Wall == 0 {
		spec.Limits.Wall = time.Minute
	}
	if s.Env.Reader != "" && !s.Beside {
		spec.Image = s.Env.Reader
	}
	start := []string{Interpreter(s.Env), "-I", "-S", "-B"}
	if spec.Image != s.Env.Image {
		start[0] = "python3"
	}
	answer := "-" // standard output
	if s.Beside {
		start = []string{"python3", "-s", "-B"}
		if s.Env.Interpreter != "" {
			start[0] = s.Env.Interpreter
		}
		answer = "/out/" + answerFile
		spec.Env = Variables(s.Env.Env)
		spec.Env["PYTHONHASHSEED"] = strconv.Itoa(testrun.Seed)
	} else if spec.Limits.Output == 0 {
		spec.Limits.Output = int64(s.answer())
	}
	if s.Tree != "" {
		spec.Dir = testrun.Root
	}
	spec.Argv = append(start, "/in/repaird_program.py", p.Main, "/in/request.json", answer, testrun.Root)
	return spec, nil
}

// Interpreter is for programs that the environment must not influence: the
// image's own if the environment's is in a virtual environment, whose files
// were written by installed packages.
func Interpreter(env testrun.Environment) string {
	if env.Interpreter == "" || env.Dir != "" {
		return "python3"
	}
	return env.Interpreter
}

// Mounts are the tree, if there is one, and the environment.
func Mounts(tree string, env testrun.Environment) []sandbox.Mount {
	var mounts []sandbox.Mount
	if tree != "" {
		mounts = append(mounts, sandbox.Mount{Host: tree, Target: testrun.Root})
	}
	if env.Dir != "" {
		mounts = append(mounts, sandbox.Mount{Host: env.Dir, Target: "/env"})
	}
	return mounts
}

// Variables returns an environment's variables without those that could
// influence the interpreter, the linker or pytest.
func Variables(env map[string]string) map[string]string {
	kept := map[string]string{}
	for name, value := range env {
		switch {
		case strings.HasPrefix(name, "PYTHON"), strings.HasPrefix(name, "PYTEST"), strings.HasPrefix(name, "LD_"),
			name == "PATH", name == "HOME", name == "", strings.ContainsAny(name+value, "\x00"), strings.Contains(name, "="):
		default:
			kept[name] = value
		}
	}
	return kept
}

// Tail returns the end of a program's output as text.
func Tail(b []byte, n int) string {
	b = bytes.TrimSpace(b)
	if len(b) > n {
		b = b[len(b)-n:]
	}
	return string(bytes.ToValidUTF8(b, []byte("?")))
}
