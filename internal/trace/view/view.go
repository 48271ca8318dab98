// Package view shows traces: as text for terminals and pipes, as JSON for
// tools, and as files for the viewers that people know.
//
//	t, err := view.Open("trace.jsonl.zst", os.Stdin)
//	view.Tree(os.Stdout, t, view.TreeOptions{})          // folded call tree with values
//	view.Counts(os.Stdout, t, view.CountsOptions{})      // most-called functions
//	view.Show(os.Stdout, t, view.Filter{Functions: []string{"Cart.add_item"}}, view.ShowOptions{})
//	view.Chrome(file, t)                                 // for ui.perfetto.dev
//	view.Page(file, view.PageOptions{Traces: …})         // one HTML file that needs nothing else
//
// A tree looks like this:
//
//	process 4711  python3 -m pytest  (CPython 3.11.2, settrace)
//	  test_total()  test_cart.py:11  80µs
//	    Cart.__init__(self=Cart#5(Cart.items=[{…}, {…}]#2), customer_name='Charlie') → None  cart.py:4
//	      * self is now Cart#5(customer_name='Charlie', Cart.items=[{…}, {…}]#2)
//
// #2 is an identity: the same list wherever it is written in one process, until
// it dies. Lines that begin with ! tell of an exception that was raised, those
// with ~ of one that was swallowed, those with * of an argument that the call
// changed.
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
	maxWidth     = 64 << 10
)

func (o Options) width() int {
	switch {
	case o.Width < 0:
		return maxWidth
	case o.Width == 0:
		return defaultWidth
	}
	return max(min(o.Width, maxWidth), 20)
}

// A painter writes lines of text: cut to the width, with what is between marks
// coloured or not.
type painter struct {
	w     io.Writer
	width int
	color bool
	err   error
	lines int
}

func newPainter(w io.Writer, o Options) *painter {
	return &painter{w: w, width: o.width(), color: o.Color}
}

// Marks around an identity in rendered text. Values cannot hold them: visible
// replaces control characters.
const (
	tagOpen  = '\x01'
	tagClose = '\x02'
)

// line writes one line. style is an ANSI parameter such as "31", or "".
func (p *painter) line(style, format string, args ...any) {
	if p.err != nil {
		return
	}
	p.lines++
	text := cut(fmt.Sprintf(format, args...), p.width)
	_, p.err = io.WriteString(p.w, p.paint(style, text)+"\n")
}

func (p *painter) paint(style, text string) string {
	if !p.color {
		return unmark(text)
	}
	var b strings.Builder
	if style != "" {
		b.WriteString("\x1b[" + style + "m")
	}
	for _, r := range text {
		switch r {
		case tagOpen:
			b.WriteString("\x1b[1;36m")
		case tagClose:
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

// unmark drops the marks around identities.
func unmark(s string) string {
	if strings.IndexByte(s, tagOpen) < 0 && strings.IndexByte(s, tagClose) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == tagOpen || r == tagClose {
			return -1
		}
		return r
	}, s)
}

// columns returns how wide text is, marks not counted.
func columns(s string) int { return utf8.RuneCountInString(unmark(s)) }

// cut shortens text to so many columns, marks not counted, showing that it did.
func cut(s string, columns int) string {
	if len(s) <= columns {
		return s
	}
	n, inTag, last := 0, false, 0 // last: where the text ends when it must be cut
	for i, r := range s {
		switch r {
		case tagOpen:
			inTag = true
			continue
		case tagClose:
			inTag = false
			continue
		}
		if n++; n > columns {
			out := s[:last] + "…"
			if inTag || strings.Count(out, string(tagOpen)) > strings.Count(out, string(tagClose)) {
				out += string(tagClose)
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

// visible writes what a terminal or a reader would not show as escapes:
// control characters, those that change the direction of text, and bytes that
// are no UTF-8.
func visible(s string) string {
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

// relative cuts root from a file's name.
func relative(file, root string) string {
	if root != "" && root != "/" {
		if rest, ok := strings.CutPrefix(file, strings.TrimSuffix(root, "/")+"/"); ok {
			return rest
		}
	}
	return file
}
