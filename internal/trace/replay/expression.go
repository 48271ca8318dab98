package replay

import "strings"

// expression says whether a text of the trace is a Python expression that the file may contain: literals and brackets, and with calls also dotted names
// that are called. It is a filter for untrusted text, not a parser: what passes is on one line, cannot escape its context and does no more than its text says.
func expression(s string, calls bool) bool {
	var open []byte
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\'' || c == '"':
			end := quoted(s, i)
			if end < 0 {
				return false
			}
			i = end
			continue
		case c >= '0' && c <= '9', c == ' ', c == ',', c == ':', c == '-', c == '+', c == '.':
		case c == '(' || c == '[' || c == '{':
			open = append(open, c)
		case c == ')' || c == ']' || c == '}':
			if len(open) == 0 || !pair(open[len(open)-1], c) {
				return false
			}
			open = open[:len(open)-1]
		case c == '=':
			if !calls || len(open) == 0 {
				return false
			}
		case c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			end := i
			for end < len(s) && wordByte(s[end]) {
				end++
			}
			if !word(s, i, end, calls) {
				return false
			}
			i = end
			continue
		default:
			return false
		}
		i++
	}
	return s != "" && len(open) == 0 && bounded(s)
}

func wordByte(c byte) bool {
	return c == '_' || c == '.' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// word judges a name, a keyword or the letters of a number.
func word(s string, from, to int, calls bool) bool {
	w := s[from:to]
	switch w {
	case "None", "True", "False", "inf", "nan":
		return true
	case "b", "u", "r", "B":
		return to < len(s) && (s[to] == '\'' || s[to] == '"')
	}
	if from > 0 && (s[from-1] >= '0' && s[from-1] <= '9' || s[from-1] == '.') {
		return w == "e" || w == "j" || w == "J" || strings.Trim(w, "e0123456789j.") == "" // 1e16, 2j
	}
	if to < len(s) && s[to] == '(' && w == "set" || w == "frozenset" || w == "float" || w == "bytearray" || w == "complex" || w == "range" {
		return true
	}
	return calls && dotted(w) && !strings.Contains(w, "__")
}

// quoted returns the index after the string literal at i, -1 when it has no end.
func quoted(s string, i int) int {
	q := s[i]
	for j := i + 1; j < len(s); j++ {
		switch {
		case s[j] == '\\':
			j++
		case s[j] == q:
			return j + 1
		case s[j] < ' ' || s[j] == 0x7f:
			return -1
		}
	}
	return -1
}

func pair(open, shut byte) bool {
	return open == '(' && shut == ')' || open == '[' && shut == ']' || open == '{' && shut == '}'
}

// dottedNames returns the names with dots that stand outside of string literals.
func dottedNames(s string) (out []string) {
	for _, n := range namesOf(s) {
		if strings.Contains(n.text, ".") && dotted(n.text) {
			out = append(out, n.text)
		}
	}
	return out
}
