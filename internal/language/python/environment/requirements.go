package environment

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"regexp"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
	"maps"
	"slices"
)

// dependencies are a repository's declared dependencies.
type dependencies struct {
	requirements []string          // requirement lines
	constraints  []string          // pins of a lock file: name==version
	files        map[string][]byte // requirements files as they are, by path in the tree
	order        []string          // of files: those that are installed; others are only included
	found        []string          // file names, for people
}

func (d dependencies) empty() bool {
	if len(d.requirements) > 0 {
		return false
	}
	for _, name := range d.order {
		for line := range strings.Lines(string(d.files[name])) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				return false
			}
		}
	}
	return true
}

const maxManifest = 16 << 20

// readDependencies finds what to install: the configured files, else
// requirements.txt, else pyproject.toml's dependencies (PEP 621 or Poetry's) or
// Pipfile.lock, with the versions that poetry.lock or uv.lock pins as
// constraints, so that pip itself decides about markers and platforms.
func readDependencies(root *os.Root, setup language.Setup) (d dependencies, err error) {
	d.files = map[string][]byte{}
	names := setup.Requirements
	if len(names) == 0 {
		for _, name := range []string{"requirements.txt", "requirements/prod.txt", "requirements/production.txt", "requirements/base.txt"} {
			if info, err := root.Stat(name); err == nil && info.Mode().IsRegular() {
				names = []string{name}
				break
			}
		}
	}
	for _, name := range names {
		if err := d.requirementsFile(root, path.Clean(name), 0); err != nil {
			return d, err
		}
		d.order = append(d.order, path.Clean(name))
	}
	if len(names) > 0 {
		return d, nil
	}
	if ok, err := d.pipfileLock(root); ok || err != nil {
		return d, err
	}
	return d, d.pyproject(root)
}

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

var includes = regexp.MustCompile(`^\s*(?:-r|--requirement|-c|--constraint)[ =]\s*(\S+)`)

// requirementsFile adds a requirements file and those that it includes.
func (d *dependencies) requirementsFile(root *os.Root, name string, depth int) error {
	if _, ok := d.files[name]; ok || depth > 10 {
		return nil
	}
	data, ok, err := read(root, name)
	if err != nil {
		return err
	}
	if !ok {
		return fault.Errorf(fault.Invalid, "%s does not exist", name)
	}
	d.files[name] = data
	d.found = append(d.found, name)
	for line := range strings.Lines(string(data)) {
		if m := includes.FindStringSubmatch(line); m != nil && !strings.Contains(m[1], "://") {
			if err := d.requirementsFile(root, path.Join(path.Dir(name), m[1]), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *dependencies) pipfileLock(root *os.Root) (bool, error) {
	data, ok, err := read(root, "Pipfile.lock")
	if !ok {
		return false, err
	}
	var lock struct {
		Default map[string]struct {
			Version string   `json:"version"`
			Markers string   `json:"markers"`
			Extras  []string `json:"extras"`
		} `json:"default"`
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		return false, fault.Errorf(fault.Invalid, "Pipfile.lock: %w", err)
	}
	d.found = append(d.found, "Pipfile.lock")
	for _, name := range slices.Sorted(maps.Keys(lock.Default)) {
		p := lock.Default[name]
		if !distribution.MatchString(name) || p.Version == "" || strings.ContainsAny(p.Version+p.Markers, "\n\r") {
			continue // a path or a repository: not installable here
		}
		line := name
		if len(p.Extras) > 0 {
			line += "[" + strings.Join(p.Extras, ",") + "]"
		}
		line += p.Version
		if p.Markers != "" {
			line += " ; " + p.Markers
		}
		d.requirements = append(d.requirements, line)
	}
	return true, nil
}

var distribution = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$`)

func (d *dependencies) pyproject(root *os.Root) error {
	data, ok, err := read(root, "pyproject.toml")
	if !ok {
		return err
	}
	var file struct {
		Project struct {
			Dependencies []string `toml:"dependencies"`
		} `toml:"project"`
		Tool struct {
			Poetry struct {
				Dependencies map[string]any `toml:"dependencies"`
			} `toml:"poetry"`
		} `toml:"tool"`
	}
	if err := toml.Unmarshal(data, &file); err != nil {
		return fault.Errorf(fault.Invalid, "pyproject.toml: %w", err)
	}
	d.requirements = file.Project.Dependencies
	pins, name, err := lockPins(root)
	if err != nil {
		return err
	}
	d.constraints = pins
	for _, dep := range slices.Sorted(maps.Keys(file.Tool.Poetry.Dependencies)) {
		if line := poetryRequirement(dep, file.Tool.Poetry.Dependencies[dep]); line != "" {
			d.requirements = append(d.requirements, line)
		}
	}
	for _, line := range d.requirements {
		if strings.ContainsAny(line, "\n\r") || strings.HasPrefix(strings.TrimSpace(line), "-") {
			return fault.Errorf(fault.Invalid, "pyproject.toml: dependency %q", text.Line(line, 80))
		}
	}
	if len(d.requirements) > 0 {
		d.found = append(d.found, "pyproject.toml")
		if name != "" {
			d.found = append(d.found, name)
		}
	}
	return nil
}

// poetryRequirement translates an entry of Poetry's own table into a
// requirement. Its versions are only ranges; the lock file's pins decide.
func poetryRequirement(name string, spec any) string {
	if strings.EqualFold(name, "python") || !distribution.MatchString(name) {
		return ""
	}
	version := ""
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
	}
	return name + poetryVersion(version)
}

var exactVersion = regexp.MustCompile(`^(?:==)?\d[\w.]*$`)

// poetryVersion translates the ranges that pip also supports.
func poetryVersion(v string) string {
	v = strings.TrimSpace(v)
	switch {
	case exactVersion.MatchString(v):
		return "==" + strings.TrimPrefix(v, "==")
	case strings.HasPrefix(v, "^") || strings.HasPrefix(v, "~") && !strings.HasPrefix(v, "~="):
		return ">=" + strings.TrimLeft(v, "^~")
	case strings.HasPrefix(v, ">") || strings.HasPrefix(v, "<") || strings.HasPrefix(v, "!") || strings.HasPrefix(v, "~="):
		return v
	}
	return ""
}

// lockPins reads name==version of every package in uv.lock or poetry.lock.
func lockPins(root *os.Root) (pins []string, name string, err error) {
	for _, name := range []string{"uv.lock", "poetry.lock"} {
		data, ok, err := read(root, name)
		if err != nil {
			return nil, "", err
		}
		if !ok {
			continue
		}
		var lock struct {
			Package []struct {
				Name    string         `toml:"name"`
				Version string         `toml:"version"`
				Source  map[string]any `toml:"source"`
			} `toml:"package"`
		}
		if err := toml.Unmarshal(data, &lock); err != nil {
			return nil, "", fault.Errorf(fault.Invalid, "%s: %w", name, err)
		}
		versions := map[string][]string{}
		for _, p := range lock.Package {
			local := p.Source["editable"] != nil || p.Source["virtual"] != nil || p.Source["directory"] != nil || p.Source["path"] != nil
			if distribution.MatchString(p.Name) && exactVersion.MatchString(p.Version) && !local {
				versions[p.Name] = append(versions[p.Name], p.Version)
			}
		}
		for _, n := range slices.Sorted(maps.Keys(versions)) {
			if len(versions[n]) == 1 { // several versions for several platforms: pip chooses
				pins = append(pins, n+"=="+versions[n][0])
			}
		}
		sort.Strings(pins)
		return pins, name, nil
	}
	return nil, "", nil
}
