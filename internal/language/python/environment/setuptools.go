package environment

import (
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// setupCfg reads what setup.cfg says of a package; building it says the rest.
func (m *manifest) setupCfg(root *os.Root) error {
	data, ok, err := read(root, "setup.cfg")
	if !ok {
		return err
	}
	cfg := parseINI(string(data))
	meta, options := cfg["metadata"], cfg["options"]
	if meta["name"] != "" || options != nil {
		p := m.own()
		m.saw("setup.cfg")
		if p.Name == "" && distribution.MatchString(meta["name"]) {
			p.Name = meta["name"]
		}
		if v := meta["version"]; p.Version == "" && exactVersion.MatchString(v) {
			p.Version = v
		}
		if len(p.Requires) == 0 {
			p.Requires = slices.DeleteFunc(listOf(options["install_requires"], "\x00"), func(l string) bool { return !usable(l) })
		}
		for name, lines := range cfg["options.extras_require"] {
			p.Optional[normal(name)] = lines
			if forTests(name) {
				m.extras(name)
			}
		}
		for name, lines := range cfg["options.entry_points"] {
			for _, line := range listOf(lines, "\x00") {
				if entry, target, ok := strings.Cut(line, "="); ok {
					p.entries(name, map[string]string{strings.TrimSpace(entry): strings.TrimSpace(target)})
				}
			}
		}
		p.SCM = p.SCM || takesVersionFromSCM(string(data))
		m.group("setup.cfg (tests_require)", listOf(options["tests_require"], "\x00"), nil)
	}
	if m.python == "" {
		m.python = options["python_requires"]
	}
	if cfg["tox:tox"] != nil {
		return m.toxSections(root, "setup.cfg (tox)", cfg)
	}
	return nil
}

var (
	setupPython  = regexp.MustCompile(`python_requires\s*=\s*["']([^"'\n]+)["']`)
	setupName    = regexp.MustCompile(`\bname\s*=\s*["']([A-Za-z0-9._-]+)["']`)
	setupVersion = regexp.MustCompile(`\bversion\s*=\s*["'](\d[\w.]*)["']`)
)

// setupPy reads the little that can be read of a program: the rest is known once
// it has run, in the sandbox.
func (m *manifest) setupPy(root *os.Root) error {
	data, ok, err := read(root, "setup.py")
	if !ok {
		return err
	}
	source := string(data)
	p := m.own()
	m.saw("setup.py")
	first := func(re *regexp.Regexp) string {
		if found := re.FindStringSubmatch(source); found != nil {
			return found[1]
		}
		return ""
	}
	if p.Name == "" {
		p.Name = first(setupName)
	}
	if p.Version == "" {
		p.Version = first(setupVersion)
	}
	if m.python == "" {
		m.python = first(setupPython)
	}
	p.SCM = p.SCM || takesVersionFromSCM(source)
	return nil
}

func (m *manifest) tox(root *os.Root) error {
	data, ok, err := read(root, "tox.ini")
	if !ok {
		return err
	}
	return m.toxText(root, "tox.ini", string(data))
}

func (m *manifest) toxText(root *os.Root, name, source string) error {
	return m.toxSections(root, name, parseINI(source))
}

// factor is what makes a line hold in some of tox's environments only.
var factor = regexp.MustCompile(`^[\w{},.!-]+\s*:\s+`)

// toxSections reads what the environments that run tests install. Lines for some
// Python or some library's version alone are left out: they exclude each other.
func (m *manifest) toxSections(root *os.Root, name string, cfg map[string]map[string]string) error {
	var lines, files []string
	for _, section := range slices.Sorted(maps.Keys(cfg)) {
		env, ok := strings.CutPrefix(section, "testenv")
		if env = strings.TrimPrefix(env, ":"); !ok || env != "" && !forTests(env) {
			continue
		}
		m.extras(listOf(strings.ReplaceAll(cfg[section]["extras"], ",", "\n"), "\x00")...)
		for _, line := range listOf(cfg[section]["deps"], "\x00") {
			line = strings.ReplaceAll(strings.ReplaceAll(line, "{toxinidir}/", ""), "{tox_root}/", "")
			if factor.MatchString(line) || strings.Contains(line, "{") {
				continue
			}
			if found := includes.FindStringSubmatch(line); found != nil {
				file := path.Clean(found[1])
				if strings.HasPrefix(line, "-r") && m.requirementsFile(root, file, 0) == nil && !m.installs(file) {
					files = append(files, file)
				}
				continue
			}
			lines = append(lines, line)
		}
	}
	m.group(name, lines, files)
	return nil
}

// installs reports whether a requirements file is installed already.
func (m *manifest) installs(file string) bool {
	return slices.Contains(m.order, file) || slices.ContainsFunc(m.groups, func(g group) bool { return slices.Contains(g.Files, file) })
}

var (
	noxSession = regexp.MustCompile(`(?ms)^def (\w+)\(.*?(?:^def |^@|\z)`)
	noxInstall = regexp.MustCompile(`(?s)\.install\(([^()]*)\)`)
	literal    = regexp.MustCompile(`"([^"\n]*)"|'([^'\n]*)'`)
)

// nox reads the literal arguments of session.install in the sessions that run
// tests.
func (m *manifest) nox(root *os.Root) error {
	data, ok, err := read(root, "noxfile.py")
	if !ok {
		return err
	}
	var lines, files []string
	for _, session := range noxSession.FindAllStringSubmatch(string(data), -1) {
		if !forTests(session[1]) {
			continue
		}
		for _, install := range noxInstall.FindAllStringSubmatch(session[0], -1) {
			option := ""
			for _, word := range literal.FindAllStringSubmatch(install[1], -1) {
				switch value := word[1] + word[2]; {
				case strings.HasPrefix(value, "-"):
					option = value
				case option == "-r" || option == "--requirement":
					if option = ""; m.requirementsFile(root, path.Clean(value), 0) == nil && !m.installs(path.Clean(value)) {
						files = append(files, path.Clean(value))
					}
				case option == "-c" || option == "--constraint" || option == "--group":
					option = ""
				default:
					lines, option = append(lines, value), ""
				}
			}
		}
	}
	m.group("noxfile.py", lines, files)
	return nil
}
