package view

import (
	"time"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A Span is a time during which a call was on the stack of its thread: a
// generator or a coroutine has one for each time that it ran. The spans of a
// thread nest.
type Span struct {
	Call    int64
	Process int
	Thread  int
	From    int64 // microseconds since the process's start of tracing
	To      int64
	self    int64  // without the spans inside
	Depth   int    // spans around it in its thread
	Part    int    // 0 the call's first, 1, 2, … after a suspension
	Begin   int32  // record, -1: it was dropped
	End     int32  // record, -1: none was recorded
	ended   string // kind of the record at its end, "" for none
}

// A ThreadKey names a thread of a trace.
type ThreadKey struct{ Process, Thread int }

type stack struct {
	open []int // indexes of spans
	last int64
}

// Timeline returns the spans in the order of their beginnings. What a trace
// lacks, or says wrongly, is made up for: times do not run backwards within a
// thread, and a call ends at the latest with the one around it.
func Timeline(t *trace.Trace) []Span {
	w := winder{t: t, stacks: map[ThreadKey]*stack{}, parts: map[int64]int{}, last: map[int]int64{}}
	for i := range Size(t) {
		w.record(int32(i), Record(t, i))
	}
	for key, s := range w.stacks {
		w.closeTo(s, 0, max(s.last, w.last[key.Process]))
	}
	return w.spans
}

// Starts returns when the first process began, and how many microseconds after
// that each did; 0 where the trace does not say.
func Starts(t *trace.Trace) (first time.Time, after []int64) {
	for _, p := range t.Processes {
		if !p.Began.IsZero() && (first.IsZero() || p.Began.Before(first)) {
			first = p.Began
		}
	}
	after = make([]int64, len(t.Processes))
	for i, p := range t.Processes {
		if !p.Began.IsZero() {
			if d := p.Began.UnixMicro() - first.UnixMicro(); d > 0 && d < maxMicros {
				after[i] = d
			}
		}
	}
	return first, after
}

// maxMicros bounds a time since the start of a process, in microseconds: some 35
// years. Larger values are invalid, and would make sums overflow.
const maxMicros = 1 << 50

// Micros returns the time of a record, 0 where it has none.
func Micros(r Rec) int64 {
	if r.Micros < 0 || r.Micros >= maxMicros {
		return 0
	}
	return r.Micros
}

type winder struct {
	t      *trace.Trace
	spans  []Span
	stacks map[ThreadKey]*stack
	parts  map[int64]int
	last   map[int]int64 // process → its last time
}

func (w *winder) record(i int32, r Rec) {
	key := ThreadKey{r.Process, r.Thread}
	s := w.stacks[key]
	if s == nil {
		s = &stack{}
		w.stacks[key] = s
	}
	if at := Micros(r); at > s.last {
		s.last = at
		w.last[r.Process] = max(w.last[r.Process], at)
	}
	switch r.Kind {
	case wire.KindCall:
		if r.Late && w.parts[r.Call] > 0 {
			return
		}
		w.open(s, r, i)
	case wire.KindResume:
		w.open(s, r, i)
	case wire.KindReturn, wire.KindUnwind, wire.KindYield:
		w.close(s, r, i)
	}
}

func (w *winder) open(s *stack, r Rec, i int32) {
	// What a parent called is above it: calls above that are no longer open.
	if r.Parent != 0 {
		for n := len(s.open) - 1; n >= 0; n-- {
			if w.spans[s.open[n]].Call == r.Parent {
				w.closeTo(s, n+1, s.last)
				break
			}
		}
	}
	w.spans = append(w.spans, Span{Call: r.Call, Process: r.Process, Thread: r.Thread, From: s.last, To: s.last,
		Depth: len(s.open), Part: w.parts[r.Call], Begin: i, End: -1})
	w.parts[r.Call]++
	s.open = append(s.open, len(w.spans)-1)
}

// close ends the topmost span of the call. Where there is none its beginning
// was dropped, and it is left out.
func (w *winder) close(s *stack, r Rec, i int32) {
	for n := len(s.open) - 1; n >= 0; n-- {
		x := &w.spans[s.open[n]]
		if x.Call == r.Call {
			x.End, x.ended = i, string(r.Kind)
			w.closeTo(s, n, s.last)
			return
		}
	}
}

// closeTo ends all but the n outermost spans.
func (w *winder) closeTo(s *stack, n int, at int64) {
	for k := len(s.open) - 1; k >= n; k-- {
		x := &w.spans[s.open[k]]
		x.To = max(at, x.From)
		x.self += x.To - x.From
		if k > 0 {
			w.spans[s.open[k-1]].self -= x.To - x.From
		}
	}
	s.open = s.open[:n]
}
