package redact

import (
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"
)

// A mode says how much a scan looks for.
type mode int

const (
	evidence   mode = iota // everything
	program                // source code: only what is certainly a secret
	sourceLine             // source code as evidence: literals that look like secrets too
)

const (
	maxText   = 4 << 20 // bytes of one text
	maxNested = 4       // encodings within encodings
)

// A finding is a part of a text that is to be replaced.
type finding struct {
	start, end int
	rule       string
	firm       bool   // a value in a sensitive position, which propagates
	cells      []cell // how the part is encoded; nil: not at all
	given      string // the replacement, where it is not the token of the part
	basic      bool   // user:password in base64
}

func (sc *scan) keeps(s string) bool {
	return slices.ContainsFunc(sc.known, func(k *Known) bool { return k.keeps(s) })
}

func (sc *scan) inCode() bool { return sc.mode == program || sc.mode == sourceLine }

// A scan redacts the texts of one call. It is used by one goroutine.
type scan struct {
	r      *Redactor
	mode   mode
	known  []*Known          // any may be nil
	learn  *Known            // where values in sensitive positions are put; nothing is replaced then
	count  func(rule string) // called for each replacement; may be nil
	budget int               // bytes that may still be looked at, see work; set for each text
	tokens map[string]string // of this call
}

// Looking at a text costs as many units as bytes are looked at, a finding
// findCost, making a token tokenCost. Every text may cost a fixed number for each of its bytes: what
// costs more was made to.
const (
	unitsPerByte = 16
	unitsPerText = 4 << 10
	findCost     = 20
	tokenCost    = 130
)

// redacted is what replaces a text that cannot be trusted to have been
// redacted, with the reason.
func withheld(reason string) string { return "[redacted: " + reason + "]" }

// text redacts one text; reason is not empty where the whole of it had to be
// replaced.
func (sc *scan) text(s string) (out, reason string) {
	sc.budget = unitsPerByte*len(s) + unitsPerText
	switch {
	case len(s) > maxText:
		return withheld("too long"), "too long"
	case !utf8.ValidString(s):
		return withheld("not UTF-8"), "not UTF-8"
	}
	out, ok := sc.layers(s, 0)
	if !ok {
		return withheld("over budget"), "over budget"
	}
	return out, ""
}

// layers redacts a text as it stands, then what it holds in other encodings.
func (sc *scan) layers(s string, depth int) (out string, ok bool) {
	if len(s) < 3 {
		return s, true
	}
	out, ok = sc.plain(s)
	if ok && strings.IndexByte(out, '%') >= 0 && !sc.inCode() {
		out, ok = sc.percent(out)
	}
	if ok && (strings.Contains(out, `\u`) || strings.Contains(out, `\x`)) {
		out, ok = sc.cells(decodeEscapes(out))
	}
	if ok {
		out, ok = sc.base64(out, depth)
	}
	return out, ok
}

// plain redacts a text that is not encoded.
func (sc *scan) plain(s string) (string, bool) {
	found, ok := sc.find(s)
	if !ok || len(found) == 0 {
		return s, ok
	}
	var b strings.Builder
	last := 0
	for _, f := range sc.resolve(s, found) {
		text, changed := sc.replacement(f, s[f.start:f.end], f.cells)
		if !changed {
			continue
		}
		b.WriteString(s[last:f.start])
		b.WriteString(text)
		last = f.end
	}
	b.WriteString(s[last:])
	return b.String(), sc.budget >= 0
}

// cells redacts a text of which each rune is encoded by itself.
func (sc *scan) cells(cells []cell) (string, bool) {
	var raw, decoded strings.Builder
	offsets := make([]int, 0, len(cells)) // of each cell in the decoded text
	for _, c := range cells {
		raw.WriteString(c.raw)
		offsets = append(offsets, decoded.Len())
		decoded.WriteRune(c.r)
	}
	s := decoded.String()
	found, ok := sc.find(s)
	if !ok || len(found) == 0 {
		return raw.String(), ok
	}
	var b strings.Builder
	last := 0
	for _, f := range sc.resolve(s, found) {
		from, _ := slices.BinarySearch(offsets, f.start)
		to, _ := slices.BinarySearch(offsets, f.end)
		text, changed := sc.replacement(f, "", cells[from:to])
		if !changed {
			continue
		}
		for _, c := range cells[last:from] {
			b.WriteString(c.raw)
		}
		b.WriteString(text)
		last = to
	}
	for _, c := range cells[last:] {
		b.WriteString(c.raw)
	}
	return b.String(), sc.budget >= 0
}

// replacement returns what stands for a finding; changed is false where it is
// a token already, and always while learning. cells are nil where s is not
// encoded.
func (sc *scan) replacement(f finding, s string, cells []cell) (text string, changed bool) {
	value := s
	if cells != nil {
		value = textOf(cells)
	}
	if sc.learn != nil {
		switch {
		case f.basic:
			_, password, _ := strings.Cut(decodeBasic(value), ":")
			sc.learn.add(sc.r, password, f.rule)
			sc.learn.addForm(value, form{rule: f.rule, given: sc.r.basicToken(value)})
		case f.firm:
			sc.learn.add(sc.r, value, f.rule)
		}
		return "", false
	}
	switch {
	case f.given != "":
		text, changed = f.given, f.given != value
	case f.basic:
		text = sc.r.basicToken(value)
		changed = text != value
	case cells != nil:
		sc.budget -= tokenCost + 2*len(value)
		text, changed = sc.r.tokenise(cells)
	default:
		text = sc.token(value)
		changed = text != value
	}
	if changed && sc.count != nil {
		sc.count(f.rule)
	}
	return text, changed
}

// token makes tokens and remembers them: texts repeat their values.
func (sc *scan) token(value string) string {
	if t, there := sc.tokens[value]; there {
		return t
	}
	sc.budget -= tokenCost + 2*len(value)
	t := sc.r.token(value)
	if sc.tokens == nil {
		sc.tokens = map[string]string{}
	}
	if len(sc.tokens) < 10_000 && len(value) < 1000 {
		sc.tokens[value] = t
	}
	return t
}

// basicToken replaces user and password within Basic credentials.
func (r *Redactor) basicToken(s string) string {
	user, password, _ := strings.Cut(decodeBasic(s), ":")
	return base64.StdEncoding.EncodeToString([]byte(r.token(user) + ":" + r.token(password)))
}

// find lists what is to be replaced in a text.
func (sc *scan) find(s string) (found []finding, ok bool) {
	sc.budget -= len(s)
	add := func(f finding) {
		if f.end > f.start && sc.budget >= 0 {
			sc.budget -= findCost
			found = append(found, f)
		}
	}
	escaped := !sc.inCode() && strings.IndexByte(s, '%') >= 0 && hasPercent(s)
	if strings.Contains(s, "-----BEGIN") {
		findPEM(s, func(f finding) {
			if !escaped || !hasPercent(s[f.start:f.end]) { // else it is found when decoded
				add(f)
			}
		})
	}
	var logins []int // places of the @ after user:password
	if strings.Contains(s, "://") {
		logins = findUserinfo(s, sc.inCode(), add)
	}
	for _, k := range sc.known {
		k.find(s, add)
	}
	switch sc.mode {
	case program:
	case sourceLine:
		findPairs(s, &sc.budget, func(f finding) {
			// Of a program only literals can be secrets, and most are not.
			sh := shapeOf(s[f.start:f.end])
			if f.rule == "name:secret" && f.start > 0 && strings.IndexByte(`'"`, s[f.start-1]) >= 0 && sh.alnum >= 8 && sh.digit > 0 {
				add(f)
			}
		})
	default:
		findPairs(s, &sc.budget, add)
	}
	if sc.learn != nil || sc.budget < 0 {
		return found, sc.budget >= 0
	}
	if escaped {
		// What only looks like something is looked at decoded, where there is
		// something encoded: "%22" and "%2F" are no part of a token.
		firm := add
		add = func(f finding) {
			if !percentWithin(s, f.start, f.end) {
				firm(f)
			}
		}
	}
	ok = providers().find(s, &sc.budget, func(start, end int, rule string) {
		add(finding{start: start, end: end, rule: rule})
	})
	if ok {
		ok = sc.splitLiterals(s, add)
	}
	if sc.mode == evidence {
		findPersonal(s, logins, add)
		findRandom(s, sc.keeps, add)
	}
	return found, ok && sc.budget >= 0
}

// resolve orders findings and makes them disjoint: of two that overlap, the one
// that holds the other stays, and two that cross become one. Findings that
// merely look like something are dropped where a token is.
func (sc *scan) resolve(s string, found []finding) []finding {
	slices.SortStableFunc(found, func(a, b finding) int {
		if a.start != b.start {
			return a.start - b.start
		}
		if a.end != b.end {
			return b.end - a.end
		}
		return rank(a) - rank(b)
	})
	out := found[:0]
	for _, f := range found {
		if n := len(out); n > 0 && f.start < out[n-1].end {
			last := &out[n-1]
			if f.end > last.end {
				last.end, last.cells, last.given, last.basic = f.end, nil, "", false
				last.firm = last.firm || f.firm
			}
			continue
		}
		out = append(out, f)
	}
	if sc.learn != nil {
		return out
	}
	return slices.DeleteFunc(out, func(f finding) bool {
		switch f.rule {
		case "email", "ip", "mac", "iban", "url-userinfo", "cookie": // have ends of their own
			return false
		}
		return !f.firm && (sc.r.wordIsToken(s, f.start, f.end) || sc.r.tokenAround(s, f.start, f.end))
	})
}

func hasPercent(s string) bool {
	for i := 0; i < len(s); i++ {
		if percentAt(s, i) {
			return true
		}
	}
	return false
}

// percentWithin reports whether the words in which a part stands hold escaped
// octets.
func percentWithin(s string, start, end int) bool {
	from, _ := percentWord(s, start)
	_, to := percentWord(s, max(end-1, start))
	return hasPercent(s[max(from, start-2000):min(to, end+2000)])
}

func rank(f finding) int {
	switch {
	case f.basic:
		return -1
	case f.firm && f.given == "":
		return 0
	case f.firm:
		return 1
	}
	return 2
}

// wordIsToken reports whether the word in which a part stands is a token.
func (r *Redactor) wordIsToken(s string, start, end int) bool {
	in := func(c byte) bool { return base64Byte[c] || c == '.' || c == '~' }
	for start > 0 && in(s[start-1]) {
		start--
	}
	for end < len(s) && in(s[end]) {
		end++
	}
	if end-start > 4096 {
		return false
	}
	word := strings.Trim(s[start:end], ".-_")
	return r.isPlainToken(word) || r.isPlainToken(strings.TrimRight(s[start:end], "."))
}

// tokenAround reports whether a token overlaps a part of a text. Where a
// detector that goes by looks sees a token, it may see it with other ends than
// it saw the value.
func (r *Redactor) tokenAround(s string, start, end int) bool {
	const reach, most = 80, 10
	from, to := max(0, start-reach), min(len(s), end+reach)
	var starts, ends []int
	for i := min(end, len(s)) - 1; i >= from && len(starts) < most; i-- {
		if isAlnum(s[i]) && (i == 0 || !isAlnum(s[i-1])) {
			starts = append(starts, i)
		}
	}
	for i := start + 1; i <= to && len(ends) < most; i++ {
		if isAlnum(s[i-1]) && (i == len(s) || !isAlnum(s[i])) {
			ends = append(ends, i)
		}
	}
	// The sums of the letters and digits before each place refuse most parts
	// without looking at them again.
	sums := make([]int, to-from+1)
	for i := from; i < to; i++ {
		sums[i-from+1] = sums[i-from]
		if isAlnum(s[i]) {
			sums[i-from+1] += int(s[i])
		}
	}
	for _, e := range ends {
		check, left := e, checkLen // where the check begins
		for check > from && left > 0 {
			if check--; isAlnum(s[check]) {
				left--
			}
		}
		if left > 0 {
			continue
		}
		for _, b := range starts {
			if b >= check {
				continue
			}
			sum, c := sums[check-from]-sums[b-from], s[check]
			if !sumFits(sum, c, true) && !sumFits(sum, c, false) {
				continue
			}
			if r.isPlainToken(s[b:e]) {
				return true
			}
		}
	}
	return false
}

// sumFits reports whether c is the first letter or digit of a check.
func sumFits(sum int, c byte, hex bool) bool {
	a := checkAlphabet(c, hex)
	return a[sum%len(a)] == c
}

// splitLiterals looks for credentials that are written as adjacent literals:
// "ghp_abc" "def", 'abc' + 'def'.
func (sc *scan) splitLiterals(s string, add func(finding)) bool {
	type gap struct{ at, from, to int } // at in the joined text, from and to in s
	var gaps []gap
	var joined strings.Builder
	last := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '"' && s[i] != '\'' {
			continue
		}
		j := i + 1
		for j < len(s) && j < i+40 && strings.IndexByte(" \t\r\n+\\", s[j]) >= 0 {
			j++
		}
		if j > i+1 && j < len(s) && s[j] == s[i] && i > last && isAlnum(s[i-1]) && j+1 < len(s) && isAlnum(s[j+1]) {
			joined.WriteString(s[last:i])
			gaps = append(gaps, gap{joined.Len(), i, j + 1})
			last, i = j+1, j
		}
	}
	if len(gaps) == 0 {
		return true
	}
	joined.WriteString(s[last:])
	emit := func(f finding) {
		start, end := f.start, f.end
		back := func(at int, isEnd bool) int {
			shift := 0
			for _, g := range gaps {
				if g.at < at || g.at == at && !isEnd {
					shift += g.to - g.from
				}
			}
			return at + shift
		}
		from := start
		for _, g := range gaps {
			if g.at > from && g.at < end {
				add(finding{start: back(from, false), end: g.from, rule: f.rule, firm: f.firm})
				from = g.at
			}
		}
		if from > start {
			add(finding{start: back(from, false), end: back(end, true), rule: f.rule, firm: f.firm})
		}
	}
	if len(gaps) > 1000 {
		return false
	}
	if sc.mode == evidence {
		findRandom(joined.String(), sc.keeps, emit)
		findUserinfo(joined.String(), false, emit)
	}
	return providers().find(joined.String(), &sc.budget, func(start, end int, rule string) {
		emit(finding{start: start, end: end, rule: rule})
	})
}
