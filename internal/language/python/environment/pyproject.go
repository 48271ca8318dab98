package environment

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/text"
)

// A pyproject is what is read of pyproject.toml.
type pyproject struct {
	BuildSystem *struct {
		Requires []string `toml:"requires"`
	} `toml:"build-system"`
	Project struct {
		Name         string                       `toml:"name"`
		Version      string                       `toml:"version"`
		Python       string                       `toml:"requires-python"`
		Dependencies []string                     `toml:"dependencies"`
		Optional     map[string][]string          `toml:"optional-dependencies"`
		Dynamic      []string                     `toml:"dynamic"`
		Scripts      map[string]string            `toml:"scripts"`
		Entries      map[string]map[string]string `toml:"entry-points"`
	} `toml:"project"`
	Groups map[string][]any `toml:"dependency-groups"`
	Tool   struct {
		Poetry struct {
			Name         string         `toml:"name"`
			Version      string         `toml:"version"`
			Package      *bool          `toml:"package-mode"`
			Dependencies map[string]any `toml:"dependencies"`
			Dev          map[string]any `toml:"dev-dependencies"`
			Group        map[string]struct {
				Dependencies map[string]any `toml:"dependencies"`
			} `toml:"group"`
			Scripts map[string]any `toml:"scripts"`
		} `toml:"poetry"`
		PDM struct {
			Dev map[string][]string `toml:"dev-dependencies"`
		} `toml:"pdm"`
		UV struct {
			Dev     []string `toml:"dev-dependencies"`
			Package *bool    `toml:"package"`
		} `toml:"uv"`
		Hatch struct {
			Envs map[string]hatchEnv `toml:"envs"`
		} `toml:"hatch"`
		Flit struct {
			Metadata struct {
				Module   string              `toml:"module"`
				DistName string              `toml:"dist-name"`
				Requires []string            `toml:"requires"`
				Extra    map[string][]string `toml:"requires-extra"`
				Python   string              `toml:"requires-python"`
			} `toml:"metadata"`
		} `toml:"flit"`
		SCM  *scmTable `toml:"setuptools_scm"`
		SCM2 *scmTable `toml:"setuptools-scm"`
		Tox  struct {
			Legacy string `toml:"legacy_tox_ini"`
		} `toml:"tox"`
	} `toml:"tool"`
}

type scmTable struct {
	Fallback string `toml:"fallback_version"`
}

type hatchEnv struct {
	Dependencies []string `toml:"dependencies"`
	Extra        []string `toml:"extra-dependencies"`
	Features     []string `toml:"features"`
}

// scmTools are the build requirements that take a project's version from version
// control.
var scmTools = []string{"setuptools_scm", "setuptools-scm", "hatch-vcs", "hatch_vcs", "flit_scm", "flit-scm", "poetry-dynamic-versioning", "pbr", "versioningit", "dunamai", "versioneer", "vcs-versioning"}

// takesVersionFromSCM reports whether a build's configuration uses one of them.
func takesVersionFromSCM(config string) bool {
	return slices.ContainsFunc(scmTools, func(tool string) bool { return strings.Contains(config, tool) })
}

func (m *manifest) pyproject(root *os.Root) error {
	data, ok, err := read(root, "pyproject.toml")
	if !ok {
		return err
	}
	var file pyproject
	if err := toml.Unmarshal(data, &file); err != nil {
		return fault.Errorf(fault.Invalid, "pyproject.toml: %w", err)
	}
	m.python = file.Project.Python
	if file.BuildSystem != nil || file.Project.Name != "" || file.Tool.Poetry.Name != "" || file.Tool.Flit.Metadata.Module != "" {
		m.pyprojectPackage(&file, string(data))
	}
	// An application that is not a package still says what it needs.
	lines := append(slices.Clone(file.Project.Dependencies), file.Tool.Flit.Metadata.Requires...)
	lines = append(lines, poetryRequirements(file.Tool.Poetry.Dependencies)...)
	if python, ok := file.Tool.Poetry.Dependencies["python"].(string); ok && m.python == "" {
		m.python = python
	}
	for _, line := range lines {
		if !usable(line) {
			return fault.Errorf(fault.Invalid, "pyproject.toml: dependency %q", text.Line(line, 80))
		}
	}
	if len(lines) > 0 {
		m.saw("pyproject.toml")
	}
	if m.project != nil {
		m.project.Requires = lines
	} else {
		m.required = append(m.required, lines...)
	}
	m.pyprojectGroups(&file)
	if legacy := file.Tool.Tox.Legacy; legacy != "" {
		return m.toxText(root, "pyproject.toml (tox)", legacy)
	}
	return nil
}

// pyprojectPackage reads what the tree is installed as.
func (m *manifest) pyprojectPackage(file *pyproject, source string) {
	poetry, flit := &file.Tool.Poetry, &file.Tool.Flit.Metadata
	if poetry.Package != nil && !*poetry.Package || file.Tool.UV.Package != nil && !*file.Tool.UV.Package {
		return
	}
	p := m.own()
	m.saw("pyproject.toml")
	for _, name := range []string{file.Project.Name, poetry.Name, flit.DistName, flit.Module} {
		if p.Name == "" && distribution.MatchString(name) {
			p.Name = name
		}
	}
	for _, version := range []string{file.Project.Version, poetry.Version} {
		if p.Version == "" && !strings.ContainsAny(version, "\n\r") {
			p.Version = version
		}
	}
	if m.python == "" {
		m.python = flit.Python
	}
	for _, extras := range []map[string][]string{file.Project.Optional, flit.Extra} {
		for name, lines := range extras {
			p.Optional[normal(name)] = strings.Join(slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !usable(l) }), "\n")
		}
	}
	p.SCM = takesVersionFromSCM(source) || strings.Contains(source, `source = "scm"`)
	for _, table := range []*scmTable{file.Tool.SCM, file.Tool.SCM2} {
		if table != nil {
			p.Fallback = table.Fallback
		}
	}
	p.entries("console_scripts", file.Project.Scripts)
	for name, entries := range file.Project.Entries {
		p.entries(name, entries)
	}
	for name, target := range poetry.Scripts {
		if target, ok := target.(string); ok {
			p.entries("console_scripts", map[string]string{name: target})
		}
	}
}

// entries adds entry points.
func (p *project) entries(group string, entries map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		if line := name + " = " + entries[name]; !strings.ContainsAny(group+line, "\n\r[]") {
			p.Entries[group] += line + "\n"
		}
	}
}

// pyprojectGroups reads the groups of PEP 735, Poetry, PDM, uv and Hatch that
// tests use.
func (m *manifest) pyprojectGroups(file *pyproject) {
	for _, name := range slices.Sorted(maps.Keys(file.Groups)) {
		if forTests(name) {
			m.group("pyproject.toml (group "+name+")", groupLines(file.Groups, name, 0), nil)
		}
	}
	m.group("pyproject.toml (Poetry's dev-dependencies)", poetryRequirements(file.Tool.Poetry.Dev), nil)
	for _, name := range slices.Sorted(maps.Keys(file.Tool.Poetry.Group)) {
		if forTests(name) {
			m.group("pyproject.toml (Poetry's group "+name+")", poetryRequirements(file.Tool.Poetry.Group[name].Dependencies), nil)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(file.Tool.PDM.Dev)) {
		if forTests(name) {
			m.group("pyproject.toml (PDM's "+name+")", file.Tool.PDM.Dev[name], nil)
		}
	}
	m.group("pyproject.toml (uv's dev-dependencies)", file.Tool.UV.Dev, nil)
	for _, name := range slices.Sorted(maps.Keys(file.Tool.Hatch.Envs)) {
		if env := file.Tool.Hatch.Envs[name]; name == "default" || forTests(name) {
			m.extras(env.Features...)
			m.group("pyproject.toml (Hatch's environment "+name+")", append(slices.Clone(env.Dependencies), env.Extra...), nil)
		}
	}
	if m.project != nil {
		for _, name := range slices.Sorted(maps.Keys(m.project.Optional)) {
			if forTests(name) {
				m.extras(name)
			}
		}
	}
}

// groupLines are the requirements of a dependency group, those that it includes
// among them.
func groupLines(groups map[string][]any, name string, depth int) []string {
	var lines []string
	for key, entries := range groups {
		if normal(key) != normal(name) || depth > 10 {
			continue
		}
		for _, entry := range entries {
			switch entry := entry.(type) {
			case string:
				lines = append(lines, entry)
			case map[string]any:
				if included, ok := entry["include-group"].(string); ok {
					lines = append(lines, groupLines(groups, included, depth+1)...)
				}
			}
		}
	}
	return lines
}

func poetryRequirements(table map[string]any) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if line := poetryRequirement(name, table[name]); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// poetryRequirement translates an entry of Poetry's own table, or of a Pipfile,
// into a requirement. Its versions are only ranges; the lock file's pins decide.
func poetryRequirement(name string, spec any) string {
	if strings.EqualFold(name, "python") || !distribution.MatchString(name) {
		return ""
	}
	version, marker := "", ""
	switch s := spec.(type) {
	case string:
		version = s
	case map[string]any:
		if s["path"] != nil || s["git"] != nil || s["url"] != nil || s["optional"] == true {
			return ""
		}
		if extras, ok := s["extras"].([]any); ok && len(extras) > 0 {
			name += "[" + strings.ReplaceAll(strings.Trim(fmt.Sprint(extras), "[]"), " ", ",") + "]"
		}
		version, _ = s["version"].(string)
		if text, ok := s["markers"].(string); ok && !strings.ContainsAny(text, "\n\r") {
			marker = " ; " + text
		}
	}
	return name + poetryVersion(version) + marker
}
