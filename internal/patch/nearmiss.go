package patch

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// nearMiss explains why search is not in content: what differs, and where.
func nearMiss(content []byte, search string) string {
	lines, want := splitLines(string(content)), splitLines(strings.Trim(search, "\r\n"))
	for _, form := range []struct {
		fold func(string) string
		says string
	}{
		{func(s string) string { return strings.TrimRight(s, "\r\n") }, "line endings differ: the file mixes CRLF and LF"},
		{func(s string) string { return strings.TrimRightFunc(s, unicode.IsSpace) }, "trailing white space differs"},
		{tabsAsSpaces, "tabs and spaces differ in the indentation"},
		{strings.TrimSpace, "the indentation differs"},
		{func(s string) string { return strings.Join(strings.Fields(s), " ") }, "white space inside lines differs"},
		{func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }, "only white space or letter case differs"},
	} {
		if at := findFolded(lines, want, form.fold); at >= 0 {
			return fmt.Sprintf("search is not in the file verbatim, but %s at line %d:\n%s", form.says, at+1, excerpt(lines, at, len(want)))
		}
	}
	at, score := closest(lines, want)
	if at < 0 || score < 0.5 {
		return "neither search nor anything similar is in the file"
	}
	return fmt.Sprintf("search is not in the file; the closest text is at line %d:\n%s", at+1, excerpt(lines, at, len(want)))
}

func tabsAsSpaces(s string) string {
	return strings.TrimRightFunc(strings.ReplaceAll(s, "\t", "    "), unicode.IsSpace)
}

// findFolded returns the first line at which want occurs when both are folded,
// or -1.
func findFolded(lines, want []string, fold func(string) string) int {
	if len(want) == 0 {
		return -1
	}
	folded := make([]string, len(want))
	for i, w := range want {
		folded[i] = fold(w)
	}
	if strings.TrimSpace(strings.Join(folded, "")) == "" {
		return -1
	}
next:
	for at := 0; at+len(want) <= len(lines); at++ {
		for i := range want {
			if !stands(fold(lines[at+i]), folded[i], i == 0, i == len(want)-1) {
				continue next
			}
		}
		return at
	}
	return -1
}

// stands reports whether a line matches its part of a text, which may begin
// within its first line and end within its last.
func stands(line, part string, first, last bool) bool {
	switch {
	case first && last:
		return strings.Contains(line, part)
	case first:
		return strings.HasSuffix(line, part)
	case last:
		return strings.HasPrefix(line, part)
	}
	return line == part
}

// closest returns the window of lines that shares most words with want, and
// which part of want's words it shares.
func closest(lines, want []string) (at int, score float64) {
	wanted := map[string]bool{}
	for _, w := range want {
		for _, f := range words(w) {
			wanted[f] = true
		}
	}
	if len(wanted) == 0 || len(want) > len(lines) || len(lines) > 20_000 || len(want) > 200 {
		return -1, 0
	}
	at = -1
	for i := 0; i+len(want) <= len(lines); i++ {
		shared := map[string]bool{}
		for _, l := range lines[i : i+len(want)] {
			for _, f := range words(l) {
				if wanted[f] {
					shared[f] = true
				}
			}
		}
		if s := float64(len(shared)) / float64(len(wanted)); s > score {
			at, score = i, s
		}
	}
	return at, score
}

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// excerpt shows at most eight lines, each clipped.
func excerpt(lines []string, at, n int) string {
	var b strings.Builder
	for i := at; i < min(at+min(n, 8), len(lines)); i++ {
		fmt.Fprintf(&b, "%6d| %s\n", i+1, clip(strings.TrimRight(lines[i], "\r\n"), 160))
	}
	return strings.TrimRight(b.String(), "\n")
}

// lineList names the lines of the first five occurrences.
func lineList(content []byte, search string) string {
	var at []string
	from := 0
	for len(at) < 5 {
		i := bytes.Index(content[from:], []byte(search))
		if i < 0 {
			break
		}
		at = append(at, strconv.Itoa(1+bytes.Count(content[:from+i], []byte("\n"))))
		from += i + 1
	}
	return strings.Join(at, ", ")
}

// clip cuts s to n bytes at a rune boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// quotable returns s unless it contains something that must not reach a
// terminal.
func quotable(s string) string {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return strconv.QuoteToASCII(s)
		}
	}
	return s
}
