// Package pytrace watches Python run: an injected tracer (standard library
// only) records calls with arguments, returns and exceptions, also those that
// are caught, as JSON Lines; the Go side reads traces, finds what is odd in
// them, and compresses them to cards for models and reviewers.
package pytrace

import "io"

// A Config says what the tracer records. It reaches the tracer as JSON.
type Config struct {
	Include    []string `json:"include"`               // directories or files whose code is in scope
	Exclude    []string `json:"exclude,omitempty"`     //
	Lines      bool     `json:"lines,omitempty"`       // line events too: which lines ran
	MaxRecords int      `json:"max_records,omitempty"` // default 200,000
	MaxBytes   int64    `json:"max_bytes,omitempty"`   // default 64 MiB
	MaxDepth   int      `json:"max_depth,omitempty"`   // call depth, default 200
	Out        string   `json:"out"`                   // directory for trace files, one a process
}

// Files returns the tracer's Python files, name → content, for a directory that
// is put at the head of PYTHONPATH or that a runner imports by itself
// (import repaird_tracer; repaird_tracer.start(config_dict); …stop()).
func Files() map[string][]byte { return nil }

// A Trace is a trace that was read.
type Trace struct {
	Records []Record
	Footer  Footer
}

// A Record is one line of a trace.
type Record struct{}

// A Footer says what was dropped, and whether the process ended in order.
type Footer struct{}

// Read reads JSON Lines. It tolerates a cut last line and skips records that
// do not fit the schema, counting them: a trace comes from hostile code.
func Read(r io.Reader) (*Trace, error) { return nil, nil }

// Executed returns the lines that ran, file → set of line numbers; only with Config.Lines.
func (t *Trace) Executed() map[string]map[int]bool { return nil }
