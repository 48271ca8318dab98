package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
	"github.com/repaird/repaird/internal/trace/wire"
)

// Snapshots prints what breakpoints recorded, in bottrace's JSON: one line each
// on Data, or a file {"version": 1, "snapshots": [...]} that is complete after
// each snapshot.
type Snapshots struct {
	Data   io.Writer         // for lines of JSON, where File is ""
	Notice io.Writer         // for summaries and notices
	File   string            // --json-out
	Names  map[string]string // breakpoints FILE:LINE as the tracer reports them → as the user wrote them
	Max    int               // told to Notice when it is reached
	Watch  []string          // the expressions that were asked for

	Verbose     bool // a summary of each on Notice
	PrintResult bool // {"result_file": …, "snapshots": N} on Data at the end

	list []snapshot
	hits map[string]int
	err  error
}

type snapshot struct {
	Breakpoint string  `json:"breakpoint"`
	Timestamp  float64 `json:"timestamp"`
	Stack      []frame `json:"stack"`
	Watches    []watch `json:"watches"`
}

type frame struct {
	Function string            `json:"function"`
	Filename string            `json:"filename"`
	Lineno   int               `json:"lineno"`
	Locals   map[string]string `json:"locals"`
}

type watch struct {
	Expression string  `json:"expression"`
	Value      *string `json:"value"`
	Error      *string `json:"error"`
}

// Record implements View.
func (s *Snapshots) Record(r trace.Followed) {
	if r.Kind != wire.KindSnapshot {
		return
	}
	got := r.Snapshot()
	if got == nil || got.Why == "exception" || (s.Max > 0 && len(s.list) >= s.Max) {
		return
	}
	x := snapshot{Breakpoint: s.name(got.At), Timestamp: got.Time, Stack: []frame{}, Watches: []watch{}}
	for _, f := range got.Stack {
		x.Stack = append(x.Stack, frame{short(f.Name), f.File, f.Line, localsOf(f)})
	}
	x.Watches = s.watches(got.Watches)
	s.list = append(s.list, x)
	if s.hits == nil {
		s.hits = map[string]int{}
	}
	s.hits[x.Breakpoint] = max(s.hits[x.Breakpoint], got.Hit)
	if s.File != "" {
		s.write()
	} else if line, err := marshal(x); err == nil {
		_, _ = s.Data.Write(append(spaced(line), '\n'))
	}
	if s.Verbose {
		s.summary(x)
	}
	if s.Max > 0 && len(s.list) == s.Max {
		fmt.Fprintf(s.Notice, "MAX_SNAPSHOTS reached (%d)\n", s.Max)
	}
}

func localsOf(f wire.Frame) map[string]string {
	if f.Locals == nil {
		return nil
	}
	locals := map[string]string{}
	for i := range f.Locals {
		locals[f.Locals[i].Name] = repr(&f.Locals[i].Value)
	}
	return locals
}

// watches returns what each expression gave, in the order in which they were
// asked for; the tracer leaves out what it would not evaluate.
func (s *Snapshots) watches(got []wire.Watch) []watch {
	out := []watch{}
	for _, w := range got {
		out = append(out, watchOf(w))
	}
	if len(got) == len(s.Watch) {
		return out
	}
	by := map[string]watch{}
	for _, w := range out {
		by[w.Expression] = w
	}
	out = out[:0:0]
	refused := "not evaluated: it could change the program"
	for _, e := range s.Watch {
		w, ok := by[e]
		if !ok {
			w = watch{Expression: e, Error: &refused}
		}
		out = append(out, w)
	}
	return out
}

func watchOf(w wire.Watch) watch {
	x := watch{Expression: w.Expr}
	if w.Value != nil {
		text := repr(w.Value)
		x.Value = &text
	} else {
		x.Error = &w.Err
	}
	return x
}

func (s *Snapshots) name(at string) string {
	if n, ok := s.Names[at]; ok {
		return n
	}
	return at
}

func (s *Snapshots) summary(x snapshot) {
	w := s.Notice
	fmt.Fprintf(w, "SNAPSHOT #%d at %s\n", len(s.list), oneWord(x.Breakpoint))
	if len(x.Stack) > 0 {
		top := x.Stack[0]
		fmt.Fprintf(w, "  Function: %s()\n", oneWord(top.Function))
		names := make([]string, 0, len(top.Locals))
		for n := range top.Locals {
			names = append(names, n)
		}
		slices.Sort(names)
		for _, n := range names[:min(5, len(names))] {
			fmt.Fprintf(w, "    %s = %s\n", oneWord(n), oneWord(top.Locals[n]))
		}
		if len(names) > 5 {
			fmt.Fprintf(w, "    ... (%d more locals)\n", len(names)-5)
		}
	}
	for _, e := range x.Watches {
		if e.Error != nil {
			fmt.Fprintf(w, "  Watch %s: ERROR - %s\n", oneWord(e.Expression), oneWord(*e.Error))
		} else {
			fmt.Fprintf(w, "  Watch %s = %s\n", oneWord(e.Expression), oneWord(*e.Value))
		}
	}
}

// write writes the file anew, so that it is complete at any time.
func (s *Snapshots) write() {
	list := s.list
	if list == nil {
		list = []snapshot{}
	}
	data, err := marshal(struct {
		Version   int        `json:"version"`
		Snapshots []snapshot `json:"snapshots"`
	}{1, list})
	if err == nil {
		var b bytes.Buffer
		_ = json.Indent(&b, data, "", "  ") // it was just made
		err = view.Replace(s.File, func(w io.Writer) error {
			_, err := b.WriteTo(w)
			return err
		})
	}
	if err != nil && s.err == nil {
		fmt.Fprintf(s.Notice, "repaird trace: snapshots: %s\n", oneWord(err.Error()))
	}
	s.err = err
}

// Finish implements View.
func (s *Snapshots) Finish(*Result) {
	if s.File != "" {
		s.write()
	}
	if len(s.hits) > 0 {
		names := make([]string, 0, len(s.hits))
		for n := range s.hits {
			names = append(names, n)
		}
		slices.SortFunc(names, func(a, b string) int {
			if s.hits[a] != s.hits[b] {
				return s.hits[b] - s.hits[a]
			}
			return strings.Compare(a, b)
		})
		fmt.Fprint(s.Notice, "\nBreakpoint hits:\n")
		for _, n := range names {
			fmt.Fprintf(s.Notice, "  %s - %d hits\n", oneWord(n), s.hits[n])
		}
	}
	if s.PrintResult && s.File != "" && s.err == nil {
		name, _ := json.Marshal(s.File)
		fmt.Fprintf(s.Data, `{"result_file": %s, "snapshots": %d}`+"\n", name, len(s.list))
	}
}

// marshal writes JSON without escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// spaced puts a space after commas and colons, as Python's json does, so that
// a grep for either form of tool finds its line.
func spaced(line []byte) []byte {
	out := make([]byte, 0, len(line)+len(line)/8)
	inside := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		out = append(out, c)
		switch {
		case inside && c == '\\' && i+1 < len(line):
			i++
			out = append(out, line[i])
		case c == '"':
			inside = !inside
		case !inside && (c == ',' || c == ':'):
			out = append(out, ' ')
		}
	}
	return out
}
