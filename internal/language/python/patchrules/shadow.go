package patchrules

import (
	_ "embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/patch"
)

// stdlib.txt lists the top-level modules of CPython 3.6 to 3.15, in lower case:
// sys.stdlib_module_names of 3.11, plus what older versions had and newer ones
// added, from the release notes.
//
//go:embed stdlib.txt
var stdlibText string

var stdlib = func() map[string]bool {
	names := map[string]bool{}
	for _, n := range strings.Fields(stdlibText) {
		names[n] = true
	}
	return names
}()

// runnerModules are the modules that a test session imports besides the
// standard library.
var runnerModules = map[string]bool{
	"pytest": true, "_pytest": true, "py": true, "pluggy": true, "iniconfig": true, "packaging": true,
	"exceptiongroup": true, "tomli": true, "attr": true, "attrs": true, "pygments": true, "xdist": true, "execnet": true,
	"hypothesis": true, "coverage": true, "pip": true, "setuptools": true, "pkg_resources": true, "wheel": true,
	"sitecustomize": true, "usercustomize": true, "repaird_tracer": true,
}

// NewModules returns the names by which code could import the new modules of
// an overlay: for each file that base lacks, its stem and each folder that base
// lacks. Package analysis asks the environment whether one is installed.
func NewModules(base fs.FS, overlay patch.Overlay) []string {
	var names []string
	for _, file := range slices.Sorted(maps.Keys(overlay)) {
		elements := strings.Split(file, "/")
		for i, e := range elements {
			if _, err := fs.Lstat(base, strings.Join(elements[:i+1], "/")); err != nil {
				names = append(names, strings.TrimSuffix(e, ".py"))
			}
		}
	}
	return names
}

// Shadows checks the new elements of a path, from the first that base lacks.
// Any directory can be put on the module search path (a script's directory is),
// so the rule is independent of the module's depth.
func (Rules) Shadows(base fs.FS, elements []string, first int, siblings []fs.DirEntry) string {
	for _, e := range elements[first:] {
		module := strings.TrimSuffix(patch.Fold(e), ".py")
		if stdlib[module] {
			return fmt.Sprintf("a new module %q would hide that of the standard library", module)
		}
		if runnerModules[module] {
			return fmt.Sprintf("a new module %q would hide that of the test runner", module)
		}
	}
	// a/ next to a.py, or a.py next to a/: the import system would load the
	// other one.
	stem := strings.TrimSuffix(elements[first], ".py")
	for _, s := range siblings {
		if n := s.Name(); n != elements[first] && strings.SplitN(n, ".", 2)[0] == stem && (s.IsDir() || isModule(n)) {
			return fmt.Sprintf("%q exists beside it", n)
		}
	}
	// a top-level module of one source root with the name of one in another
	dir := path.Dir(strings.Join(elements[:first+1], "/"))
	for _, root := range []string{".", "src", "lib"} {
		if !isRoot(dir) || root == dir {
			continue
		}
		for _, other := range []string{stem, stem + ".py"} {
			if _, err := fs.Lstat(base, path.Join(root, other)); err == nil {
				return fmt.Sprintf("%q would be hidden or hide it", path.Join(root, other))
			}
		}
	}
	return ""
}

func isRoot(dir string) bool { return dir == "." || dir == "src" || dir == "lib" }

func isModule(name string) bool {
	switch path.Ext(name) {
	case ".py", ".pyi", ".so", ".pyd", ".pyc", ".pyx":
		return true
	}
	return false
}
