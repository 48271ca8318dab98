package pytrace

import (
	"fmt"
	"strings"
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
func (s *scene) flows() []Finding {
	if !s.suspends() {
		return nil
	}
	w := newFlowWalk(s)
	for id, e := range s.t.of(kindCall, kindReturn, kindUnwind, kindResume, kindRaise) {
		w.step(id, e)
		switch n := s.t.calls.find(e.proc, e.call); e.kind {
		case kindReturn, kindUnwind:
			w.close(n)
		case kindCall, kindRaise:
			w.look(id, e, n)
		}
	}
	return s.flowFindings(w.seen)
}

// A flowWalk goes through the records in their order, keeping which generators
// and coroutines were seen as values, and what their functions did since.
type flowWalk struct {
	s      *scene
	states map[string]*flowState // by the function's name
	kinds  []*flowState          // by code, nil for what is not suspended
	seen   []suspended
	ids    map[[2]int]int32 // process and identity → where it was first seen
	open   map[int32][]int  // call → indices of seen that are its arguments
	next   map[string][]int // name → indices of seen that wait for a beginning
}

func newFlowWalk(s *scene) *flowWalk {
	w := &flowWalk{s: s, states: map[string]*flowState{}, kinds: make([]*flowState, len(s.t.codes)+1),
		ids: map[[2]int]int32{}, open: map[int32][]int{}, next: map[string][]int{}}
	for i, c := range s.t.codes {
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
func (w *flowWalk) step(id int32, e *event) {
	st := w.kinds[e.code]
	if st == nil {
		return
	}
	switch e.kind {
	case kindCall:
		st.begun++
		st.live++
		for _, i := range w.next[w.s.t.codes[e.code-1].Name] {
			w.seen[i].begunDuring++
		}
	case kindReturn, kindUnwind:
		st.live--
		st.ended = id
	case kindResume:
		for _, i := range w.next[w.s.t.codes[e.code-1].Name] {
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
func (w *flowWalk) look(id int32, e *event, call int32) {
	s := w.s
	if len(w.seen) >= maxSuspended {
		return
	}
	b := s.t.store.body(e.off, e.size)
	if !b.contains(`"t":"generator"`) && !b.contains(`"t":"coroutine"`) {
		return
	}
	for _, a := range s.values.vars(b, valuesKey(e.kind)) {
		if a.Value.Type != "generator" && a.Value.Type != "coroutine" || a.Value.Text == "" || a.Value.ID == 0 {
			continue
		}
		x := suspended{name: strings.Clone(a.Value.Text), record: id, arg: strings.Clone(a.Name), coroutine: a.Value.Type == "coroutine"}
		if st := w.states[x.name]; st != nil {
			x.live, x.begun, x.ended = st.live, st.begun, st.ended
		}
		key := [2]int{int(e.proc), a.Value.ID}
		first := w.ids[key]
		x.seenBefore = first != 0 && first < x.ended
		if first == 0 {
			w.ids[key] = id
		}
		w.next[x.name] = append(w.next[x.name], len(w.seen))
		if e.kind == kindCall {
			w.open[call] = append(w.open[call], len(w.seen))
		}
		w.seen = append(w.seen, x)
	}
}

// suspends says whether the trace has anything to do with generators or
// coroutines: one ran, or the frame that crashed held one.
func (s *scene) suspends() bool {
	for _, c := range s.t.codes {
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

func (s *scene) flowFindings(seen []suspended) []Finding {
	var out []Finding
	done := map[string]bool{}
	for i := len(seen) - 1; i >= 0; i-- {
		x := &seen[i]
		key := fmt.Sprint(x.name, x.coroutine)
		if done[key] || s.raise.ID != 0 && int(x.record) > s.raise.ID {
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
func (s *scene) unawaited(x *suspended) (Finding, bool) {
	r := s.t.Record(int(x.record))
	weight := 0.5
	switch {
	case x.begunDuring > 0 || x.stillRunning || x.live > 0:
		return Finding{}, false
	case s.raise.ID != 0 && strings.Contains(s.raiseText, "coroutine") && s.onPath[r.Call]:
		weight = 0.92
	case s.raise.ID != 0 && s.onPath[r.Call]:
		weight = 0.6
	case s.raise.ID == 0:
		weight = 0.4
	}
	caller := ""
	if p := s.t.Call(r.Call).Parent(); p.n != 0 {
		caller = fmt.Sprintf(" by %s, at line %d", p.Code().Name, s.t.Call(r.Call).Start().Line)
	}
	return Finding{Kind: "unawaited", Records: uniqueInts(recordIDs(s.t.Call(r.Call), r)), File: r.Code.File, Line: r.Code.Line, Name: r.Code.Name, Weight: weight,
		Text: fmt.Sprintf("%s is a coroutine that was never awaited: %s of %s was given it%s, and it never ran.", oneLine(x.name), oneLine(x.arg), r.Code.Name, caller)}, true
}

// exhausted describes a generator that had been read to its end when it was
// handed on.
func (s *scene) exhausted(x *suspended) (Finding, bool) {
	if x.ended == 0 || x.live > 0 || x.begunDuring > 0 || x.stillRunning || !x.seenBefore && x.begun != 1 {
		return Finding{}, false
	}
	r, end := s.t.Record(int(x.record)), s.t.Record(int(x.ended))
	if end.Kind != KindReturn || r.Kind != KindCall {
		return Finding{}, false
	}
	weight := 0.45
	switch {
	case s.raise.ID != 0 && s.onPath[r.Call]:
		weight = 0.85
	case s.raise.ID != 0 && s.sameRoot(s.t.Call(r.Call)):
		weight = 0.66
	}
	reader := s.t.Call(end.Call).Parent()
	by := ""
	if reader.n != 0 {
		by = " by " + reader.Code().Name
	}
	return Finding{Kind: "exhausted", Records: uniqueInts([]int{s.t.Call(end.Call).First().ID, end.ID, r.ID}), File: r.Code.File, Line: r.Code.Line, Name: r.Code.Name, Weight: weight,
		Text: fmt.Sprintf("%s was given the generator %s as %s after it had been read to its end%s: it gave nothing more.", r.Code.Name, oneLine(x.name), oneLine(x.arg), by)}, true
}
