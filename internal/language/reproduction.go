package language

import (
	"context"
	"fmt"
	"time"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/testrun"
)

// Reproduction is what package repro asks of a language. Safe for concurrent use.
type Reproduction interface {
	// EnsureEnvironment finds or builds the environment of the tree's code. It
	// stays on this host until release is called. Building executes untrusted
	// code, in a sandbox. A *fault.Stop of type needs_environment says why
	// there is none.
	EnsureEnvironment(ctx context.Context, req EnvironmentRequest) (env testrun.Environment, release func(), err error)
	// Stack maps an exception's frames to the tree's files. Nothing is
	// executed. The caller closes it.
	Stack(tree string, setup Setup, x *incident.Exception) (Stack, error)
	// Unimportable recognises in a test run that the code could not be imported;
	// nil if it could, or if that is the incident's own exception.
	Unimportable(exception string, res *testrun.Result) *Import
	// Help tells an operator what to change so that the next event's evidence
	// is complete.
	Help(p Problem) string
}

// A Setup is how a project configures its environment; the zero value detects.
type Setup struct {
	Image        string   `json:"image,omitempty"`        // container image (docker only)
	Requirements []string `json:"requirements,omitempty"` // files that say what to install; default: those found
	Root         string   `json:"root,omitempty"`         // source root below the tree, such as "src"
	TimeZone     string   `json:"time_zone,omitempty"`    // of production, if the event names none
}

// An EnvironmentRequest says which code needs an environment.
type EnvironmentRequest struct {
	Run         string // run id, for labels
	Tree        string // host directory of the commit's tree
	Setup       Setup
	Environment incident.Environment // production's, as the event tells it
	Release     string               // production's, as received; may name the version
	Committed   time.Time            // of the tree's commit; zero if unknown
	Known       *testrun.Environment // one that was built for the tree earlier, perhaps on another host: found by its digest, or rebuilt; nil if there is none
	Progress    func(string)         // one line of progress
}

// An Import is why code could not be imported.
type Import struct {
	Type string // of the exception, bare
	What string // one line, such as "the module numpy is not installed"
	Help string // what to change
	Log  string // the lines that decide
}

// A Frame is a frame of an event with its file in the repository.
type Frame struct {
	incident.Frame
	Path string `json:"path"` // slash-separated, relative to the tree; "" outside it
}

// A Stack is one exception's in-app frames, found in one tree. Not safe for
// concurrent use.
type Stack interface {
	// Frames are the in-app frames, outermost first; the last is where it crashed.
	Frames() []Frame
	// Roots are the source roots that importing the frames' modules needs.
	Roots() []string
	// Strategies reads the source of the frames' functions, in a sandbox, and returns the ways to write a test, in the order in which
	// they are preferred. No environment of the code is needed. A *Misplaced says
	// that the crash frame is of another commit.
	Strategies(ctx context.Context, run string, story Story) ([]Strategy, error)
	Close() error
}

// Misplaced is the error of a stack whose crash frame is not in the tree.
type Misplaced struct{ Why string }

func (m *Misplaced) Error() string { return m.Why }

// A Story is the facts that a test's docstring tells its reader.
type Story struct {
	Incident string // id
	Name     string // short and stable: a part of the file's and the function's name
	Type     string // bare exception type
	Message  string
	Where    string // function (file:line) that crashed
}

// A Strategy is one way to turn the evidence into tests.
type Strategy interface {
	// Name is recorded with the reproduction, such as outermost-literal.
	Name() string
	// Candidates returns the tests that it can write, the likeliest first, and
	// a hurdle for each frame that it could not use.
	Candidates(ctx context.Context) ([]Candidate, []Hurdle, error)
}

// A Candidate is a test that may be the production failure. Running it decides.
type Candidate struct {
	Test   testrun.Test
	Called string // dotted name of the function that it calls
	Frame  int    // index into Stack.Frames of the frame whose call it repeats
	Cost   int    // of one try, relative to one run of a test: 1
	// Guessed is what of production's state the test makes up, "" for nothing: then
	// it counts only where all that can be compared is as in production.
	Guessed string
}

// A Hurdle is why a strategy could not write a test from a frame.
type Hurdle struct {
	Frame int    // index into Stack.Frames
	At    Frame  // that frame
	What  string // such as "rate was truncated by the SDK"
	Name  string // the variable, "" when it is not one
	Loss  Loss   // what became of its value
}

// String is the hurdle with its place.
func (h Hurdle) String() string {
	where := h.At.Path
	if where == "" {
		where = h.At.File
	}
	return fmt.Sprintf("%s:%d %s: %s", where, h.At.Line, incident.BareName(h.At.Function), h.What)
}

// A Loss says what happened to a value that a test needs.
type Loss int

// The losses.
const (
	Unreadable Loss = iota // recorded, but not as a value: <Cart object at 0x7f>
	Cut                    // trimmed by the SDK
	Filtered               // replaced by a scrubber
	Absent                 // not recorded
)

// A Problem is something for which Help has advice.
type Problem struct {
	Kind   ProblemKind
	Name   string          // of the variable that was lost
	Source incident.Source // of the event

	Recorded bool // the event has values that the recorder in production described
}

// A ProblemKind is a kind of missing evidence.
type ProblemKind string

// The kinds of problems.
const (
	NoLocals      ProblemKind = "no_locals"      // the event has no local variables
	ValueCut      ProblemKind = "value_cut"      // the SDK trimmed a value
	ValueFiltered ProblemKind = "value_filtered" // a scrubber replaced it
	ValueAbsent   ProblemKind = "value_absent"   // the SDK left it out
	ObjectState   ProblemKind = "object_state"   // of an object, only its repr is known
	NoTestRunner  ProblemKind = "no_test_runner" // the environment has no test runner
	NotImportable ProblemKind = "not_importable" // something to import is missing
)
