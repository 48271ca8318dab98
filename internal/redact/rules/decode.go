package rules

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// A span is a part of a text.
type span struct{ start, end int }

// touches reports whether two spans overlap or are next to each other.
func (s span) touches(o span) bool { return o.start <= s.end && o.end >= s.start }

// A pass is a text in which the encoded parts of the one before are decoded.
type pass struct {
	text   string
	parts  []part
	before *pass
}

// A part is a part of a pass that was decoded.
type part struct {
	decoded  span // in this pass
	encoded  span // in the one before
	original span // in the first
}

// encodings are the supported encodings; earlier ones take precedence.
var encodings = []struct {
	pattern string
	decode  func(string) string // "" where it is not so encoded
}{
	{`%[0-9A-Fa-f]{2}(?:.*%[0-9A-Fa-f]{2})?`, decodePercent},
	{`(?:U\+[a-fA-F0-9]{4}(?:\s|$))+|(?i)(?:\\{1,2}u[a-fA-F0-9]{4})+`, decodeCodePoints},
	{`[0-9A-Fa-f]{32,}`, decodeHex},
	{`[\w\/+-]{16,}={0,2}`, decodeBase64},
}

var anyEncoding = func() *regexp.Regexp {
	var groups []string
	for _, e := range encodings {
		groups = append(groups, "("+e.pattern+")")
	}
	return regexp.MustCompile(strings.Join(groups, "|"))
}()

// decode returns the next pass; one without parts where nothing is encoded.
func (p pass) decode() pass {
	type match struct {
		span
		encoding int
	}
	var all []match
	for _, m := range anyEncoding.FindAllStringSubmatchIndex(p.text, -1) {
		for e := range encodings {
			if m[2*e+2] >= 0 {
				all = append(all, match{span{m[2*e+2], m[2*e+3]}, e})
			}
		}
	}
	next := pass{before: &p}
	var b strings.Builder
	last := 0
	for i, m := range all {
		// Of two adjacent parts, one waits for the next pass.
		if i > 0 && m.touches(all[i-1].span) && all[i-1].encoding < m.encoding ||
			i+1 < len(all) && m.touches(all[i+1].span) && all[i+1].encoding < m.encoding {
			continue
		}
		text := encodings[m.encoding].decode(p.text[m.start:m.end])
		if text == "" {
			continue
		}
		b.WriteString(p.text[last:m.start])
		start := b.Len()
		b.WriteString(text)
		last = m.end
		next.parts = append(next.parts, part{span{start, b.Len()}, m.span, p.origin(p.parts, m.span)})
	}
	b.WriteString(p.text[last:])
	next.text = b.String()
	return next
}

// touched returns the parts that a span touches.
func (p pass) touched(s span) (parts []part) {
	for _, d := range p.parts {
		if d.decoded.touches(s) {
			parts = append(parts, d)
		}
	}
	return parts
}

// origin returns the span of the first text from which one of this pass comes;
// parts are those that may be in it.
func (p pass) origin(parts []part, s span) span {
	if len(parts) == 0 {
		return s
	}
	out := span{}
	for _, d := range parts {
		if !d.decoded.touches(s) {
			continue
		}
		if d.decoded.start <= s.start && s.end <= d.decoded.end {
			return d.original
		}
		from := d.encoded.start + min(0, s.start-d.decoded.start)
		to := d.encoded.end + max(0, s.end-d.decoded.end)
		if out.end == 0 {
			out = span{from, to}
		} else {
			out = span{min(out.start, from), max(out.end, to)}
		}
	}
	if out.end == 0 {
		return s
	}
	return p.before.origin(p.before.parts, out)
}

// line returns the lines of this pass that some parts are in.
func (p pass) line(parts []part) string {
	d := parts[0].decoded
	for _, o := range parts[1:] {
		d = span{min(d.start, o.decoded.start), max(d.end, o.decoded.end)}
	}
	start, end := max(0, strings.LastIndexByte(p.text[:d.start+1], '\n')), len(p.text)
	if n := strings.IndexByte(p.text[d.end:], '\n'); n >= 0 {
		end = d.end + n
	}
	return p.text[start:end]
}

// printable reports whether there is only what a text of ASCII holds.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= '\b' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func decodePercent(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				if !printable(string([]byte{byte(c)})) {
					return ""
				}
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

var codePoint = regexp.MustCompile(`(?i)(?:U\+|\\{1,2}u)([a-f0-9]{4})`)

func decodeCodePoints(s string) string {
	var b strings.Builder
	for _, m := range codePoint.FindAllStringSubmatch(s, -1) {
		n, err := strconv.ParseUint(m[1], 16, 16)
		if err != nil {
			return ""
		}
		b.WriteRune(rune(n))
	}
	return b.String()
}

func decodeHex(s string) string {
	if len(s)%2 != 0 || !strings.ContainsAny(s, "0123456789") {
		return ""
	}
	data, err := hex.DecodeString(s)
	if err != nil || !printable(string(data)) {
		return ""
	}
	return string(data)
}

// decodeBase64 takes words of letters alone for words.
func decodeBase64(s string) string {
	if !strings.ContainsAny(s, "0123456789+/-_") {
		return ""
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
		if data, err := enc.DecodeString(s); err == nil && printable(string(data)) {
			return string(data)
		}
	}
	return ""
}
