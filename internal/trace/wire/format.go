// Package wire is the format of traces: JSON Lines, of which SCHEMA.md says what
// may stand in them, and schema.json the same for programs.
//
// A Decoder reads one line into a Line. Events, which are most of the lines,
// have a shorter way: ScanEvent reads the numbers at their head and leaves the
// rest, the Body, as it is; its methods decode a key of it when they are asked
// for it, within bounds, for a trace comes from code that may be hostile. A
// Value is a Python value as the tracer wrote it down.
package wire

// A Kind tells what a record records.
type Kind string

// The kinds of records. Definitions (process, code, thread, task, executed
// lines) are not records: they are in the Trace's own fields.
const (
	KindCall     Kind = "call"    // a function was entered; Args are as at entry
	KindReturn   Kind = "ret"     // it returned Value; Changed are arguments that differ from entry
	KindUnwind   Kind = "unwind"  // it was left by the exception Exc; Changed as above
	KindYield    Kind = "yield"   // a generator or coroutine was suspended with Value
	KindResume   Kind = "resume"  // it goes on; Parent is who resumed it
	KindRaise    Kind = "raise"   // Exc was first seen, at Line of Call; Args are the frame's locals
	KindPass     Kind = "pass"    // Exc, raised further in, arrived in Call at Line
	KindHandled  Kind = "handled" // Exc was swallowed in Call, by the handler at Handler
	KindStep     Kind = "step"    // Line of Call begins; Assigned are variables that changed since the frame's last step
	KindBranch   Kind = "br"      // the test at Line of Call held or not, see Taken, and To came next
	KindSnapshot Kind = "snap"    // a breakpoint was hit, see Snapshot
	KindMark     Kind = "mark"    // a runner's boundary: Text and State, such as a test's node id and phase
)

// A Var is a named value.
type Var struct {
	Name  string `json:"name"`
	Value Value  `json:"value"`
}

// A Value is a Python value as the tracer rendered it, structurally and
// without running the program's code.
type Value struct {
	Type    string     `json:"type"`              // class name; "" for a scalar or tuple whose Text is a literal
	Module  string     `json:"module,omitempty"`  // of the class; "" for built-ins
	Text    string     `json:"text,omitempty"`    // Python text
	Literal bool       `json:"literal,omitempty"` // ast.literal_eval(Text) gives an equal value
	Rebuild string     `json:"rebuild,omitempty"` // Python expression over importable modules that gives an equal value; "" where none does
	New     string     `json:"new,omitempty"`     // dotted name of the class: the object can be rebuilt without a constructor by setting its Fields
	ID      int        `json:"id,omitempty"`      // identity of a mutable object within its process; see Finding shared for the caveat
	Len     int        `json:"len,omitempty"`     // of containers and cut texts
	Items   []Value    `json:"items,omitempty"`   // of sequences and sets that are not literals
	Pairs   [][2]Value `json:"pairs,omitempty"`   // of dicts that are not literals
	Args    []Value    `json:"args,omitempty"`    // of exceptions
	Fields  []Var      `json:"fields,omitempty"`  // instance attributes
	Shared  []Var      `json:"shared,omitempty"`  // mutable attributes of its class, shared by all instances
	Shape   []int      `json:"shape,omitempty"`   // of arrays, frames and tensors
	DType   string     `json:"dtype,omitempty"`   // likewise
	Cut     bool       `json:"cut,omitempty"`     // parts are missing
	Cycle   bool       `json:"cycle,omitempty"`   // an object that is being rendered further out
	Masked  bool       `json:"masked,omitempty"`  // hidden for its name
}

// A Snapshot is what a breakpoint recorded, or where an exception was that
// nobody caught.
type Snapshot struct {
	N       int     `json:"n"`                // ordinal in the process, from 1
	Why     string  `json:"why"`              // breakpoint or exception
	At      string  `json:"at,omitempty"`     // the breakpoint, FILE:LINE
	Hit     int     `json:"hit,omitempty"`    // how many-th time it was reached
	Line    int     `json:"line,omitempty"`   //
	Time    float64 `json:"ts,omitempty"`     // Unix time in seconds
	Type    string  `json:"type,omitempty"`   // exception: class name
	Text    string  `json:"text,omitempty"`   // exception: message
	Stack   []Frame `json:"stack,omitempty"`  // innermost first
	More    int     `json:"more,omitempty"`   // frames that were left out
	Watches []Watch `json:"watch,omitempty"`  // in the order of Config.Watches
	Record  int     `json:"record,omitempty"` // id of its record
}

// A Frame is one frame of a stack.
type Frame struct {
	File   string `json:"file"`
	Name   string `json:"name"` // function
	Line   int    `json:"line"`
	Locals []Var  `json:"locals,omitempty"`
}

// A Watch is a watched expression and what it gave: a value or an error.
type Watch struct {
	Expr  string `json:"expr"`
	Value *Value `json:"value,omitempty"`
	Err   string `json:"err,omitempty"` // such as NameError: name 'x' is not defined
}

// An Origin is a place in code out of scope.
type Origin struct {
	File string `json:"file"`
	Name string `json:"name"`
	Line int    `json:"line"`
}
