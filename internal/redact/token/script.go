package token

import "unicode"

// replaceForeign replaces a letter or digit outside ASCII by another of its
// script, case and size; other runes stay.
func replaceForeign(c rune, n int) string {
	within := func(lo, hi rune) string { return string(lo + rune(n)%(hi-lo+1)) }
	switch {
	case unicode.Is(unicode.Nd, c):
		return string(c - digitValue(c) + rune(n%10))
	case !unicode.IsLetter(c):
		return string(c)
	case c >= 0xdf && c <= 0xf6:
		return within(0xe0, 0xf6)
	case c >= 0xc0 && c <= 0xd6:
		return within(0xc0, 0xd6)
	case unicode.Is(unicode.Cyrillic, c) && unicode.IsUpper(c):
		return within(0x410, 0x42f)
	case unicode.Is(unicode.Cyrillic, c):
		return within(0x430, 0x44f)
	case unicode.Is(unicode.Greek, c) && unicode.IsUpper(c):
		return within(0x391, 0x3a1)
	case unicode.Is(unicode.Greek, c):
		return within(0x3b1, 0x3c1)
	case unicode.Is(unicode.Hiragana, c):
		return within(0x3042, 0x3093)
	case unicode.Is(unicode.Katakana, c):
		return within(0x30a2, 0x30f3)
	case unicode.Is(unicode.Hangul, c):
		return within(0xac00, 0xd7a3)
	case unicode.Is(unicode.Arabic, c):
		return within(0x627, 0x63a)
	case unicode.Is(unicode.Hebrew, c):
		return within(0x5d0, 0x5ea)
	case c > 0x7ff:
		return within(0x4e00, 0x9fa5)
	case unicode.IsUpper(c):
		return within(0xc0, 0xd6)
	}
	return within(0xe0, 0xf6)
}

// digitValue returns the value of a decimal digit of any script; the digits of
// a script stand in a row.
func digitValue(c rune) rune {
	for _, t := range unicode.Nd.R16 {
		if c >= rune(t.Lo) && c <= rune(t.Hi) {
			return (c - rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if c >= rune(t.Lo) && c <= rune(t.Hi) {
			return (c - rune(t.Lo)) % 10
		}
	}
	return 0
}
