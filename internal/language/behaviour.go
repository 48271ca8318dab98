package language

import (
	"context"

	"github.com/repaird/repaird/internal/patch"
	"github.com/repaird/repaird/internal/testrun"
)

// Prober asks code what it answers: to the call of a failing test and to calls
// near it. What comes back was computed beside untrusted code, each side in a
// sandbox of its own; a side can only misrepresent itself. Safe for concurrent
// use.
type Prober interface {
	// Neighbours chooses calls near the test's own and makes them on base, twice
	// under different hash seeds. The choice depends on the tree and the test
	// only. A test whose call cannot be varied has its own call only.
	Neighbours(ctx context.Context, p Probe) (*Neighbourhood, error)
	// Answers makes calls on a tree with an overlay, in the order given; one
	// Answer for each.
	Answers(ctx context.Context, p Probe, calls []Call) ([]Answer, error)
	// Rivals returns what else a patch could have said: versions of it in which
	// one constant, operator or name of an added line is another. They compile;
	// nothing more is known of them.
	Rivals(ctx context.Context, p Probe) ([]Rival, error)
	// Compete makes calls on several overlays in one sandbox, for rivals; one list
	// of answers for each overlay. A rival that is refuted by its answers supports
	// the patch, so a rival that misrepresents others in its sandbox can too.
	Compete(ctx context.Context, p Probe, overlays []patch.Overlay, calls []Call) ([][]Answer, error)
}

// A Probe is where and what is asked.
type Probe struct {
	Run     string // run id, for labels
	Env     testrun.Environment
	Tree    string        // host directory of the base commit's tree
	Overlay patch.Overlay // nil is base
	Test    testrun.Test
	Limit   int // calls that Neighbours chooses at most; 0 is its default
}

// A Neighbourhood is the calls chosen on base and what base answers.
type Neighbourhood struct {
	Calls   []Call   `json:"calls"` // the first is the test's own
	Answers []Answer `json:"answers"`
	// Asserts means that the test asserts what its own call answers, so that
	// passing it says what that is.
	Asserts bool   `json:"asserts"`
	Why     string `json:"why"` // why there are no more calls, "" if nothing limited them
}

// A Call is one call of the test's entry, a variation of the test's own syntax tree.
type Call struct {
	Shown string `json:"shown"` // as people read it: quote(currency="EUR")
	Test  string `json:"test"`  // the test's source with this call, opaque to callers
	Seed  int    `json:"seed"`  // index of the call that it is a variation of: 0 the test's own, otherwise a twin's
	Leaf  string `json:"leaf"`  // path of the literal that was changed, such as payload.currency, or config#2 for the third number in a text; "" for the test's own call
	Edit  string `json:"edit"`  // kind of change: case, space, unicode, zeros, number, dictionary, nonsense, drop, repeat, reverse, joint, absent …
	From  string `json:"from"`  // the literal before, in source form
	To    string `json:"to"`    // and after
	Twin  bool   `json:"twin"`  // the nearest call by this leaf that base answers; other calls may be variations of it
	// Normalising means that the literals are equal but for case, space, Unicode
	// form or leading zeros; or, with the edit "conversion", that one is a number
	// and the other its text.
	Normalising bool `json:"normalising"`
	// Partner is the index of the call in which Normalising edit of the failing
	// input is applied to this call's literal (from GBP to gbp, where production
	// had eur and its twin EUR); -1 none.
	Partner int `json:"partner"`
}

// An Answer is what one call did. Values are encodings in which equal values
// are equal texts, whatever the program's own equality says.
type Answer struct {
	End     End    `json:"end"`
	Value   string `json:"value"`   // the result
	Type    string `json:"type"`    // of the result, or of the exception, qualified
	Parts   []Part `json:"parts"`   // of the result, flattened, bounded
	Literal string `json:"literal"` // source of an expression that is equal to the result, "" where there is none
	State   string `json:"state"`   // arguments, receiver, the test's locals and the tree's module state afterwards; shares identities with Value
	Output  string `json:"output"`  // written to standard output and error
	Files   string `json:"files"`   // digest of what it wrote to files

	Message string           `json:"message"` // of the exception
	Raised  Place            `json:"raised"`  // innermost in-tree place of the exception
	Handled []Handling       `json:"handled"` // exceptions that the tree caught and did not raise again
	Lines   map[string][]int `json:"lines"`   // in-tree lines that ran
	Varies  bool             `json:"varies"`  // differs under another hash seed or on repetition
}

// A Part is one leaf of a result.
type Part struct {
	Path string `json:"path"` // [0].total
	Type string `json:"type"`
	Text string `json:"text"`
}

// A Place is a line of the tree.
type Place struct {
	Path     string `json:"path"`
	Function string `json:"function"`
	Line     int    `json:"line"`
}

// A Handling is an exception that ended in a handler of the tree.
type Handling struct {
	Type string `json:"type"`
	Place
}

// An End says how a call ended.
type End string

// The ends. Answers of the last three kinds are incomparable: neither equal
// nor different.
const (
	Returned End = "return"
	Raised   End = "raise"
	Slow     End = "slow"   // did not end in time
	Opaque   End = "opaque" // the result cannot be encoded whole
	Lost     End = "lost"   // the process ended, or nothing came back
)

// A Rival is a patch that differs from another one in one place.
type Rival struct {
	Overlay patch.Overlay `json:"overlay"`
	Path    string        `json:"path"`
	Line    int           `json:"line"`
	Change  string        `json:"change"` // as people read it: 0.001 → 0.002
	Value   bool          `json:"value"`  // the change is that of a constant's value
}
