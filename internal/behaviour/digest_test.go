package behaviour

import (
	"testing"

	"github.com/repaird/repaird/internal/language"
)

func TestDigestsTellAnswersApart(t *testing.T) {
	t.Parallel()
	base := []language.Answer{{End: language.Returned, Type: "int", Value: "1"}, {End: language.Raised, Type: "KeyError"}, {End: language.Returned, Value: "x", Varies: true}}
	change := func(i int, f func(*language.Answer)) []language.Answer {
		list := append([]language.Answer(nil), base...)
		f(&list[i])
		return list
	}
	for name, c := range map[string]struct {
		head []language.Answer
		same bool
	}{
		"the same":                       {base, true},
		"another result":                 {change(0, func(a *language.Answer) { a.Value = "2" }), false},
		"an equal result, another type":  {change(0, func(a *language.Answer) { a.Type = "bool" }), false},
		"something printed":              {change(0, func(a *language.Answer) { a.Output = "!" }), false},
		"another exception":              {change(1, func(a *language.Answer) { a.Type = "ValueError" }), false},
		"an exception from a helper":     {change(1, func(a *language.Answer) { a.Raised.Function = "helper" }), true},
		"a result that always varies":    {change(2, func(a *language.Answer) { a.Value = "y" }), true},
		"another that can't be compared": {change(2, func(a *language.Answer) { a.End = language.Slow }), true},
		"a call less":                    {base[:2], false},
	} {
		if got := Digest(c.head) == Digest(base); got != c.same {
			t.Errorf("%s: equal digests %v, want %v", name, got, c.same)
		}
	}
}
