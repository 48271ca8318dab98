// Package trace is the model of a recorded run of Python: its records, calls,
// processes and threads. Recording is the work of package tracer
// (internal/language/python/tracer), the format of package wire.
//
//	t, err := trace.ReadDir(config.Out)    // or Open(file), or Read(reader) of the files in any order
//	for r := range t.All() {
//		if r.Kind == wire.KindReturn && r.Code.Name == "Cart.total" {
//			fmt.Println(t.Call(r.Call).Start().Args(), "→", r.Value())
//		}
//	}
//
// A Trace holds 48 bytes for a record, and the text of its values, which are
// decoded when a method of Record asks for them. Follow gives records while the
// program runs; Merge makes one stream of a run's files.
//
// What is made of traces has packages of its own: findings names what is odd in
// one, diverge compares two runs, card compresses one for a model or a reviewer,
// scrub takes credentials and personal data out of one, view shows one to people.
// Those that look at every record of a trace use EventsOf, BodyOf and Nodes,
// which decode nothing.
//
// Each process writes up to three files named trace-PID-N.jsonl into the
// directory that the tracer was given: the head of its records, and two that
// take turns for the tail. They can be concatenated in any order; Read puts the
// parts in place. A file of a process that was killed ends in NUL bytes, which
// Read skips.
//
// A trace comes from the code that it watched, which may be hostile: it may
// count against a patch but never for it.
package trace

import (
	"iter"
	"path"
	"strings"
	"time"

	"github.com/repaird/repaird/internal/trace/wire"
)

// A Trace is a trace that was read. It is not changed after that and safe for
// concurrent use.
type Trace struct {
	Processes []Process
	Footer    Footer

	events   [][]wire.Event // pieces of pieceEvents
	length   int
	expected int // events that were read
	store    store

	children   []Child
	stacks     []Stack
	problems   []Problem
	codes      []*Code
	executed   map[string]map[int]bool
	executable map[string]map[int]bool
	calls      CallTable

	gaps    []int32 // ids of records after which some of the process were dropped
	version int     // highest of a handshake
	torn    bool    // see Torn
}

// A Process is one traced process; that it is here is the tracer's handshake.
type Process struct {
	PID     int       `json:"pid"`
	Parent  int       `json:"ppid,omitempty"`
	Python  string    `json:"python,omitempty"` // such as 3.11.2
	Engine  string    `json:"engine,omitempty"` // settrace or monitoring
	Exe     string    `json:"exe,omitempty"`    // path of the interpreter
	Argv    []string  `json:"argv,omitempty"`
	Dir     string    `json:"cwd,omitempty"`
	Began   time.Time `json:"began,omitzero"` // that Record.Micros count from; zero where the trace does not say
	Ended   bool      `json:"ended"`          // it ended in order; else killed, crashed or still running
	Lost    string    `json:"lost,omitempty"` // why the tracer ceased to see a thread or to write, where it noticed
	Threads []string  `json:"threads,omitempty"`

	tasks map[int]string
}

// A Footer says what is missing from a trace.
type Footer struct {
	Recorded  int  `json:"recorded"`  // records that the tracer wrote
	Dropped   int  `json:"dropped"`   // written, then given up for the bounds
	Uncalled  int  `json:"uncalled"`  // calls that were only counted, for depth or Config.PerCode
	Quiet     int  `json:"quiet"`     // exceptions that were only counted, since their line had raised hundreds
	Faults    int  `json:"faults"`    // events that the tracer failed to record
	Oversize  int  `json:"oversize"`  // of Faults: records that were too large to write
	Undefined int  `json:"undefined"` // definitions, as of functions and lines that ran, that the tracer gave up for Config.MaxBytes
	Unnamed   int  `json:"unnamed"`   // records, counts and lines that are left out since their function is not defined
	Skipped   int  `json:"skipped"`   // lines of the stream that do not fit the schema
	Cut       bool `json:"cut"`       // the reader's own bounds were reached
	Ended     bool `json:"ended"`     // every process ended in order
}

// Partial says whether calls, exceptions or values of the run are not in the
// trace: what is counted in it then is at least so often there.
func (f Footer) Partial() bool {
	return !f.Ended || f.Cut || f.Dropped+f.Uncalled+f.Quiet+f.Faults+f.Undefined+f.Unnamed+f.Skipped > 0
}

// Unbroken says whether every record of a process between two of its records is
// in the trace. Identities are addresses: only then may an equal one be the same
// object still, since nothing that ended it is missing.
func (t *Trace) Unbroken(from, to int) bool {
	if f := t.Footer; f.Faults+f.Unnamed+f.Skipped > 0 {
		return false // somewhere
	}
	if from > to {
		from, to = to, from
	}
	if from < 1 || to > t.length || t.EventAt(int32(from)).Proc != t.EventAt(int32(to)).Proc {
		return false
	}
	for _, g := range t.gaps {
		if from <= int(g) && int(g) < to {
			return false
		}
	}
	return true
}

// Traced says whether at least one process shook hands. A run that was not
// traced must be reported as that, never as one without calls.
func (t *Trace) Traced() bool { return len(t.Processes) > 0 }

// Len returns the number of records.
func (t *Trace) Len() int { return t.length }

// EventAt returns the event with an id from 1 to Len.
func (t *Trace) EventAt(id int32) *wire.Event {
	return &t.events[(id-1)>>eventBits][(id-1)&(pieceEvents-1)]
}

// Record returns the record with an id from 1 to Len, the zero Record for others.
func (t *Trace) Record(id int) Record {
	if id < 1 || id > t.length {
		return Record{}
	}
	e := t.EventAt(int32(id))
	r := Record{ID: id, Code: t.Code(e)}
	r.take(e, t.store.body(e.Off, e.Size))
	return r
}

// Code returns the function of an event, nil where it has none.
func (t *Trace) Code(e *wire.Event) *Code {
	if e.Code == 0 {
		return nil
	}
	return t.codes[e.Code-1]
}

// All returns the records in order: processes in the order in which their files
// came, each in the order of its events.
func (t *Trace) All() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for id := 1; id <= t.length; id++ {
			if !yield(t.Record(id)) {
				return
			}
		}
	}
}

// EventsOf returns the ids of the records of some kinds, in order.
func (t *Trace) EventsOf(kinds ...wire.EventKind) iter.Seq2[int32, *wire.Event] {
	var wanted [256]bool
	for _, k := range kinds {
		wanted[k] = true
	}
	return func(yield func(int32, *wire.Event) bool) {
		id := int32(0)
		for _, piece := range t.events {
			for i := range piece {
				if id++; wanted[piece[i].Kind] && !yield(id, &piece[i]) {
					return
				}
			}
		}
	}
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
	for id := range t.EventsOf(wire.EventSnapshot) {
		out = append(out, t.Record(int(id)))
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

// Executed returns the lines that ran, file → set of line numbers. It is
// complete also where calls were dropped, up to 300,000 lines; empty without
// Config.Lines.
func (t *Trace) Executed() map[string]map[int]bool { return t.executed }

// Executable returns the lines that can run, file → set of line numbers, of
// the files whose module body ran under the tracer; empty without Config.Lines.
func (t *Trace) Executable() map[string]map[int]bool { return t.executable }

// Codes returns the functions that were called, in the order of their first calls.
func (t *Trace) Codes() []*Code { return t.codes }
