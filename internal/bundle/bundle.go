// Package bundle is the artifact bundle: the sealed, redacted evidence of one
// incident. Version 1 is canonical JSON, content-addressed; YAML is for people.
// It is pure: what it needs is fetched by others.
package bundle

import (
	"time"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact"
)

// Version is the format's version.
const Version = 1

// A Bundle is a sealed bundle.
type Bundle struct {
	Version   int               `json:"version"`
	ID        string            `json:"id"` // sha256:… over the canonical JSON without id
	Incident  Incident          `json:"incident"`
	Code      Code              `json:"code"`
	Event     incident.Event    `json:"event"` // redacted: chain, frames, locals, request, logs, spans, environment
	Redaction redact.Report     `json:"redaction"`
	Digests   map[string]string `json:"digests"` // section → sha256 of its canonical JSON
}

// Incident summarises the incident at the time of sealing.
type Incident struct {
	ID          string             `json:"id"`
	Project     string             `json:"project"`
	Summary     string             `json:"summary"` // one line: type, message, function
	Fingerprint string             `json:"fingerprint"`
	Signature   incident.Signature `json:"signature"`
	FirstSeen   time.Time          `json:"first_seen"`
	LastSeen    time.Time          `json:"last_seen"`
	Count       int                `json:"count"`
}

// Code names the source that ran.
type Code struct {
	Repository  string   `json:"repository"` // owner/name or path
	Commit      string   `json:"commit"`     // full SHA, where known
	Language    string   `json:"language"`   // python
	Build       string   `json:"build"`      // release as received
	TestCommand []string `json:"test_command"`
}

// Seal makes a bundle of redacted evidence.
func Seal(inc Incident, code Code, ev redact.Evidence) (*Bundle, error) { panic("contract only") }

// Open reads a bundle from JSON or YAML, validates it against the schema and
// checks its digests. Its error is fault.Invalid.
func Open(data []byte) (*Bundle, error) { panic("contract only") }

// JSON returns the canonical bytes, YAML a rendering for people that Open reads too.
func (b *Bundle) JSON() []byte { panic("contract only") }
func (b *Bundle) YAML() []byte { panic("contract only") }
