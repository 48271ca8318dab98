package find

import (
	"strings"

	"github.com/repaird/repaird/internal/redact/encode"
)

// header reads the value of a header field; false where the name is none.
func (p *pairParser) header(i int) bool {
	name := strings.ToLower(p.name)
	switch name {
	case "authorization", "proxy-authorization", "x-authorization", "http_authorization":
	case "cookie", "http_cookie", "set-cookie":
		p.past = headerEnd(p.s, i)
		p.cookies(i, p.past, name == "set-cookie")
		return true
	default:
		return false
	}
	if _, _, open := quoteAt(p.s, i); open > i || strings.IndexByte("([{", p.s[i]) >= 0 {
		return false // quoted, then like any other value
	}
	end := headerEnd(p.s, i)
	*p.work -= end - i
	if !p.nested(i, end) {
		p.emit(i, end, false, nil)
	}
	return true
}

// AuthSchemes are the schemes of HTTP authentication, in lower case.
var AuthSchemes = []string{"bearer", "basic", "token", "apikey", "api-key", "digest", "negotiate", "aws4-hmac-sha256", "dpop"}

// manyParts are the schemes whose credentials are a list.
var manyParts = map[string]bool{"digest": true, "aws4-hmac-sha256": true}

// credentials reads what follows an authentication scheme. Basic credentials
// are taken apart, so that the password is known elsewhere.
func (p *pairParser) credentials(start, end int, basic bool) {
	if value := p.s[start:end]; isPlaceholder(value, false) {
		return
	}
	p.add(Finding{Start: start, End: end, Rule: "authorization", Firm: true, Basic: basic && encode.Login(p.s[start:end]) != ""})
}

// cookies reads name=value; name=value. Of a Set-Cookie only the first is one.
func (p *pairParser) cookies(start, end int, set bool) {
	for i := start; i < end; {
		stop := end
		if n := strings.IndexByte(p.s[i:end], ';'); n >= 0 {
			stop = i + n
		}
		eq := strings.IndexByte(p.s[i:stop], '=')
		if eq >= 0 && i+eq+1 < stop {
			value := p.s[i+eq+1 : stop]
			p.add(Finding{Start: i + eq + 1, End: stop, Rule: "cookie", Firm: len(value) >= 8})
		}
		if set {
			return
		}
		i = stop + 1
	}
}

// headerEnd is where a header's value ends: at the line's end or at the quote
// around the whole header.
func headerEnd(s string, i int) int {
	for j := i; j < len(s) && j < i+maxBare; j++ {
		switch s[j] {
		case '\n', '\r', '"', '\'', '`', '\\', '}':
			return j
		}
	}
	return min(len(s), i+maxBare)
}
