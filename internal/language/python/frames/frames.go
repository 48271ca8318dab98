// Package frames maps an event's frames to the files of a tree, and finds the
// names under which their modules are imported.
//
//	m, err := frames.Open(tree)
//	defer m.Close()
//	own := m.InApp(exception)             // outermost first; Path "" where the tree has no such file
//	root, module := m.Module(own[0], "")  // "src", "shop.cart"
package frames

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
)

// Limits on what is read of a tree.
const (
	maxTreeFiles  = 200_000
	maxSourceFile = 4 << 20
)

// A Mapper maps an event's frames to files. Not safe for concurrent use.
//
// Sources name files in many ways: relative to some root ("shop/cart.py"), by
// the module ("shop.cart"), or absolute on another machine
// ("/srv/app/shop/cart.py"). The file whose path shares the longest suffix with
// one of these names is chosen; among several, the recorded source lines
// decide.
type Mapper struct {
	root   *os.Root
	byBase map[string][]string // last path element → slash-separated paths
	lines  map[string][]string
}

// Open reads the names of the tree's source files.
func Open(tree string) (*Mapper, error) {
	root, err := os.OpenRoot(tree)
	if err != nil {
		return nil, err
	}
	m := &Mapper{root: root, byBase: map[string][]string{}, lines: map[string][]string{}}
	files := 0
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if files++; files > maxTreeFiles {
			return fs.SkipAll
		}
		if d.Type().IsRegular() && strings.HasSuffix(name, ".py") {
			m.byBase[path.Base(name)] = append(m.byBase[path.Base(name)], name)
		}
		return nil
	})
	if err != nil {
		root.Close()
		return nil, err
	}
	return m, nil
}

// FS is the tree.
func (m *Mapper) FS() fs.FS { return m.root.FS() }

// Close releases the resources of Open.
func (m *Mapper) Close() error { return m.root.Close() }

// Source returns a file's lines, nil if it cannot be read.
func (m *Mapper) Source(name string) []string {
	if lines, ok := m.lines[name]; ok {
		return lines
	}
	var lines []string
	if data, err := m.root.ReadFile(filepath.FromSlash(name)); err == nil && len(data) <= maxSourceFile {
		lines = strings.Split(string(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))), "\n")
	}
	m.lines[name] = lines
	return lines
}

// Exists reports whether a regular file or directory is in the tree.
func (m *Mapper) Exists(name string) bool {
	_, err := m.root.Stat(filepath.FromSlash(name))
	return err == nil
}

// Frames maps each frame.
func (m *Mapper) Frames(frames []incident.Frame) []language.Frame {
	made := make([]language.Frame, len(frames))
	type key struct{ file, abs, module, code string }
	known := map[key]string{}
	for i, f := range frames {
		k := key{f.File, f.AbsPath, f.Module, f.Code}
		p, ok := known[k]
		if !ok {
			p = m.file(f)
			known[k] = p
		}
		made[i] = language.Frame{Frame: f, Path: p}
	}
	return made
}

// names are the forms in which a frame may name its file.
func names(f incident.Frame) []string {
	var all []string
	for _, n := range []string{f.AbsPath, f.File} {
		if n = strings.ReplaceAll(n, "\\", "/"); strings.HasSuffix(n, ".py") {
			all = append(all, path.Clean("/" + n)[1:])
		}
	}
	if f.Module != "" && f.Module != "__main__" {
		p := strings.ReplaceAll(f.Module, ".", "/")
		all = append(all, p+".py", p+"/__init__.py")
	}
	return all
}

// file returns the path of the frame's file, "" if there is none or it is
// ambiguous.
func (m *Mapper) file(f incident.Frame) string {
	best, tie := "", false
	var bestScore [2]int
	seen := map[string]bool{}
	for _, n := range names(f) {
		for _, p := range m.byBase[path.Base(n)] {
			if seen[p] {
				continue
			}
			seen[p] = true
			longest := 0
			for _, other := range names(f) {
				longest = max(longest, commonSuffix(p, other))
			}
			if longest < 2 && path.Base(p) == "__init__.py" {
				continue // every package has one
			}
			score := [2]int{longest, m.context(p, f)}
			switch {
			case best == "" || score[0] > bestScore[0] || score[0] == bestScore[0] && score[1] > bestScore[1]:
				best, bestScore, tie = p, score, false
			case score == bestScore:
				tie = true
			}
		}
	}
	// A suffix alone does not distinguish library code from the repository's: a
	// file in site-packages is the tree's only if its lines match.
	if tie || foreign(f) && bestScore[1] <= 0 {
		return ""
	}
	return best
}

// commonSuffix counts the trailing path elements that a and b share.
func commonSuffix(a, b string) int {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(x) && n < len(y) && x[len(x)-1-n] == y[len(y)-1-n] {
		n++
	}
	return n
}

// context counts the recorded source lines that match the file at the frame's
// position, minus those that do not.
func (m *Mapper) context(p string, f incident.Frame) int {
	lines, score := m.Source(p), 0
	check := func(number int, want string) {
		if strings.TrimSpace(want) == "" {
			return
		}
		if number >= 1 && number <= len(lines) && sameLine(lines[number-1], want) {
			score++
		} else {
			score--
		}
	}
	if f.Line == 0 {
		return 0
	}
	check(f.Line, f.Code)
	for i, l := range f.Pre {
		check(f.Line-len(f.Pre)+i, l)
	}
	for i, l := range f.Post {
		check(f.Line+1+i, l)
	}
	return score
}

// sameLine compares source lines without surrounding white space: trackers
// strip it, and truncate long lines.
func sameLine(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	if cut, ok := strings.CutSuffix(b, "..."); ok && len(cut) > 40 {
		return strings.HasPrefix(a, cut)
	}
	return a == b
}

// HasLine reports whether the frame's source line is in lines first to last of the file.
func (m *Mapper) HasLine(p string, f incident.Frame, first, last int) bool {
	lines := m.Source(p)
	for n := max(first, 1); n <= last && n <= len(lines); n++ {
		if sameLine(lines[n-1], f.Code) {
			return true
		}
	}
	return false
}

// foreign reports whether a frame is in an installed package or the standard library.
func foreign(f incident.Frame) bool {
	for _, n := range []string{f.AbsPath, f.File} {
		for _, part := range strings.Split(strings.ReplaceAll(n, "\\", "/"), "/") {
			if part == "site-packages" || part == "dist-packages" || strings.HasPrefix(part, "<frozen") {
				return true
			}
			if strings.HasPrefix(part, "python3.") {
				return true
			}
		}
	}
	return false
}

// InApp returns the in-app frames of an exception, mapped: those that the
// source marked in-app and that do not belong to a library or to code that was
// generated. Frames of files
// that are not in the tree, such as a script that only production has, keep an
// empty Path.
func (m *Mapper) InApp(x *incident.Exception) []language.Frame {
	var own []language.Frame
	for _, f := range m.Frames(x.InApp()) {
		if f.Path == "" && (foreign(f.Frame) || strings.HasPrefix(f.File, "<")) {
			continue // "<string>": code that was generated has no file
		}
		own = append(own, f)
	}
	return own
}

// Module returns the source root of a file and the dotted name under which
// its module is imported.
func (m *Mapper) Module(f language.Frame, configured string) (root, module string) {
	bare := strings.TrimSuffix(f.Path, ".py")
	bare = strings.TrimSuffix(bare, "/__init__")
	dotted := func(p string) string { return strings.ReplaceAll(p, "/", ".") }
	if configured != "" && configured != "." {
		if rest, ok := strings.CutPrefix(bare, path.Clean(configured)+"/"); ok {
			return path.Clean(configured), dotted(rest)
		}
	}
	if f.Module != "" && f.Module != "__main__" {
		tail := strings.ReplaceAll(f.Module, ".", "/")
		if bare == tail {
			return ".", f.Module
		}
		if rest, ok := strings.CutSuffix(bare, "/"+tail); ok {
			return rest, f.Module
		}
	}
	dir := path.Dir(bare)
	if f.Module == "__main__" && !m.Exists(path.Join(dir, "__init__.py")) {
		return dir, path.Base(bare) // a script: its own directory is on the path
	}
	// The package's outermost directory with an __init__.py is in the root;
	// without any, directories of the root are namespace packages.
	top := dir
	for top != "." && m.Exists(path.Join(top, "__init__.py")) {
		top = path.Dir(top)
	}
	if top == dir && top != "." && top != "src" && top != "lib" {
		top = "."
		if strings.HasPrefix(bare, "src/") {
			top = "src"
		}
	}
	if top == "." {
		return ".", dotted(bare)
	}
	return top, dotted(strings.TrimPrefix(bare, top+"/"))
}
