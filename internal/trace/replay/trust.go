package replay

import (
	"path/filepath"
	"regexp"
	"strings"
)

// constructors are what expressions of the tracer call outside of the program:
// they make values and do nothing else.
var constructors = set(`datetime.date datetime.datetime datetime.time datetime.timedelta datetime.timezone zoneinfo.ZoneInfo
decimal.Decimal fractions.Fraction uuid.UUID re.compile types.SimpleNamespace array.array numpy.array
pathlib.Path pathlib.PosixPath pathlib.WindowsPath pathlib.PurePath pathlib.PurePosixPath pathlib.PureWindowsPath
collections.deque collections.Counter collections.defaultdict collections.OrderedDict`)

// constants are dotted names outside of the program that are read.
var constants = set("datetime.timezone.utc")

// builtin are names that need no import: constants and types.
var builtin = set(`None True False inf nan Ellipsis NotImplemented bool int float complex str bytes bytearray list tuple dict set
frozenset range slice object`)

// uncalled are built-in functions that are harmless as values. The tracer calls
// none, and those with a key call any other: min([9999999999], key=bytes).
var uncalled = set("len sum min max abs sorted repr")

// prefixes stand before string literals; the one of f-strings does not.
var prefixes = set("b u r B")

// foreign are modules that a trace may name as the program's and never are.
var foreign = set(`os posix nt posixpath subprocess shutil sys builtins importlib runpy pty socket ctypes _ctypes multiprocessing
pickle _pickle marshal webbrowser asyncio timeit`)

var (
	numpyScalar = regexp.MustCompile(`^numpy\.(bool_?|str_|(u?int|float|complex)[0-9]{1,3}|longdouble|clongdouble|longlong|ulonglong)$`)
	exception   = regexp.MustCompile(`^[A-Z][A-Za-z]{1,40}(Error|Exception|Warning)$`)
)

// A name is a name in an expression, outside of string literals.
type name struct {
	text  string
	next  byte // after it, 0 at the end
	start int
}

func namesOf(s string) (out []name) {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '\'' || c == '"':
			if i = quoted(s, i); i < 0 {
				return out
			}
		case c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			end := i
			for end < len(s) && wordByte(s[end]) {
				end++
			}
			n := name{text: s[i:end], start: i}
			if rest := strings.TrimLeft(s[end:], " "); rest != "" {
				n.next = rest[0]
			}
			out = append(out, n)
			i = end
		case c >= '0' && c <= '9':
			for i < len(s) && wordByte(s[i]) {
				i++
			}
		default:
			i++
		}
	}
	return out
}

// trusted says whether an expression that passed the filter names only what
// makes values: known constructors, and classes and names of the program's own
// modules. What is called must stand before its bracket by name.
func (g *generator) trusted(s string) bool {
	last := byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'' || c == '"':
			if i = quoted(s, i) - 1; i < 0 {
				return false
			}
			last = c
		case c == '(' && last != 0 && strings.IndexByte(")]}'\"", last) >= 0,
			c == '[' && last != 0 && (strings.IndexByte(")]}'\"", last) >= 0 || wordByte(last)):
			return false
		case c != ' ':
			last = c
		}
	}
	for _, n := range namesOf(s) {
		called := n.next == '('
		switch {
		case !strings.Contains(n.text, "."):
			if n.next != '=' && !builtin[n.text] && (called || !uncalled[n.text]) && !exception.MatchString(n.text) && !prefixes[n.text] {
				return false
			}
		case constructors[n.text], constants[n.text] && !called, numpyScalar.MatchString(n.text):
		case !g.own(n.text, called):
			return false
		}
	}
	return true
}

// own says whether a dotted name is of a module of the traced program, and
// leads there through classes only that its file defines; what is called must be
// a class, too.
func (g *generator) own(dotted string, called bool) bool {
	parts := strings.Split(dotted, ".")
	for n := len(parts) - 1; n > 0; n-- {
		module := strings.Join(parts[:n], ".")
		file, ok := g.traced()[module]
		if !ok {
			continue
		}
		if p, ok := g.places[module]; ok {
			file = p.file
		}
		defs, rest := &g.origin(file).defs, parts[n:]
		if whole := strings.Join(rest, "."); called || len(rest) == 1 {
			return defs.classes[whole] || !called && defs.functions[whole]
		}
		return defs.classes[strings.Join(rest[:len(rest)-1], ".")]
	}
	return false
}

// traced returns the modules of the traced program's files, with a file of each.
func (g *generator) traced() map[string]string {
	if g.program != nil {
		return g.program
	}
	g.program = map[string]string{}
	seen := map[string]bool{}
	for _, c := range g.trace.Codes() {
		if c == nil || seen[c.File] {
			continue
		}
		seen[c.File] = true
		if g.origin(c.File).why != "" {
			continue
		}
		if m, _ := g.module(c.File); m != "" {
			g.program[m] = c.File
		}
		// Packages without an __init__.py: the name may have more parts.
		path := strings.TrimSuffix(strings.TrimSuffix(c.File, ".py"), "/__init__")
		parts := strings.Split(strings.TrimPrefix(filepath.Clean(path), "/"), "/")
		for n := 1; n <= min(len(parts), 8); n++ {
			if m := joined(parts[len(parts)-n:]); m != "" && g.program[m] == "" && strings.HasSuffix(c.File, ".py") {
				g.program[m] = c.File
			}
		}
	}
	for m := range g.program {
		if foreignModule(m) {
			delete(g.program, m)
		}
	}
	return g.program
}

func foreignModule(m string) bool {
	top, _, _ := strings.Cut(m, ".")
	return foreign[top]
}

// main returns the module of the script that a process ran as __main__.
func (g *generator) main(process int) string {
	known, ok := g.mains[process]
	if !ok {
		if g.mains == nil {
			g.mains = map[int]string{}
		}
		known = g.findMain(process)
		g.mains[process] = known
	}
	return known
}

func (g *generator) findMain(process int) string {
	if process < 0 || process >= len(g.trace.Processes) {
		return ""
	}
	argv := g.trace.Processes[process].Argv
	if len(argv) == 0 || !strings.HasSuffix(argv[0], ".py") {
		return ""
	}
	for _, c := range g.trace.Codes() {
		if c != nil && g.origin(c.File).why == "" && (c.File == argv[0] || filepath.Base(c.File) == filepath.Base(argv[0])) {
			if m, _ := g.module(c.File); m != "" {
				return m
			}
		}
	}
	return ""
}

// settle writes names of __main__ as those of the module that it is.
func (b *builder) settle(expr string) string {
	if !strings.Contains(expr, "__main__") {
		return expr
	}
	main := b.g.main(b.process)
	if main == "" {
		main = b.module
	}
	var out strings.Builder
	at := 0
	for _, n := range namesOf(expr) {
		if rest, ok := strings.CutPrefix(n.text, "__main__."); ok && main != "" {
			out.WriteString(expr[at:n.start] + main + "." + rest)
			at = n.start + len(n.text)
		}
	}
	return out.String() + expr[at:]
}

// rebuilt returns the tracer's expression of a value, where it can be trusted.
func (b *builder) rebuilt(expr string) (string, bool) {
	expr = b.settle(expr)
	return expr, expression(expr, true) && b.g.trusted(expr)
}
