package verify

import (
	"bytes"
	"io/fs"
	"path"
	"time"

	"github.com/repaird/repaird/internal/patch"
)

// layered is a base tree with an overlay over it, as a file system.
type layered struct {
	patch.Dir
	over patch.Overlay
}

func (l layered) Open(name string) (fs.File, error) {
	if content, ok := l.over[name]; ok {
		return &file{fileInfo: l.info(name), Reader: bytes.NewReader(content)}, nil
	}
	return l.Dir.Open(name)
}

func (l layered) ReadFile(name string) ([]byte, error) {
	if content, ok := l.over[name]; ok {
		return content, nil
	}
	return l.Dir.ReadFile(name)
}

func (l layered) Lstat(name string) (fs.FileInfo, error) {
	if _, ok := l.over[name]; ok {
		return l.info(name), nil
	}
	return l.Dir.Lstat(name)
}

func (l layered) Stat(name string) (fs.FileInfo, error) {
	if _, ok := l.over[name]; ok {
		return l.info(name), nil
	}
	return l.Dir.Stat(name)
}

func (l layered) info(name string) fileInfo {
	return fileInfo{path.Base(name), int64(len(l.over[name]))}
}

type file struct {
	fileInfo
	*bytes.Reader
}

func (f *file) Stat() (fs.FileInfo, error) { return f.fileInfo, nil }
func (f *file) Close() error               { return nil }
func (f *file) Size() int64                { return f.fileInfo.Size() }

type fileInfo struct {
	name string
	size int64
}

func (i fileInfo) Name() string     { return i.name }
func (i fileInfo) Size() int64      { return i.size }
func (fileInfo) Mode() fs.FileMode  { return 0o644 }
func (fileInfo) ModTime() time.Time { return time.Time{} }
func (fileInfo) IsDir() bool        { return false }
func (fileInfo) Sys() any           { return nil }
