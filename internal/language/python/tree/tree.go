// Package tree makes the directory that a sandbox mounts as a patched tree.
//
//	dir, ignored, cleanup, err := tree.With(scratch, base, overlay, patchrules.Steers)
//	defer cleanup()
package tree

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/store"
)

// maxTreeFiles limits the files of a tree that is copied for an overlay.
const maxTreeFiles = 200_000

// With returns a directory with the tree and the overlay over it, the overlay's
// paths that were skipped, and a function that removes the directory. Without an overlay it is the tree itself. A nil
// scratch is the system's temporary directory.
//
// Files are hard links where the file system allows: the sandbox mounts the
// directory read-only, and what the overlay replaces is unlinked first.
func With(scratch *store.Scratch, tree string, overlay map[string][]byte, skip func(path string) bool) (dir string, ignored []string, cleanup func(), err error) {
	defer fault.Wrap(&err, "materialise %s", tree)
	var names []string
	for name := range overlay {
		switch {
		case !filepath.IsLocal(name):
			return "", nil, nil, fault.Errorf(fault.Invalid, "overlay path %q is outside the tree", name)
		case skip(name):
			ignored = append(ignored, name)
		default:
			names = append(names, name)
		}
	}
	sort.Strings(names)
	sort.Strings(ignored)
	if len(names) == 0 {
		return tree, ignored, func() {}, nil
	}
	if dir, cleanup, err = mkdir(scratch, "tree-"); err != nil {
		return "", nil, nil, err
	}
	if err = linkTree(tree, dir); err == nil {
		err = apply(dir, names, overlay)
	}
	if err != nil {
		cleanup()
		return "", nil, nil, err
	}
	return dir, ignored, cleanup, nil
}

func mkdir(scratch *store.Scratch, prefix string) (dir string, remove func(), err error) {
	if scratch != nil {
		return scratch.Mkdir(prefix)
	}
	if dir, err = os.MkdirTemp("", "repaird-"+prefix); err != nil {
		return "", nil, err
	}
	return dir, func() { os.RemoveAll(dir) }, os.Chmod(dir, 0o755)
}

func linkTree(from, to string) error {
	files := 0
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil || rel == "." {
			return err
		}
		if files++; files > maxTreeFiles {
			return fault.Errorf(fault.Budget, "more than %d files", maxTreeFiles)
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.Mkdir(target, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case d.Type().IsRegular():
			if os.Link(name, target) == nil {
				return nil
			}
			return copyFile(name, target)
		}
		return nil // a device, socket or FIFO does not belong in a tree
	})
}

func copyFile(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644|info.Mode().Perm()&0o111)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	return dst.Close()
}

// apply writes the overlay's files. It goes through os.Root, so that a symbolic
// link in the tree cannot redirect a write outside it.
func apply(dir string, names []string, overlay map[string][]byte) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range names {
		mode := os.FileMode(0o644)
		if info, err := root.Stat(name); err == nil {
			mode |= info.Mode().Perm() & 0o111
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.Errorf(fault.Invalid, "replace %s: %w", name, err)
		}
		content := overlay[name]
		if content == nil {
			continue
		}
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fault.Errorf(fault.Invalid, "replace %s: %w", name, err)
		}
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if err != nil {
			return fault.Errorf(fault.Invalid, "replace %s: %w", name, err)
		}
		if _, err := f.Write(content); err != nil {
			f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}
