// Package lint runs the linters and type checkers that a Python repository
// configures: ruff, flake8, pylint, mypy and pyright.
//
//	checks, err := lint.Linter{Backend: backend}.Lint(ctx, language.Sources{Env: env, Tree: dir, Paths: []string{"shop/cart.py"}})
//
// A checker counts as configured where a file at the tree's root says so
// (configured.go), and runs where it is installed: in the run's environment, which
// has what the project's requirements name, or on its base system. Nothing is
// installed for it. Each runs in a sandbox of its own, without network, and its
// output is parsed outside (output.go).
package lint

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/language/python/program"
	"github.com/repaird/repaird/internal/language/python/tree"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/store"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/text"
)

// A Linter runs checkers in a sandbox. Safe for concurrent use.
type Linter struct {
	Backend program.Sandbox
	Scratch *store.Scratch // for patched trees; nil is the system's temporary directory
}

var _ language.Linter = Linter{}

// A checker is one program.
type checker struct {
	name  string
	args  []string // before the files; they override what a configuration says of the output
	ended func(exit int) bool
	parse func(stdout []byte) (findings []language.Finding, failure string)
}

func upTo(most int) func(int) bool { return func(exit int) bool { return exit >= 0 && exit <= most } }

// checkers are those that are known, in the order of their checks.
var checkers = []checker{
	{"ruff", []string{"check", "--output-format=json", "--no-fix", "--no-cache", "--force-exclude", "--"}, upTo(1), parseRuff},
	{"flake8", []string{"--format=%(path)s:%(row)d:%(col)d: %(code)s %(text)s", "--jobs=1", "--"}, upTo(1), parseFlake8},
	{"pylint", []string{"--output-format=json", "--reports=n", "--score=n", "--jobs=1", "--persistent=n", "--"}, upTo(31), parsePylint}, // 32 is a usage error
	{"mypy", []string{
		"--no-color-output", "--no-error-summary", "--no-pretty", "--hide-error-context", "--show-error-codes", "--no-incremental", "--cache-dir=/dev/null", "--",
	}, upTo(1), parseMypy}, // text: only versions from 1.11 on can write JSON
	{"pyright", []string{"--outputjson"}, upTo(1), parsePyright},
}

// absent is the status of the launcher where the checker is not installed.
const absent = 97

// launch runs a checker as a module of the environment's interpreter, isolated,
// so that a file of the tree cannot take its place; otherwise as a program.
const launch = `python=$1 checker=$2
shift 2
if "$python" -I -c 'import importlib.util as u, sys; sys.exit(u.find_spec(sys.argv[1]) is None)' "$checker"; then
  exec "$python" -I -B -m "$checker" "$@"
fi
command -v "$checker" >/dev/null || exit 97
exec "$checker" "$@"
`

// limits of one checker. Type checkers read all that a file imports.
var limits = sandbox.Limits{Wall: time.Minute, Memory: 2 << 30, Processes: 64, Output: 8 << 20}

// maxFiles limits the files of one check: a patch changes few.
const maxFiles = 100

// Lint implements language.Linter.
func (l Linter) Lint(ctx context.Context, s language.Sources) (_ []language.Check, err error) {
	defer fault.Wrap(&err, "lint")
	root, err := os.OpenRoot(s.Tree)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	wanted := configured(root)
	if len(wanted) == 0 {
		return nil, nil
	}
	dir, _, remove, err := tree.With(l.Scratch, s.Tree, s.Overlay, func(name string) bool { return patchrules.Steers(name) || configures(name) })
	if err != nil {
		return nil, err
	}
	defer remove()
	files := sources(dir, s.Paths)
	if len(files) == 0 {
		return nil, nil
	}
	var checks []language.Check
	for _, c := range checkers {
		if !slices.Contains(wanted, c.name) {
			continue
		}
		check, err := l.check(ctx, s, dir, c, files)
		if err != nil {
			return nil, err
		}
		if check.Failure == "" {
			check.Findings = append(check.Findings, suppressions(dir, c.name, files)...)
		}
		checks = append(checks, check)
	}
	return checks, nil
}

// sources are the paths that are Python source in dir.
func sources(dir string, paths []string) (files []string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil
	}
	defer root.Close()
	for _, p := range paths {
		info, err := root.Lstat(p)
		if err == nil && info.Mode().IsRegular() && (path.Ext(p) == ".py" || path.Ext(p) == ".pyi") {
			files = append(files, path.Clean(p))
		}
	}
	slices.Sort(files)
	files = slices.Compact(files)
	return files[:min(len(files), maxFiles)]
}

// check runs one checker.
func (l Linter) check(ctx context.Context, s language.Sources, dir string, c checker, files []string) (language.Check, error) {
	python := s.Env.Interpreter
	if python == "" {
		python = "python3"
	}
	argv := append([]string{"/bin/sh", "-c", launch, "launch", python, c.name}, c.args...)
	for _, f := range files {
		argv = append(argv, "./"+f) // a name cannot be read as an option
	}
	res, err := l.Backend.Run(ctx, sandbox.Spec{
		Run: s.Run, Image: s.Env.Image, Argv: argv, Env: program.Variables(s.Env.Env), Dir: testrun.Root,
		Mounts: program.Mounts(dir, s.Env), Limits: limits,
	})
	if err != nil {
		return language.Check{}, err
	}
	return read(c, res, files), nil
}

// read says what a checker's run means.
func read(c checker, res *sandbox.Result, files []string) language.Check {
	check := language.Check{Checker: c.name}
	switch {
	case res.Cause == sandbox.Timeout:
		check.Failure = fmt.Sprintf("did not end within %s", limits.Wall)
	case res.Cause != sandbox.Exited:
		check.Failure = fmt.Sprintf("was terminated by the sandbox (%s)", res.Cause)
	case res.Exit == absent:
		check.Failure = "is not installed in the run's environment"
	case !c.ended(res.Exit):
		check.Failure = fmt.Sprintf("failed with status %d%s", res.Exit, said(res))
	}
	if check.Failure != "" {
		return check
	}
	all, failure := c.parse(res.Stdout)
	if failure == "" && res.Exit != 0 && len(all) == 0 {
		failure = fmt.Sprintf("failed with status %d%s", res.Exit, said(res)) // it crashed before it reported anything
	}
	if failure != "" {
		check.Failure = failure
		return check
	}
	for _, f := range all {
		f.Path = path.Clean(strings.TrimPrefix(f.Path, testrun.Root+"/"))
		if slices.Contains(files, f.Path) {
			f.Code, f.Message = text.Line(f.Code, 80), text.Line(f.Message, 300)
			check.Findings = append(check.Findings, f)
		}
	}
	return check
}

// said is the end of a failed checker's output.
func said(res *sandbox.Result) string {
	out := program.Tail(res.Stderr, 400)
	if out == "" {
		out = program.Tail(res.Stdout, 400)
	}
	lines := strings.Split(out, "\n")
	if last := text.Line(lines[len(lines)-1], 200); last != "" {
		return ": " + last
	}
	return ""
}
