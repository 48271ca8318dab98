package synth

import (
	"context"
	"fmt"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
)

// defaultInstances calls a method of an instance created without arguments. That
// production's was made so is a guess: it comes last, and counts only where all
// that the crashing function held is as in production.
type defaultInstances struct{ *reading }

// Name implements language.Strategy.
func (defaultInstances) Name() string { return "default-instance" }

// Candidates implements language.Strategy.
func (s defaultInstances) Candidates(context.Context) ([]language.Candidate, []language.Hurdle, error) {
	candidates, hurdles := s.calls(func(c *call) *language.Hurdle {
		fn := c.function
		if !fn.onInstance() {
			return passedOver
		}
		if fn.Class == nil || !fn.Class.Free {
			return c.hurdle("self was recorded as %s, and %s cannot be instantiated without arguments", recorded(c.frame), className(fn))
		}
		c.guessed = fmt.Sprintf("an instance of %s that is created without arguments", fn.Class.Name)
		c.how = "the arguments that the error report recorded, and " + c.guessed
		c.receiver = rebuilt{source: fn.Class.Name + "()", imports: map[string]bool{importOf(fn.Class.Module, fn.Class.Name): true}}
		return nil
	})
	return candidates, hurdles, nil
}

// selfText is the recorded text of the object that a frame's function was called
// on, "" if it is none.
func selfText(f language.Frame) string {
	for _, v := range f.Locals {
		if v.Name == "self" || v.Name == "cls" {
			return v.Value.Plain().Repr
		}
	}
	return ""
}

func recorded(f language.Frame) string {
	if s := selfText(f); s != "" {
		return text.Line(s, 60)
	}
	return "nothing"
}

func className(fn function) string {
	if fn.Class == nil {
		return "its class"
	}
	return fn.Class.Name
}
