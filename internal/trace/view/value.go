package view

import (
	"slices"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/trace/wire"
)

// How identities are written.
const (
	IdsMarked = iota // between marks, as in Cart␁#3␂(…)
	IdsPlain         // Cart#3(…)
	IdsNone          // Cart(…): the same in each run
)

// Text renders a value on one line of about limit bytes.
func Text(v *wire.Value, limit, ids int) string {
	if v == nil {
		return ""
	}
	p := printer{ids: ids, left: limit}
	p.value(v)
	return p.b.String()
}

// Vars renders named values in about limit bytes, which they share.
func Vars(list []wire.Var, limit, ids int) string {
	p := printer{ids: ids, left: limit}
	p.fields(list, 0)
	return p.b.String()
}

// A printer renders a value as Python-like text: containers with what was
// recorded of their items, objects as Class(attribute=value), attributes of the
// class that all instances share as Class.attribute=value. What does not fit
// is left out from the middle of the structure: ends and identities are kept.
type printer struct {
	b    strings.Builder
	ids  int
	left int  // bytes
	full bool // something did not fit, and that was shown
}

func (p *printer) put(s string) {
	if p.full {
		return
	}
	s = Visible(s)
	if len(s) > p.left {
		n := max(p.left, 0)
		for n > 0 && s[n]&0xc0 == 0x80 {
			n--
		}
		p.b.WriteString(s[:n] + "…")
		p.left, p.full = 0, true
		return
	}
	p.left -= len(s)
	p.b.WriteString(s)
}

// end puts what closes a structure, whether it fits or not.
func (p *printer) end(s string) {
	p.b.WriteString(Visible(s))
	p.left = max(p.left-len(s), 0)
}

func (p *printer) id(v *wire.Value) {
	if v.ID <= 0 {
		return
	}
	switch p.ids {
	case IdsMarked:
		p.b.WriteByte(TagOpen)
		p.b.WriteString("#" + strconv.Itoa(v.ID))
		p.b.WriteByte(TagClose)
	case IdsPlain:
		p.b.WriteString("#" + strconv.Itoa(v.ID))
	}
	p.left = max(p.left-3, 0)
}

// fields puts named values, which share what is left: short ones are written
// whole, the long ones get equal parts. n is how many stand before them.
func (p *printer) fields(list []wire.Var, n int) {
	parts := make([]string, len(list))
	left := p.left - 2*len(list)
	total := 0
	for i := range list {
		parts[i] = p.named(&list[i], max(left, 8))
		total += len(parts[i])
	}
	if total > left {
		limit := fair(parts, max(left, 8*len(list)))
		for i := range list {
			if len(parts[i]) > limit {
				parts[i] = p.named(&list[i], limit)
			}
		}
	}
	for _, s := range parts {
		if n++; n > 1 {
			p.b.WriteString(", ")
		}
		p.b.WriteString(s)
		p.left = max(p.left-len(s)-2, 0)
	}
}

func (p *printer) named(v *wire.Var, limit int) string {
	q := printer{ids: p.ids, left: limit}
	q.put(v.Name + "=")
	q.value(&v.Value)
	return q.b.String()
}

// fair returns the length to which the longest parts must be cut for all to
// fit in total, or a little more.
func fair(parts []string, total int) int {
	lengths := make([]int, len(parts))
	for i, s := range parts {
		lengths[i] = len(s)
	}
	slices.Sort(lengths)
	for i, n := range lengths {
		rest := len(lengths) - i
		if n*rest > total {
			return max(total/rest, 8)
		}
		total -= n
	}
	return 1 << 30
}

func (p *printer) value(v *wire.Value) {
	if p.full {
		return
	}
	switch {
	case v.Masked:
		p.put("<masked " + v.Type + ">")
	case v.Cycle:
		p.put("<" + v.Type + " again")
		p.id(v)
		p.end(">")
	case v.Text != "" && len(v.Fields) == 0 && len(v.Shared) == 0:
		p.ownText(v)
	case v.Pairs != nil || v.Type == "dict":
		p.pairs(v)
	case v.Items != nil || v.Type == "list" || v.Type == "set":
		p.items(v)
	default:
		p.object(v)
	}
}

// ownText puts a value that is its text.
func (p *printer) ownText(v *wire.Value) {
	switch v.Type {
	case "list", "dict", "set", "tuple", "frozenset":
		if p.put(v.Text); p.full {
			if v.Len > 1 {
				p.end(" " + strconv.Itoa(v.Len) + " in all")
			}
			p.end(v.Text[len(v.Text)-1:])
		}
	case "", "float", "complex", "str", "bytes", "bytearray", "int", "bool", "NoneType":
		p.put(v.Text)
		if end := v.Text[len(v.Text)-1:]; p.full && (end == "'" || end == `"`) {
			p.end(end)
		}
	case "function", "method", "builtin_function_or_method", "type", "module":
		p.put("<" + v.Type + " " + v.Text + ">")
	default:
		if strings.HasPrefix(v.Text, v.Type+"(") { // the type's own repr names it
			p.put(v.Text)
		} else {
			p.put(v.Type + "(" + v.Text + ")")
		}
	}
	if v.Cut {
		p.put("…")
		if v.Len > 0 {
			p.put("(" + strconv.Itoa(v.Len) + ")")
		}
	}
	p.id(v)
}

func (p *printer) pairs(v *wire.Value) {
	if v.Type != "dict" {
		p.put(v.Type)
	}
	p.put("{")
	shown := 0
	for i := range v.Pairs {
		if p.full {
			break
		}
		if i > 0 {
			p.put(", ")
		}
		p.value(&v.Pairs[i][0])
		p.put(": ")
		p.value(&v.Pairs[i][1])
		shown++
	}
	p.rest(v, shown)
	p.end("}")
	p.id(v)
}

func (p *printer) items(v *wire.Value) {
	if v.Type == "set" && v.Len == 0 && len(v.Items) == 0 {
		p.put("set()")
		p.id(v)
		return
	}
	before, after := "[", "]"
	switch v.Type {
	case "list":
	case "tuple":
		before, after = "(", ")"
	case "set":
		before, after = "{", "}"
	default:
		before, after = v.Type+"([", "])"
	}
	p.put(before)
	shown := 0
	for i := range v.Items {
		if p.full {
			break
		}
		if i > 0 {
			p.put(", ")
		}
		p.value(&v.Items[i])
		shown++
	}
	p.rest(v, shown)
	p.end(after)
	p.id(v)
}

// rest says how many items are not shown.
func (p *printer) rest(v *wire.Value, shown int) {
	if more := v.Len - shown; more > 0 {
		if shown > 0 {
			p.end(", ")
		}
		p.end("…" + strconv.Itoa(more) + " more")
	} else if v.Cut && !p.full {
		p.end("…")
	}
}

func (p *printer) object(v *wire.Value) {
	p.put(v.Type)
	p.id(v)
	if v.Text == "" && len(v.Args)+len(v.Fields)+len(v.Shared) == 0 && v.Cut {
		if v.Len > 0 {
			p.put("(len " + strconv.Itoa(v.Len) + ")")
		}
		return
	}
	p.put("(")
	n := 0
	if v.Text != "" {
		p.put(v.Text)
		n++
	}
	for i := range v.Args {
		if n++; n > 1 {
			p.put(", ")
		}
		p.value(&v.Args[i])
	}
	if len(v.Fields)+len(v.Shared) > 0 && !p.full {
		p.fields(attributes(v), n)
	}
	if v.Cut && !p.full {
		p.end(", …")
	}
	p.end(")")
}

// attributes returns the fields of an object, with those that its class shares
// under the class's name.
func attributes(v *wire.Value) []wire.Var {
	if len(v.Shared) == 0 {
		return v.Fields
	}
	list := make([]wire.Var, 0, len(v.Fields)+len(v.Shared))
	list = append(list, v.Fields...)
	for _, f := range v.Shared {
		f.Name = v.Type + "." + f.Name
		list = append(list, f)
	}
	return list
}
