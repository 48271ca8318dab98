package redact

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// A Clean is text that has passed the redactor. Only this package creates one
// from untrusted text; prompts, bundles and pull requests accept nothing else.
//
// Texts are assembled from Cleans without being scanned again:
//
//	redact.Join(redact.Constant("\n"),
//		redact.Constant("## What failed"),
//		redactor.Text(output, known).Truncate(4000))
type Clean struct{ text string }

// constant is unexported so that other packages can pass it nothing but
// untyped constants: the compiler refuses a string variable.
type constant string

// Constant returns repaird's own words. It takes only constants in the source
// code.
func Constant(c constant) Clean { return Clean{string(c)} }

// Number returns a number in decimal.
func Number[T ~int | ~int64 | ~int32 | ~uint64 | ~uint32](n T) Clean {
	data, _ := json.Marshal(n)
	return Clean{string(data)}
}

// Join concatenates parts with sep between them.
func Join(sep Clean, parts ...Clean) Clean {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.text
	}
	return Clean{strings.Join(texts, sep.text)}
}

// Concat concatenates parts.
func Concat(parts ...Clean) Clean { return Join(Clean{}, parts...) }

// Lines splits the text at newlines, which are not part of the lines.
func (c Clean) Lines() []Clean {
	var lines []Clean
	for line := range strings.SplitSeq(c.text, "\n") {
		lines = append(lines, Clean{line})
	}
	return lines
}

// Truncate returns the first n bytes at most, cut at a rune's boundary and
// marked with "…" (within the n bytes) where something was cut.
func (c Clean) Truncate(n int) Clean {
	const mark = "…"
	if len(c.text) <= n {
		return c
	}
	cut := max(n-len(mark), 0)
	for cut > 0 && !utf8.RuneStart(c.text[cut]) {
		cut--
	}
	if n < len(mark) {
		return Clean{}
	}
	return Clean{c.text[:cut] + mark}
}

// Tail returns the last n bytes at most, marked like Truncate.
func (c Clean) Tail(n int) Clean {
	const mark = "…"
	if len(c.text) <= n {
		return c
	}
	if n < len(mark) {
		return Clean{}
	}
	from := len(c.text) - (n - len(mark))
	for from < len(c.text) && !utf8.RuneStart(c.text[from]) {
		from++
	}
	return Clean{mark + c.text[from:]}
}

// Replace replaces every old by new, such as to keep a text inside a code
// fence. Neither may introduce untrusted text.
func (c Clean) Replace(old, new constant) Clean {
	return Clean{strings.ReplaceAll(c.text, string(old), string(new))}
}

// Len returns the length in bytes.
func (c Clean) Len() int { return len(c.text) }

// Empty reports whether there is no text.
func (c Clean) Empty() bool { return c.text == "" }

// String returns the text.
func (c Clean) String() string { return c.text }

// MarshalJSON encodes the text as a JSON string.
func (c Clean) MarshalJSON() ([]byte, error) { return json.Marshal(c.text) }
