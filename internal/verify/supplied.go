package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/behaviour"
)

// supplied reports whether the failure says which name nothing defines, and the
// patch does nothing but import it. Then base answers no call near this one,
// and there is nothing else that the patch could have said: the code that was
// there says what the answer is.
func (j *verification) supplied() (*behaviour.Ground, bool) {
	if j.analysis == nil || len(j.analysis.Touched) == 0 {
		return nil, false
	}
	var brought []string
	for _, t := range j.analysis.Touched {
		if len(t.Imports) == 0 {
			return nil, false
		}
		if !t.Base {
			brought = append(brought, t.Imports...)
		}
	}
	i := slices.IndexFunc(brought, func(name string) bool {
		return strings.Contains(j.failure.Message, "'"+name+"'")
	})
	if i < 0 {
		return nil, false
	}
	return &behaviour.Ground{Name: "supplied", Effect: behaviour.Supports, Evidence: fmt.Sprintf(
		"the failure names %s, which nothing defines; the patch imports it and changes nothing else", brought[i])}, true
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
