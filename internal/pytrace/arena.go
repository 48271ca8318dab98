package pytrace

import (
	"hash/maphash"
	"strings"
)

// A trace has few texts and many copies of them, and many short lists. texts
// and lists allocate them together. What is kept of a piece keeps the whole
// piece, which is right for a trace: it lives and dies as one.
const (
	textCache  = 4096 // entries
	textShort  = 64   // bytes of a text that is worth looking up
	textPiece  = 64 << 10
	listPieces = 1024 // elements
)

// A known text, and the literal value of that text if one was asked for.
type known struct {
	text  string
	value *Value
}

type texts struct {
	seed  maphash.Seed
	cache [textCache]known
	piece strings.Builder
	vals  list[Value]
}

// find returns the entry of a short text, which it makes.
func (t *texts) find(b []byte) *known {
	k := &t.cache[maphash.Bytes(t.seed, b)%textCache]
	if k.text != string(b) {
		*k = known{text: t.store(b)}
	}
	return k
}

// keep returns b as a string.
func (t *texts) keep(b []byte) string {
	switch {
	case len(b) == 0:
		return ""
	case len(b) <= textShort:
		return t.find(b).text
	}
	return t.store(b)
}

// literal returns the literal value of text b. It is shared: no value changes.
func (t *texts) literal(b []byte) *Value {
	if len(b) == 0 || len(b) > textShort {
		return t.vals.one(Value{Text: t.keep(b), Literal: true})
	}
	k := t.find(b)
	if k.value == nil {
		k.value = t.vals.one(Value{Text: k.text, Literal: true})
	}
	return k.value
}

func (t *texts) store(b []byte) string {
	if len(b) > textPiece/8 {
		return string(b)
	}
	if t.piece.Cap()-t.piece.Len() < len(b) {
		t.piece = strings.Builder{} // what was written stays where it is
		t.piece.Grow(textPiece)
	}
	at := t.piece.Len()
	t.piece.Write(b)
	return t.piece.String()[at:]
}

// A list builds slices of unknown length, also inside of one another: mark,
// push, and cut off what was pushed since the mark.
type list[T any] struct {
	stack []T
	piece []T
}

func (l *list[T]) mark() int { return len(l.stack) }

func (l *list[T]) push(v T) { l.stack = append(l.stack, v) }

// cut returns a copy of what was pushed since the mark, nil for nothing.
func (l *list[T]) cut(mark int) []T {
	n := len(l.stack) - mark
	if n == 0 {
		return nil
	}
	out := l.carve(n)
	copy(out, l.stack[mark:])
	clear(l.stack[mark:])
	l.stack = l.stack[:mark]
	return out
}

func (l *list[T]) one(v T) *T {
	out := l.carve(1)
	out[0] = v
	return &out[0]
}

func (l *list[T]) carve(n int) []T {
	if n > listPieces/4 {
		return make([]T, n)
	}
	if cap(l.piece)-len(l.piece) < n {
		size := min(max(2*cap(l.piece), 16), listPieces)
		l.piece = make([]T, 0, max(size, n))
	}
	at := len(l.piece)
	l.piece = l.piece[:at+n]
	return l.piece[at : at+n : at+n]
}
