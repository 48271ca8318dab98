package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// An alteration changes the patterns of gitleaks for evidence. rules is the
// number of rules with the old text: if a release has a different number, the
// rules have changed and a person must review the alteration.
type alteration struct {
	why      string
	old, new string
	rules    int
}

var alterations = []alteration{
	{"what may stand before a name adds nothing to the match and takes most of its time", `[\w.-]{0,50}?`, ``, 99},
	{"the rules know what ends a token in a file; in evidence it is more",
		"(?:[\\x60'\"\\s;]|\\\\[nr]|$)", "(?:[\\x60'\"\\s;&,.:<>(){}\\[\\]\\\\|#]|$)", 147},
}

// replacedRules are rules of gitleaks that are covered elsewhere in redaction,
// or by our own, and better for text that is not a file.
var replacedRules = []string{
	"generic-api-key", "private-key", "curl-auth-header", "curl-auth-user",
	"kubernetes-secret-yaml", "hashicorp-tf-password", "jwt", "vault-service-token",
}

// An alterer alters patterns and counts what it does.
type alterer struct {
	applied []int
	left    []string // rules to be replaced that have not been seen
}

func newAlterer() *alterer {
	return &alterer{applied: make([]int, len(alterations)), left: slices.Clone(replacedRules)}
}

// pattern returns an altered pattern.
func (a *alterer) pattern(re string) string {
	for i, alt := range alterations {
		if strings.Contains(re, alt.old) {
			a.applied[i]++
			re = strings.ReplaceAll(re, alt.old, alt.new)
		}
	}
	return re
}

// replaced reports whether this package does better than a rule of gitleaks.
func (a *alterer) replaced(id string) bool {
	if !slices.Contains(replacedRules, id) {
		return false
	}
	a.left = slices.DeleteFunc(a.left, func(s string) bool { return s == id })
	return true
}

// check returns the alterations that did not apply as expected.
func (a *alterer) check() error {
	var errs []error
	for i, alt := range alterations {
		if a.applied[i] != alt.rules {
			errs = append(errs, fmt.Errorf("%d patterns hold %s, which %d are to hold: look at the alteration again (%s)", a.applied[i], alt.old, alt.rules, alt.why))
		}
	}
	for _, id := range a.left {
		errs = append(errs, fmt.Errorf("rule %s, which is replaced, is no longer there", id))
	}
	return errors.Join(errs...)
}
