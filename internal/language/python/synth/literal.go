package synth

import (
	"context"

	"github.com/repaird/repaird/internal/language"
)

// literalCalls calls a function, static method, class method or constructor with
// the recorded arguments.
type literalCalls struct{ *reading }

// Name implements language.Strategy.
func (literalCalls) Name() string { return "outermost-literal" }

// Candidates implements language.Strategy.
func (s literalCalls) Candidates(context.Context) ([]language.Candidate, []language.Hurdle, error) {
	candidates, hurdles := s.calls(
		func(src sourced) bool { return !src.onInstance() },
		func(sourced) *language.Hurdle { return nil })
	return candidates, hurdles, nil
}
