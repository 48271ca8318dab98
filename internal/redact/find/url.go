package find

import (
	"strings"

	"github.com/repaird/repaird/internal/redact/encode"
	"github.com/repaird/repaird/internal/redact/shape"
)

// PEM finds the bodies of private keys.
func PEM(s string, add func(Finding)) {
	const begin, dashes = "-----BEGIN", "-----"
	for i := 0; ; {
		n := strings.Index(s[i:], begin)
		if n < 0 {
			return
		}
		i += n + len(begin)
		label := strings.Index(s[i:min(len(s), i+80)], dashes)
		if label < 0 || !strings.Contains(strings.ReplaceAll(s[i:i+label], "+", " "), "PRIVATE KEY") {
			continue
		}
		start := i + label + len(dashes)
		end := len(s)
		if n := strings.Index(s[start:], dashes+"END"); n >= 0 {
			end = start + n
		}
		add(Finding{Start: start, End: end, Rule: "private-key", Firm: true, Cells: encode.Escapes(s[start:end])})
		i = end
	}
}

// Userinfo finds user:password in URLs, and returns the places of the @
// after them. In programs, examples are left.
func Userinfo(s string, inProgram bool, add func(Finding)) (ats []int) {
	for i := 0; ; {
		n := strings.Index(s[i:], "://")
		if n < 0 {
			return ats
		}
		i += n + 3
		end, at := i, -1
		for end < len(s) && end < i+1000 && strings.IndexByte(" \t\r\n\"'<>`\\", s[end]) < 0 {
			if s[end] == '@' {
				at = end
			}
			if strings.IndexByte("/?#", s[end]) >= 0 && (at >= 0 || !startsUserinfo(s[i:end])) {
				break
			}
			end++
		}
		if at <= i {
			continue
		}
		ats = append(ats, at)
		userinfo := s[i:at]
		user, password, _ := strings.Cut(userinfo, ":")
		if inProgram && isExampleLogin(user, password) {
			continue
		}
		if user != "" {
			add(Finding{Start: i, End: i + len(user), Rule: "url-userinfo", Firm: len(user) >= 16 || password == "", Cells: encode.PercentIfAny(user)})
		}
		if password != "" {
			add(Finding{Start: i + len(user) + 1, End: at, Rule: "url-userinfo", Firm: true, Cells: encode.PercentIfAny(password)})
		}
		i = at
	}
}

// startsUserinfo reports whether text before a slash can be a user and the
// beginning of a password, rather than host and port.
func startsUserinfo(s string) bool {
	_, rest, ok := strings.Cut(s, ":")
	return ok && rest != "" && !shape.Of(rest).Numeric(rest) && !strings.HasPrefix(s, "[")
}

var exampleLogins = Set(`user username usr name pass password passwd pwd pw secret login me you alice bob foo bar baz guest test admin root
	postgres mysql redis default example host myuser mypassword user1 u p xxx token key x-access-token git oauth2 demo`)

// isExampleLogin recognises documentation and templates in source code.
func isExampleLogin(user, password string) bool {
	if strings.ContainsAny(user+password, "{}$<>%*[](),") {
		return true
	}
	return exampleLogins[strings.ToLower(password)] || password == "" && (exampleLogins[strings.ToLower(user)] || len(user) < 20)
}
