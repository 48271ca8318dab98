// Package pair reads the traces of two runs of one test together: the red one, on
// base, and the green one, with a patch. It says what they show of the failure (is
// it gone, or only not seen any more?), of the lines that ran, and of the guards
// that the patch adds. The gates of package verify that are on traces rest on it.
//
// Traces come from the code under test. So each answer is meant to speak against
// a patch, and where records are missing it is the one that helps the patch least,
// or none.
package pair

import (
	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/testrun"
	"github.com/repaird/repaird/internal/trace"
)

// treeRoot is the tree's path in the sandbox, and so in traces.
const treeRoot = testrun.Root + "/"

// A Pair is the two runs, with what is known about the failure and the patch.
// Files are relative to the tree.
type Pair struct {
	Red, Green *trace.Trace // nil: there is none
	Rules      language.Rules
	Test       testrun.Test
	Signature  incident.Signature // of the incident
	Message    string             // with which base failed
	Stack      []language.Level   // of the failure, outermost first, without the test
	Outer      int                // functions of the tree that were outside the test's call in production
	Callers    []language.Level   // these, outermost first, as far as their files are known
	Base       patch.Dir
	Overlay    patch.Overlay
	Analysis   *language.Analysis // of the patch; nil before it is known: then only Ways and Raised may be asked
	Refusal    string             // type of the exception in which the test's call is meant to end with the patch, "" for none
}
