package pytrace

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
	for _, c := range t.roots {
		if c.end != nil && c.end.Kind == KindUnwind {
			escaped[c.end.Exc] = true
		}
	}
	var out []Raise
	for i := range t.records {
		if r := &t.records[i]; r.Kind == KindRaise {
			x := raiseOf(r)
			x.Escaped = escaped[r.Exc]
			out = append(out, x)
		}
	}
	return out
}

func raiseOf(r *event) Raise {
	return Raise{Exc: r.Exc, Type: r.Type, Module: r.Module, Message: r.Text, Call: r.Call,
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
	raises := map[int64]*event{}
	var out []Swallow
	for i := range t.records {
		r := &t.records[i]
		switch r.Kind {
		case KindRaise:
			raises[r.Exc] = r
		case KindHandled:
			first := raises[r.Exc]
			if first == nil { // dropped
				continue
			}
			s := Swallow{Raise: raiseOf(first), HandlerFile: r.Code.File, HandlerName: r.Code.Name, HandlerCall: r.Call,
				Handler: r.Handler, After: r.After, Outcome: r.Outcome, Records: []int{first.ID, r.ID}}
			if c := t.call(r.Call); c != nil && c.end != nil && c.end.Kind == KindReturn && c.end.Value != nil {
				s.Returned = c.end.Value.String()
				s.Records = append(s.Records, c.end.ID)
			}
			out = append(out, s)
		}
	}
	return out
}

// crash returns the way to the failure that the trace ends with: the last
// exception that left a root, or nil. raise may be nil where it was dropped.
func (t *Trace) crash() (path []*call, raise *event) {
	raises := map[int64]*event{}
	for i := range t.records {
		if r := &t.records[i]; r.Kind == KindRaise && raises[r.Exc] == nil {
			raises[r.Exc] = r
		}
	}
	for i := len(t.roots) - 1; i >= 0; i-- {
		root := t.roots[i]
		if root.end == nil || root.end.Kind != KindUnwind || root.end.Exc == 0 {
			continue
		}
		if r := raises[root.end.Exc]; r != nil && !ignorable(r) {
			if c := t.call(r.Call); c != nil {
				return c.path(), r
			}
		}
	}
	return nil, nil
}

// ignorable says whether an exception that escapes is no failure.
func ignorable(r *event) bool {
	switch r.Type {
	case "SystemExit":
		return r.Text == "0" || r.Text == "None" || r.Text == ""
	case "Skipped", "XFailed", "SkipTest":
		return true
	}
	return false
}
