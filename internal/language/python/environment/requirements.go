package environment

import (
	"os"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/repaird/repaird/internal/fault"
)

// Requirements files that projects run on, the first that there is, and those of
// their tests, all that there are.
var (
	mainFiles = []string{"requirements.txt", "requirements/prod.txt", "requirements/production.txt", "requirements/base.txt", "requirements/main.txt"}
	testFiles = []string{
		"requirements-test.txt", "requirements-tests.txt", "requirements-testing.txt", "requirements_test.txt", "requirements_tests.txt",
		"requirements-dev.txt", "requirements_dev.txt", "dev-requirements.txt", "dev_requirements.txt", "test-requirements.txt", "test_requirements.txt",
		"requirements/test.txt", "requirements/tests.txt", "requirements/testing.txt", "requirements/dev.txt", "requirements/development.txt",
		"tests/requirements.txt", "test/requirements.txt",
	}
)

func (m *manifest) requirementsFiles(root *os.Root) error {
	for _, name := range mainFiles {
		if regular(root, name) {
			if err := m.requirementsFile(root, name, 0); err != nil {
				return err
			}
			m.order = append(m.order, name)
			break
		}
	}
	for _, name := range testFiles {
		if !regular(root, name) {
			continue
		}
		if err := m.requirementsFile(root, name, 0); err == nil { // else what it includes is not there: developers cannot install it either
			m.group(name, nil, []string{name})
		}
	}
	return nil
}

func regular(root *os.Root, name string) bool {
	info, err := root.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

var includes = regexp.MustCompile(`^\s*(?:-r|--requirement|-c|--constraint)[ =]?\s*([^\s=]\S*)`)

// requirementsFile adds a requirements file and those that it includes, without
// the lines that install the tree itself.
func (m *manifest) requirementsFile(root *os.Root, name string, depth int) error {
	if _, ok := m.files[name]; ok || depth > 10 {
		return nil
	}
	data, ok, err := read(root, name)
	if err != nil {
		return err
	}
	if !ok {
		return fault.Errorf(fault.Invalid, "%s does not exist", name)
	}
	var kept strings.Builder
	for line := range strings.Lines(string(data)) {
		if extras, own := ownLine(line); own {
			m.extras(extras...)
			continue
		}
		kept.WriteString(line)
	}
	m.files[name] = []byte(kept.String())
	m.saw(name)
	for line := range strings.Lines(kept.String()) {
		if found := includes.FindStringSubmatch(line); found != nil && !strings.Contains(found[1], "://") {
			if err := m.requirementsFile(root, path.Join(path.Dir(name), found[1]), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// conda reads the pip part of an environment of conda. It is what the code needs
// where nothing else says that.
func (m *manifest) conda(root *os.Root) error {
	for _, name := range []string{"environment.yml", "environment.yaml"} {
		data, ok, err := read(root, name)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		var file struct {
			Dependencies []yaml.Node `yaml:"dependencies"`
		}
		if yaml.Unmarshal(data, &file) != nil {
			return nil // conda's templates are not YAML
		}
		var lines []string
		for _, node := range file.Dependencies {
			var part struct {
				Pip []string `yaml:"pip"`
			}
			if node.Kind == yaml.MappingNode && node.Decode(&part) == nil {
				lines = append(lines, part.Pip...)
			}
		}
		if m.project != nil || len(m.required)+len(m.order) > 0 {
			m.group(name, lines, nil)
			return nil
		}
		for _, line := range lines {
			if usable(line) {
				m.required = append(m.required, line)
				m.saw(name)
			}
		}
		return nil
	}
	return nil
}
