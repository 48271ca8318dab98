package rules

import (
	"math"
	"regexp/syntax"
)

// newEvidenceRule builds a rule that sees only the surroundings of its keyword.
func newEvidenceRule(id, pattern string) (*rule, error) {
	r, err := newRule(id, pattern)
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	least, most := lengths(tree)
	if most < 0 {
		most = 2*least + 400
	}
	r.before = min(most, 160)
	r.after = min(most, 4096) + 2
	return r, nil
}

// lengths returns the least and the greatest length of a match; -1 unbounded.
func lengths(re *syntax.Regexp) (least, most int) {
	times := func(n, by int) int {
		if n < 0 || by < 0 {
			return -1
		}
		return n * by
	}
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune), len(re.Rune) * 4
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, 1
	case syntax.OpCapture:
		return lengths(re.Sub[0])
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		lo, hi := lengths(re.Sub[0])
		switch re.Op {
		case syntax.OpStar:
			return 0, -1
		case syntax.OpPlus:
			return lo, -1
		case syntax.OpQuest:
			return 0, hi
		}
		return lo * re.Min, times(hi, re.Max)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			lo, hi := lengths(sub)
			least += lo
			if hi < 0 || most < 0 {
				most = -1
			} else {
				most += hi
			}
		}
		return least, most
	case syntax.OpAlternate:
		least = math.MaxInt32
		for _, sub := range re.Sub {
			lo, hi := lengths(sub)
			least = min(least, lo)
			if hi < 0 || most < 0 {
				most = -1
			} else {
				most = max(most, hi)
			}
		}
		return least, most
	}
	return 0, 0
}

// A window is the part of a text that a rule has yet to examine.
type window struct{ from, to int }

// Find calls yield for each credential in s. work is the number of bytes that
// rules may still examine; ok is false if it did not suffice.
//
// gitleaks runs a rule whose keyword occurs over the whole text, which
// adversarial text makes slow. Here one pass over the text finds every keyword,
// and a rule sees only the surroundings of its own.
func (s *Set) Find(text string, work *int, yield func(start, end int, rule string)) (ok bool) {
	x := &s.evidence
	var windows []window // by rule; made at the first keyword
	ok = true
	run := func(n int) {
		w := windows[n]
		if *work -= w.to - w.from; *work < 0 {
			ok = false
			return
		}
		x.rules[n].find(text, w.from, w.to, yield)
	}
	x.keywords.each(text, func(word, end int) {
		if !ok {
			return
		}
		if windows == nil {
			windows = make([]window, len(x.rules))
		}
		for _, n := range x.byWord[word] {
			r := x.rules[n]
			w := window{max(0, end-r.before), min(len(text), end+r.after)}
			if old := windows[n]; old.to > 0 {
				if w.from <= old.to {
					windows[n].to = w.to
					continue
				}
				run(n)
			}
			windows[n] = w
		}
	})
	for n, w := range windows {
		if ok && w.to > 0 {
			run(n)
		}
	}
	return ok
}

// Keywords returns every keyword of the rules for evidence. A text that
// consists of them costs most.
func (s *Set) Keywords() []string { return s.evidence.keywords.words }

// find runs the rule over one window.
func (r *rule) find(s string, from, to int, yield func(start, end int, rule string)) {
	for _, m := range r.re().FindAllStringSubmatchIndex(s[from:to], 64) {
		start, end := m[0], m[1]
		if r.group > 0 && 2*r.group+1 < len(m) && m[2*r.group] >= 0 {
			start, end = m[2*r.group], m[2*r.group+1]
		} else {
			for g := 2; g+1 < len(m); g += 2 {
				if m[g] >= 0 && m[g+1] > m[g] {
					start, end = m[g], m[g+1]
					break
				}
			}
		}
		start, end = start+from, end+from
		// A rule that asks for exactly 36 letters is not to leave the 37th.
		for end < len(s) && isAlnum(s[end-1]) && isAlnum(s[end]) {
			end++
		}
		if r.entropy > 0 && entropy(s[start:end]) < r.entropy {
			continue
		}
		yield(start, end, r.id)
	}
}

// entropy is Shannon's, in bits a byte.
func entropy(s string) float64 {
	var counts [256]int
	for i := range len(s) {
		counts[s[i]]++
	}
	h := 0.0
	for _, n := range counts {
		if n > 0 {
			f := float64(n) / float64(len(s))
			h -= f * math.Log2(f)
		}
	}
	return h
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
