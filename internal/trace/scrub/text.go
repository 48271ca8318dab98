package scrub

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/incident"
)

// object copies an object, whose values f redacts. Anything else is redacted like any value.
func (x *scrubber) object(f func(key string) bool) bool {
	return x.inside('{', func(int) bool {
		from := x.I
		key, ok := x.Key()
		if !ok {
			return false
		}
		name := string(key)
		if len(name) > 100 || !isPlainName(name) { // no key of ours
			x.out = appendJSON(x.out, x.red.Text(name, x.known).String())
			x.out = append(x.out, ':')
		} else if clean := x.plainName(name); clean != name {
			x.out = append(appendJSON(x.out, clean), ':')
		} else {
			x.out = append(x.out, x.B[from:x.I]...)
		}
		return f(name)
	})
}

// list copies a list, whose elements f redacts.
func (x *scrubber) list(f func(n int) bool) bool { return x.inside('[', f) }

func (x *scrubber) inside(begin byte, f func(n int) bool) bool {
	if x.Peek() != begin {
		return x.any("")
	}
	if !x.Open(begin) || x.Depth > 1000 {
		return false
	}
	x.out = append(x.out, begin)
	for n := 0; ; n++ {
		more, ok := x.Next(begin+2, n)
		if !ok {
			return false
		}
		if !more {
			x.out = append(x.out, begin+2)
			return true
		}
		if n > 0 {
			x.out = append(x.out, ',')
		}
		x.Peek() // white space is not copied
		if !f(n) {
			return false
		}
	}
}

// any redacts a value of any kind: every string in it, under its key's name.
func (x *scrubber) any(name string) bool {
	switch x.Peek() {
	case '"':
		return x.string(name, false)
	case '[':
		return x.list(func(int) bool { return x.any(name) })
	case '{':
		return x.object(func(string) bool { return x.any(name) })
	}
	from := x.I
	if !x.Skip(true) {
		return false
	}
	x.out = append(x.out, x.B[from:x.I]...)
	return true
}

// label copies a name of the program's, such as a class or a file, where it has
// the form of one and holds no credential. In lists likewise.
func (x *scrubber) label() bool {
	if x.Peek() == '[' {
		return x.list(func(int) bool { return x.label() })
	}
	if x.Peek() != '"' {
		return x.any("")
	}
	own := x.lookAhead()
	if len(own) > 4096 || !isPlainName(own) {
		return x.string("", false)
	}
	from := x.I
	if _, ok := x.Text(); !ok {
		return false
	}
	if clean := x.plainName(own); clean != own {
		x.out = appendJSON(x.out, clean)
	} else {
		x.out = append(x.out, x.B[from:x.I]...)
	}
	return true
}

// Bounds of what can be a secret in a name.
const (
	shortestToken = 16 // characters of a provider's token, and more
	shortestCard  = 12 // digits of a payment card's number
)

// plainName redacts the name of a file, a function, a class or a variable.
// Unlike in other texts only what is certainly a credential goes, and long
// numbers are judged: a name that looks odd is still a name, and it must be the
// same in the trace and in the source. Names that are equal to a secret value
// stay, too: many a password is "password".
func (x *scrubber) plainName(name string) string {
	if x.learning || len(name) < shortestCard {
		return name
	}
	clean, ok := x.names[name]
	if !ok {
		parts := strings.Split(name, "/")
		for i, part := range parts {
			if len(part) >= shortestToken {
				parts[i] = x.red.Code(part, nil).String()
			}
			if hasLongNumber(part) {
				parts[i] = x.red.Text(parts[i], nil).String()
			}
		}
		clean = strings.Join(parts, "/")
		if len(x.names) >= maxMemo {
			clear(x.names)
		}
		x.names[name] = clean
	}
	return clean
}

func hasLongNumber(s string) bool {
	n := 0
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			if n++; n >= shortestCard {
				return true
			}
		case c != '-': // which cards are written with
			n = 0
		}
	}
	return false
}

// isPlainName says whether a text has only what names of files and functions
// are made of.
func isPlainName(s string) bool {
	for _, c := range s {
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && !strings.ContainsRune("./<>-:*+", c) {
			return false
		}
	}
	return true
}

// lookAhead returns the string that comes next and does not take it; "" where
// there is none.
func (x *scrubber) lookAhead() string {
	from := x.I
	text, ok := x.Text()
	x.I = from
	if !ok {
		return ""
	}
	return string(text)
}

// string redacts a string. python says that it is Python text, which must stay
// a literal where it is one.
func (x *scrubber) string(name string, python bool) bool {
	from := x.I
	if x.Peek() != '"' {
		return x.any(name)
	}
	text, ok := x.Text()
	if !ok {
		return false
	}
	raw := x.B[from:x.I]
	if x.learning {
		if name != "" && len(x.learned) < maxLearned && len(text) > 0 && !x.seen[string(raw)] {
			x.seen[string(raw)] = true
			repr := string(text)
			if !python {
				repr = quoted(repr)
			}
			x.learned = append(x.learned, incident.Variable{Name: name, Value: incident.Value{Kind: incident.KindRepr, Repr: repr}})
		}
		return true
	}
	if name == "" && harmless(text) {
		x.out = append(x.out, raw...)
		return true
	}
	key := name + "\x00" + string(raw)
	clean, ok := x.memo[key]
	if !ok {
		clean = x.clean(name, string(text), raw, python)
		if len(x.memo) >= maxMemo {
			clear(x.memo)
		}
		x.memo[key] = clean
	}
	x.out = append(x.out, clean...)
	return true
}

// clean returns the JSON of a redacted string, the string's own where nothing
// changed.
func (x *scrubber) clean(name, text string, raw []byte, python bool) []byte {
	var clean string
	if name == "" {
		clean = x.red.Text(text, x.known).String()
	} else { // the name decides
		whole := text
		if !python {
			whole = quoted(text)
		}
		rest, ok := strings.CutPrefix(x.red.Text(name+"="+whole, x.known).String(), name+"=")
		if !ok {
			rest = "'redacted'"
		}
		if clean = rest; !python {
			clean = unquoted(rest)
		}
	}
	if clean == text {
		return append([]byte(nil), raw...)
	}
	if python && isLiteral(text) && !isLiteral(clean) {
		clean = "'redacted'"
	}
	return appendJSON(nil, clean)
}

// harmless says whether a text is too short or too common to be anyone's.
func harmless(text []byte) bool {
	switch string(text) {
	case "", "None", "True", "False", "[]", "{}", "()", "''", "set()":
		return true
	}
	if len(text) > 7 {
		return false
	}
	for _, c := range text {
		if (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

// isSensitive says whether values of a name, or some of them, are replaced for it.
func (x *scrubber) isSensitive(name string) bool {
	if len(name) < 2 || len(name) > 100 || !isPlainName(name) {
		return false
	}
	is, ok := x.sensitive[name]
	if !ok {
		for _, probe := range []string{"='correcthorse'", "='x8v2k9q4tz7m1'"} { // a word and a code, which are replaced only for their name
			is = is || !strings.HasSuffix(x.red.Text(name+probe, nil).String(), probe)
		}
		if len(x.sensitive) >= maxMemo {
			clear(x.sensitive)
		}
		x.sensitive[name] = is
	}
	return is
}

// optionName is the name of a long option.
func optionName(option string) string {
	return strings.ReplaceAll(strings.TrimLeft(option, "-"), "-", "_")
}

// quoted writes a text as a Python literal, and unquoted takes the quotes off.
func quoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`).Replace(s) + "'"
}

func unquoted(s string) string {
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '\'' && s[0] != '"' {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\"`, `"`, `\n`, "\n", `\r`, "\r").Replace(s[1 : len(s)-1])
}

// appendJSON appends a text as JSON in ASCII.
func appendJSON(out []byte, s string) []byte {
	const digits = "0123456789abcdef"
	unit := func(c uint16) {
		out = append(out, '\\', 'u', digits[c>>12], digits[c>>8&15], digits[c>>4&15], digits[c&15])
	}
	out = append(out, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r >= ' ' && r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			unit(uint16(high))
			unit(uint16(low))
		default:
			unit(uint16(r))
		}
	}
	return append(out, '"')
}
