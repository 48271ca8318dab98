package replay

import (
	"os"
	"regexp"
	"strings"
)

// definitions are the qualified names of what a source file defines.
type definitions struct{ functions, classes map[string]bool }

var (
	definition = regexp.MustCompile(`^(?:async[ \t]+def|def|class)[ \t]+([A-Za-z_][A-Za-z0-9_]*)`)
	// factory gives a module's name to a class that a call makes. Any other call
	// or name may stand for what is no class of the program's.
	factory = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)[ \t]*(?::[^=]*)?=[ \t]*(?:[A-Za-z_]+\.)*(?:namedtuple|NamedTuple|TypedDict|Enum|IntEnum|StrEnum|Flag|IntFlag|make_dataclass|new_class)\(`)
)

func definitionsOf(file string) (d definitions, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil || len(text) > maxSource {
		return d, false
	}
	return defined(string(text)), true
}

// defined finds what a source text defines, by its indentation. A trace can
// name any attribute of a module, so that os.system in a module that imports os;
// this says which names are the module's own. What is inside of functions is
// not among them: nobody can name it from outside.
func defined(source string) definitions {
	type scope struct {
		indent int
		name   string // qualified; "" for a function's
	}
	d := definitions{map[string]bool{}, map[string]bool{}}
	var scopes []scope
	quote := "" // of the string over several lines in which a line begins
	for line := range strings.SplitSeq(source, "\n") {
		inside := quote != ""
		quote = openString(line, quote)
		text := strings.TrimLeft(line, " \t\f")
		if inside || text == "" || text[0] == '#' || text[0] == ')' || text[0] == ']' || text[0] == '}' {
			continue
		}
		indent := width(line[:len(line)-len(text)])
		for len(scopes) > 0 && indent <= scopes[len(scopes)-1].indent {
			scopes = scopes[:len(scopes)-1]
		}
		name, owned := "", true
		if n := len(scopes); n > 0 {
			name, owned = scopes[n-1].name+".", scopes[n-1].name != ""
		}
		m := definition.FindStringSubmatch(text)
		switch {
		case m == nil:
			if f := factory.FindStringSubmatch(line); f != nil {
				d.classes[f[1]] = true
			}
		case text[0] == 'c':
			own := ""
			if owned {
				own = name + m[1]
				d.classes[own] = true
			}
			scopes = append(scopes, scope{indent, own})
		default:
			if owned {
				d.functions[name+m[1]] = true
			}
			scopes = append(scopes, scope{indent, ""})
		}
	}
	return d
}

// width is how far white space indents, with tabs as Python counts them.
func width(blank string) (n int) {
	for _, c := range blank {
		switch c {
		case '\t':
			n += 8 - n%8
		case '\f':
			n = 0
		default:
			n++
		}
	}
	return n
}

// openString returns the quotes of a string over several lines that is open
// after a line, quote before it; "" for none.
func openString(line, quote string) string {
	for i := 0; i < len(line); {
		switch {
		case quote != "" && line[i] == '\\':
			i++
		case quote != "":
			if strings.HasPrefix(line[i:], quote) {
				i += len(quote) - 1
				quote = ""
			}
		case line[i] == '#':
			return ""
		case strings.HasPrefix(line[i:], `"""`), strings.HasPrefix(line[i:], `'''`):
			quote = line[i : i+3]
			i += 2
		case line[i] == '"', line[i] == '\'':
			end := quoted(line, i)
			if end < 0 {
				return "" // it goes on behind a backslash, or is no Python
			}
			i = end - 1
		}
		i++
	}
	return quote
}
