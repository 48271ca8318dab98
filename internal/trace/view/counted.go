package view

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A Count is how often a function was called, and how long that took.
type Count struct {
	Function string `json:"function"` // qualified name
	File     string `json:"file"`
	Line     int    `json:"line"`
	Calls    int    `json:"calls"`              // all, also those that were not recorded
	AtLeast  bool   `json:"at_least,omitempty"` // the tracer ceased to count: Calls is a lower bound
	Recorded int    `json:"recorded"`
	Raised   int    `json:"raised,omitempty"` // recorded calls that an exception left
	Total    int64  `json:"total_us"`         // of the recorded calls, with what they called; recursion counts once
	Self     int64  `json:"self_us"`          // without what they called in scope
}

// Counted returns the functions of a trace, those of several processes
// together, most called first; by "total" or "self", those that took longest.
func Counted(t *trace.Trace, by string) []Count {
	return CountedIn(NewForest(t), by)
}

// CountedIn is Counted for a forest that is there already.
func CountedIn(f *Forest, by string) []Count {
	t := f.T
	type key struct {
		file, name string
		line       int
	}
	index := map[key]int{}
	var out []Count
	at := func(c *trace.Code) *Count {
		k := key{c.File, c.Name, c.Line}
		i, ok := index[k]
		if !ok {
			i = len(out)
			index[k] = i
			out = append(out, Count{Function: c.Name, File: c.File, Line: c.Line})
		}
		return &out[i]
	}
	recorded := map[*trace.Code]int{}
	for i := range f.Nodes {
		c := &f.Nodes[i]
		x := at(c.Code)
		if c.Start >= 0 {
			x.Recorded++
			recorded[c.Code]++
		}
		x.Self += c.self
		if !f.within(int32(i), c.Code) {
			x.Total += c.Total
		}
		if c.End >= 0 {
			if r := Record(t, int(c.End)); r.Kind == wire.KindUnwind && r.Exc != 0 {
				x.Raised++
			}
		}
	}
	for _, c := range t.Codes() {
		x := at(c)
		x.Calls += max(c.Calls, recorded[c])
		x.AtLeast = x.AtLeast || c.AtLeast
	}
	slices.SortStableFunc(out, func(a, b Count) int {
		switch by {
		case "total":
			return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(b.Calls, a.Calls))
		case "self":
			return cmp.Or(cmp.Compare(b.Self, a.Self), cmp.Compare(b.Calls, a.Calls))
		}
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Function, b.Function))
	})
	return out
}

const maxWithin = 400 // callers that are looked at for recursion

// within says whether a call of code is among the callers of i.
func (f *Forest) within(i int32, code *trace.Code) bool {
	for n := 0; n < maxWithin; n++ {
		if i = f.Nodes[i].Parent; i < 0 {
			return false
		}
		if f.Nodes[i].Code == code {
			return true
		}
	}
	return false
}

// Number is the number of calls, as text.
func (c Count) Number() string {
	if c.AtLeast {
		return strconv.Itoa(c.Calls) + "+"
	}
	return strconv.Itoa(c.Calls)
}

// Name is the function's name, qualified or its last part.
func (c Count) Name(qualified bool) string {
	if qualified {
		return c.Function
	}
	return c.Function[strings.LastIndexByte(c.Function, '.')+1:]
}
