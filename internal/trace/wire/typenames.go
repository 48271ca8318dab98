package wire

import (
	"bytes"
	"strings"
	"unsafe"
)

// TypeName is the class of the value, as returnType and argTypes say it.
func (v *Value) TypeName() string {
	if v.Type != "" {
		return v.Type
	}
	return string(LiteralType([]byte(v.Text)))
}

// ArgTypes calls f with the name and the type of each argument of a call. It
// looks at no more of the values than it must.
func (b Body) ArgTypes(f func(name, typ []byte)) {
	at := -1
	if strings.HasPrefix(string(b), `"a":[`) {
		at = len(`"a":`)
	} else if b.Contains(`"a":[`) {
		b.Each("a", func(d *Decoder) {
			at = d.I
			d.pass()
		})
	}
	if at < 0 {
		return
	}
	text, i := b.bytes(), at+1
	for i+3 < len(text) && text[i] == '[' && text[i+1] == '"' {
		end := skipText(text, i+2)
		if end < 0 || end >= len(text) || text[end] != ',' {
			return
		}
		name := text[i+2 : end-1]
		i = end + 1
		f(name, TypeAt(text, i))
		if i = skipValue(text, i); i < 0 || i+1 >= len(text) || text[i] != ']' || text[i+1] != ',' {
			return
		}
		i += 2
	}
}

// bytes are the body's own, which must not be changed.
func (b Body) bytes() []byte {
	return unsafe.Slice(unsafe.StringData(string(b)), len(b)) //nolint:gosec // a view that is only read: a copy of each body would cost more than looking at it
}

// ReturnType is the type of v.
func (b Body) ReturnType() []byte {
	const key = `"v":`
	if strings.HasPrefix(string(b), key) {
		return TypeAt(b.bytes(), len(key))
	}
	v := b.Value("v")
	if v == nil {
		return []byte("NoneType")
	}
	return []byte(v.TypeName())
}

// TypeAt names the type of the value that begins at b[i].
func TypeAt(b []byte, i int) []byte {
	const key = `{"t":"`
	switch {
	case i+len(key) < len(b) && string(b[i:i+len(key)]) == key:
		if end := skipText(b, i+len(key)); end > 0 {
			return b[i+len(key) : end-1]
		}
	case i+1 < len(b) && b[i] == '"':
		if end := skipText(b, i+1); end > 0 {
			return LiteralType(b[i+1 : end-1])
		}
	}
	return nil
}

var (
	typeNone, typeStr, typeBytes, typeBool = []byte("NoneType"), []byte("str"), []byte("bytes"), []byte("bool")
	typeInteger, typeFloat, typeTuple      = []byte("int"), []byte("float"), []byte("tuple")
	typeSequence, typeDict, typeComplex    = []byte("list"), []byte("dict"), []byte("complex")
)

// LiteralType names the type of a literal, as Python or as JSON writes it.
func LiteralType(text []byte) []byte {
	if len(text) == 0 {
		return nil
	}
	switch c := text[0]; {
	case c == '\'' || c == '"' || c == '\\':
		return typeStr
	case c == 'b' && len(text) > 1 && (text[1] == '\'' || text[1] == '"' || text[1] == '\\'):
		return typeBytes
	case c == 'N':
		return typeNone
	case c == 'T' || c == 'F':
		return typeBool
	case c == '(':
		if len(text) > 3 && text[len(text)-2] == 'j' && bytes.IndexByte(text, ',') < 0 {
			return typeComplex
		}
		return typeTuple
	case c == '[':
		return typeSequence
	case c == '{':
		return typeDict
	case c == '-' || c-'0' <= 9 || c == 'n' || c == 'i':
		return numberType(text)
	}
	return nil
}

func numberType(text []byte) []byte {
	for _, c := range text {
		switch c {
		case '.', 'e', 'n', 'i':
			if text[len(text)-1] == 'j' {
				return typeComplex
			}
			return typeFloat
		}
	}
	if text[len(text)-1] == 'j' {
		return typeComplex
	}
	return typeInteger
}

// SelfID is the identity of a call's first argument where that is self.
func (b Body) SelfID() int64 {
	const head, key = `"a":[["self",{"t":"`, `"id":`
	if !strings.HasPrefix(string(b), head) {
		return 0
	}
	_, rest, ok := strings.Cut(string(b), key) // its own comes before those of what it holds
	if !ok {
		return 0
	}
	id := int64(0)
	for i := 0; i < len(rest) && i < 9 && rest[i]-'0' <= 9; i++ {
		id = id*10 + int64(rest[i]-'0')
	}
	return id
}
