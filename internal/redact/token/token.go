// Package token makes what stands for a sensitive value.
//
//	key := token.NewKey(secret)  // one for each project
//	key.Of("hunter2-Friday")     // "kqpwzr4-Xelbmqadfo", always
//	key.Of("kqpwzr4-Xelbmqadfo") // the same: a token stands for itself
//
// A token is a function of the project's key and the value alone, so that equal
// values have equal tokens, and it keeps length, character classes and formats:
// an e-mail address stays one, a card number a valid one (format.go, number.go).
package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/repaird/repaird/internal/redact/encode"
	"github.com/repaird/repaird/internal/redact/shape"
)

// A Key makes and recognises the tokens of one project. It is safe for
// concurrent use.
type Key struct{ macs sync.Pool } // of HMAC-SHA-256 with the key

// NewKey returns the Key of a secret of at least 16 bytes.
func NewKey(secret []byte) *Key {
	secret = slices.Clone(secret)
	return &Key{sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }}}
}

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

// OfCells returns the text, encoded as the cells were, that stands for the
// value; ok is false where the value is a token already.
func (k *Key) OfCells(cells []encode.Cell) (text string, ok bool) {
	value := encode.Text(cells)
	out, done := k.replaceFormat(value)
	if done {
		return "", false
	}
	if out == nil {
		if k.isPlainToken(value) {
			return "", false
		}
		out = k.replacePlain(value)
	}
	var b strings.Builder
	for i, c := range cells {
		if i < len(out) && out[i] == string(c.Rune) {
			b.WriteString(c.Raw)
		} else if i < len(out) {
			b.WriteString(encode.Like(c.Raw, out[i]))
		}
	}
	for i := len(cells); i < len(out); i++ {
		b.WriteString(out[i])
	}
	return b.String(), true
}

// Of returns the token of a text that is not encoded; a token stands for itself.
func (k *Key) Of(value string) string {
	out, done := k.replaceFormat(value)
	if done {
		return value
	}
	if out == nil {
		if k.isPlainToken(value) {
			return value
		}
		out = k.replacePlain(value)
	}
	return strings.Join(out, "")
}

// Stream returns n bytes that depend on the key, a domain and the text.
func (k *Key) Stream(domain, text string, n int) []byte {
	mac := k.macs.Get().(hash.Hash)
	mac.Reset()
	_, _ = io.WriteString(mac, "repaird redact 1\x00"+domain+"\x00")
	_, _ = io.WriteString(mac, text)
	sum := mac.Sum(nil)
	k.macs.Put(mac)
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

const (
	numericLen   = 19 // 15 of value, 49.6 bits, and 4 of check
	numericCheck = 4
)

// replacePlain makes the token of a value without a format; one string for
// each rune, and further ones for what is added.
func (k *Key) replacePlain(value string) []string {
	sh := shape.Of(value)
	if sh.Numeric(value) {
		return k.replaceNumeric(value)
	}
	runes := []rune(value)
	need := len(runes) + 24
	bytes := k.Stream("value", value, 2*need)
	pick := func(i, n int) int { return int(binary.BigEndian.Uint16(bytes[2*i:])) % n }

	out := make([]string, len(runes), need)
	symbolsOnly := sh.Alnum < 4 && sh.Other > sh.Alnum
	var places []int // of ASCII letters and digits
	var bits []float64
	for i, c := range runes {
		out[i] = string(c)
		if c >= 0x80 {
			out[i] = replaceForeign(c, pick(i, 1<<16))
			continue
		}
		if a := alphabet(byte(c), sh.Hex); a != "" {
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
	k.writeCheck(out, places, sh.Hex)
	return out
}

// trimEnds strips everything except letters and digits from both ends of a text. The check
// is of what is between, so that a token is found wherever its ends are drawn.
func trimEnds(s string) string {
	for s != "" && s[0] < 0x80 && !shape.IsAlnum(s[0]) {
		s = s[1:]
	}
	for s != "" && s[len(s)-1] < 0x80 && !shape.IsAlnum(s[len(s)-1]) {
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
func filler(sh shape.Shape) string {
	switch {
	case sh.Hex && sh.Upper > 0:
		return "0123456789ABCDEF"
	case sh.Hex:
		return "0123456789abcdef"
	case sh.Upper > 0 && sh.Lower == 0:
		return upper
	case sh.Digit > 0 && sh.Lower == 0:
		return digits
	}
	return lower
}

// writeCheck overwrites the last letters and digits with the check.
func (k *Key) writeCheck(out []string, places []int, hex bool) {
	check := places[len(places)-checkLen:]
	from := 0
	for from < len(out) && out[from][0] < 0x80 && !shape.IsAlnum(out[from][0]) {
		from++
	}
	within := make([]int, checkLen)
	for i, p := range check {
		within[i] = p - from
	}
	// The last of the places is the last of the text but for punctuation and
	// letters of other scripts, which are looked at.
	to := len(out)
	for out[to-1][0] < 0x80 && !shape.IsAlnum(out[to-1][0]) {
		to--
	}
	plain, keyed := k.check(out[from:to], within)
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
func (k *Key) check(out []string, places []int) (plain int, keyed []byte) {
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
		if len(s) == 1 && shape.IsAlnum(s[0]) {
			plain += int(s[0])
		}
		b.WriteString(s)
	}
	return plain, k.Stream("check", b.String(), checkLen)
}

// isPlainToken reports whether a value is a token that replacePlain of this
// project made.
func (k *Key) isPlainToken(s string) bool {
	sh := shape.Of(s)
	if sh.Numeric(s) {
		return k.isNumericToken(s)
	}
	s = trimEnds(s)
	if sh.Alnum <= checkLen {
		return false
	}
	var places []int
	for i := len(s) - 1; i >= 0 && len(places) < checkLen; i-- {
		if shape.IsAlnum(s[i]) {
			places = append(places, i)
		}
	}
	for i, j := 0, len(places)-1; i < j; i, j = i+1, j-1 {
		places[i], places[j] = places[j], places[i]
	}
	sum := 0
	for i := range places[0] {
		if shape.IsAlnum(s[i]) {
			sum += int(s[i])
		}
	}
	first := s[places[0]]
	if a := checkAlphabet(first, sh.Hex); a[sum%len(a)] != first {
		return false
	}
	out := make([]string, len(s))
	for i := range len(s) {
		out[i] = s[i : i+1]
	}
	_, keyed := k.check(out, places)
	for i, p := range places[1:] {
		a := checkAlphabet(s[p], sh.Hex)
		if a[int(keyed[i+1])%len(a)] != s[p] {
			return false
		}
	}
	return true
}

// replaceNumeric makes the token of a value of digits.
func (k *Key) replaceNumeric(value string) []string {
	n := max(len(value), numericLen)
	check := min(numericCheck+n-numericLen, checkLen)
	bytes := k.Stream("digits", value, 2*n)
	text := make([]byte, n-check)
	for i := range text {
		text[i] = digits[int(binary.BigEndian.Uint16(bytes[2*i:]))%10]
	}
	text[0] = '1' + bytes[0]%8 // the greatest int64 begins with 9
	if value[0] == '0' {
		text[0] = '0' // a leading zero tells an identifier from a number
	}
	text = append(text, k.digitCheck(string(text), check)...)
	out := make([]string, n)
	for i := range text {
		out[i] = string(text[i])
	}
	return out
}

func (k *Key) isNumericToken(s string) bool {
	if len(s) < numericLen || s[0] == '9' || !shape.Of(s).Numeric(s) {
		return false
	}
	check := min(numericCheck+len(s)-numericLen, checkLen)
	return s[len(s)-check:] == k.digitCheck(s[:len(s)-check], check)
}

// digitCheck returns n check digits of a text.
func (k *Key) digitCheck(text string, n int) string {
	out := make([]byte, n)
	for i, b := range k.Stream("digit check", text, n) {
		out[i] = digits[int(b)%10]
	}
	return string(out)
}
