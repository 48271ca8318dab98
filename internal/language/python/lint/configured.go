package lint

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// own are the files at a tree's root that configure one checker.
var own = map[string][]string{
	"ruff":    {"ruff.toml", ".ruff.toml"},
	"flake8":  {".flake8"},
	"pylint":  {"pylintrc", ".pylintrc", "pylintrc.toml", ".pylintrc.toml"},
	"mypy":    {"mypy.ini", ".mypy.ini"},
	"pyright": {"pyrightconfig.json"},
}

// Sections of shared files that configure a checker.
var (
	sections = map[string]*regexp.Regexp{
		"flake8": regexp.MustCompile(`(?m)^\[flake8\]`),
		"pylint": regexp.MustCompile(`(?mi)^\[(tool:)?pylint([.\]])`),
		"mypy":   regexp.MustCompile(`(?m)^\[mypy\]`),
	}
	sectioned = []string{"setup.cfg", "tox.ini"}
	hook      = regexp.MustCompile(`(?m)^[ \t]*(?:-[ \t]+)?id:[ \t]*['"]?([a-z0-9-]+)`) // of pre-commit
	hooks     = map[string]string{"ruff": "ruff", "ruff-check": "ruff", "flake8": "flake8", "pylint": "pylint", "mypy": "mypy", "pyright": "pyright"}
)

const (
	projectFile = "pyproject.toml"
	hooksFile   = ".pre-commit-config.yaml"
)

// maxConfiguration limits the files that are read, in bytes.
const maxConfiguration = 1 << 20

// configured names the checkers that a tree's own files configure.
func configured(root *os.Root) []string {
	found := map[string]bool{}
	for name, files := range own {
		for _, file := range files {
			if info, err := root.Stat(file); err == nil && info.Mode().IsRegular() {
				found[name] = true
			}
		}
	}
	for _, file := range sectioned {
		data := contents(root, file)
		for name, section := range sections {
			found[name] = found[name] || section.Match(data)
		}
	}
	var project struct {
		Tool map[string]any `toml:"tool"`
	}
	if toml.Unmarshal(contents(root, projectFile), &project) == nil {
		for _, c := range checkers {
			_, ok := project.Tool[c.name]
			found[c.name] = found[c.name] || ok && c.name != "flake8" // which does not read this file
		}
	}
	for _, m := range hook.FindAllSubmatch(contents(root, hooksFile), -1) {
		found[hooks[string(m[1])]] = true
	}
	var names []string
	for _, c := range checkers {
		if found[c.name] {
			names = append(names, c.name)
		}
	}
	return names
}

// contents returns a file of the root, nil where there is none of a sensible size.
func contents(root *os.Root, name string) []byte {
	info, err := root.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxConfiguration {
		return nil
	}
	data, err := root.ReadFile(name)
	if err != nil {
		return nil
	}
	return data
}

// configures reports whether a file, in any folder, can change what a checker
// reports. Both sides of a patch are checked with base's.
func configures(name string) bool {
	name = strings.ToLower(path.Base(name))
	for _, files := range own {
		if slices.Contains(files, name) {
			return true
		}
	}
	return name == projectFile || slices.Contains(sectioned, name)
}
