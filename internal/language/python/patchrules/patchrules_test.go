package patchrules_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language/python/patchrules"
	"github.com/repaird/repaird/internal/patch"
)

var policy = patch.Policy{Rules: patchrules.Rules{}}

func TestPolicyRefusesPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, p := range []string{"app.py", "Shop/cart.py", "tests/test_app.py", "src/shop/__init__.py", "tool.sh", "café.py"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, p)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, p), []byte("x = 1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cases := map[patch.Rule][]string{
		patch.RuleSteering:  {"conftest.py", "sub/conftest.py", "ConfTest.py", "pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml", "setup.py", "x.pth", "sitecustomize.py", "usercustomize.py", "noxfile.py", "\uff43onftest.py"},
		patch.RuleTests:     {"tests/test_app.py", "tests/helper.py", "test_new.py", "app_test.py", "TESTS/x.py", "sub/test/x.py", "python_testcases/x.py", "tests.py"},
		patch.RuleExtension: {"tool.sh", "README.md", "data.json", "lib.so", "x.pyc", "x.pyd", "x.PY", "x", "x.ipynb", "x.pyi"},
		patch.RuleShadow: {
			"pytest.py", "_pytest/__init__.py", "_pytest/runner.py", "json.py", "sub/random.py", "Random.py", "logging/__init__.py", "pluggy.py",
			"shop.py", "app/__init__.py", "cprofile.py", "src/app.py", "attr/__init__.py",
		},
	}
	for rule, paths := range cases {
		for _, path := range paths {
			t.Run(fmt.Sprintf("%s %.40q", rule, path), func(t *testing.T) {
				t.Parallel()
				err := policy.Check(patch.Dir(dir), patch.Patch{Edits: []patch.Edit{{Path: path, Replace: "x = 2\n"}}})
				wantRule(t, err, rule)
			})
		}
	}
	for _, path := range []string{"app.py", "Shop/cart.py", "src/shop/__init__.py", "café.py"} {
		if err := policy.Check(patch.Dir(dir), patch.Patch{Edits: []patch.Edit{{Path: path, Search: "1", Replace: "2"}}}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"Shop/totals.py", "src/shop/rounding.py", "newpkg/__init__.py"} {
		if err := policy.Check(patch.Dir(dir), patch.Patch{Edits: []patch.Edit{{Path: path, Replace: "x = 2\n"}}}); err != nil {
			t.Errorf("new %s: %v", path, err)
		}
	}
}

func TestPolicyRefusesOtherSourceEncodings(t *testing.T) {
	t.Parallel()
	for text, rule := range map[string]patch.Rule{
		"# -*- coding: utf-7 -*-\nx = 1\n":                              patch.RuleBinary,
		"#!/usr/bin/python\n# vim: set fileencoding=unicode_escape :\n": patch.RuleBinary,
		"# -*- coding: UTF_8 -*-\nx = 1\n":                              "",
		"x = 1\n\n# coding: utf-7, which is too late to count\n":        "",
	} {
		err := policy.Check(fstest.MapFS{}, patch.Patch{Edits: []patch.Edit{{Path: "app.py", Replace: text}}})
		if rule == "" && err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if rule != "" {
			wantRule(t, err, rule)
		}
	}
}

// The corpus holds fixes as people write them; each archive file NAME.before
// has its NAME.after. Package analysis runs its rules on the same corpus.
func TestPolicyAdmitsHonestFixes(t *testing.T) {
	t.Parallel()
	archive, err := txtar.ParseFile("testdata/honest.txtar")
	if err != nil {
		t.Fatal(err)
	}
	fixes := 0
	for i := 0; i+1 < len(archive.Files); i += 2 {
		before, after := archive.Files[i], archive.Files[i+1]
		name, ok := strings.CutSuffix(before.Name, ".before")
		if !ok || after.Name != name+".after" {
			t.Fatalf("files %s and %s are not a pair", before.Name, after.Name)
		}
		fixes++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := "app/" + name + ".py"
			base := fstest.MapFS{path: {Data: before.Data, Mode: 0o644}}
			hunks, err := patch.Hunks(base, patch.Overlay{path: after.Data})
			if err != nil {
				t.Fatal(err)
			}
			p, err := patch.Combine(base, hunks, "")
			if err != nil {
				t.Fatal(err)
			}
			if err := policy.Check(base, p); err != nil {
				t.Error(err)
			}
		})
	}
	if fixes < 20 {
		t.Errorf("the corpus has %d fixes, want at least 20", fixes)
	}
}

func wantRule(t *testing.T, err error, rule patch.Rule) {
	t.Helper()
	var v *patch.Violation
	if !errors.As(err, &v) {
		t.Fatalf("got error %v, want a violation of %s", err, rule)
	}
	if v.Rule != rule || fault.KindOf(err) != fault.Denied {
		t.Errorf("got %v (%v), want a violation of %s", err, fault.KindOf(err), rule)
	}
}

func TestWhichFilesSteerTheRunner(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"conftest.py": true, "a/b/conftest.py": true, "A/CONFTEST.PY": true, "pytest.ini": true, "pyproject.toml": true, "x/evil.pth": true,
		"a.dist-info/METADATA": true, "_pytest/x.py": true, "pytest.py": true, `a\conftest.py`: true, "a/../conftest.py": true,
		"shop/cart.py": false, "tests/test_a.py": false, "conftest.py/x.py": false, "my_pytest.py": false, "pth.py": false,
	} {
		if got := patchrules.Steers(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
