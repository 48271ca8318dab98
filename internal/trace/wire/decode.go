package wire

import (
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// A Decoder decodes the values of one line at a time.
type Decoder struct {
	Scanner
	vars   list[Var]
	values list[Value]
	pairs  list[[2]Value]
	names  list[string]

	copies bool // the line's bytes will change: what is kept of them must be copied
	left   int  // values that may still be decoded
}

var decoders = sync.Pool{New: func() any { return &Decoder{} }}

func (d *Decoder) reset(b []byte, copies bool) {
	d.B, d.I, d.Depth, d.copies, d.left = b, 0, 0, copies, MaxLineValues
	d.vars.drop()
	d.values.drop()
	d.pairs.drop()
	d.names.drop()
}

// keep returns a text that was just read as a string.
func (d *Decoder) keep(text []byte) string {
	if d.copies || d.unescaped || len(text) == 0 {
		return string(text)
	}
	return unsafe.String(&text[0], len(text)) //nolint:gosec // a part of the store, which never changes
}

// A Body is the end of an event's line, from one of its keys on, or all of the
// line but its first bracket.
type Body string

// Each calls f where the value of a key begins, for each time that it is there.
// f must read the value. The line was found valid before.
func (b Body) Each(name string, f func(d *Decoder)) {
	if len(b) == 0 {
		return
	}
	d := decoders.Get().(*Decoder)
	defer decoders.Put(d)
	b.with(d, name, f)
}

func (b Body) with(d *Decoder, name string, f func(d *Decoder)) {
	if len(b) == 0 {
		return
	}
	d.reset(b.bytes(), false)
	d.Depth = 1
	for n := 0; ; n++ {
		more, ok := d.Next('}', n)
		if !ok || !more {
			return
		}
		key, ok := d.Key()
		if !ok {
			return
		}
		if string(key) == name {
			f(d)
		} else if !d.pass() {
			return
		}
	}
}

// pass steps over a value, the fast way where it can.
func (d *Decoder) pass() bool {
	if to := skipValue(d.B, d.I); to > 0 {
		d.I = to
		return true
	}
	return d.Skip(false)
}

// Text returns the text of a key, "" where there is none.
func (b Body) Text(name string) (s string) {
	b.Each(name, func(d *Decoder) { d.label(&s) })
	return s
}

// Int returns the number of a key, 0 where there is none.
func (b Body) Int(name string) (n int) {
	b.Each(name, func(d *Decoder) { d.int(&n) })
	return n
}

// A VarReader decodes variables that are gone with the next ones.
type VarReader struct{ d Decoder }

// NewVarReader returns one for the use of one goroutine.
func NewVarReader() *VarReader {
	x := &VarReader{}
	x.d.vars.reuse, x.d.values.reuse, x.d.pairs.reuse = true, true, true
	return x
}

// Vars returns the named values of a key, in memory that its next call uses
// again.
func (x *VarReader) Vars(b Body, name string) (vars []Var) {
	x.d.vars.recycle()
	x.d.values.recycle()
	x.d.pairs.recycle()
	b.with(&x.d, name, func(d *Decoder) { vars, _ = d.varsOrNothing(0) })
	return vars
}

// Vars returns the named values of a key.
func (b Body) Vars(name string) (vars []Var) {
	b.Each(name, func(d *Decoder) { vars, _ = d.varsOrNothing(0) })
	return vars
}

// Texts returns the texts of a key's list.
func (b Body) Texts(name string) (texts []string) {
	b.Each(name, func(d *Decoder) { d.strs(&texts) })
	return texts
}

// Frames returns the frames of a key's list.
func (b Body) Frames(name string) (frames []Frame) {
	b.Each(name, func(d *Decoder) { d.framesOf(&frames) })
	return frames
}

// Value returns the value of a key, nil where there is none.
func (b Body) Value(name string) (v *Value) {
	b.Each(name, func(d *Decoder) {
		if v = nil; d.null() {
			return
		}
		v = &Value{}
		d.value(v, 0)
	})
	return v
}

// str decodes a string or null, which is empty.
func (d *Decoder) str(to *string) bool {
	*to = ""
	if d.null() {
		return true
	}
	text, ok := d.Text()
	*to = d.keep(text)
	return ok
}

// long decodes a number or null, which is 0.
func (d *Decoder) long(to *int64) bool {
	n, ok := d.short()
	if !ok && !d.null() {
		n, ok = d.integer()
		*to = n
		return ok
	}
	*to = n
	return true
}

func (d *Decoder) int(to *int) bool {
	var n int64
	ok := d.long(&n)
	*to = int(n)
	return ok
}

// Float decodes any value, and keeps a number.
func (d *Decoder) Float(to *float64) bool {
	*to = 0
	if !isNumber(d.Peek()) {
		return d.Skip(true)
	}
	text, _, ok := d.number()
	if !ok {
		return false
	}
	f, err := strconv.ParseFloat(string(text), 64)
	*to = f
	return err == nil
}

// seconds decodes any value, and keeps a number that a time can be.
func (d *Decoder) seconds(to *float64) bool {
	*to = 0
	if !isNumber(d.Peek()) {
		return d.Skip(true)
	}
	text, _, ok := d.number()
	if f, err := strconv.ParseFloat(string(text), 64); err == nil && f > 0 && f < 1e11 {
		*to = f
	}
	return ok
}

// strs decodes a list and keeps the strings in it.
func (d *Decoder) strs(to *[]string) bool {
	*to = nil
	if d.null() {
		return true
	}
	mark := d.names.mark()
	ok := d.each(func() bool {
		if d.Peek() != '"' {
			return d.Skip(true)
		}
		text, ok := d.Text()
		if ok {
			d.names.push(Clip(d.keep(text), MaxName))
		}
		return ok
	})
	*to = d.names.cut(mark)
	return ok
}

// each calls f at each element of a list.
func (d *Decoder) each(f func() bool) bool {
	if !d.Open('[') {
		return false
	}
	for n := 0; ; n++ {
		more, ok := d.Next(']', n)
		if !ok || !more {
			return ok
		}
		if !f() {
			return false
		}
	}
}

// lines decodes a line number, a list of them, or what is neither.
func (d *Decoder) lines(w *Line) bool {
	w.L, w.Ls = 0, nil
	if d.Peek() != '[' {
		n, ok := d.Natural()
		w.L = n
		return ok
	}
	return d.each(func() bool {
		n, ok := d.Natural()
		if n > 0 {
			w.Ls = append(w.Ls, n)
		}
		return ok
	})
}

// naturals decodes a list of numbers; nil for anything else.
func (d *Decoder) naturals() ([]int, bool) {
	if d.Peek() != '[' {
		return nil, d.Skip(true)
	}
	var out []int
	ok := d.each(func() bool {
		n, ok := d.Natural()
		if len(out) < 32 {
			out = append(out, n)
		}
		return ok
	})
	return out, ok
}

// A list builds slices of unknown length, also inside of one another: mark,
// push, and cut off what was pushed since the mark.
//
// What is cut is memory of its own, or, where reuse is set, memory that
// recycle takes back.
type list[T any] struct {
	stack []T
	reuse bool
	piece []T
}

func (l *list[T]) recycle() { l.piece = l.piece[:0] }

func (l *list[T]) mark() int { return len(l.stack) }

func (l *list[T]) push(v T) { l.stack = append(l.stack, v) }

// drop forgets what a line that was not valid has left.
func (l *list[T]) drop() {
	clear(l.stack)
	l.stack = l.stack[:0]
}

// cut returns a copy of what was pushed since the mark, nil for nothing.
func (l *list[T]) cut(mark int) []T {
	if len(l.stack) == mark {
		return nil
	}
	var out []T
	if n := len(l.stack) - mark; l.reuse {
		if cap(l.piece)-len(l.piece) < n {
			l.piece = make([]T, 0, max(2*cap(l.piece), n, 64)) // what was cut stays where it is
		}
		at := len(l.piece)
		l.piece = append(l.piece, l.stack[mark:]...)
		out = l.piece[at:len(l.piece):len(l.piece)]
	} else {
		out = append([]T(nil), l.stack[mark:]...)
	}
	clear(l.stack[mark:])
	l.stack = l.stack[:mark]
	return out
}

// Contains says whether the text of the body has a part. A key with its quotes
// and colon cannot be in a string, but may be one of an object further in.
func (b Body) Contains(part string) bool { return strings.Contains(string(b), part) }
