package replay

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/repaird/repaird/internal/trace"
)

// An origin is what is known of a source file that a trace names.
type origin struct {
	why  string // it is not imported; "" where it is
	defs definitions
	wrap map[*trace.Code]bool // of generators, see wrapped
}

// origin judges a file. A trace may be hostile, and name any file of this
// machine: imported are only those of the program, which are below Options.Within.
func (g *generator) origin(file string) *origin {
	o, ok := g.origins[file]
	if !ok {
		o = &origin{}
		if o.why = g.refused(file); o.why == "" {
			if o.defs, ok = definitionsOf(file); !ok {
				o.why = fmt.Sprintf("%s cannot be read", shorten(file))
			}
		}
		if g.origins == nil {
			g.origins = map[string]*origin{}
		}
		g.origins[file] = o
	}
	return o
}

// refused says why a file is not imported.
func (g *generator) refused(file string) string {
	name := shorten(file)
	if !strings.HasSuffix(file, ".py") || !filepath.IsAbs(file) {
		return "its file cannot be imported"
	}
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return fmt.Sprintf("its file %s is not here", name)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(file))
	if err != nil {
		return fmt.Sprintf("its file %s is not here", name)
	}
	if info, err := os.Stat(real); err != nil || !info.Mode().IsRegular() || info.Size() > maxSource {
		return fmt.Sprintf("%s is not a source file", name)
	}
	for _, root := range g.within {
		at, ok := below(root, real)
		if _, here := below(root, dir); !ok || !here { // a link may stand in one place and lead to another
			continue
		}
		if installed(at) {
			return fmt.Sprintf("%s is an installed package's or Python's own", name)
		}
		return ""
	}
	if linked := g.linked(file, dir, real); linked != "" {
		return linked
	}
	return fmt.Sprintf("its file %s is not below %s, and only the program's own files are imported (--root)", name, shorten(strings.Join(g.within, " or ")))
}

// linked says that a file in the program's directories is a link that leads out
// of them, "" where it is not.
func (g *generator) linked(file, dir, real string) string {
	for _, root := range g.within {
		_, named := below(root, filepath.Clean(file))
		if _, here := below(root, dir); named || here {
			return fmt.Sprintf("its file %s is a link to %s, which is not below %s, and only the program's own files are imported (--root)", shorten(file), shorten(real), shorten(strings.Join(g.within, " or ")))
		}
	}
	return ""
}

// maxSource bounds the size of a source file, in bytes.
const maxSource = 4 << 20

// below returns the path of a file relative to a directory that it is below.
func below(root, file string) (rel string, ok bool) {
	rel, err := filepath.Rel(root, file)
	return rel, err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// library is what interpreters call the directory of their modules.
var library = regexp.MustCompile(`^python3(\.[0-9]+)?$`)

// installed says whether a path below a root leads to what was installed there,
// such as in a virtual environment.
func installed(rel string) bool {
	parts := strings.Split(rel, "/")
	for i, p := range parts[:len(parts)-1] {
		if p == "site-packages" || p == "dist-packages" {
			return true
		}
		if i > 0 && library.MatchString(p) && (parts[i-1] == "lib" || parts[i-1] == "lib64") {
			return true
		}
	}
	return false
}

// roots returns the real paths of the directories that the program's files are
// below: those that were named, else the current one.
func (o Options) roots() ([]string, error) {
	list := append(append([]string(nil), o.Within...), o.Roots...)
	if len(o.Within) == 0 && len(o.Roots) == 0 {
		list = []string{"."}
	}
	for i, dir := range list {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		if list[i], err = filepath.EvalSymlinks(dir); err != nil {
			return nil, err
		}
	}
	return list, nil
}
