package synth

import (
	"context"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
)

// defaultInstances calls a method of an instance created without arguments:
// production's instance was not recorded, so this comes after calls that were
// fully recorded.
type defaultInstances struct{ *reading }

// Name implements language.Strategy.
func (defaultInstances) Name() string { return "default-instance" }

// Candidates implements language.Strategy.
func (s defaultInstances) Candidates(context.Context) ([]language.Candidate, []language.Hurdle, error) {
	candidates, hurdles := s.calls(sourced.onInstance, sourced.noInstance)
	return candidates, hurdles, nil
}

// noInstance says why an instance cannot be created, nil if it can.
func (src sourced) noInstance() *language.Hurdle {
	fn := src.function
	if fn.Class == nil || !fn.Class.Free {
		return src.hurdle("self was recorded as %s, and %s cannot be instantiated without arguments", selfText(src.frame, fn), className(fn))
	}
	return nil
}

func selfText(f language.Frame, fn function) string {
	if len(fn.Params) > 0 {
		for _, v := range f.Locals {
			if v.Name == fn.Params[0].Name && v.Value.Kind == incident.KindRepr {
				return text.Line(v.Value.Repr, 60)
			}
		}
	}
	return "nothing"
}

func className(fn function) string {
	if fn.Class == nil {
		return "its class"
	}
	return fn.Class.Name
}
