// Package view shows traces to people and their tools. It holds what its rooms
// share: how a trace is opened and written, which records a filter selects, how
// values and places read, the forest of calls and how it is folded. The rooms:
// text prints views for terminals and pipes and the same as JSON, export writes
// files for other programs and slices, page writes one HTML file.
//
//	t, err := view.Open("trace.jsonl.zst", os.Stdin)
//	text.Tree(os.Stdout, t, view.TreeOptions{})          // folded call tree with values
//	text.Counts(os.Stdout, t, text.CountsOptions{})      // most-called functions
//	text.Show(os.Stdout, t, view.Filter{Functions: []string{"Cart.add_item"}}, text.ShowOptions{})
//	export.Chrome(file, t)                               // for ui.perfetto.dev
//	page.Write(file, page.Options{Red: t})               // one HTML file that needs nothing else
//
// Traces come from code that may be hostile. Nothing in them reaches a terminal
// as a control character, or a page as markup, and every output is bounded.
// Equal traces give equal output.
package view

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Options are common to the views.
type Options struct {
	Root  string // cut from file names; "" for what the files have in common
	Width int    // columns of a line of text, default 160; -1 for any length
	JSON  bool   // JSON instead of text
	Color bool   // mark identities, exceptions and notes with ANSI colours
}

const (
	defaultWidth = 160
	MaxWidth     = 64 << 10
)

func (o Options) width() int {
	switch {
	case o.Width < 0:
		return MaxWidth
	case o.Width == 0:
		return defaultWidth
	}
	return max(min(o.Width, MaxWidth), 20)
}

// A Painter writes lines of text: cut to the width, with what is between marks
// coloured or not.
type Painter struct {
	w     io.Writer
	Width int
	color bool
	Err   error
	lines int
}

// NewPainter returns one that writes to w.
func NewPainter(w io.Writer, o Options) *Painter {
	return &Painter{w: w, Width: o.width(), color: o.Color}
}

// Marks around an identity in rendered text. Values cannot hold them: visible
// replaces control characters.
const (
	TagOpen  = '\x01'
	TagClose = '\x02'
)

// Line writes one line. style is an ANSI parameter such as "31", or "".
func (p *Painter) Line(style, format string, args ...any) {
	if p.Err != nil {
		return
	}
	p.lines++
	text := Cut(fmt.Sprintf(format, args...), p.Width)
	_, p.Err = io.WriteString(p.w, p.paint(style, text)+"\n")
}

func (p *Painter) paint(style, text string) string {
	if !p.color {
		return Unmark(text)
	}
	var b strings.Builder
	if style != "" {
		b.WriteString("\x1b[" + style + "m")
	}
	for _, r := range text {
		switch r {
		case TagOpen:
			b.WriteString("\x1b[1;36m")
		case TagClose:
			b.WriteString("\x1b[0m")
			if style != "" {
				b.WriteString("\x1b[" + style + "m")
			}
		default:
			b.WriteRune(r)
		}
	}
	if style != "" {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

// Unmark drops the marks around identities.
func Unmark(s string) string {
	if strings.IndexByte(s, TagOpen) < 0 && strings.IndexByte(s, TagClose) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == TagOpen || r == TagClose {
			return -1
		}
		return r
	}, s)
}

// Columns returns how wide text is, marks not counted.
func Columns(s string) int { return utf8.RuneCountInString(Unmark(s)) }

// Cut shortens text to so many columns, marks not counted, showing that it did.
func Cut(s string, columns int) string {
	if len(s) <= columns {
		return s
	}
	n, inTag, last := 0, false, 0 // last: where the text ends when it must be cut
	for i, r := range s {
		switch r {
		case TagOpen:
			inTag = true
			continue
		case TagClose:
			inTag = false
			continue
		}
		if n++; n > columns {
			out := s[:last] + "…"
			if inTag || strings.Count(out, string(TagOpen)) > strings.Count(out, string(TagClose)) {
				out += string(TagClose)
			}
			return out
		}
		if n < columns {
			last = i + utf8.RuneLen(r)
			if r == utf8.RuneError {
				last = i + 1
			}
		}
	}
	return s
}

// Visible writes what a terminal or a reader would not show as escapes:
// control characters, those that change the direction of text, and bytes that are not UTF-8.
func Visible(s string) string {
	plain := true
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == utf8.RuneError:
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				fmt.Fprintf(&b, `\x%02x`, s[i])
			} else {
				b.WriteRune(r)
			}
		case r < ' ' || (r >= 0x7f && r < 0xa0):
			fmt.Fprintf(&b, `\x%02x`, r)
		case hidden(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hidden says whether a rune cannot be seen, or changes how others are shown.
func hidden(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Variation_Selector) || (r != ' ' && r != 0xa0 && unicode.Is(unicode.Zs, r) && r != 0x3000)
}

// Relative cuts root from a file's name.
func Relative(file, root string) string {
	if root != "" && root != "/" {
		if rest, ok := strings.CutPrefix(file, strings.TrimSuffix(root, "/")+"/"); ok {
			return rest
		}
	}
	return file
}
