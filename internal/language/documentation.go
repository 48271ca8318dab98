package language

import (
	"context"
)

// Documenter reads what a tree documents about its functions, and runs the
// examples in it. What comes back from running was computed beside untrusted
// code: a side can only misrepresent itself. Safe for concurrent use.
type Documenter interface {
	// Documentation reads base's docstrings and documents. Nothing is executed.
	// lines are those that a call ran, by path: the functions that have one are
	// of interest; all of a file without lines.
	Documentation(ctx context.Context, p Probe, lines map[string][]int) (*Documentation, error)
	// Examples runs examples on a tree with an overlay, one Outcome for each.
	Examples(ctx context.Context, p Probe, examples []Example) ([]ExampleOutcome, error)
}

// Documentation is what base says about functions.
type Documentation struct {
	Examples []Example `json:"examples"`
	Refusals []Refusal `json:"raises"`
}

// An Example is a call with what it gives, as base documents it.
type Example struct {
	Kind     string   `json:"kind"`     // how it is written, opaque
	Path     string   `json:"path"`     // where
	Line     int      `json:"line"`     //
	Function string   `json:"function"` // that it is in the documentation of, qualified; "" a module's or a document's
	Module   string   `json:"module"`   // whose names it uses, "" those that it imports itself
	Setup    []string `json:"setup"`    // statements before it
	Source   string   `json:"source"`   // the call
	Want     string   `json:"want"`     // what it gives, as written
	Raises   string   `json:"raises"`   // the exception that it ends in, "" none
}

// An ExampleOutcome is what an example did.
type ExampleOutcome struct {
	End   ExampleEnd       `json:"end"`
	Got   string           `json:"got"`   // what it gave instead, clipped
	Type  string           `json:"type"`  // of the exception in which it ended
	Place *Place           `json:"place"` // innermost place in the tree of that
	Lines map[string][]int `json:"lines"` // in-tree lines that ran
}

// An ExampleEnd says whether an example holds.
type ExampleEnd string

// The ends. Of the last three nothing follows.
const (
	Met        ExampleEnd = "met"
	Unmet      ExampleEnd = "unmet"      // it gives something else
	Failing    ExampleEnd = "raised"     // it raises something else
	Impossible ExampleEnd = "impossible" // what it needs is not there
	TooSlow    ExampleEnd = "slow"
	Unsteady   ExampleEnd = "varies" // it does not repeat itself
)

// A Refusal is an exception that a function documents, and for what.
type Refusal struct {
	Path      string `json:"path"`
	Function  string `json:"function"` // qualified
	First     int    `json:"first"`    // line of the function
	Last      int    `json:"last"`
	Type      string `json:"type"`      // bare
	Condition string `json:"condition"` // as written: "when there is none"
}
