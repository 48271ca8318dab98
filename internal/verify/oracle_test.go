package verify

import (
	"testing"

	"github.com/repaird/repaird/internal/language"
)

func TestWhichRivalsPassTheTest(t *testing.T) {
	t.Parallel()
	returns := func(value string) language.Answer {
		return language.Answer{End: language.Returned, Type: "int", Value: value}
	}
	raises := func(kind string) language.Answer { return language.Answer{End: language.Raised, Type: kind} }
	for _, tt := range []struct {
		name    string
		asserts bool
		own     language.Answer
		rival   language.Answer
		want    bool
	}{
		{"one that answers, as the patch does", false, returns("1"), returns("2"), true},
		{"one that fails where the patch answers does not", false, returns("1"), raises("KeyError"), false},
		{"one that answers what the patch refuses", false, raises("ValueError"), returns("2"), true},
		{"one that refuses as the patch does", false, raises("ValueError"), raises("ValueError"), true},
		{"one that raises something else than the patch does not", false, raises("ValueError"), raises("KeyError"), false},
		{"one that answers what the test asserts", true, returns("1"), returns("1"), true},
		{"one that answers something else than the test asserts does not", true, returns("1"), returns("2"), false},
		{"one that answers where the test asserts a refusal does not", true, raises("ValueError"), returns("2"), false},
	} {
		j := &verification{near: &language.Neighbourhood{Asserts: tt.asserts}, head: []language.Answer{tt.own}}
		if got := j.passesTest(tt.rival); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}
