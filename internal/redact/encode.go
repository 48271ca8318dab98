package redact

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// decodeEscapes returns the cells of a text with backslash escapes, those of
// JSON and of Python literals. How often it was escaped does not matter: any
// row of backslashes before n is a line feed.
func decodeEscapes(s string) []cell {
	cells := make([]cell, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			r, n := utf8.DecodeRuneInString(s[i:])
			cells = append(cells, cell{r, s[i : i+n]})
			i += n
			continue
		}
		j := i
		for j < len(s) && s[j] == '\\' {
			j++
		}
		r, n := escaped(s[j:])
		if n == 0 {
			r = '\\'
		}
		cells = append(cells, cell{r, s[i : j+n]})
		i = j + n
	}
	return cells
}

// escaped reads what follows backslashes: the rune meant and its length; 0
// where the backslashes mean themselves.
func escaped(s string) (rune, int) {
	if s == "" {
		return 0, 0
	}
	switch s[0] {
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case '"', '\'', '/':
		return rune(s[0]), 1
	case 'x':
		return hexRune(s, 2)
	case 'U':
		return hexRune(s, 8)
	case 'u':
		r, n := hexRune(s, 4)
		if r >= 0xd800 && r < 0xdc00 { // JSON writes runes above U+FFFF as two
			rest := strings.TrimLeft(s[n:], `\`)
			if low, m := lowSurrogate(rest); m > 0 && len(rest) < len(s[n:]) {
				return (r-0xd800)<<10 + (low - 0xdc00) + 0x10000, len(s) - len(rest) + m
			}
		}
		if n > 0 && !utf8.ValidRune(r) {
			return unicode.ReplacementChar, n
		}
		return r, n
	}
	return 0, 0
}

func lowSurrogate(s string) (rune, int) {
	if s == "" || s[0] != 'u' {
		return 0, 0
	}
	if r, n := hexRune(s, 4); r >= 0xdc00 && r < 0xe000 {
		return r, n
	}
	return 0, 0
}

// hexRune reads digits after a letter.
func hexRune(s string, digits int) (rune, int) {
	if len(s) < digits+1 {
		return 0, 0
	}
	var r rune
	for i := 1; i <= digits; i++ {
		d := hexDigit(s[i])
		if d < 0 {
			return 0, 0
		}
		r = r<<4 | rune(d)
	}
	if r < 0 || r > unicode.MaxRune {
		return 0, 0
	}
	return r, digits + 1
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// decodePercent returns the cells of a URL-encoded text.
func decodePercent(s string) []cell {
	octet := func(i int) int {
		if i+2 < len(s) && s[i] == '%' {
			if a, b := hexDigit(s[i+1]), hexDigit(s[i+2]); a >= 0 && b >= 0 {
				return a<<4 | b
			}
		}
		return -1
	}
	cells := make([]cell, 0, len(s))
	for i := 0; i < len(s); {
		if o := octet(i); o >= 0 {
			buf, n := []byte{byte(o)}, 3
			for !utf8.FullRune(buf) && octet(i+n) >= 0 {
				buf = append(buf, byte(octet(i+n)))
				n += 3
			}
			if r, size := utf8.DecodeRune(buf); size == len(buf) && r != utf8.RuneError {
				cells = append(cells, cell{r, s[i : i+n]})
				i += n
				continue
			}
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		cells = append(cells, cell{r, s[i : i+n]})
		i += n
	}
	return cells
}

// queryCells returns the cells of a value in a query, where + is a space.
func queryCells(s string) []cell {
	cells := decodePercent(s)
	for i, c := range cells {
		if c.raw == "+" {
			cells[i].r = ' '
		}
	}
	return cells
}

// percentCells is decodePercent where something is encoded, and nil elsewhere.
func percentCells(s string) []cell {
	if strings.IndexByte(s, '%') < 0 {
		return nil
	}
	return decodePercent(s)
}

// percentAt reports whether an escaped octet begins at i.
func percentAt(s string, i int) bool {
	return i+2 < len(s) && s[i] == '%' && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0
}

const percentEnds = " \t\r\n\"'<>\\`"

// percentWord returns the bounds of the word around the escaped octet at i.
func percentWord(s string, i int) (start, end int) {
	start, end = i, i
	for start > 0 && strings.IndexByte(percentEnds, s[start-1]) < 0 {
		start--
	}
	for end < len(s) && strings.IndexByte(percentEnds, s[end]) < 0 {
		end++
	}
	return start, end
}

// percent redacts the URL-encoded parts of a text. What stands unencoded
// between them (&, =) belongs to the text around, which has been looked at:
// each part is a text of its own.
func (sc *scan) percent(s string) (string, bool) {
	var b strings.Builder
	last := 0
	for i := 0; i < len(s); {
		if !percentAt(s, i) {
			i++
			continue
		}
		start, end := i, i
		for start > last && strings.IndexByte(percentEnds+"&=?;#", s[start-1]) < 0 {
			start--
		}
		for end < len(s) && strings.IndexByte(percentEnds+"&=?;#", s[end]) < 0 {
			end++
		}
		cells := decodePercent(s[start:end])
		out, ok := sc.cells(cells)
		if !ok {
			return s, false
		}
		if text := textOf(cells); out != s[start:end] && (sc.r.tokenAround(s, start, end) || sc.r.tokenAround(text, 0, len(text))) {
			out = s[start:end] // a token with a % in it
		}
		b.WriteString(s[last:start])
		b.WriteString(out)
		last, i = end, end
	}
	b.WriteString(s[last:])
	return b.String(), true
}

// base64 redacts what is written in base64 or hex within a text.
func (sc *scan) base64(s string, depth int) (string, bool) {
	var b strings.Builder
	last := 0
	for i := 0; i < len(s); {
		if !base64Byte[s[i]] {
			i++
			continue
		}
		start := i
		for i < len(s) && base64Byte[s[i]] {
			i++
		}
		end := i
		for i < len(s) && s[i] == '=' && i < end+2 {
			i++
		}
		if end-start < 12 {
			continue
		}
		if out, ok, isHex := sc.hexRun(s[start:end], depth); isHex {
			if !ok {
				return s, false
			}
			if out != s[start:end] {
				b.WriteString(s[last:start])
				b.WriteString(out)
				last = end
			}
			continue
		}
		out, ok := sc.base64Run(s[start:end], s[start:i], depth)
		if !ok {
			return s, false
		}
		if out != s[start:i] {
			b.WriteString(s[last:start])
			b.WriteString(out)
			last = i
		}
	}
	if last == 0 {
		return s, true
	}
	b.WriteString(s[last:])
	return b.String(), true
}

var base64Byte = func() (set [256]bool) {
	for i := range 256 {
		c := byte(i)
		set[i] = isAlnum(c) || c == '+' || c == '/' || c == '-' || c == '_'
	}
	return set
}()

// base64Run redacts one run of the alphabet; padded is the run with its padding.
func (sc *scan) base64Run(run, padded string, depth int) (string, bool) {
	enc := encodingOf(run)
	data, ok := decodeBase64(run)
	if !ok {
		return padded, true
	}
	if depth >= maxNested {
		if sc.learn != nil {
			return padded, true
		}
		return sc.r.token(padded), true
	}
	out, ok := sc.layers(string(data), depth+1)
	if !ok || out == string(data) {
		return padded, ok
	}
	text := enc.EncodeToString([]byte(out))
	if len(padded) > len(run) || len(run)%4 == 0 {
		text += strings.Repeat("=", (4-len(text)%4)%4)
	}
	return text, true
}

func encodingOf(run string) *base64.Encoding {
	if strings.ContainsAny(run, "-_") {
		return base64.RawURLEncoding
	}
	return base64.RawStdEncoding
}

// decodeBase64 returns the text that a run of base64's alphabet encodes.
func decodeBase64(run string) (data []byte, ok bool) {
	if len(run) < 12 {
		return nil, false
	}
	enc := encodingOf(run)
	// A quick look at the first bytes spares decoding every long word.
	var head [9]byte
	if n, err := enc.Decode(head[:], []byte(run[:12])); err != nil || !printable(head[:n], true) {
		return nil, false
	}
	data, err := enc.DecodeString(run)
	return data, err == nil && printable(data, false)
}

// hexRun redacts a text that is written in hex.
func (sc *scan) hexRun(run string, depth int) (out string, ok, isHex bool) {
	if len(run)%2 != 0 || len(run) < 24 || hexDigit(run[0]) > 7 || hexDigit(run[1]) < 0 || !shapeOf(run).hexDigits() {
		return "", false, false
	}
	data, err := hex.DecodeString(run)
	if err != nil || !printable(data, false) {
		return "", false, false
	}
	if depth >= maxNested {
		if sc.learn != nil {
			return run, true, true
		}
		return sc.r.token(run), true, true
	}
	text, ok := sc.layers(string(data), depth+1)
	if !ok || text == string(data) {
		return run, ok, true
	}
	out = hex.EncodeToString([]byte(text))
	if strings.ToUpper(run) == run {
		out = strings.ToUpper(out)
	}
	return out, true, true
}

// printable reports whether bytes are text; cut allows for a rune that is not
// complete at the end.
func printable(data []byte, cut bool) bool {
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n <= 1 {
			return cut && !utf8.FullRune(data)
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return false
		}
		data = data[n:]
	}
	return true
}
