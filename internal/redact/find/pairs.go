package find

import (
	"strings"

	"github.com/repaird/repaird/internal/redact/encode"
	"github.com/repaird/repaird/internal/redact/shape"
)

// Values are found by their names in whatever notation a text uses: JSON,
// Python, YAML, environment files, headers, URLs, XML, and JSON in a string in
// JSON. The context of a name and a value is nearly the same in all of them.

// Pairs finds the values of sensitive names.
func Pairs(s string, work *int, add func(Finding)) {
	for i := 0; i < len(s) && *work >= 0; {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_') {
			i++
			continue
		}
		start := i
		if i > 0 && s[i-1] == '\\' && strings.IndexByte("nrt", c) >= 0 {
			start++ // the letter belongs to an escape
		}
		for i < len(s) && (shape.IsAlnum(s[i]) || s[i] == '_' || s[i] == '-' || s[i] == '.') {
			i++
		}
		end := i
		for end > start && (s[end-1] == '.' || s[end-1] == '-') {
			end--
		}
		if level := SensitivityOf(s[start:end]); level != Harmless {
			p := pairParser{s: s, name: s[start:end], start: start, level: level, add: add, work: work}
			// Values may contain names themselves ("Authorization: Basic …"),
			// so the scan continues after the name, not after the value.
			p.parse(end)
			i = max(i, p.past)
		}
		if i == start {
			i++
		}
	}
}

// A pairParser reads what follows one sensitive name.
type pairParser struct {
	s     string
	name  string
	start int // of the name
	level Sensitivity
	add   func(Finding)

	work       *int
	past       int  // where the scan continues; 0 after the name
	quotedName bool // the name has quotes of its own
	phrase     bool // the name is the last word of a quoted text
	called     bool // the name is that of a function, the value its argument
}

const (
	MaxValue = 16 << 10 // bytes of one quoted value
	maxBare  = 4 << 10
)

func (p *pairParser) emit(start, end int, quoted bool, cells []encode.Cell) {
	value := p.s[start:end]
	if cells != nil {
		value = encode.Text(cells)
	}
	if strings.Contains(value, "-----BEGIN") || strings.Contains(value, "-----END") {
		return // is found by itself, and keeps its frame
	}
	if !p.level.Accepts(value, quoted) || p.called && strings.IndexByte(value, ' ') >= 0 && shape.Of(value).Digit == 0 {
		return // of a call, a sentence is a message
	}
	p.add(Finding{Start: start, End: end, Rule: "name:" + p.level.String(), Firm: p.level != Opaque, Cells: cells})
}

// String names the level in reports.
func (s Sensitivity) String() string {
	return [...]string{"harmless", "opaque", "weak", "secret", "personal"}[s]
}

// parse reads separator and value from i, the end of the name.
func (p *pairParser) parse(i int) {
	s := p.s
	slashes, q, after := quoteAt(s, i)
	nameQuoted := after > i
	before := p.start
	for before > 0 && p.start-before < 2 && s[before-1] == '-' { // '--password', 'hunter2'
		before--
	}
	wholeQuoted := nameQuoted && before > 0 && s[before-1] == q
	p.quotedName, p.phrase = wholeQuoted, nameQuoted && !wholeQuoted
	if nameQuoted {
		i = after
		if i < len(s) && s[i] == ']' { // environ['SECRET'] = …
			i++
		}
	}
	i = skipSpaces(s, i, 8)
	if i >= len(s) {
		return
	}
	switch c := s[i]; {
	case c == '=' || c == ':':
		for i++; i < len(s) && (s[i] == '=' || s[i] == '>' || s[i] == '~'); i++ {
		}
		p.value(skipSpaces(s, i, 8))
	case c == ',' && wholeQuoted && p.level >= Strong:
		p.quotedOnly(skipSpaces(s, i+1, 8)) // ('password', 'hunter2')
	case c == '(' && p.level == Strong && !nameQuoted:
		p.called = true
		p.quotedOnly(i + 1) // set_password('hunter2')
	case c == '>' && p.start > 0 && s[p.start-1] == '<':
		if n := strings.IndexByte(s[i:min(len(s), i+maxBare)], '<'); n > 0 {
			p.emit(i+1, i+n, true, nil)
		}
	case slashes == 0 && !nameQuoted && !strings.EqualFold(p.name, "pass"): // which is a verb too
		p.sentence(i)
	}
}

// value reads a value after a separator.
func (p *pairParser) value(i int) {
	s := p.s
	if i >= len(s) {
		return
	}
	if p.header(i) {
		return
	}
	if end, ok := p.quoted(i); ok {
		p.continued(end)
		return
	}
	switch s[i] {
	case '[', '(', '{':
		if !p.phrase {
			p.collection(i)
		}
		return
	}
	end := bareEnd(s, i)
	*p.work -= end - i
	word := s[i:end]
	// name: type = value, in Python
	if next := skipSpaces(s, end, 4); next < len(s) && s[next] == '=' && typeNames[word] {
		p.value(skipSpaces(s, next+1, 4))
		return
	}
	if end == i || isExpression(s, i, end) {
		return
	}
	// Only in a query are % and + escapes.
	var cells []encode.Cell
	inQuery := p.start > 0 && (s[p.start-1] == '&' || s[p.start-1] == '?') || end < len(s) && s[end] == '&'
	if inQuery && strings.ContainsAny(word, "%+") {
		cells = encode.Query(word)
	}
	p.emit(i, end, false, cells)
}

var typeNames = Set(`str int bytes bool float object Any Optional[str] None|str str|None`)

// quoted reads a string literal, with its prefix letters, at i.
func (p *pairParser) quoted(i int) (end int, ok bool) {
	s := p.s
	for n := 0; n < 2 && i < len(s) && strings.IndexByte("bBuUrRfF", s[i]) >= 0; n++ {
		if i+1 < len(s) && strings.IndexByte(`bBuUrRfF'"\`, s[i+1]) < 0 {
			break
		}
		i++
	}
	slashes, q, open := quoteAt(s, i)
	if open == i {
		return i, false
	}
	if p.closes(slashes, q, open) {
		return i, false
	}
	limit := min(len(s), open+MaxValue)
	defer func() { *p.work -= end - open }()
	for j := open; j < limit && s[j] != '\n'; j++ {
		if s[j] != q {
			continue
		}
		k := 0
		for j-k-1 >= open && s[j-k-1] == '\\' {
			k++
		}
		if k == slashes || slashes == 0 && k%2 == 0 {
			p.emitLiteral(open, j-slashes)
			return j + 1, true
		}
	}
	// The text was truncated within the value.
	end = open
	for end < limit && s[end] != '\n' {
		end++
	}
	p.emitLiteral(open, end)
	return end, true
}

// closes reports whether a quote after a name ends the text in which the name
// stands, as in input('Password: ', echo=False), rather than begins a value:
// an odd number of such quotes is before the name, and what follows is not how
// a value begins.
func (p *pairParser) closes(slashes int, q byte, open int) bool {
	if p.quotedName || open < len(p.s) && strings.IndexByte(" ,;:.)]}+\n\r", p.s[open]) < 0 {
		return false
	}
	odd := false
	*p.work -= 64
	for i := p.start - 1; i >= 0 && i > p.start-400 && p.s[i] != '\n'; i-- {
		if p.s[i] == q {
			k := 0
			for i-k-1 >= 0 && p.s[i-k-1] == '\\' {
				k++
			}
			if k == slashes {
				odd = !odd
			}
		}
	}
	return odd
}

func (p *pairParser) emitLiteral(start, end int) {
	var cells []encode.Cell
	if strings.IndexByte(p.s[start:end], '\\') >= 0 {
		cells = encode.Escapes(p.s[start:end])
	}
	if !p.nested(start, end) {
		p.emit(start, end, true, cells)
	}
}

// nested handles a value that is itself a header's or a list of cookies, so that
// its parts get the tokens that they have elsewhere.
func (p *pairParser) nested(start, end int) bool {
	value := p.s[start:end]
	for _, scheme := range AuthSchemes {
		if n := len(scheme); len(value) > n+1 && strings.EqualFold(value[:n], scheme) && value[n] == ' ' {
			from := skipSpaces(p.s, start+n, 4)
			if n := strings.IndexByte(p.s[from:end], ' '); n > 0 && !manyParts[scheme] {
				end = from + n
			}
			if from < end {
				p.credentials(from, end, strings.EqualFold(scheme, "basic"))
			}
			return true
		}
	}
	if strings.EqualFold(p.name, "cookie") && strings.IndexByte(value, '=') > 0 {
		p.cookies(start, end, false)
		return true
	}
	return false
}

// continued reads literals that are joined to the one before: 'abc' 'def',
// "abc" + "def".
func (p *pairParser) continued(i int) {
	for n := 0; n < 8; n++ {
		j := i
		for j < len(p.s) && j < i+40 && strings.IndexByte(" \t\r\n+\\", p.s[j]) >= 0 {
			j++
		}
		_, _, open := quoteAt(p.s, j)
		if j == i || open == j {
			return
		}
		end, ok := p.quoted(j)
		if !ok {
			return
		}
		i = end
	}
}

func (p *pairParser) quotedOnly(i int) {
	if end, ok := p.quoted(i); ok {
		p.continued(end)
	}
}

// collection reads the literals in brackets: of a dict only its values.
func (p *pairParser) collection(i int) {
	s, open := p.s, p.s[i]
	limit := min(len(s), i+maxBare)
	for depth, j := 0, i; j < limit; {
		*p.work--
		switch s[j] {
		case '[', '(', '{':
			depth++
		case ']', ')', '}':
			if depth--; depth == 0 {
				return
			}
		case '\'', '"', '\\':
			_, _, after := quoteAt(s, j)
			if after == j {
				break
			}
			if open == '{' && !followsColon(s, j) {
				j = skipLiteral(s, j, limit)
				continue
			}
			end, ok := p.quoted(j)
			if !ok {
				return
			}
			j = end
			continue
		}
		j++
	}
}

func followsColon(s string, i int) bool {
	for i--; i >= 0 && s[i] == ' '; i-- {
	}
	return i >= 0 && s[i] == ':'
}

func skipLiteral(s string, i, limit int) int {
	slashes, q, open := quoteAt(s, i)
	for j := open; j < limit; j++ {
		if s[j] == q && j-slashes >= open-1 && (slashes > 0 || s[j-1] != '\\') {
			return j + 1
		}
	}
	return limit
}

// fillers may stand between a name and its value in a sentence.
var fillers = Set(`is was are were value of for to using with given got set as be`)

// sentence reads "password hunter2 was rejected", "invalid token 'abc…'".
func (p *pairParser) sentence(i int) {
	s := p.s
	if i == 0 || s[i-1] != ' ' {
		return
	}
	for range 3 {
		if _, _, open := quoteAt(s, i); open > i {
			if p.level >= Weak {
				p.quoted(i)
			}
			return
		}
		end := bareEnd(s, i)
		if end == i {
			return
		}
		word := s[i:end]
		if isScheme := strings.EqualFold(p.name, "bearer") || strings.EqualFold(p.name, "basic"); isScheme {
			if len(word) >= 8 && (shape.Of(word).Digit > 0 || encode.Login(word) != "" || strings.HasSuffix(word, "=") || shape.Random(word)) {
				p.credentials(i, end, strings.EqualFold(p.name, "basic"))
			}
			return
		}
		if !fillers[strings.ToLower(word)] {
			sh := shape.Of(word)
			mixed := p.level == Strong && sh.Alnum >= 6 && sh.Digit > 0 && sh.Lower+sh.Upper > 0 && !isExpression(s, i, end)
			if mixed || p.level >= Weak && shape.Random(word) {
				p.emit(i, end, false, nil)
			}
			return
		}
		i = skipSpaces(s, end, 3)
	}
}

// quoteAt reads an opening or closing quote at i: any number of backslashes,
// then ' or " or `. after is i where there is none.
func quoteAt(s string, i int) (slashes int, q byte, after int) {
	j := i
	for j < len(s) && s[j] == '\\' && j-i < 64 {
		j++
	}
	if j < len(s) && (s[j] == '"' || s[j] == '\'' || s[j] == '`' && j == i) {
		return j - i, s[j], j + 1
	}
	return 0, 0, i
}

func skipSpaces(s string, i, most int) int {
	for n := 0; n < most && i < len(s) && (s[i] == ' ' || s[i] == '\t'); n++ {
		i++
	}
	return i
}

// bareEnd is where a value without quotes ends. Commas and semicolons belong to
// it unless another name follows them.
func bareEnd(s string, i int) int {
	end := i
	limit := min(len(s), i+maxBare)
loop:
	for end < limit {
		switch c := s[end]; c {
		case ' ', '\t', '\n', '\r', '"', '\'', '`', '<', '>', '|', '\\', '}', ']':
			break loop
		case '&':
			if nameFollows(s, end+1) {
				break loop
			}
		case ',', ';':
			if end+1 >= len(s) || s[end+1] == ' ' || nameFollows(s, end+1) {
				break loop
			}
		}
		end++
	}
	for end > i && strings.IndexByte(".,;:)!?", s[end-1]) >= 0 {
		end--
	}
	return end
}

// nameFollows reports whether name= or "name": begins at i.
func nameFollows(s string, i int) bool {
	j := i
	for j < len(s) && j < i+60 && (shape.IsAlnum(s[j]) || strings.IndexByte(`_-.[]"' `, s[j]) >= 0) {
		j++
	}
	return j > i && j < len(s) && (s[j] == '=' || s[j] == ':')
}

// isExpression reports whether bare text is code rather than a value: a call,
// an attribute, a subscript.
func isExpression(s string, start, end int) bool {
	word := s[start:end]
	if end < len(s) && (s[end] == '(' || s[end] == '[') {
		return true
	}
	if n := strings.IndexAny(word, "(["); n > 0 && shape.IsName(word[:n]) {
		return true
	}
	return strings.IndexByte(word, '.') > 0 && shape.IsName(word) && shape.Of(word).Digit == 0 && len(word) < 60
}
