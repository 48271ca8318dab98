package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// writeJSON writes indented JSON for tools and terminals.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := encodeJSON(&b, v, "  "); err != nil {
		return err
	}
	_, err := w.Write(escapeJSON(b.Bytes(), false))
	return err
}

func encodeJSON(b *bytes.Buffer, v any, indent string) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}

// A lineEncoder writes values as JSON Lines.
type lineEncoder struct {
	w     io.Writer
	ascii bool // nothing else, as in trace files
	b     bytes.Buffer
}

func (e *lineEncoder) put(v any) error {
	e.b.Reset()
	if err := encodeJSON(&e.b, v, ""); err != nil {
		return err
	}
	_, err := e.w.Write(escapeJSON(e.b.Bytes(), e.ascii))
	return err
}

// escapeJSON writes as escapes what a terminal takes as a command or does not
// show; encoding/json does so only for the characters below U+0020. Outside
// ASCII a text in JSON holds nothing but characters of strings.
func escapeJSON(text []byte, ascii bool) []byte {
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
