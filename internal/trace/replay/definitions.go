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
	// or name may stand for something that is not one of the program's classes.
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
	var at cursor
	for line := range strings.SplitSeq(source, "\n") {
		text := strings.TrimLeft(line, " \t\f")
		m := definition.FindStringSubmatch(text)
		if m != nil && at.quote == "" { // no expression has such a line: a bracket was misread
			at.depth = 0
		}
		inside := at.inside()
		at.pass(line)
		if inside || text == "" || text[0] == '#' {
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

// A cursor is where in a source text a line begins.
type cursor struct {
	quote  string // of the string in which it does; "" for none
	depth  int    // of open brackets
	joined bool   // the line before ends with a backslash
}

// inside says that the line continues the previous one.
func (c *cursor) inside() bool { return c.quote != "" || c.depth > 0 || c.joined }

// pass moves the cursor over a line.
func (c *cursor) pass(line string) {
	line = strings.TrimSuffix(line, "\r")
	c.joined = false
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case b == '\\':
			c.joined = i == len(line)-1
			i++
		case c.quote != "":
			if strings.HasPrefix(line[i:], c.quote) {
				i += len(c.quote) - 1
				c.quote = ""
			}
		case b == '#':
			return
		case b == '"' || b == '\'':
			c.quote = line[i : i+1]
			if triple := strings.Repeat(c.quote, 3); strings.HasPrefix(line[i:], triple) {
				c.quote = triple
				i += 2
			}
		case b == '(' || b == '[' || b == '{':
			c.depth++
		case b == ')' || b == ']' || b == '}':
			c.depth = max(c.depth-1, 0)
		}
	}
	if len(c.quote) == 1 && !c.joined { // no Python: such a string ends with its line
		c.quote = ""
	}
}
