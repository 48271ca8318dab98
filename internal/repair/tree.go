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
	under, err := folder(under)
	if err != nil {
		return nil, false, err
	}
	var found []string
	size := int64(0)
	err = t.walk(under, maxSearchFiles, func(name string, info fs.FileInfo) error {
		if size += info.Size(); size > maxSearchBytes || len(found) > maxMatches {
			return fs.SkipAll
		}
		text, err := t.read(name)
		if err != nil {
			return nil //nolint:nilerr // what is too large or not text is not searched
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

// folder checks a folder's or file's path; "" is the whole tree.
func folder(under string) (string, error) {
	if under == "" {
		return ".", nil
	}
	under = path.Clean(under)
	if !fs.ValidPath(under) || hidden(under) {
		return "", fault.Errorf(fault.Denied, "the path is not inside the repository")
	}
	return under, nil
}

// walk calls visit for at most a number of regular files below a path that
// folder has checked, in lexical order. It follows no links.
func (t *tree) walk(under string, most int, visit func(name string, info fs.FileInfo) error) error {
	files := 0
	return fs.WalkDir(t.root.FS(), under, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // what cannot be listed is passed over
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
			return nil //nolint:nilerr // and so is what has just gone
		}
		if files++; files > most {
			return fs.SkipAll
		}
		return visit(name, info)
	})
}

// list returns the names of at most a number of files below a path that folder
// has checked.
func (t *tree) list(under string, most int) (names []string) {
	_ = t.walk(under, most, func(name string, _ fs.FileInfo) error {
		names = append(names, name)
		return nil
	})
	return names
}
