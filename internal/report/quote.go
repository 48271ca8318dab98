package report

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/repaird/repaird/internal/redact"
)

// A quoter turns untrusted text into Clean quotations, in three steps: what is
// invisible or would trigger a host is removed; the text is redacted; it is
// truncated and escaped for its context. Escaping comes last because the
// redactor must see tokens unbroken.
type quoter struct {
	r     *redact.Redactor
	known *redact.Known
}

// maxInput limits, in bytes, how much is processed.
const maxInput = 64 << 10

// text quotes several lines for a block.
func (q quoter) text(s string, most int) redact.Clean {
	return q.r.Text(visible(s, most), q.known).Truncate(most)
}

// code is text for code, paths, ids and numbers: only certain secrets are
// replaced.
func (q quoter) code(s string, most int) redact.Clean {
	return q.r.Code(visible(s, most), q.known).Truncate(most)
}

// span quotes on one line as a code span, in which nothing is interpreted; "–"
// if empty. cell also keeps a table's row together.
func (q quoter) span(s string, most int) redact.Clean {
	return span(oneLine(q.text(strings.TrimSpace(s), most)))
}

// name is span for a path, name or id.
func (q quoter) name(s string, most int) redact.Clean {
	return span(oneLine(q.code(strings.TrimSpace(s), most)))
}

func span(c redact.Clean) redact.Clean {
	if strings.TrimSpace(c.String()) == "" {
		return redact.Constant("–")
	}
	// A backslash does not escape in a code span, so a backquote would end it.
	// A bar would end a table's cell even there.
	c = c.Replace("`", "'").Replace("|", "¦")
	return redact.Concat(redact.Constant("`"), c, redact.Constant("`"))
}

// prose quotes sentences, as one paragraph of plain words.
func (q quoter) prose(s string, most int) redact.Clean {
	c := oneLine(q.text(strings.TrimSpace(s), most))
	if strings.TrimSpace(c.String()) == "" {
		return redact.Clean{}
	}
	c = inert(c.Replace(`\`, `\\`).
		Replace("`", "\\`").Replace("*", `\*`).Replace("_", `\_`).Replace("[", `\[`).Replace("]", `\]`).
		Replace("<", `\<`).Replace(">", `\>`).Replace("|", `\|`).Replace("~", `\~`).Replace("$", `\$`).Replace("&", `\&`))
	if listRE.MatchString(c.String()) {
		return redact.Concat(redact.Constant("… "), c)
	}
	return c
}

// listRE matches what would start a list, a rule or an underlined heading.
var listRE = regexp.MustCompile(`^(?:[-+=]|\d{1,9}[.)])`)

// plain quotes on one line where there is no Markdown: a title, a commit message.
func (q quoter) plain(s string, most int) redact.Clean {
	return inert(oneLine(q.text(strings.TrimSpace(s), most))).Replace("<!--", "<! --")
}

// inert visibly changes what hosts act on in plain text: mentions, references
// to issues, and addresses.
func inert(c redact.Clean) redact.Clean {
	return c.Replace("@", "＠").Replace("#", "＃").Replace("://", ": //").Replace("www.", "www .").
		Replace("GH-", "GH‐").Replace("gh-", "gh‐").Replace("Gh-", "Gh‐").Replace("gH-", "gH‐")
}

// block puts text into a code fence that it cannot close.
func block(language string, c redact.Clean) redact.Clean {
	if c.Empty() {
		return c
	}
	open := redact.Constant("````text\n")
	if language == "sh" {
		open = redact.Constant("````sh\n")
	}
	return redact.Concat(open, c.Replace("````", "''''").Replace("~~~~", "''''"), redact.Constant("\n````"))
}

// oneLine folds white space.
func oneLine(c redact.Clean) redact.Clean {
	var parts []redact.Clean
	for _, line := range c.Replace("\t", " ").Lines() {
		if strings.TrimSpace(line.String()) != "" {
			parts = append(parts, line)
		}
	}
	return redact.Join(redact.Constant(" "), parts...)
}

var (
	// Issues are closed by keywords before a reference when the text is merged.
	// They are documented to have no effect inside code, but not to rely on
	// that, references are broken everywhere, and addresses after a keyword.
	issueRE   = regexp.MustCompile(`#(\d)`)
	ghRE      = regexp.MustCompile(`(?i)\b(gh)-(\d)`)
	closingRE = regexp.MustCompile(`(?i)\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b([\s:]+)(https?)://`)
)

// visible removes control, format and private characters (among them those that
// reverse, hide or tag text), normalises line endings, and breaks references.
// It processes only as much as the output needs, with enough margin that a
// token cut at the end is not shown.
func visible(s string, most int) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxInput)], "�")
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	s = strings.Map(seen, s)
	s = strings.ToValidUTF8(s[:min(len(s), 2*most+4096)], "")
	s = issueRE.ReplaceAllString(s, "＃$1")
	s = ghRE.ReplaceAllString(s, "$1‐$2")
	s = closingRE.ReplaceAllString(s, "$1$2$3: //")
	return strings.Trim(strings.TrimRight(s, " \t\n"), "\n") // the first line keeps its indentation
}

// seen drops characters that cannot be seen: among them the Hangul fillers and
// the grapheme joiner, which are letters and marks by their category.
func seen(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Variation_Selector),
		r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0, r == 0x034F:
		return -1
	}
	return r
}
