package environment

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
)

// A manifest is what a repository's own configuration says of the environment
// in which its developers work on it.
type manifest struct {
	project  *project          // what is installed from the tree itself; nil: nothing
	python   string            // requires-python, "" if it says nothing
	required []string          // requirement lines without which the code does not run
	order    []string          // requirements files likewise, by path in the tree; keys of files
	groups   []group           // what its tests need; each may fail
	files    map[string][]byte // requirements files, also those that others include
	pins     map[string]string // a lock file's versions, by normalised name
	found    []string          // names of the files that say all this
}

// A group is a set of requirements that the project's tests or developers use.
type group struct {
	Name  string   `json:"name"`  // for people, such as tox.ini
	Lines []string `json:"lines"` // requirement lines
	Files []string `json:"files"` // requirements files: keys of manifest.files
}

// A project is a package that the tree can be installed as.
type project struct {
	Name     string            `json:"name"`     // "" where only building it tells
	Version  string            `json:"version"`  // likewise
	Requires []string          `json:"requires"` // declared; the built package's own metadata stands above it
	Optional map[string]string `json:"-"`        // extra → requirement lines
	Extras   []string          `json:"extras"`   // that its test configuration names
	Entries  map[string]string `json:"entries"`  // group of entry points → lines of entry_points.txt
	SCM      bool              `json:"-"`        // its version comes from version control
	Fallback string            `json:"-"`        // the version that it names for trees without version control
}

// readManifest reads the configuration files of a tree. The files that
// setup.Requirements names take the place of those that would be found.
func readManifest(root *os.Root, setup language.Setup) (*manifest, error) {
	m := &manifest{files: map[string][]byte{}, pins: map[string]string{}}
	readers := []func(*os.Root) error{m.pyproject, m.setupCfg, m.setupPy}
	if len(setup.Requirements) == 0 {
		readers = append(readers, m.requirementsFiles, m.pipfile, m.conda, m.tox, m.nox)
	}
	readers = append(readers, m.locks)
	for _, name := range setup.Requirements {
		name = path.Clean(name)
		if err := m.requirementsFile(root, name, 0); err != nil {
			return nil, err
		}
		m.order = append(m.order, name)
	}
	for _, read := range readers {
		if err := read(root); err != nil {
			return nil, err
		}
	}
	if len(setup.Requirements) > 0 {
		m.groups = nil
		if m.project != nil {
			m.project.Extras = nil
		}
	}
	return m, nil
}

// empty reports whether there is nothing to install.
func (m *manifest) empty() bool {
	if m.project != nil || len(m.required) > 0 || len(m.groups) > 0 {
		return false
	}
	for _, name := range m.order {
		for line := range strings.Lines(string(m.files[name])) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				return false
			}
		}
	}
	return true
}

// own returns the project, which there is from now on.
func (m *manifest) own() *project {
	if m.project == nil {
		m.project = &project{Optional: map[string]string{}, Entries: map[string]string{}}
	}
	return m.project
}

func (m *manifest) saw(name string) {
	if !slices.Contains(m.found, name) {
		m.found = append(m.found, name)
	}
}

// group adds what the project's tests need, unless there is nothing.
func (m *manifest) group(name string, lines, files []string) {
	var kept []string
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if extras, own := ownLine(line); own {
			m.extras(extras...)
		} else if usable(line) {
			kept = append(kept, line)
		}
	}
	if len(kept)+len(files) > 0 {
		m.groups = append(m.groups, group{Name: name, Lines: kept, Files: files})
		m.saw(strings.Fields(name)[0])
	}
}

// extras notes that the project's configuration installs it with these extras.
func (m *manifest) extras(names ...string) {
	if m.project == nil {
		return
	}
	for _, name := range names {
		if name = normal(strings.TrimSpace(name)); name != "" && !slices.Contains(m.project.Extras, name) {
			m.project.Extras = append(m.project.Extras, name)
		}
	}
}

// forTests reports whether a name of a group, extra or environment is one under
// which projects keep what their tests need.
func forTests(name string) bool {
	switch name = normal(name); name {
	case "test", "tests", "testing", "unittest", "unit", "dev", "develop", "development", "pytest", "hatch-test", "tests-require":
		return true
	}
	return strings.HasPrefix(name, "test-") || strings.HasSuffix(name, "-test") || strings.HasSuffix(name, "-tests")
}

var separators = regexp.MustCompile(`[-_.]+`)

// normal is a name of a distribution or extra in the form in which names are
// compared (PEP 503).
func normal(name string) string { return separators.ReplaceAllString(strings.ToLower(name), "-") }

var installsTree = regexp.MustCompile(`^(?:(?:-e|--editable)[ =]?\s*)?\.(?:/|\[([^\]]*)\]|$)\s*(?:#.*)?$`)

// ownLine recognises a line that installs the tree itself, such as -e .[test],
// and returns its extras.
func ownLine(line string) (extras []string, own bool) {
	m := installsTree.FindStringSubmatch(strings.Trim(line, `"' `))
	if m == nil {
		return nil, false
	}
	return listOf(m[1], ","), true
}

// usable reports whether a requirement line that does not come from a
// requirements file is a requirement and nothing else: an option would be one of
// the command, and a path one of the host.
func usable(line string) bool {
	return line != "" && !strings.ContainsAny(line, "\n\r\x00") && distribution.MatchString(head.FindString(line))
}

var (
	head         = regexp.MustCompile(`^[A-Za-z0-9._-]*`)
	distribution = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$`)
)

const maxManifest = 16 << 20

// read returns a file of the tree; false if there is none.
func read(root *os.Root, name string) ([]byte, bool, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, false, nil //nolint:nilerr // absent
	}
	if !info.Mode().IsRegular() || info.Size() > maxManifest {
		return nil, false, fault.Errorf(fault.Invalid, "%s is not a regular file of at most 16 MiB", name)
	}
	data, err := root.ReadFile(name)
	return data, err == nil, err
}
