// Package evidence reads what the recorder in production (sdk/python) says of an
// exception, and adds it to the event that it came with:
//
//	doc, err := evidence.Decode(attachment)
//	doc.AddTo(&event)
//
// The document's format is described in sdk/python/README.md. It is as untrusted
// as the event: Decode bounds its bytes, values and depth.
package evidence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
)

// Attachment is the name of the file that a Sentry event has the document as, and
// Attribute that of OpenTelemetry's attribute.
const (
	Attachment = "repaird-evidence.json"
	Attribute  = "repaird.evidence"
)

// Limits on a document.
const (
	MaxBytes      = 1 << 20
	maxValues     = 100_000
	maxDepth      = 40
	maxExceptions = 20
	maxFrames     = 200
	maxLocals     = 200
	maxItems      = 5000 // of one container
	version       = 1
)

// A Document is what the recorder said of an exception and its causes.
type Document struct {
	exceptions []exception // the raised one, then its causes
	task       string
	facts      []incident.Variable
	objects    map[int]incident.Value // that others refer to, by their ids
}

type exception struct {
	typ    string
	frames []frame // in-app ones, outermost first
}

type frame struct {
	file, function string
	line           int
	locals         []incident.Variable
	complete       bool // locals are all that there were
}

// The document's own shape; values stay raw until their depth is known.
type (
	rawDocument struct {
		Version    int               `json:"version"`
		Exceptions []rawException    `json:"exceptions"`
		Task       string            `json:"task"`
		Facts      []json.RawMessage `json:"facts"`
	}
	rawException struct {
		Type   string     `json:"type"`
		Frames []rawFrame `json:"frames"`
	}
	rawFrame struct {
		File     string            `json:"file"`
		Function string            `json:"function"`
		Line     int               `json:"line"`
		Locals   []json.RawMessage `json:"locals"`
		Missing  int               `json:"missing"`
		Entry    []string          `json:"entry"`
	}
)

// Decode reads a document. Its error is fault.Invalid or fault.Budget.
func Decode(data []byte) (_ *Document, err error) {
	defer fault.Wrap(&err, "recorded evidence")
	if len(data) > MaxBytes {
		return nil, fault.Errorf(fault.Budget, "%d bytes, of at most %d", len(data), MaxBytes)
	}
	var raw rawDocument
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fault.Errorf(fault.Invalid, "not a document: %w", err)
	}
	if raw.Version != version {
		return nil, fault.Errorf(fault.Invalid, "version %d, not %d", raw.Version, version)
	}
	d := &decoder{left: maxValues, objects: map[int]incident.Value{}}
	doc := &Document{task: clean(raw.Task)}
	doc.facts = d.variables(raw.Facts, nil)
	for _, x := range raw.Exceptions[:min(len(raw.Exceptions), maxExceptions)] {
		made := exception{typ: clean(x.Type)}
		for _, f := range x.Frames[:min(len(x.Frames), maxFrames)] {
			made.frames = append(made.frames, frame{
				file: clean(f.File), function: clean(f.Function), line: f.Line,
				locals:   d.variables(f.Locals, f.Entry),
				complete: f.Missing == 0 && len(f.Locals) <= maxLocals,
			})
		}
		doc.exceptions = append(doc.exceptions, made)
	}
	if d.err != nil {
		return nil, d.err
	}
	doc.objects = d.objects
	return doc, nil
}

// parse reads one JSON value with numbers as they are written.
func parse(data []byte) (v any, err error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

// clean replaces NUL, which PostgreSQL's text cannot hold.
func clean(s string) string { return strings.ReplaceAll(s, "\x00", "\uFFFD") }

// AddTo gives an event's frames the values that were recorded of them. A frame is
// found by its file, line and function, from the innermost outwards; what has no
// counterpart in the event is left out, and so is what the event has in full
// where the recorder does not.
func (doc *Document) AddTo(e *incident.Event) {
	if doc.task != "" {
		e.Environment.Task = doc.task
	}
	if doc.facts != nil {
		e.Environment.Facts = doc.facts
	}
	at := len(e.Exceptions) - 1
	for _, x := range doc.exceptions {
		for i := at; i >= 0; i-- {
			if incident.BareName(e.Exceptions[i].Type) == incident.BareName(strings.ReplaceAll(x.typ, ":", ".")) {
				x.addTo(e.Exceptions[i].Frames)
				doc.complete(e.Exceptions[i].Frames)
				at = i - 1
				break
			}
		}
	}
}

// complete sees to it that what an exception's frames refer to is in one of them:
// the first reference to what is not becomes the object itself.
func (doc *Document) complete(frames []incident.Frame) {
	here := map[int]bool{}
	var find func(v *incident.Value)
	find = func(v *incident.Value) {
		here[v.ID] = here[v.ID] || v.Kind != incident.KindRef
		v.Each(find)
	}
	var fill func(v *incident.Value)
	fill = func(v *incident.Value) {
		if object, ok := doc.objects[v.ID]; ok && v.Kind == incident.KindRef && !here[v.ID] {
			here[v.ID] = true
			*v = object.Clone()
		}
		v.Each(fill)
	}
	for _, do := range []func(*incident.Value){find, fill} {
		for _, f := range frames {
			for i := range f.Locals {
				do(&f.Locals[i].Value)
			}
		}
	}
}

func (x exception) addTo(frames []incident.Frame) {
	at := len(frames) - 1
	for i := len(x.frames) - 1; i >= 0; i-- {
		for j := at; j >= 0; j-- {
			if x.frames[i].is(frames[j]) {
				x.frames[i].addTo(&frames[j])
				at = j - 1
				break
			}
		}
	}
}

func (f frame) is(other incident.Frame) bool {
	if f.line != other.Line || incident.BareName(f.function) != incident.BareName(other.Function) {
		return false
	}
	return path.Base(slashes(f.file)) == path.Base(slashes(other.File))
}

func slashes(file string) string { return strings.ReplaceAll(file, `\`, "/") }

func (f frame) addTo(target *incident.Frame) {
	place := map[string]int{}
	for i, v := range target.Locals {
		place[v.Name] = i
	}
	locals := append([]incident.Variable(nil), target.Locals...)
	for _, v := range f.locals {
		i, there := place[v.Name]
		if !there {
			locals = append(locals, v)
			continue
		}
		locals[i].Entry = v.Entry
		locals[i].Value = merged(locals[i].Value, v.Value)
	}
	target.Locals, target.HasVars = locals, true
	if f.complete {
		target.Cut = false
	}
}

// merged is what was recorded of a value, with the reprs that the event's SDK has
// of it.
func merged(sdk, recorded incident.Value) incident.Value {
	if recorded.Lost() && !sdk.Lost() || opaque(recorded) && !sdk.Filtered {
		return sdk
	}
	switch {
	case sdk.Kind == incident.KindList && recorded.Kind == incident.KindList:
		for i := range min(len(sdk.Items), len(recorded.Items)) {
			recorded.Items[i] = withRepr(sdk.Items[i], recorded.Items[i])
		}
	case sdk.Kind == incident.KindDict && recorded.Kind == incident.KindDict:
		known := map[string]incident.Value{}
		for _, f := range sdk.Fields {
			known[strings.Trim(f.Name, `'"`)] = f.Value
		}
		for i, f := range recorded.Fields {
			if v, ok := known[f.Name]; ok {
				recorded.Fields[i].Value = withRepr(v, f.Value)
			}
		}
	}
	return withRepr(sdk, recorded)
}

func withRepr(sdk, recorded incident.Value) incident.Value {
	switch recorded.Kind {
	case incident.KindRepr, incident.KindList, incident.KindDict:
		return recorded
	}
	if sdk.Kind == incident.KindRepr && !sdk.Filtered && !sdk.Trimmed {
		recorded.Repr = sdk.Repr
	}
	return recorded
}

// opaque reports whether nothing but its type was recorded of a value.
func opaque(v incident.Value) bool {
	return v.Kind == incident.KindRepr && strings.HasPrefix(v.Repr, "<")
}

// display is a type's name as reprs have it.
func display(name string) string {
	return fmt.Sprintf("<%s object>", strings.ReplaceAll(clean(name), ":", "."))
}
