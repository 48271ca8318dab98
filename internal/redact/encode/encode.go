// Package encode reads and writes the encodings in which values occur in texts:
// backslash escapes of JSON and of Python literals, URL encoding, base64 and
// hex.
//
// Where each rune is encoded by itself, a text is read as [Cell]s, so that some of
// its runes can be replaced and the others keep the bytes they had ([Escapes],
// [Percent], [Like]). Where it is encoded as a whole, it is decoded, changed and
// encoded as it was ([EachBase64]).
package encode

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/redact/shape"
)

// A Cell is one rune of a value with the text that encodes it where it was
// found: the two differ in escapes.
type Cell struct {
	Rune rune
	Raw  string
}

// Text returns what cells encode.
func Text(cells []Cell) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteRune(c.Rune)
	}
	return b.String()
}

// Escapes returns the cells of a text with backslash escapes, those of
// JSON and of Python literals. How often it was escaped does not matter: any
// row of backslashes before n is a line feed.
func Escapes(s string) []Cell {
	cells := make([]Cell, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			r, n := utf8.DecodeRuneInString(s[i:])
			cells = append(cells, Cell{r, s[i : i+n]})
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
		cells = append(cells, Cell{r, s[i : j+n]})
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
		d := shape.HexDigit(s[i])
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

// Like encodes text, the replacement of one rune, in the way in which raw
// encodes that rune. ASCII letters and digits need no encoding anywhere.
func Like(raw, text string) string {
	if len(raw) < 2 || shape.IsASCII(text) {
		return text
	}
	switch raw[0] {
	case '%':
		var b strings.Builder
		for i := range len(text) {
			b.WriteByte('%')
			b.WriteByte("0123456789ABCDEF"[text[i]>>4])
			b.WriteByte("0123456789ABCDEF"[text[i]&15])
		}
		return b.String()
	case '\\':
		slashes := raw[:len(raw)-len(strings.TrimLeft(raw, `\`))]
		if r := []rune(text); len(r) == 1 && r[0] < 0x100 && raw[len(slashes)] == 'x' {
			return slashes + "x" + strconv.FormatInt(int64(r[0]), 16) // of bytes, which know no \u
		}
		var b strings.Builder
		for _, r := range text {
			const digits = "0123456789abcdef"
			b.WriteString(slashes)
			b.WriteByte('u')
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(digits[r>>shift&15])
			}
		}
		return b.String()
	}
	return text
}
