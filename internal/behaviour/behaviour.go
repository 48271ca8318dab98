// Package behaviour says what is known of the right answer to a call that
// fails. It compares what the code answers before and after a patch, for the
// call and for calls near it: off the fault, base is an oracle; on it, base may
// be the fault. No model is asked, and nothing runs here: a language.Prober
// makes the calls.
//
//	grounds := behaviour.Compare(behaviour.Sides{Calls: near.Calls, Base: near.Answers, Head: head})
//	strength := behaviour.StrengthOf(grounds)
package behaviour

import "slices"

// A Ground is one thing that speaks for or against a patch's answers.
type Ground struct {
	Name     string       `json:"name"`     // as docs/verdict.md lists them
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

// standing are the grounds that stay whatever says what the failing call
// answers: they are about other calls, or about the run itself. History tells of
// other calls too, and a person who chose saw them side by side. Candidates that
// disagree all pass the test, so that its assertion says nothing about them.
var standing = map[string][]string{
	"preserved": nil, "incomparable": nil, "suite": nil, "conditions": nil, "same-failure-gone": nil, "repeatable": nil,
	"changed-answers": {"history", "person"}, "refused-answers": {"history", "person"}, "agreement": {"history", "documented", "person"},
}

// StrengthOf weighs grounds. None, or any that lowers, leaves it undetermined.
// What establishes the failing call's answer outweighs what only doubts that
// answer.
func StrengthOf(grounds []Ground) Strength {
	by := map[Effect][]string{}
	for _, g := range grounds {
		by[g.Effect] = append(by[g.Effect], g.Name)
	}
	established := by[Establishes]
	for _, name := range by[Lowers] {
		explains, stays := standing[name]
		if len(established) == 0 || stays && !slices.ContainsFunc(established, func(e string) bool { return slices.Contains(explains, e) }) {
			return Undetermined
		}
	}
	switch {
	case len(by[Rejects]) > 0:
		return Undetermined
	case len(established) > 0:
		return Established
	case len(by[Supports]) > 0:
		return Supported
	}
	return Undetermined
}
