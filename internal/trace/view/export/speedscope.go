package export

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/view"
)

// Speedscope writes the trace for speedscope.app: one evented profile for each
// thread of each process.
//
// Format: https://www.speedscope.app/file-format-schema.json
func Speedscope(w io.Writer, t *trace.Trace) error {
	f := speedscopeFile{
		Schema:   "https://www.speedscope.app/file-format-schema.json",
		Name:     "Python trace",
		Exporter: "repaird trace",
		Shared:   speedscopeShared{Frames: []speedscopeFrame{}},
		Profiles: []*speedscopeProfile{},
	}
	if len(t.Processes) > 0 && len(t.Processes[0].Argv) > 0 {
		f.Name = view.Cut(view.Visible(view.Base(t.Processes[0].Argv[0])), 80)
	}
	s := speedscopeBuilder{t: t, file: &f, frames: map[*trace.Code]int{}, root: view.CommonRoot(t)}
	s.build()
	b := bufio.NewWriterSize(w, 1<<16)
	e := json.NewEncoder(b)
	if err := e.Encode(f); err != nil {
		return err
	}
	return b.Flush()
}

type speedscopeFile struct {
	Schema   string               `json:"$schema"`
	Name     string               `json:"name"`
	Exporter string               `json:"exporter"`
	Shared   speedscopeShared     `json:"shared"`
	Profiles []*speedscopeProfile `json:"profiles"`
}

type speedscopeShared struct {
	Frames []speedscopeFrame `json:"frames"`
}

type speedscopeFrame struct {
	Name string `json:"name"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

type speedscopeProfile struct {
	Type   string            `json:"type"` // evented
	Name   string            `json:"name"`
	Unit   string            `json:"unit"` // microseconds
	Start  int64             `json:"startValue"`
	End    int64             `json:"endValue"`
	Events []speedscopeEvent `json:"events"`

	open []*view.Span
}

type speedscopeEvent struct {
	Type  string `json:"type"` // O open, C close
	Frame int    `json:"frame"`
	At    int64  `json:"at"`
}

type speedscopeBuilder struct {
	t      *trace.Trace
	file   *speedscopeFile
	frames map[*trace.Code]int
	root   string
}

func (s *speedscopeBuilder) frame(x *view.Span) int {
	c := s.t.Record(int(x.Begin) + 1).Code
	n, ok := s.frames[c]
	if !ok {
		n = len(s.file.Shared.Frames)
		s.frames[c] = n
		s.file.Shared.Frames = append(s.file.Shared.Frames, speedscopeFrame{view.Visible(c.Name), view.Visible(view.Relative(c.File, s.root)), max(c.Line, 1)})
	}
	return n
}

// build turns spans into openings and closings. The spans of a thread nest, so
// those that ended before the next one begins are closed innermost first.
func (s *speedscopeBuilder) build() {
	spans := view.Timeline(s.t)
	_, began := view.Starts(s.t)
	for i := range spans {
		spans[i].From += began[spans[i].Process]
		spans[i].To += began[spans[i].Process]
	}
	profiles := map[view.ThreadKey]*speedscopeProfile{}
	var order []view.ThreadKey
	for i := range spans {
		x := &spans[i]
		key := view.ThreadKey{Process: x.Process, Thread: x.Thread}
		p := profiles[key]
		if p == nil {
			name := view.ThreadName(s.t, x.Process, x.Thread)
			if len(s.t.Processes) > 1 {
				name = fmt.Sprintf("%s of process %d", name, view.Pid(s.t, x.Process))
			}
			p = &speedscopeProfile{Type: "evented", Name: name, Unit: "microseconds", Start: x.From, Events: []speedscopeEvent{}}
			profiles[key] = p
			order = append(order, key)
		}
		s.close(p, x.Depth)
		p.Events = append(p.Events, speedscopeEvent{"O", s.frame(x), x.From})
		p.open = append(p.open, x)
		p.End = max(p.End, x.To)
	}
	slices.SortFunc(order, func(a, b view.ThreadKey) int {
		if a.Process != b.Process {
			return a.Process - b.Process
		}
		return a.Thread - b.Thread
	})
	for _, key := range order {
		s.close(profiles[key], 0)
		s.file.Profiles = append(s.file.Profiles, profiles[key])
	}
}

func (s *speedscopeBuilder) close(p *speedscopeProfile, depth int) {
	for len(p.open) > depth {
		x := p.open[len(p.open)-1]
		p.open = p.open[:len(p.open)-1]
		p.Events = append(p.Events, speedscopeEvent{"C", s.frame(x), x.To})
	}
}
