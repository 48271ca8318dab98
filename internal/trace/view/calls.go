package view

import (
	"slices"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A node is one call. Records are named by their index in the trace.
type node struct {
	id      int64
	code    *trace.Code
	process int
	thread  int
	task    int
	start   int32 // its call record, -1 when it was dropped
	end     int32 // ret or unwind, -1 when it was dropped or never came
	parent  int32 // -1 for none; less than the node's own index
	below   int32 // calls below it
	kids    []int32
	events  []int32 // the records between, in order
	began   int64   // microseconds; of the first record that is left
	total   int64   // microseconds in it and in what it called, suspension left out
	self    int64   // microseconds in it and in what it called out of scope
	shape   uint64  // equal for calls whose subtrees look alike
	loud    bool    // an exception was raised or swallowed here or below
}

// A forest is the calls of a trace, in the order in which they began within
// their processes, as trees.
type forest struct {
	t       *trace.Trace
	nodes   []node
	roots   []int32
	raises  map[int64]int32 // number of an exception → its raise record
	handled map[int64]int   // number of an exception → id of the record of its end
	marks   []int32
}

func newForest(t *trace.Trace) *forest {
	f := &forest{t: t, raises: map[int64]int32{}, handled: map[int64]int{}}
	f.collect()
	f.link()
	f.clock()
	f.fold()
	return f
}

// collect makes the nodes, sorted by id, and gives them their records.
func (f *forest) collect() {
	n := size(f.t)
	ids := make([]int64, 0, n)
	for i := range n {
		r := record(f.t, i)
		if r.Kind == wire.KindMark {
			f.marks = append(f.marks, int32(i))
		}
		if r.Call != 0 && r.Code != nil {
			ids = append(ids, r.Call)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	f.nodes = make([]node, len(ids))
	for i := range f.nodes {
		f.nodes[i] = node{id: ids[i], start: -1, end: -1, parent: -1, began: -1}
	}
	for i := range n {
		f.add(i, record(f.t, i))
	}
}

func (f *forest) add(i int, r rec) {
	at := f.find(r.Call)
	if at < 0 || r.Code == nil {
		return
	}
	c := &f.nodes[at]
	if c.code == nil {
		c.code, c.process, c.thread, c.task = r.Code, r.Process, r.Thread, r.Task
	}
	if at := micros(r); c.began < 0 && at > 0 {
		c.began = at
	}
	switch r.Kind {
	case wire.KindCall:
		if c.start < 0 {
			c.start, c.began, c.thread = int32(i), micros(r), r.Thread
		}
	case wire.KindReturn, wire.KindUnwind:
		c.end = int32(i)
	case wire.KindRaise:
		if _, ok := f.raises[r.Exc]; !ok {
			f.raises[r.Exc] = int32(i)
		}
		c.events = append(c.events, int32(i))
	default:
		if r.Kind == wire.KindHandled {
			f.handled[r.Exc] = r.ID
		}
		c.events = append(c.events, int32(i))
	}
}

// find returns the index of a call, -1 where there is none.
func (f *forest) find(id int64) int32 {
	if id == 0 {
		return -1
	}
	i, ok := slices.BinarySearchFunc(f.nodes, id, func(c node, id int64) int {
		switch {
		case c.id < id:
			return -1
		case c.id > id:
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
func (f *forest) link() {
	for i := range f.nodes {
		c := &f.nodes[i]
		if c.start >= 0 {
			if p := f.find(record(f.t, int(c.start)).Parent); p >= 0 && int(p) < i && f.nodes[p].process == c.process {
				c.parent = p
				f.nodes[p].kids = append(f.nodes[p].kids, int32(i))
				continue
			}
		}
		f.roots = append(f.roots, int32(i))
	}
	for i := len(f.nodes) - 1; i >= 0; i-- {
		c := &f.nodes[i]
		for _, e := range c.events {
			if k := record(f.t, int(e)).Kind; k == wire.KindRaise || k == wire.KindHandled {
				c.loud = true
			}
		}
		if c.parent >= 0 {
			p := &f.nodes[c.parent]
			p.below += c.below + 1
			p.loud = p.loud || c.loud
		}
	}
}

// clock adds up the times.
func (f *forest) clock() {
	for _, s := range timeline(f.t) {
		if i := f.find(s.call); i >= 0 {
			f.nodes[i].total += s.to - s.from
			f.nodes[i].self += s.self
		}
	}
}

// left returns the raise record of the exception that left a call.
func (f *forest) left(c *node) (rec, bool) {
	if c.end < 0 {
		return rec{}, false
	}
	i, ok := f.raises[record(f.t, int(c.end)).Exc]
	if !ok {
		return rec{}, false
	}
	return record(f.t, int(i)), true
}

// taskName returns the name of the asyncio task that a call began in.
func (f *forest) taskName(c *node) string {
	if c.start < 0 {
		return ""
	}
	return f.t.TaskName(record(f.t, int(c.start)))
}
