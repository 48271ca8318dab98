// Package language is what repaird asks of a programming language, as small
// interfaces by who needs them. A language is a folder below this one; python is
// the first. Nothing above it (packages repro, verify, pipeline, orchestrator,
// report and web) names a language: internal/archtest checks that.
//
//	Claims        pipeline    is this event ours?
//	Reproduction  repro       environments, the stack in the tree, ways to write a test
//	Session       everyone    tests run so that the result can be believed
//	Analyser      verify      what a patch's source says
//	Rules         everyone    what of a stack or a failure is the language's doing
//
// What package patch asks of a language, the files that a patch may touch, is
// patch.Rules: patch is below.
//
// To add a language, implement these in a folder of its own and add it to the
// list in package app; docs/adding.md walks through it.
package language

import (
	"context"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/testrun"
)

// A Language is all that the packages above ask for.
type Language interface {
	Claims
	Reproduction
	Session
	Analyser
	Rules
	patch.Rules
}

// Claims says which events are a language's.
type Claims interface {
	// Name is the language's, lower case, as bundles have it: "python".
	Name() string
	// Claims reports whether the event was raised by code of this language. An
	// event that does not say is claimed.
	Claims(e *incident.Event) bool
}

// Session runs tests in a sandbox so that their result can be believed although
// the code under test is hostile. Safe for concurrent use.
type Session interface {
	// Run runs one session. An error means that the session could not be run; a
	// failing or lying session is a Result. Where the environment has no test
	// runner the error's kind is fault.NotFound, and its text has the output.
	Run(ctx context.Context, req testrun.Request) (*testrun.Result, error)
	// Suite returns what a project's test command gives to the test runner, as
	// Request.Suite takes it; nil means the whole tree.
	Suite(command []string) []string
	// Command is what people type to run a test in a clone.
	Command(t testrun.Test) []string
}

// Rules are what of a stack or a failure is the language's doing rather than
// the program's.
type Rules interface {
	// Body reports whether a frame's function is a module's body, which nobody
	// called: what it reads is input.
	Body(function string) bool
	// Inlined reports whether a frame's function belongs to the function around
	// it, so that versions of the language disagree about its frame.
	Inlined(function string) bool
	// Exhausts reports whether an exception says that the stack is used up. A
	// tracer uses some of it, so the failure moves by a step.
	Exhausts(exception string) bool
}

// Analyser reads source. Safe for concurrent use.
type Analyser interface {
	// Analyse reads both sides of a patch without executing anything of them.
	Analyse(ctx context.Context, q Question) (*Analysis, error)
}

// A Question is one patch to be analysed.
type Question struct {
	Run       string // run id, for labels
	Env       testrun.Environment
	Tree      string // host directory of the base commit's tree
	Overlay   patch.Overlay
	Stack     []Level // in-tree levels of the failure on base, outermost first; nil before it is known
	Exception string  // bare class name of the failure
}

// A Level is one in-tree level of a failure's stack.
type Level struct {
	Path     string `json:"path"`
	Function string `json:"function"` // bare name
	Line     int    `json:"line"`
}

// An Analysis is what the source of a patch says.
type Analysis struct {
	Violations []patch.Violation         `json:"violations"` // of the policy on code
	Broad      []patch.Violation         `json:"broad"`      // catch-all handlers that the patch adds
	Guards     []Guard                   `json:"guards"`     // constructs that it adds where the failure passed
	Lines      map[string]map[int][2]int `json:"lines"`      // file → executable line → first and last line of its statement
}

// Statement returns the lines of the statement to which an executable line of a
// file belongs; ok is false for lines that cannot execute.
func (a *Analysis) Statement(path string, line int) (first, last int, ok bool) {
	span, ok := a.Lines[path][line]
	return span[0], span[1], ok
}

// A Guard is a construct that a patch adds to a function of the failure's stack
// and that can keep a bad value from doing harm. Lists of levels are indices
// into Question.Stack.
type Guard struct {
	Path       string    `json:"path"`
	Function   string    `json:"function"` // qualified
	Line       int       `json:"line"`     // in head
	Kind       GuardKind `json:"kind"`
	Origin     string    `json:"origin"`     // where the value that it asks about comes from
	Documented string    `json:"documented"` // how base documents that the value may be so, "" when it does not
	Roots      []string  `json:"roots"`      // names that it asks about
	Levels     []int     `json:"levels"`     // that are this function
	InputAt    []int     `json:"input_at"`   // levels at which the parameters that it depends on are parts of the input
	DirectAt   []int     `json:"direct_at"`  // those at which it asks about the parameters themselves
	BaseCase   bool      `json:"base_case"`  // it answers a recursion with something other than the value that it asks about
}

// A GuardKind says what a guard does. Kinds not listed here are conditions that
// leave early, substitute, skip, clamp or filter, named as people read them.
type GuardKind string

// The kinds of guards that hide a failure wherever they stand.
const (
	GuardHandler   GuardKind = "try"      // a handler for the failure's exception
	GuardUnchecked GuardKind = "check"    // the check that failed is gone
	GuardConstant  GuardKind = "constant" // a constant stands where the failing statement computed
	GuardRemoved   GuardKind = "removed"  // the failing statement is gone
)
