package equality

import (
	"github.com/repaird/repaird/internal/trace/wire"
	"math/big"
	"slices"
	"strings"
)

// texts compares what values are by their texts.
func (c *Comparison) texts(a, b *wire.Value) Known {
	if a.Text == "" || b.Text == "" {
		return c.sizes(a, b)
	}
	if quoted(a.Text) && quoted(b.Text) {
		return c.strings(a, b)
	}
	switch {
	case c.plain(a.Text) == c.plain(b.Text):
		if a.Cut || b.Cut {
			return Unknown
		}
		return Equal
	case a.Cut || b.Cut:
		return Unknown
	}
	return Different
}

func (c *Comparison) plain(text string) string {
	if c.Text == nil {
		return text
	}
	return c.Text(text)
}

// sizes compares values of which one has no text: of an int that is too large
// to show, the number of its bits is known.
func (c *Comparison) sizes(a, b *wire.Value) Known {
	bits := func(v *wire.Value) int {
		if n, ok := new(big.Int).SetString(v.Text, 10); ok {
			return n.BitLen()
		}
		return v.Len
	}
	if kindOf(a) == "int" && bits(a) > 0 && bits(b) > 0 && bits(a) != bits(b) {
		return Different
	}
	if n := a.Len; n > 0 && b.Len == 0 && quoted(b.Text) && !b.Cut && c.Text == nil && n != len(characters(b.Text)) {
		return Different
	}
	if n := b.Len; n > 0 && a.Len == 0 && quoted(a.Text) && !a.Cut && c.Text == nil && n != len(characters(a.Text)) {
		return Different
	}
	return Unknown
}

// quoted says whether a text is that of a str or bytes.
func quoted(text string) bool {
	text = strings.TrimPrefix(text, "b")
	return len(text) >= 2 && (text[0] == '\'' || text[0] == '"') && text[len(text)-1] == text[0]
}

const (
	hidden = "<masked>"
	unsure = 64 // characters before a cut that may be the half of what Text maps
)

// strings compares the texts of str and bytes, of which some may show only how
// they begin.
func (c *Comparison) strings(a, b *wire.Value) Known {
	if a.Text == b.Text && !a.Cut && !b.Cut && a.Len == b.Len {
		if n := a.Len; n == 0 || n == len(characters(a.Text)) {
			return Equal
		}
		return Unknown
	}
	x, wholeX := shownOf(a)
	y, wholeY := shownOf(b)
	n := min(len(x), len(y))
	if c.Text != nil {
		if wholeX && wholeY {
			if c.Text(strings.Join(x, "")) == c.Text(strings.Join(y, "")) {
				return Equal
			}
			return Different
		}
		if n -= unsure; n > 0 && c.Text(strings.Join(x[:n], "")) != c.Text(strings.Join(y[:n], "")) {
			return Different
		}
		return Unknown
	}
	switch {
	case !slices.Equal(x[:n], y[:n]):
		return Different
	case wholeX && wholeY && len(x) == len(y):
		return Equal
	case wholeX && len(x) < len(y) || wholeY && len(y) < len(x):
		return Different
	case lengthOf(a, x, wholeX) != lengthOf(b, y, wholeY) && lengthOf(a, x, wholeX) > 0 && lengthOf(b, y, wholeY) > 0:
		return Different
	}
	return Unknown
}

// shownOf returns the characters of a text up to where it was cut or masked, and
// whether these are all.
func shownOf(v *wire.Value) (list []string, whole bool) {
	list = characters(v.Text)
	whole = !v.Cut && (v.Len == 0 || v.Len == len(list))
	if !whole {
		if before, _, found := strings.Cut(v.Text, hidden); found {
			list = characters(before + v.Text[len(v.Text)-1:])
		}
	}
	return list, whole
}

func lengthOf(v *wire.Value, shown []string, whole bool) int {
	if whole {
		return len(shown)
	}
	return v.Len
}

// characters splits the literal of a str or bytes into its characters, each as
// it is written, but for quotes: which of them are escaped depends on the rest.
func characters(text string) []string {
	text = strings.TrimPrefix(text, "b")
	if len(text) < 2 {
		return nil
	}
	text = text[1 : len(text)-1]
	out := make([]string, 0, len(text))
	for i := 0; i < len(text); {
		n := 1
		if text[i] == '\\' && i+1 < len(text) {
			switch text[i+1] {
			case 'x':
				n = 4
			case 'u':
				n = 6
			case 'U':
				n = 10
			default:
				n = 2
			}
		} else {
			for i+n < len(text) && text[i+n]&0xc0 == 0x80 {
				n++
			}
		}
		n = min(n, len(text)-i)
		switch s := text[i : i+n]; s {
		case `\'`, `\"`:
			out = append(out, s[1:])
		default:
			out = append(out, s)
		}
		i += n
	}
	return out
}
