package patch

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

const contextLines = 3

// Diff renders the overlay as a unified diff against base, in git's form
// (readable by git apply): files sorted by path, three lines of context, new
// files against /dev/null, "\ No newline at end of file" where it holds.
func Diff(base fs.FS, overlay Overlay) (string, error) {
	var b strings.Builder
	for _, path := range sortedPaths(overlay) {
		old, exists, err := current(base, nil, path)
		if err != nil {
			return "", err
		}
		writeFileDiff(&b, path, string(old), exists, string(overlay[path]))
	}
	return b.String(), nil
}

// ChangedLines returns, for each file of the overlay, the numbers (from 1) of
// the lines in the new content that are not in the old: added and replaced ones.
// A file that only loses lines is present with none.
func ChangedLines(base fs.FS, overlay Overlay) (map[string][]int, error) {
	return lines(base, overlay, func(s span) (int, int) { return s.newStart, s.newEnd })
}

// RemovedLines returns, by file, the lines of base, from 1, that the overlay
// removes or replaces.
func RemovedLines(base fs.FS, overlay Overlay) (map[string][]int, error) {
	return lines(base, overlay, func(s span) (int, int) { return s.oldStart, s.oldEnd })
}

func lines(base fs.FS, overlay Overlay, of func(span) (start, end int)) (map[string][]int, error) {
	changed := map[string][]int{}
	for path, content := range overlay {
		old, _, err := current(base, nil, path)
		if err != nil {
			return nil, err
		}
		changed[path] = []int{}
		for _, s := range spans(splitLines(string(old)), splitLines(string(content))) {
			start, end := of(s)
			for n := start; n < end; n++ {
				changed[path] = append(changed[path], n+1)
			}
		}
	}
	return changed, nil
}

func writeFileDiff(b *strings.Builder, path, old string, exists bool, new string) {
	a, c := splitLines(old), splitLines(new)
	changes := spans(a, c)
	if exists && len(changes) == 0 {
		return
	}
	fmt.Fprintf(b, "diff --git %s %s\n", gitName("a/"+path), gitName("b/"+path))
	from := gitName("a/" + path)
	if !exists {
		b.WriteString("new file mode 100644\n")
		from = "/dev/null"
	}
	if len(changes) == 0 {
		return // a new, empty file
	}
	fmt.Fprintf(b, "--- %s\n+++ %s\n", from, gitName("b/"+path))
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].oldStart-changes[n-1].oldEnd <= 2*contextLines {
			n++
		}
		writeHunk(b, a, c, changes[:n])
		changes = changes[n:]
	}
}

func writeHunk(b *strings.Builder, a, c []string, changes []span) {
	first, last := changes[0], changes[len(changes)-1]
	lead := min(contextLines, first.oldStart)
	tail := min(contextLines, len(a)-last.oldEnd)
	oldFrom, oldTo := first.oldStart-lead, last.oldEnd+tail
	newFrom, newTo := first.newStart-lead, last.newEnd+tail
	fmt.Fprintf(b, "@@ -%s +%s @@\n", hunkRange(oldFrom, oldTo), hunkRange(newFrom, newTo))
	at := oldFrom
	for _, s := range changes {
		writeLines(b, ' ', a[at:s.oldStart])
		writeLines(b, '-', a[s.oldStart:s.oldEnd])
		writeLines(b, '+', c[s.newStart:s.newEnd])
		at = s.oldEnd
	}
	writeLines(b, ' ', a[at:oldTo])
}

// hunkRange renders start,count as POSIX diff does: an empty range names the
// line before it, and a count of one is left out.
func hunkRange(from, to int) string {
	switch n := to - from; n {
	case 0:
		return fmt.Sprintf("%d,0", from)
	case 1:
		return fmt.Sprint(from + 1)
	default:
		return fmt.Sprintf("%d,%d", from+1, n)
	}
}

func writeLines(b *strings.Builder, mark byte, lines []string) {
	for _, l := range lines {
		b.WriteByte(mark)
		b.WriteString(l)
		if !strings.HasSuffix(l, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// gitName quotes a path as git does where it holds control characters, quotes
// or bytes outside ASCII.
func gitName(name string) string {
	plain := true
	for i := 0; i < len(name); i++ {
		if c := name[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			plain = false
		}
	}
	if plain {
		return name
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\n':
			b.WriteString(`\n`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// splitLines splits after each "\n"; the last element lacks one where the text does.
func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	lines := strings.SplitAfter(s, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func sortedPaths(overlay Overlay) []string {
	paths := make([]string, 0, len(overlay))
	for p := range overlay {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}
