// Package diverge compares a failing run with a passing one of the same test:
// where the two part first, and with which values.
package diverge

import (
	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/card"
)

// A Divergence is where two runs of one test part.
type Divergence struct {
	Found     bool          `json:"found"`
	Kind      string        `json:"kind"`       // argument, call, return, exception, state, or none
	RedCall   *trace.Record `json:"red_call"`   // the call in which they part; nil when only the other run made it
	GreenCall *trace.Record `json:"green_call"` //
	Changed   []Change      `json:"changed"`    // the values that differ there
	Text      string        `json:"text"`       // side by side in fixed width, at most 30 lines
	Lines     []Line        `json:"lines"`      // the same as rows of a table
	Passed    int           `json:"passed"`     // differences before it that were passed over: noise, or without effect on the failure
}

// A Change is one value that differs between the runs.
type Change struct {
	Name  string `json:"name"` // argument, "return", "raise" or "call"
	Red   string `json:"red"`
	Green string `json:"green"`
}

// A Line is one row of the divergence card.
type Line struct {
	Red     string `json:"red"`
	Green   string `json:"green"`
	Differs bool   `json:"differs"`
	Where   string `json:"where,omitempty"` // file:line of the function
}

// Compare aligns two runs of the same test, the failing and the passing one,
// and says where they part.
//
// What failed in red is compared with the passing run's call of the same
// function, and where that does not differ, or nothing failed, or green has no
// such call, all other outermost calls that both made. Values are compared
// without identities. Calls that only one run made are
// found by aligning the calls that the same call made. That is the first
// difference in the order of execution, but for those that cannot have led to
// the failure as long as there is another: times, addresses, temporary names
// and numbers that the runs made up (see pairing), and what happened within
// calls that ended alike and changed the same.
func Compare(red, green *trace.Trace, opts card.Options) Divergence {
	roots := pairRoots(red, green)
	if len(roots.pairs) == 0 {
		return Divergence{Kind: "none", Text: "Nothing to compare: no outermost call of one run occurs in the other.\n"}
	}
	d := newDiffer(red, green)
	s, passed := d.compareRoots(roots)
	if s == nil {
		return Divergence{Kind: "none", Text: roots.alike()}
	}
	out := Divergence{Found: true, Kind: s.kind, Changed: s.changed, Passed: len(passed)}
	out.RedCall, out.GreenCall = startOf(s.red), startOf(s.green)
	out.Lines = cardLines(red, green, s.top.red, s.top.green, s, passed, opts)
	out.Text = sideBySide(out.Lines)
	return out
}

func startOf(c trace.Call) *trace.Record {
	r := c.Start()
	if r.ID == 0 {
		return nil
	}
	return &r
}

// sameCode says whether two calls are of the same function in their two trees.
// Lines move with the patch, and so may the tree's place.
func sameCode(a, b trace.Call) bool {
	x, y := a.Code(), b.Code()
	return x.Name == y.Name && baseName(x.File) == baseName(y.File)
}

func baseName(file string) string {
	for i := len(file) - 1; i >= 0; i-- {
		if file[i] == '/' {
			return file[i+1:]
		}
	}
	return file
}
