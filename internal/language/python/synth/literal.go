package synth

import (
	"context"

	"github.com/repaird/repaird/internal/language"
)

// literalCalls makes a frame's call with the recorded arguments; a method's also
// on the recorded object, where that shows what it is made of.
type literalCalls struct{ *reading }

// Name implements language.Strategy.
func (literalCalls) Name() string { return "outermost-literal" }

// Candidates implements language.Strategy.
func (s literalCalls) Candidates(context.Context) ([]language.Candidate, []language.Hurdle, error) {
	candidates, hurdles := s.calls((*call).on)
	return candidates, hurdles, nil
}
