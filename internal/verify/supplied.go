package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/behaviour"
)

// supplied reports whether the failure says which name nothing defines, and the
// patch does nothing but bring it in, from the one place that has it. Then base
// answers no call near this one, and there is nothing else that the patch could
// have said: the code that was there says what the answer is.
func (j *verification) supplied() (*behaviour.Ground, bool) {
	if j.analysis == nil {
		return nil, false
	}
	for path := range j.overlay {
		if _, code := j.analysis.Lines[path]; !code {
			return nil, false
		}
	}
	i := slices.IndexFunc(j.analysis.Supplied, func(name string) bool {
		return strings.Contains(j.failure.Message, "'"+name+"'")
	})
	if i < 0 {
		return nil, false
	}
	return &behaviour.Ground{Name: "supplied", Effect: behaviour.Supports, Evidence: fmt.Sprintf(
		"the failure names %s, which nothing defines; the patch imports it from the one place that has it and changes nothing else", j.analysis.Supplied[i])}, true
}

// unasked turns what lowers because base answers too little, nothing else could
// have been said, or the failing expression is gone, into what is only shown:
// the answer is known from elsewhere.
func unasked(grounds []behaviour.Ground) {
	for i, g := range grounds {
		if g.Effect == behaviour.Lowers && (g.Name == "few" || g.Name == "observed" || g.Name == "rivals" || g.Name == "expression-gone") && len(g.Examples) == 0 {
			grounds[i].Effect = behaviour.Shown
		}
	}
}
