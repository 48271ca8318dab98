package replay

import (
	"strconv"
	"strings"
)

// maxCount bounds the integers of an expression that make values of so many
// parts, all together: a trace may be hostile, and a short text of it fill the
// memory, such as list(range(9999999999)).
const maxCount = 10_000_000

var (
	// counting are names whose calls make as much as an integer says.
	counting = set("range bytes bytearray")
	// exact are names whose calls write out what a short text of an exponent
	// stands for, such as fractions.Fraction('1e999999999').
	exact = set("int fractions.Fraction")
)

// bounded says whether an expression that passed the filter makes values of a
// size that its text tells: what counts is called with literals only.
func bounded(s string) bool {
	total := 0
	for _, n := range namesOf(s) {
		if n.next != '(' || !counting[n.text] && !exact[n.text] {
			continue
		}
		args := strings.TrimLeft(s[n.start+len(n.text):], " ")[1:]
		count, ok := literals(args)
		if !ok {
			return false
		}
		if counting[n.text] {
			total += min(count, maxCount+1)
		} else if n.text != "int" && strings.ContainsAny(args[:strings.IndexByte(args+")", ')')], "'\"") {
			return false
		}
		if total > maxCount {
			return false
		}
	}
	return true
}

// literals reads what is called with up to the closing bracket; ok says that it
// is integers, strings and lists of these, and sum is that of the integers.
func literals(s string) (sum int, ok bool) {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ')':
			return sum, true
		case c == '\'' || c == '"':
			if i = quoted(s, i); i < 0 {
				return 0, false
			}
			continue
		case c >= '0' && c <= '9':
			end := i
			for end < len(s) && s[end] >= '0' && s[end] <= '9' {
				end++
			}
			n, err := strconv.Atoi(s[i:end])
			if err != nil || n > maxCount {
				n = maxCount + 1
			}
			sum = min(sum+n, maxCount+1)
			i = end
			continue
		case c == 'b' && i+1 < len(s) && (s[i+1] == '\'' || s[i+1] == '"'), strings.IndexByte(" ,-[]", c) >= 0:
		default:
			return 0, false
		}
		i++
	}
	return 0, false
}
