// Package tracer holds the Python tracer: a package that is put into a Python
// process (standard library only, CPython 3.6 and newer) and records calls with
// arguments, returns, and exceptions also where they are caught, as JSON Lines.
// Package trace reads them.
//
// With the environment:
//
//	Install(dir)                             // or Files, for a sandbox
//	PYTHONPATH=dir:$PYTHONPATH
//	REPAIRD_TRACE_CONFIG=<Config as JSON, or the path of a file that holds it>
//	python app.py
//
// or from a runner that ignores the environment (python -I):
//
//	sys.path.insert(0, dir); import repaird_tracer; sys.path.remove(dir)
//	repaird_tracer.start(config_dict)
//	…
//	repaird_tracer.mark("tests/test_a.py::test_b", "call")   // optional: a boundary; also re-arms a lost tracer
//	repaird_tracer.failure(exc)                              // optional: record what led to exc, where the tracer was lost
//	repaird_tracer.stop()
//
// or, where the interpreter itself is told to ignore the environment, with
// repaird_launch.py. The code is in repaird_tracer/, a module for each part of
// the work; sitecustomize.py and repaird_launch.py stand beside it because the
// interpreter finds the one by its name and is given the other as a script.
//
// Each process writes up to three files named trace-PID-N.jsonl into
// Config.Out: the head of its records, and two that take turns for the tail.
package tracer

// A Config says what the tracer records. It reaches the tracer as JSON. Zero
// fields take the default.
type Config struct {
	Include          []string `json:"include"`                     // directories or files, as the traced process sees them, whose code is in scope; site-packages below them are not
	Exclude          []string `json:"exclude,omitempty"`           // directories or files below Include that are not
	Modules          []string `json:"modules,omitempty"`           // dotted names of modules and packages in scope, wherever they are
	Functions        []string `json:"functions,omitempty"`         // only these: qualified names or their last part
	ExcludeFunctions []string `json:"exclude_functions,omitempty"` // not these: patterns as of fnmatch
	Engine           string   `json:"engine,omitempty"`            // settrace or monitoring; "" chooses by version

	Level             string       `json:"level,omitempty"`              // functions (default), variables (also steps with the variables that changed), control (variables and branches)
	Steps             bool         `json:"steps,omitempty"`              // step records without variables
	Lines             bool         `json:"lines,omitempty"`              // also which lines ran, see Executed
	Locals            bool         `json:"locals,omitempty"`             // the locals of every frame of a snapshot's stack, not of the innermost alone
	Breakpoints       []Breakpoint `json:"breakpoints,omitempty"`        // where to take snapshots
	Watches           []string     `json:"watches,omitempty"`            // Python expressions, evaluated at each snapshot
	Snapshots         int          `json:"snapshots,omitempty"`          // at most so many
	ExceptionSnapshot bool         `json:"exception_snapshot,omitempty"` // a snapshot where an exception was raised that nobody caught
	Comprehensions    bool         `json:"comprehensions,omitempty"`     // also the calls of comprehensions and class bodies; else they are part of the code around them
	CallsOnly         bool         `json:"calls_only,omitempty"`         // no values
	CountsOnly        bool         `json:"counts_only,omitempty"`        // no records, only how often each function was called

	MaxRecords int     `json:"max_records,omitempty"`      // default 200,000: half from the head, half from the end
	MaxBytes   int64   `json:"max_bytes,omitempty"`        // default 64 MiB, split likewise
	MaxDepth   int     `json:"max_depth,omitempty"`        // depth of calls in scope, default 200
	PerCode    int     `json:"max_per_function,omitempty"` // calls of one function that are recorded, default 500; further ones are counted
	MaxChars   int     `json:"max_value_chars,omitempty"`  // text of one value, default 400
	MaxItems   int     `json:"max_value_items,omitempty"`  // items of one container, default 32
	MaxEvents  int     `json:"max_events,omitempty"`       // recording ends after so many records, the program goes on
	Ring       bool    `json:"ring,omitempty"`             // keep only the end
	Wall       float64 `json:"wall,omitempty"`             // seconds after which recording ends
	Timeout    float64 `json:"timeout,omitempty"`          // seconds after which the stacks of all threads are recorded
	Out        string  `json:"out"`                        // directory for trace files
}

// A Breakpoint is a line at which the tracer takes snapshots.
type Breakpoint struct {
	File      string `json:"file"`                // as in Include, or the end of such a path
	Line      int    `json:"line"`                //
	Condition string `json:"condition,omitempty"` // Python expression in the frame's scope; "" holds always
	Hits      int    `json:"hits,omitempty"`      // only at this hit, from 1; 0: at each
}
