package redact

import (
	"encoding/base64"
	"strings"
)

// Values are found by their names in whatever notation a text uses: JSON,
// Python, YAML, environment files, headers, URLs, XML, and JSON in a string in
// JSON. What may surround a name and a value is nearly the same in all of them.

// findPairs finds the values of sensitive names.
func findPairs(s string, budget *int, add func(finding)) {
	for i := 0; i < len(s) && *budget >= 0; {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_') {
			i++
			continue
		}
		start := i
		if i > 0 && s[i-1] == '\\' && strings.IndexByte("nrt", c) >= 0 {
			start++ // the letter belongs to an escape
		}
		for i < len(s) && (isAlnum(s[i]) || s[i] == '_' || s[i] == '-' || s[i] == '.') {
			i++
		}
		end := i
		for end > start && (s[end-1] == '.' || s[end-1] == '-') {
			end--
		}
		if level := sensitivityOf(s[start:end]); level != harmless {
			p := pairParser{s: s, name: s[start:end], start: start, level: level, add: add, budget: budget}
			// Values may hold names themselves ("Authorization: Basic …"), so
			// the scan goes on behind the name, not behind the value.
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
	level sensitivity
	add   func(finding)

	budget     *int
	past       int  // where the scan goes on; 0 behind the name
	quotedName bool // the name has quotes of its own
	phrase     bool // the name is the last word of a quoted text
	called     bool // the name is that of a function, the value its argument
}

const (
	maxValue = 16 << 10 // bytes of one quoted value
	maxBare  = 4 << 10
)

func (p *pairParser) emit(start, end int, quoted bool, cells []cell) bool {
	value := p.s[start:end]
	if cells != nil {
		value = textOf(cells)
	}
	if strings.Contains(value, "-----BEGIN") || strings.Contains(value, "-----END") {
		return false // is found by itself, and keeps its frame
	}
	if !p.level.accepts(value, quoted) || p.called && strings.IndexByte(value, ' ') >= 0 && shapeOf(value).digit == 0 {
		return false // of a call, a sentence is a message
	}
	p.add(finding{start: start, end: end, rule: "name:" + p.level.String(), firm: p.level != opaque, cells: cells})
	return true
}

// String names the level in reports.
func (s sensitivity) String() string {
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
	case c == ',' && wholeQuoted && p.level >= strong:
		p.quotedOnly(skipSpaces(s, i+1, 8)) // ('password', 'hunter2')
	case c == '(' && p.level == strong && !nameQuoted:
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
	*p.budget -= end - i
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
	var cells []cell
	inQuery := p.start > 0 && (s[p.start-1] == '&' || s[p.start-1] == '?') || end < len(s) && s[end] == '&'
	if inQuery && strings.ContainsAny(word, "%+") {
		cells = queryCells(word)
	}
	p.emit(i, end, false, cells)
}

var typeNames = wordSet(`str int bytes bool float object Any Optional[str] None|str str|None`)

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
	limit := min(len(s), open+maxValue)
	defer func() { *p.budget -= end - open }()
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
	// The text was cut within the value.
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
	*p.budget -= 64
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
	var cells []cell
	if strings.IndexByte(p.s[start:end], '\\') >= 0 {
		cells = decodeEscapes(p.s[start:end])
	}
	if !p.nested(start, end) {
		p.emit(start, end, true, cells)
	}
}

// nested handles a value that is itself a header's or a list of cookies, so that
// its parts get the tokens that they have elsewhere.
func (p *pairParser) nested(start, end int) bool {
	value := p.s[start:end]
	for _, scheme := range authSchemes {
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
		*p.budget--
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

// header reads the value of a header field; false where the name is none.
func (p *pairParser) header(i int) bool {
	name := strings.ToLower(p.name)
	switch name {
	case "authorization", "proxy-authorization", "x-authorization", "http_authorization":
	case "cookie", "http_cookie", "set-cookie":
		p.past = headerEnd(p.s, i)
		p.cookies(i, p.past, name == "set-cookie")
		return true
	default:
		return false
	}
	if _, _, open := quoteAt(p.s, i); open > i || strings.IndexByte("([{", p.s[i]) >= 0 {
		return false // quoted, then like any other value
	}
	end := headerEnd(p.s, i)
	*p.budget -= end - i
	if !p.nested(i, end) {
		p.emit(i, end, false, nil)
	}
	return true
}

var authSchemes = []string{"bearer", "basic", "token", "apikey", "api-key", "digest", "negotiate", "aws4-hmac-sha256", "dpop"}

// manyParts are the schemes whose credentials are a list.
var manyParts = map[string]bool{"digest": true, "aws4-hmac-sha256": true}

// credentials reads what follows an authentication scheme. Basic credentials
// are taken apart, so that the password is known elsewhere.
func (p *pairParser) credentials(start, end int, basic bool) {
	if value := p.s[start:end]; isPlaceholder(value, false) {
		return
	}
	p.add(finding{start: start, end: end, rule: "authorization", firm: true, basic: basic && decodeBasic(p.s[start:end]) != ""})
}

// decodeBasic returns user:password of Basic credentials; "" where they are none.
func decodeBasic(s string) string {
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil || !printable(data, false) || strings.IndexByte(string(data), ':') < 0 {
		return ""
	}
	return string(data)
}

// cookies reads name=value; name=value. Of a Set-Cookie only the first is one.
func (p *pairParser) cookies(start, end int, set bool) {
	for i := start; i < end; {
		stop := end
		if n := strings.IndexByte(p.s[i:end], ';'); n >= 0 {
			stop = i + n
		}
		eq := strings.IndexByte(p.s[i:stop], '=')
		if eq >= 0 && i+eq+1 < stop {
			value := p.s[i+eq+1 : stop]
			p.add(finding{start: i + eq + 1, end: stop, rule: "cookie", firm: len(value) >= 8})
		}
		if set {
			return
		}
		i = stop + 1
	}
}

// headerEnd is where a header's value ends: at the line's end or at the quote
// around the whole header.
func headerEnd(s string, i int) int {
	for j := i; j < len(s) && j < i+maxBare; j++ {
		switch s[j] {
		case '\n', '\r', '"', '\'', '`', '\\', '}':
			return j
		}
	}
	return min(len(s), i+maxBare)
}

// fillers may stand between a name and its value in a sentence.
var fillers = wordSet(`is was are were value of for to using with given got set as be`)

// sentence reads "password hunter2 was rejected", "invalid token 'abc…'".
func (p *pairParser) sentence(i int) {
	s := p.s
	if i == 0 || s[i-1] != ' ' {
		return
	}
	for range 3 {
		if _, _, open := quoteAt(s, i); open > i {
			if p.level >= weak {
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
			if len(word) >= 8 && (shapeOf(word).digit > 0 || decodeBasic(word) != "" || strings.HasSuffix(word, "=") || looksRandom(word)) {
				p.credentials(i, end, strings.EqualFold(p.name, "basic"))
			}
			return
		}
		if !fillers[strings.ToLower(word)] {
			sh := shapeOf(word)
			mixed := p.level == strong && sh.alnum >= 6 && sh.digit > 0 && sh.lower+sh.upper > 0 && !isExpression(s, i, end)
			if mixed || p.level >= weak && looksRandom(word) {
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
	for j < len(s) && j < i+60 && (isAlnum(s[j]) || strings.IndexByte(`_-.[]"' `, s[j]) >= 0) {
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
	if n := strings.IndexAny(word, "(["); n > 0 && isName(word[:n]) {
		return true
	}
	return strings.IndexByte(word, '.') > 0 && isName(word) && shapeOf(word).digit == 0 && len(word) < 60
}

// isName reports whether a text is a dotted Python name.
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isAlnum(c) && c != '_' && c != '.' {
			return false
		}
	}
	return s != "" && !(s[0] >= '0' && s[0] <= '9')
}

// findPEM finds the bodies of private keys.
func findPEM(s string, add func(finding)) {
	const begin, dashes = "-----BEGIN", "-----"
	for i := 0; ; {
		n := strings.Index(s[i:], begin)
		if n < 0 {
			return
		}
		i += n + len(begin)
		label := strings.Index(s[i:min(len(s), i+80)], dashes)
		if label < 0 || !strings.Contains(strings.ReplaceAll(s[i:i+label], "+", " "), "PRIVATE KEY") {
			continue
		}
		start := i + label + len(dashes)
		end := len(s)
		if n := strings.Index(s[start:], dashes+"END"); n >= 0 {
			end = start + n
		}
		add(finding{start: start, end: end, rule: "private-key", firm: true, cells: decodeEscapes(s[start:end])})
		i = end
	}
}

// findUserinfo finds user:password in URLs, and returns the places of the @
// after them. In programs, examples are left.
func findUserinfo(s string, inProgram bool, add func(finding)) (ats []int) {
	for i := 0; ; {
		n := strings.Index(s[i:], "://")
		if n < 0 {
			return ats
		}
		i += n + 3
		end, at := i, -1
		for end < len(s) && end < i+1000 && strings.IndexByte(" \t\r\n\"'<>`\\", s[end]) < 0 {
			if s[end] == '@' {
				at = end
			}
			if strings.IndexByte("/?#", s[end]) >= 0 && (at >= 0 || !startsUserinfo(s[i:end])) {
				break
			}
			end++
		}
		if at <= i {
			continue
		}
		ats = append(ats, at)
		userinfo := s[i:at]
		user, password, _ := strings.Cut(userinfo, ":")
		if inProgram && isExampleLogin(user, password) {
			continue
		}
		if user != "" {
			add(finding{start: i, end: i + len(user), rule: "url-userinfo", firm: len(user) >= 16 || password == "", cells: percentCells(user)})
		}
		if password != "" {
			add(finding{start: i + len(user) + 1, end: at, rule: "url-userinfo", firm: true, cells: percentCells(password)})
		}
		i = at
	}
}

// startsUserinfo reports whether text before a slash can be a user and the
// beginning of a password, rather than host and port.
func startsUserinfo(s string) bool {
	_, rest, ok := strings.Cut(s, ":")
	return ok && rest != "" && !shapeOf(rest).numeric(rest) && !strings.HasPrefix(s, "[")
}

var exampleLogins = wordSet(`user username usr name pass password passwd pwd pw secret login me you alice bob foo bar baz guest test admin root
	postgres mysql redis default example host myuser mypassword user1 u p xxx token key x-access-token git oauth2 demo`)

// isExampleLogin recognises documentation and templates in source code.
func isExampleLogin(user, password string) bool {
	if strings.ContainsAny(user+password, "{}$<>%*[](),") {
		return true
	}
	return exampleLogins[strings.ToLower(password)] || password == "" && (exampleLogins[strings.ToLower(user)] || len(user) < 20)
}
