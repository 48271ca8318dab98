package repair

import (
	"regexp"
	"slices"
	"strings"
)

// A module is a source file cut into its statements, by its layout alone:
// nothing is executed, and a file that does not compile is read as well.
type module struct {
	path       string
	lines      []string
	statements []statement
}

// A statement is one logical line: brackets, backslashes and long strings join
// lines. A compound statement is its first logical line; what is below it are
// statements of their own with a greater indent.
type statement struct {
	first, last int // indices of lines, inclusive
	indent      int
	head        string // first line without its indentation
}

// A span is a range of lines of a module, by index, inclusive.
type span struct{ first, last int }

func newModule(path, text string) *module {
	m := &module{path: path, lines: strings.Split(text, "\n")}
	depth, quote := 0, ""
	joined := false
	for i, line := range m.lines {
		trimmed := strings.TrimSpace(line)
		switch {
		case depth > 0 || quote != "" || joined:
			m.statements[len(m.statements)-1].last = i
		case trimmed == "" || trimmed[0] == '#':
			continue
		default:
			m.statements = append(m.statements, statement{i, i, indentation(line), trimmed})
		}
		depth, quote = scan(line, depth, quote)
		joined = quote == "" && strings.HasSuffix(line, `\`)
	}
	return m
}

// scan follows brackets and strings through a line. quote is the delimiter of
// the long string that the line begins in, "" if it begins in none.
func scan(line string, depth int, quote string) (int, string) {
	for i := 0; i < len(line); i++ {
		rest := line[i:]
		switch {
		case rest[0] == '\\':
			i++
		case quote != "":
			if strings.HasPrefix(rest, quote) {
				i += len(quote) - 1
				quote = ""
			}
		case strings.HasPrefix(rest, `"""`), strings.HasPrefix(rest, `'''`):
			quote = rest[:3]
			i += 2
		case rest[0] == '"', rest[0] == '\'':
			quote = rest[:1]
		case rest[0] == '#':
			return depth, ""
		case strings.IndexByte("([{", rest[0]) >= 0:
			depth++
		case strings.IndexByte(")]}", rest[0]) >= 0:
			depth = max(depth-1, 0)
		}
	}
	if len(quote) == 1 {
		quote = "" // short strings end with their line
	}
	return depth, quote
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

var (
	definition = regexp.MustCompile(`^(?:async\s+)?def\s+(\w+)|^class\s+(\w+)`)
	binding    = regexp.MustCompile(`^(\w+)\s*(?::[^=]*)?=[^=]`)
	identifier = regexp.MustCompile(`[A-Za-z_]\w*`)
)

func (s statement) isClass() bool { return strings.HasPrefix(s.head, "class ") }

func (s statement) defines() bool { return definition.MatchString(s.head) }

// body returns the index after the last statement below statement i.
func (m *module) body(i int) int {
	j := i + 1
	for j < len(m.statements) && m.statements[j].indent > m.statements[i].indent {
		j++
	}
	return j
}

// whole is the lines of statement i with its decorators and its body.
func (m *module) whole(i int) span {
	first := i
	for first > 0 && m.statements[first-1].head[0] == '@' && m.statements[first-1].indent == m.statements[i].indent {
		first--
	}
	return span{m.statements[first].first, m.statements[m.body(i)-1].last}
}

// function returns the lines of the function that contains a line, numbered
// from 1: the outermost one below module and classes, or, where that has more
// than limit lines, the innermost. Outside of functions it is the statement. ok
// is false if the file has no such line.
func (m *module) function(line, limit int) (_ span, ok bool) {
	if line < 1 || line > len(m.lines) {
		return span{}, false
	}
	found, statement := span{}, span{-1, -1}
	outermost := true
	for i, s := range m.statements {
		w := m.whole(i)
		if line-1 < w.first || line-1 > w.last {
			continue
		}
		statement = span{s.first, s.last}
		if s.defines() && !s.isClass() && (!ok || outermost && found.last-found.first >= limit || !outermost) {
			outermost = !ok
			found, ok = w, true
		}
	}
	switch {
	case ok:
		found.last = min(found.last, found.first+limit-1)
		return found, true
	case statement.first >= 0:
		statement.last = min(statement.last, statement.first+limit-1)
		return statement, true
	}
	return span{line - 1, line - 1}, true
}

// context returns the lines outside of the given ones on which they depend: the
// imports and constants of the module whose names they use, and the heads and
// attributes of their classes.
func (m *module) context(shown []span) []span {
	const most = 40 // lines of one constant
	used := map[string]bool{}
	for _, sp := range shown {
		for _, name := range identifier.FindAllString(strings.Join(m.lines[sp.first:sp.last+1], "\n"), -1) {
			used[name] = true
		}
	}
	within := func(w span) bool {
		return slices.ContainsFunc(shown, func(s span) bool { return w.first <= s.first && s.last <= w.last })
	}
	var out []span
	for i, s := range m.statements {
		lines := span{s.first, min(s.last, s.first+most-1)}
		switch {
		case s.indent == 0 && (strings.HasPrefix(s.head, "import ") || strings.HasPrefix(s.head, "from ")):
			if m.uses(lines, used) {
				out = append(out, lines)
			}
		case s.indent == 0 && binding.MatchString(s.head):
			if used[binding.FindStringSubmatch(s.head)[1]] {
				out = append(out, lines)
			}
		case s.isClass() && within(m.whole(i)):
			out = append(out, lines)
			for j := i + 1; j < m.body(i); j++ {
				if t := m.statements[j]; t.indent == m.statements[i+1].indent && !t.defines() && t.head[0] != '@' {
					out = append(out, span{t.first, min(t.last, t.first+most-1)})
				}
			}
		}
	}
	return out
}

func (m *module) uses(lines span, used map[string]bool) bool {
	names := identifier.FindAllString(strings.Join(m.lines[lines.first:lines.last+1], "\n"), -1)
	return slices.ContainsFunc(names, func(n string) bool { return used[n] })
}

// excerpt renders spans in the order of the file; an ellipsis stands where lines
// are left out.
func (m *module) excerpt(spans []span) string {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b span) int { return a.first - b.first })
	var b strings.Builder
	next := -1
	for _, sp := range spans {
		first := max(sp.first, next)
		if first > sp.last {
			continue
		}
		if next >= 0 && first > next && strings.TrimSpace(strings.Join(m.lines[next:first], "")) != "" {
			b.WriteString("…\n")
		} else if next >= 0 && first > next {
			b.WriteString(strings.Repeat("\n", min(first-next, 2)))
		}
		b.WriteString(strings.Join(m.lines[first:sp.last+1], "\n") + "\n")
		next = sp.last + 1
	}
	return strings.TrimRight(b.String(), "\n")
}
