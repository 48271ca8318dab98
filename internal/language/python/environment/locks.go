package environment

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/repaird/repaird/internal/fault"
)

var exactVersion = regexp.MustCompile(`^(?:==)?\d[\w.!+]*$`)

// poetryVersion translates Poetry's ranges into those that pip reads.
func poetryVersion(v string) string {
	var made []string
	if strings.Contains(v, "||") {
		return "" // no notation of pip says "or"
	}
	for _, c := range listOf(v, ",") {
		switch {
		case exactVersion.MatchString(c):
			made = append(made, "=="+strings.TrimPrefix(c, "=="))
		case strings.HasPrefix(c, "^") || strings.HasPrefix(c, "~") && !strings.HasPrefix(c, "~="):
			made = append(made, poetryRange(c)...)
		case strings.HasPrefix(c, ">") || strings.HasPrefix(c, "<") || strings.HasPrefix(c, "!") || strings.HasPrefix(c, "~=") || strings.HasPrefix(c, "=="):
			made = append(made, strings.ReplaceAll(c, " ", ""))
		}
	}
	return strings.Join(made, ",")
}

// poetryRange is what ^1.2 and ~1.2 allow.
func poetryRange(c string) []string {
	low := strings.TrimSpace(c[1:])
	var parts []int
	for _, part := range strings.Split(low, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return []string{">=" + low}
		}
		parts = append(parts, n)
	}
	keep := min(1, len(parts)-1) // ~1.2: the minor version stays
	if c[0] == '^' {
		// The first part that is not zero stays.
		keep = max(0, slices.IndexFunc(parts, func(n int) bool { return n != 0 }))
	}
	high := slices.Clone(parts[:keep+1])
	high[keep]++
	var text []string
	for _, n := range high {
		text = append(text, strconv.Itoa(n))
	}
	return []string{">=" + low, "<" + strings.Join(text, ".")}
}

// locks reads the versions of the first lock file that there is. Pipfile.lock is
// read with the Pipfile.
func (m *manifest) locks(root *os.Root) error {
	for _, name := range []string{"uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"} {
		data, ok, err := read(root, name)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		type locked struct {
			Name    string         `toml:"name"`
			Version string         `toml:"version"`
			Source  map[string]any `toml:"source"`
		}
		var lock struct {
			Package  []locked `toml:"package"`
			Packages []locked `toml:"packages"` // pylock.toml (PEP 751)
		}
		if err := toml.Unmarshal(data, &lock); err != nil {
			return fault.Errorf(fault.Invalid, "%s: %w", name, err)
		}
		versions := map[string][]string{}
		for _, p := range append(lock.Package, lock.Packages...) {
			local := p.Source["editable"] != nil || p.Source["virtual"] != nil || p.Source["directory"] != nil || p.Source["path"] != nil
			if n := normal(p.Name); distribution.MatchString(p.Name) && exactVersion.MatchString(p.Version) && !local && !slices.Contains(versions[n], p.Version) {
				versions[n] = append(versions[n], p.Version)
			}
		}
		for n, all := range versions {
			if len(all) == 1 { // several versions for several platforms: pip chooses
				m.pins[n] = all[0]
			}
		}
		m.saw(name)
		return nil
	}
	return nil
}

// pipfile reads Pipfile.lock, else the Pipfile.
func (m *manifest) pipfile(root *os.Root) error {
	data, ok, err := read(root, "Pipfile.lock")
	if err != nil {
		return err
	}
	if ok {
		return m.pipfileLock(data)
	}
	if data, ok, err = read(root, "Pipfile"); !ok {
		return err
	}
	var file struct {
		Packages map[string]any `toml:"packages"`
		Dev      map[string]any `toml:"dev-packages"`
		Requires struct {
			Python string `toml:"python_version"`
		} `toml:"requires"`
	}
	if err := toml.Unmarshal(data, &file); err != nil {
		return fault.Errorf(fault.Invalid, "Pipfile: %w", err)
	}
	m.required = append(m.required, poetryRequirements(file.Packages)...)
	m.group("Pipfile (dev-packages)", poetryRequirements(file.Dev), nil)
	m.saw("Pipfile")
	if m.python == "" && file.Requires.Python != "" {
		m.python = "==" + file.Requires.Python + ".*"
	}
	return nil
}

type pipfilePackage struct {
	Version string   `json:"version"`
	Markers string   `json:"markers"`
	Extras  []string `json:"extras"`
}

func (m *manifest) pipfileLock(data []byte) error {
	var lock struct {
		Meta struct {
			Requires struct {
				Python string `json:"python_version"`
			} `json:"requires"`
		} `json:"_meta"`
		Default map[string]pipfilePackage `json:"default"`
		Develop map[string]pipfilePackage `json:"develop"`
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		return fault.Errorf(fault.Invalid, "Pipfile.lock: %w", err)
	}
	m.saw("Pipfile.lock")
	if m.python == "" && lock.Meta.Requires.Python != "" {
		m.python = "==" + lock.Meta.Requires.Python + ".*"
	}
	m.required = append(m.required, pipfileLines(lock.Default)...)
	m.group("Pipfile.lock (develop)", pipfileLines(lock.Develop), nil)
	return nil
}

func pipfileLines(packages map[string]pipfilePackage) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		p := packages[name]
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
		lines = append(lines, line)
	}
	return lines
}
