package patch

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// named lists base names (folded) that a patch may not touch, by rule, in the
// order in which they are tried. Patterns are those of path.Match; those of the
// repository's language are added (see [Rules]). What installs, builds and
// deploys is listed for every language, because a repository can hold several.
var named = []struct {
	rule     Rule
	patterns []string
}{
	{RuleSteering, nil},
	{RuleCI, []string{
		"jenkinsfile*", "azure-pipelines*.y*ml", "bitbucket-pipelines.y*ml", "appveyor.y*ml", "codecov.y*ml",
		"cloudbuild.y*ml", "buildspec.y*ml", "codeowners", "dependabot.y*ml", "renovate.json*",
	}},
	{RuleBuild, []string{
		"dockerfile*", "*.dockerfile", "containerfile*", "docker-compose*", "compose.y*ml", "makefile", "gnumakefile", "*.mk",
		"justfile", "procfile", "vagrantfile", "meson.build", "cmakelists.txt", "wscript", "sconstruct", "manifest.in",
	}},
	{RuleLock, []string{
		"requirements*", "*requirements.txt", "constraints*.txt", "*.lock", "pipfile*", "poetry.toml", "environment.y*ml",
		"conda-lock*", "package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "go.mod", "go.sum",
	}},
	{RuleAgents, []string{
		"agents.md", "agent.md", "claude*.md", "gemini.md", "copilot-instructions.md", "skill.md", "llms*.txt", "*.mdc",
	}},
	{RuleTests, []string{"*.snap", "*.ambr"}},
}

var (
	testFolder  = regexp.MustCompile(`^(tests?|testcases|.*[_-](tests?|testcases)|testing_fixtures|fixtures)$`)
	otherFolder = regexp.MustCompile(`^(site-packages|dist-packages|node_modules|venv|virtualenv|__pycache__|__pypackages__|.*\.egg-info|.*\.dist-info|_vendor|vendor|vendored|third_party)$`)
	dosShort    = regexp.MustCompile(`~[0-9]+(\.|$)`)
	dosDevice   = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)
)

// Fold returns the form in which a name is compared: compatibility-composed,
// case-folded, without the characters that file systems ignore.
func Fold(name string) string {
	name = strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, name)
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
}

func (p Policy) checkPath(base fs.FS, name string) *Violation {
	bad := func(rule Rule, format string, args ...any) *Violation {
		return &Violation{Rule: rule, Path: name, Detail: fmt.Sprintf(format, args...)}
	}
	// The folded names are checked first, so that a disguised .git is reported
	// as such.
	elements := strings.Split(name, "/")
	for _, e := range elements {
		if f := Fold(e); strings.HasPrefix(f, ".") && strings.Trim(f, `.\`) != "" && !strings.HasPrefix(f, `..\`) {
			return bad(RuleHidden, "files and directories whose names begin with a dot may not be patched")
		}
	}
	if why := malformed(name); why != "" {
		return bad(RulePath, "%s", why)
	}
	if slices.ContainsFunc(words(name), mixed) {
		return bad(RuleScripts, "a name mixes alphabets")
	}
	for i, e := range elements {
		f := Fold(e)
		if dosShort.MatchString(f) || dosDevice.MatchString(f) {
			return bad(RuleAlias, "a DOS short or device name")
		}
		last := i == len(elements)-1
		if !last && testFolder.MatchString(f) {
			return bad(RuleTests, "tests may not be patched")
		}
		if !last && otherFolder.MatchString(f) {
			return bad(RuleThirdParty, "installed and vendored code may not be patched")
		}
	}
	file := Fold(elements[len(elements)-1])
	own := p.Rules.Names()
	for _, n := range named {
		for _, pattern := range slices.Concat(own[n.rule], n.patterns) {
			if ok, _ := path.Match(pattern, file); ok {
				return bad(n.rule, "files like %s may not be patched", pattern)
			}
		}
	}
	if ext := path.Ext(name); !slices.Contains(p.Extensions, ext) {
		if !slices.Contains(p.data, ext) {
			return bad(RuleExtension, "only %s files may be changed", strings.Join(slices.Concat(p.Extensions, p.data), ", "))
		}
		if _, err := fs.Lstat(base, name); err != nil {
			return bad(RuleExtension, "a data file may be changed, not added")
		}
	}
	return p.checkPlace(base, name)
}

// malformed says why name is not a plain relative slash-separated path.
func malformed(name string) string {
	switch {
	case name == "":
		return "empty path"
	case len(name) > 1024:
		return "path longer than 1,024 bytes"
	case !utf8.ValidString(name):
		return "not valid UTF-8"
	case strings.ContainsAny(name, `\`):
		return "backslash in path"
	case strings.HasPrefix(name, "/"), strings.HasPrefix(name, "~"):
		return "absolute path"
	case strings.Contains(name, ":"):
		return "colon in path"
	case norm.NFC.String(name) != name:
		return "path is not in composed Unicode form (NFC)"
	case Fold(name) != norm.NFKC.String(cases.Fold().String(name)):
		return "invisible character in path"
	}
	for _, r := range name {
		if !unicode.IsPrint(r) || (unicode.IsSpace(r) && r != ' ') {
			return "unprintable character in path"
		}
	}
	for _, e := range strings.Split(name, "/") {
		switch {
		case e == "" || e == "." || e == "..":
			return `empty, "." or ".." element`
		case len(e) > 255:
			return "element longer than 255 bytes"
		case strings.HasSuffix(e, ".") || strings.HasSuffix(e, " ") || strings.HasPrefix(e, " ") || strings.HasPrefix(e, "-"):
			return "element begins with a dash or blank, or ends with a dot or blank"
		}
	}
	return ""
}

// checkPlace walks the path through base: every existing element must be a
// folder or, at the end, a regular file, spelled exactly so.
func (p Policy) checkPlace(base fs.FS, name string) *Violation {
	bad := func(rule Rule, format string, args ...any) *Violation {
		return &Violation{Rule: rule, Path: name, Detail: fmt.Sprintf(format, args...)}
	}
	elements := strings.Split(name, "/")
	dir := "."
	for i, e := range elements {
		here := strings.Join(elements[:i+1], "/")
		entries, err := fs.ReadDir(base, dir)
		if err != nil {
			return bad(RuleSymlink, "cannot list %q", dir)
		}
		for _, entry := range entries {
			if entry.Name() != e && Fold(entry.Name()) == Fold(e) {
				return bad(RuleAlias, "%q exists beside it", entry.Name())
			}
		}
		info, err := fs.Lstat(base, here)
		if errors.Is(err, fs.ErrNotExist) {
			if hidden := p.Rules.Shadows(base, elements, i, entries); hidden != "" {
				return bad(RuleShadow, "%s", hidden)
			}
			return nil
		}
		last := i == len(elements)-1
		if err != nil || (last && !info.Mode().IsRegular()) || (!last && !info.IsDir()) {
			return bad(RuleSymlink, "%q is not a plain %s", here, map[bool]string{true: "file", false: "folder"}[last])
		}
		dir = here
	}
	return nil
}
