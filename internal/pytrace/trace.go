package pytrace

import (
	"iter"
	"path"
	"strings"
)

// A Trace is a trace that was read. It is not changed after that and safe for
// concurrent use.
type Trace struct {
	Processes []Process
	Footer    Footer

	records    []event // records[i].ID is i+1
	children   []Child
	stacks     []Stack
	problems   []Problem
	codes      []*Code
	executed   map[string]map[int]bool
	executable map[string]map[int]bool
	calls      callTable
	roots      []*call
}

// A Process is one traced process; that it is here is the tracer's handshake.
type Process struct {
	PID     int      `json:"pid"`
	Parent  int      `json:"ppid,omitempty"`
	Python  string   `json:"python,omitempty"` // such as 3.11.2
	Engine  string   `json:"engine,omitempty"` // settrace or monitoring
	Exe     string   `json:"exe,omitempty"`    // path of the interpreter
	Argv    []string `json:"argv,omitempty"`
	Dir     string   `json:"cwd,omitempty"`
	Ended   bool     `json:"ended"`          // it ended in order; else killed, crashed or still running
	Lost    string   `json:"lost,omitempty"` // why the tracer ceased to see a thread or to write, where it noticed
	Threads []string `json:"threads,omitempty"`

	tasks map[int]string
}

// A Footer says what is missing from a trace.
type Footer struct {
	Recorded int  `json:"recorded"` // records that the tracer wrote
	Dropped  int  `json:"dropped"`  // written, then given up for the bounds
	Uncalled int  `json:"uncalled"` // calls that were only counted, for depth or Config.PerCode
	Faults   int  `json:"faults"`   // events that the tracer failed to record
	Skipped  int  `json:"skipped"`  // lines of the stream that do not fit the schema
	Cut      bool `json:"cut"`      // the reader's own bounds were reached
	Ended    bool `json:"ended"`    // every process ended in order
}

// Traced says whether at least one process shook hands. A run that was not
// traced must be reported as that, never as one without calls.
func (t *Trace) Traced() bool { return len(t.Processes) > 0 }

// Len returns the number of records.
func (t *Trace) Len() int { return len(t.records) }

// Record returns the record with an id from 1 to Len, the zero Record for others.
func (t *Trace) Record(id int) Record {
	if id < 1 || id > len(t.records) {
		return Record{}
	}
	return t.records[id-1].record()
}

// All returns the records in order: processes in the order in which their files
// came, each in the order of its events.
func (t *Trace) All() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for id := 1; id <= t.Len(); id++ {
			if !yield(t.Record(id)) {
				return
			}
		}
	}
}

// record returns e as callers see it.
func (e *event) record() Record {
	if e == nil {
		return Record{}
	}
	return Record{ID: e.ID, Kind: e.Kind, Process: e.Process, Thread: e.Thread, Task: e.Task, Call: e.Call, Parent: e.Parent, Depth: e.Depth,
		Nth: e.Nth, Micros: e.Micros, Code: e.Code, Line: e.Line, Exc: e.Exc, Late: e.Late, e: e}
}

// TaskName returns the name of the asyncio task that a record belongs to, ""
// where it belongs to none.
func (t *Trace) TaskName(r Record) string {
	if r.Task == 0 || r.Process >= len(t.Processes) {
		return ""
	}
	return t.Processes[r.Process].tasks[r.Task]
}

// Snapshots returns what the breakpoints recorded, in order.
func (t *Trace) Snapshots() []Record {
	var out []Record
	for r := range t.All() {
		if r.Kind == KindSnapshot {
			out = append(out, r)
		}
	}
	return out
}

// Stacks returns where the threads were when a time-out struck.
func (t *Trace) Stacks() []Stack { return t.stacks }

// Problems returns what the tracer says that it could not do.
func (t *Trace) Problems() []Problem { return t.problems }

// Children returns the processes that traced ones say they started, Python or not.
func (t *Trace) Children() []Child { return t.children }

// Untraced returns the children that must have run Python but never shook
// hands: nothing is known of what they did.
func (t *Trace) Untraced() []Child {
	shook := map[int]bool{}
	for _, p := range t.Processes {
		shook[p.PID] = true
	}
	var out []Child
	for _, c := range t.children {
		if !shook[c.PID] && t.runsPython(c) {
			shook[c.PID] = true // a fork that then executed is one process
			out = append(out, c)
		}
	}
	return out
}

// runsPython says whether a child's program is a Python: a fork of one is, and
// what has an interpreter's name.
func (t *Trace) runsPython(c Child) bool {
	if len(c.Argv) == 0 {
		return c.How == "fork"
	}
	name := path.Base(c.Argv[0])
	return strings.HasPrefix(name, "python") || strings.HasPrefix(name, "pypy") ||
		(c.Process < len(t.Processes) && t.Processes[c.Process].Exe == c.Argv[0])
}

// A Call is one call of the tree. The zero Call stands for none: its ID is 0.
// Calls of one trace can be compared with ==.
type Call struct{ c *call }

// Roots returns the calls that no recorded call made, in order.
func (t *Trace) Roots() []Call { return exported(t.roots) }

// Call returns the call with an id, the zero Call where no record is of it.
func (t *Trace) Call(id int64) Call { return Call{t.call(id)} }

// ID returns the call's number, unique in the trace.
func (c Call) ID() int64 { return c.node().id }

// Code returns the function that was called.
func (c Call) Code() *Code { return c.node().code }

// Parent returns the calling call in scope, the zero Call for none.
func (c Call) Parent() Call { return Call{c.node().parent} }

// Children returns the calls that c made, in order.
func (c Call) Children() []Call { return exported(c.node().children) }

// Start returns the record of the call, the zero Record where it was dropped.
func (c Call) Start() Record { return c.node().start.record() }

// End returns the record of the return or unwind, the zero Record where it was
// dropped or never came.
func (c Call) End() Record { return c.node().end.record() }

// Events returns the call's raise, pass and handled records, in order.
func (c Call) Events() []Record {
	var out []Record
	for _, e := range c.node().events {
		out = append(out, e.record())
	}
	return out
}

var noCall call

func (c Call) node() *call {
	if c.c == nil {
		return &noCall
	}
	return c.c
}

func exported(calls []*call) []Call {
	out := make([]Call, len(calls))
	for i, c := range calls {
		out[i] = Call{c}
	}
	return out
}

// Executed returns the lines that ran, file → set of line numbers. It is
// complete also where calls were dropped, up to 300,000 lines; empty without
// Config.Lines.
func (t *Trace) Executed() map[string]map[int]bool { return t.executed }

// Executable returns the lines that can run, file → set of line numbers, of
// the files whose module body ran under the tracer; empty without Config.Lines.
func (t *Trace) Executable() map[string]map[int]bool { return t.executable }

// Codes returns the functions that were called, in the order of their first calls.
func (t *Trace) Codes() []*Code { return t.codes }

// A call is one call in the tree.
type call struct {
	start    *event // nil when it was dropped
	end      *event // ret or unwind; nil when it was dropped or never came
	code     *Code
	id       int64
	parent   *call
	children []*call
	events   []*event // raise, pass, handled, in order
	first    int      // id of its first record
}

// A callTable finds calls by their ids. The calls of a process are numbered
// from 1, so that a table does; a hostile trace, whose numbers have gaps, gets
// a map.
type callTable struct {
	calls  []call
	dense  [][]int32 // process, number → index in calls, from 1
	sparse map[int64]int32
}

// call returns the call with that id, nil where no record is of it.
func (t *Trace) call(id int64) *call {
	if n := t.calls.find(id); n > 0 {
		return &t.calls.calls[n-1]
	}
	return nil
}

func (x *callTable) find(id int64) int32 {
	process, n := id>>procShift, id&(1<<procShift-1)
	if process < int64(len(x.dense)) && n < int64(len(x.dense[process])) {
		return x.dense[process][n]
	}
	return x.sparse[id]
}

// reserve numbers the calls of records.
func (x *callTable) reserve(records []event) {
	type extent struct{ last, records int64 }
	var extents []extent
	for i := range records {
		process, n := records[i].Call>>procShift, records[i].Call&(1<<procShift-1)
		for int64(len(extents)) <= process { // at most 2,000, by maxProcs and the bound of a call's number
			extents = append(extents, extent{})
		}
		e := &extents[process]
		e.last, e.records = max(e.last, n), e.records+1
	}
	x.sparse, x.dense = map[int64]int32{}, make([][]int32, len(extents))
	for i, e := range extents {
		if e.last < 4*e.records+1024 {
			x.dense[i] = make([]int32, e.last+1)
		}
	}
	n := int32(0)
	for i := range records {
		id := records[i].Call
		if id == 0 || x.find(id) > 0 {
			continue
		}
		n++
		if table := x.dense[id>>procShift]; table != nil {
			table[id&(1<<procShift-1)] = n
		} else {
			x.sparse[id] = n
		}
	}
	x.calls = make([]call, n)
}

// index builds the call tree.
func (t *Trace) index() {
	t.calls.reserve(t.records)
	for i := range t.records {
		r := &t.records[i]
		c := t.call(r.Call)
		if c == nil {
			continue
		}
		if c.first == 0 {
			c.id, c.code, c.first = r.Call, r.Code, r.ID
		}
		switch r.Kind {
		case KindCall:
			if c.start == nil { // a late one repeats what the ring may have kept after all
				c.start = r
			}
		case KindReturn, KindUnwind:
			c.end = r
		case KindRaise, KindPass, KindHandled:
			c.events = append(c.events, r)
		}
	}
	t.link()
}

// link hangs calls under their parents, in order of their first records. A
// parent must have begun before its child, so a hostile trace makes no cycle.
func (t *Trace) link() {
	calls := t.calls.calls // in order of their first records
	sizes, total := make([]int32, len(calls)), 0
	for i := range calls {
		c := &calls[i]
		if c.start != nil {
			if n := t.calls.find(c.start.Parent); n > 0 && calls[n-1].id < c.id {
				c.parent = &calls[n-1]
				sizes[n-1]++
				total++
				continue
			}
		}
		t.roots = append(t.roots, c)
	}
	all := make([]*call, total)
	for i, n := range sizes {
		calls[i].children, all = all[:0:n], all[n:]
	}
	for i := range calls {
		if p := calls[i].parent; p != nil {
			p.children = append(p.children, &calls[i])
		}
	}
}

// path returns the calls from the outermost to c.
func (c *call) path() []*call {
	var p []*call
	for ; c != nil; c = c.parent {
		p = append(p, c)
	}
	for i, j := 0, len(p)-1; i < j; i, j = i+1, j-1 {
		p[i], p[j] = p[j], p[i]
	}
	return p
}
