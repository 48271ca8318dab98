package scrub

import "strings"

// isLiteral says whether a text has the form of a Python literal: numbers,
// strings, bytes, None, booleans, and lists, tuples, dicts and sets of them.
func isLiteral(text string) bool {
	p := literalParser{s: text}
	return p.value(0) && p.space() == len(text)
}

type literalParser struct {
	s string
	i int
}

// space skips it and returns where the parser is.
func (p *literalParser) space() int {
	for p.i < len(p.s) && p.s[p.i] == ' ' {
		p.i++
	}
	return p.i
}

func (p *literalParser) take(c byte) bool {
	if p.space() < len(p.s) && p.s[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *literalParser) value(depth int) bool {
	if p.space() >= len(p.s) || depth > 100 {
		return false
	}
	switch c := p.s[p.i]; c {
	case '[':
		return p.items(']', false, depth)
	case '(':
		return p.items(')', false, depth)
	case '{':
		return p.items('}', true, depth)
	case '\'', '"':
		return p.quoted(c)
	case 'b', 'B', 'u':
		p.i++
		return p.i < len(p.s) && (p.s[p.i] == '\'' || p.s[p.i] == '"') && p.quoted(p.s[p.i])
	}
	for _, word := range []string{"None", "True", "False", "set()"} {
		if strings.HasPrefix(p.s[p.i:], word) {
			p.i += len(word)
			return true
		}
	}
	return p.number()
}

func (p *literalParser) items(end byte, pairs bool, depth int) bool {
	p.i++
	for !p.take(end) {
		if !p.value(depth+1) || pairs && p.take(':') && !p.value(depth+1) {
			return false
		}
		if !p.take(',') && (p.space() >= len(p.s) || p.s[p.i] != end) {
			return false
		}
	}
	return true
}

func (p *literalParser) quoted(quote byte) bool {
	for p.i++; p.i < len(p.s); p.i++ {
		switch p.s[p.i] {
		case '\\':
			p.i++
		case quote:
			p.i++
			return true
		}
	}
	return false
}

func (p *literalParser) number() bool {
	from, digits := p.i, false
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c >= '0' && c <= '9':
			digits = true
		case c == '.' || c == 'e' || c == 'j' || c == '+' || c == '-' || c == '_':
		default:
			return digits
		}
		p.i++
	}
	return digits && p.i > from
}
