package repair

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/fault"
)

// Limits of the tools that read.
const (
	maxFileBytes   = 512 << 10
	maxReadLines   = 400
	maxSearchFiles = 5000
	maxSearchBytes = 32 << 20
	maxMatches     = 60
)

// tree reads the base commit's files. It is confined: no path or symbolic link
// leads out of it, and .git and everything except regular text files is
// refused.
type tree struct{ root *os.Root }

func openTree(dir string) (*tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &tree{root}, nil
}

func (t *tree) close() { _ = t.root.Close() }

// read returns a file's text.
func (t *tree) read(name string) (string, error) {
	clean := path.Clean(name)
	if name == "" || len(name) > 500 || !fs.ValidPath(clean) || strings.ContainsAny(name, "\x00\\") || strings.Contains(name, "..") {
		return "", fault.Errorf(fault.Denied, "the path is not inside the repository")
	}
	if hidden(clean) {
		return "", fault.Errorf(fault.Denied, "the repository's metadata cannot be read")
	}
	info, err := t.root.Stat(clean)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", fault.Errorf(fault.NotFound, "there is no such file")
		}
		return "", fault.Errorf(fault.Denied, "the path is not inside the repository")
	}
	if !info.Mode().IsRegular() {
		return "", fault.Errorf(fault.Invalid, "the path is not a file")
	}
	if info.Size() > maxFileBytes {
		return "", fault.Errorf(fault.Invalid, "the file is larger than %d bytes", maxFileBytes)
	}
	f, err := t.root.Open(clean)
	if err != nil {
		return "", fault.Errorf(fault.Denied, "the file cannot be read")
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes))
	if err != nil {
		return "", fault.Errorf(fault.Invalid, "the file cannot be read")
	}
	if bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data) {
		return "", fault.Errorf(fault.Invalid, "the file is not text")
	}
	return string(data), nil
}

// hidden reports whether any element of a path belongs to git, however it is
// spelled.
func hidden(name string) bool {
	for element := range strings.SplitSeq(strings.ToLower(name), "/") {
		if element == ".git" || strings.HasPrefix(element, "git~") || element == ".hg" || element == ".svn" {
			return true
		}
	}
	return false
}

// search returns lines of the form path:number: text that match.
func (t *tree) search(re *regexp.Regexp, under string) ([]string, bool, error) {
	if under == "" {
		under = "."
	}
	under = path.Clean(under)
	if !fs.ValidPath(under) || hidden(under) {
		return nil, false, fault.Errorf(fault.Denied, "the path is not inside the repository")
	}
	var found []string
	files, size := 0, int64(0)
	err := fs.WalkDir(t.root.FS(), under, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // what cannot be listed is not searched
		case d.IsDir():
			if hidden(name) || d.Name() == "node_modules" || d.Name() == "__pycache__" {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // nor what has just gone
		}
		if files, size = files+1, size+info.Size(); files > maxSearchFiles || size > maxSearchBytes || len(found) > maxMatches {
			return fs.SkipAll
		}
		text, err := t.read(name)
		if err != nil {
			return nil //nolint:nilerr // nor what is too large or not text
		}
		n := 0
		for line := range strings.SplitSeq(text, "\n") {
			n++
			if re.MatchString(line) && len(found) <= maxMatches {
				found = append(found, fmt.Sprintf("%s:%d: %s", name, n, clip(strings.TrimRight(line, "\r"), 240)))
			}
		}
		return nil
	})
	more := len(found) > maxMatches
	if more {
		found = found[:maxMatches]
	}
	return found, more, err
}

// function returns the source of the function that contains a line, and its
// first line: the nearest def above that is indented less, up to the line where
// the indentation ends.
func function(text string, line, limit int) (string, int) {
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) {
		return "", 0
	}
	first, depth := line-1, indentation(lines[line-1])
	for i := line - 1; i >= 0; i-- {
		trimmed := strings.TrimSpace(lines[i])
		isDef := strings.HasPrefix(trimmed, "def ") || strings.HasPrefix(trimmed, "async def ")
		if isDef && (i == line-1 || indentation(lines[i]) < depth) {
			first = i
			break
		}
		if trimmed != "" && !strings.ContainsAny(trimmed[:1], ")]}#") && indentation(lines[i]) < depth {
			depth = indentation(lines[i])
		}
	}
	depth = indentation(lines[first])
	last := first
	for i := first + 1; i < len(lines) && i-first < limit; i++ {
		if s := strings.TrimSpace(lines[i]); s != "" && indentation(lines[i]) <= depth && !strings.HasPrefix(s, ")") {
			break
		} else if s != "" {
			last = i
		}
	}
	for first > 0 && strings.HasPrefix(strings.TrimSpace(lines[first-1]), "@") {
		first--
	}
	return strings.Join(lines[first:last+1], "\n"), first + 1
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
