package pytrace

// A Trace is a trace that was read. It is not changed after that and safe for
// concurrent use.
type Trace struct {
	Processes []Process
	Records   []Record // Records[i].ID is i+1
	Footer    Footer

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
	Engine  string   `json:"engine,omitempty"` // settrace
	Argv    []string `json:"argv,omitempty"`
	Dir     string   `json:"cwd,omitempty"`
	Ended   bool     `json:"ended"`          // it ended in order; else killed, crashed or still running
	Lost    string   `json:"lost,omitempty"` // why the tracer ceased to see a thread or to write, where it noticed
	Threads []string `json:"threads,omitempty"`
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
	start    *Record // nil when it was dropped
	end      *Record // ret or unwind; nil when it was dropped or never came
	code     *Code
	id       int64
	parent   *call
	children []*call
	events   []*Record // raise, pass, handled, in order
	first    int       // id of its first record
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
func (x *callTable) reserve(records []Record) {
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
	t.calls.reserve(t.Records)
	for i := range t.Records {
		r := &t.Records[i]
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
