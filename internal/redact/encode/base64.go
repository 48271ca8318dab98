package encode

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/redact/shape"
)

// EachBase64 replaces what is encoded in base64 or hex within a text by the
// result of part. part gets the encoded and the decoded text; its result is
// encoded the same way. raw says that it is to be inserted as it is.
func EachBase64(s string, part func(written, text string) (out string, raw, ok bool)) (string, bool) {
	var b strings.Builder
	last := 0
	for i := 0; i < len(s); {
		if !IsBase64[s[i]] {
			i++
			continue
		}
		start := i
		for i < len(s) && IsBase64[s[i]] {
			i++
		}
		end := i
		for i < len(s) && s[i] == '=' && i < end+2 {
			i++
		}
		if end-start < 12 {
			continue
		}
		run, stop := s[start:end], i // padding belongs to base64, not to hex
		text, again := decodeHex(run)
		if again == nil {
			if text, again = decodePadded(run, s[start:i]); again == nil {
				continue
			}
		} else {
			stop = end
		}
		out, raw, ok := part(s[start:stop], text)
		if !ok {
			return s, false
		}
		if !raw {
			if out == text {
				continue
			}
			out = again(out)
		}
		if out != s[start:stop] {
			b.WriteString(s[last:start])
			b.WriteString(out)
			last = stop
		}
	}
	if last == 0 {
		return s, true
	}
	b.WriteString(s[last:])
	return b.String(), true
}

// IsBase64 tells the bytes of base64's alphabets.
var IsBase64 = func() (set [256]bool) {
	for i := range 256 {
		c := byte(i)
		set[i] = shape.IsAlnum(c) || c == '+' || c == '/' || c == '-' || c == '_'
	}
	return set
}()

// decodePadded returns the text that a run encodes, and how to encode another
// in its place; nil if there is none. padded is the run with its padding.
func decodePadded(run, padded string) (text string, again func(string) string) {
	data, ok := Base64(run)
	if !ok {
		return "", nil
	}
	return string(data), func(out string) string {
		text := encodingOf(run).EncodeToString([]byte(out))
		if len(padded) > len(run) || len(run)%4 == 0 {
			text += strings.Repeat("=", (4-len(text)%4)%4)
		}
		return text
	}
}

func encodingOf(run string) *base64.Encoding {
	if strings.ContainsAny(run, "-_") {
		return base64.RawURLEncoding
	}
	return base64.RawStdEncoding
}

// Base64 returns the text that a run of base64's alphabet encodes.
func Base64(run string) (data []byte, ok bool) {
	if len(run) < 12 {
		return nil, false
	}
	enc := encodingOf(run)
	// A quick look at the first bytes spares decoding every long word.
	var head [9]byte
	if n, err := enc.Decode(head[:], []byte(run[:12])); err != nil || !printable(head[:n], true) {
		return nil, false
	}
	data, err := enc.DecodeString(run)
	return data, err == nil && printable(data, false)
}

// decodeHex returns the text that a run of hex digits encodes, and how to encode
// another in its place; nil where it is none.
func decodeHex(run string) (text string, again func(string) string) {
	if len(run)%2 != 0 || len(run) < 24 || shape.HexDigit(run[0]) > 7 || shape.HexDigit(run[1]) < 0 || !shape.Of(run).HexDigits() {
		return "", nil
	}
	data, err := hex.DecodeString(run)
	if err != nil || !printable(data, false) {
		return "", nil
	}
	return string(data), func(out string) string {
		text := hex.EncodeToString([]byte(out))
		if strings.ToUpper(run) == run {
			return strings.ToUpper(text)
		}
		return text
	}
}

// Login returns user:password of Basic credentials; "" where they are none.
func Login(s string) string {
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil || !printable(data, false) || strings.IndexByte(string(data), ':') < 0 {
		return ""
	}
	return string(data)
}

// printable reports whether bytes are text; cut allows for a rune that is not
// complete at the end.
func printable(data []byte, cut bool) bool {
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n <= 1 {
			return cut && !utf8.FullRune(data)
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return false
		}
		data = data[n:]
	}
	return true
}
