package session

import (
	"path"
	"strings"
)

var steering = map[string]bool{
	"conftest.py": true, "pytest.ini": true, ".pytest.ini": true, "pytest.toml": true, ".pytest.toml": true,
	"tox.ini": true, "setup.cfg": true, "pyproject.toml": true, ".coveragerc": true, "setup.py": true,
	"sitecustomize.py": true, "usercustomize.py": true, "pytest.py": true, "pyvenv.cfg": true,
	"entry_points.txt": true, "noxfile.py": true,
}

// Steers reports whether a file of a tree can change how tests are found, run
// or reported: pytest's configuration, what an interpreter imports at start-up,
// and metadata that declares plugins. A patch may not add one. Names are
// compared case-insensitively, because a file system may be.
func Steers(name string) bool {
	name = strings.ToLower(path.Clean(strings.ReplaceAll(name, "\\", "/")))
	if steering[path.Base(name)] || strings.HasSuffix(name, ".pth") {
		return true
	}
	for _, part := range strings.Split(name, "/") {
		if part == "_pytest" || part == "__pycache__" || strings.HasSuffix(part, ".egg-info") ||
			strings.HasSuffix(part, ".dist-info") || strings.HasSuffix(part, ".egg-link") {
			return true
		}
	}
	return false
}
