package pytrace

import (
	"embed"
	"io/fs"
	"path"
)

//go:embed tracer/*.py
var tracer embed.FS

// Files returns the tracer's Python files, name → content, for a directory that
// is put at the head of PYTHONPATH or that a runner imports from by itself. The
// names have no folders.
func Files() map[string][]byte {
	files := map[string][]byte{}
	names, err := fs.Glob(tracer, "tracer/*.py")
	if err != nil { // the pattern is a constant
		panic(err)
	}
	for _, name := range names {
		content, err := tracer.ReadFile(name)
		if err != nil { // embedded files can be read
			panic(err)
		}
		files[path.Base(name)] = content
	}
	return files
}
