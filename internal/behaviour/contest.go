package behaviour

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
)

// A Contest is between a patch and what else it could have said.
type Contest struct {
	Equal     int // rivals that answer every call alike
	Untried   int // rivals that did not come to answer
	refuted   map[string]int
	surviving []Difference
	survivors int
}

// Refuted counts a rival against which something speaks that does not speak
// against the patch.
func (c *Contest) Refuted(by string) {
	if c.refuted == nil {
		c.refuted = map[string]int{}
	}
	c.refuted[by]++
}

// Survives counts a rival that answers differently and that nothing refutes.
func (c *Contest) Survives(change string, d Difference) {
	c.survivors++
	if len(c.surviving) < maxExamples {
		d.Call += ", with " + change
		c.surviving = append(c.surviving, d)
	}
}

// Ground is what the contest says: support needs a rival that was refuted, and
// none that was not.
func (c *Contest) Ground() Ground {
	var by []string
	for _, name := range slices.Sorted(maps.Keys(c.refuted)) {
		by = append(by, fmt.Sprintf("%d by %s", c.refuted[name], name))
	}
	tried := "variants of the patch were refuted: " + strings.Join(by, ", ")
	switch {
	case c.survivors == 1:
		return Ground{"rivals", Lowers, "one other behaviour passes the test, and nothing says that it is wrong", c.surviving}
	case c.survivors > 0:
		return Ground{"rivals", Lowers, fmt.Sprintf("%d other behaviours pass the test, and nothing says that they are wrong", c.survivors), c.surviving}
	case c.Untried > 0 && c.Untried >= len(by)+c.Equal:
		return Ground{"rivals", Lowers, fmt.Sprintf("%s of the patch could not be tried", text.Count(c.Untried, "variant")), nil}
	case len(by) == 0:
		return Ground{"rivals", Lowers, "nothing else that the patch could have said answers differently, so nothing was refuted", nil}
	}
	return Ground{"rivals", Supports, tried, nil}
}

// Telling chooses the calls that tell a patch from its rivals best: the test's
// own, twins and their partners, then in turn those that head answers and base
// does not, and those that base answers.
func Telling(calls []language.Call, base, head []language.Answer, limit int) []int {
	chosen := []int{0}
	var healed, answered []int
	for i := 1; i < min(len(calls), len(base), len(head)); i++ {
		switch {
		case calls[i].Twin, calls[i].Partner > 0:
			chosen = append(chosen, i)
			if p := calls[i].Partner; p > 0 && p < len(calls) {
				chosen = append(chosen, p)
			}
		case !Comparable(head[i]):
		case !Answered(base[i]) && Answered(head[i]):
			healed = append(healed, i)
		case Answered(base[i]):
			answered = append(answered, i)
		}
	}
	for len(chosen) < limit && len(healed)+len(answered) > 0 {
		for _, list := range []*[]int{&answered, &healed} {
			if len(*list) > 0 {
				chosen = append(chosen, (*list)[0])
				*list = (*list)[1:]
			}
		}
	}
	slices.Sort(chosen)
	return slices.Compact(chosen)
}

// Whole reports whether a rival's answers can be compared wherever the patch's
// own can, but for one in ten.
func Whole(own, rival []language.Answer) bool {
	n, missing := 0, 0
	for i := range min(len(own), len(rival)) {
		if Comparable(own[i]) {
			if n++; !Comparable(rival[i]) {
				missing++
			}
		}
	}
	return missing <= n/10
}

// Only keeps the chosen answers; the others are Lost.
func Only(answers []language.Answer, chosen []int) []language.Answer {
	kept := make([]language.Answer, len(answers))
	for i := range kept {
		kept[i].End = language.Lost
	}
	for _, i := range chosen {
		kept[i] = answers[i]
	}
	return kept
}

// SameAnswers reports whether two heads answer every comparable call alike.
func SameAnswers(a, b Sides) bool {
	for i := range min(len(a.Head), len(b.Head)) {
		if x, y := a.Head[i], b.Head[i]; Comparable(x) && Comparable(y) && !Same(x, y) {
			return false
		}
	}
	return true
}

// Otherwise is the first call that a rival, b, answers otherwise than a patch.
// Calls that both refuse do not count, nor those that the patch answers and on
// which the rival only fails as base did: it mends less, and says nothing else.
func Otherwise(a, b Sides) (Difference, bool) {
	fails := comparison{Sides: a}
	if len(a.Base) > 0 {
		fails.pairs = []pair{{base: a.Base[0]}}
	}
	for i := range min(len(a.Calls), len(a.Head), len(b.Head)) {
		x, y := a.Head[i], b.Head[i]
		switch {
		case !Comparable(x) || !Comparable(y) || Same(x, y):
		case x.End == language.Raised && y.End == language.Raised:
		case x.End == language.Returned && len(fails.pairs) > 0 && fails.failedAlike(y):
		default:
			return Differing(a.Calls[i].Shown, x, y), true
		}
	}
	return Difference{}, false
}

// Worse names a ground that speaks against a rival and not against the patch,
// "" if there is none.
func Worse(patch, rival []Ground) string {
	for _, g := range rival {
		if g.Name != "few" && g.Name != "incomparable" && (g.Effect == Rejects || g.Effect == Lowers) && !slices.ContainsFunc(patch, func(p Ground) bool {
			return p.Name == g.Name && (p.Effect == Rejects || p.Effect == g.Effect)
		}) {
			return g.Name
		}
	}
	return ""
}
