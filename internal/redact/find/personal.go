package find

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/redact/encode"
	"github.com/repaird/repaird/internal/redact/shape"
)

// Personal finds personal data with a recognisable form: e-mail addresses, IP
// and MAC addresses, card and account numbers, telephone numbers. Names and
// postal addresses have none: they are found by the names of their fields. An @
// of logins ends a password, not a local part.
func Personal(s string, logins []int, add func(Finding)) {
	for i := 0; i < len(s); {
		n := strings.IndexByte(s[i:], '@')
		if n < 0 {
			break
		}
		i += n
		if _, login := slices.BinarySearch(logins, i); login {
			i++
		} else if start, end := emailAround(s, i); end > start {
			add(Finding{Start: start, End: end, Rule: "email"})
			i = end
		} else {
			i++
		}
	}
	for i := 0; i < len(s); {
		next := i
		switch c := s[i]; {
		case c >= '0' && c <= '9' || c == '+' || c == '(':
			next = findNumber(s, i, add)
		case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
			next = findWord(s, i, add)
		case c == ':' && i+1 < len(s) && s[i+1] == ':':
			next = findIPv6(s, i, i, add)
		}
		i = max(next, i+1)
	}
}

var localByte = func() (set [256]bool) {
	for i := range 256 {
		set[i] = shape.IsAlnum(byte(i)) || strings.IndexByte("._%+-", byte(i)) >= 0
	}
	return set
}()

// emailAround returns the address around the @ at i; end is 0 without one.
func emailAround(s string, at int) (start, end int) {
	start = at
	for start > 0 && at-start < 64 && localByte[s[start-1]] {
		start--
	}
	if start > 0 && s[start-1] == '\\' && start < at && strings.IndexByte("nrt", s[start]) >= 0 {
		start++
	}
	for start < at && (s[start] == '.' || s[start] == '-') {
		start++
	}
	end = at + 1
	for end < len(s) && end-at < 255 && (shape.IsAlnum(s[end]) || s[end] == '.' || s[end] == '-') {
		end++
	}
	for end > at && (s[end-1] == '.' || s[end-1] == '-') {
		end--
	}
	if start == at || !shape.Email.MatchString(s[start:end]) {
		return 0, 0
	}
	return start, end
}

// findNumber examines what begins with a digit, + or ( at i, and returns where
// to continue.
func findNumber(s string, i int, add func(Finding)) int {
	if i > 0 && (shape.IsAlnum(s[i-1]) || s[i-1] == '_') && s[i] != '(' && !(i > 1 && s[i-2] == '\\') {
		return pastWord(s, i)
	}
	// The longest run that a number with separators could be.
	end, count, hex, colons := i, 0, false, 0
	for end < len(s) && end-i < 45 {
		c := s[end]
		switch {
		case c >= '0' && c <= '9':
			count++
		case c == ':':
			colons++
		case c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
			hex = true
		case c == '-' || c == '.' || c == ' ' || c == '(' || c == ')' || c == '+' && end == i:
		default:
			goto done
		}
		end++
	}
done:
	if count < 4 {
		return pastWord(s, i+1)
	}
	if colons >= 2 {
		if next := findColons(s, i, add); next > i {
			return next
		}
	}
	if next := findAddr(s, i, add); next > i {
		return next
	}
	if !hex || colons == 0 {
		if next := findGroups(s, i, end, add); next > i {
			return next
		}
	}
	return pastWord(s, i+1)
}

// pastWord returns the end of the run of letters and digits around i.
func pastWord(s string, i int) int {
	for i < len(s) && shape.IsAlnum(s[i]) {
		i++
	}
	return i
}

// findAddr finds an IPv4 address at i.
func findAddr(s string, i int, add func(Finding)) int {
	end, dots := i, 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.') && end-i < 16 {
		if s[end] == '.' {
			dots++
		}
		end++
	}
	for end > i && s[end-1] == '.' {
		end--
		dots--
	}
	if dots != 3 || end < len(s) && (shape.IsAlnum(s[end]) || s[end] == '_') || partOfName(s, end) {
		return i
	}
	if _, err := netip.ParseAddr(s[i:end]); err != nil {
		return i
	}
	if isVersion(s, i, end) {
		return end
	}
	add(Finding{Start: i, End: end, Rule: "ip"})
	return end
}

// partOfName reports whether an address that ends at i is that of a network,
// or part of a domain name.
func partOfName(s string, i int) bool {
	if i+1 >= len(s) {
		return false
	}
	if s[i] == '/' && s[i+1] >= '1' && s[i+1] <= '9' {
		j := i + 1
		for j < len(s) && s[j] >= '0' && s[j] <= '9' {
			j++
		}
		return j-i <= 4 && s[i+1:j] != "32" && (j == len(s) || !shape.IsAlnum(s[j]) && s[j] != '/')
	}
	return s[i] == '.' && shape.IsAlnum(s[i+1])
}

// isVersion reports whether four numbers are a version: after a name and a
// slash, v, ==, or the word version.
func isVersion(s string, i, end int) bool {
	before := s[max(0, i-12):i]
	if strings.HasSuffix(before, "/") && !strings.HasSuffix(before, "//") {
		j := len(before) - 1
		return j > 0 && shape.IsAlnum(before[j-1])
	}
	return strings.HasSuffix(before, "==") || strings.HasSuffix(before, "version ") || strings.HasSuffix(before, "version=") ||
		strings.HasSuffix(before, "-") || end < len(s) && s[end] == '-' && end+1 < len(s) && shape.IsAlnum(s[end+1])
}

// findColons finds a MAC or IPv6 address at i.
func findColons(s string, i int, add func(Finding)) int {
	if i+17 <= len(s) && shape.MAC.MatchString(s[i:i+17]) && (i+17 == len(s) || !shape.IsAlnum(s[i+17]) && s[i+17] != ':') {
		add(Finding{Start: i, End: i + 17, Rule: "mac"})
		return i + 17
	}
	return findIPv6(s, i, i, add)
}

// findIPv6 finds an address that begins at start.
func findIPv6(s string, start, i int, add func(Finding)) int {
	if start > 0 && (shape.IsAlnum(s[start-1]) || s[start-1] == ':' || s[start-1] == '.') {
		return i + 1
	}
	end := start
	for end < len(s) && end-start < 45 && (shape.HexDigit(s[end]) >= 0 || s[end] == ':' || s[end] == '.') {
		end++
	}
	for end > start && (s[end-1] == '.' || s[end-1] == ':' && (end < start+2 || s[end-2] != ':')) {
		end--
	}
	text := s[start:end]
	if len(text) < 6 || end < len(s) && shape.IsAlnum(s[end]) || partOfName(s, end) {
		return i + 1
	}
	if a, err := netip.ParseAddr(text); err != nil || !a.Is6() {
		return i + 1
	}
	add(Finding{Start: start, End: end, Rule: "ip"})
	return end
}

// findGroups finds card, telephone and social security numbers in s[i:end], of
// digits in groups.
func findGroups(s string, i, end int, add func(Finding)) int {
	// Try the ends of the run's groups, the longest first.
	var count [64]int // digits before each place
	for k := i; k < end; k++ {
		count[k-i+1] = count[k-i]
		if s[k] >= '0' && s[k] <= '9' {
			count[k-i+1]++
		}
	}
	for e := end; e > i+8; e-- {
		n := count[e-i]
		if n == count[e-i-1] || n > 19 || n < 8 || e < len(s) && (shape.IsAlnum(s[e]) || s[e] == '_') {
			continue
		}
		part := s[i:e]
		if n >= 13 {
			if _, ok := shape.Card(part); ok {
				add(Finding{Start: i, End: e, Rule: "card"})
				return e
			}
		}
		if n == 9 && shape.SSN.MatchString(part) && validSSN(part) {
			add(Finding{Start: i, End: e, Rule: "ssn"})
			return e
		}
		if n <= 15 && len(part) >= 10 && (part[0] == '+' || n == 10) && shape.PhoneOf(part) != shape.NotPhone {
			add(Finding{Start: i, End: e, Rule: "phone"})
			return e
		}
	}
	return i
}

func validSSN(s string) bool {
	return s[:3] != "000" && s[:3] != "666" && s[4:6] != "00" && s[7:] != "0000"
}

// findWord looks at a word that may be an IBAN or an address in hex.
func findWord(s string, i int, add func(Finding)) int {
	if i > 0 && (shape.IsAlnum(s[i-1]) || s[i-1] == '_') {
		return pastWord(s, i)
	}
	if i+15 <= len(s) && s[i] >= 'A' && s[i] <= 'Z' && s[i+1] >= 'A' && s[i+1] <= 'Z' && s[i+2] <= '9' && s[i+2] >= '0' {
		if n, ok := shape.IBANLengths[s[i:i+2]]; ok {
			e := i
			for count := 0; e < len(s) && count < n; e++ {
				if s[e] != ' ' {
					count++
				}
			}
			if (e == len(s) || !shape.IsAlnum(s[e])) && e-i < 48 && shape.IsIBAN(s[i:e]) {
				add(Finding{Start: i, End: e, Rule: "iban"})
				return e
			}
		}
	}
	if j := i; shape.HexDigit(s[i]) >= 0 {
		for j < len(s) && j < i+5 && shape.HexDigit(s[j]) >= 0 {
			j++
		}
		if j < len(s) && s[j] == ':' || j == i+2 && j < len(s) && s[j] == '-' {
			if next := findColons(s, i, add); next > i+1 {
				return next
			}
		}
	}
	return pastWord(s, i)
}

// benign words before a random-looking text say that it is not a secret.
var benign = Set(`sha sha1 sha224 sha256 sha384 sha512 md5 blake2b digest hash commit revision rev ref trace traceid span spanid parent event
	eventid request requestid id uuid guid etag checksum integrity fingerprint build version release traceparent correlation image container
	object tree blob parentid crc node bundle`)

// Random finds opaque values without a telling name. Digests and identifiers,
// which look the same, are left: git's and SHA-256 by their length, others by
// the word before them.
func Random(s string, keeps func(string) bool, add func(Finding)) {
	for i := 0; i < len(s); {
		if !encode.IsBase64[s[i]] {
			i++
			continue
		}
		start := i
		for i < len(s) && encode.IsBase64[s[i]] {
			i++
		}
		end := i
		for i < len(s) && s[i] == '=' && i < end+2 {
			i++
		}
		if start > 0 && s[start-1] == '\\' && strings.IndexByte("nrt", s[start]) >= 0 {
			start++
		}
		if end-start >= 20 && !keeps(s[start:end]) && randomRun(s[start:end]) && !announced(s, start) {
			if _, text := encode.Base64(s[start:end]); text {
				continue // is looked into
			}
			add(Finding{Start: start, End: i, Rule: "random"})
		}
	}
	findSymbols(s, add)
}

var traceparentShape = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`) // W3C trace context

// randomRun judges one run of base64's alphabet.
func randomRun(run string) bool {
	sh := shape.Of(run)
	switch {
	case sh.Hex:
		return sh.Alnum == 32 || sh.Alnum == 48
	case shape.UUID.MatchString(run), traceparentShape.MatchString(run), strings.HasPrefix(run, "sha256-"), strings.HasPrefix(run, "sha512-"), strings.HasPrefix(run, "sha384-"):
		return false
	case strings.IndexByte(run, '/') >= 0:
		// A path, unless a part of it is random by itself, or the whole has the
		// length of an AWS secret.
		longest := ""
		for part := range strings.SplitSeq(run, "/") {
			if len(part) > len(longest) {
				longest = part
			}
		}
		if len(run) == 40 && run[0] != '/' && sh.Upper > 4 && sh.Lower > 4 && sh.Digit > 1 {
			return shape.Random(run)
		}
		return len(longest) >= 20 && randomRun(longest)
	case strings.Count(run, "-")+strings.Count(run, "_") > len(run)/8:
		return false // words or ids with separators
	}
	if sh.Lower == 0 || sh.Upper == 0 {
		if strings.ContainsAny(run, "-_") {
			for part := range strings.FieldsFuncSeq(run, func(c rune) bool { return c == '-' || c == '_' }) {
				if randomRun(part) {
					return true
				}
			}
			return false
		}
		// One case only: base32 and base36 are rarer than identifiers.
		return sh.Alnum >= 24 && sh.Digit >= 3 && sh.Lower+sh.Upper >= 6 && shape.Random(run)
	}
	return sh.Digit >= 2 && shape.Random(run)
}

// announced reports whether the word before i says that what follows is an
// identifier or digest.
func announced(s string, i int) bool {
	j := i
	for j > 0 && i-j < 6 && strings.IndexByte(" :='\"\\(<[/@-", s[j-1]) >= 0 {
		j--
	}
	k := j
	for k > 0 && j-k < 40 && (shape.IsAlnum(s[k-1]) || s[k-1] == '_' || s[k-1] == '-' || s[k-1] == '.') {
		k--
	}
	if j-k == 2 && s[k:j] == "0x" {
		return true
	}
	var buf [8]string
	words := splitWords(s[k:j], buf[:0])
	return len(words) > 0 && benign[words[len(words)-1]]
}

// findSymbols finds keys of Django's kind: 40 and more random characters of
// which many are punctuation.
func findSymbols(s string, add func(Finding)) {
	const symbols = "!@#$%^&*(-_=+)"
	for i := 0; i < len(s); {
		start, letters, nums, marks, changes := i, 0, 0, 0, 0
		last := byte(0)
		for i < len(s) {
			c := s[i]
			class := byte(0)
			switch {
			case c >= 'a' && c <= 'z':
				letters++
				class = 'a'
			case c >= '0' && c <= '9':
				nums++
				class = '0'
			case strings.IndexByte(symbols, c) >= 0:
				marks++
				class = '!'
			}
			if class == 0 {
				break
			}
			if class != last {
				changes++
			}
			last = class
			i++
		}
		if n := i - start; n >= 40 && n <= 80 && letters >= 12 && nums >= 4 && marks >= 5 && changes*5 >= n*2 {
			add(Finding{Start: start, End: i, Rule: "random"})
		}
		if i == start {
			i++
		}
	}
}
