package replay

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// identifier says whether s is a Python name that can be written as it is.
// Names outside of ASCII are left out: what they look like may deceive.
func identifier(s string) bool {
	if s == "" || len(s) > 200 || keywords[s] {
		return false
	}
	for i, c := range []byte(s) {
		switch {
		case c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		case i > 0 && c >= '0' && c <= '9':
		default:
			return false
		}
	}
	return true
}

// dotted says whether s is identifiers with dots between.
func dotted(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !identifier(part) {
			return false
		}
	}
	return true
}

var keywords = set("False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// literal writes s as a Python string literal in ASCII.
func literal(s string) string {
	var b strings.Builder
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r == utf8.RuneError || r < 0x10000:
			b.WriteString(`\u` + pad(strconv.FormatInt(int64(r), 16), 4))
		default:
			b.WriteString(`\U` + pad(strconv.FormatInt(int64(r), 16), 8))
		}
	}
	b.WriteRune(quote)
	return b.String()
}

func pad(s string, n int) string { return strings.Repeat("0", max(n-len(s), 0)) + s }

// comment makes a text fit for one line of a comment or docstring.
func comment(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f || r == '"' || r == '\\' {
			return '.'
		}
		return r
	}, s)
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return s
}

func sorted(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// module returns the dotted name under which a source file is imported, and the
// directory that must be on sys.path for it; "" if the file's name is not a module name.
func (g *generator) module(file string) (name, dir string) {
	dir, base := filepath.Split(file)
	dir = filepath.Clean(dir)
	stem := strings.TrimSuffix(base, ".py")
	if stem == base {
		return "", ""
	}
	var parts []string
	if stem != "__init__" {
		parts = []string{stem}
	}
	for _, root := range g.options.Roots {
		if rel, err := filepath.Rel(root, dir); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			if rel != "." {
				parts = append(strings.Split(rel, "/"), parts...)
			}
			dir = root
			return joined(parts), dir
		}
	}
	for range 20 { // packages around it
		if _, err := os.Stat(filepath.Join(dir, "__init__.py")); err != nil {
			break
		}
		parts = append([]string{filepath.Base(dir)}, parts...)
		dir = filepath.Dir(dir)
	}
	return joined(parts), dir
}

func joined(parts []string) string {
	name := strings.Join(parts, ".")
	if !dotted(name) {
		return ""
	}
	return name
}

// names hands out variable names.
type names map[string]int

// next returns a name for an object of a class: cart1, cart2, …
func (n names) next(class string) string {
	class = class[strings.LastIndex(class, ".")+1:]
	stem := strings.ToLower(strings.Trim(class, "_"))
	if !identifier(stem) {
		stem = "value"
	}
	n[stem]++
	return stem + strconv.Itoa(n[stem])
}
