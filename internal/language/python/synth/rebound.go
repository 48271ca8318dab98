package synth

import (
	"context"

	"github.com/repaird/repaird/internal/language"
)

// reboundValues makes a frame's call with what its parameters held when it
// crashed, although the function had changed them: many changes, such as
// stripping or sorting, leave alone what they have changed once. A tracker records
// nothing earlier, and the run decides.
type reboundValues struct{ *reading }

// Name implements language.Strategy.
func (reboundValues) Name() string { return "rebound-values" }

// Candidates implements language.Strategy.
func (s reboundValues) Candidates(context.Context) ([]language.Candidate, []language.Hurdle, error) {
	var made []language.Candidate
	for _, way := range ways {
		candidates, _ := s.calls(func(c *call) *language.Hurdle {
			if !s.changed(c.sourced) {
				return passedOver
			}
			c.guessed = "parameters as they were when it crashed"
			c.lenient, c.by.objects = true, &objects{reading: s.reading, of: c.sourced, way: way}
			return c.on()
		})
		made = append(made, candidates...)
		if way == byConstructor && len(candidates) > 0 {
			break
		}
	}
	return made, nil, nil
}

// changed reports whether a function had changed one of its parameters.
func (r *reading) changed(src sourced) bool {
	for _, c := range src.function.Changed {
		if c.How == "rebound" || c.How == "mutated" {
			return true
		}
	}
	return false
}
