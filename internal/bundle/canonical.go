package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/repaird/repaird/internal/fault"
)

// canonical encodes v as canonical JSON. Going through maps sorts the keys;
// json.Number preserves the text of numbers.
func canonical(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	tree, err := parse(data)
	if err != nil {
		return nil, err
	}
	return canonicalTree(tree)
}

// canonicalTree encodes a tree of maps, slices, strings, json.Numbers, bools
// and nils.
func canonicalTree(tree any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(tree); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// parse decodes one JSON document, preserving the text of numbers.
func parse(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, fault.Errorf(fault.Invalid, "more than one JSON document")
	}
	return tree, nil
}

// sectionNames are the sections that have their own digests.
var sectionNames = []string{"incident", "code", "event", "redaction"}

// sections returns each section's canonical bytes.
func (b *Bundle) sections() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, name := range sectionNames {
		var part any
		switch name {
		case "incident":
			part = b.Incident
		case "code":
			part = b.Code
		case "event":
			part = b.Event
		case "redaction":
			part = b.Redaction
		}
		data, err := canonical(part)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "%s: %w", name, err)
		}
		out[name] = data
	}
	return out, nil
}

func digests(sections map[string][]byte) map[string]string {
	out := map[string]string{}
	for name, data := range sections {
		out[name] = digest(data)
	}
	return out
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// encode returns the canonical JSON without the id, and its digest, the id.
func (b *Bundle) encode() (data []byte, id string, err error) {
	data, err = canonical(b)
	if err != nil {
		return nil, "", fault.Errorf(fault.Invalid, "%w", err)
	}
	tree, err := parse(data)
	if err != nil {
		return nil, "", fault.Errorf(fault.Invalid, "%w", err)
	}
	id, err = idOf(tree)
	return data, id, err
}

// idOf computes the id of a decoded bundle.
func idOf(tree any) (string, error) {
	object, ok := tree.(map[string]any)
	if !ok {
		return "", fault.Errorf(fault.Invalid, "not a JSON object")
	}
	rest := make(map[string]any, len(object))
	for k, v := range object {
		if k != "id" {
			rest[k] = v
		}
	}
	data, err := canonicalTree(rest)
	if err != nil {
		return "", fault.Errorf(fault.Invalid, "%w", err)
	}
	return digest(data), nil
}
