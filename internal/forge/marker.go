package forge

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// BodyLimit is the maximum length of a body or comment in characters, including
// the marker. GitHub's limit is 65,536, but it has been seen to fail below that.
const BodyLimit = 60000

// TitleLimit is the maximum length of a title in characters; GitHub's is 256.
const TitleLimit = 250

var (
	keyRE     = regexp.MustCompile(`^[0-9a-f]{12,128}$`)
	wordRE    = regexp.MustCompile(`^[A-Za-z0-9](?:[._-]?[A-Za-z0-9]){5,127}$`) // never two hyphens, which would end the HTML comment
	markerRE  = regexp.MustCompile(`<!-- repaird:key=([A-Za-z0-9._-]{6,256}) -->\s*$`)
	trailerRE = regexp.MustCompile(`(?m)^Repaird-Key: ([0-9a-f]{12,128})\s*$`)
)

// BranchFor returns the branch name for a key.
func BranchFor(key string) string { return "repaird/" + key[:min(12, len(key))] }

// Marker returns the hidden marker at the end of a body.
func Marker(key string) string { return "<!-- repaird:key=" + key + " -->" }

// KeyOfBody returns the key in the marker at the end of a body, or "". A marker
// elsewhere is quoted text.
func KeyOfBody(body string) string {
	// GitHub may convert newlines to CR LF; \s covers both.
	if m := markerRE.FindStringSubmatch(body); m != nil {
		return m[1]
	}
	return ""
}

// KeyOfMessage returns the key in the last trailer of a commit message, or "".
func KeyOfMessage(message string) string {
	all := trailerRE.FindAllStringSubmatch(message, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// WithTrailer appends the key's trailer to a commit message.
func WithTrailer(message, key string) string {
	return strings.TrimSpace(message) + "\n\nRepaird-Key: " + key + "\n"
}

// WithMarker appends the key's marker to text, which [Fit] truncates so that the
// result has at most BodyLimit characters.
func WithMarker(text, key string) string {
	mark := "\n\n" + Marker(key) + "\n"
	return Fit(strings.TrimRight(text, "\n "), BodyLimit-len(mark)) + mark
}

const cutNote = "\n\n_Truncated to the length that the host allows. The bundle has the complete text._"

// Fit truncates Markdown to at most limit characters, preferably at the end of a
// line. It closes any code fence and <details> left open and appends a note.
func Fit(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	// Reserve room for the closers: code fences of up to 40 characters and a few
	// levels of <details>.
	room := max(limit-utf8.RuneCountInString(cutNote)-160, 0)
	head := firstRunes(text, room)
	if i := strings.LastIndexByte(head, '\n'); i > len(head)-2000 && i >= 0 {
		head = head[:i]
	}
	out := head + closers(head) + cutNote
	if utf8.RuneCountInString(out) > limit { // adversarial nesting, or a tiny limit
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

// closers returns what closes the open code fence and <details> of head.
func closers(head string) string {
	fence, depth := "", 0
	for line := range strings.Lines(head) {
		trimmed := strings.TrimSpace(line)
		run := codeFence(trimmed)
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

// codeFence returns the run of three or more backquotes or tildes at the start of
// a line, or "".
func codeFence(line string) string {
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
