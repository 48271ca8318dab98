package forge

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// BodyLimit is the most characters that a body or comment has, its marker
// included. GitHub refuses above 65,536, and has been seen to fail earlier.
const BodyLimit = 60000

// TitleLimit is the most characters that a title has; GitHub refuses above 256.
const TitleLimit = 250

var (
	keyRE     = regexp.MustCompile(`^[0-9a-f]{12,128}$`)
	wordRE    = regexp.MustCompile(`^[A-Za-z0-9](?:[._-]?[A-Za-z0-9]){5,127}$`) // never two hyphens, which would end the mark
	markerRE  = regexp.MustCompile(`<!-- repaird:key=([A-Za-z0-9._-]{6,256}) -->\s*$`)
	trailerRE = regexp.MustCompile(`(?m)^Repaird-Key: ([0-9a-f]{12,128})\s*$`)
)

// BranchFor returns the branch that belongs to a key.
func BranchFor(key string) string { return "repaird/" + key[:min(12, len(key))] }

// Marker returns the hidden mark that ends a body.
func Marker(key string) string { return "<!-- repaird:key=" + key + " -->" }

// KeyOfBody returns the key of the marker at the end of a body, or "". A marker
// anywhere else is text that somebody quoted.
func KeyOfBody(body string) string {
	// GitHub may answer with CR LF; \s covers it.
	if m := markerRE.FindStringSubmatch(body); m != nil {
		return m[1]
	}
	return ""
}

// KeyOfMessage returns the key of the last trailer of a commit message, or "".
func KeyOfMessage(message string) string {
	all := trailerRE.FindAllStringSubmatch(message, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// WithTrailer returns a commit message that ends in the key's trailer.
func WithTrailer(message, key string) string {
	return strings.TrimSpace(message) + "\n\nRepaird-Key: " + key + "\n"
}

// WithMarker returns text with the key's marker at its end, BodyLimit
// characters at most. What does not fit is cut as [Fit] does.
func WithMarker(text, key string) string {
	mark := "\n\n" + Marker(key) + "\n"
	return Fit(strings.TrimRight(text, "\n "), BodyLimit-len(mark)) + mark
}

const cutNote = "\n\n_The rest was cut: it is longer than this page allows. The bundle has all of it._"

// Fit cuts Markdown to at most limit characters, at the end of a line where
// there is one nearby, closes the code fence and the <details> that the cut
// left open, and says that it cut.
func Fit(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	// Room for what may have to be closed behind the cut: fences of up to 40
	// characters and a few levels of details.
	room := max(limit-utf8.RuneCountInString(cutNote)-160, 0)
	head := firstRunes(text, room)
	if i := strings.LastIndexByte(head, '\n'); i > len(head)-2000 && i >= 0 {
		head = head[:i]
	}
	out := head + closers(head) + cutNote
	if utf8.RuneCountInString(out) > limit { // hostile nesting, or a tiny limit
		return firstRunes(head, max(limit, 0))
	}
	return out
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// closers returns what ends the open fence and the open <details> of head.
func closers(head string) string {
	fence, depth := "", 0
	for line := range strings.Lines(head) {
		trimmed := strings.TrimSpace(line)
		run := fenceRun(trimmed)
		switch {
		case fence == "" && run != "":
			fence = run
		case fence != "":
			if run != "" && run[0] == fence[0] && len(run) >= len(fence) && run == trimmed {
				fence = ""
			}
		case trimmed == "</details>":
			depth--
		case strings.HasPrefix(trimmed, "<details"):
			depth++
		}
	}
	out := ""
	if fence != "" {
		out = "\n" + fence
	}
	return out + strings.Repeat("\n\n</details>", max(depth, 0))
}

// fenceRun returns the run of three or more backquotes or tildes that starts a line, or "".
func fenceRun(line string) string {
	if line == "" || (line[0] != '`' && line[0] != '~') {
		return ""
	}
	n := 1
	for n < len(line) && line[n] == line[0] {
		n++
	}
	if n < 3 {
		return ""
	}
	return line[:n]
}
