// Package secret holds strings that must never be printed: tokens, keys,
// passwords. Every way in which Go formats a value shows "<secret>" instead.
package secret

import (
	"fmt"
	"log/slog"
)

const masked = "<secret>"

// A String is a secret text. The zero value is the empty secret.
type String struct{ value string }

// New wraps a secret.
func New(s string) String { return String{s} }

// Reveal returns the text itself, for the one call that needs it.
func (s String) Reveal() string { return s.value }

// Empty reports whether there is no secret.
func (s String) Empty() bool { return s.value == "" }

// String, GoString, Format, MarshalText and LogValue never show the text.
func (s String) String() string { return masked }

// GoString masks %#v.
func (s String) GoString() string { return masked }

// Format masks every verb.
func (s String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// MarshalText masks JSON and YAML.
func (s String) MarshalText() ([]byte, error) { return []byte(masked), nil }

// UnmarshalText reads a secret from configuration.
func (s *String) UnmarshalText(b []byte) error { s.value = string(b); return nil }

// LogValue masks structured logs.
func (s String) LogValue() slog.Value { return slog.StringValue(masked) }
