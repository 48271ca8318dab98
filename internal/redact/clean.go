package redact

import "encoding/json"

// A Clean is text that the redactor has seen. Only this package makes one from
// outside text; prompts, bundles and pull requests accept nothing else.
type Clean struct{ text string }

// String returns the text.
func (c Clean) String() string { return c.text }

// MarshalJSON encodes the text as a JSON string.
func (c Clean) MarshalJSON() ([]byte, error) { return json.Marshal(c.text) }
