package verify

import (
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/behaviour"
)

func TestAPersonsChoiceHoldsForThePatchWithoutWhatItDoesNotNeed(t *testing.T) {
	t.Parallel()
	v := verifier(t, "bwrap")
	in := ranking.input(shop(t), "shop/ranking.py", "return kth(above, k)", fix, `"""Order statistics."""`, `"""Order statistics of small lists."""`)
	in.Grounds = []behaviour.Ground{{Name: Person, Effect: behaviour.Establishes, Evidence: "ann answered: 5"}}
	verdict := judge(t, v, in)
	if verdict.Decision != Accepted || verdict.Strength != behaviour.Established {
		t.Errorf("got %s, %s:\n%s\n%+v", verdict.Decision, verdict.Strength, table(verdict), verdict.Grounds)
	}
	if len(verdict.Patch.Edits) != 1 || !strings.Contains(verdict.Dropped, "small lists") {
		t.Errorf("the patch is %+v without\n%s", verdict.Patch.Edits, verdict.Dropped)
	}
	persons := slices.DeleteFunc(verdict.Grounds, func(g behaviour.Ground) bool { return g.Name != Person })
	if len(persons) != 1 {
		t.Errorf("the choice is %d grounds", len(persons))
	}
}

func TestWhatIsNotNeededNeedsNoPermission(t *testing.T) {
	t.Parallel()
	v := verifier(t, "bwrap")
	in := ranking.input(shop(t), "shop/ranking.py", `"""Order statistics."""`+"\n", `"""Order statistics of small lists."""`+"\nimport time\n\nSTARTED = time.time()\n", "return kth(above, k)", fix)
	in.Grounds = []behaviour.Ground{{Name: Person, Effect: behaviour.Establishes, Evidence: "ann answered: 5"}}
	in.Permitted = in.Patch.ID()
	if verdict := judge(t, v, in); verdict.Patch.ID() == in.Permitted || verdict.Decision != Accepted || strings.Contains(verdict.Diff, "time") {
		t.Errorf("got %s for\n%s\n%s", verdict.Decision, verdict.Diff, table(verdict))
	}
}
