package token

import (
	"encoding/base64"
	"strings"

	"github.com/repaird/repaird/internal/redact/encode"
	"github.com/repaird/repaird/internal/redact/shape"
)

// OfLogin replaces user and password within Basic credentials.
func (k *Key) OfLogin(s string) string {
	user, password, _ := strings.Cut(encode.Login(s), ":")
	return base64.StdEncoding.EncodeToString([]byte(k.Of(user) + ":" + k.Of(password)))
}

// InWord reports whether the word in which a part stands is a token.
func (k *Key) InWord(s string, start, end int) bool {
	in := func(c byte) bool { return encode.IsBase64[c] || c == '.' || c == '~' }
	for start > 0 && in(s[start-1]) {
		start--
	}
	for end < len(s) && in(s[end]) {
		end++
	}
	if end-start > 4096 {
		return false
	}
	word := strings.Trim(s[start:end], ".-_")
	return k.isPlainToken(word) || k.isPlainToken(strings.TrimRight(s[start:end], "."))
}

// Around reports whether a token overlaps a part of a text. Where a
// detector that goes by looks sees a token, it may see it with other ends than
// it saw the value.
func (k *Key) Around(s string, start, end int) bool {
	const reach, most = 80, 10
	from, to := max(0, start-reach), min(len(s), end+reach)
	var starts, ends []int
	for i := min(end, len(s)) - 1; i >= from && len(starts) < most; i-- {
		if shape.IsAlnum(s[i]) && (i == 0 || !shape.IsAlnum(s[i-1])) {
			starts = append(starts, i)
		}
	}
	for i := start + 1; i <= to && len(ends) < most; i++ {
		if shape.IsAlnum(s[i-1]) && (i == len(s) || !shape.IsAlnum(s[i])) {
			ends = append(ends, i)
		}
	}
	// The sums of the letters and digits before each place refuse most parts
	// without looking at them again.
	sums := make([]int, to-from+1)
	for i := from; i < to; i++ {
		sums[i-from+1] = sums[i-from]
		if shape.IsAlnum(s[i]) {
			sums[i-from+1] += int(s[i])
		}
	}
	for _, e := range ends {
		check, left := e, checkLen // where the check begins
		for check > from && left > 0 {
			if check--; shape.IsAlnum(s[check]) {
				left--
			}
		}
		if left > 0 {
			continue
		}
		for _, b := range starts {
			if b >= check {
				continue
			}
			sum, c := sums[check-from]-sums[b-from], s[check]
			if !sumFits(sum, c, true) && !sumFits(sum, c, false) {
				continue
			}
			if k.isPlainToken(s[b:e]) {
				return true
			}
		}
	}
	return false
}

// sumFits reports whether c is the first letter or digit of a check.
func sumFits(sum int, c byte, hex bool) bool {
	a := checkAlphabet(c, hex)
	return a[sum%len(a)] == c
}
