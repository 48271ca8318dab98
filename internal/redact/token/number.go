package token

import (
	"strings"

	"github.com/repaird/repaird/internal/redact/shape"
)

// replaceCard makes a number of the network, with three zeros, then the value,
// three digits of check, and a valid last digit.
func (k *Key) replaceCard(value, prefix string) (out []string, done bool) {
	d, _ := shape.PlainDigits(value, " -")
	head := prefix + "000"
	n := len(d) - 4 // where the check begins
	if strings.HasPrefix(d, head) && k.digitCheck(d[:n], 3) == d[n:n+3] {
		return nil, true
	}
	text := []byte(head)
	for _, b := range k.Stream("card", d, n-len(head)) {
		text = append(text, digits[int(b)%10])
	}
	text = append(text, k.digitCheck(string(text), 3)...)
	last := (10 - shape.LuhnSum(string(text)+"0")) % 10
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

// replaceIBAN keeps the country and the classes; the last five letters or
// digits are the check.
func (k *Key) replaceIBAN(value string) (out []string, done bool) {
	c := shape.CompactIBAN(value)
	n := len(c) - 5
	check := func(body string) string {
		keyed := k.Stream("iban check", body, 5)
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
	bytes := k.Stream("iban", c, len(c))
	body := []byte(c[4:n])
	for i := range body {
		a := alphabet(body[i], false)
		body[i] = a[int(bytes[i])%len(a)]
	}
	bban := string(body) + check(c[:2]+string(body))
	control := 98 - shape.Mod97(bban+c[:2]+"00")
	text := c[:2] + shape.TwoDigits(control) + bban
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

// replacePhone keeps the form. North American numbers get the exchange 555,
// which has no subscribers, others the country code 999, which is unassigned.
func (k *Key) replacePhone(value string, kind shape.Phone) (out []string, done bool) {
	d, _ := shape.PlainDigits(strings.Trim(strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, value), " "), "")
	bytes := k.Stream("phone", d, len(d))
	text := []byte(d)
	for i := range text {
		text[i] = digits[int(bytes[i])%10]
	}
	switch kind {
	case shape.NorthAmerican:
		local := len(d) - 10
		if d[local+3:local+6] == "555" {
			return nil, true
		}
		copy(text, d[:local])
		text[local] = '2' + bytes[local]%8
		copy(text[local+3:], "555")
	case shape.International:
		if strings.HasPrefix(d, "999") {
			return nil, true
		}
		copy(text, "999")
	}
	return fillDigits(value, text), false
}
