package trace

import (
	"encoding/json"

	"github.com/repaird/repaird/internal/trace/wire"
)

// A Record is one event of a trace. What every event has are fields; values
// and what is rare are decoded when a method asks for it, each time anew. The
// zero Record stands for none: its ID is 0 and its methods return zero values.
// Records of one trace can be compared with ==.
type Record struct {
	ID      int       // position in the trace, from 1; findings name their evidence by it
	Kind    wire.Kind //
	Process int       // index in Trace.Processes
	Thread  int       // index in the process's Threads; 0 is the main thread
	Task    int       // number of the asyncio task, see Trace.TaskName; 0 for none
	Call    int64     // unique in the trace
	Parent  int64     // calls: the caller in scope, 0 for none; resume: who resumed it
	Depth   int       // calls: number of callers in scope
	Nth     int       // calls: how often this function had been called, this time included
	Micros  int64     // since the process's start of tracing
	Code    *Code     // the function; never nil but for marks and snapshots out of scope
	Line    int       // call: where in the caller; else: where in the function
	Exc     int64     // number of the exception object, unique in the trace
	Late    bool      // call: written when an exception made it matter; Args are as of then

	Body wire.Body
}

// take sets what an event has, but for ID and Code.
func (r *Record) take(e *wire.Event, b wire.Body) {
	unique := func(n uint32) int64 {
		if n == 0 {
			return 0
		}
		return int64(n) | int64(e.Proc)<<procShift
	}
	r.Kind, r.Process, r.Thread, r.Task, r.Call, r.Parent = wire.KindNames[e.Kind], int(e.Proc), int(e.Thread), int(e.Task), unique(e.Call), unique(e.Parent)
	r.Depth, r.Micros, r.Line, r.Late, r.Body = int(e.Depth), e.Micros, int(e.Line), e.Flags&wire.FlagLate != 0, b
	if e.Kind.HasException() {
		r.Exc = unique(e.Num)
	} else if e.Kind == wire.EventCall {
		r.Nth = int(e.Num)
	}
}

// Args returns a call's arguments at entry, or the locals of the frame that raised.
func (r Record) Args() []wire.Var {
	switch r.Kind {
	case wire.KindCall:
		return r.Body.Vars("a")
	case wire.KindRaise:
		return r.Body.Vars("loc")
	}
	return nil
}

// Defaults returns the parameters of a call that hold their mutable default,
// which all calls share.
func (r Record) Defaults() []string {
	if r.Kind != wire.KindCall {
		return nil
	}
	return r.Body.Texts("df")
}

// Changed returns the arguments that a call changed in place, at its end.
func (r Record) Changed() []wire.Var {
	if r.Kind != wire.KindReturn && r.Kind != wire.KindUnwind {
		return nil
	}
	return r.Body.Vars("m")
}

// Assigned returns the variables that changed since the frame's last step.
func (r Record) Assigned() []wire.Var {
	if r.Kind != wire.KindStep && r.Kind != wire.KindReturn && r.Kind != wire.KindUnwind {
		return nil
	}
	return r.Body.Vars("s")
}

// Value returns what was returned or yielded, or the exception that was
// raised; nil where there is none.
func (r Record) Value() *wire.Value { return r.Body.Value("v") }

// Type returns the bare class name of the exception that was raised; at an
// unwind that of a StopIteration and the like, which is not an error.
func (r Record) Type() string { return wire.Clip(r.Body.Text("x"), wire.MaxName) }

// Module returns the module of the raised exception's class.
func (r Record) Module() string { return wire.Clip(r.Body.Text("xm"), wire.MaxName) }

// Text returns the message of a raise, or the name of a mark.
func (r Record) Text() string {
	if r.Kind == wire.KindMark {
		return wire.Clip(r.Body.Text("name"), wire.MaxName)
	}
	return r.Body.Text("msg")
}

// State returns the state of a mark.
func (r Record) State() string { return wire.Clip(r.Body.Text("state"), 200) }

// Origin returns where out of scope a raised exception came from; nil where it
// was raised in scope.
func (r Record) Origin() (o *wire.Origin) {
	r.Body.Each("from", func(d *wire.Decoder) { d.Origin(&o) })
	return o
}

// Context returns the number of the exception that was being handled at a raise.
func (r Record) Context() int64 {
	n := r.Body.Int("ctx")
	if n <= 0 || n > wire.MaxNumber {
		return 0
	}
	return int64(n) | int64(r.Process)<<procShift
}

// Handler returns the line of the except, finally or with that swallowed an
// exception; 0 when that is out of scope.
func (r Record) Handler() int { return r.Body.Int("h") }

// After returns the line where the function went on or returned after it had
// swallowed an exception.
func (r Record) After() int { return r.Body.Int("after") }

// Outcome says what followed a swallowed exception: continue, return, yield,
// or outside (code out of scope that Call had called swallowed it).
func (r Record) Outcome() string {
	if r.Kind != wire.KindHandled {
		return ""
	}
	return wire.Clip(r.Body.Text("o"), 20)
}

// Gap returns the number of unrecorded calls between a call and its Parent.
func (r Record) Gap() int { return r.Body.Int("gap") }

// To returns the line that came after a branch.
func (r Record) To() int { return r.Body.Int("to") }

// Taken says that a branch's test held, or that the loop went in.
func (r Record) Taken() bool {
	n := 0
	if r.Kind == wire.KindBranch {
		r.Body.Each("o", func(d *wire.Decoder) { n, _ = d.Natural() })
	}
	return n == 1
}

// Snapshot returns what a breakpoint recorded; nil for other kinds.
func (r Record) Snapshot() *wire.Snapshot {
	if r.Kind != wire.KindSnapshot {
		return nil
	}
	b := r.Body
	s := &wire.Snapshot{N: b.Int("n"), Why: wire.Clip(b.Text("why"), 20), At: wire.Clip(b.Text("at"), wire.MaxName), Hit: b.Int("hit"), Line: r.Line,
		Type: r.Type(), Text: r.Text(), Stack: b.Frames("stack"), Record: r.ID}
	b.Each("more", func(d *wire.Decoder) { s.More, _ = d.Natural() })
	b.Each("ts", func(d *wire.Decoder) { d.Float(&s.Time) })
	b.Each("w", func(d *wire.Decoder) { d.Watches(&s.Watches) })
	return s
}

// MarshalJSON writes the record with all that it holds.
func (r Record) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID       int            `json:"id"`
		Kind     wire.Kind      `json:"kind"`
		Process  int            `json:"process,omitempty"`
		Thread   int            `json:"thread,omitempty"`
		Task     int            `json:"task,omitempty"`
		Call     int64          `json:"call_id,omitempty"`
		Parent   int64          `json:"parent_id,omitempty"`
		Depth    int            `json:"depth,omitempty"`
		Nth      int            `json:"nth,omitempty"`
		Micros   int64          `json:"t,omitempty"`
		Code     *Code          `json:"code,omitempty"`
		Line     int            `json:"line,omitempty"`
		Late     bool           `json:"late,omitempty"`
		Gap      int            `json:"gap,omitempty"`
		Args     []wire.Var     `json:"args,omitempty"`
		Defaults []string       `json:"defaults,omitempty"`
		Changed  []wire.Var     `json:"changed,omitempty"`
		Assigned []wire.Var     `json:"assigned,omitempty"`
		Value    *wire.Value    `json:"value,omitempty"`
		Exc      int64          `json:"exc,omitempty"`
		Type     string         `json:"type,omitempty"`
		Module   string         `json:"module,omitempty"`
		Text     string         `json:"text,omitempty"`
		Origin   *wire.Origin   `json:"origin,omitempty"`
		Context  int64          `json:"context,omitempty"`
		Handler  int            `json:"handler,omitempty"`
		After    int            `json:"after,omitempty"`
		Outcome  string         `json:"outcome,omitempty"`
		State    string         `json:"state,omitempty"`
		To       int            `json:"to,omitempty"`
		Taken    bool           `json:"taken,omitempty"`
		Snapshot *wire.Snapshot `json:"snapshot,omitempty"`
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

// A Stack is where one thread was when a time-out struck.
type Stack struct {
	Why     string       `json:"why"`     // timeout
	Process int          `json:"process"` // index in Trace.Processes
	Thread  int          `json:"thread"`
	Name    string       `json:"name"`           // of the thread
	Frames  []wire.Frame `json:"frames"`         // innermost first
	More    bool         `json:"more,omitempty"` // there were more
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
