package gitrepo

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/repaird/repaird/internal/fault"
)

// notSource lists directories that do not contain the program's source.
var notSource = map[string]bool{
	".git": true, ".hg": true, ".svn": true, ".venv": true, "node_modules": true, "__pycache__": true,
	".tox": true, ".nox": true, ".mypy_cache": true, ".pytest_cache": true, ".ruff_cache": true,
}

// Snapshot copies a plain directory, not a repository, into dir, by the rules
// of [Repo.Checkout]; the directories of version control, tools and virtual
// environments are skipped. from itself is never changed.
func Snapshot(ctx context.Context, from, dir string, opts Options) (e *Export, err error) {
	defer fault.Wrap(&err, "snapshot of %s", from)
	opts = opts.withDefaults()
	src, err := os.OpenRoot(from)
	if err != nil {
		return nil, fault.Errorf(fault.NotFound, "%w", err)
	}
	defer src.Close()
	w, err := newWriter(dir, opts)
	if err != nil {
		return nil, err
	}
	defer w.close()
	self, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(src.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if d.IsDir() {
			abs, err := filepath.Abs(filepath.Join(from, name))
			if err != nil || abs == self || notSource[d.Name()] || isVenv(src, name) {
				return fs.SkipDir
			}
			return nil
		}
		return w.copy(src, name, d)
	})
	if err != nil {
		return nil, err
	}
	return &w.export, w.links()
}

func isVenv(src *os.Root, name string) bool {
	_, err := src.Lstat(filepath.Join(name, "pyvenv.cfg"))
	return err == nil
}

func (w *writer) copy(src *os.Root, name string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	e := entry{path: filepath.ToSlash(name), size: info.Size(), mode: "100644"}
	switch {
	case d.Type()&fs.ModeSymlink != 0:
		e.mode = "120000"
	case !d.Type().IsRegular():
		e.mode = "0"
	case info.Mode()&0o100 != 0:
		e.mode = "100755"
	}
	if !w.wanted(e) {
		return nil
	}
	if w.export.Files+len(w.link) >= w.opts.MaxFiles {
		return fault.Errorf(fault.Budget, "more than %d files", w.opts.MaxFiles)
	}
	if e.mode == "120000" {
		target, err := src.Readlink(name)
		if err != nil {
			return err
		}
		w.link = append(w.link, e)
		w.target[e.path] = target
		return nil
	}
	f, err := src.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return w.blob(e, f)
}
