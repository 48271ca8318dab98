package repair

import (
	"crypto/rand"
	"encoding/binary"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/repaird/repaird/internal/redact"
)

// quoted puts untrusted text between two lines with a number that the text
// cannot contain, and a label that names its source:
//
//	<<<untrusted 817263549012 pytest.output
//	…
//	817263549012 end>>>
//
// The number is drawn at random for every quotation, after its text is known,
// and drawn again if the text contains it.
func quoted(source, text redact.Clean) redact.Clean {
	label := strings.Map(func(r rune) rune {
		if r == '<' || r == '>' || unicode.IsSpace(r) || unicode.IsControl(r) {
			return '_'
		}
		return r
	}, source.String())
	if label == "" || label != source.String() {
		source = redact.Constant("unnamed") // a label with such characters is not a name
	}
	n := random()
	for strings.Contains(text.String(), strconv.FormatUint(n, 10)) {
		n = random()
	}
	return redact.Concat(
		redact.Constant("<<<untrusted "), redact.Number(n), redact.Constant(" "), source.Truncate(200), redact.Constant("\n"),
		text, redact.Constant("\n"), redact.Number(n), redact.Constant(" end>>>"))
}

// random returns a number of twelve digits.
func random() uint64 {
	const first = 100_000_000_000
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return first + binary.LittleEndian.Uint64(b[:])%(9*first)
}

var (
	ansi    = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])`)
	comment = regexp.MustCompile(`(?s)<!--.*?(?:-->|$)`)
)

// visible removes what a person would not see: terminal sequences, control,
// bidirectional, zero-width and tag characters, and ill-formed bytes.
func visible(s string) string {
	s = ansi.ReplaceAllString(strings.ToValidUTF8(s, "\uFFFD"), "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029',
			r == '\u115F', r == '\u1160', r == '\u3164', r == '\uFFA0', // fillers that show nothing
			r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0000 && r <= 0xE0FFF:
			return -1
		}
		return r
	}, s)
}

// uncommented removes HTML comments, including those that removal creates.
func uncommented(s string) string {
	for {
		t := comment.ReplaceAllString(s, "")
		if t == s {
			return s
		}
		s = t
	}
}

// A cleaner prepares evidence and source for a prompt.
type cleaner struct {
	redactor *redact.Redactor
	known    *redact.Known
}

// text is for evidence: messages, output, traces, a model's words.
func (c cleaner) text(s string, limit int) redact.Clean {
	return c.redactor.Text(uncommented(visible(clip(s, 4*limit))), c.known).Truncate(limit)
}

// tail is text whose end matters.
func (c cleaner) tail(s string, limit int) redact.Clean {
	if len(s) > 4*limit {
		s = s[len(s)-4*limit:]
	}
	return c.redactor.Text(uncommented(visible(s)), c.known).Tail(limit)
}

// code is for source, in which only secrets and invisible characters are
// replaced.
func (c cleaner) code(s string, limit int) redact.Clean {
	return c.redactor.Code(visible(clip(s, 4*limit)), c.known).Truncate(limit)
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// fill puts cleaned parts into one of the project's own prompt files.
func (c cleaner) fill(prompt string, parts map[string]redact.Clean) redact.Clean {
	var out []redact.Clean
	for prompt != "" {
		before, rest, found := strings.Cut(prompt, "{{")
		out = append(out, c.redactor.Code(before, nil))
		if !found {
			break
		}
		name, after, _ := strings.Cut(rest, "}}")
		out = append(out, parts[name])
		prompt = after
	}
	return redact.Concat(out...)
}
