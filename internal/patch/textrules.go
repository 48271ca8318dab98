package patch

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/redact/rules"
)

// maxLineBytes is the longest line that a patch may add; longer ones hide text
// beyond a reviewer's screen.
const maxLineBytes = 500

// checkTexts applies the rules on added text, file by file.
func (p Policy) checkTexts(base fs.FS, overlay Overlay) (*Violation, error) {
	if len(overlay) == 0 {
		return &Violation{Rule: RuleNoChange, Detail: "the patch changes nothing"}, nil
	}
	if len(overlay) > p.MaxFiles {
		return &Violation{Rule: RuleSize, Detail: fmt.Sprintf("%d files changed, %d allowed", len(overlay), p.MaxFiles)}, nil
	}
	lines, size := 0, 0
	for _, path := range sortedPaths(overlay) {
		old, exists, err := current(base, nil, path)
		if err != nil {
			return nil, err
		}
		c := change{path: path, old: old, new: overlay[path]}
		if exists && len(c.new) == 0 && len(old) > 0 {
			return &Violation{Rule: RuleSize, Path: path, Detail: "the patch empties the file"}, nil
		}
		c.compare()
		lines += c.removed + len(c.added)
		for _, l := range c.added {
			size += len(l.text)
		}
		if lines > p.MaxLines {
			return &Violation{Rule: RuleSize, Path: path, Detail: fmt.Sprintf("more than %d changed lines", p.MaxLines)}, nil
		}
		if size > p.MaxBytes {
			return &Violation{Rule: RuleSize, Path: path, Detail: fmt.Sprintf("more than %d bytes added", p.MaxBytes)}, nil
		}
		for _, rule := range []func(*change) *Violation{p.checkBinary, checkInvisible, checkScripts, checkSecrets} {
			if v := rule(&c); v != nil {
				v.Path = path
				return v, nil
			}
		}
	}
	return nil, nil
}

// A change is one file before and after.
type change struct {
	path     string
	old, new []byte
	added    []addedLine
	removed  int
	gone     string // the removed lines
}

type addedLine struct {
	number int // from 1
	text   string
}

func (c *change) compare() {
	a, b := splitLines(string(c.old)), splitLines(string(c.new))
	for _, s := range spans(a, b) {
		c.removed += s.oldEnd - s.oldStart
		c.gone += strings.Join(a[s.oldStart:s.oldEnd], "")
		for n := s.newStart; n < s.newEnd; n++ {
			c.added = append(c.added, addedLine{n + 1, b[n]})
		}
	}
}

func (p Policy) checkBinary(c *change) *Violation {
	crlf := bytes.Contains(c.old, []byte("\r\n"))
	for _, l := range c.added {
		bad := func(what string) *Violation { return &Violation{Rule: RuleBinary, Line: l.number, Detail: what} }
		if !utf8.ValidString(l.text) {
			return bad("invalid UTF-8")
		}
		if len(l.text) > maxLineBytes {
			return &Violation{Rule: RuleSize, Line: l.number, Detail: fmt.Sprintf("line of %d bytes, %d allowed", len(l.text), maxLineBytes)}
		}
		text := strings.TrimSuffix(l.text, "\n")
		if crlf || len(c.old) == 0 {
			text = strings.TrimSuffix(text, "\r")
		}
		for _, r := range text {
			// Interpreters end a line at a lone CR, reviewers' tools do not.
			if (unicode.IsControl(r) && r != '\t') || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
				return bad(fmt.Sprintf("control character %U", r))
			}
			if unicode.Is(unicode.Co, r) || unicode.Is(unicode.Cs, r) || r == utf8.RuneError {
				return bad(fmt.Sprintf("private-use or replacement character %U", r))
			}
		}
		if e := p.Rules.Encoding(l.number, l.text); e != "" {
			return bad("source encoding " + clip(e, 40))
		}
	}
	return nil
}

// invisible reports whether r shows nothing, or changes how its neighbours are
// shown: format characters (bidirectional controls, zero-width, tags, soft
// hyphen, byte order mark), variation selectors, and the fillers that Unicode
// lists as Default_Ignorable_Code_Point although they are letters or marks.
func invisible(r rune) bool {
	switch {
	case r < 0x80:
		return false
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
		return true
	case r == '\u2800': // BRAILLE PATTERN BLANK
		return true
	}
	return false
}

// checkInvisible refuses a file in which the patch raises the number of any
// invisible character; a line that had one before may keep it.
func checkInvisible(c *change) *Violation {
	had := map[rune]int{}
	for _, r := range c.gone {
		if invisible(r) {
			had[r]++
		}
	}
	for _, l := range c.added {
		for _, r := range l.text {
			if !invisible(r) {
				continue
			}
			if had[r]--; had[r] < 0 {
				return &Violation{Rule: RuleInvisible, Line: l.number, Detail: fmt.Sprintf("invisible character %U", r)}
			}
		}
	}
	return nil
}

// lookalikes are scripts whose letters can be mistaken for Latin ones.
var lookalikes = []*unicode.RangeTable{unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic, unicode.Lisu}

// checkScripts refuses words that mix Latin letters with those of a look-alike
// script, and full-width or mathematical forms of ASCII letters, which a language
// that normalises names reads as the plain ones.
func checkScripts(c *change) *Violation {
	for _, l := range c.added {
		for _, word := range words(l.text) {
			for _, r := range word {
				if (r >= 0xFF21 && r <= 0xFF5A) || (r >= 0x1D400 && r <= 0x1D7FF) {
					return &Violation{Rule: RuleScripts, Line: l.number, Detail: fmt.Sprintf("%U stands for an ASCII letter", r)}
				}
			}
			if mixed(word) && !strings.Contains(string(c.old), word) {
				return &Violation{Rule: RuleScripts, Line: l.number, Detail: "a word mixes alphabets: " + quotable(clip(word, 60))}
			}
		}
	}
	return nil
}

// mixed reports whether a word has both Latin letters and letters of a look-alike
// script.
func mixed(word string) bool {
	latin, alike := false, false
	for _, r := range word {
		latin = latin || unicode.Is(unicode.Latin, r)
		alike = alike || unicode.In(r, lookalikes...)
	}
	return latin && alike
}

// checkSecrets refuses what looks like a credential, unless the file already
// contained it.
func checkSecrets(c *change) *Violation {
	if len(c.added) == 0 {
		return nil
	}
	var text strings.Builder
	for _, l := range c.added {
		text.WriteString(l.text)
	}
	for _, leak := range rules.Default().Detect(text.String()) {
		if leak.Secret != "" && strings.Contains(string(c.old), leak.Secret) {
			continue // moved, not added
		}
		line := 0
		if leak.Line < len(c.added) {
			line = c.added[leak.Line].number
		}
		return &Violation{Rule: RuleSecret, Line: line, Detail: "looks like a credential (" + leak.Rule + ")"}
	}
	return nil
}
