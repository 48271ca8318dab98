package verify

import (
	"context"
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/behaviour"
)

// noBandAid asks whether the failure is gone because its cause is, or because
// it is hidden: is the wrong value still there, and only tolerated now?
// docs/band-aid.md has the rule, with examples; package pair applies it.
func (j *verification) noBandAid(context.Context) (finding, error) {
	if b := j.analysis.Broad; len(b) > 0 && !j.v.lax["code"] {
		return failed("the patch adds a catch-all handler at %s:%d: %s", b[0].Path, b[0].Line, b[0].Detail), nil
	}
	p := j.pair()
	if s, err := p.Swallowed(); err != nil || s != "" {
		return failed("%s", s), err
	}
	if j.in.Test.Own {
		return held("no %s is swallowed that was not swallowed on base, and no catch-all handler is added; what else is right, the repository's own test says", j.in.Signature.Type), nil
	}
	if gone := p.ExpressionGone(); gone != "" {
		j.grounds = append(j.grounds, behaviour.Ground{Name: "expression-gone", Effect: behaviour.Lowers,
			Evidence: fmt.Sprintf("what failed in %s no longer runs with the patch, so that it passes whatever the call answers", gone)})
	}
	why, passed, elsewhere := p.Hides()
	if why != "" {
		return failed("%s", why), nil
	}
	var others []string
	for _, g := range elsewhere {
		others = append(others, fmt.Sprintf("%s in %s at %s:%d", g.Kind, g.Function, g.Path, g.Line))
	}
	evidence := fmt.Sprintf("no %s is swallowed that was not swallowed on base, and no catch-all handler is added", j.in.Signature.Type)
	if len(passed) == 0 {
		passed = []string{"the patch adds no guard where the failure passed"}
	}
	evidence += "; " + strings.Join(passed, "; ")
	if len(others) > 0 {
		j.risks = append(j.risks, sentence("the patch adds guards where the failure did not pass: "+clip(strings.Join(others, ", "), 300)))
	}
	return held("%s", evidence), nil
}
