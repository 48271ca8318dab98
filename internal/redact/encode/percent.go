package encode

import (
	"strings"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/redact/shape"
)

// Percent returns the cells of a URL-encoded text.
func Percent(s string) []Cell {
	octet := func(i int) int {
		if i+2 < len(s) && s[i] == '%' {
			if a, b := shape.HexDigit(s[i+1]), shape.HexDigit(s[i+2]); a >= 0 && b >= 0 {
				return a<<4 | b
			}
		}
		return -1
	}
	cells := make([]Cell, 0, len(s))
	for i := 0; i < len(s); {
		if o := octet(i); o >= 0 {
			buf, n := []byte{byte(o)}, 3
			for !utf8.FullRune(buf) && octet(i+n) >= 0 {
				buf = append(buf, byte(octet(i+n)))
				n += 3
			}
			if r, size := utf8.DecodeRune(buf); size == len(buf) && r != utf8.RuneError {
				cells = append(cells, Cell{r, s[i : i+n]})
				i += n
				continue
			}
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		cells = append(cells, Cell{r, s[i : i+n]})
		i += n
	}
	return cells
}

// Query returns the cells of a value in a query, where + is a space.
func Query(s string) []Cell {
	cells := Percent(s)
	for i, c := range cells {
		if c.Raw == "+" {
			cells[i].Rune = ' '
		}
	}
	return cells
}

// PercentIfAny is Percent if something is encoded, otherwise nil.
func PercentIfAny(s string) []Cell {
	if strings.IndexByte(s, '%') < 0 {
		return nil
	}
	return Percent(s)
}

// percentAt reports whether an escaped octet begins at i.
func percentAt(s string, i int) bool {
	return i+2 < len(s) && s[i] == '%' && shape.HexDigit(s[i+1]) >= 0 && shape.HexDigit(s[i+2]) >= 0
}

// HasPercent reports whether there is an escaped octet in a text.
func HasPercent(s string) bool {
	for i := 0; i < len(s); i++ {
		if percentAt(s, i) {
			return true
		}
	}
	return false
}

const percentEnds = " \t\r\n\"'<>\\`"

// percentWord returns the bounds of the word around the escaped octet at i.
func percentWord(s string, i int) (start, end int) {
	start, end = i, i
	for start > 0 && strings.IndexByte(percentEnds, s[start-1]) < 0 {
		start--
	}
	for end < len(s) && strings.IndexByte(percentEnds, s[end]) < 0 {
		end++
	}
	return start, end
}

// PercentWithin reports whether the words that contain a part have escaped
// octets.
func PercentWithin(s string, start, end int) bool {
	from, _ := percentWord(s, start)
	_, to := percentWord(s, max(end-1, start))
	return HasPercent(s[max(from, start-2000):min(to, end+2000)])
}

// EachPercent replaces the URL-encoded parts of a text by the results of part.
// What is unencoded between them (&, =) belongs to the surrounding text: each
// part is a text of its own.
func EachPercent(s string, part func(start, end int, cells []Cell) (out string, ok bool)) (string, bool) {
	var b strings.Builder
	last := 0
	for i := 0; i < len(s); {
		if !percentAt(s, i) {
			i++
			continue
		}
		start, end := i, i
		for start > last && strings.IndexByte(percentEnds+"&=?;#", s[start-1]) < 0 {
			start--
		}
		for end < len(s) && strings.IndexByte(percentEnds+"&=?;#", s[end]) < 0 {
			end++
		}
		out, ok := part(start, end, Percent(s[start:end]))
		if !ok {
			return s, false
		}
		b.WriteString(s[last:start])
		b.WriteString(out)
		last, i = end, end
	}
	b.WriteString(s[last:])
	return b.String(), true
}
