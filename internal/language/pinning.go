package language

import (
	"context"

	"github.com/repaird/repaird/internal/testrun"
)

// A Pinner turns a test that makes a call into one that asserts what the call
// answers. Nothing of the tree is executed. Safe for concurrent use.
type Pinner interface {
	// Pin returns the test with the expectation. An error of kind fault.Invalid
	// says, for the person who gave it, why the expectation cannot be asserted.
	Pin(ctx context.Context, p Pin) (Pinned, error)
}

// A Pin is which test is to expect what.
type Pin struct {
	Run    string // run id, for labels
	Env    testrun.Environment
	Test   testrun.Test
	Expect Expectation
	Mark   string // says above the assertion who or what established it; one line
}

// An Expectation is what a call should answer: an exception if Raises is set,
// otherwise the value of Literal, otherwise a value of Type with Parts.
type Expectation struct {
	Literal string `json:"literal,omitempty"` // source of an expression without names
	Raises  string `json:"raises,omitempty"`  // the exception's type, with its module unless it is built in
	Type    string `json:"type,omitempty"`    // of a result that has no literal
	Parts   []Part `json:"parts,omitempty"`   // of that result, as Answer has them
}

// IsZero reports whether nothing is expected.
func (e Expectation) IsZero() bool {
	return e.Literal == "" && e.Raises == "" && e.Type == "" && len(e.Parts) == 0
}

// Expected is what an answer says to expect.
func (a *Answer) Expected() Expectation {
	switch {
	case a.End == Raised:
		return Expectation{Raises: a.Type}
	case a.Literal != "":
		return Expectation{Literal: a.Literal}
	case a.End == Returned:
		return Expectation{Type: a.Type, Parts: a.Parts}
	}
	return Expectation{}
}

// A Pinned test and what it asserts.
type Pinned struct {
	Test    testrun.Test `json:"test"`
	Asserts string       `json:"asserts"` // such as "the value", "the type and 2 parts of the value"; "" nothing: the test is as it was
}
