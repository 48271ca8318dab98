package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python/environment"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/sandbox"
	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/store"
	"github.com/repaird/repaird/internal/testrun"
)

func TestACheckerIsRunWhereTheRepositoryConfiguresIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, files, want string }{
		{"no configuration", "-- a.py --\n-- pyproject.toml --\n[project]\nname = \"a\"\n", ""},
		{"files of their own", "-- ruff.toml --\n-- .flake8 --\n-- .pylintrc --\n-- mypy.ini --\n-- pyrightconfig.json --\n", "ruff flake8 pylint mypy pyright"},
		{"tables of pyproject.toml", "-- pyproject.toml --\n[tool.ruff.lint]\nselect = [\"E\"]\n[tool.mypy]\nstrict = true\n[tool.black]\n[tool.flake8]\n", "ruff mypy"},
		{"a pyproject.toml that is not TOML", "-- pyproject.toml --\n[tool.ruff\n", ""},
		{"sections of setup.cfg", "-- setup.cfg --\n[metadata]\n[flake8]\nmax-line-length = 100\n[mypy]\n", "flake8 mypy"},
		{"a section of tox.ini", "-- tox.ini --\n[testenv:flake8]\n[pylint.main]\n", "pylint"},
		{"hooks of pre-commit", "-- .pre-commit-config.yaml --\nrepos:\n- repo: x\n  hooks:\n    - id: ruff-check\n    - id: ruff-format\n    -   id: 'mypy'\n    - id: black\n", "ruff mypy"},
		{"files in a folder", "-- sub/ruff.toml --\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root, err := os.OpenRoot(sandboxtest.Tree(t, c.files))
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			if got := strings.Join(configured(root), " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// The outputs in testdata are those of ruff 0.17, flake8 7.5, pylint 4.1, mypy 2.4
// (strict) and pyright 1.1 about one file.
func TestFindingsAreReadFromWhatCheckersPrint(t *testing.T) {
	t.Parallel()
	for file, want := range map[string][]string{
		"ruff.json": {"1 F401 false `os` imported but unused", "2 F401 false `typing.Dict` imported but unused", "7 F821 true Undefined name `scal`",
			"11 F507 true `%`-format string has 2 placeholder(s) but 1 substitution(s)"},
		"flake8.txt": {"1 F401 false 'os' imported but unused", "2 F401 false 'typing.Dict' imported but unused", "7 F821 true undefined name 'scal'",
			"11 F841 false local variable 'x' is assigned to but never used", "11 F507 true '...' % ... has 2 placeholder(s) but 1 substitution(s)",
			"17 F811 true redefinition of unused 'again' from line 15", "17 E302 false expected 2 blank lines, found 0"},
		"pylint.json": {"7 undefined-variable true Undefined variable 'scal'", "17 function-redefined true function already defined line 15",
			"1 unused-import false Unused import os", "2 unused-import false Unused Dict imported from typing"},
		"mypy.txt": {"5 no-untyped-def false Function is missing a type annotation", "7 name-defined true Name \"scal\" is not defined; did you mean \"scale\"?",
			"11 str-format true Not enough arguments for format string", "12 return-value true Incompatible return value type (got \"str\", expected \"int\")",
			"15 no-untyped-def false Function is missing a type annotation", "17 no-redef true Name \"again\" already defined on line 15",
			"17 no-untyped-def false Function is missing a type annotation"},
		"pyright.json": {"7 reportUndefinedVariable true \"scal\" is not defined",
			"12 reportReturnType true Type \"str\" is not assignable to return type \"int\" \"str\" is not assignable to \"int\"",
			"15 reportRedeclaration true Function declaration \"again\" is obscured by a declaration of the same name"},
	} {
		name, _, _ := strings.Cut(file, ".")
		i := slices.IndexFunc(checkers, func(c checker) bool { return c.name == name })
		out, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		res := &sandbox.Result{Cause: sandbox.Exited, Exit: 1, Stdout: out}
		check := read(checkers[i], res, []string{"shop/cart.py"})
		var got []string
		for _, f := range check.Findings {
			got = append(got, fmt.Sprintf("%d %s %t %s", f.Line, f.Code, f.Error, f.Message))
		}
		if diff := cmp.Diff(want, got); diff != "" || check.Failure != "" {
			t.Errorf("%s: %s\n%s", file, check.Failure, diff)
		}
		if other := read(checkers[i], res, []string{"shop/other.py"}); len(other.Findings) > 0 {
			t.Errorf("%s: findings about a file that was not asked for: %v", file, other.Findings)
		}
	}
}

func TestACheckerThatDoesNotRunToItsEndFindsNothing(t *testing.T) {
	t.Parallel()
	exited := func(exit int, stdout, stderr string) *sandbox.Result {
		return &sandbox.Result{Cause: sandbox.Exited, Exit: exit, Stdout: []byte(stdout), Stderr: []byte(stderr)}
	}
	for _, c := range []struct {
		name, checker string
		res           *sandbox.Result
		want          string // in the failure; "" it ran
	}{
		{"nothing to say", "flake8", exited(0, "", ""), ""},
		{"nothing to say, in JSON", "ruff", exited(0, "[]\n", ""), ""},
		{"not installed", "mypy", exited(absent, "", ""), "is not installed"},
		{"too slow", "mypy", &sandbox.Result{Cause: sandbox.Timeout, Exit: -1}, "did not end within 1m0s"},
		{"too much output", "ruff", &sandbox.Result{Cause: sandbox.OutputLimit, Exit: -1}, "output_limit"},
		{"a crash with the status of findings", "flake8", exited(1, "", "Traceback\nImportError: no pyflakes\n"), "status 1: ImportError: no pyflakes"},
		{"a configuration error", "ruff", exited(2, "", "ruff failed\n  Cause: unknown rule"), "status 2: Cause: unknown rule"},
		{"a usage error", "pylint", exited(32, "", "no such option"), "status 32"},
		{"a file that it cannot process", "pylint", exited(1, `[{"type": "fatal", "path": "a.py", "message": "astroid broke"}]`, ""), "astroid broke"},
		{"a plugin that prints", "pylint", exited(4, "hello\n[]", ""), "JSON"},
		{"no version", "pyright", exited(1, "{}", ""), "JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(checkers, func(k checker) bool { return k.name == c.checker })
			check := read(checkers[i], c.res, []string{"a.py"})
			if (check.Failure == "") != (c.want == "") || !strings.Contains(check.Failure, c.want) || len(check.Findings) > 0 {
				t.Errorf("got %+v, want the failure %q", check, c.want)
			}
		})
	}
}

const shop = `
-- setup.cfg --
[flake8]
max-line-length = 40
-- mypy.ini --
[mypy]
-- requirements.txt --
flake8
-- flake8.py --
raise SystemExit("imported from the tree")
-- shop.py --
def total(prices):
    return sum(prices)  # noqa: E501
`

func TestTheRepositorysCheckerRunsInASandbox(t *testing.T) {
	t.Parallel()
	b := sandboxtest.Any(t)
	dir, shelf := sandboxtest.Tree(t, shop), sandboxtest.Dir(t)
	s, err := store.Open(shelf, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	envs := environment.Builder{Backend: b, Store: s, Bases: sandboxtest.Bases(t)}
	env, release, err := envs.Ensure(t.Context(), language.EnvironmentRequest{Run: "test", Tree: dir})
	if stop := fault.AsStop(err); stop != nil {
		t.Skipf("flake8 cannot be installed on this machine: %s\n%s", stop.Detail, stop.Log)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	l := Linter{Backend: b}
	for _, c := range []struct {
		name    string
		overlay patch.Overlay
		want    []string
	}{
		{"base", nil, []string{"2 suppressed false"}},
		{"an undefined name and a long line", patch.Overlay{"shop.py": []byte("def total(prices):\n    return sun(prices)\n\n\nMORE = \"" + strings.Repeat("x", 50) + "\"\n")}, []string{"2 F821 true", "5 E501 false"}},
		{"a patch that brings a configuration", patch.Overlay{"shop.py": []byte("a = b\n"), ".flake8": []byte("[flake8]\nextend-ignore = F821\n")}, []string{"1 F821 true"}},
		{"a file that is gone", patch.Overlay{"shop.py": nil}, nil},
	} {
		checks, err := l.Lint(t.Context(), language.Sources{Run: "test", Env: env, Tree: dir, Overlay: c.overlay, Paths: []string{"shop.py", "absent.py"}})
		if err != nil {
			t.Fatal(err)
		}
		if c.want == nil {
			if len(checks) > 0 {
				t.Errorf("%s: got %+v, want nothing to check", c.name, checks)
			}
			continue
		}
		if len(checks) != 2 || checks[0].Failure != "" || checks[1].Checker != "mypy" || !strings.Contains(checks[1].Failure, "not installed") {
			t.Fatalf("%s: got %+v, want flake8 to run and mypy not to be installed", c.name, checks)
		}
		var got []string
		for _, f := range checks[0].Findings {
			got = append(got, fmt.Sprintf("%d %s %t", f.Line, f.Code, f.Error))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestACheckerThatIsNotInstalledSaysSo(t *testing.T) {
	t.Parallel()
	dir := sandboxtest.Tree(t, shop)
	for _, name := range sandboxtest.Backends() {
		checks, err := Linter{Backend: sandboxtest.Backend(t, name)}.Lint(t.Context(), language.Sources{Run: "test", Env: testrun.Environment{}, Tree: dir, Paths: []string{"shop.py"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range checks {
			if !strings.Contains(c.Failure, "not installed") {
				t.Errorf("%s: got %+v", name, c)
			}
		}
		if len(checks) != 2 {
			t.Errorf("%s: got %d checks, want flake8's and mypy's", name, len(checks))
		}
	}
}
