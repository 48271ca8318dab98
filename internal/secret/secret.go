// Package secret holds strings that must never be printed: tokens, keys,
// passwords. Formatting, marshalling or logging one yields "<secret>".
package secret

import (
	"fmt"
	"log/slog"
)

const masked = "<secret>"

// A String is a secret. The zero value is the empty secret.
type String struct{ value string }

// New wraps a secret.
func New(s string) String { return String{s} }

// Reveal returns the secret itself. Call it only where the secret is used.
func (s String) Reveal() string { return s.value }

// Empty reports whether the secret is the empty string.
func (s String) Empty() bool { return s.value == "" }

// String masks the secret, as GoString, Format, MarshalText and LogValue do.
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
