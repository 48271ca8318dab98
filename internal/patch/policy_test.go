package patch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/fault"
)

// neutral is a language of which only the form matters.
type neutral struct{}

func (neutral) Extensions() []string { return []string{".src"} }
func (neutral) Data() []string       { return []string{".tab"} }

func (neutral) Names() map[Rule][]string {
	return map[Rule][]string{RuleSteering: {"steer.src"}, RuleTests: {"*_check.src"}}
}

func (neutral) Shadows(_ fs.FS, elements []string, _ int, _ []fs.DirEntry) string {
	if elements[len(elements)-1] == "library.src" {
		return "hides the library"
	}
	return ""
}

func (neutral) Encoding(line int, text string) string {
	if name, ok := strings.CutPrefix(text, "encoding "); ok && line == 1 {
		return strings.TrimSpace(name)
	}
	return ""
}

var policy = Policy{Rules: neutral{}}

func TestAPolicyWithoutRulesAdmitsNothing(t *testing.T) {
	t.Parallel()
	err := Policy{}.Check(tree("app.src", "x = 1\n"), Patch{Edits: []Edit{{"app.src", "1", "2"}}})
	if fault.KindOf(err) != fault.Internal {
		t.Errorf("got %v (%v), want an internal error", err, fault.KindOf(err))
	}
}

func TestPolicyRefusesPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, p := range []string{"app.src", "Shop/cart.src", "tests/test_app.src", "src/shop/__init__.src", ".git/config", "tool.sh", "café.src"} {
		write(t, dir, p, "x = 1\n")
	}
	outside := t.TempDir()
	write(t, outside, "x.src", "x = 1\n")
	for name, target := range map[string]string{"out": outside, "in": "Shop", "alias.src": "app.src"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.src"), 0o755); err != nil {
		t.Fatal(err)
	}
	cases := map[Rule][]string{
		RulePath: {
			"", "/etc/x.src", "../x.src", "a/../../x.src", "a/b/../../../x.src", "a/./x.src", "a//x.src", "x.src/", `a\x.src`, `..\x.src`,
			"C:x.src", "x.src:stream", "a\x00.src", "a\n.src", "a\x1b[2J.src", "~/x.src", "-x.src", "x.src ", "x./y.src", " x.src", "a\u200bb.src",
			"a\u202eyp.src", "\xff.src", strings.Repeat("a", 300) + ".src", strings.Repeat("a/", 600) + "x.src", "cafe\u0301.src", "a\u00a0b.src",
		},
		RuleHidden: {
			".git/config", ".git/hooks/pre-commit.src", ".GIT/x.src", ".Git/x.src", ".g\u200bit/x.src", ".git\u200c/x.src", "\uff0egit/x.src",
			".gitmodules", ".gitattributes", ".github/workflows/ci.yml", ".GitHub/x.src", ".gitlab-ci.yml", ".circleci/config.yml", ".hidden.src",
			".toolrc", ".env", ".venv/lib/x.src", "a/.git/x.src", ".cursorrules", ".pre-commit-config.yaml", ".coveragerc", ".\u2060git/x.src", "\u200b.git/x.src",
		},
		RuleAlias:    {"git~1/x.src", "GIT~1/x.src", "APP~1.src", "shop/cart.src", "SHOP/cart.src", "App.src", "aux.src", "con/x.src", "CAFÉ.src"},
		RuleSymlink:  {"out/x.src", "out/new.src", "in/cart.src", "alias.src", "folder.src", "app.src/x.src"},
		RuleSteering: {"steer.src", "sub/steer.src", "Steer.src", "\uff53teer.src"},
		RuleCI:       {"Jenkinsfile", "azure-pipelines.yml", "CODEOWNERS", "docs/CODEOWNERS", "appveyor.yml"},
		RuleBuild:    {"Dockerfile", "dockerfile.prod", "app.Dockerfile", "docker-compose.yml", "Makefile", "sub/makefile", "Procfile"},
		RuleLock:     {"requirements.txt", "requirements-dev.txt", "dev-requirements.txt", "poetry.lock", "Pipfile", "Pipfile.lock", "uv.lock", "go.sum", "package-lock.json", "constraints.txt"},
		RuleAgents:   {"AGENTS.md", "CLAUDE.md", "claude.local.md", "agents.md", "GEMINI.md", "docs/CLAUDE.md"},
		RuleTests:    {"tests/test_app.src", "tests/helper.src", "new_check.src", "TESTS/x.src", "sub/test/x.src", "python_testcases/x.src", "x.snap"},
		RuleThirdParty: {
			"venv/lib/python3/site-packages/six.src", "lib/site-packages/x.src", "node_modules/x.src", "__pycache__/x.src", "vendor/six.src", "foo.egg-info/x.src",
		},
		RuleExtension: {"tool.sh", "README.md", "x.SRC", "x"},
		RuleShadow:    {"library.src", "sub/library.src"},
		RuleScripts:   {"\u0430pp.src", "sh\u03bfp/x.src"},
	}
	for rule, paths := range cases {
		for _, path := range paths {
			t.Run(fmt.Sprintf("%s %.40q", rule, path), func(t *testing.T) {
				t.Parallel()
				err := policy.Check(Dir(dir), Patch{Edits: []Edit{{Path: path, Replace: "x = 2\n"}}})
				wantRule(t, err, rule)
			})
		}
	}
	for _, path := range []string{"app.src", "Shop/cart.src", "src/shop/__init__.src", "café.src"} {
		if err := policy.Check(Dir(dir), Patch{Edits: []Edit{{path, "1", "2"}}}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"Shop/totals.src", "src/shop/rounding.src", "newpkg/__init__.src"} {
		if err := policy.Check(Dir(dir), Patch{Edits: []Edit{{path, "", "x = 2\n"}}}); err != nil {
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
		{"another source encoding", RuleBinary, "encoding utf-7\nx = 1\n"},
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
			err := policy.Check(tree(), Patch{Edits: []Edit{{"app.src", "", tt.text}}})
			wantRule(t, err, tt.rule)
		})
	}
}

func TestPolicyCountsAndKeeps(t *testing.T) {
	t.Parallel()
	base := tree("a.src", "x = 1\n", "b.src", "x = 1\n", "c.src", "x = '\u202e'\n# naïve Größe, температура, 温度テスト\n", "d.src", "x\r\n")
	check := func(edits ...Edit) error { return policy.Check(base, Patch{Edits: edits}) }
	wantRule(t, check(Edit{"a.src", "1", "2"}, Edit{"a.src", "2", "1"}), RuleNoChange)
	wantRule(t, check(Edit{"a.src", "x = 1\n", ""}), RuleSize)
	wantRule(t, Policy{Rules: neutral{}, MaxFiles: 1}.Check(base, Patch{Edits: []Edit{{"a.src", "1", "2"}, {"b.src", "1", "2"}}}), RuleSize)
	wantRule(t, check(Edit{"c.src", "x = '\u202e'", "x = '\u202e\u202e'"}), RuleInvisible)
	for _, e := range []Edit{
		{"c.src", "x = '\u202e'", "y = '\u202e'"}, // it stood there before
		{"c.src", "# naïve", "# very naïve, größer, температура воды, 温度テストx, Δ"}, // people's languages
		{"d.src", "x", "y"},
	} {
		if err := check(e); err != nil {
			t.Errorf("edit %+v: %v", e, err)
		}
	}
	if err := check(Edit{"a.src", "nope", "x"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a patch that does not apply: got %v (%v), want invalid", err, fault.KindOf(err))
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

// Whatever the policy admits is a plain path of a source file that stays in the
// tree, and disguises nothing.
func FuzzPolicyPaths(f *testing.F) {
	for _, s := range []string{"app.src", "Shop/cart.src", ".git/x.src", "a/../b.src", "g\u200bit.src", "GIT~1/x.src", "x.src\x00", "caf\u00e9.src", "steer.src", "a\\b.src"} {
		f.Add(s)
	}
	base := tree("app.src", "x = 1\n", "Shop/cart.src", "x = 1\n")
	f.Fuzz(func(t *testing.T, path string) {
		if policy.withDefaults().checkPath(base, path) != nil {
			return
		}
		lower := strings.ToLower(path)
		switch {
		case !filepath.IsLocal(path), strings.ContainsAny(path, "\\:\x00\n\x1b"), !strings.HasSuffix(path, ".src"),
			strings.Contains(lower, ".git"), strings.Contains(lower, "steer.src"), strings.HasPrefix(lower, "."), strings.Contains(lower, "/."):
			t.Errorf("admitted %q", path)
		}
	})
}
