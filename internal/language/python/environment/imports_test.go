package environment

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/sandbox/sandboxtest"
	"github.com/repaird/repaird/internal/testrun"
)

func TestAnImportThatFailsIsExplainedByItsCause(t *testing.T) {
	t.Parallel()
	collected := func(lines ...string) *testrun.Result {
		return &testrun.Result{Errors: []string{"ImportError while importing test module '/in/test/test_x.py'.\n" + strings.Join(lines, "\n") + "\n"}}
	}
	for _, c := range []struct {
		name       string
		res        *testrun.Result
		what, help string // parts
	}{
		{"a missing module", collected("/work/a.py:1: in <module>", "E   ModuleNotFoundError: No module named 'numpy.core'"), "the module numpy.core is not installed", "requirements files"},
		{"a name that the installed version lacks", collected("E   ImportError: cannot import name 'Markup' from 'jinja2' (/env/lib/jinja2/__init__.py)"), "cannot import name 'Markup' from 'jinja2'", "installed version of jinja2"},
		{"a shared library", collected("E   ImportError: libGL.so.1: cannot open shared object file: No such file or directory"), "libGL.so.1", "libgl1"},
		{"an attribute that another version lacks", collected("/env/lib/x.py:3: in <module>", "E   AttributeError: module 'collections' has no attribute 'Mapping'"), "AttributeError: module 'collections'", "Versions do not fit together"},
		{"syntax of another Python", collected(`E     File "/work/a.py", line 1`, "E       print 1", "E       ^^^^^^^", "E   SyntaxError: Missing parentheses in call to 'print'"), "SyntaxError: Missing", "sandbox.images"},
		{"settings that are not there", collected("E   django.core.exceptions.ImproperlyConfigured: Requested setting X"), "ImproperlyConfigured: Requested setting X", "start-up"},
		{"a cause, and what it became", collected("E   KeyError: 'x'", "", "During handling:", "E   RuntimeError: no configuration"), "RuntimeError: no configuration", "start-up"},
		{"an import inside the function", &testrun.Result{Tests: []testrun.Outcome{{Status: testrun.Failed, Type: "ModuleNotFoundError", Message: "No module named 'yaml'"}}}, "the module yaml is not installed", "requirements"},
		{"a test that ran", &testrun.Result{Tests: []testrun.Outcome{{Status: testrun.Failed, Type: "AttributeError", Message: "x"}}}, "", ""},
		{"a test that passed", &testrun.Result{Tests: []testrun.Outcome{{Status: testrun.Passed}}}, "", ""},
	} {
		got := Unimportable("ZeroDivisionError", c.res)
		if got == nil {
			if c.what != "" {
				t.Errorf("%s: not recognised", c.name)
			}
			continue
		}
		if c.what == "" || !strings.Contains(got.What, c.what) || !strings.Contains(got.Help, c.help) {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
	if got := Unimportable("ModuleNotFoundError", collected("E   ModuleNotFoundError: No module named 'plugin'")); got != nil {
		t.Errorf("the incident's own: got %+v", got)
	}
}

func TestAFailedBuildNamesTheSystemPackagesThatItLacks(t *testing.T) {
	t.Parallel()
	for log, want := range map[string]string{
		"Error: pg_config executable not found.":                                                      "libpq-dev",
		"/bin/sh: 1: mysql_config: not found\nmysql_config --version":                                 "default-libmysqlclient-dev pkg-config",
		"src/x.c:2:10: fatal error: Python.h: No such file or directory":                              "python3-dev",
		"c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory":                      "libffi-dev",
		"error: command 'gcc' failed: No such file or directory":                                      "build-essential",
		"error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory":                     "build-essential",
		"unable to execute 'gcc': No such file or directory":                                          "build-essential",
		"../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang']]":                "build-essential",
		"error: can't find Rust compiler":                                                             "cargo",
		"The headers or library files could not be found for jpeg,":                                   "libjpeg-dev",
		"Error: Please make sure the libxml2 and libxslt development packages are installed.":         "libxml2-dev libxslt1-dev",
		"ERROR: Cannot find command 'git' - do you have 'git' installed and in your PATH?":            "git",
		"ERROR: No matching distribution found for nothing-here==1.0":                                 "",
		"error: command '/usr/bin/gcc' failed with exit code 1\nfatal error: error in the own source": "",
	} {
		if got := systemPackages(log); got != want {
			t.Errorf("%q: got %q, want %q", log, got, want)
		}
	}
}

func TestWhatProductionHasAndTheCodeImportsIsInstalledThoughNothingDeclaresIt(t *testing.T) {
	t.Parallel()
	root, err := os.OpenRoot(sandboxtest.Tree(t, `
-- app/main.py --
import os, sentry_sdk
import yaml as y
from PIL import Image

def later():
    from redis.client import Redis
-- tests/test_x.py --
import mock
-- test_y.py --
import mock
-- docs/conf.py --
import sphinx
`))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	modules := map[string]string{"sentry-sdk": "2", "PyYAML": "6", "Pillow": "11", "redis": "5", "mock": "5", "sphinx": "7", "pip": "24", "requests": "2"}
	if diff := cmp.Diff([]string{"pillow", "pyyaml", "redis", "sentry-sdk"}, undeclared(root, modules)); diff != "" {
		t.Error(diff)
	}
	if got := undeclared(root, nil); got != nil {
		t.Errorf("without production's modules: got %v", got)
	}
}
