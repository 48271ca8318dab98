// Package language is the contract of a programming language, as small
// interfaces grouped by caller. A language is a package below this one; python
// is the first. Packages above it (repro, verify, pipeline, orchestrator,
// report and web) do not name a language: internal/archtest checks that.
//
//	Claims        pipeline    is this event ours?
//	Reproduction  repro       environments, the stack in the tree, ways to write a test
//	Session       everyone    test runs whose results can be trusted
//	Analyser      verify      what a patch's source says
//	Prober        verify      what calls near the failing one answer
//	Pinner        pipeline    a test that asserts what its call answers
//	Documenter    verify      what base documents, and whether its examples hold
//	Linter        verify      what the repository's own linters and type checkers report
//	Rules         everyone    which parts of a stack or failure are due to the language
//
// What package patch needs, the files that a patch may touch, is patch.Rules,
// because patch is in a lower layer.
//
// To add a language, implement these in a folder of its own and add it to the
// wiring in package app; docs/adding.md walks through it.
package language

import (
	"context"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/testrun"
)

// A Language is everything that the packages above need.
type Language interface {
	Claims
	Reproduction
	Session
	Analyser
	Rules
	Prober
	Pinner
	patch.Rules
}

// Claims says which events belong to a language.
type Claims interface {
	// Name is the language's, lower case, as bundles have it: "python".
	Name() string
	// Claims reports whether the event was raised by code in this language. An
	// event that does not say is claimed.
	Claims(e *incident.Event) bool
}

// Session runs tests in a sandbox so that their results can be trusted although
// the code under test cannot. Safe for concurrent use.
type Session interface {
	// Run runs one session. An error means that the session could not be run; a
	// failing or forged session is a Result. If the environment has no test
	// runner, the error's kind is fault.NotFound, and its text contains the
	// output.
	Run(ctx context.Context, req testrun.Request) (*testrun.Result, error)
	// Repeat runs one session n times, with n results in order. They may share a
	// sandbox, but none can influence another, and the first has what one of Run
	// has. Sessions with a trace are not repeated.
	Repeat(ctx context.Context, req testrun.Request, n int) ([]*testrun.Result, error)
	// Drive calls the function of req.Test several times in one process, with no
	// test runner and under other conditions than those of Run. It watches the
	// tree for exceptions whose bare class name is watch.
	Drive(ctx context.Context, req testrun.Request, under testrun.Conditions, watch string) (*testrun.Driven, error)
	// Suite returns the arguments that a project's test command passes to the
	// test runner, for Request.Suite; nil means the whole tree.
	Suite(command []string) []string
	// Command is the command line to run a test in a clone.
	Command(t testrun.Test) []string
}

// Rules tell which parts of a stack or failure are due to the language rather
// than the program.
type Rules interface {
	// Body reports whether a frame's function is a module's body, which has no
	// caller: what it reads is input.
	Body(function string) bool
	// Inlined reports whether a frame's function may be inlined into the
	// enclosing function, so that only some versions of the language have a
	// frame for it.
	Inlined(function string) bool
	// Exhausts reports whether an exception means that the stack is exhausted.
	// A tracer uses some of it, so the failure moves by a step.
	Exhausts(exception string) bool
	// Reworded reports whether two messages of one exception type say the same in
	// the words of different versions of the language.
	Reworded(a, b string) bool
	// Expects reports whether an exception means that a test's expectation was
	// not met, rather than that something is missing or broke.
	Expects(exception string) bool
}

// Analyser reads source. Safe for concurrent use.
type Analyser interface {
	// Analyse reads both sides of a patch without executing either.
	Analyse(ctx context.Context, q Question) (*Analysis, error)
	// Refuses says why a head that raises an exception, as the test's call ends
	// in it, does so on purpose, to refuse its input.
	Refuses(ctx context.Context, q Question, raised Raise) (*Purpose, error)
}

// A Raise is the exception in which the failing test's call ends on head.
type Raise struct {
	Exception string  `json:"exception"` // bare class name
	Stack     []Level `json:"stack"`     // in-tree levels of head, outermost first
}

// A Purpose is what speaks for an exception that is meant; each is a clause,
// such as "desk/web.py:16 handles it", or "". None of them counts what the patch
// itself says.
type Purpose struct {
	Handled    string `json:"handled"`    // by a function that was outside the test's call in production, or by the framework
	Documented string `json:"documented"` // by a function on the way to it
	Usual      string `json:"usual"`      // raised beside it for bad input too, and what it refuses is input
}

// A Question is one patch to be analysed.
type Question struct {
	Run       string // run id, for labels
	Env       testrun.Environment
	Tree      string // host directory of the base commit's tree
	Overlay   patch.Overlay
	Stack     []Level   // in-tree levels of the failure on base, outermost first; nil before it is known
	Callers   []Level   // those that were outside the test's call in production, outermost first
	Ways      [][]Level // from the test's call to functions off the stack that ran on base before it failed; the last level of each is that function
	Raised    []string  // bare class names of the exceptions that were raised in that run
	Exception string    // bare class name of the failure
	Test      string    // source of the failing test
}

// A Level is one in-tree level of a failure's stack.
type Level struct {
	Path     string `json:"path"`
	Function string `json:"function"` // bare name
	Line     int    `json:"line"`
}

// An Analysis is what a patch's source shows.
type Analysis struct {
	Violations  []patch.Violation         `json:"violations"`  // of the policy on code
	Permissions []patch.Violation         `json:"permissions"` // what it leaves to people: constructs that the patch adds
	Broad       []patch.Violation         `json:"broad"`       // catch-all handlers that the patch adds
	Guards      []Guard                   `json:"guards"`      // guards that it adds on the failure's path
	Lines       map[string]map[int][2]int `json:"lines"`       // file → executable line → first and last line of its statement
	Changed     map[string][]string       `json:"changed"`     // file → qualified names of the functions whose own code differs, "" for code outside functions; other files are not in it
	Touched     []Touched                 `json:"touched"`     // statements that the patch adds, alters or removes
	Failing     [][]int                   `json:"failing"`     // for each expression that may be the one that failed, the lines of head on which it still stands; nil where the patch does not change its file
	Tests       []string                  `json:"tests"`       // files of tests that import a changed file, the nearest first
	Supplied    []string                  `json:"supplied"`    // names that the failing statement reads, nothing defined, and the patch brings in from the one place that has them; nil where it does anything else
}

// A Touched is one statement that a patch adds, alters or removes; of a compound
// one, its head.
type Touched struct {
	Path    string   `json:"path"`
	Base    bool     `json:"base"`    // the lines are those of base, otherwise of head
	First   int      `json:"first"`   //
	Last    int      `json:"last"`    //
	Defines []string `json:"defines"` // what it says how to use, where the patch changes that: parameters, the form of a result, a name that is new or gone
	Uses    []string `json:"uses"`    // the other names in it
}

// Statement returns the lines of the statement to which an executable line of a
// file belongs; ok is false for lines that cannot execute.
func (a *Analysis) Statement(path string, line int) (first, last int, ok bool) {
	span, ok := a.Lines[path][line]
	return span[0], span[1], ok
}

// A Guard is a construct that a patch adds and that can hide a bad value or a
// failure. Lists of levels are indices into Question.Stack.
type Guard struct {
	Path       string    `json:"path"`
	Function   string    `json:"function"` // qualified
	Line       int       `json:"line"`     // in head
	Kind       GuardKind `json:"kind"`
	Origin     string    `json:"origin"`     // where the value that it tests comes from
	Documented string    `json:"documented"` // how base documents that value, "" if it does not
	Roots      []string  `json:"roots"`      // names that it tests
	Levels     []int     `json:"levels"`     // that are this function
	InputAt    []int     `json:"input_at"`   // levels at which the parameters that it depends on are parts of the input
	DirectAt   []int     `json:"direct_at"`  // those at which it tests the parameters themselves
	BaseCase   bool      `json:"base_case"`  // it ends a recursion with something other than the value that it tests
	Constant   bool      `json:"constant"`   // it puts something in the place of the value that nothing was computed from
	OnWay      bool      `json:"on_way"`     // of a function off the stack that one of Question.Ways leads to
	Input      bool      `json:"input"`      // there the parameters that it tests are parts of the input
	Effect     int       `json:"effect"`     // line that runs where it takes effect, 0 where no line tells
	Handler    int       `json:"handler"`    // line of the handler that it is, 0 if it is none
}

// A GuardKind says what a guard does. Kinds not listed here are conditions that
// leave early, substitute, skip, clamp or filter, named as people read them.
type GuardKind string

// The kinds of guards that hide a failure wherever they are.
const (
	GuardHandler   GuardKind = "try"      // a handler for the failure's exception
	GuardUnchecked GuardKind = "check"    // the failed check is removed
	GuardConstant  GuardKind = "constant" // a constant replaces the failing computation
	GuardRemoved   GuardKind = "removed"  // the failing statement is removed
	GuardRefusal   GuardKind = "refusal"  // a handler that raises another exception: the input is refused
	GuardFormat    GuardKind = "format"   // a handler that reads the same value in another way: a second accepted format
)
