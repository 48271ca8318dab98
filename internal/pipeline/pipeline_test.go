package pipeline

import (
	"slices"
	"testing"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
)

func TestOuterCountsTheFunctionsThatTheTestDoesNotCall(t *testing.T) {
	t.Parallel()
	frame := func(path, function string) language.Frame {
		return language.Frame{Frame: incident.Frame{Function: function}, Path: path}
	}
	stack := []language.Frame{
		frame("worker.py", "<module>"), frame("", "dispatch"), frame("app.py", "view"), frame("shop.py", "quote"), frame("shop.py", "price"),
	}
	for called, want := range map[string]int{"app.view": 0, "shop.quote": 1, "shop.price": 2, "shop.Cart.quote": 1, "elsewhere": 0} {
		if got := outer(stack, called); got != want {
			t.Errorf("%s: got %d, want %d", called, got, want)
		}
	}
}

func TestATestCommandGivesPytestItsArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ command, want []string }{
		{nil, nil},
		{[]string{"pytest"}, []string{}},
		{[]string{"pytest", "-q", "tests"}, []string{"-q", "tests"}},
		{[]string{"python", "-m", "pytest", "tests/unit"}, []string{"tests/unit"}},
		{[]string{"make", "test"}, nil},
	} {
		if got := suiteArguments(c.command); !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%v: got %#v, want %#v", c.command, got, c.want)
		}
	}
}

func TestStagesFollowEachOther(t *testing.T) {
	t.Parallel()
	for i, s := range Stages {
		next := ""
		if i+1 < len(Stages) {
			next = Stages[i+1].Name
		}
		if s.Next != next {
			t.Errorf("after %s comes %q, want %q", s.Name, s.Next, next)
		}
		if got, ok := StageByName(s.Name); !ok || got != s {
			t.Errorf("StageByName(%s): got %+v, %v", s.Name, got, ok)
		}
	}
}
