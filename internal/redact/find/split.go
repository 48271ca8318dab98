package find

import (
	"strings"

	"github.com/repaird/repaird/internal/redact/shape"
)

// A Joined is a text whose adjacent literals are written as one: "ghp_abc" "def",
// 'abc' + 'def'.
type Joined struct {
	Text string
	Gaps []gap
}

// A gap is what was between two literals.
type gap struct{ at, from, to int } // at in the joined text, from and to in the other

// Join joins the adjacent literals of a text.
func Join(s string) Joined {
	var gaps []gap
	var b strings.Builder
	last := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '"' && s[i] != '\'' {
			continue
		}
		j := i + 1
		for j < len(s) && j < i+40 && strings.IndexByte(" \t\r\n+\\", s[j]) >= 0 {
			j++
		}
		if j > i+1 && j < len(s) && s[j] == s[i] && i > last && shape.IsAlnum(s[i-1]) && j+1 < len(s) && shape.IsAlnum(s[j+1]) {
			b.WriteString(s[last:i])
			gaps = append(gaps, gap{b.Len(), i, j + 1})
			last, i = j+1, j
		}
	}
	if len(gaps) == 0 {
		return Joined{}
	}
	b.WriteString(s[last:])
	return Joined{b.String(), gaps}
}

// Parts calls add for each part that a finding in the joined text has in the
// other.
func (j Joined) Parts(f Finding, add func(Finding)) {
	start, end := f.Start, f.End
	back := func(at int, isEnd bool) int {
		shift := 0
		for _, g := range j.Gaps {
			if g.at < at || g.at == at && !isEnd {
				shift += g.to - g.from
			}
		}
		return at + shift
	}
	from := start
	for _, g := range j.Gaps {
		if g.at > from && g.at < end {
			add(Finding{Start: back(from, false), End: g.from, Rule: f.Rule, Firm: f.Firm})
			from = g.at
		}
	}
	if from > start {
		add(Finding{Start: back(from, false), End: back(end, true), Rule: f.Rule, Firm: f.Firm})
	}
}
