package behaviour

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/language"
)

func TestAWeightCountsWhatACandidateKeepsChangesAndHeals(t *testing.T) {
	t.Parallel()
	returns := func(value string) language.Answer {
		return language.Answer{End: language.Returned, Type: "int", Value: value}
	}
	raises := func(function string) language.Answer {
		return language.Answer{End: language.Raised, Type: "KeyError", Raised: language.Place{Path: "a.py", Function: function, Line: 1}}
	}
	lost := language.Answer{End: language.Lost}
	calls := make([]language.Call, 4)
	for i := range calls {
		calls[i].Partner = -1
	}
	base := []language.Answer{raises("f"), raises("f"), returns("1"), returns("2")}
	for name, tt := range map[string]struct {
		head []language.Answer
		want Weight
	}{
		"all answers stay, and what failed is answered": {[]language.Answer{returns("0"), returns("0"), returns("1"), returns("2")}, Weight{Kept: 2, Healed: 2}},
		"one fails still, one answer is another":        {[]language.Answer{returns("0"), raises("f"), returns("1"), returns("3")}, Weight{Kept: 1, Changed: 1, Healed: 1, Still: 1, Lowers: []string{"changed-answers"}}},
		"an answered call fails elsewhere":              {[]language.Answer{returns("0"), returns("0"), returns("1"), raises("g")}, Weight{Kept: 1, Changed: 1, Healed: 2, Breaks: "1 call that base answers fail with the patch"}},
		"what is lost counts for nothing":               {[]language.Answer{returns("0"), lost, lost, returns("2")}, Weight{Kept: 1, Healed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Weigh(Sides{Calls: calls, Base: base, Head: tt.head})
			if got.Digest == "" {
				t.Error("there is no digest of comparable answers")
			}
			got.Digest = ""
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
	if d := Weigh(Sides{Calls: calls, Base: base, Head: []language.Answer{lost, lost, lost, lost}}).Digest; d != "" {
		t.Errorf("answers of which none is comparable have the digest %s", d)
	}
}
