package tracertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// An Interpreter is a Python of this machine.
type Interpreter struct {
	Version string // such as 3.11
	Path    string
	plugins map[string]bool
}

// Has says whether the interpreter can import one of the modules that the
// tests want: pytest, xdist, pytest_cov, hypothesis.
func (p Interpreter) Has(module string) bool { return p.plugins[module] }

// AtLeast says whether the version is 3.minor or newer.
func (p Interpreter) AtLeast(minor int) bool { return p.Minor() >= minor }

func (p Interpreter) Minor() int {
	n := 0
	for _, c := range strings.TrimPrefix(p.Version, "3.") {
		n = 10*n + int(c-'0')
	}
	return n
}

// ByVersion finds one interpreter for each minor version of Python 3:
// those that deploy/pythons.sh has made, which have pytest and its plugins, then
// python3 and the system's own.
var ByVersion = sync.OnceValue(func() map[string]Interpreter {
	var places []string
	if dir := os.Getenv("REPAIRD_PYTHONS"); dir != "" {
		places = append(places, dir)
	}
	if dir := os.Getenv("REPAIRD_STATE"); dir != "" {
		places = append(places, filepath.Join(dir, "pythons"))
	}
	places = append(places, "/var/lib/repaird/pythons")
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places, filepath.Join(home, ".local/share/repaird/pythons"))
	}
	var candidates []string
	for _, place := range places {
		found, _ := filepath.Glob(filepath.Join(place, "bin/python3.*"))
		candidates = append(candidates, found...)
	}
	candidates = append(candidates, defaultPython(), "/usr/bin/python3")

	const ask = `
import importlib.util as u, sys
print("%d.%d" % sys.version_info[:2], *[m for m in ("pytest", "xdist", "pytest_cov", "hypothesis") if u.find_spec(m)])`
	byVersion := map[string]Interpreter{}
	byName := regexp.MustCompile(`/python(3\.\d+)$`)
	for _, path := range candidates {
		if m := byName.FindStringSubmatch(path); path == "" || (m != nil && byVersion[m[1]].Path != "") {
			continue
		}
		out, err := exec.Command(path, "-c", ask).Output()
		words := strings.Fields(string(out))
		if err != nil || len(words) == 0 || byVersion[words[0]].Path != "" {
			continue
		}
		p := Interpreter{Version: words[0], Path: path, plugins: map[string]bool{}}
		for _, w := range words[1:] {
			p.plugins[w] = true
		}
		byVersion[p.Version] = p
	}
	return byVersion
})

// skipShort skips a test that runs Python where -short is set.
func skipShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs Python, which -short does without")
	}
}

// EachPython runs a subtest with each of the versions; one that is not on this
// machine is skipped by name.
func EachPython(t *testing.T, versions []string, test func(t *testing.T, p Interpreter)) {
	t.Helper()
	skipShort(t)
	for _, version := range versions {
		t.Run("python"+version, func(t *testing.T) {
			t.Parallel()
			p, ok := ByVersion()[version]
			if !ok {
				t.Skipf("there is no Python %s on this machine; deploy/pythons.sh installs those that are available", version)
			}
			test(t, p)
		})
	}
}

// OnePython returns an interpreter with pytest and the plugins named, of the
// first of the versions that there is.
func OnePython(t *testing.T, versions []string, modules ...string) Interpreter {
	t.Helper()
	skipShort(t)
next:
	for _, version := range versions {
		p, ok := ByVersion()[version]
		if !ok {
			continue
		}
		for _, m := range modules {
			if !p.Has(m) {
				continue next
			}
		}
		return p
	}
	t.Skipf("none of Python %s is on this machine with %s; deploy/pythons.sh installs those that are available",
		strings.Join(versions, ", "), strings.Join(append(modules, "the standard library"), ", "))
	return Interpreter{}
}

var (
	OlderPythons = []string{"3.11", "3.10", "3.9"}  // sys.settrace
	NewerPythons = []string{"3.13", "3.14", "3.12"} // sys.monitoring
	AnyPythons   = append(append([]string{}, OlderPythons...), NewerPythons...)
)
