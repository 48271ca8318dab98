package trace

import "github.com/repaird/repaird/internal/trace/wire"

// A Raise is an exception that was raised in scope or arrived there.
type Raise struct {
	Exc     int64  `json:"exc"`
	Type    string `json:"type"`             // bare class name
	Module  string `json:"module,omitempty"` // of the class
	Message string `json:"message"`
	Call    int64  `json:"call_id"`
	File    string `json:"file"`
	Name    string `json:"name"` // function
	Line    int    `json:"line"`
	Record  int    `json:"record"`
	Escaped bool   `json:"escaped"` // left the outermost frame in scope: nobody in scope swallowed it
}

// Raised returns the exceptions in the order in which they were first seen.
// StopIteration, StopAsyncIteration and GeneratorExit are not among them.
func (t *Trace) Raised() []Raise {
	escaped := map[int64]bool{}
	for _, c := range t.Roots() {
		if end := c.End(); end.Kind == wire.KindUnwind {
			escaped[end.Exc] = true
		}
	}
	var out []Raise
	for id := range t.EventsOf(wire.EventRaise) {
		x := raiseOf(t.Record(int(id)))
		x.Escaped = escaped[x.Exc]
		out = append(out, x)
	}
	return out
}

func raiseOf(r Record) Raise {
	return Raise{Exc: r.Exc, Type: r.Type(), Module: r.Module(), Message: r.Text(), Call: r.Call,
		File: r.Code.File, Name: r.Code.Name, Line: r.Line, Record: r.ID}
}

// A Swallow is an exception that was raised and then swallowed.
type Swallow struct {
	Raise
	HandlerFile string `json:"handler_file"`
	HandlerName string `json:"handler_name"` // function that swallowed it
	HandlerCall int64  `json:"handler_call"` // that function's call
	Handler     int    `json:"handler"`      // line of the except, finally or with; 0: swallowed by code out of scope
	After       int    `json:"after"`        // line where that function went on or returned
	Outcome     string `json:"outcome"`      // continue, return, outside
	Returned    string `json:"returned"`     // what that function returned in the end, "" when it did not
	Records     []int  `json:"records"`      // raise, handled, return
}

// Swallowed returns the swallowed exceptions in the order in which they were
// swallowed: those after which the function that caught them went on or
// returned. An exception that a handler replaced by another is not swallowed.
func (t *Trace) Swallowed() []Swallow {
	var out []Swallow
	for _, w := range t.Swallows() {
		out = append(out, t.Swallow(w))
	}
	return out
}

// A Swallowing is what Swallow tells, as ids of the raise and the handled record.
type Swallowing struct{ Raise, Handled int32 }

// Swallows returns the exceptions that were swallowed, in the order of the
// records.
func (t *Trace) Swallows() []Swallowing {
	raises := map[[2]uint32]int32{} // process and number of the exception
	var out []Swallowing
	for id, e := range t.EventsOf(wire.EventRaise, wire.EventHandled) {
		exc := [2]uint32{uint32(e.Proc), e.Num}
		if e.Kind == wire.EventRaise {
			raises[exc] = id
		} else if first := raises[exc]; first != 0 && !t.wentOn(e) { // else it was dropped
			out = append(out, Swallowing{first, id})
		}
	}
	return out
}

// wentOn says whether the call that is said to have swallowed an exception was
// left by an error all the same, and by none that is known: code that the
// compiler put in has raised it again, as around a comprehension.
func (t *Trace) wentOn(handled *wire.Event) bool {
	end := t.CallOf(handled).Node().End
	if end == 0 {
		return false
	}
	e := t.EventAt(end)
	return e.Kind == wire.EventUnwind && e.Num == 0 && t.store.body(e.Off, e.Size).Text("x") == ""
}

// Swallow says more about one of Swallows.
func (t *Trace) Swallow(w Swallowing) Swallow {
	first, r := t.Record(int(w.Raise)), t.Record(int(w.Handled))
	s := Swallow{Raise: raiseOf(first), HandlerFile: r.Code.File, HandlerName: r.Code.Name, HandlerCall: r.Call,
		Handler: r.Handler(), After: r.After(), Outcome: r.Outcome(), Records: []int{first.ID, r.ID}}
	if end := t.Call(r.Call).End(); end.Kind == wire.KindReturn {
		if v := end.Value(); v != nil {
			s.Returned = v.String()
			s.Records = append(s.Records, end.ID)
		}
	}
	return s
}

// RaiseOf returns the first record of an exception, the zero Record where it
// was dropped.
func (t *Trace) RaiseOf(exc int64) Record {
	for id, e := range t.EventsOf(wire.EventRaise) {
		if int64(e.Num)|int64(e.Proc)<<procShift == exc {
			return t.Record(int(id))
		}
	}
	return Record{}
}

// Crash returns the way to the failure that the trace ends with: the last
// exception that left a root. A call whose caller was dropped is not a root as long
// as there is one that nothing called: the exception may have been swallowed.
func (t *Trace) Crash() (path []Call, raise Record) {
	raises, handled := map[[2]uint32]int32{}, map[[2]uint32]bool{}
	for id, e := range t.EventsOf(wire.EventRaise, wire.EventHandled) {
		exc := [2]uint32{uint32(e.Proc), e.Num}
		if e.Kind == wire.EventHandled {
			handled[exc] = true
		} else if raises[exc] == 0 {
			raises[exc] = id
		}
	}
	roots := t.Roots()
	for _, orphans := range []bool{false, true} {
		for i := len(roots) - 1; i >= 0; i-- {
			end := roots[i].Node().End
			if end == 0 || t.orphan(roots[i]) != orphans {
				continue
			}
			e := t.EventAt(end)
			exc := [2]uint32{uint32(e.Proc), e.Num}
			if e.Kind != wire.EventUnwind || e.Num == 0 || orphans && handled[exc] {
				continue
			}
			id := raises[exc]
			if id == 0 {
				return nil, Record{} // what the run ended with was not recorded
			}
			if r := t.Record(int(id)); !ignorable(r) {
				return t.Call(r.Call).Path(), r
			}
		}
	}
	return nil, Record{}
}

// orphan reports whether a root was called by a call that is not in the trace.
func (t *Trace) orphan(root Call) bool {
	start := root.Node().Start
	return start == 0 || t.EventAt(start).Parent != 0
}

// ignorable reports whether an escaping exception is not a failure.
func ignorable(r Record) bool {
	return IgnorableType(r.Type(), r.Text())
}

// IgnorableType reports whether an exception of that class and message is not a
// failure where it escapes.
func IgnorableType(name, text string) bool {
	switch name {
	case "SystemExit":
		return text == "0" || text == "None" || text == ""
	case "Skipped", "XFailed", "SkipTest":
		return true
	}
	return false
}
