package redact

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/bits"
	"net/url"
	"strings"
	"sync"

	"github.com/repaird/repaird/internal/redact/encode"
	"github.com/repaird/repaird/internal/redact/find"
	"github.com/repaird/repaird/internal/redact/shape"
	"github.com/repaird/repaird/internal/redact/token"
)

// Known is the set of sensitive values of one incident, in unreadable form: it
// contains keyed hashes of the values and of the forms in which they may be
// written, and finds these in any text. It is safe for concurrent use.
type Known struct {
	mu     sync.RWMutex
	base   uint64            // of the hash; secret
	filter [1 << 10]uint64   // of the hashes of the first knownPrefix bytes
	sizes  map[uint64][]int  // hash of the first bytes → lengths
	forms  map[knownKey]form // length and hash of the whole → how it is replaced
	keep   map[string]bool   // identifiers of the event, which are kept although they look random
	count  int
}

type knownKey struct {
	size int
	hash uint64
}

// A form is one way in which a known value is written.
type form struct {
	rule  string
	enc   byte   // 0 as it is, '\\' escaped, '%' URL-encoded
	given string // the replacement in other encodings
}

const (
	knownPrefix = 6       // bytes; shorter values are not propagated
	maxKnown    = 20_000  // forms
	maxSizes    = 64      // lengths of forms with the same first bytes
	maxKnownLen = 8 << 10 // bytes of one value
	prime       = 1<<61 - 1
)

func newKnown(key *token.Key) *Known {
	return &Known{
		base:  binary.BigEndian.Uint64(key.Stream("known", "", 8))%(prime-256) + 256,
		sizes: map[uint64][]int{}, forms: map[knownKey]form{}, keep: map[string]bool{},
	}
}

// Empty reports whether nothing is known.
func (k *Known) Empty() bool {
	if k == nil {
		return true
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.count == 0
}

// common values are not secrets, and replacing them everywhere would destroy the evidence.
var common = find.Set(`password passwd secret token default example localhost username anonymous unknown development production staging
	testing testuser administrator postgres postgresql public private string number object function method return false undefined
	changeme required optional disabled enabled internal external customer account django.contrib.auth session authorization basic bearer
	127.0.0.1 0.0.0.0 google github python requests root@localhost user@example.com test@example.com nobody`)

// propagates decides whether a value is replaced wherever it occurs.
func propagates(value string) bool {
	if len(value) < knownPrefix || len(value) > maxKnownLen || common[strings.ToLower(value)] {
		return false
	}
	sh := shape.Of(value)
	switch {
	case sh.Numeric(value):
		return len(value) >= 8 && strings.Trim(value, value[:1]) != ""
	case sh.Alnum == 0 && shape.IsASCII(value):
		return len(value) >= 8
	case strings.Trim(value, value[:1]) == "":
		return false
	}
	return true
}

// add learns a value.
func (k *Known) add(key *token.Key, value, rule string) {
	if !propagates(value) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, there := k.forms[knownKey{len(value), k.hash(value)}]; there || k.keep[value] || k.count >= maxKnown {
		return
	}
	token := key.Of(value)
	rule = "known:" + strings.TrimPrefix(rule, "known:")
	if !k.put(value, form{rule: rule}) {
		return
	}
	if e := escapeJSON(value); e != value {
		k.put(e, form{rule: rule, enc: '\\'})
	}
	if e := strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`).Replace(value); e != value {
		k.put(e, form{rule: rule, enc: '\\'})
	}
	for _, e := range []string{url.QueryEscape(value), url.PathEscape(value), strings.ReplaceAll(url.QueryEscape(value), "+", "%20")} {
		if e != value {
			k.put(e, form{rule: rule, enc: '%'})
		}
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		k.put(enc.EncodeToString([]byte(value)), form{rule: rule, given: enc.EncodeToString([]byte(token))})
	}
	k.put(hex.EncodeToString([]byte(value)), form{rule: rule, given: hex.EncodeToString([]byte(token))})
	k.put(strings.ToUpper(hex.EncodeToString([]byte(value))), form{rule: rule, given: strings.ToUpper(hex.EncodeToString([]byte(token)))})
}

// addForm learns a text whose replacement is not its token.
func (k *Known) addForm(text string, f form) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.put(text, f)
}

func escapeJSON(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return string(data[1 : len(data)-1])
}

// put stores one form; false if it is already known or there is no room.
func (k *Known) put(text string, f form) bool {
	if len(text) < knownPrefix || k.count >= maxKnown {
		return false
	}
	key := knownKey{len(text), k.hash(text)}
	if _, there := k.forms[key]; there {
		return false
	}
	first := k.hash(text[:knownPrefix])
	sizes := k.sizes[first]
	if !contains(sizes, len(text)) {
		if len(sizes) >= maxSizes {
			return false
		}
		k.sizes[first] = append(sizes, len(text))
	}
	k.filter[first>>6&(1<<10-1)] |= 1 << (first & 63)
	k.forms[key] = f
	k.count++
	return true
}

func contains(list []int, n int) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}

// hash is a polynomial over a prime field at a secret place: hashes of parts
// of a text follow from those of its beginnings.
func (k *Known) hash(s string) uint64 {
	h := uint64(0)
	for i := range len(s) {
		h = mulmod(h, k.base) + uint64(s[i]) + 1
		if h >= prime {
			h -= prime
		}
	}
	return h
}

func mulmod(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	sum := lo&prime + (lo>>61 | hi<<3)
	if sum >= prime {
		sum -= prime
	}
	return sum
}

// find reports every known form in s.
func (k *Known) find(s string, add func(find.Finding)) {
	if k == nil {
		return
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.count == 0 || len(s) < knownPrefix {
		return
	}
	pow := uint64(1)
	for range knownPrefix {
		pow = mulmod(pow, k.base)
	}
	// A possible form is hashed in place, until as many bytes have been hashed
	// as the text has; from then on by the hashes of the text's prefixes.
	direct := len(s)
	var sums []uint64 // sums[i] is the hash of s[:i]
	hashed := func(i, size int) uint64 {
		if direct -= size; direct >= 0 {
			return k.hash(s[i : i+size])
		}
		if sums == nil {
			sums = k.beginnings(s)
		}
		return k.between(sums, i, i+size)
	}
	var share [256]uint64 // of a byte in the hash, when it is dropped; never 0 in a prime field
	h := k.hash(s[:knownPrefix])
	for i := 0; ; i++ {
		if k.filter[h>>6&(1<<10-1)]&(1<<(h&63)) != 0 {
			for _, size := range k.sizes[h] {
				if i+size > len(s) {
					continue
				}
				f, ok := k.forms[knownKey{size, hashed(i, size)}]
				if ok && standsAlone(s, i, i+size) {
					add(f.finding(s, i, i+size))
				}
			}
		}
		if i+knownPrefix >= len(s) {
			return
		}
		// Drop the first byte, take in the next.
		h = mulmod(h, k.base) + uint64(s[i+knownPrefix]) + 1
		if h >= prime {
			h -= prime
		}
		gone := share[s[i]]
		if gone == 0 {
			gone = mulmod(uint64(s[i])+1, pow)
			share[s[i]] = gone
		}
		if h < gone {
			h += prime
		}
		h -= gone
	}
}

func (k *Known) beginnings(s string) []uint64 {
	sums := make([]uint64, len(s)+1)
	for i := range len(s) {
		h := mulmod(sums[i], k.base) + uint64(s[i]) + 1
		if h >= prime {
			h -= prime
		}
		sums[i+1] = h
	}
	return sums
}

// between returns the hash of s[i:j] from the sums of s.
func (k *Known) between(sums []uint64, i, j int) uint64 {
	pow, b := uint64(1), k.base
	for n := j - i; n > 0; n >>= 1 {
		if n&1 == 1 {
			pow = mulmod(pow, b)
		}
		b = mulmod(b, b)
	}
	gone := mulmod(sums[i], pow)
	h := sums[j]
	if h < gone {
		h += prime
	}
	return h - gone
}

func (f form) finding(s string, start, end int) find.Finding {
	out := find.Finding{Start: start, End: end, Rule: f.rule, Firm: true, Given: f.given}
	switch f.enc {
	case '\\':
		out.Cells = encode.Escapes(s[start:end])
	case '%':
		out.Cells = encode.Percent(strings.ReplaceAll(s[start:end], "+", " "))
		for i, c := range out.Cells {
			if c.Raw == " " {
				out.Cells[i].Raw = "+"
			}
		}
	}
	return out
}

// standsAlone reports whether a short value is a word of its own: "orange" is
// not replaced within "oranges".
func standsAlone(s string, start, end int) bool {
	if end-start >= 10 {
		return true
	}
	return (start == 0 || !shape.IsAlnum(s[start-1]) || !shape.IsAlnum(s[start]) || s[start-1] == 'n' && start > 1 && s[start-2] == '\\') &&
		(end == len(s) || !shape.IsAlnum(s[end]) || !shape.IsAlnum(s[end-1]))
}

// keeps reports whether a text is an identifier of the event.
func (k *Known) keeps(s string) bool {
	if k == nil {
		return false
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.keep[s]
}
