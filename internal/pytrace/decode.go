package pytrace

import (
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// A decoder decodes the values of one line at a time.
type decoder struct {
	scanner
	vars   list[Var]
	values list[Value]
	pairs  list[[2]Value]
	names  list[string]

	copies bool // the line's bytes will change: what is kept of them must be copied
	left   int  // values that may still be decoded
}

var decoders = sync.Pool{New: func() any { return &decoder{} }}

func (d *decoder) reset(b []byte, copies bool) {
	d.b, d.i, d.depth, d.copies, d.left = b, 0, 0, copies, maxLineValues
	d.vars.drop()
	d.values.drop()
	d.pairs.drop()
	d.names.drop()
}

// keep returns a text that was just read as a string.
func (d *decoder) keep(text []byte) string {
	if d.copies || d.unescaped || len(text) == 0 {
		return string(text)
	}
	return unsafe.String(&text[0], len(text)) //nolint:gosec // a part of the store, which never changes
}

// A body is the end of an event's line, from one of its keys on, or all of the
// line but its first bracket.
type body string

// each calls f where the value of a key begins, for each time that it is there.
// f must read the value. The line was found valid before.
func (b body) each(name string, f func(d *decoder)) {
	if len(b) == 0 {
		return
	}
	d := decoders.Get().(*decoder)
	defer decoders.Put(d)
	b.with(d, name, f)
}

func (b body) with(d *decoder, name string, f func(d *decoder)) {
	if len(b) == 0 {
		return
	}
	d.reset(b.bytes(), false)
	d.depth = 1
	for n := 0; ; n++ {
		more, ok := d.next('}', n)
		if !ok || !more {
			return
		}
		key, ok := d.key()
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
func (d *decoder) pass() bool {
	if to := skipValue(d.b, d.i); to > 0 {
		d.i = to
		return true
	}
	return d.skip(false)
}

func (b body) text(name string) (s string) {
	b.each(name, func(d *decoder) { d.label(&s) })
	return s
}

func (b body) int(name string) (n int) {
	b.each(name, func(d *decoder) { d.int(&n) })
	return n
}

// A varReader decodes variables that are gone with the next ones.
type varReader struct{ d decoder }

func newVarReader() *varReader {
	x := &varReader{}
	x.d.vars.reuse, x.d.values.reuse, x.d.pairs.reuse = true, true, true
	return x
}

func (x *varReader) vars(b body, name string) (vars []Var) {
	x.d.vars.recycle()
	x.d.values.recycle()
	x.d.pairs.recycle()
	b.with(&x.d, name, func(d *decoder) { vars, _ = d.varsOrNothing(0) })
	return vars
}

func (b body) vars(name string) (vars []Var) {
	b.each(name, func(d *decoder) { vars, _ = d.varsOrNothing(0) })
	return vars
}

func (b body) texts(name string) (texts []string) {
	b.each(name, func(d *decoder) { d.strs(&texts) })
	return texts
}

func (b body) frames(name string) (frames []Frame) {
	b.each(name, func(d *decoder) { d.framesOf(&frames) })
	return frames
}

func (b body) value(name string) (v *Value) {
	b.each(name, func(d *decoder) {
		if v = nil; d.null() {
			return
		}
		v = &Value{}
		d.value(v, 0)
	})
	return v
}

// str decodes a string or null, which is no text.
func (d *decoder) str(to *string) bool {
	*to = ""
	if d.null() {
		return true
	}
	text, ok := d.text()
	*to = d.keep(text)
	return ok
}

// long decodes a number or null, which is 0.
func (d *decoder) long(to *int64) bool {
	n, ok := d.short()
	if !ok && !d.null() {
		n, ok = d.integer()
		*to = n
		return ok
	}
	*to = n
	return true
}

func (d *decoder) int(to *int) bool {
	var n int64
	ok := d.long(&n)
	*to = int(n)
	return ok
}

// float decodes any value, and keeps a number.
func (d *decoder) float(to *float64) bool {
	*to = 0
	if !isNumber(d.peek()) {
		return d.skip(true)
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
func (d *decoder) seconds(to *float64) bool {
	*to = 0
	if !isNumber(d.peek()) {
		return d.skip(true)
	}
	text, _, ok := d.number()
	if f, err := strconv.ParseFloat(string(text), 64); err == nil && f > 0 && f < 1e11 {
		*to = f
	}
	return ok
}

// strs decodes a list and keeps the strings in it.
func (d *decoder) strs(to *[]string) bool {
	*to = nil
	if d.null() {
		return true
	}
	mark := d.names.mark()
	ok := d.each(func() bool {
		if d.peek() != '"' {
			return d.skip(true)
		}
		text, ok := d.text()
		if ok {
			d.names.push(clip(d.keep(text), maxName))
		}
		return ok
	})
	*to = d.names.cut(mark)
	return ok
}

// each calls f at each element of a list.
func (d *decoder) each(f func() bool) bool {
	if !d.open('[') {
		return false
	}
	for n := 0; ; n++ {
		more, ok := d.next(']', n)
		if !ok || !more {
			return ok
		}
		if !f() {
			return false
		}
	}
}

// lines decodes a line number, a list of them, or what is neither.
func (d *decoder) lines(w *wireRecord) bool {
	w.L, w.Ls = 0, nil
	if d.peek() != '[' {
		n, ok := d.natural()
		w.L = n
		return ok
	}
	return d.each(func() bool {
		n, ok := d.natural()
		if n > 0 {
			w.Ls = append(w.Ls, n)
		}
		return ok
	})
}

// naturals decodes a list of numbers; nil for what is no list.
func (d *decoder) naturals() ([]int, bool) {
	if d.peek() != '[' {
		return nil, d.skip(true)
	}
	var out []int
	ok := d.each(func() bool {
		n, ok := d.natural()
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

// contains says whether the text of the body has a part. A key with its quotes
// and colon cannot be in a string, but may be one of an object further in.
func (b body) contains(part string) bool { return strings.Contains(string(b), part) }
