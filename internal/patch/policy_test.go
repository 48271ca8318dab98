package patch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/repaird/repaird/internal/fault"
)

func TestPolicyRefusesPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, p := range []string{"app.py", "Shop/cart.py", "tests/test_app.py", "src/shop/__init__.py", ".git/config", "tool.sh", "café.py"} {
		write(t, dir, p, "x = 1\n")
	}
	outside := t.TempDir()
	write(t, outside, "x.py", "x = 1\n")
	for name, target := range map[string]string{"out": outside, "in": "Shop", "alias.py": "app.py"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.py"), 0o755); err != nil {
		t.Fatal(err)
	}
	cases := map[Rule][]string{
		RulePath: {
			"", "/etc/x.py", "../x.py", "a/../../x.py", "a/b/../../../x.py", "a/./x.py", "a//x.py", "x.py/", `a\x.py`, `..\x.py`,
			"C:x.py", "x.py:stream", "a\x00.py", "a\n.py", "a\x1b[2J.py", "~/x.py", "-x.py", "x.py ", "x./y.py", " x.py", "a\u200bb.py",
			"a\u202eyp.py", "\xff.py", strings.Repeat("a", 300) + ".py", strings.Repeat("a/", 600) + "x.py", "cafe\u0301.py", "a\u00a0b.py",
		},
		RuleHidden: {
			".git/config", ".git/hooks/pre-commit.py", ".GIT/x.py", ".Git/x.py", ".g\u200bit/x.py", ".git\u200c/x.py", "\uff0egit/x.py",
			".gitmodules", ".gitattributes", ".github/workflows/ci.yml", ".GitHub/x.py", ".gitlab-ci.yml", ".circleci/config.yml", ".hidden.py",
			".pytest.ini", ".env", ".venv/lib/x.py", "a/.git/x.py", ".cursorrules", ".pre-commit-config.yaml", ".coveragerc", ".\u2060git/x.py", "\u200b.git/x.py",
		},
		RuleAlias:    {"git~1/x.py", "GIT~1/x.py", "APP~1.py", "shop/cart.py", "SHOP/cart.py", "App.py", "aux.py", "con/x.py", "CAFÉ.py"},
		RuleSymlink:  {"out/x.py", "out/new.py", "in/cart.py", "alias.py", "folder.py", "app.py/x.py"},
		RuleSteering: {"conftest.py", "sub/conftest.py", "ConfTest.py", "pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml", "setup.py", "x.pth", "sitecustomize.py", "usercustomize.py", "noxfile.py", "\uff43onftest.py"},
		RuleCI:       {"Jenkinsfile", "azure-pipelines.yml", "CODEOWNERS", "docs/CODEOWNERS", "appveyor.yml"},
		RuleBuild:    {"Dockerfile", "dockerfile.prod", "app.Dockerfile", "docker-compose.yml", "Makefile", "sub/makefile", "Procfile"},
		RuleLock:     {"requirements.txt", "requirements-dev.txt", "dev-requirements.txt", "poetry.lock", "Pipfile", "Pipfile.lock", "uv.lock", "go.sum", "package-lock.json", "constraints.txt"},
		RuleAgents:   {"AGENTS.md", "CLAUDE.md", "claude.local.md", "agents.md", "GEMINI.md", "docs/CLAUDE.md"},
		RuleTests:    {"tests/test_app.py", "tests/helper.py", "test_new.py", "app_test.py", "TESTS/x.py", "sub/test/x.py", "python_testcases/x.py", "tests.py"},
		RuleThirdParty: {
			"venv/lib/python3/site-packages/six.py", "lib/site-packages/x.py", "node_modules/x.py", "__pycache__/x.py", "vendor/six.py", "foo.egg-info/x.py",
		},
		RuleExtension: {"tool.sh", "README.md", "data.json", "lib.so", "x.pyc", "x.pyd", "x.PY", "x", "x.ipynb", "x.pyi"},
		RuleShadow: {
			"pytest.py", "_pytest/__init__.py", "_pytest/runner.py", "json.py", "sub/random.py", "Random.py", "logging/__init__.py", "pluggy.py",
			"shop.py", "app/__init__.py", "cprofile.py", "src/app.py", "attr/__init__.py",
		},
	}
	for rule, paths := range cases {
		for _, path := range paths {
			t.Run(fmt.Sprintf("%s %.40q", rule, path), func(t *testing.T) {
				t.Parallel()
				err := Policy{}.Check(Dir(dir), Patch{Edits: []Edit{{Path: path, Replace: "x = 2\n"}}})
				wantRule(t, err, rule)
			})
		}
	}
	for _, path := range []string{"app.py", "Shop/cart.py", "src/shop/__init__.py", "café.py"} {
		if err := (Policy{}).Check(Dir(dir), Patch{Edits: []Edit{{path, "1", "2"}}}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"Shop/totals.py", "src/shop/rounding.py", "newpkg/__init__.py"} {
		if err := (Policy{}).Check(Dir(dir), Patch{Edits: []Edit{{path, "", "x = 2\n"}}}); err != nil {
			t.Errorf("new %s: %v", path, err)
		}
	}
}

func TestPolicyRefusesTexts(t *testing.T) {
	t.Parallel()
	// A made-up key in a real provider's form, put together here so that no scanner takes this file for a leak.
	key := "AKIA" + "QYLPMN5HHHFPZAM2"
	for _, tt := range []struct {
		name string
		rule Rule
		text string
	}{
		{"NUL", RuleBinary, "x = '\x00'\n"},
		{"invalid UTF-8", RuleBinary, "x = '\xff\xfe'\n"},
		{"an escape sequence", RuleBinary, "x = '\x1b[8m'\n"},
		{"a lone carriage return", RuleBinary, "x = 1 # ok\rimport os\n"},
		{"a line separator", RuleBinary, "x = 1 # ok\u2028import os\n"},
		{"a next-line character", RuleBinary, "x = 1 # ok\u0085y\n"},
		{"a form feed", RuleBinary, "\fx = 1\n"},
		{"a private-use character", RuleBinary, "x = '\ue000'\n"},
		{"another source encoding", RuleBinary, "# -*- coding: utf-7 -*-\nx = 1\n"},
		{"an escaping source encoding", RuleBinary, "#!/usr/bin/python\n# vim: set fileencoding=unicode_escape :\n"},
		{"a right-to-left override", RuleInvisible, "x = '\u202e'\n"},
		{"an isolate", RuleInvisible, "if a: # \u2066 x\n"},
		{"a zero-width space", RuleInvisible, "x = 'a\u200bb'\n"},
		{"a zero-width joiner in a name", RuleInvisible, "x\u200dy = 1\n"},
		{"tag characters", RuleInvisible, "x = 1 # \U000E0041\U000E0042\n"},
		{"a byte order mark inside", RuleInvisible, "x = '\ufeff'\n"},
		{"a variation selector", RuleInvisible, "x = 'a\ufe01'\n"},
		{"a Hangul filler as a name", RuleInvisible, "\u3164 = 1\n"},
		{"a soft hyphen", RuleInvisible, "x = 'a\u00adb'\n"},
		{"a Cyrillic letter in a Latin name", RuleScripts, "p\u0430ssword = 1\n"},
		{"a Greek letter in a Latin name", RuleScripts, "t\u03bftal = 1\n"},
		{"full-width letters", RuleScripts, "\uff45\uff56\uff41\uff4c('1')\n"},
		{"mathematical letters", RuleScripts, "\U0001D41E\U0001D42F\U0001D41A\U0001D425('1')\n"},
		{"a very long line", RuleSize, "x = 1" + strings.Repeat(" ", 600) + "; import os\n"},
		{"too many lines", RuleSize, strings.Repeat("x = 1\n", 121)},
		{"too many bytes", RuleSize, strings.Repeat("x = '"+strings.Repeat("a", 400)+"'\n", 90)},
		{"a cloud key", RuleSecret, "aws = '" + key + "'\n"},
		{"a private key", RuleSecret, "k = '''-----BEGIN RSA PRIVATE KEY-----\n" + strings.Repeat("MIIEpAIBAAKCAQEA7Yt3pZ1m0qVx2cBn\n", 6) + "-----END RSA PRIVATE KEY-----'''\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := Policy{}.Check(tree(), Patch{Edits: []Edit{{"app.py", "", tt.text}}})
			wantRule(t, err, tt.rule)
		})
	}
}

func TestPolicyCountsAndKeeps(t *testing.T) {
	t.Parallel()
	base := tree("a.py", "x = 1\n", "b.py", "x = 1\n", "c.py", "x = '\u202e'\n# naïve Größe, температура, 温度テスト\n", "d.py", "x\r\n")
	check := func(edits ...Edit) error { return Policy{}.Check(base, Patch{Edits: edits}) }
	wantRule(t, check(Edit{"a.py", "1", "2"}, Edit{"a.py", "2", "1"}), RuleNoChange)
	wantRule(t, check(Edit{"a.py", "x = 1\n", ""}), RuleSize)
	wantRule(t, Policy{MaxFiles: 1}.Check(base, Patch{Edits: []Edit{{"a.py", "1", "2"}, {"b.py", "1", "2"}}}), RuleSize)
	wantRule(t, check(Edit{"c.py", "x = '\u202e'", "x = '\u202e\u202e'"}), RuleInvisible)
	for _, e := range []Edit{
		{"c.py", "x = '\u202e'", "y = '\u202e'"}, // it stood there before
		{"c.py", "# naïve", "# very naïve, größer, температура воды, 温度テストx, Δ"}, // people's languages
		{"d.py", "x", "y"},
	} {
		if err := check(e); err != nil {
			t.Errorf("edit %+v: %v", e, err)
		}
	}
	if err := check(Edit{"a.py", "nope", "x"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a patch that does not apply: got %v (%v), want invalid", err, fault.KindOf(err))
	}
}

// The corpus holds fixes as people write them; each archive file NAME.before
// has its NAME.after. Package verify runs its rules on the same corpus.
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
			base := tree(path, string(before.Data))
			hunks, err := Hunks(base, Overlay{path: after.Data})
			if err != nil {
				t.Fatal(err)
			}
			p, err := Combine(base, hunks, "")
			if err != nil {
				t.Fatal(err)
			}
			if err := (Policy{}).Check(base, p); err != nil {
				t.Error(err)
			}
		})
	}
	if fixes < 20 {
		t.Errorf("the corpus has %d fixes, want at least 20", fixes)
	}
}

func wantRule(t *testing.T, err error, rule Rule) {
	t.Helper()
	var v *Violation
	if !errors.As(err, &v) {
		t.Fatalf("got error %v, want a violation of %s", err, rule)
	}
	if v.Rule != rule || fault.KindOf(err) != fault.Denied {
		t.Errorf("got %v (%v), want a violation of %s", err, fault.KindOf(err), rule)
	}
}

// Whatever the policy admits is a plain path of a Python file that stays in the
// tree, and disguises nothing.
func FuzzPolicyPaths(f *testing.F) {
	for _, s := range []string{"app.py", "Shop/cart.py", ".git/x.py", "a/../b.py", "g\u200bit.py", "GIT~1/x.py", "x.py\x00", "caf\u00e9.py", "conftest.py", "a\\b.py"} {
		f.Add(s)
	}
	base := tree("app.py", "x = 1\n", "Shop/cart.py", "x = 1\n")
	f.Fuzz(func(t *testing.T, path string) {
		if checkPath(base, path, []string{".py"}) != nil {
			return
		}
		lower := strings.ToLower(path)
		switch {
		case !filepath.IsLocal(path), strings.ContainsAny(path, "\\:\x00\n\x1b"), !strings.HasSuffix(path, ".py"),
			strings.Contains(lower, ".git"), strings.Contains(lower, "conftest.py"), strings.HasPrefix(lower, "."), strings.Contains(lower, "/."):
			t.Errorf("admitted %q", path)
		}
	})
}
