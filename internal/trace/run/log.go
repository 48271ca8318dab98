package run

import (
	"bufio"
	"fmt"
	"os"
	"time"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// Log writes the calls, returns and exceptions of a run as JSON Lines of the
// form that PyTrace Autopsy writes, for its readers:
//
//	{"event": "call", "call_id": 8, "parent_id": 7, "depth": 1, "func": "read", "args": {"path": "'/tmp/x'"}, …}
//	{"event": "return", "call_id": 8, "parent_id": 7, "depth": 1, "func": "read", "return_value": "{}", …}
//	{"event": "exception", "call_id": 9, "depth": 1, "func": "check", "exc_type": "ValueError", "exc_value": "ValueError('no')", …}
//
// Values are texts. An exception is there once for each function that it passes
// through, also where it is swallowed later.
type Log struct {
	Name string // file, recreated
	Max  int    // lines; 0 for no limit

	file  *os.File
	w     *bufio.Writer
	lines int
	calls map[int64]logCall
	excs  map[int64]logExc
	last  map[int]int64 // process → microseconds of the last record that says
	err   error
}

const maxMicros = 1 << 50 // some 35 years, which a Duration holds

type logCall struct {
	parent int64
	depth  int
}

type logExc struct{ kind, value string }

type logLine struct {
	Event     string            `json:"event"`
	Timestamp string            `json:"timestamp"`
	Call      int64             `json:"call_id"`
	Parent    int64             `json:"parent_id,omitempty"`
	Depth     int               `json:"depth"`
	Func      string            `json:"func"`
	File      string            `json:"file"`
	Line      int               `json:"line"`
	Thread    string            `json:"thread,omitempty"`
	Args      map[string]string `json:"args,omitempty"`
	Return    *string           `json:"return_value,omitempty"`
	ExcType   string            `json:"exc_type,omitempty"`
	ExcValue  string            `json:"exc_value,omitempty"`
}

// Open makes the file.
func (l *Log) Open() error {
	f, err := os.OpenFile(l.Name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	l.file, l.w = f, bufio.NewWriter(f)
	l.calls, l.excs, l.last = map[int64]logCall{}, map[int64]logExc{}, map[int]int64{}
	return nil
}

// Record implements View.
func (l *Log) Record(r trace.Followed) {
	if l.w == nil || r.Code == nil || (l.Max > 0 && l.lines >= l.Max) {
		return
	}
	x := logLine{Call: r.Call, Func: r.Code.Name, File: r.Code.File, Line: r.Line, Thread: r.Thread,
		Timestamp: l.when(r).Local().Format("2006-01-02T15:04:05.000000")}
	switch r.Kind {
	case wire.KindCall:
		x.Event, x.Args, x.Line = "call", map[string]string{}, r.Code.Line
		for _, a := range r.Args() {
			x.Args[a.Name] = repr(&a.Value)
		}
		if len(l.calls) < maxOpen {
			l.calls[r.Call] = logCall{parent: r.Parent, depth: r.Depth}
		}
	case wire.KindReturn:
		text := repr(r.Value())
		x.Event, x.Return = "return", &text
	case wire.KindRaise:
		e := logExc{r.Type(), repr(r.Value())}
		if len(l.excs) < maxOpen {
			l.excs[r.Exc] = e
		}
		x.Event, x.ExcType, x.ExcValue = "exception", e.kind, e.value
	case wire.KindPass:
		e := l.excs[r.Exc]
		x.Event, x.ExcType, x.ExcValue = "exception", e.kind, e.value
	case wire.KindUnwind:
		delete(l.calls, r.Call)
		return
	default:
		return
	}
	c := l.calls[r.Call]
	x.Parent, x.Depth = c.parent, c.depth
	if r.Kind == wire.KindReturn {
		delete(l.calls, r.Call)
	}
	l.write(x)
}

// when returns the time of a record: its own or, where it has none, that of the
// one before in its process.
func (l *Log) when(r trace.Followed) time.Time {
	if r.Micros > 0 && r.Micros < maxMicros {
		l.last[r.Record.Process] = r.Micros
	}
	return r.Process.Began.Add(time.Duration(l.last[r.Record.Process]) * time.Microsecond)
}

func (l *Log) write(x logLine) {
	line, err := marshal(x)
	if err != nil || l.err != nil {
		return
	}
	l.lines++
	l.w.Write(spaced(line)) //nolint:errcheck // Flush tells
	l.w.WriteByte('\n')     //nolint:errcheck // likewise
	l.err = l.w.Flush()
}

// Finish implements View.
func (l *Log) Finish(result *Result) {
	if l.w == nil {
		return
	}
	if err := l.file.Close(); l.err == nil {
		l.err = err
	}
	if l.err != nil {
		result.Notes = append(result.Notes, fmt.Sprintf("%s is not complete: %v", l.Name, l.err))
	}
}
