package redact

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"hash"
	"io"
	"math"
	"strconv"
	"strings"
)

// A token is what stands for a value. It is a function of the project's key and
// the value alone, so that equal values have equal tokens wherever and in
// whichever encoding they are found.
//
// A value without a format of its own (see format.go) is replaced rune by
// rune: digits by digits, letters by letters of the same case and script, hex
// by hex; everything else stays in place. Of its ASCII letters and digits, the
// last checkLen are a check of all the others, made with the key:
//
//	hunter2-Friday → kqpwzr4-Xelbmqadfo…
//	                 └──── value ────┘└check┘
//
// The check makes a token recognisable to its own project, so that redacting
// twice is redacting once, and nobody without the key can make one. The rest
// carries at least valueBits of a MAC of the value; where a value is too short
// for that, letters or digits are added at its end.
const (
	valueBits = 48
	checkLen  = 8 // the first is a plain sum, to be quick to refuse; seven are keyed: 28 bits of mixed text, 33 of letters
)

// A cell is one rune of a value with the text that encodes it where it was
// found: the two differ in escapes.
type cell struct {
	r   rune
	raw string
}

func textOf(cells []cell) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteRune(c.r)
	}
	return b.String()
}

// tokenise returns the text, encoded as the cells were, that stands for the
// value; ok is false where the value is a token already.
func (r *Redactor) tokenise(cells []cell) (text string, ok bool) {
	value := textOf(cells)
	out, done := r.replaceFormat(value)
	if done {
		return "", false
	}
	if out == nil {
		if r.isPlainToken(value) {
			return "", false
		}
		out = r.replacePlain(value)
	}
	var b strings.Builder
	for i, c := range cells {
		if i < len(out) && out[i] == string(c.r) {
			b.WriteString(c.raw)
		} else if i < len(out) {
			b.WriteString(encodeLike(c.raw, out[i]))
		}
	}
	for i := len(cells); i < len(out); i++ {
		b.WriteString(out[i])
	}
	return b.String(), true
}

// token returns the token of a text that is not encoded; a token stands for itself.
func (r *Redactor) token(value string) string {
	out, done := r.replaceFormat(value)
	if done {
		return value
	}
	if out == nil {
		if r.isPlainToken(value) {
			return value
		}
		out = r.replacePlain(value)
	}
	return strings.Join(out, "")
}

// encodeLike encodes text, the replacement of one rune, in the way in which raw
// encodes that rune. ASCII letters and digits need no encoding anywhere.
func encodeLike(raw, text string) string {
	if len(raw) < 2 || isASCII(text) {
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

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// stream returns n bytes that depend on the key, a domain and the text.
func (r *Redactor) stream(domain, text string, n int) []byte {
	mac := r.macs.Get().(hash.Hash)
	mac.Reset()
	_, _ = io.WriteString(mac, "repaird redact 1\x00"+domain+"\x00")
	_, _ = io.WriteString(mac, text)
	sum := mac.Sum(nil)
	r.macs.Put(mac)
	if n <= len(sum) {
		return sum[:n]
	}
	block, err := aes.NewCipher(sum[:16])
	if err != nil {
		panic(err) // the key's length is right
	}
	out := make([]byte, n)
	cipher.NewCTR(block, sum[16:]).XORKeyStream(out, out)
	return out
}

const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// alphabet returns the runes among which c's replacement is chosen; "" for
// runes that stay.
func alphabet(c byte, hex bool) string {
	switch {
	case c >= '0' && c <= '9':
		return digits
	case c >= 'a' && c <= 'z':
		if hex {
			return lower[:6]
		}
		return lower
	case c >= 'A' && c <= 'Z':
		if hex {
			return upper[:6]
		}
		return upper
	}
	return ""
}

// checkAlphabet is alphabet for the places of the check. Where the value is not
// hex, its letters are none of a to f: a token must not look like hex by chance,
// or its check would be read with the wrong alphabet.
func checkAlphabet(c byte, hex bool) string {
	a := alphabet(c, hex)
	if !hex && len(a) == len(lower) {
		return a[6:]
	}
	return a
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// shape is what of a value's ASCII text decides how its token is made; a token
// has the shape of its value.
type shape struct {
	alnum, digit, lower, upper, other int
	hex                               bool
}

func shapeOf(s string) shape {
	sh := shape{hex: true}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			sh.digit++
		case c >= 'a' && c <= 'z':
			sh.lower++
			sh.hex = sh.hex && c <= 'f'
		case c >= 'A' && c <= 'Z':
			sh.upper++
			sh.hex = sh.hex && c <= 'F'
		case c < 0x80:
			sh.other++
			sh.hex = false
		default:
			sh.hex = false
		}
	}
	sh.alnum = sh.digit + sh.lower + sh.upper
	// Letters of both cases are base64 or words, not hex.
	sh.hex = sh.hex && sh.alnum >= 8 && sh.digit > 0 && sh.lower+sh.upper > 0 && (sh.lower == 0 || sh.upper == 0)
	return sh
}

// hexDigits reports whether there is nothing but hex digits of one case.
func (sh shape) hexDigits() bool { return sh.hex || sh.other == 0 && sh.lower+sh.upper == 0 }

// numeric values are made of digits only; their tokens stay within a signed
// 64-bit integer where the value does.
func (sh shape) numeric(s string) bool { return sh.digit == len(s) && len(s) > 0 }

const (
	numericLen   = 19 // 15 of value, 49.6 bits, and 4 of check
	numericCheck = 4
)

// replacePlain makes the token of a value without a format; one string for
// each rune, and further ones for what is added.
func (r *Redactor) replacePlain(value string) []string {
	sh := shapeOf(value)
	if sh.numeric(value) {
		return r.replaceNumeric(value)
	}
	runes := []rune(value)
	need := len(runes) + 24
	bytes := r.stream("value", value, 2*need)
	pick := func(i, n int) int { return int(binary.BigEndian.Uint16(bytes[2*i:])) % n }

	out := make([]string, len(runes), need)
	symbolsOnly := sh.alnum < 4 && sh.other > sh.alnum
	var places []int // of ASCII letters and digits
	var bits []float64
	for i, c := range runes {
		out[i] = string(c)
		if c >= 0x80 {
			out[i] = replaceForeign(c, pick(i, 1<<16))
			continue
		}
		if a := alphabet(byte(c), sh.hex); a != "" {
			out[i] = a[pick(i, len(a)):][:1]
			places = append(places, i)
			bits = append(bits, math.Log2(float64(len(a))))
		} else if symbolsOnly && c > ' ' {
			out[i] = "-_.~"[pick(i, 4):][:1] // else the punctuation would be the secret
		}
	}
	fill := filler(sh)
	have := carried(bits)
	for have < valueBits {
		places = append(places, len(out))
		bits = append(bits, math.Log2(float64(len(fill))))
		if len(bits) > checkLen {
			have += bits[len(bits)-checkLen-1]
		}
		out = append(out, fill[pick(len(out), len(fill)):][:1])
	}
	r.writeCheck(out, places, sh.hex)
	return out
}

// trimEnds cuts what is no letter or digit from both ends of a text. The check
// is of what is between, so that a token is found wherever its ends are drawn.
func trimEnds(s string) string {
	for s != "" && s[0] < 0x80 && !isAlnum(s[0]) {
		s = s[1:]
	}
	for s != "" && s[len(s)-1] < 0x80 && !isAlnum(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// carried is the number of bits before the check.
func carried(bits []float64) float64 {
	sum := 0.0
	for i := range len(bits) - checkLen {
		sum += bits[i]
	}
	return sum
}

// filler is the alphabet of what is added to short values.
func filler(sh shape) string {
	switch {
	case sh.hex && sh.upper > 0:
		return "0123456789ABCDEF"
	case sh.hex:
		return "0123456789abcdef"
	case sh.upper > 0 && sh.lower == 0:
		return upper
	case sh.digit > 0 && sh.lower == 0:
		return digits
	}
	return lower
}

// writeCheck overwrites the last letters and digits with the check.
func (r *Redactor) writeCheck(out []string, places []int, hex bool) {
	check := places[len(places)-checkLen:]
	from := 0
	for from < len(out) && out[from][0] < 0x80 && !isAlnum(out[from][0]) {
		from++
	}
	within := make([]int, checkLen)
	for i, p := range check {
		within[i] = p - from
	}
	// The last of the places is the last of the text but for punctuation and
	// letters of other scripts, which are looked at.
	to := len(out)
	for out[to-1][0] < 0x80 && !isAlnum(out[to-1][0]) {
		to--
	}
	plain, keyed := r.check(out[from:to], within)
	for i, p := range check {
		a := checkAlphabet(out[p][0], hex)
		if i == 0 {
			out[p] = a[plain%len(a):][:1]
		} else {
			out[p] = a[int(keyed[i])%len(a):][:1]
		}
	}
}

// check computes the sum and the MAC over everything but the check's own
// places, of which it takes only the class.
func (r *Redactor) check(out []string, places []int) (plain int, keyed []byte) {
	var b strings.Builder
	next := 0
	for i, s := range out {
		if next < len(places) && places[next] == i {
			next++
			switch c := s[0]; {
			case c <= '9':
				b.WriteByte('0')
			case c <= 'Z':
				b.WriteByte('A')
			default:
				b.WriteByte('a')
			}
			continue
		}
		if len(s) == 1 && isAlnum(s[0]) {
			plain += int(s[0])
		}
		b.WriteString(s)
	}
	return plain, r.stream("check", b.String(), checkLen)
}

// isPlainToken reports whether a value is a token that replacePlain of this
// project made.
func (r *Redactor) isPlainToken(s string) bool {
	sh := shapeOf(s)
	if sh.numeric(s) {
		return r.isNumericToken(s)
	}
	s = trimEnds(s)
	if sh.alnum <= checkLen {
		return false
	}
	var places []int
	for i := len(s) - 1; i >= 0 && len(places) < checkLen; i-- {
		if isAlnum(s[i]) {
			places = append(places, i)
		}
	}
	for i, j := 0, len(places)-1; i < j; i, j = i+1, j-1 {
		places[i], places[j] = places[j], places[i]
	}
	sum := 0
	for i := range places[0] {
		if isAlnum(s[i]) {
			sum += int(s[i])
		}
	}
	first := s[places[0]]
	if a := checkAlphabet(first, sh.hex); a[sum%len(a)] != first {
		return false
	}
	out := make([]string, len(s))
	for i := range len(s) {
		out[i] = s[i : i+1]
	}
	_, keyed := r.check(out, places)
	for i, p := range places[1:] {
		a := checkAlphabet(s[p], sh.hex)
		if a[int(keyed[i+1])%len(a)] != s[p] {
			return false
		}
	}
	return true
}

// replaceNumeric makes the token of a value of digits.
func (r *Redactor) replaceNumeric(value string) []string {
	n := max(len(value), numericLen)
	check := min(numericCheck+n-numericLen, checkLen)
	bytes := r.stream("digits", value, 2*n)
	text := make([]byte, n-check)
	for i := range text {
		text[i] = digits[int(binary.BigEndian.Uint16(bytes[2*i:]))%10]
	}
	text[0] = '1' + bytes[0]%8 // the greatest int64 begins with 9
	if value[0] == '0' {
		text[0] = '0' // a leading zero tells an identifier from a number
	}
	text = append(text, r.digitCheck(string(text), check)...)
	out := make([]string, n)
	for i := range text {
		out[i] = string(text[i])
	}
	return out
}

func (r *Redactor) isNumericToken(s string) bool {
	if len(s) < numericLen || s[0] == '9' || !shapeOf(s).numeric(s) {
		return false
	}
	check := min(numericCheck+len(s)-numericLen, checkLen)
	return s[len(s)-check:] == r.digitCheck(s[:len(s)-check], check)
}

// digitCheck returns n check digits of a text.
func (r *Redactor) digitCheck(text string, n int) string {
	out := make([]byte, n)
	for i, b := range r.stream("digit check", text, n) {
		out[i] = digits[int(b)%10]
	}
	return string(out)
}
