package wire

import (
	"encoding/binary"
	"math/bits"
)

// The functions here step over JSON as the tracer writes it, without white
// space and with short numbers. They accept only what is valid; of what they do
// not accept, -1, the scanner must judge.

const (
	everyByte = 0x0101010101010101
	highBits  = 0x8080808080808080
)

// skipText returns the index after the string whose text begins at b[i].
func skipText(b []byte, i int) int {
	for {
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			quote, slash := w^('"'*everyByte), w^('\\'*everyByte)
			// The lowest bit set is that of the first byte that is a quote, a
			// backslash or below a space; bits above it may be wrong.
			found := ((quote-everyByte)&^quote | (slash-everyByte)&^slash | (w-' '*everyByte)&^w) & highBits
			if found == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(found) / 8
			if b[i] == '"' {
				return i + 1
			}
			break
		}
		for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
			i++
		}
		if i >= len(b) || b[i] < ' ' {
			return -1
		}
		if b[i] == '"' {
			return i + 1
		}
		switch n := escapeLen(b[i:]); n {
		case 0:
			return -1
		default:
			i += n
		}
	}
}

// escapeLen returns the length of the escape that b begins with, 0 where it is
// not valid.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if hex4(b) >= 0 {
			return 6
		}
	}
	return 0
}

// skipValue returns the index after the value that begins at b[i].
func skipValue(b []byte, i int) int {
	var nest uint64 // innermost in the lowest bit: 1 an object, 0 a list
	depth := 0
	for {
		if i >= len(b) {
			return -1
		}
		switch c := b[i]; {
		case c == '"':
			i = skipText(b, i+1)
		case c == '{' || c == '[':
			if depth++; depth > 60 || i+1 >= len(b) {
				return -1
			}
			nest <<= 1
			i++
			if c == '{' {
				nest |= 1
				if b[i] != '}' {
					if i = skipKey(b, i); i < 0 {
						return -1
					}
					continue
				}
			} else if b[i] != ']' {
				continue
			}
		case c-'0' <= 9:
			i = skipDigits(b, i)
		default:
			i = skipWord(b, i)
		}
		if i < 0 {
			return -1
		}
		for { // after a value
			if depth == 0 {
				return i
			}
			if i >= len(b) {
				return -1
			}
			if b[i] == ',' {
				i++
				break
			}
			if b[i] != ']'+byte(nest&1)*('}'-']') {
				return -1
			}
			depth--
			nest >>= 1
			i++
		}
		if nest&1 == 1 {
			if i = skipKey(b, i); i < 0 {
				return -1
			}
		}
	}
}

// skipKey returns the index after the colon of the key that begins at b[i].
func skipKey(b []byte, i int) int {
	if i+3 < len(b) && b[i] == '"' && b[i+2] == '"' && b[i+3] == ':' && plain[b[i+1]] {
		return i + 4
	}
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	if i = skipText(b, i+1); i < 0 || i >= len(b) || b[i] != ':' {
		return -1
	}
	return i + 1
}

func skipDigits(b []byte, i int) int {
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	if i-start > 15 || b[start] == '0' && i-start > 1 || i == len(b) || b[i] != ',' && b[i] != ']' && b[i] != '}' {
		return -1
	}
	return i
}

func skipWord(b []byte, i int) int {
	for _, w := range [...]string{"null", "true", "false"} {
		if len(b)-i >= len(w) && string(b[i:i+len(w)]) == w {
			return i + len(w)
		}
	}
	return -1
}
