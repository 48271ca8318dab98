package run

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/repaird/repaird/internal/fault"
)

// Bounds of a project that is copied into a sandbox's scratch space.
const (
	maxTreeFiles = 15_000
	maxTreeBytes = 100 << 20
)

// Directories that do not belong to a project, or that would not work elsewhere.
var leftOut = map[string]bool{
	".git": true, ".hg": true, ".svn": true, "__pycache__": true, "node_modules": true, ".venv": true, "venv": true, ".tox": true,
	".nox": true, ".mypy_cache": true, ".pytest_cache": true, ".ruff_cache": true,
}

// copyTree copies a project to a directory, which exists, readable for
// everyone. Symbolic links stay what they are; what is neither file, folder nor
// link is left out.
func copyTree(to, from string) error {
	from = mustAbs(from)
	files, bytes := 0, int64(0)
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil || rel == "." {
			return err
		}
		if files++; files > maxTreeFiles {
			return fault.Errorf(fault.Invalid, "more than %d files below %s", maxTreeFiles, from)
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir() && (leftOut[d.Name()] || isVenv(name)):
			return filepath.SkipDir
		case d.IsDir():
			return os.Mkdir(target, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case d.Type().IsRegular():
			n, err := copyFile(target, name, maxTreeBytes-bytes)
			bytes += n
			return err
		}
		return nil
	})
}

func isVenv(dir string) bool { return isFile(filepath.Join(dir, "pyvenv.cfg")) }

func copyFile(to, from string, left int64) (int64, error) {
	in, err := os.Open(from)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() > left {
		return 0, fault.Errorf(fault.Invalid, "more than %d MB, with %s", maxTreeBytes>>20, from)
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o111 != 0 {
		mode = 0o755
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, io.LimitReader(in, left))
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return n, fmt.Errorf("%s: %w", from, err)
	}
	return n, nil
}
