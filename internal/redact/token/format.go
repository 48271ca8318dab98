package token

import (
	"encoding/binary"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/redact/shape"
)

// Values with a format of their own keep it: an e-mail address stays one, a
// card number keeps its network and a valid check digit, an address its family
// and whether it is private. Some of these have no room for 48 bits and a
// check; their tokens lie in ranges that nobody was ever given (social security
// numbers from 900 on, the 555 exchange, the country code 999), so that no real
// value is taken for a token, and they carry what bits there are.

// replaceFormat returns the token of a value that has a format, one string for
// each of its runes; nil when it has none; done when it is a token already or
// identifies nobody (loopback addresses).
func (k *Key) replaceFormat(value string) (out []string, done bool) {
	if len(value) < 3 || len(value) > 400 || !shape.IsASCII(value) {
		return k.replaceScheme(value)
	}
	whole := func(text string) []string {
		out := make([]string, len(value))
		out[0] = text
		return out
	}
	switch {
	case shape.Email.MatchString(value):
		return k.replaceEmail(value)
	case len(value) == 36 && shape.UUID.MatchString(value):
		return k.replaceUUID(value)
	case len(value) == 17 && shape.MAC.MatchString(value):
		return k.replaceMAC(value)
	case shape.SSN.MatchString(value):
		return k.replaceSSN(value)
	}
	if addr, err := netip.ParseAddr(value); err == nil && addr.Zone() == "" {
		text, done := k.replaceAddr(addr)
		return whole(text), done
	}
	if prefix, ok := shape.Card(value); ok {
		if k.isNumericToken(value) {
			return nil, true
		}
		return k.replaceCard(value, prefix)
	}
	if shape.IsIBAN(value) {
		if k.isPlainToken(value) { // one word in some thousands of upper case is an IBAN by accident
			return nil, true
		}
		return k.replaceIBAN(value)
	}
	if kind := shape.PhoneOf(value); kind != shape.NotPhone {
		return k.replacePhone(value, kind)
	}
	return k.replaceScheme(value)
}

var schemeShape = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]{1,20}://`)

// replaceScheme keeps the scheme of a URL.
func (k *Key) replaceScheme(value string) (out []string, done bool) {
	scheme := schemeShape.FindString(value)
	if scheme == "" || scheme == value {
		return nil, false
	}
	rest := value[len(scheme):]
	if k.isPlainToken(rest) {
		return nil, true
	}
	for i := range scheme {
		out = append(out, scheme[i:i+1])
	}
	return append(out, k.replacePlain(rest)...), false
}

// replaceEmail replaces local part and domain, keeps the top-level domain
// (co.uk), the case and the place of a plus tag, and puts check and further bits
// into the first label of the domain. Case does not tell addresses apart.
func (k *Key) replaceEmail(value string) (out []string, done bool) {
	fold := strings.ToLower(value)
	at := strings.IndexByte(fold, '@')
	label := at + 1 + strings.IndexByte(fold[at+1:], '.') // end of the first label
	keep := keptSuffix(fold, label)
	if k.isEmailToken(fold, at, label) {
		return nil, true
	}
	bytes := k.Stream("email", fold, 2*(len(fold)+40))
	pick := func(i, n int) int { return int(binary.BigEndian.Uint16(bytes[2*i:])) % n }
	out = make([]string, len(value))
	bits, inLabel := 0.0, 0
	for i := range len(value) {
		out[i] = value[i : i+1]
		a := alphabet(value[i], false)
		if i >= keep || a == "" {
			continue
		}
		out[i] = a[pick(i, len(a)):][:1]
		bits += math.Log2(float64(len(a)))
		if i > at && i < label {
			inLabel++
		}
	}
	// What is added stands before the first dot of the domain.
	const checkBits = checkLen * 4.7
	for n := 0; bits-checkBits < valueBits || inLabel < checkLen; n++ {
		out[label-1] += lower[pick(len(fold)+n, 26):][:1]
		bits += 4.7
		inLabel++
	}
	text := strings.Join(out, "")
	newLabel := text[:len(text)-(len(value)-label)]
	checked := k.emailCheck(strings.ToLower(newLabel), strings.ToLower(text[len(newLabel):]), newLabel)
	copy(out, splitLike(checked, out[:label]))
	return out, false
}

// keptSuffix is where the part of the domain begins that stays: ".com", ".co.uk".
func keptSuffix(fold string, label int) int {
	last := strings.LastIndexByte(fold, '.')
	prev := strings.LastIndexByte(fold[:last], '.')
	if len(fold)-last == 3 && prev >= label && last-prev <= 4 {
		return prev
	}
	return last
}

// emailCheck overwrites the last checkLen letters and digits of text, a local
// part with the first label of its domain, with a check of the rest.
func (k *Key) emailCheck(fold, suffix, text string) string {
	places := lastAlnum(fold, checkLen)
	masked := []byte(fold)
	for _, p := range places {
		masked[p] = '*'
	}
	keyed := k.Stream("email check", string(masked)+"\x00"+suffix, checkLen)
	out := []byte(text)
	for i, p := range places {
		a := alphabet(out[p], false)
		out[p] = a[int(keyed[i])%len(a)]
	}
	return string(out)
}

func (k *Key) isEmailToken(fold string, at, label int) bool {
	count := 0
	for i := at + 1; i < label; i++ {
		if shape.IsAlnum(fold[i]) {
			count++
		}
	}
	return count >= checkLen && k.emailCheck(fold[:label], fold[label:], fold[:label]) == fold[:label]
}

// lastAlnum returns the places of the last n letters and digits, in order.
func lastAlnum(s string, n int) []int {
	places := make([]int, 0, n)
	for i := len(s) - 1; i >= 0 && len(places) < n; i-- {
		if shape.IsAlnum(s[i]) {
			places = append(places, i)
		}
	}
	for i, j := 0, len(places)-1; i < j; i, j = i+1, j-1 {
		places[i], places[j] = places[j], places[i]
	}
	return places
}

// splitLike cuts text into pieces as long as those of like.
func splitLike(text string, like []string) []string {
	out := make([]string, len(like))
	for i, s := range like {
		out[i], text = text[:len(s)], text[len(s):]
	}
	return out
}

// replaceUUID keeps version and variant.
func (k *Key) replaceUUID(value string) (out []string, done bool) {
	const checked = 28 // the last eight digits are the check
	check := func(head, tail string) string {
		keyed := k.Stream("uuid check", strings.ToLower(head), len(tail))
		b := []byte(tail)
		for i, c := range b {
			a := alphabet(c, true)
			b[i] = a[int(keyed[i])%len(a)]
		}
		return string(b)
	}
	if check(value[:checked], value[checked:]) == value[checked:] {
		return nil, true
	}
	bytes := k.Stream("uuid", strings.ToLower(value), len(value))
	b := []byte(value)
	for i, c := range b {
		if a := alphabet(c, true); a != "" && i != 14 && i != 19 {
			b[i] = a[int(bytes[i])%len(a)]
		}
	}
	copy(b[checked:], check(string(b[:checked]), value[checked:]))
	return chars(b), false
}

func chars(b []byte) []string {
	out := make([]string, len(b))
	for i := range b {
		out[i] = string(b[i : i+1])
	}
	return out
}

// replaceMAC makes a locally administered address: 24 bits and 16 of check.
func (k *Key) replaceMAC(value string) (out []string, done bool) {
	at := func(s string, i int) byte {
		n, _ := strconv.ParseUint(s[3*i:3*i+2], 16, 8)
		return byte(n)
	}
	fold := strings.ToLower(value)
	check := func(a, b, c byte) []byte { return k.Stream("mac check", string([]byte{a, b, c}), 2) }
	c := check(at(fold, 1), at(fold, 2), at(fold, 3))
	if fold == "00:00:00:00:00:00" || fold == "ff:ff:ff:ff:ff:ff" ||
		at(fold, 0) == 2 && at(fold, 4) == c[0] && at(fold, 5) == c[1] {
		return nil, true
	}
	v := k.Stream("mac", fold, 3)
	c = check(v[0], v[1], v[2])
	text := []byte(value)
	for i, octet := range []byte{2, v[0], v[1], v[2], c[0], c[1]} {
		for j, d := range []byte{octet >> 4, octet & 15} {
			if value == fold {
				text[3*i+j] = "0123456789abcdef"[d]
			} else {
				text[3*i+j] = "0123456789ABCDEF"[d]
			}
		}
	}
	return chars(text), false
}

// replaceSSN makes a number that was never given: the area 900 to 999 with a
// group below 50 (from 50 on they are taxpayer numbers).
func (k *Key) replaceSSN(value string) (out []string, done bool) {
	if value[0] == '9' && value[4] < '5' {
		return nil, true
	}
	bytes := k.Stream("ssn", value, len(value))
	text := []byte(value)
	for i := range text {
		if text[i] != '-' {
			text[i] = digits[int(bytes[i])%10]
		}
	}
	text[0], text[4] = '9', '0'+bytes[4]%5
	return chars(text), false
}

// unannounced are public blocks of 2²⁴ addresses from which no user comes: they
// belong to one military network and are not reachable from elsewhere.
var unannounced = []byte{11, 21, 22, 26, 28, 29, 30, 33}

// replaceAddr keeps family and privateness. Addresses that name no host (0/8,
// 127/8, 224/4, 240/4, link-local, documentation) stay.
func (k *Key) replaceAddr(a netip.Addr) (text string, done bool) {
	if a.Is4In6() {
		text, done = k.replaceAddr(a.Unmap())
		return "::ffff:" + text, done
	}
	if a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || documentation(a) || a.Is4() && a.IsLinkLocalUnicast() {
		return "", true
	}
	if a.Is4() {
		return k.replaceIPv4(a)
	}
	// One octet tells the kind, seven are the value, eight the check.
	b := a.As16()
	first := byte(0x2a)
	switch {
	case a.IsPrivate():
		first = 0xfd
	case a.IsLinkLocalUnicast():
		first = 0xfe
	}
	build := func(seven []byte) [16]byte {
		var out [16]byte
		out[0] = first
		copy(out[1:], seven)
		if first == 0xfe {
			out[1] = 0x80
		}
		copy(out[8:], k.Stream("ipv6 check", string(out[:8]), 8))
		return out
	}
	if build(b[1:8]) == b {
		return "", true
	}
	return netip.AddrFrom16(build(k.Stream("ipv6", a.String(), 7))).String(), false
}

func (k *Key) replaceIPv4(a netip.Addr) (text string, done bool) {
	b := a.As4()
	if !a.IsPrivate() {
		if b[0] == 0 || b[0] >= 240 || strings.IndexByte(string(unannounced), b[0]) >= 0 {
			return "", true
		}
		v := k.Stream("ipv4", a.String(), 4)
		return netip.AddrFrom4([4]byte{unannounced[v[0]%8], v[1], v[2], v[3]}).String(), false
	}
	// The second octet is the check: of the private addresses in use one in
	// 256 is taken for a token, and tells no more than that.
	check := func(v []byte) byte { return k.Stream("ipv4 check", string(v), 1)[0] }
	if b[0] == 10 && b[1] == check(b[2:]) {
		return "", true
	}
	v := k.Stream("ipv4 private", a.String(), 2)
	return netip.AddrFrom4([4]byte{10, check(v), v[0], v[1]}).String(), false
}

var documentationBlocks = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"),
}

// documentation reports whether an address is one of RFC 5737 and RFC 3849.
func documentation(a netip.Addr) bool {
	for _, p := range documentationBlocks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
