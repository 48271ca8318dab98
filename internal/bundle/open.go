package bundle

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/text"
)

// maxDepth limits nesting; a Value nests two levels per level of data.
const maxDepth = 200

//go:embed bundle.schema.json
var schemaJSON []byte

// Schema returns the JSON Schema (draft 2020-12) of version 1.
func Schema() []byte { return slices.Clone(schemaJSON) }

var compiled = sync.OnceValues(func() (*jsonschema.Resolved, error) {
	var s jsonschema.Schema
	if err := json.Unmarshal(schemaJSON, &s); err != nil {
		return nil, err
	}
	return s.Resolve(nil)
})

// Open parses a bundle in JSON or YAML, validates it against the schema and checks
// its digests. Its error is fault.Invalid.
func Open(data []byte) (_ *Bundle, err error) {
	defer fault.Wrap(&err, "open bundle")
	if len(data) > MaxBytes {
		return nil, fault.Errorf(fault.Invalid, "%d bytes, the limit is %d", len(data), MaxBytes)
	}
	if !utf8.Valid(data) {
		return nil, fault.Errorf(fault.Invalid, "not UTF-8")
	}
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && trimmed[0] != '{' {
		if data, err = fromYAML(data); err != nil {
			return nil, err
		}
	}
	return open(data)
}

// open parses a bundle in JSON.
func open(data []byte) (*Bundle, error) {
	if err := checkDepth(data); err != nil {
		return nil, err
	}
	tree, err := parse(data)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "not JSON: %w", err)
	}
	id, err := idOf(tree)
	if err != nil {
		return nil, err
	}
	if err := validate(data); err != nil {
		return nil, err
	}
	b := new(Bundle)
	if err := json.Unmarshal(data, b); err != nil {
		return nil, fault.Errorf(fault.Invalid, "not a bundle: %w", err)
	}
	// The document's digest is computed from its text, the sections' digests from
	// the decoded bundle; all must match those that it states.
	sections, err := b.sections()
	if err != nil {
		return nil, err
	}
	for _, name := range sectionNames {
		if got, want := digest(sections[name]), b.Digests[name]; got != want {
			return nil, fault.Errorf(fault.Invalid, "section %q was changed after sealing: its digest is %s, the bundle says %s", name, got, want)
		}
	}
	if b.ID != id {
		return nil, fault.Errorf(fault.Invalid, "the bundle was changed after sealing: its digest is %s, it says %s", id, b.ID)
	}
	return b, nil
}

func validate(data []byte) error {
	schema, err := compiled()
	if err != nil {
		return err
	}
	var instance any
	if err := json.Unmarshal(data, &instance); err != nil {
		return fault.Errorf(fault.Invalid, "not JSON: %w", err)
	}
	if err := schema.Validate(instance); err != nil {
		return fault.Errorf(fault.Invalid, "not a version 1 bundle: %s", briefly(err))
	}
	return nil
}

// briefly clips an error's message, which may quote the document.
func briefly(err error) string { return text.Clip(err.Error(), 400) }

// checkDepth rejects deep nesting before anything recurses over it.
func checkDepth(data []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString:
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
			}
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fault.Errorf(fault.Invalid, "nested deeper than %d", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
