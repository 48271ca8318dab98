package view

import (
	"slices"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A Node is one call. Records are named by their index in the trace.
type Node struct {
	Id      int64
	Code    *trace.Code
	Process int
	Thread  int
	Task    int
	Start   int32 // its call record, -1 when it was dropped
	End     int32 // ret or unwind, -1 when it was dropped or never came
	Parent  int32 // -1 for none; less than the node's own index
	Below   int32 // calls below it
	Kids    []int32
	Events  []int32 // the records between, in order
	Began   int64   // microseconds; of the first record that is left
	Total   int64   // microseconds in it and in what it called, suspension left out
	self    int64   // microseconds in it and in what it called out of scope
	shape   uint64  // equal for calls whose subtrees look alike
	Loud    bool    // an exception was raised or swallowed here or below
}

// A Forest is the calls of a trace, in the order in which they began within
// their processes, as trees.
type Forest struct {
	T       *trace.Trace
	Nodes   []Node
	Roots   []int32
	raises  map[int64]int32 // number of an exception → its raise record
	Handled map[int64]int   // number of an exception → id of the record of its end
	marks   []int32
}

// NewForest makes the trees of a trace's calls.
func NewForest(t *trace.Trace) *Forest {
	f := &Forest{T: t, raises: map[int64]int32{}, Handled: map[int64]int{}}
	f.collect()
	f.link()
	f.clock()
	f.fold()
	return f
}

// collect makes the nodes, sorted by id, and gives them their records.
func (f *Forest) collect() {
	n := Size(f.T)
	ids := make([]int64, 0, n)
	for i := range n {
		r := Record(f.T, i)
		if r.Kind == wire.KindMark {
			f.marks = append(f.marks, int32(i))
		}
		if r.Call != 0 && r.Code != nil {
			ids = append(ids, r.Call)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	f.Nodes = make([]Node, len(ids))
	for i := range f.Nodes {
		f.Nodes[i] = Node{Id: ids[i], Start: -1, End: -1, Parent: -1, Began: -1}
	}
	for i := range n {
		f.add(i, Record(f.T, i))
	}
}

func (f *Forest) add(i int, r Rec) {
	at := f.Find(r.Call)
	if at < 0 || r.Code == nil {
		return
	}
	c := &f.Nodes[at]
	if c.Code == nil {
		c.Code, c.Process, c.Thread, c.Task = r.Code, r.Process, r.Thread, r.Task
	}
	if at := Micros(r); c.Began < 0 && at > 0 {
		c.Began = at
	}
	switch r.Kind {
	case wire.KindCall:
		if c.Start < 0 {
			c.Start, c.Began, c.Thread = int32(i), Micros(r), r.Thread
		}
	case wire.KindReturn, wire.KindUnwind:
		c.End = int32(i)
	case wire.KindRaise:
		if _, ok := f.raises[r.Exc]; !ok {
			f.raises[r.Exc] = int32(i)
		}
		c.Events = append(c.Events, int32(i))
	default:
		if r.Kind == wire.KindHandled {
			f.Handled[r.Exc] = r.ID
		}
		c.Events = append(c.Events, int32(i))
	}
}

// Find returns the index of a call, -1 where there is none.
func (f *Forest) Find(id int64) int32 {
	if id == 0 {
		return -1
	}
	i, ok := slices.BinarySearchFunc(f.Nodes, id, func(c Node, id int64) int {
		switch {
		case c.Id < id:
			return -1
		case c.Id > id:
			return 1
		}
		return 0
	})
	if !ok {
		return -1
	}
	return int32(i)
}

// link hangs calls under their parents. A parent has the lesser id, so that
// there is no cycle whatever the trace says.
func (f *Forest) link() {
	for i := range f.Nodes {
		c := &f.Nodes[i]
		if c.Start >= 0 {
			if p := f.Find(Record(f.T, int(c.Start)).Parent); p >= 0 && int(p) < i && f.Nodes[p].Process == c.Process {
				c.Parent = p
				f.Nodes[p].Kids = append(f.Nodes[p].Kids, int32(i))
				continue
			}
		}
		f.Roots = append(f.Roots, int32(i))
	}
	for i := len(f.Nodes) - 1; i >= 0; i-- {
		c := &f.Nodes[i]
		for _, e := range c.Events {
			if k := Record(f.T, int(e)).Kind; k == wire.KindRaise || k == wire.KindHandled {
				c.Loud = true
			}
		}
		if c.Parent >= 0 {
			p := &f.Nodes[c.Parent]
			p.Below += c.Below + 1
			p.Loud = p.Loud || c.Loud
		}
	}
}

// clock adds up the times.
func (f *Forest) clock() {
	for _, s := range Timeline(f.T) {
		if i := f.Find(s.Call); i >= 0 {
			f.Nodes[i].Total += s.To - s.From
			f.Nodes[i].self += s.self
		}
	}
}

// Left returns the raise record of the exception that left a call.
func (f *Forest) Left(c *Node) (Rec, bool) {
	if c.End < 0 {
		return Rec{}, false
	}
	i, ok := f.raises[Record(f.T, int(c.End)).Exc]
	if !ok {
		return Rec{}, false
	}
	return Record(f.T, int(i)), true
}

// TaskName returns the name of the asyncio task that a call began in.
func (f *Forest) TaskName(c *Node) string {
	if c.Start < 0 {
		return ""
	}
	return f.T.TaskName(Record(f.T, int(c.Start)))
}
