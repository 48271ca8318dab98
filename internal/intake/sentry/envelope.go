package sentry

import (
	"bytes"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/incident/evidence"
)

// An Envelope is the format that SDKs post: a header, then items. Its grammar:
//
//	{"event_id":"9ec7…","dsn":"https://key@host/42"}\n
//	{"type":"event","length":41}\n
//	<41 bytes>\n
//	{"type":"client_report"}\n
//	<up to the next newline or the end>
//
// A carriage return is part of the payload; the last newline may be missing.
type Envelope struct {
	EventID string // from the header, undashed; may be ""
	DSN     string // from the header; may be ""
	Items   []Item
}

// An Item is one part of an envelope. Payload is a slice of the envelope's bytes.
type Item struct {
	Type    string // event, transaction, session, client_report, attachment, …
	Name    string // an attachment's file name
	Payload []byte
}

const (
	maxItems      = 100
	maxHeaderLine = 64 << 10
)

// ParseEnvelope parses an envelope with items of any type. Its error is
// fault.Invalid or fault.Budget.
func ParseEnvelope(data []byte) (env *Envelope, err error) {
	defer fault.Wrap(&err, "sentry envelope")
	line, rest := cutLine(data)
	header, err := parseHeader(line)
	if err != nil {
		return nil, err
	}
	env = &Envelope{EventID: eventID(header.get("event_id").text()), DSN: header.get("dsn").text()}
	for {
		rest = bytes.TrimLeft(rest, "\n")
		if len(rest) == 0 {
			return env, nil
		}
		if len(env.Items) == maxItems {
			return nil, fault.Errorf(fault.Budget, "more than %d items", maxItems)
		}
		var item Item
		if item, rest, err = parseItem(rest); err != nil {
			return nil, err
		}
		env.Items = append(env.Items, item)
	}
}

func parseItem(data []byte) (item Item, rest []byte, err error) {
	line, rest := cutLine(data)
	header, err := parseHeader(line)
	if err != nil {
		return Item{}, nil, err
	}
	item.Type, item.Name = header.get("type").text(), header.get("filename").text()
	if item.Type == "" {
		return Item{}, nil, fault.Errorf(fault.Invalid, "item without a type")
	}
	length := header.get("length")
	if length.null() {
		item.Payload, rest = cutLine(rest)
		return item, rest, nil
	}
	n := length.integer()
	if n < 0 || length.kind != 'n' || (n == 0 && length.str != "0") {
		return Item{}, nil, fault.Errorf(fault.Invalid, "item length is not a number")
	}
	if n > len(rest) {
		return Item{}, nil, fault.Errorf(fault.Invalid, "item length is %d bytes, but only %d are left", n, len(rest))
	}
	item.Payload, rest = rest[:n], rest[n:]
	if len(rest) > 0 && rest[0] != '\n' {
		return Item{}, nil, fault.Errorf(fault.Invalid, "item of %d bytes does not end with a newline", n)
	}
	return item, rest, nil
}

func parseHeader(line []byte) (*node, error) {
	if len(line) > maxHeaderLine {
		return nil, fault.Errorf(fault.Budget, "header exceeds %d bytes", maxHeaderLine)
	}
	n, err := parse(line)
	if err != nil {
		return nil, err
	}
	if n.kind != '{' {
		return nil, fault.Errorf(fault.Invalid, "header is not a JSON object")
	}
	return n, nil
}

func cutLine(data []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(data, []byte{'\n'})
	return line, rest
}

// Event returns the envelope's error event, with what the recorder attached to
// it. ok is false if it has none, as in most envelopes: sessions, transactions and
// client reports. The header's id takes precedence over the payload's.
func (env *Envelope) Event() (e incident.Event, ok bool, err error) {
	for _, item := range env.Items {
		if item.Type != "event" {
			continue
		}
		if ok {
			return incident.Event{}, false, fault.Errorf(fault.Invalid, "sentry envelope: more than one event")
		}
		if e, err = Event(item.Payload); err != nil {
			return incident.Event{}, false, err
		}
		if env.EventID != "" {
			e.ID = env.EventID
		}
		ok = true
	}
	if ok {
		env.addEvidence(&e)
	}
	return e, ok, nil
}

// addEvidence adds the recorder's document. One that cannot be read is ignored:
// the event is worth as much as any without it.
func (env *Envelope) addEvidence(e *incident.Event) {
	for _, item := range env.Items {
		if item.Type != "attachment" || item.Name != evidence.Attachment {
			continue
		}
		if doc, err := evidence.Decode(item.Payload); err == nil {
			doc.AddTo(e)
			return
		}
	}
}

// A DSN is the URL that an SDK is configured with.
type DSN struct {
	PublicKey string
	Project   string
}

// ParseDSN parses {proto}://{public_key}[:{secret}]@{host}{path}/{project}.
func ParseDSN(s string) (DSN, bool) {
	_, rest, ok := strings.Cut(s, "://")
	user, rest, ok2 := strings.Cut(rest, "@")
	i := strings.LastIndexByte(rest, '/')
	if !ok || !ok2 || i < 0 {
		return DSN{}, false
	}
	key, _, _ := strings.Cut(user, ":")
	project, _, _ := strings.Cut(rest[i+1:], "?")
	return DSN{PublicKey: key, Project: project}, key != "" && project != ""
}
