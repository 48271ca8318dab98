package run

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A plan is what a command comes to: which program is started with which
// arguments, and which code is the project's.
type plan struct {
	program string   // path of the program
	argv    []string // argv[0] included
	scope   []string // directories
	python  string   // path of the interpreter, "" where the command does not tell
	bare    string   // the options of the interpreter that keep the environment's tracer out, such as -I
	split   int      // index in argv of the first argument that is not an option of the interpreter
}

var optionGroup = regexp.MustCompile(`^-[a-zA-Z]+[cm]`)

var pythonName = regexp.MustCompile(`^(python|pypy)[0-9.]*[dtw]*$`)

// makePlan finds out what the command is.
func makePlan(o Options) (*plan, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	p := &plan{argv: slices.Clone(o.Command), scope: []string{dir}}
	first := o.Command[0]
	switch {
	case isScript(first):
		path := inDir(dir, first)
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("script not found: %s (%w)", first, os.ErrNotExist)
		}
		python, err := interpreter(o, dir)
		if err != nil {
			return nil, err
		}
		p.argv = append([]string{python}, o.Command...)
	case pythonName.MatchString(filepath.Base(first)) && o.Python != "":
		p.argv[0] = o.Python
	case o.Python != "":
		path, err := lookPath(first, dir, o.Env)
		if err != nil {
			return nil, err
		}
		if line := shebang(path); pythonName.MatchString(filepath.Base(programOf(line))) {
			p.argv = append([]string{o.Python}, append(optionsOf(line), append([]string{path}, o.Command[1:]...)...)...)
		}
	}
	if p.program, err = lookPath(p.argv[0], dir, o.Env); err != nil {
		return nil, err
	}
	p.interpret(dir)
	return p, nil
}

// interpret finds the interpreter, its options and the script.
func (p *plan) interpret(dir string) {
	if !pythonName.MatchString(filepath.Base(p.argv[0])) {
		line := shebang(p.program)
		if !pythonName.MatchString(filepath.Base(programOf(line))) {
			return
		}
		p.python = programOf(line)
		if bare(optionsOf(line)) == "" {
			return
		}
		// Its own options keep the tracer out: start it as the kernel would.
		path, err := lookPath(p.python, dir, os.Environ())
		if err != nil {
			return
		}
		p.argv = append(append([]string{p.python}, optionsOf(line)...), append([]string{p.program}, p.argv[1:]...)...)
		p.program = path
	}
	p.python = p.program
	p.split = pythonOptions(p.argv)
	p.bare = bare(p.argv[1:p.split])
	if i := p.split; p.bare == "" && i < len(p.argv) {
		p.bare = bare(p.argv[i : i+1]) // as in -Ic
	}
	if p.split < len(p.argv) && !strings.HasPrefix(p.argv[p.split], "-") {
		if script := inDir(dir, p.argv[p.split]); isFile(script) && !below(filepath.Dir(script), dir) {
			p.scope = append(p.scope, filepath.Dir(script))
		}
	}
}

// launcher is the file of the tracer that starts a program where the
// interpreter was told to look at no environment.
const launcher = "repaird_launch.py"

// launch returns the command with the launcher from a directory where it needs
// one, and what that cannot see.
func (p *plan) launch(lib string) (argv []string, note string) {
	if p.bare == "" {
		return p.argv, ""
	}
	if p.split >= len(p.argv) {
		return p.argv, "python " + p.bare + " without a program cannot be traced"
	}
	options, rest := slices.Clone(p.argv[:p.split]), slices.Clone(p.argv[p.split:])
	if i := strings.IndexAny(rest[0], "cm"); i > 1 && rest[0][0] == '-' && isOptions(rest[0]) {
		options, rest[0] = append(options, rest[0][:i]), "-"+rest[0][i:]
	}
	argv = append(append(options, lib+"/"+launcher, "--"), rest...)
	return argv, "python " + p.bare + " ignores PYTHONPATH or the site module: started through " + launcher +
		"; not seen are .pth files, a sitecustomize, and children that are started with such options"
}

// isOptions says whether an argument is a group of one-letter options, as -Ic.
func isOptions(a string) bool {
	return optionGroup.MatchString(a)
}

// pythonOptions returns the index of the first argument after the options of
// an interpreter: the script, or the -c, -m or - that stands for one.
func pythonOptions(argv []string) int {
	for i := 1; i < len(argv); i++ {
		a := argv[i]
		switch {
		case a == "-" || !strings.HasPrefix(a, "-"):
			return i
		case a == "--":
			return min(i+1, len(argv))
		case a == "--check-hash-based-pycs":
			i++
		case strings.HasPrefix(a, "--"):
		default:
			for j, c := range a[1:] {
				if c == 'c' || c == 'm' {
					return i
				}
				if c == 'W' || c == 'X' || c == 'Q' {
					if j+2 == len(a) { // its value is the next argument
						i++
					}
					break
				}
			}
		}
	}
	return len(argv)
}

// bare returns those of an interpreter's options that make it ignore
// PYTHONPATH or the site module.
func bare(options []string) string {
	var found []string
	for _, a := range options {
		if len(a) < 2 || a[0] != '-' || a[1] == '-' {
			continue
		}
		for _, c := range a[1:] {
			if c == 'W' || c == 'X' || c == 'c' || c == 'm' {
				break
			}
			if (c == 'I' || c == 'E' || c == 'S') && !slices.Contains(found, "-"+string(c)) {
				found = append(found, "-"+string(c))
			}
		}
	}
	return strings.Join(found, " ")
}

// outside returns directories of the interpreter that include covers without
// meaning them, such as a standard library below the home directory.
func (p *plan) outside(include []string) []string {
	if slices.Contains(include, everything) {
		return nil
	}
	var out []string
	for _, d := range p.libraries() {
		meant := slices.ContainsFunc(include, func(i string) bool { return below(i, d) })
		covered := slices.ContainsFunc(include, func(i string) bool { return below(d, i) })
		if covered && !meant {
			out = append(out, d)
		}
	}
	return out
}

// everything is the directory that stands for all code in Config.Include.
const everything = "/"

// packages returns where packages are installed, which a directory around them
// does not put in scope.
func (p *plan) packages() []string {
	var out []string
	for _, d := range append(p.libraries(), "/usr/lib/python3") {
		for _, name := range []string{"site-packages", "dist-packages"} {
			if dir := filepath.Join(d, name); isDir(dir) {
				out = append(out, dir)
			}
		}
	}
	return out
}

// libraries returns the directories of the interpreter's standard library, and
// of a virtual environment's packages.
func (p *plan) libraries() []string {
	var out []string
	real, err := filepath.EvalSymlinks(p.python)
	if p.python == "" || err != nil {
		return nil
	}
	for _, python := range []string{real, p.python} {
		for _, pattern := range []string{"lib/python3*", "lib64/python3*", "local/lib/python3*"} {
			dirs, _ := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(python)), pattern))
			for _, d := range dirs {
				if !slices.Contains(out, d) {
					out = append(out, d)
				}
			}
		}
	}
	return out
}

// interpreter returns the Python that runs a script.
func interpreter(o Options, dir string) (string, error) {
	if o.Python != "" {
		return o.Python, nil
	}
	if venv := getenv(o.Env, "VIRTUAL_ENV"); venv != "" {
		if path := filepath.Join(venv, "bin", "python"); isFile(path) {
			return path, nil
		}
	}
	for _, name := range []string{"python3", "python"} {
		if path, err := lookPath(name, dir, o.Env); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no python3 in PATH: name one with --python (%w)", exec.ErrNotFound)
}

// isScript says whether a command is a file for Python.
func isScript(name string) bool {
	switch filepath.Ext(name) {
	case ".py", ".pyw", ".pyz":
		return true
	}
	return false
}
