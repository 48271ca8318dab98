package redact

import (
	"strings"
)

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

// plainDigits returns the digits of a number that is written with single
// separators from seps; ok is false where anything else is in it.
func plainDigits(s, seps string) (d string, ok bool) {
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

// cardPrefix recognises a payment card number, of digits in groups, and
// returns the prefix of its token.
func cardPrefix(s string) (prefix string, ok bool) {
	if len(s) < 13 || len(s) > 23 || s[0] < '2' || s[0] > '6' {
		return "", false
	}
	d, ok := plainDigits(s, " -")
	if !ok || len(d) < 13 || len(d) > 19 || !luhn(d) {
		return "", false
	}
	for _, n := range cardNetworks {
		if p := d[:len(n.from)]; p < n.from || p > n.to || !strings.Contains(n.lengths, itoa(len(d))) {
			continue
		}
		if n.prefix == "" {
			return d[:2], true
		}
		return n.prefix, true
	}
	return "", false
}

func itoa(n int) string { return string([]byte{'0' + byte(n/10), '0' + byte(n%10)}) }

// luhn checks the last digit of a number.
func luhn(d string) bool { return luhnSum(d) == 0 }

func luhnSum(d string) int {
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

// replaceCard makes a number of the network, with three zeros, then the value,
// three digits of check, and a valid last digit.
func (r *Redactor) replaceCard(value, prefix string) (out []string, done bool) {
	d, _ := plainDigits(value, " -")
	head := prefix + "000"
	n := len(d) - 4 // where the check begins
	if strings.HasPrefix(d, head) && r.digitCheck(d[:n], 3) == d[n:n+3] {
		return nil, true
	}
	text := []byte(head)
	for _, b := range r.stream("card", d, n-len(head)) {
		text = append(text, digits[int(b)%10])
	}
	text = append(text, r.digitCheck(string(text), 3)...)
	last := (10 - luhnSum(string(text)+"0")) % 10
	text = append(text, digits[last])
	return fillDigits(value, text), false
}

// fillDigits puts digits in the places of the digits of value.
func fillDigits(value string, d []byte) []string {
	out := chars([]byte(value))
	next := 0
	for i := range out {
		if c := value[i]; c >= '0' && c <= '9' && next < len(d) {
			out[i] = string(d[next : next+1])
			next++
		}
	}
	return out
}

// ibanLengths are the lengths by country, from the registry of ISO 13616.
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
	"CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
	"GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
	"IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27,
	"MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
	"QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
	"TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}

// compactIBAN removes the spaces between groups.
func compactIBAN(s string) string { return strings.ReplaceAll(s, " ", "") }

func isIBAN(s string) bool {
	if len(s) < 15 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	c := compactIBAN(s)
	return ibanLengths[c[:min(2, len(c))]] == len(c) && c[2] <= '9' && c[3] <= '9' && mod97(c[4:]+c[:4]) == 1
}

// mod97 returns the remainder of a text in which letters count from 10; -1
// where it has another rune.
func mod97(s string) int {
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

// replaceIBAN keeps the country and the classes; the last five letters or
// digits are the check.
func (r *Redactor) replaceIBAN(value string) (out []string, done bool) {
	c := compactIBAN(value)
	n := len(c) - 5
	check := func(body string) string {
		keyed := r.stream("iban check", body, 5)
		tail := []byte(c[n:])
		for i := range tail {
			a := alphabet(tail[i], false)
			tail[i] = a[int(keyed[i])%len(a)]
		}
		return string(tail)
	}
	if check(c[:2]+c[4:n]) == c[n:] {
		return nil, true
	}
	bytes := r.stream("iban", c, len(c))
	body := []byte(c[4:n])
	for i := range body {
		a := alphabet(body[i], false)
		body[i] = a[int(bytes[i])%len(a)]
	}
	bban := string(body) + check(c[:2]+string(body))
	control := 98 - mod97(bban+c[:2]+"00")
	text := c[:2] + itoa(control) + bban
	out = chars([]byte(value))
	next := 0
	for i := range out {
		if out[i] != " " {
			out[i] = text[next : next+1]
			next++
		}
	}
	return out, false
}

type phone int

const (
	notPhone      phone = iota
	northAmerican       // (212) 664-7665, 212-664-7665, +1 212 664 7665
	international       // + and 8 to 15 digits
)

// phoneKind recognises telephone numbers that are written as such; a bare row
// of digits is none.
func phoneKind(s string) phone {
	if len(s) < 9 || len(s) > 24 {
		return notPhone
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
			return notPhone
		}
	}
	switch {
	case s[0] == '+' && len(d) == 11 && d[0] == '1':
		return northAmerican
	case strings.Count(s, ".") == 1 && len(s)-len(d) == 2:
		return notPhone // a number with a sign and a decimal point
	case s[0] == '+' && len(d) >= 8 && len(d) <= 15 && d[0] != '0':
		return international
	case len(d) == 10 && d[0] > '1' && d[3] > '1':
		switch string(shape) {
		case "(d) d-d", "(d)d-d", "d-d-d", "d.d.d", "(d) d d":
			if groups := strings.FieldsFunc(s, func(c rune) bool { return c < '0' || c > '9' }); len(groups[0]) == 3 && len(groups[1]) == 3 {
				return northAmerican
			}
		}
	}
	return notPhone
}

// replacePhone keeps the form. North American numbers get the exchange 555,
// which has no subscribers, others the country code 999, which is no country's.
func (r *Redactor) replacePhone(value string, kind phone) (out []string, done bool) {
	d, _ := plainDigits(strings.Trim(strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, value), " "), "")
	bytes := r.stream("phone", d, len(d))
	text := []byte(d)
	for i := range text {
		text[i] = digits[int(bytes[i])%10]
	}
	switch kind {
	case northAmerican:
		local := len(d) - 10
		if d[local+3:local+6] == "555" {
			return nil, true
		}
		copy(text, d[:local])
		text[local] = '2' + bytes[local]%8
		copy(text[local+3:], "555")
	case international:
		if strings.HasPrefix(d, "999") {
			return nil, true
		}
		copy(text, "999")
	}
	return fillDigits(value, text), false
}
