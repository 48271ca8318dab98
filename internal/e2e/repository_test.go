package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"
)

// makeRepository commits files as the demo does, so that the commit is the one
// that a sample's event names, and returns a bare clone.
func makeRepository(t *testing.T, files []txtar.File) string {
	t.Helper()
	work := filepath.Join(t.TempDir(), "work")
	for _, f := range files {
		path := filepath.Join(work, filepath.FromSlash(f.Name))
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		must(t, os.WriteFile(path, f.Data, 0o644))
	}
	name := ""
	for _, f := range files {
		if filepath.Base(f.Name) == "__init__.py" {
			name = filepath.Dir(f.Name)
			break
		}
	}
	git(t, work, "init", "-q", "-b", "main")
	git(t, work, "add", "-A")
	git(t, work, "commit", "-q", "-m", name+": first version")
	bare := filepath.Join(t.TempDir(), "bare.git")
	git(t, work, "clone", "-q", "--bare", work, bare)
	return bare
}
