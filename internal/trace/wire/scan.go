package wire

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxNesting is how deep JSON may nest, in all and also where it is skipped;
// encoding/json has the same bound.
const maxNesting = 10_000

// A Scanner walks over one line of JSON. It is as strict as encoding/json, in
// what is valid as well as in how strings are decoded, and copies nothing but
// strings with escapes. Its methods return false for what is not valid; the
// line is lost then, and so is the position.
type Scanner struct {
	B       []byte
	I       int
	Depth   int
	scratch []byte // of the last string that had escapes

	unescaped bool // the last string had escapes: it is in scratch
}

// plain holds the bytes of a string that stand for themselves.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// Peek skips white space and returns the next byte, 0 at the end.
func (s *Scanner) Peek() byte {
	if s.I < len(s.B) && s.B[s.I] > ' ' {
		return s.B[s.I]
	}
	return s.space()
}

func (s *Scanner) space() byte {
	for s.I < len(s.B) {
		switch c := s.B[s.I]; c {
		case ' ', '\t', '\r', '\n':
			s.I++
		default:
			return c
		}
	}
	return 0
}

// take skips white space and then c, if it is there.
func (s *Scanner) take(c byte) bool {
	if s.I < len(s.B) && s.B[s.I] == c {
		s.I++
		return true
	}
	return s.takeLater(c)
}

func (s *Scanner) takeLater(c byte) bool {
	if s.Peek() != c || s.I >= len(s.B) {
		return false
	}
	s.I++
	return true
}

// Open takes the bracket that begins an object or a list.
func (s *Scanner) Open(c byte) bool {
	s.Depth++
	return s.take(c) && s.Depth <= maxNesting
}

// Next says whether another element follows, after n of them, and takes the
// comma before it or the closing bracket.
func (s *Scanner) Next(end byte, n int) (more, ok bool) {
	if s.take(end) {
		s.Depth--
		return false, true
	}
	return true, n == 0 || s.take(',')
}

// Key reads a key of an object and its colon. The bytes are valid until the
// next string.
func (s *Scanner) Key() ([]byte, bool) {
	if b := s.B[s.I:]; len(b) > 3 && b[0] == '"' && b[2] == '"' && b[3] == ':' && plain[b[1]] { // as most are
		s.I += 4
		return b[1:2], true
	}
	k, ok := s.Text()
	return k, ok && s.take(':')
}

// Text reads a string. The bytes are valid until the next one.
func (s *Scanner) Text() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	b, i := s.B, s.I
	for i < len(b) && plain[b[i]] {
		i++
	}
	if i < len(b) && b[i] == '"' {
		text := b[s.I:i]
		s.I = i + 1
		s.unescaped = false
		return text, true
	}
	return s.escaped(i)
}

// escaped reads the rest of a string that is plain up to i. Bytes that are not UTF-8 and lone surrogates become U+FFFD.
func (s *Scanner) escaped(i int) ([]byte, bool) {
	b, out := s.B, append(s.scratch[:0], s.B[s.I:i]...)
	for i < len(b) {
		switch c := b[i]; {
		case plain[c]:
			out = append(out, c)
			i++
		case c == '"':
			s.I, s.scratch, s.unescaped = i+1, out, true
			return out, true
		case c == '\\':
			r, n := escape(b[i:])
			if n == 0 {
				return nil, false
			}
			out = utf8.AppendRune(out, r)
			i += n
		case c < ' ':
			return nil, false
		default:
			r, n := utf8.DecodeRune(b[i:])
			out = utf8.AppendRune(out, r)
			i += n
		}
	}
	return nil, false
}

// escape decodes what begins with a backslash, and returns its length, 0 where
// it is not valid. A pair of surrogates is one.
func escape(b []byte) (rune, int) {
	if len(b) < 2 {
		return 0, 0
	}
	switch c := b[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	r := hex4(b)
	if r < 0 {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if pair := utf16.DecodeRune(r, hex4(b[6:])); pair != utf8.RuneError {
			return pair, 12
		}
		return utf8.RuneError, 6
	}
	return r, 6
}

// hex4 decodes \uXXXX; -1 where b begins with something else.
func hex4(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// number reads a number. whole says that it is digits alone.
func (s *Scanner) number() (text []byte, whole, ok bool) {
	s.Peek()
	start := s.I
	if s.I < len(s.B) && s.B[s.I] == '-' {
		s.I++
	}
	first := s.I
	n := s.digits()
	if n == 0 || n > 1 && s.B[first] == '0' {
		return nil, false, false
	}
	whole = first == start
	if s.I < len(s.B) && s.B[s.I] == '.' {
		s.I++
		if whole = false; s.digits() == 0 {
			return nil, false, false
		}
	}
	if s.I < len(s.B) && s.B[s.I]|0x20 == 'e' {
		s.I++
		if s.I < len(s.B) && (s.B[s.I] == '+' || s.B[s.I] == '-') {
			s.I++
		}
		if whole = false; s.digits() == 0 {
			return nil, false, false
		}
	}
	return s.B[start:s.I], whole, true
}

func (s *Scanner) digits() int {
	start := s.I
	for s.I < len(s.B) && s.B[s.I]-'0' <= 9 {
		s.I++
	}
	return s.I - start
}

// short reads a number of few digits that ends in a comma or a bracket, as
// nearly all do. Where it returns false nothing was read.
func (s *Scanner) short() (n int64, ok bool) {
	b, i := s.B, s.I
	for i < len(b) && b[i]-'0' <= 9 {
		n = n*10 + int64(b[i]-'0')
		i++
	}
	digits := i - s.I
	if digits == 0 || digits > 15 || i == len(b) || b[s.I] == '0' && digits > 1 {
		return 0, false
	}
	if c := b[i]; c != ',' && c != '}' && c != ']' {
		return 0, false
	}
	s.I = i
	return n, true
}

// integer reads a number that must be an int64.
func (s *Scanner) integer() (int64, bool) {
	text, whole, ok := s.number()
	if !ok {
		return 0, false
	}
	if whole && len(text) < 19 {
		return atoi(text), true
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	return n, err == nil
}

// atoi reads digits, fewer than 19.
func atoi(text []byte) (n int64) {
	for _, c := range text {
		n = n*10 + int64(c-'0')
	}
	return n
}

// isNumber says whether a value that begins with c is a number.
func isNumber(c byte) bool { return c == '-' || c-'0' <= 9 }

// Natural reads any value, and returns the number that it is, where it is a
// whole one from 0 to 1<<40 however written, else 0.
func (s *Scanner) Natural() (int, bool) {
	if n, ok := s.short(); ok {
		if n > 1<<40 {
			n = 0
		}
		return int(n), true
	}
	if !isNumber(s.Peek()) {
		return 0, s.Skip(true)
	}
	text, whole, ok := s.number()
	if !ok {
		return 0, false
	}
	if whole && len(text) <= 15 {
		if n := atoi(text); n <= 1<<40 {
			return int(n), true
		}
		return 0, true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, false
	}
	if f < 0 || f > 1<<40 || f != float64(int(f)) {
		return 0, true
	}
	return int(f), true
}

// null takes null, if that comes next.
func (s *Scanner) null() bool { return s.Peek() == 'n' && s.word("null") }

func (s *Scanner) word(w string) bool {
	if len(s.B)-s.I < len(w) || string(s.B[s.I:s.I+len(w)]) != w {
		return false
	}
	s.I += len(w)
	return true
}

// Skip takes a value of any kind. Where numbers is set those in it must fit a
// float64: encoding/json fails for others where it decodes, not where it skips.
func (s *Scanner) Skip(numbers bool) bool {
	switch c := s.Peek(); {
	case c == '"':
		_, ok := s.Text()
		return ok
	case c == '{' || c == '[':
		return s.skipInside(c, numbers)
	case isNumber(c):
		text, whole, ok := s.number()
		if ok && numbers && (!whole || len(text) > 300) {
			_, err := strconv.ParseFloat(string(text), 64)
			ok = err == nil
		}
		return ok
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return false
}

func (s *Scanner) skipInside(begin byte, numbers bool) bool {
	if !s.Open(begin) {
		return false
	}
	for n := 0; ; n++ {
		more, ok := s.Next(begin+2, n) // '{'+2 is '}', '['+2 is ']'
		if !ok || !more {
			return ok
		}
		if begin == '{' {
			if _, ok := s.Key(); !ok {
				return false
			}
		}
		if !s.Skip(numbers) {
			return false
		}
	}
}
