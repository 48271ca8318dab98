// Package rules recognises the credentials of some two hundred providers.
//
// The rules are those of gitleaks: gitleaks.toml is its file as it was released
// (VERSION names the release, gitleaks.LICENSE is its licence), and [Parse]
// compiles it. They are read in two ways:
//
//	rules.Default().Find(text, &work, yield) // evidence: any text, also adversarial
//	rules.Default().Detect(source)             // source code that a patch adds
//
// Find looks for possible credentials, with bounded work. It alters the rules
// for texts that are not files, adds some of its own (own.toml), and ignores
// their allowlists: these express a programmer's intent, which evidence does
// not have.
//
// Detect reports what gitleaks itself would report: allowlists and stop words
// hold, and text in base64, hex, URL encoding and Unicode escapes is looked into.
//
// A newer release is fetched by
//
//	go run ./internal/redact/rules/refresh v8.31.0
//
// which refuses a file that this package would read differently from gitleaks: one
// with an unknown field, or one to which an alteration no longer applies.
package rules

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the rules
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
)

var (
	//go:embed gitleaks.toml
	released []byte
	//go:embed own.toml
	own []byte
)

// Default returns the rules of the release that is embedded.
var Default = sync.OnceValue(func() *Set {
	s, err := Parse(released)
	if err != nil {
		panic("rules: gitleaks.toml: " + err.Error()) // it is part of the build, and a test reads it
	}
	return s
})

// Provenance is what VERSION says about a file of rules: its origin, and the
// digest that shows that it is unmodified.
func Provenance(module, version string, data []byte) string {
	return fmt.Sprintf("%s %s config/gitleaks.toml sha256:%x\n", module, version, sha256.Sum256(data))
}

// A Set is a compiled file of rules. It is safe for concurrent use.
type Set struct {
	evidence index
	source   index
	allowed  []allowlist // for every rule of source
}

// A rule is one rule, as it is used for evidence or for source code.
type rule struct {
	id      string
	re      func() *regexp.Regexp // compiled when it is first needed
	group   int                   // of the pattern that is the credential; 0 the first that matches
	entropy float64               // that the credential must have

	before, after int         // evidence: how far from the end of a keyword a match begins and ends
	allowed       []allowlist // source
}

// An index finds the rules that can match a text.
type index struct {
	rules    []*rule
	keywords *automaton
	byWord   [][]int // numbers of the rules of the keyword with that number
}

// A file is gitleaks' format, as far as the rules use it.
type file struct {
	Title      string
	MinVersion string
	Allowlist  fileAllowlist
	Rules      []struct {
		ID          string
		Description string
		Regex       string
		Path        string
		Keywords    []string
		SecretGroup int
		Entropy     float64
		Allowlists  []fileAllowlist
	}
}

func (f *file) decode(data []byte) error {
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(f)
	if strict := new(toml.StrictMissingError); errors.As(err, &strict) {
		return fmt.Errorf("unknown field:\n%s", strict.String())
	}
	return err
}

// Parse compiles a file of gitleaks' rules. It rejects what it would interpret
// differently from gitleaks.
func Parse(data []byte) (*Set, error) {
	var f, ours file
	if err := f.decode(data); err != nil {
		return nil, err
	}
	if err := ours.decode(own); err != nil {
		return nil, fmt.Errorf("own.toml: %w", err)
	}
	s := &Set{}
	all, err := f.Allowlist.compile()
	if err != nil {
		return nil, fmt.Errorf("the allowlist for every rule: %w", err)
	}
	s.allowed = []allowlist{all}

	evidence, source := newIndexer(), newIndexer()
	alter := newAlterer()
	for _, r := range f.Rules {
		switch {
		case r.ID == "" || r.Regex == "" && r.Path == "":
			return nil, fmt.Errorf("rule %q has no id, or nothing to match", r.ID)
		case r.Regex != "" && len(r.Keywords) == 0:
			return nil, fmt.Errorf("rule %s has no keyword", r.ID)
		}
		replaced := alter.replaced(r.ID)
		if r.Regex == "" {
			continue // it goes by a file's name alone
		}
		if !replaced {
			of, err := newEvidenceRule(r.ID, alter.pattern(r.Regex))
			if err != nil {
				return nil, fmt.Errorf("rule %s: %w", r.ID, err)
			}
			of.group, of.entropy = r.SecretGroup, r.Entropy
			evidence.add(of, r.Keywords)
		}
		of, err := newRule(r.ID, r.Regex)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.ID, err)
		}
		of.group, of.entropy = r.SecretGroup, r.Entropy
		for _, a := range r.Allowlists {
			list, err := a.compile()
			if err != nil {
				return nil, fmt.Errorf("rule %s: allowlist: %w", r.ID, err)
			}
			of.allowed = append(of.allowed, list)
		}
		if r.Path == "" { // what is added is looked at without its path
			source.add(of, r.Keywords)
		}
	}
	for _, r := range ours.Rules {
		of, err := newEvidenceRule(r.ID, r.Regex)
		if err != nil {
			return nil, fmt.Errorf("own.toml: rule %s: %w", r.ID, err)
		}
		evidence.add(of, r.Keywords)
	}
	if err := alter.check(); err != nil {
		return nil, err
	}
	if s.evidence, err = evidence.index(); err != nil {
		return nil, err
	}
	s.source, err = source.index()
	return s, err
}

// newRule makes a rule without conditions.
func newRule(id, pattern string) (*rule, error) {
	if _, err := syntax.Parse(pattern, syntax.Perl); err != nil {
		return nil, err
	}
	return &rule{id: id, re: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })}, nil
}

// An indexer collects rules by their keywords.
type indexer struct {
	rules   []*rule
	words   []string
	numbers map[string]int
	byWord  [][]int
}

func newIndexer() *indexer { return &indexer{numbers: map[string]int{}} }

func (x *indexer) add(r *rule, keywords []string) {
	x.rules = append(x.rules, r)
	for _, k := range keywords {
		k = strings.ToLower(k)
		n, ok := x.numbers[k]
		if !ok {
			n = len(x.words)
			x.numbers[k] = n
			x.words = append(x.words, k)
			x.byWord = append(x.byWord, nil)
		}
		x.byWord[n] = append(x.byWord[n], len(x.rules)-1)
	}
}

func (x *indexer) index() (index, error) {
	a, err := newAutomaton(x.words)
	return index{x.rules, a, x.byWord}, err
}
