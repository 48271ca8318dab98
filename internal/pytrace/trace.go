package pytrace

// A Trace is a trace that was read.
type Trace struct {
	Processes []Process
	Records   []Record // Records[i].ID is i+1
	Footer    Footer
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
	Lost    string   `json:"lost,omitempty"` // why the tracer ceased to see a thread, where it noticed
	Threads []string `json:"threads,omitempty"`
}

// A Footer says what is missing from a trace.
type Footer struct {
	Recorded int  `json:"recorded"` // records that the tracer wrote
	Dropped  int  `json:"dropped"`  // written, then given up for the bounds
	Uncalled int  `json:"uncalled"` // calls that were only counted, for depth or PerCode
	Faults   int  `json:"faults"`   // events that the tracer failed to record
	Skipped  int  `json:"skipped"`  // lines of the stream that do not fit the schema
	Cut      bool `json:"cut"`      // the reader's own bounds were reached
	Ended    bool `json:"ended"`    // every process ended in order
}

// Traced says whether at least one process shook hands. A run that was not
// traced must be reported as that, never as one without calls.
func (t *Trace) Traced() bool { return len(t.Processes) > 0 }
