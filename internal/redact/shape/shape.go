// Package shape tells the form of a value: which classes of characters it is made
// of ([Of]), whether it looks drawn at random ([Random]), and whether it has a
// format with rules of its own: an e-mail address, a UUID, a number of a payment
// card, an IBAN, a telephone number.
package shape

import "strings"

// IsAlnum reports whether a byte is an ASCII letter or digit.
func IsAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// Shape is the part of a value's ASCII text that determines its token; a token has the shape of its value.
type Shape struct {
	Alnum, Digit, Lower, Upper, Other int
	Hex                               bool
}

// Of returns the shape of a text.
func Of(s string) Shape {
	sh := Shape{Hex: true}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			sh.Digit++
		case c >= 'a' && c <= 'z':
			sh.Lower++
			sh.Hex = sh.Hex && c <= 'f'
		case c >= 'A' && c <= 'Z':
			sh.Upper++
			sh.Hex = sh.Hex && c <= 'F'
		case c < 0x80:
			sh.Other++
			sh.Hex = false
		default:
			sh.Hex = false
		}
	}
	sh.Alnum = sh.Digit + sh.Lower + sh.Upper
	// Letters of both cases are base64 or words, not hex.
	sh.Hex = sh.Hex && sh.Alnum >= 8 && sh.Digit > 0 && sh.Lower+sh.Upper > 0 && (sh.Lower == 0 || sh.Upper == 0)
	return sh
}

// HexDigits reports whether there is nothing but hex digits of one case.
func (sh Shape) HexDigits() bool { return sh.Hex || sh.Other == 0 && sh.Lower+sh.Upper == 0 }

// Numeric values are made of digits only; their tokens stay within a signed
// 64-bit integer where the value does.
func (sh Shape) Numeric(s string) bool { return sh.Digit == len(s) && len(s) > 0 }

// Random reports whether a text is more likely drawn at random than
// written by a person: many changes between digits and the two cases.
func Random(s string) bool {
	sh := Of(s)
	if sh.Alnum < 16 || strings.IndexByte(s, ' ') >= 0 {
		return false
	}
	if sh.Hex {
		return sh.Alnum >= 24
	}
	changes, last, run, longest := 0, byte(0), 0, 0
	for i := range len(s) {
		class := byte('o')
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			class = '0'
		case c >= 'a' && c <= 'z':
			class = 'a'
		case c >= 'A' && c <= 'Z':
			class = 'A'
		}
		if class != last {
			changes++
			run = 0
		}
		run++
		longest = max(longest, run)
		last = class
	}
	classes := 0
	for _, n := range []int{sh.Digit, sh.Lower, sh.Upper} {
		if n > 0 {
			classes++
		}
	}
	share := float64(changes) / float64(len(s))
	switch {
	case classes < 2:
		return false
	case sh.Digit == 0:
		return share >= 0.42 && sh.Alnum >= 20 && longest <= 8 // InnerCapitals change less often
	case classes == 2 && sh.Alnum >= 24:
		return share >= 0.2 && longest <= 14
	}
	return share >= 0.3 && longest <= 12
}

// IsName reports whether a text is a dotted Python name.
func IsName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !IsAlnum(c) && c != '_' && c != '.' {
			return false
		}
	}
	return s != "" && !(s[0] >= '0' && s[0] <= '9')
}

// HexDigit returns the value of a hex digit; -1 where it is none.
func HexDigit(c byte) int {
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

// IsASCII reports whether there is nothing but ASCII in a text.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
