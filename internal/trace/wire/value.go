package wire

import (
	"hash/maphash"
	"strconv"
	"strings"
	"unicode/utf8"
)

// String renders the value as Python-like text with identities, such as
// Cart#3(name='Bob', Cart.items=[…]#2), where a dotted field is an attribute of
// the class that all instances share.
func (v Value) String() string { return v.Render(300, true) }

// Plain renders without identities, which differ from run to run.
func (v Value) Plain() string { return v.Render(600, false) }

// Render renders the value in at most limit bytes, with identities where ids
// says so.
func (v Value) Render(limit int, ids bool) string {
	p := Printer{ids: ids, left: limit}
	p.value(&v)
	return CutText(string(p.b), limit)
}

// PlainHash hashes what plain renders, but for its end, in the memory of p.
func (v *Value) PlainHash(p *Printer, seed maphash.Seed) uint64 {
	p.b, p.ids, p.left = p.b[:0], false, 600
	p.value(v)
	return maphash.Bytes(seed, p.b)
}

// CutText shortens s to n bytes, at a rune's border, showing that it did.
func CutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n = max(n-len("…"), 0)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// OneLine makes control characters visible, so that a value cannot break out
// of its line of a card.
func OneLine(s string) string {
	if strings.IndexFunc(s, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
	}) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || r == utf8.RuneError:
			return '·'
		}
		return r
	}, s)
}

// A Printer renders values into memory that it keeps.
type Printer struct {
	b    []byte
	ids  bool
	left int
}

func (p *Printer) put(s string) {
	if p.left > -8 {
		p.b = append(p.b, OneLine(s)...)
	}
	p.left -= len(s)
}

func (p *Printer) id(v *Value) {
	if p.ids && v.ID > 0 {
		p.put("#" + strconv.Itoa(v.ID))
	}
}

func (p *Printer) value(v *Value) {
	if p.left <= 0 {
		return
	}
	switch {
	case v.Masked:
		p.put("<masked " + v.Type + ">")
	case v.Cycle:
		p.put("<" + v.Type + " again")
		p.id(v)
		p.put(">")
	case v.Text != "" && len(v.Fields) == 0 && len(v.Shared) == 0:
		p.text(v)
	case v.Pairs != nil || v.Type == "dict":
		p.pairs(v)
	case v.Items != nil || v.Type == "list" || v.Type == "set":
		p.items(v)
	default:
		p.object(v)
	}
}

// text puts a value that is its text.
func (p *Printer) text(v *Value) {
	switch v.Type {
	case "", "list", "dict", "set", "float", "complex", "str", "bytes", "bytearray", "int":
		p.put(v.Text)
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

func (p *Printer) pairs(v *Value) {
	if v.Type != "dict" {
		p.put(v.Type)
	}
	p.put("{")
	for i := range v.Pairs {
		if i > 0 {
			p.put(", ")
		}
		p.value(&v.Pairs[i][0])
		p.put(": ")
		p.value(&v.Pairs[i][1])
	}
	p.rest(v, len(v.Pairs))
	p.put("}")
	p.id(v)
}

func (p *Printer) items(v *Value) {
	if v.Type == "set" && v.Len == 0 {
		p.put("set()")
		p.id(v)
		return
	}
	open, end := "[", "]"
	switch v.Type {
	case "list":
	case "tuple":
		open, end = "(", ")"
	case "set":
		open, end = "{", "}"
	default:
		open = v.Type + "(["
		end = "])"
	}
	p.put(open)
	for i := range v.Items {
		if i > 0 {
			p.put(", ")
		}
		p.value(&v.Items[i])
	}
	p.rest(v, len(v.Items))
	p.put(end)
	p.id(v)
}

func (p *Printer) rest(v *Value, shown int) {
	if more := v.Len - shown; more > 0 {
		if shown > 0 {
			p.put(", ")
		}
		p.put("…" + strconv.Itoa(more) + " more")
	}
}

func (p *Printer) object(v *Value) {
	p.put(v.Type)
	p.id(v)
	p.put("(")
	n := 0
	sep := func() {
		if n > 0 {
			p.put(", ")
		}
		n++
	}
	if v.Text != "" {
		sep()
		p.put(v.Text)
	}
	for i := range v.Args {
		sep()
		p.value(&v.Args[i])
	}
	for i := range v.Fields {
		sep()
		p.put(v.Fields[i].Name)
		p.put("=")
		p.value(&v.Fields[i].Value)
	}
	for i := range v.Shared {
		sep()
		p.put(v.Type + "." + v.Shared[i].Name + "=")
		p.value(&v.Shared[i].Value)
	}
	p.put(")")
}

// Nothing says whether the value is None or empty.
func (v Value) Nothing() bool {
	switch v.Text {
	case "None", "[]", "{}", "''", `""`, "()", "b''", "False", "0", "-1":
		return v.Literal
	}
	return v.Text == "" && (v.Type == "set" || v.Type == "dict" || v.Type == "list") && v.Len == 0 && !v.Cut
}

// Telling says whether equal text of two values is more than chance.
func (v Value) Telling() bool {
	if !v.Literal {
		return v.ID > 0 || v.Rebuild != "" && !v.Cut
	}
	return len(v.Text) >= 3 && v.Text != "True" && v.Text != "False" && v.Text != "None" && !v.Nothing()
}

// Walk calls f for v and the values inside, with the object that owns each.
func (v *Value) Walk(owner *Value, field string, shared bool, f func(v, owner *Value, field string, shared bool)) {
	f(v, owner, field, shared)
	for i := range v.Fields {
		v.Fields[i].Value.Walk(v, v.Fields[i].Name, false, f)
	}
	for i := range v.Shared {
		v.Shared[i].Value.Walk(v, v.Shared[i].Name, true, f)
	}
	for i := range v.Items {
		v.Items[i].Walk(nil, "", false, f)
	}
	for i := range v.Args {
		v.Args[i].Walk(nil, "", false, f)
	}
	for i := range v.Pairs {
		v.Pairs[i][1].Walk(nil, "", false, f)
	}
}

// WalkVars walks the values of variables.
func WalkVars(vars []Var, f func(v, owner *Value, field string, shared bool)) {
	for i := range vars {
		vars[i].Value.Walk(nil, "", false, f)
	}
}

// RenderVars renders arguments, each within each bytes and all within limit.
func RenderVars(vars []Var, each, limit int, ids bool) string {
	var b strings.Builder
	for i, a := range vars {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() > limit {
			b.WriteString("…")
			break
		}
		b.WriteString(OneLine(a.Name))
		b.WriteString("=")
		b.WriteString(a.Value.Render(each, ids))
	}
	return b.String()
}

// Holds says whether an object of that identity is in the value.
func (v *Value) Holds(id int) bool {
	if v == nil {
		return false
	}
	if v.ID == id {
		return true
	}
	for i := range v.Items {
		if v.Items[i].Holds(id) {
			return true
		}
	}
	for i := range v.Pairs {
		if v.Pairs[i][0].Holds(id) || v.Pairs[i][1].Holds(id) {
			return true
		}
	}
	for i := range v.Args {
		if v.Args[i].Holds(id) {
			return true
		}
	}
	return AnyHolds(v.Fields, id) || AnyHolds(v.Shared, id)
}

// AnyHolds says so of named values.
func AnyHolds(list []Var, id int) bool {
	for i := range list {
		if list[i].Value.Holds(id) {
			return true
		}
	}
	return false
}
