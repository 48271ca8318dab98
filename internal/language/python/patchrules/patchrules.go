// Package patchrules says which files of a Python repository a generated patch
// may touch. [Rules] is what a patch.Policy needs:
//
//	policy := patch.Policy{Rules: patchrules.Rules{}}
//	err := policy.Check(patch.Dir(tree), p)
//
// What code a patch may add is decided elsewhere, because it takes a parser in
// a sandbox (package analysis).
package patchrules

import (
	"regexp"
	"strings"

	"github.com/repaird/repaird/internal/patch"
)

// Rules are Python's. They have no state.
type Rules struct{}

var _ patch.Rules = Rules{}

// Extensions are those of Python source.
func (Rules) Extensions() []string { return []string{".py"} }

var names = map[patch.Rule][]string{
	patch.RuleSteering: {
		"conftest.py", "pytest.ini", "pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml", "setup.py",
		"sitecustomize.py", "usercustomize.py", "*.pth", "*.egg-link", "pyvenv.cfg", "noxfile.py", "entry_points.txt",
	},
	patch.RuleTests: {"test_*.py", "*_test.py", "*_tests.py", "test.py", "tests.py"},
}

// Names are those of tests and of files that control pytest or the
// interpreter's start-up.
func (Rules) Names() map[patch.Rule][]string { return names }

// PEP 263: a comment in the first two lines sets the source encoding. With
// utf-7 or unicode_escape a harmless-looking comment becomes code.
var codingCookie = regexp.MustCompile(`^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)`)

// Encoding reads the coding comment of PEP 263.
func (Rules) Encoding(line int, text string) string {
	m := codingCookie.FindStringSubmatch(text)
	if m == nil || line > 2 {
		return ""
	}
	switch e := strings.ToLower(strings.ReplaceAll(m[1], "_", "-")); e {
	case "utf-8", "utf8", "ascii":
		return ""
	default:
		return e
	}
}
