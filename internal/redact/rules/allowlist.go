package rules

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A fileAllowlist is an allowlist in gitleaks' format.
type fileAllowlist struct {
	Description string
	Condition   string
	Paths       []string
	RegexTarget string
	Regexes     []string
	StopWords   []string
}

// An allowlist says which matches are not credentials.
type allowlist struct {
	target    string                // what patterns match: "match", "line" or, by default, the credential
	re        func() *regexp.Regexp // nil: none
	stopWords []string
	all       bool // patterns and stop words must both hold, not either
	never     bool // needs a path, and no path is known
}

func (f fileAllowlist) compile() (allowlist, error) {
	a := allowlist{}
	switch f.RegexTarget {
	case "match", "line":
		a.target = f.RegexTarget
	case "", "secret":
	default:
		return a, fmt.Errorf("unknown target %q", f.RegexTarget)
	}
	switch strings.ToUpper(f.Condition) {
	case "AND", "&&":
		a.all, a.never = true, len(f.Paths) > 0
	case "", "OR", "||":
	default:
		return a, fmt.Errorf("unknown condition %q", f.Condition)
	}
	if len(f.Regexes) > 0 {
		for _, re := range f.Regexes {
			if _, err := regexp.Compile(re); err != nil {
				return a, err
			}
		}
		// As gitleaks joins them: flags at the beginning of one pattern hold for those after it.
		joined := "(?:" + strings.Join(f.Regexes, "|") + ")"
		a.re = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(joined) })
	}
	for _, w := range f.StopWords {
		a.stopWords = append(a.stopWords, strings.ToLower(w))
	}
	if a.re == nil && a.stopWords == nil && f.Paths == nil {
		return a, errors.New("it allows nothing")
	}
	return a, nil
}

// allows reports whether a match is not a credential.
func (a *allowlist) allows(secret, match, line string) bool {
	if a.never {
		return false
	}
	target := secret
	switch a.target {
	case "match":
		target = match
	case "line":
		target = line
	}
	pattern := a.re != nil && target != "" && a.re().MatchString(target)
	if a.all {
		return (a.re == nil || pattern) && (a.stopWords == nil || a.hasStopWord(secret))
	}
	return pattern || a.hasStopWord(secret)
}

func (a *allowlist) hasStopWord(secret string) bool {
	secret = strings.ToLower(secret)
	return slices.ContainsFunc(a.stopWords, func(w string) bool { return strings.Contains(secret, w) })
}
