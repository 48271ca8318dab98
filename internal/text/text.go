// Package text has helpers for text that people read: truncating it and counting
// things. Sizes are in bytes, and no character is cut in half.
//
// Sorting the keys of a map needs no helper: slices.Sorted(maps.Keys(m)), which is
// nil, and so JSON null, for an empty map.
package text

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Clip returns s, or its first n bytes followed by "…" when it is longer.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return Head(s, n) + "…"
}

// Head returns at most the first n bytes of s.
func Head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n = max(n, 0)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Tail returns at most the last n bytes of s.
func Tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	from := len(s) - max(n, 0)
	for from < len(s) && !utf8.RuneStart(s[from]) {
		from++
	}
	return s[from:]
}

// Line returns s as one clipped line: white space becomes single spaces, and
// bytes that are not UTF-8 become U+FFFD.
func Line(s string, n int) string {
	return Clip(strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " "), n)
}

// Count returns a number with its noun: "1 file", "2 files". The plural must be
// the noun with an s.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
