package pipeline

import (
	"testing"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/language/python"
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
		if got := outer(python.New(nil, python.Environments{}), stack, called); got != want {
			t.Errorf("%s: got %d, want %d", called, got, want)
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
