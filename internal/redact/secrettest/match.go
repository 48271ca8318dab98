package secrettest

import (
	"math/rand/v2"
	"os"
	"regexp/syntax"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// A Pattern is what a rule matches.
type Pattern struct{ ID, Regex string }

// Patterns reads the rules of a file that have a pattern.
func Patterns(t testing.TB, prefix, name string) (list []Pattern) {
	var file struct{ Rules []Pattern }
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := toml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Rules {
		if r.Regex != "" {
			list = append(list, Pattern{prefix + r.ID, r.Regex})
		}
	}
	return list
}

// Match draws a text that a pattern matches.
func Match(r *rand.Rand, re *syntax.Regexp) string {
	times := func(lo, hi int) string {
		if hi < 0 || hi > lo+4 {
			hi = lo + 4
		}
		var b strings.Builder
		for range lo + r.IntN(hi-lo+1) {
			b.WriteString(Match(r, re.Sub[0]))
		}
		return b.String()
	}
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return Draw(r, Alnums, 1)
	case syntax.OpCharClass:
		var set []byte
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for c := max(re.Rune[i], ' '); c <= min(re.Rune[i+1], '~'); c++ {
				set = append(set, byte(c))
			}
		}
		if len(set) == 0 {
			return string(re.Rune[0])
		}
		return Draw(r, string(set), 1)
	case syntax.OpCapture:
		return Match(r, re.Sub[0])
	case syntax.OpStar:
		return times(0, -1)
	case syntax.OpPlus:
		return times(1, -1)
	case syntax.OpQuest:
		return times(0, 1)
	case syntax.OpRepeat:
		return times(re.Min, re.Max)
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			b.WriteString(Match(r, sub))
		}
		return b.String()
	case syntax.OpAlternate:
		return Match(r, re.Sub[r.IntN(len(re.Sub))])
	}
	return "" // places: \b, ^, $
}
