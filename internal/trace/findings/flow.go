package findings

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/trace/wire"
)

// A suspended object is a coroutine or a generator that was seen as a value.
type suspended struct {
	name         string // of its function
	record       int32  // where it was seen
	arg          string
	coroutine    bool
	live, begun  int // calls of its function at that time: under way, and in all
	ended        int32
	seenBefore   bool // it was seen, at the same address, while it was under way
	begunDuring  int  // calls of its function that began until the one that has it as an argument ended
	stillRunning bool
}

// flowState is what is known of a function whose calls are suspended.
type flowState struct {
	begun, live int
	ended       int32 // record of the last end
}

const maxSuspended = 2000

// flows finds coroutines that were never awaited, and generators that were
// handed on when they had nothing left.
func (s *Scene) flows() []Finding {
	if !s.suspends() {
		return nil
	}
	w := newFlowWalk(s)
	for id, e := range s.t.EventsOf(wire.EventCall, wire.EventReturn, wire.EventUnwind, wire.EventResume, wire.EventRaise) {
		w.step(id, e)
		switch n := s.t.NodeOf(e); e.Kind {
		case wire.EventReturn, wire.EventUnwind:
			w.close(n)
		case wire.EventCall, wire.EventRaise:
			w.look(id, e, n)
		}
	}
	return s.flowFindings(w.seen)
}

// A flowWalk goes through the records in their order, keeping which generators
// and coroutines were seen as values, and what their functions did since.
type flowWalk struct {
	s      *Scene
	states map[string]*flowState // by the function's name
	kinds  []*flowState          // by code, nil for what is not suspended
	seen   []suspended
	ids    map[[2]int]int32 // process and identity → where it was first seen
	open   map[int32][]int  // call → indices of seen that are its arguments
	next   map[string][]int // name → indices of seen that wait for a beginning
}

func newFlowWalk(s *Scene) *flowWalk {
	w := &flowWalk{s: s, states: map[string]*flowState{}, kinds: make([]*flowState, len(s.t.Codes())+1),
		ids: map[[2]int]int32{}, open: map[int32][]int{}, next: map[string][]int{}}
	for i, c := range s.t.Codes() {
		if c.Kind == "generator" || c.Kind == "coroutine" || c.Kind == "async_generator" {
			if w.states[c.Name] == nil {
				w.states[c.Name] = &flowState{}
			}
			w.kinds[i+1] = w.states[c.Name]
		}
	}
	return w
}

// step counts a record of a function whose calls are suspended.
func (w *flowWalk) step(id int32, e *wire.Event) {
	st := w.kinds[e.Code]
	if st == nil {
		return
	}
	switch e.Kind {
	case wire.EventCall:
		st.begun++
		st.live++
		for _, i := range w.next[w.s.t.Codes()[e.Code-1].Name] {
			w.seen[i].begunDuring++
		}
	case wire.EventReturn, wire.EventUnwind:
		st.live--
		st.ended = id
	case wire.EventResume:
		for _, i := range w.next[w.s.t.Codes()[e.Code-1].Name] {
			w.seen[i].stillRunning = true
		}
	}
}

// close ends the wait of the generators that a call had as arguments: what
// begins after it was not begun by it. A coroutine may be awaited at any time.
func (w *flowWalk) close(call int32) {
	for _, i := range w.open[call] {
		list := w.next[w.seen[i].name]
		for k, j := range list {
			if j == i && !w.seen[i].coroutine {
				w.next[w.seen[i].name] = append(list[:k:k], list[k+1:]...)
				break
			}
		}
	}
	delete(w.open, call)
}

// look keeps the generators and coroutines among the values of a record.
func (w *flowWalk) look(id int32, e *wire.Event, call int32) {
	s := w.s
	if len(w.seen) >= maxSuspended {
		return
	}
	b := s.t.BodyOf(e)
	if !b.Contains(`"t":"generator"`) && !b.Contains(`"t":"coroutine"`) {
		return
	}
	for _, a := range s.values.Vars(b, valuesKey(e.Kind)) {
		if a.Value.Type != "generator" && a.Value.Type != "coroutine" || a.Value.Text == "" || a.Value.ID == 0 {
			continue
		}
		x := suspended{name: strings.Clone(a.Value.Text), record: id, arg: strings.Clone(a.Name), coroutine: a.Value.Type == "coroutine"}
		if st := w.states[x.name]; st != nil {
			x.live, x.begun, x.ended = st.live, st.begun, st.ended
		}
		key := [2]int{int(e.Proc), a.Value.ID}
		first := w.ids[key]
		x.seenBefore = first != 0 && first < x.ended
		if first == 0 {
			w.ids[key] = id
		}
		w.next[x.name] = append(w.next[x.name], len(w.seen))
		if e.Kind == wire.EventCall {
			w.open[call] = append(w.open[call], len(w.seen))
		}
		w.seen = append(w.seen, x)
	}
}

// suspends says whether the trace has anything to do with generators or
// coroutines: one ran, or the frame that crashed held one.
func (s *Scene) suspends() bool {
	for _, c := range s.t.Codes() {
		if c.Kind == "generator" || c.Kind == "coroutine" {
			return true
		}
	}
	for i := range s.crashVars {
		if s.crashVars[i].Value.Type == "coroutine" {
			return true
		}
	}
	return false
}

func (s *Scene) flowFindings(seen []suspended) []Finding {
	var out []Finding
	done := map[string]bool{}
	for i := len(seen) - 1; i >= 0; i-- {
		x := &seen[i]
		key := fmt.Sprint(x.name, x.coroutine)
		if done[key] || s.Raise.ID != 0 && int(x.record) > s.Raise.ID {
			continue
		}
		var f Finding
		var ok bool
		if x.coroutine {
			f, ok = s.unawaited(x)
		} else {
			f, ok = s.exhausted(x)
		}
		if ok {
			done[key] = true
			out = append(out, f)
		}
	}
	return out
}

// unawaited describes a coroutine that was handed on and never ran. One that
// the message of the crash speaks of was for certain taken for what it gives.
func (s *Scene) unawaited(x *suspended) (Finding, bool) {
	r := s.t.Record(int(x.record))
	weight := 0.5
	switch {
	case x.begunDuring > 0 || x.stillRunning || x.live > 0:
		return Finding{}, false
	case s.Raise.ID != 0 && strings.Contains(s.raiseText, "coroutine") && s.OnPath[r.Call]:
		weight = 0.92
	case s.Raise.ID != 0 && s.OnPath[r.Call]:
		weight = 0.6
	case s.Raise.ID == 0:
		weight = 0.4
	}
	never, ran := "that was never awaited", ", and it never ran"
	if s.Raise.ID == 0 || !strings.Contains(s.raiseText, "coroutine") || s.t.Footer.Partial() {
		never, ran = "of which no record shows that it was awaited", ""
	}
	caller := ""
	if p := s.t.Call(r.Call).Parent(); p.Index != 0 {
		caller = fmt.Sprintf(" by %s, at line %d", p.Code().Name, s.t.Call(r.Call).Start().Line)
	}
	return Finding{Kind: "unawaited", Records: uniqueInts(RecordIDs(s.t.Call(r.Call), r)), File: r.Code.File, Line: r.Code.Line, Name: r.Code.Name, Weight: weight,
		Text: fmt.Sprintf("%s is a coroutine %s: %s of %s was given it%s%s.", wire.OneLine(x.name), never, wire.OneLine(x.arg), r.Code.Name, caller, ran)}, true
}

// unrecorded says whether a function of that name had calls that were not
// recorded: a generator of it may be one of those.
func (s *Scene) unrecorded(name string) bool {
	recorded, most := 0, 0
	for _, c := range s.t.Codes() {
		if c.Name == name {
			most += c.Calls
			if c.AtLeast {
				return true
			}
		}
	}
	nth := map[uint32]int{}
	for _, e := range s.t.EventsOf(wire.EventCall) {
		if s.t.Codes()[e.Code-1].Name == name {
			recorded++
			nth[e.Code] = max(nth[e.Code], int(e.Num))
		}
	}
	last := 0
	for _, n := range nth {
		last += n
	}
	return recorded < max(most, last)
}

// exhausted describes a generator that had been read to its end when it was
// handed on.
func (s *Scene) exhausted(x *suspended) (Finding, bool) {
	if x.ended == 0 || s.unrecorded(x.name) || !s.t.Unbroken(int(s.t.Call(s.t.Record(int(x.ended)).Call).First().ID), int(x.record)) || x.live > 0 || x.begunDuring > 0 || x.stillRunning || !x.seenBefore && x.begun != 1 {
		return Finding{}, false
	}
	r, end := s.t.Record(int(x.record)), s.t.Record(int(x.ended))
	if end.Kind != wire.KindReturn || r.Kind != wire.KindCall {
		return Finding{}, false
	}
	weight := 0.45
	switch {
	case s.Raise.ID != 0 && s.OnPath[r.Call]:
		weight = 0.85
	case s.Raise.ID != 0 && s.sameRoot(s.t.Call(r.Call)):
		weight = 0.66
	}
	reader := s.t.Call(end.Call).Parent()
	by := ""
	if reader.Index != 0 {
		by = " by " + reader.Code().Name
	}
	return Finding{Kind: "exhausted", Records: uniqueInts([]int{s.t.Call(end.Call).First().ID, end.ID, r.ID}), File: r.Code.File, Line: r.Code.Line, Name: r.Code.Name, Weight: weight,
		Text: fmt.Sprintf("%s was given the generator %s as %s after it had been read to its end%s: it gave nothing more.", r.Code.Name, wire.OneLine(x.name), wire.OneLine(x.arg), by)}, true
}
