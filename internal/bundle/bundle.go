// Package bundle is the artifact bundle: the sealed, redacted evidence of one
// incident.
//
// It does no I/O: others fetch what a bundle needs. Only evidence from package
// redact can be sealed:
//
//	b, err := bundle.Seal(inc, code, redactor.Event(event))
//	os.WriteFile("incident.json", b.JSON(), 0o600)
//	…
//	b, err = bundle.Open(data) // JSON or YAML; schema and digests checked
//
// Stored format, version 1: canonical JSON (keys sorted by their bytes, no
// insignificant space, no HTML escaping, whole numbers only), described by
// bundle.schema.json ([Schema]). Each section has a SHA-256 digest, and the
// bundle's id is the digest of everything but the id, so that one changed byte
// is seen. YAML is the same document for people. docs/bundle-schema.md explains
// the fields.
//
// A digest shows that a bundle was not damaged or edited by hand; it does not
// authenticate its author. The event of a bundle from elsewhere must pass the
// redactor again, which leaves redacted values alone.
package bundle

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact"
)

// Version is the version of the stored format.
const Version = 1

// MaxBytes is the maximum size of a bundle in bytes of JSON or YAML, for both Seal
// and Open.
const MaxBytes = 16 << 20

// A Bundle is the sealed evidence of one incident.
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

// Code identifies the source code that ran in production.
type Code struct {
	Repository  string   `json:"repository"` // owner/name or path
	Commit      string   `json:"commit"`     // full SHA, if known
	Language    string   `json:"language"`   // python
	Build       string   `json:"build"`      // release as received
	TestCommand []string `json:"test_command"`
}

// Seal seals redacted evidence in a bundle.
//
// Unredacted text cannot get in: if the evidence has an exception, Summary and
// Signature are computed from it, whatever inc says, and so is Build if the
// evidence has a release. The rest of inc and code comes from repaird itself and
// its operator. Its error is fault.Invalid if the parts do not match the schema,
// and fault.Budget above [MaxBytes].
func Seal(inc Incident, code Code, ev redact.Evidence) (_ *Bundle, err error) {
	defer fault.Wrap(&err, "seal bundle")
	if !ev.Redacted() {
		return nil, fault.Errorf(fault.Invalid, "the evidence has not passed the redactor")
	}
	b := &Bundle{Version: Version, Incident: inc, Code: code, Event: ev.Event(), Redaction: ev.Report()}
	if sig, ok := incident.SignatureOf(&b.Event); ok {
		b.Incident.Signature = sig
		b.Incident.Summary = summary(&b.Event)
	}
	if b.Event.Release != "" {
		b.Code.Build = b.Event.Release
	}
	if b.Code.TestCommand == nil {
		b.Code.TestCommand = []string{}
	}
	b.Incident.FirstSeen, b.Incident.LastSeen = b.Incident.FirstSeen.UTC(), b.Incident.LastSeen.UTC()

	sections, err := b.sections()
	if err != nil {
		return nil, err
	}
	b.Digests = digests(sections)
	data, id, err := b.encode()
	if err != nil {
		return nil, err
	}
	if len(data) > MaxBytes {
		return nil, fault.Errorf(fault.Budget, "%d bytes, the limit is %d", len(data), MaxBytes)
	}
	b.ID = id
	// Reading it back is the cheapest proof that it can be read.
	return open(b.JSON())
}

// summary is one line: type, message, function.
func summary(e *incident.Event) string {
	x := e.Raised()
	line := incident.BareName(x.Type)
	if x.Message != "" {
		line += ": " + x.Message
	}
	line = strings.Join(strings.Fields(line), " ")
	const most = 200
	if len(line) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(line[cut]) {
			cut--
		}
		line = line[:cut] + "…"
	}
	if frames := x.InApp(); len(frames) > 0 && frames[len(frames)-1].Function != "" {
		line += " in " + frames[len(frames)-1].Function
	}
	return line
}

// JSON returns the canonical bytes.
func (b *Bundle) JSON() []byte {
	data, err := canonical(b)
	if err != nil {
		// Seal or Open has already encoded this bundle.
		panic("bundle: " + err.Error())
	}
	return data
}
