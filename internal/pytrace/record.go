package pytrace

// A Kind tells what a record records.
type Kind string

// The kinds of records. Definitions (process, code, thread, executed lines)
// are not records: they stand in the Trace's own fields.
const (
	KindCall    Kind = "call"    // a function was entered; Args are as at entry
	KindReturn  Kind = "ret"     // it returned Value; Changed are arguments that differ from entry
	KindUnwind  Kind = "unwind"  // it was left by the exception Exc; Changed as above
	KindYield   Kind = "yield"   // a generator or coroutine was suspended with Value
	KindResume  Kind = "resume"  // it goes on; Parent is who resumed it
	KindRaise   Kind = "raise"   // Exc was first seen, at Line of Call; Args are the frame's locals
	KindPass    Kind = "pass"    // Exc, raised further in, arrived in Call at Line
	KindHandled Kind = "handled" // Exc was swallowed in Call, by the handler at Handler
	KindMark    Kind = "mark"    // a runner's boundary: Text and State, such as a test's node id and phase
)

// A Record is one event of a trace. Which fields are set depends on Kind.
type Record struct {
	ID       int      `json:"id"`   // position in the trace, from 1; findings name their evidence by it
	Kind     Kind     `json:"kind"` //
	Process  int      `json:"process,omitempty"`
	Thread   int      `json:"thread,omitempty"`    // 0 is the main thread
	Call     int64    `json:"call_id,omitempty"`   // unique in the trace
	Parent   int64    `json:"parent_id,omitempty"` // calls: the caller in scope, 0 for none
	Depth    int      `json:"depth,omitempty"`     // calls: number of callers in scope
	Nth      int      `json:"nth,omitempty"`       // calls: how often this function had been called, this time included
	Micros   int64    `json:"t,omitempty"`         // since the process's start of tracing
	Code     *Code    `json:"-"`                   // the function; never nil but for marks
	Line     int      `json:"line,omitempty"`      // call: where in the caller; else: where in the function
	Late     bool     `json:"late,omitempty"`      // call: written when an exception made it matter; Args are as of then
	Gap      int      `json:"gap,omitempty"`       // call: unrecorded calls between it and Parent
	Args     []Var    `json:"args,omitempty"`
	Defaults []string `json:"defaults,omitempty"` // call: parameters that hold their mutable default, which all calls share
	Changed  []Var    `json:"changed,omitempty"`
	Value    *Value   `json:"value,omitempty"`

	Exc     int64   `json:"exc,omitempty"`     // number of the exception object, unique in the trace
	Type    string  `json:"type,omitempty"`    // raise: bare class name; unwind: of a StopIteration and the like, which is not an error
	Module  string  `json:"module,omitempty"`  // raise: module of the class
	Text    string  `json:"text,omitempty"`    // raise: message; mark: name
	Origin  *Origin `json:"origin,omitempty"`  // raise: where out of scope it came from
	Context int64   `json:"context,omitempty"` // raise: the exception that was being handled
	Handler int     `json:"handler,omitempty"` // handled: line of the except, with or finally; 0 when out of scope
	After   int     `json:"after,omitempty"`   // handled: line where the function went on or returned
	Outcome string  `json:"outcome,omitempty"` // handled: continue, return, yield, or outside (swallowed by code out of scope that Call had called)
	State   string  `json:"state,omitempty"`   // mark
}

// A Code is one code object: a function, a module's body or a lambda.
type Code struct {
	File string   `json:"file"` // real path in the traced process
	Name string   `json:"name"` // qualified name, such as Cart.add_item; <module> for a module's body
	Line int      `json:"line"` // first line
	Args []string `json:"args,omitempty"`
	Kind string   `json:"kind,omitempty"` // "", generator, coroutine, async_generator, module
	// Calls counts all its calls, also those that were not recorded; 0 when
	// the process did not live to say.
	Calls int `json:"calls,omitempty"`
}

// An Origin is a place in code out of scope.
type Origin struct {
	File string `json:"file"`
	Name string `json:"name"`
	Line int    `json:"line"`
}

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
	ID      int        `json:"id,omitempty"`      // identity of a mutable object within its process; see Finding shared for the caveat
	Len     int        `json:"len,omitempty"`     // of containers and cut texts
	Items   []Value    `json:"items,omitempty"`   // of sequences and sets that are no literals
	Pairs   [][2]Value `json:"pairs,omitempty"`   // of dicts that are no literals
	Args    []Value    `json:"args,omitempty"`    // of exceptions
	Fields  []Var      `json:"fields,omitempty"`  // instance attributes
	Shared  []Var      `json:"shared,omitempty"`  // mutable attributes of its class, shared by all instances
	Cut     bool       `json:"cut,omitempty"`     // parts are missing
	Cycle   bool       `json:"cycle,omitempty"`   // an object that is being rendered further out
	Masked  bool       `json:"masked,omitempty"`  // hidden for its name
}
