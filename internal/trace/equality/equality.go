// Package equality says what a trace tells about two recorded values: that they
// are equal, that they differ, or neither, because one of them was cut, masked or
// seen by its class and length alone.
//
//	switch equality.Compare(&before, &after) {
//	case equality.Different: // known, whatever else a fuller record would show
//	case equality.Unknown:   // claim nothing
//	}
package equality

import (
	"github.com/repaird/repaird/internal/trace/wire"
	"slices"
	"strings"
)

// Known is what a trace tells about two values. A value may be cut, masked or
// seen by its class and length alone, and then it need not tell.
type Known uint8

const (
	Unknown   Known = iota // what was recorded does not tell
	Equal                  // both were recorded in full, and are equal
	Different              // they differ in what was recorded of both
)

// Compare says whether two recorded values are known to be equal, or known to
// differ, in type and content. Identities do not count: they are addresses.
//
// The answer never depends on how much of a value was recorded: what is Equal or
// Different stays so in a fuller record of the same two values.
func Compare(a, b *wire.Value) Known { return (&Comparison{}).Values(a, b) }

// A Comparison compares values, with what is not told apart in their texts.
type Comparison struct {
	// Text maps texts that count as equal to one, as a trace of another run has
	// another time; nil where texts must be equal.
	Text func(string) string

	left  int      // values that may still be compared
	outer [2][]int // identities of the values that the ones compared are in
}

const (
	maxCompared     = 20_000 // values; a comparison of more tells nothing
	maxCompareDepth = 40     // of literals within literals
)

// Values compares two values.
func (c *Comparison) Values(a, b *wire.Value) Known {
	c.left, c.outer = maxCompared, [2][]int{}
	return c.values(a, b, 0)
}

func (c *Comparison) values(a, b *wire.Value, depth int) Known {
	if c.left--; c.left < 0 || depth > maxCompareDepth {
		return Unknown
	}
	x, y := kindOf(a), kindOf(b)
	switch {
	case x == "?" || y == "?" || x == "" || y == "":
		return c.expressions(a, b)
	case x != y:
		return Different
	case a.Masked || b.Masked:
		return Unknown
	case a.Module != b.Module:
		return Different
	case a.Cycle || b.Cycle:
		return c.cycles(a, b)
	}
	c.outer[0], c.outer[1] = append(c.outer[0], a.ID), append(c.outer[1], b.ID)
	known := c.contents(partsOf(a), partsOf(b), depth)
	c.outer[0], c.outer[1] = c.outer[0][:len(c.outer[0])-1], c.outer[1][:len(c.outer[1])-1]
	return known
}

// expressions compares values of which one's type is not known: two
// expressions tell, for they are written in one way.
func (c *Comparison) expressions(a, b *wire.Value) Known {
	if a.Type != "" || b.Type != "" || a.Text == "" || b.Text == "" || kindOf(a)+kindOf(b) != "" {
		return Unknown
	}
	if c.plain(a.Text) == c.plain(b.Text) {
		return Equal
	}
	return Different
}

// cycles compares references to a value further out.
func (c *Comparison) cycles(a, b *wire.Value) Known {
	if a.Cycle && b.Cycle && a.ID > 0 && b.ID > 0 && slices.Index(c.outer[0], a.ID) == slices.Index(c.outer[1], b.ID) && slices.Contains(c.outer[0], a.ID) {
		return Equal
	}
	return Unknown
}

// parts are what was recorded of a value, a literal container taken apart.
type parts struct {
	v       *wire.Value
	items   []wire.Value
	pairs   [][2]wire.Value
	inner   bool // its content is its items or pairs
	ordered bool
	length  int // -1 where it is not known
	whole   bool
}

func partsOf(v *wire.Value) parts {
	p := parts{v: v, items: v.Items, pairs: v.Pairs, ordered: true, length: -1, whole: !v.Cut}
	name := kindOf(v)
	switch name {
	case "list", "tuple", "dict", "set", "frozenset":
		p.inner, p.ordered = true, name == "list" || name == "tuple"
		if v.Text != "" && v.Items == nil && v.Pairs == nil {
			if !p.split(v.Text) {
				p.inner, p.whole = false, false
				return p
			}
		}
	default:
		p.inner = v.Items != nil || v.Pairs != nil
	}
	shown := max(len(p.items), len(p.pairs))
	switch {
	case v.Len > 0:
		p.length = v.Len
	case p.inner && p.whole:
		p.length = shown
	}
	if p.inner && v.Shape == nil && p.length > shown {
		p.whole = false
	}
	return p
}

// split takes the text of a container apart.
func (p *parts) split(text string) bool {
	switch text {
	case "set()", "frozenset()":
		return true
	}
	if inner, ok := strings.CutPrefix(text, "frozenset("); ok {
		text = strings.TrimSuffix(inner, ")")
	}
	if len(text) < 2 || !strings.ContainsRune("[({", rune(text[0])) {
		return false
	}
	elements, ok := splitTop(text[1:len(text)-1], ',')
	if !ok {
		return false
	}
	for _, e := range elements {
		if kindOf(p.v) != "dict" {
			p.items = append(p.items, wire.Value{Text: e, Literal: p.v.Literal})
			continue
		}
		both, ok := splitTop(e, ':')
		if !ok || len(both) != 2 {
			return false
		}
		p.pairs = append(p.pairs, [2]wire.Value{{Text: both[0], Literal: p.v.Literal}, {Text: both[1], Literal: p.v.Literal}})
	}
	return true
}

// kindOf is the class of a value, "" for an expression: what it makes may have
// been recorded in another form, too.
func kindOf(v *wire.Value) string {
	if v.Type != "" {
		return v.Type
	}
	name := string(wire.LiteralType([]byte(v.Text)))
	if name == "dict" && len(v.Text) > 2 {
		if first, _ := splitTop(v.Text[1:len(v.Text)-1], ':'); len(first) < 2 {
			name = "set"
		}
	}
	if v.Literal || v.Text == "" {
		return name
	}
	switch c := v.Text[0]; {
	case v.Text == "None" || v.Text == "True" || v.Text == "False" || quoted(v.Text):
	case c == '-' || c-'0' <= 9 || c == '(' || c == '[' || c == '{':
	default:
		return ""
	}
	return name
}

// splitTop splits the inside of a literal at the separators that are in no
// bracket and no text.
func splitTop(s string, separator byte) (out []string, ok bool) {
	depth, from := 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'' || c == '"':
			for i++; i < len(s) && s[i] != c; i++ {
				if s[i] == '\\' {
					i++
				}
			}
			if i >= len(s) {
				return nil, false
			}
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == separator && depth == 0:
			out = append(out, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	if last := strings.TrimSpace(s[from:]); last != "" {
		out = append(out, last)
	}
	return out, depth == 0
}

// A tally puts the answers for the parts of two values together.
type tally struct{ unknown, different, any bool }

func (y *tally) add(k Known) {
	y.any = true
	y.unknown = y.unknown || k == Unknown
	y.different = y.different || k == Different
}

func (y *tally) known() Known {
	switch {
	case y.different:
		return Different
	case y.unknown || !y.any:
		return Unknown
	}
	return Equal
}

func (c *Comparison) contents(a, b parts, depth int) Known {
	y := tally{unknown: !a.whole || !b.whole}
	v, w := a.v, b.v
	if v.Shape != nil && w.Shape != nil && !slices.Equal(v.Shape, w.Shape) || v.DType != "" && w.DType != "" && v.DType != w.DType {
		return Different
	}
	if a.inner || b.inner || v.Text == "" || w.Text == "" {
		if a.length >= 0 && b.length >= 0 && a.length != b.length {
			return Different
		}
	}
	if a.inner && b.inner && a.length == 0 && b.length == 0 {
		y.any = true
	}
	if v.Shape != nil || w.Shape != nil { // only the first items of an array are there
		a.whole, b.whole, y.unknown = false, false, y.unknown || max(a.length, b.length) > max(len(a.items), len(a.pairs))
	}
	switch {
	case len(a.pairs)+len(b.pairs) > 0:
		c.mapped(&y, a, b, depth)
	case a.ordered && b.ordered:
		c.inOrder(&y, a.items, b.items, depth)
	case len(a.items)+len(b.items) > 0:
		c.members(&y, a, b, depth)
	}
	if v.New != "" && w.New != "" { // each is its attributes and no more
		y.any = true
	}
	c.inOrder(&y, v.Args, w.Args, depth)
	if len(v.Args) != len(w.Args) {
		if !v.Cut && !w.Cut {
			return Different
		}
		y.unknown = true
	}
	if !a.inner && !b.inner && (v.Text != "" || w.Text != "") {
		y.add(c.texts(v, w))
	}
	c.named(&y, v.Fields, w.Fields, complete(v), complete(w), depth)
	c.named(&y, v.Shared, w.Shared, false, false, depth)
	return y.known()
}

func (c *Comparison) inOrder(y *tally, a, b []wire.Value, depth int) {
	for i := range a[:min(len(a), len(b))] {
		if y.add(c.values(&a[i], &b[i], depth+1)); y.different {
			return
		}
	}
}

// mapped compares the pairs of dicts, whatever their order.
func (c *Comparison) mapped(y *tally, a, b parts, depth int) {
	if len(a.pairs) == len(b.pairs) {
		straight := tally{}
		for i := range a.pairs {
			if k := c.values(&a.pairs[i][0], &b.pairs[i][0], depth+1); k != Equal {
				straight.unknown = true
				break
			}
			straight.add(c.values(&a.pairs[i][1], &b.pairs[i][1], depth+1))
		}
		if !straight.unknown || straight.different {
			y.add(straight.known())
			return
		}
	}
	c.lookUp(y, a, b, depth)
	c.lookUp(y, b, a, depth)
}

// lookUp looks for the keys of a in b.
func (c *Comparison) lookUp(y *tally, a, b parts, depth int) {
	for i := range a.pairs {
		key := &a.pairs[i][0]
		best := Different
		for k := range b.pairs {
			known := c.values(key, &b.pairs[k][0], depth+1)
			if known == Equal {
				y.add(c.values(&a.pairs[i][1], &b.pairs[k][1], depth+1))
				best = Equal
				break
			}
			if known == Unknown {
				best = Unknown
			}
		}
		switch {
		case best == Different && b.whole:
			y.add(Different)
		case best != Equal:
			y.add(Unknown)
		}
		if y.different {
			return
		}
	}
}

// members compares sets.
func (c *Comparison) members(y *tally, a, b parts, depth int) {
	for _, both := range [2][2]parts{{a, b}, {b, a}} {
		for i := range both[0].items {
			best := Different
			for k := range both[1].items {
				known := c.values(&both[0].items[i], &both[1].items[k], depth+1)
				if known == Equal {
					best = Equal
					break
				}
				if known == Unknown {
					best = Unknown
				}
			}
			if best == Different && !both[1].whole {
				best = Unknown
			}
			if y.add(best); y.different {
				return
			}
		}
	}
}

// complete says whether all attributes of a value were recorded.
func complete(v *wire.Value) bool {
	return !v.Cut && !slices.ContainsFunc(v.Fields, more)
}

// more says whether an attribute stands for those that were left out.
func more(v wire.Var) bool { return v.Name == "..." && v.Value.Type == "?" }

// named compares attributes by their names.
func (c *Comparison) named(y *tally, a, b []wire.Var, wholeA, wholeB bool, depth int) {
	for i := range a {
		if more(a[i]) {
			y.add(Unknown)
			continue
		}
		at := i
		if i >= len(b) || b[i].Name != a[i].Name {
			at = slices.IndexFunc(b, func(v wire.Var) bool { return v.Name == a[i].Name })
		}
		switch {
		case at >= 0:
			y.add(c.values(&a[i].Value, &b[at].Value, depth+1))
		case wholeB:
			y.add(Different)
		default:
			y.add(Unknown)
		}
		if y.different {
			return
		}
	}
	for i := range b {
		if more(b[i]) {
			y.add(Unknown)
		} else if !slices.ContainsFunc(a, func(v wire.Var) bool { return v.Name == b[i].Name }) {
			if wholeA {
				y.add(Different)
			} else {
				y.add(Unknown)
			}
		}
	}
}
