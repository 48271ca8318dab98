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
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/patch"
)

// Rules are Python's. They have no state.
type Rules struct{}

var _ patch.Rules = Rules{}

// Extensions are those of Python source.
func (Rules) Extensions() []string { return []string{".py"} }

// Data are the extensions of what programs read.
func (Rules) Data() []string {
	return []string{".json", ".csv", ".tsv", ".yaml", ".yml", ".toml", ".txt"}
}

// steering are patterns of files that can change how tests are found, run or
// reported: pytest's configuration, what an interpreter imports by itself at its
// start, and what declares plugins.
var steering = []string{
	"conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml", "setup.py",
	".coveragerc", "sitecustomize.py", "usercustomize.py", "*.pth", "*.egg-link", "pyvenv.cfg", "noxfile.py", "entry_points.txt",
}

// steeringFolders are those of files that do so whatever they are called.
var steeringFolders = []string{"_pytest", "__pycache__", "*.egg-info", "*.dist-info", "*.egg-link"}

// Steers reports whether a file of a tree can change how tests are found, run or
// reported. A patch may not bring one, and a session takes it from base. Names are
// compared without regard to case, because a file system may do so.
func Steers(name string) bool {
	elements := strings.Split(strings.ToLower(path.Clean(strings.ReplaceAll(name, "\\", "/"))), "/")
	name = elements[len(elements)-1]
	return matches(name, steering) || name == "pytest.py" || // which a patch may not bring because it hides a module
		slices.ContainsFunc(elements, func(e string) bool { return matches(e, steeringFolders) })
}

func matches(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, name) // the patterns are constants, and valid
		return ok
	})
}

var names = map[patch.Rule][]string{
	patch.RuleSteering: steering,
	patch.RuleTests:    {"test_*.py", "*_test.py", "*_tests.py", "test.py", "tests.py"},
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
