package shape

import "strings"

// Numbers with check digits or a plan: payment cards (ISO/IEC 7812), IBAN
// (ISO 13616) and telephone numbers (E.164).

// cardNetworks are the prefixes of the networks, with the lengths of their
// numbers and the prefix that a token gets: one that keeps the network, and
// after which three zeros are a bank that does not exist.
var cardNetworks = []struct {
	from, to string // inclusive, of equal length
	lengths  string
	prefix   string // "" keeps the first two digits
}{
	{"4", "4", "13 16 19", "4"},
	{"51", "55", "16", ""},
	{"2221", "2720", "16", "23"},
	{"34", "34", "15", ""},
	{"37", "37", "15", ""},
	{"6011", "6011", "16", "65"},
	{"644", "649", "16", "65"},
	{"65", "65", "16", ""},
	{"3528", "3589", "16", "3530"},
	{"300", "305", "14", "300"},
	{"36", "36", "14", ""},
	{"38", "39", "14", ""},
	{"62", "62", "16 17 18 19", ""},
	// The prefixes of tokens, which must stay readable as cards.
	{"2300", "2300", "16", "23"},
}

// PlainDigits returns the digits of a number that is written with single
// separators from seps; ok is false where anything else is in it.
func PlainDigits(s, seps string) (d string, ok bool) {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			b.WriteByte(c)
		case strings.IndexByte(seps, c) >= 0 && i > 0 && i < len(s)-1 && s[i-1] != c:
		default:
			return "", false
		}
	}
	return b.String(), true
}

// Card recognises a payment card number, of digits in groups, and
// returns the prefix of its token.
func Card(s string) (prefix string, ok bool) {
	if len(s) < 13 || len(s) > 23 || s[0] < '2' || s[0] > '6' {
		return "", false
	}
	d, ok := PlainDigits(s, " -")
	if !ok || len(d) < 13 || len(d) > 19 || !Luhn(d) {
		return "", false
	}
	for _, n := range cardNetworks {
		if p := d[:len(n.from)]; p < n.from || p > n.to || !strings.Contains(n.lengths, TwoDigits(len(d))) {
			continue
		}
		if n.prefix == "" {
			return d[:2], true
		}
		return n.prefix, true
	}
	return "", false
}

// TwoDigits writes a number below 100.
func TwoDigits(n int) string { return string([]byte{'0' + byte(n/10), '0' + byte(n%10)}) }

// Luhn checks the last digit of a number.
func Luhn(d string) bool { return LuhnSum(d) == 0 }

// LuhnSum is the sum of the digits by which Luhn checks a number, modulo 10.
func LuhnSum(d string) int {
	sum := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum % 10
}

// IBANLengths are the lengths by country, from the registry of ISO 13616.
var IBANLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
	"CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
	"GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
	"IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27,
	"MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
	"QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
	"TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}

// CompactIBAN removes the spaces between groups.
func CompactIBAN(s string) string { return strings.ReplaceAll(s, " ", "") }

// IsIBAN recognises an account number by its country, length and check digits.
func IsIBAN(s string) bool {
	if len(s) < 15 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	c := CompactIBAN(s)
	return IBANLengths[c[:min(2, len(c))]] == len(c) && c[2] <= '9' && c[3] <= '9' && Mod97(c[4:]+c[:4]) == 1
}

// Mod97 returns the remainder of a text in which letters count from 10; -1
// where it has another rune.
func Mod97(s string) int {
	n := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			n = (n*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			n = (n*100 + int(c-'A') + 10) % 97
		default:
			return -1
		}
	}
	return n
}

// A Phone is the kind of a telephone number.
type Phone int

const (
	NotPhone      Phone = iota
	NorthAmerican       // (212) 664-7665, 212-664-7665, +1 212 664 7665
	International       // + and 8 to 15 digits
)

// PhoneOf recognises telephone numbers that are written as such; a bare row
// of digits is none.
func PhoneOf(s string) Phone {
	if len(s) < 9 || len(s) > 24 {
		return NotPhone
	}
	d, shape := make([]byte, 0, 24), make([]byte, 0, 24)
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			d = append(d, c)
			if len(shape) == 0 || shape[len(shape)-1] != 'd' {
				shape = append(shape, 'd')
			}
		case c == '+' && i == 0, strings.IndexByte(" -.()", c) >= 0 && i < len(s)-1:
			shape = append(shape, c)
		default:
			return NotPhone
		}
	}
	switch {
	case s[0] == '+' && len(d) == 11 && d[0] == '1':
		return NorthAmerican
	case strings.Count(s, ".") == 1 && len(s)-len(d) == 2:
		return NotPhone // a number with a sign and a decimal point
	case s[0] == '+' && len(d) >= 8 && len(d) <= 15 && d[0] != '0':
		return International
	case len(d) == 10 && d[0] > '1' && d[3] > '1':
		switch string(shape) {
		case "(d) d-d", "(d)d-d", "d-d-d", "d.d.d", "(d) d d":
			if groups := strings.FieldsFunc(s, func(c rune) bool { return c < '0' || c > '9' }); len(groups[0]) == 3 && len(groups[1]) == 3 {
				return NorthAmerican
			}
		}
	}
	return NotPhone
}
