package tracer

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
)

//go:embed sitecustomize.py repaird_launch.py repaird_tracer/*.py
var embedded embed.FS

// Files returns the tracer's Python files, path → content, for a directory that
// is put at the head of PYTHONPATH or that a runner imports from by itself. The
// paths have slashes.
func Files() map[string][]byte {
	files := map[string][]byte{}
	err := fs.WalkDir(embedded, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[name], err = embedded.ReadFile(name)
		return err
	})
	if err != nil { // embedded files can be read
		panic(err)
	}
	return files
}

// Install writes the files into a directory, which exists.
func Install(dir string) error {
	for name, content := range Files() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
