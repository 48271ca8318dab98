package redact

import (
	"math"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
	"github.com/zricethezav/gitleaks/v8/config"
)

// The credentials of some two hundred providers are recognised by gitleaks'
// rules. gitleaks itself runs each rule whose keyword occurs over the whole
// text, which hostile text makes slow; here one pass over the text finds every
// keyword, and a rule sees only the surroundings of its own. Its allow-lists
// and allow-comments are not followed: they tell a programmer's intent, which
// evidence does not have.

// A provider is one rule.
type provider struct {
	id      string
	re      *regexp.Regexp
	group   int
	entropy float64
	before  int // bytes before a keyword's end in which a match can begin
	after   int // bytes after it in which a match can end
}

// Rules that this package does itself, and better for text that is no file.
var skippedRules = map[string]bool{
	"generic-api-key": true, "private-key": true, "curl-auth-header": true, "curl-auth-user": true,
	"kubernetes-secret-yaml": true, "hashicorp-tf-password": true, "pkcs12-file": true, "jwt": true, "vault-service-token": true,
}

// Further rules: formats that are newer than gitleaks' rules or that it knows
// only beside a name. Keywords are lower-case.
var ownRules = []struct{ id, re, keyword string }{
	{"github-installation-token", `ghs_[A-Za-z0-9._-]{36,}`, "ghs_"},
	{"jwt", `\beyJ[A-Za-z0-9_-]{8,}\.ey[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?`, "eyj"},
	{"jwe", `\beyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}`, "eyj"},
	{"vault-service-token", `\bhvs\.[A-Za-z0-9_-]{20,120}`, "hvs."},
	{"vault-legacy-token", `\bs\.[A-Za-z0-9]{24}\b`, "s."},
	{"openai-api-key", `\bsk-[A-Za-z0-9_-]{20,}`, "sk-"},
	{"slack-token", `\bxox[a-z]-[A-Za-z0-9-]{10,}`, "xox"},
	{"slack-webhook", `hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/([A-Za-z0-9+/_-]{20,})`, "hooks.slack"},
	{"discord-webhook", `discord(?:app)?\.com/api/webhooks/(\d+/[A-Za-z0-9_-]{40,})`, "/api/webhooks/"},
	{"telegram-bot-token", `\b\d{8,10}:AA[A-Za-z0-9_-]{32,}`, ":aa"},
	{"google-oauth-token", `\bya29\.[A-Za-z0-9_-]{20,}`, "ya29."},
	{"google-oauth-secret", `\bGOCSPX-[A-Za-z0-9_-]{20,}`, "gocspx-"},
	{"django-secret-key", `django-insecure-[!-~]{20,}`, "django-insecure-"},
	{"azure-storage-key", `AccountKey=([A-Za-z0-9+/]{40,}={0,2})`, "accountkey="},
	{"azure-sas", `[?&]sig=([A-Za-z0-9%+/=_-]{20,})`, "sig="},
	{"supabase-key", `\bsbp_[A-Za-z0-9_-]{20,}`, "sbp_"},
	{"supabase-key", `\bsb_secret_[A-Za-z0-9_-]{20,}`, "sb_secret_"},
	{"docker-pat", `\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}`, "dckr_"},
	{"aws-session-token", `\bFwoGZXIvYXdz[A-Za-z0-9+/=]{50,}`, "fwogzxivyxdz"},
	{"aws-session-token", `\bIQoJb3JpZ2lu[A-Za-z0-9+/=]{50,}`, "iqojb3jpz2lu"},
}

// catalogue is every rule with the automaton of its keywords.
type catalogue struct {
	rules    []*provider
	keywords *automaton
	byWord   [][]*provider // rules of the keyword with that number
}

var providers = sync.OnceValue(func() *catalogue {
	var file struct {
		Rules []struct {
			ID          string
			Regex       string
			Keywords    []string
			SecretGroup int
			Entropy     float64
		}
	}
	if err := toml.Unmarshal([]byte(config.DefaultConfig), &file); err != nil {
		panic("redact: gitleaks' rules: " + err.Error()) // they are part of the build
	}
	c := &catalogue{}
	words, numbers := []string{}, map[string]int{}
	add := func(p *provider, keywords []string) {
		c.rules = append(c.rules, p)
		for _, k := range keywords {
			k = strings.ToLower(k)
			n, ok := numbers[k]
			if !ok {
				n = len(words)
				numbers[k] = n
				words = append(words, k)
				c.byWord = append(c.byWord, nil)
			}
			c.byWord[n] = append(c.byWord[n], p)
		}
	}
	for _, r := range file.Rules {
		if r.Regex == "" || len(r.Keywords) == 0 || skippedRules[r.ID] {
			continue
		}
		p := newProvider(r.ID, r.Regex)
		p.group, p.entropy = r.SecretGroup, r.Entropy
		add(p, r.Keywords)
	}
	for _, r := range ownRules {
		add(newProvider(r.id, r.re), []string{r.keyword})
	}
	c.keywords = newAutomaton(words)
	return c
})

func newProvider(id, expr string) *provider {
	// What may stand before a name adds nothing to the match and takes most of its time.
	expr = strings.ReplaceAll(expr, `[\w.-]{0,50}?`, ``)
	// The rules know what ends a token in a file; in evidence it is more.
	expr = strings.ReplaceAll(expr, "(?:[\\x60'\"\\s;]|\\\\[nr]|$)", "(?:[\\x60'\"\\s;&,.:<>(){}\\[\\]\\\\|#]|$)")
	p := &provider{id: id, re: regexp.MustCompile(expr)}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		panic("redact: rule " + id + ": " + err.Error())
	}
	least, most := lengths(tree)
	if most < 0 {
		most = 2*least + 400
	}
	p.before = min(most, 160)
	p.after = min(most, 4096) + 2
	return p
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

// find calls yield for each credential in s. budget is the number of bytes that
// rules may still look at; ok is false when it did not suffice.
func (c *catalogue) find(s string, budget *int, yield func(start, end int, rule string)) (ok bool) {
	type window struct{ from, to int }
	windows := map[*provider]window{}
	ok = true
	run := func(p *provider, w window) {
		if *budget -= w.to - w.from; *budget < 0 {
			ok = false
			return
		}
		p.match(s, w.from, w.to, yield)
	}
	c.keywords.each(s, func(word, end int) {
		if !ok {
			return
		}
		for _, p := range c.byWord[word] {
			w := window{max(0, end-p.before), min(len(s), end+p.after)}
			if old, open := windows[p]; open {
				if w.from <= old.to {
					windows[p] = window{old.from, w.to}
					continue
				}
				run(p, old)
			}
			windows[p] = w
		}
	})
	for p, w := range windows {
		if ok {
			run(p, w)
		}
	}
	return ok
}

// match runs the rule over one window.
func (p *provider) match(s string, from, to int, yield func(start, end int, rule string)) {
	for _, m := range p.re.FindAllStringSubmatchIndex(s[from:to], 64) {
		start, end := m[0], m[1]
		if p.group > 0 && 2*p.group+1 < len(m) && m[2*p.group] >= 0 {
			start, end = m[2*p.group], m[2*p.group+1]
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
		if p.entropy > 0 && entropy(s[start:end]) < p.entropy {
			continue
		}
		yield(start, end, p.id)
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

// An automaton finds words in a text in one pass, ASCII case ignored
// (Aho and Corasick, 1975).
type automaton struct {
	next  [][64]int16 // state → class of byte → state
	class [256]uint8  // bytes that no word has share class 0
	ends  [][]int     // words that end in a state
	words []string
}

func newAutomaton(words []string) *automaton {
	a := &automaton{words: words}
	classes := 1
	for _, w := range words {
		for i := range len(w) {
			if c := w[i]; a.class[c] == 0 {
				a.class[c] = uint8(classes)
				if c >= 'a' && c <= 'z' {
					a.class[c-32] = uint8(classes)
				}
				classes++
			}
		}
	}
	if classes > 64 {
		panic("redact: keywords have too many different bytes")
	}
	a.next, a.ends = make([][64]int16, 1), make([][]int, 1)
	for n, w := range words {
		state := 0
		for i := range len(w) {
			to := &a.next[state][a.class[w[i]]]
			if *to == 0 {
				*to = int16(len(a.next))
				state = len(a.next)
				a.next, a.ends = append(a.next, [64]int16{}), append(a.ends, nil)
				continue
			}
			state = int(*to)
		}
		a.ends[state] = append(a.ends[state], n)
	}
	fail := make([]int16, len(a.next))
	queue := []int16{}
	for _, to := range a.next[0] {
		if to != 0 {
			queue = append(queue, to)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		a.ends[state] = append(a.ends[state], a.ends[fail[state]]...)
		for class := range a.next[state] {
			to := a.next[state][class]
			if to == 0 {
				a.next[state][class] = a.next[fail[state]][class]
				continue
			}
			fail[to] = a.next[fail[state]][class]
			queue = append(queue, to)
		}
	}
	return a
}

// each calls f with the number of each word found and the place after it.
func (a *automaton) each(s string, f func(word, end int)) {
	state := int16(0)
	for i := range len(s) {
		state = a.next[state][a.class[s[i]]]
		for _, n := range a.ends[state] {
			f(n, i+1)
		}
	}
}
