package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// WriteJSON writes indented JSON for tools and terminals.
func WriteJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := EncodeJSON(&b, v, "  "); err != nil {
		return err
	}
	_, err := w.Write(EscapeJSON(b.Bytes(), false))
	return err
}

// EncodeJSON appends a value as JSON that a page or terminal can take.
func EncodeJSON(b *bytes.Buffer, v any, indent string) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}

// A LineEncoder writes values as JSON Lines.
type LineEncoder struct {
	W     io.Writer
	Ascii bool // nothing else, as in trace files
	b     bytes.Buffer
}

// Put writes a value as JSON on a line of its own.
func (e *LineEncoder) Put(v any) error {
	e.b.Reset()
	if err := EncodeJSON(&e.b, v, ""); err != nil {
		return err
	}
	_, err := e.W.Write(EscapeJSON(e.b.Bytes(), e.Ascii))
	return err
}

// EscapeJSON writes as escapes what a terminal takes as a command or does not
// show; encoding/json does so only for the characters below U+0020. Outside
// ASCII a text in JSON holds nothing but characters of strings.
func EscapeJSON(text []byte, ascii bool) []byte {
	plain := true
	for _, c := range text {
		if c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case r < 0x7f, !ascii && r >= 0xa0 && !hidden(r):
			out = append(out, text[i:i+n]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += n
	}
	return out
}
