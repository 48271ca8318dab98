// Package behaviour says what is known of the right answer to a call that
// fails. It compares what the code answers before and after a patch, for the
// call and for calls near it: off the fault, base is an oracle; on it, base may
// be the fault. No model is asked, and nothing runs here: a language.Prober
// makes the calls.
//
//	grounds := behaviour.Compare(behaviour.Sides{Calls: near.Calls, Base: near.Answers, Head: head, Signature: sig})
//	strength := behaviour.StrengthOf(grounds)
package behaviour

// A Ground is one thing that speaks for or against a patch's answers.
type Ground struct {
	Name     string       `json:"name"`     // preserved, changed-answers, half-fix, witness, sensitivity, nonsense, invariants, history, documented, rivals, agreement, reader, person, suite, conditions …
	Effect   Effect       `json:"effect"`   //
	Evidence string       `json:"evidence"` // one or two sentences with figures
	Examples []Difference `json:"examples"` // at most five
}

// A Difference is one call that base and head answer differently, or that shows
// what a ground says.
type Difference struct {
	Call   string `json:"call"`
	Before string `json:"before"` // what base answers: "returns 12", "raises KeyError('eur')"
	After  string `json:"after"`  // what head answers
}

// An Effect is what a ground does to a verdict.
type Effect string

// The effects, from the strongest.
const (
	Rejects     Effect = "rejects"     // the patch is wrong
	Establishes Effect = "establishes" // it fixes what the right answer is
	Supports    Effect = "supports"    // it would be otherwise if the patch were wrong in a common way
	Lowers      Effect = "lowers"      // without something that establishes the answer, a person has to decide
	Shown       Effect = "shown"       // for the reviewer only
)

// A Strength says how well it is known that a patch's answer is right.
type Strength string

// The strengths.
const (
	Established  Strength = "established"  // history, documentation, a witness with one of them, a test's assertion or a person fixes the answer
	Supported    Strength = "supported"    // enough comparable calls agree, and what else the patch could have said is refuted
	Undetermined Strength = "undetermined" // several behaviours remain
)

// StrengthOf weighs grounds. None, or any that lowers, leaves it undetermined
// unless one establishes the answer.
func StrengthOf(grounds []Ground) Strength {
	strength := Undetermined
	lowered := false
	for _, g := range grounds {
		switch g.Effect {
		case Rejects:
			return Undetermined
		case Establishes:
			strength = Established
		case Supports:
			if strength != Established {
				strength = Supported
			}
		case Lowers:
			lowered = true
		}
	}
	if lowered && strength != Established {
		return Undetermined
	}
	return strength
}
