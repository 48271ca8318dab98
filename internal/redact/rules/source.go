package rules

import (
	"math"
	"strings"
)

// A Leak is a credential in source code.
type Leak struct {
	Rule   string
	Secret string // decoded, where it is encoded in the source
	Line   int    // from 0
}

// maxDecoded is how often Detect decodes what it has decoded.
const maxDecoded = 2

// Detect returns the credentials that a text of source code holds, as gitleaks
// finds them: by the patterns as they were released, with their allowlists, in
// the order of the rules. Comments that tell gitleaks to allow a line are
// ignored.
func (s *Set) Detect(source string) []Leak {
	var found []leak
	p := pass{text: source}
	for depth := 0; ; depth++ {
		found = append(found, s.scan(source, p)...)
		if depth == maxDecoded {
			break
		}
		if p = p.decode(); len(p.parts) == 0 {
			break
		}
	}
	var out []Leak
	for _, l := range found {
		if !l.generic() || !l.isPartOf(found) {
			out = append(out, l.Leak)
		}
	}
	return out
}

type leak struct{ Leak }

// generic rules yield to those of a provider.
func (l leak) generic() bool { return strings.Contains(l.Rule, "generic") }

func (l leak) isPartOf(all []leak) bool {
	for _, o := range all {
		if o.Line == l.Line && o.Rule != l.Rule && !o.generic() && strings.Contains(o.Secret, l.Secret) {
			return true
		}
	}
	return false
}

// scan applies the rules whose keywords occur to one pass.
func (s *Set) scan(source string, p pass) []leak {
	x := &s.source
	hit := make([]bool, len(x.rules))
	x.keywords.each(strings.ToLower(p.text), func(word, _ int) { // not only of ASCII
		for _, n := range x.byWord[word] {
			hit[n] = true
		}
	})
	var found []leak
	for n, r := range x.rules {
		if hit[n] {
			found = append(found, s.match(r, source, p)...)
		}
	}
	return found
}

// match applies one rule to one pass.
func (s *Set) match(r *rule, source string, p pass) (found []leak) {
	re := r.re()
	for _, m := range re.FindAllStringIndex(p.text, -1) {
		match := strings.Trim(p.text[m[0]:m[1]], "\n")
		at := span{m[0], m[0] + len(match)}
		var line string
		if p.parts != nil {
			parts := p.touched(span{m[0], m[1]})
			if len(parts) == 0 {
				continue // nothing in it was decoded: it was found before
			}
			at = p.origin(parts, span{m[0], m[1]})
			line = p.line(parts)
		} else {
			line = lineOf(source, at)
		}
		secret := match
		if groups := re.FindStringSubmatch(match); r.group > 0 && len(groups) > r.group {
			secret = groups[r.group]
		} else if r.group == 0 && len(groups) > 1 {
			for _, g := range groups[1:] {
				if g != "" {
					secret = g
					break
				}
			}
		}
		if r.entropy != 0 && runeEntropy(secret) <= r.entropy || allows(s.allowed, secret, match, line) || allows(r.allowed, secret, match, line) {
			continue
		}
		found = append(found, leak{Leak{r.id, secret, strings.Count(source[:at.start+1], "\n")}})
	}
	return found
}

func allows(lists []allowlist, secret, match, line string) bool {
	for i := range lists {
		if lists[i].allows(secret, match, line) {
			return true
		}
	}
	return false
}

// lineOf returns what gitleaks takes for the lines of a match: with the line feed
// before them, and of a last line without a line feed everything before it too.
func lineOf(source string, m span) string {
	if strings.IndexByte(source, '\n') < 0 {
		return source
	}
	if strings.IndexByte(source[m.start+1:], '\n') < 0 {
		if n := strings.IndexAny(source[m.end:], "\r\n"); n >= 0 {
			return source[:m.end+n]
		}
		return source
	}
	start, end := max(0, strings.LastIndexByte(source[:m.start+1], '\n')), m.end
	if n := strings.IndexByte(source[m.end:], '\n'); n >= 0 {
		end += n
	}
	return source[start:max(start, end)]
}

// runeEntropy is Shannon's, in bits a byte, of runes.
func runeEntropy(s string) float64 {
	counts := map[rune]int{}
	for _, c := range s {
		counts[c]++
	}
	h := 0.0
	for _, n := range counts {
		f := float64(n) / float64(len(s))
		h -= f * math.Log2(f)
	}
	return h
}
