package pytrace

import "encoding/json"

// A Kind tells what a record records.
type Kind string

// The kinds of records. Definitions (process, code, thread, task, executed
// lines) are not records: they stand in the Trace's own fields.
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

// A Record is one event of a trace. What every event has are fields; values
// and what is rare are decoded when a method asks for it, each time anew. The
// zero Record stands for none: its ID is 0 and its methods return zero values.
// Records of one trace can be compared with ==.
type Record struct {
	ID      int   // position in the trace, from 1; findings name their evidence by it
	Kind    Kind  //
	Process int   // index in Trace.Processes
	Thread  int   // index in the process's Threads; 0 is the main thread
	Task    int   // number of the asyncio task, see Trace.TaskName; 0 for none
	Call    int64 // unique in the trace
	Parent  int64 // calls: the caller in scope, 0 for none; resume: who resumed it
	Depth   int   // calls: number of callers in scope
	Nth     int   // calls: how often this function had been called, this time included
	Micros  int64 // since the process's start of tracing
	Code    *Code // the function; never nil but for marks and snapshots out of scope
	Line    int   // call: where in the caller; else: where in the function
	Exc     int64 // number of the exception object, unique in the trace
	Late    bool  // call: written when an exception made it matter; Args are as of then

	body body
}

// take sets what an event has, but for ID and Code.
func (r *Record) take(e *event, b body) {
	unique := func(n uint32) int64 {
		if n == 0 {
			return 0
		}
		return int64(n) | int64(e.proc)<<procShift
	}
	r.Kind, r.Process, r.Thread, r.Task, r.Call, r.Parent = kindNames[e.kind], int(e.proc), int(e.thread), int(e.task), unique(e.call), unique(e.parent)
	r.Depth, r.Micros, r.Line, r.Late, r.body = int(e.depth), e.micros, int(e.line), e.flags&flagLate != 0, b
	if e.kind.hasException() {
		r.Exc = unique(e.num)
	} else if e.kind == kindCall {
		r.Nth = int(e.num)
	}
}

// Args returns a call's arguments at entry, or the locals of the frame that raised.
func (r Record) Args() []Var {
	switch r.Kind {
	case KindCall:
		return r.body.vars("a")
	case KindRaise:
		return r.body.vars("loc")
	}
	return nil
}

// Defaults returns the parameters of a call that hold their mutable default,
// which all calls share.
func (r Record) Defaults() []string {
	if r.Kind != KindCall {
		return nil
	}
	return r.body.texts("df")
}

// Changed returns the arguments that a call changed in place, at its end.
func (r Record) Changed() []Var {
	if r.Kind != KindReturn && r.Kind != KindUnwind {
		return nil
	}
	return r.body.vars("m")
}

// Assigned returns the variables that changed since the frame's last step.
func (r Record) Assigned() []Var {
	if r.Kind != KindStep && r.Kind != KindReturn && r.Kind != KindUnwind {
		return nil
	}
	return r.body.vars("s")
}

// Value returns what was returned or yielded, or the exception that was
// raised; nil where there is none.
func (r Record) Value() *Value { return r.body.value("v") }

// Type returns the bare class name of the exception that was raised; at an
// unwind that of a StopIteration and the like, which is not an error.
func (r Record) Type() string { return clip(r.body.text("x"), maxName) }

// Module returns the module of the raised exception's class.
func (r Record) Module() string { return clip(r.body.text("xm"), maxName) }

// Text returns the message of a raise, or the name of a mark.
func (r Record) Text() string {
	if r.Kind == KindMark {
		return clip(r.body.text("name"), maxName)
	}
	return r.body.text("msg")
}

// State returns the state of a mark.
func (r Record) State() string { return clip(r.body.text("state"), 200) }

// Origin returns where out of scope a raised exception came from; nil where it
// was raised in scope.
func (r Record) Origin() (o *Origin) {
	r.body.each("from", func(d *decoder) { d.origin(&o) })
	return o
}

// Context returns the number of the exception that was being handled at a raise.
func (r Record) Context() int64 {
	n := r.body.int("ctx")
	if n <= 0 || n > maxNumber {
		return 0
	}
	return int64(n) | int64(r.Process)<<procShift
}

// Handler returns the line of the except, finally or with that swallowed an
// exception; 0 when that is out of scope.
func (r Record) Handler() int { return r.body.int("h") }

// After returns the line where the function went on or returned after it had
// swallowed an exception.
func (r Record) After() int { return r.body.int("after") }

// Outcome says what followed a swallowed exception: continue, return, yield,
// or outside (code out of scope that Call had called swallowed it).
func (r Record) Outcome() string {
	if r.Kind != KindHandled {
		return ""
	}
	return clip(r.body.text("o"), 20)
}

// Gap returns the number of unrecorded calls between a call and its Parent.
func (r Record) Gap() int { return r.body.int("gap") }

// To returns the line that came after a branch.
func (r Record) To() int { return r.body.int("to") }

// Taken says that a branch's test held, or that the loop went in.
func (r Record) Taken() bool {
	n := 0
	if r.Kind == KindBranch {
		r.body.each("o", func(d *decoder) { n, _ = d.natural() })
	}
	return n == 1
}

// Snapshot returns what a breakpoint recorded; nil for other kinds.
func (r Record) Snapshot() *Snapshot {
	if r.Kind != KindSnapshot {
		return nil
	}
	b := r.body
	s := &Snapshot{N: b.int("n"), Why: clip(b.text("why"), 20), At: clip(b.text("at"), maxName), Hit: b.int("hit"), Line: r.Line,
		Type: r.Type(), Text: r.Text(), Stack: b.frames("stack"), Record: r.ID}
	b.each("more", func(d *decoder) { s.More, _ = d.natural() })
	b.each("ts", func(d *decoder) { d.float(&s.Time) })
	b.each("w", func(d *decoder) { d.watches(&s.Watches) })
	return s
}

// MarshalJSON writes the record with all that it holds.
func (r Record) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID       int       `json:"id"`
		Kind     Kind      `json:"kind"`
		Process  int       `json:"process,omitempty"`
		Thread   int       `json:"thread,omitempty"`
		Task     int       `json:"task,omitempty"`
		Call     int64     `json:"call_id,omitempty"`
		Parent   int64     `json:"parent_id,omitempty"`
		Depth    int       `json:"depth,omitempty"`
		Nth      int       `json:"nth,omitempty"`
		Micros   int64     `json:"t,omitempty"`
		Code     *Code     `json:"code,omitempty"`
		Line     int       `json:"line,omitempty"`
		Late     bool      `json:"late,omitempty"`
		Gap      int       `json:"gap,omitempty"`
		Args     []Var     `json:"args,omitempty"`
		Defaults []string  `json:"defaults,omitempty"`
		Changed  []Var     `json:"changed,omitempty"`
		Assigned []Var     `json:"assigned,omitempty"`
		Value    *Value    `json:"value,omitempty"`
		Exc      int64     `json:"exc,omitempty"`
		Type     string    `json:"type,omitempty"`
		Module   string    `json:"module,omitempty"`
		Text     string    `json:"text,omitempty"`
		Origin   *Origin   `json:"origin,omitempty"`
		Context  int64     `json:"context,omitempty"`
		Handler  int       `json:"handler,omitempty"`
		After    int       `json:"after,omitempty"`
		Outcome  string    `json:"outcome,omitempty"`
		State    string    `json:"state,omitempty"`
		To       int       `json:"to,omitempty"`
		Taken    bool      `json:"taken,omitempty"`
		Snapshot *Snapshot `json:"snapshot,omitempty"`
	}{r.ID, r.Kind, r.Process, r.Thread, r.Task, r.Call, r.Parent, r.Depth, r.Nth, r.Micros, r.Code, r.Line, r.Late, r.Gap(),
		r.Args(), r.Defaults(), r.Changed(), r.Assigned(), r.Value(), r.Exc, r.Type(), r.Module(), r.Text(), r.Origin(), r.Context(),
		r.Handler(), r.After(), r.Outcome(), r.State(), r.To(), r.Taken(), r.Snapshot()})
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
	// AtLeast says that Calls is a lower bound: the tracer ceased to count.
	AtLeast bool `json:"at_least,omitempty"`

	signature string // a letter for each of Args, see SCHEMA.md
}

// How a parameter is given in a call.
const (
	ByPlaceOrName = '.'
	ByPlace       = '/'
	ByName        = 'k'
	RestByPlace   = '*' // *args
	RestByName    = '+' // **kwargs
)

// Given says how the parameter of that name is given.
func (c *Code) Given(name string) byte {
	for i, a := range c.Args {
		if a == name && i < len(c.signature) {
			return c.signature[i]
		}
	}
	return ByPlaceOrName
}

// An Origin is a place in code out of scope.
type Origin struct {
	File string `json:"file"`
	Name string `json:"name"`
	Line int    `json:"line"`
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

// A Stack is where one thread was when a time-out struck.
type Stack struct {
	Why     string  `json:"why"`     // timeout
	Process int     `json:"process"` // index in Trace.Processes
	Thread  int     `json:"thread"`
	Name    string  `json:"name"`           // of the thread
	Frames  []Frame `json:"frames"`         // innermost first
	More    bool    `json:"more,omitempty"` // there were more
}

// A Child is a process that a traced one started.
type Child struct {
	Process int      `json:"process"` // index of the parent in Trace.Processes
	PID     int      `json:"pid"`
	How     string   `json:"how"` // fork, spawn, exec, subprocess
	Argv    []string `json:"argv,omitempty"`
}

// A Problem is what the tracer could not do, in its own words.
type Problem struct {
	Process int    `json:"process"` // index in Trace.Processes
	Text    string `json:"text"`
	At      string `json:"at,omitempty"` // the breakpoint that it is about, FILE:LINE
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
	Rebuild string     `json:"rebuild,omitempty"` // Python expression over importable modules that gives an equal value; "" where none does
	New     string     `json:"new,omitempty"`     // dotted name of the class: the object can be rebuilt without a constructor by setting its Fields
	ID      int        `json:"id,omitempty"`      // identity of a mutable object within its process; see Finding shared for the caveat
	Len     int        `json:"len,omitempty"`     // of containers and cut texts
	Items   []Value    `json:"items,omitempty"`   // of sequences and sets that are no literals
	Pairs   [][2]Value `json:"pairs,omitempty"`   // of dicts that are no literals
	Args    []Value    `json:"args,omitempty"`    // of exceptions
	Fields  []Var      `json:"fields,omitempty"`  // instance attributes
	Shared  []Var      `json:"shared,omitempty"`  // mutable attributes of its class, shared by all instances
	Shape   []int      `json:"shape,omitempty"`   // of arrays, frames and tensors
	DType   string     `json:"dtype,omitempty"`   // likewise
	Cut     bool       `json:"cut,omitempty"`     // parts are missing
	Cycle   bool       `json:"cycle,omitempty"`   // an object that is being rendered further out
	Masked  bool       `json:"masked,omitempty"`  // hidden for its name
}
