package patch

import (
	"io/fs"
	"os"
)

// Dir is a base tree on disk as a confined file system: names that would escape
// through ".." or a symbolic link fail. It keeps nothing open, so it is safe
// for concurrent use and needs no Close.
type Dir string

var _ fs.ReadLinkFS = Dir("")

// Open opens a file or directory for reading.
func (d Dir) Open(name string) (fs.File, error) {
	return within(d, func(r *os.Root) (fs.File, error) { return r.FS().Open(name) })
}

// ReadFile reads a file.
func (d Dir) ReadFile(name string) ([]byte, error) {
	return within(d, func(r *os.Root) ([]byte, error) { return fs.ReadFile(r.FS(), name) })
}

// ReadDir lists a directory, sorted by name.
func (d Dir) ReadDir(name string) ([]fs.DirEntry, error) {
	return within(d, func(r *os.Root) ([]fs.DirEntry, error) { return fs.ReadDir(r.FS(), name) })
}

// Stat describes what a name refers to.
func (d Dir) Stat(name string) (fs.FileInfo, error) {
	return within(d, func(r *os.Root) (fs.FileInfo, error) { return fs.Stat(r.FS(), name) })
}

// Lstat describes a name without following a link.
func (d Dir) Lstat(name string) (fs.FileInfo, error) {
	return within(d, func(r *os.Root) (fs.FileInfo, error) { return fs.Lstat(r.FS(), name) })
}

// ReadLink returns where a symbolic link points.
func (d Dir) ReadLink(name string) (string, error) {
	return within(d, func(r *os.Root) (string, error) { return fs.ReadLink(r.FS(), name) })
}

func within[T any](d Dir, do func(*os.Root) (T, error)) (T, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		var zero T
		return zero, err
	}
	defer root.Close()
	return do(root)
}
