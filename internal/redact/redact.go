// Package redact removes credentials and personal data from evidence while
// keeping what debugging needs: equal values stay equal, types, lengths and
// character classes stay.
//
//	r := redact.New(key)        // one secret key for each project
//	ev := r.Event(event)        // for the bundle
//	msg := r.Text(output, ev.Known())
//	src := r.Code(source, ev.Known())
//
// It works in layers. Structure: fields that are not listed (allow.go) are
// dropped, and a sensitive name determines how its value is treated (package find). Patterns:
// the credentials of some two hundred providers (rules), and personal data that has
// a form (find, shape). Encodings: JSON in JSON, Python literals, URL encoding and
// base64 are looked into (encode). Propagation: a value once seen under a sensitive
// name is replaced wherever it occurs in the incident (known.go). What replaces a
// value is its token (token).
//
// Redacted means that a text has been through here: tokens replace what was found in
// it, and the rest is unchanged; nothing else marks it. It fails closed: a text that
// is malformed, too long, nested too deeply or exceeds its work budget is withheld:
// "[redacted: …]" with the reason replaces all of it, and it is listed in
// [Report.Dropped]. Only a value that is withheld is marked as
// filtered, since a token can be a test's input and a notice cannot. Work
// is measured in bytes that rules examine, not in seconds, so that the same text
// always has the same result.
//
// Names of people and places in free text have no recognisable form and are not
// found; they are kept out by dropping the fields that contain them.
package redact

import (
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact/token"
)

// A Redactor redacts for one project. It is safe for concurrent use.
type Redactor struct {
	key   *token.Key
	allow map[string]bool
}

// New returns a redactor whose replacements are keyed by key (at least 16
// bytes, secret, one per project): the same value gives the same replacement in
// everything that this project's redactor sees. allow names further tags,
// extras and attributes that this project wants to keep; their values are
// redacted like any other text.
func New(key []byte, allow ...string) *Redactor {
	r := &Redactor{key: token.NewKey(key), allow: map[string]bool{}}
	for _, name := range allow {
		r.allow[name] = true
	}
	return r
}

// Evidence is a redacted event.
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

// Redacted reports whether the evidence comes from a Redactor; it is false for the zero Evidence.
func (e Evidence) Redacted() bool { return e.redacted }

// A Report counts what was replaced, by rule and by place; it contains no
// values.
type Report struct {
	Replaced int            `json:"replaced"`
	Rules    map[string]int `json:"rules,omitempty"`   // rule → count
	Places   map[string]int `json:"places,omitempty"`  // such as "exception[0].frame[3].locals.token" → count
	Dropped  []string       `json:"dropped,omitempty"` // places withheld (malformed, too deep, over budget) or left out (not listed, too many)
}

// Event redacts a whole event; values seen under a sensitive key anywhere in it
// are replaced everywhere in it. Redacting a redacted event changes nothing.
//
// File names, lines, functions, modules, trace and span ids, the event's id and
// its commit are kept if they have the expected form.
func (r *Redactor) Event(e incident.Event) Evidence {
	known := newKnown(r.key)
	known.keepIdentifiers(e)
	first := &walker{scan: scan{r: r, learn: known}}
	first.event(e)
	second := &walker{scan: scan{r: r, known: []*Known{known}}, seen: map[string]bool{}}
	second.count = second.counted
	out := second.event(e)
	return Evidence{event: out, report: second.report, known: known, redacted: true}
}

// Text redacts one text that is evidence: a message, a log line, test output,
// a model's words. known carries the sensitive values of an incident, so that
// they are replaced here too; it may be nil.
//
// It looks for everything, including values that only look like secrets; values
// of sensitive names in the text are replaced wherever else they occur in it.
// Source code that is to be edited goes through [Redactor.Code].
func (r *Redactor) Text(s string, known *Known) Clean {
	own := newKnown(r.key)
	if _, reason := (&scan{r: r, learn: own}).text(s); reason != "" {
		return Clean{withheld(reason)}
	}
	return r.run(s, evidence, known, own)
}

// Code redacts source code and patches: only certain secrets are replaced (known values, providers' tokens, private keys, passwords in URLs), so that the program still works and an edit of it can be applied. A program's own text is not evidence about anyone: names, constants and addresses stay.
func (r *Redactor) Code(s string, known *Known) Clean { return r.run(s, program, known) }

func (r *Redactor) run(s string, m mode, known ...*Known) Clean {
	out, _ := (&scan{r: r, mode: m, known: known}).text(s)
	return Clean{out}
}
