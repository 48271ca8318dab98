package replay

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A place is what a module's name stands for in the file that is written.
type place struct {
	file string // real path
	dir  string // on sys.path; "" where none was put there for it
}

// claim makes a name stand for a file, and puts the directory that it is
// imported from on sys.path. One name stands for one file: a program that loads
// two files under names of its own may have traced a second, and importing that
// would give the first. why says that the name leads to another file already,
// and that nothing was changed.
func (g *generator) claim(module, file string) (why string) {
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return fmt.Sprintf("its file %s is not here", shorten(file))
	}
	if p, ok := g.places[module]; ok {
		if p.file != real {
			return "another file is imported as " + module
		}
		return ""
	}
	paths, at := g.paths, place{file: real}
	if name, dir := g.module(file); name == module && dir != "" {
		at.dir = dir
		if !slices.Contains(paths, dir) {
			paths = append(slices.Clip(paths), dir)
		}
	}
	if !g.leads(paths, module, at) {
		return "another file is imported as " + module
	}
	if len(paths) > len(g.paths) { // it may hide what was found behind it
		for m, p := range g.places {
			if !g.leads(paths, m, p) {
				return fmt.Sprintf("where it is, there is another file to import as %s", m)
			}
		}
	}
	g.places[module], g.paths = at, paths
	return ""
}

// leads says whether the import of a module finds its place. Directories are
// put first on sys.path one after the other, so that the last is searched first.
func (g *generator) leads(paths []string, module string, p place) bool {
	if p.dir == "" {
		return true
	}
	parts := strings.Split(module, ".")
	for _, sought := range []string{parts[0], filepath.Join(parts...)} { // packages without an __init__.py are one in all directories
		for _, dir := range slices.Backward(paths) {
			if g.real(filepath.Join(dir, sought, "__init__.py")) == "" && g.real(filepath.Join(dir, sought+".py")) == "" {
				continue
			}
			path := filepath.Join(dir, filepath.Join(parts...))
			found := g.real(filepath.Join(path, "__init__.py")) // which goes before the module beside it
			if found == "" {
				found = g.real(path + ".py")
			}
			return found == p.file
		}
	}
	return true
}

// real returns the real path of a file, "" where there is none.
func (g *generator) real(file string) string {
	known, ok := g.reals[file]
	if !ok {
		if real, err := filepath.EvalSymlinks(file); err == nil {
			if info, err := os.Stat(real); err == nil && info.Mode().IsRegular() {
				known = real
			}
		}
		g.reals[file] = known
	}
	return known
}

// claims makes the names of the program's modules that a call needs stand for
// their files; where one cannot, none does.
func (g *generator) claims(modules map[string]bool) (why string) {
	paths := g.paths
	var made []string
	for _, m := range sorted(modules) {
		file := g.traced()[m]
		if _, ok := g.places[m]; ok || file == "" {
			continue
		}
		if why = g.claim(m, file); why != "" {
			for _, m := range made {
				delete(g.places, m)
			}
			g.paths = paths
			return why
		}
		made = append(made, m)
	}
	return ""
}
