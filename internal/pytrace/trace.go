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
	calls      map[int64]*call
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

// index builds the call tree.
func (t *Trace) index() {
	t.calls = make(map[int64]*call)
	for i := range t.Records {
		r := &t.Records[i]
		if r.Call == 0 {
			continue
		}
		c := t.calls[r.Call]
		if c == nil {
			c = &call{id: r.Call, code: r.Code, first: r.ID}
			t.calls[r.Call] = c
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
	for i := range t.Records {
		r := &t.Records[i]
		c := t.calls[r.Call]
		if c == nil || c.first != r.ID {
			continue
		}
		if c.start != nil {
			if p := t.calls[c.start.Parent]; p != nil && p.id < c.id {
				c.parent = p
				p.children = append(p.children, c)
				continue
			}
		}
		t.roots = append(t.roots, c)
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
