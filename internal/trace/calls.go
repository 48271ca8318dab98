package trace

import (
	"slices"

	"github.com/repaird/repaird/internal/trace/wire"
)

// A Call is one call of the tree. The zero Call stands for none: its ID is 0.
// Calls of one trace can be compared with ==.
type Call struct {
	t     *Trace
	Index int32 // index in the table, from 1
}

// A node is one call in the table. Its numbers are ids of records and indices of
// calls, from 1, 0 for none.
type node struct {
	first      int32 // its first record of any kind
	Start, End int32
	Parent     int32
	child      int32 // first of those that it made
	next       int32 // of those of its parent
	noted      int32 // index in callTable.noted of its first raise, pass or handled, from 1
}

// A note is a raise, pass or handled of a call, and the call's next one.
type note struct{ record, next int32 }

// A CallTable holds the call tree and finds calls by their ids. The calls of a
// process are numbered from 1, so that a list does; a hostile trace, whose
// numbers have gaps, gets a map.
type CallTable struct {
	nodes  []node // in the order of their first records
	notes  []note
	roots  []Call
	dense  [][]int32 // process, number → index in nodes, from 1
	sparse map[int64]int32
}

func (x *CallTable) find(process uint16, n uint32) int32 {
	if int(process) < len(x.dense) && int(n) < len(x.dense[process]) {
		return x.dense[process][n]
	}
	return x.sparse[int64(process)<<procShift|int64(n)]
}

// reserve numbers the calls of the events.
func (t *Trace) reserve() {
	type extent struct{ last, records int }
	x, extents := &t.calls, make([]extent, len(t.Processes))
	for _, piece := range t.events {
		for i := range piece {
			e := &extents[piece[i].Proc]
			e.last, e.records = max(e.last, int(piece[i].Call)), e.records+1
		}
	}
	x.sparse, x.dense = map[int64]int32{}, make([][]int32, len(extents))
	for i, e := range extents {
		if e.last < 4*e.records+1024 {
			x.dense[i] = make([]int32, e.last+1)
		}
	}
	n := int32(0)
	for _, piece := range t.events {
		for i := range piece {
			e := &piece[i]
			if e.Call == 0 || e.Code == 0 || x.find(e.Proc, e.Call) > 0 {
				continue
			}
			n++
			if table := x.dense[e.Proc]; len(table) > 0 {
				table[e.Call] = n
			} else {
				x.sparse[int64(e.Proc)<<procShift|int64(e.Call)] = n
			}
		}
	}
	x.nodes = make([]node, n)
}

// index builds the call tree.
func (t *Trace) index() {
	t.reserve()
	x := &t.calls
	id := int32(0)
	for _, piece := range t.events {
		for i := range piece {
			e := &piece[i]
			id++
			n := x.find(e.Proc, e.Call)
			if n == 0 || e.Code == 0 {
				continue
			}
			c := &x.nodes[n-1]
			if c.first == 0 {
				c.first = id
			}
			switch e.Kind {
			case wire.EventCall:
				if c.Start == 0 { // a late one repeats what the ring may have kept after all
					c.Start = id
				}
			case wire.EventReturn, wire.EventUnwind:
				c.End = id
			case wire.EventRaise, wire.EventPass, wire.EventHandled:
				x.notes = append(x.notes, note{record: id})
			}
		}
	}
	for i := len(x.notes) - 1; i >= 0; i-- { // backwards, since each is put before the others
		e := t.EventAt(x.notes[i].record)
		c := &x.nodes[x.find(e.Proc, e.Call)-1]
		x.notes[i].next, c.noted = c.noted, int32(i)+1
	}
	t.link()
}

// link hangs calls under their parents, in order of their first records. A
// parent must have begun before its child, so a hostile trace makes no cycle.
func (t *Trace) link() {
	x := &t.calls
	for i := len(x.nodes) - 1; i >= 0; i-- {
		c := &x.nodes[i]
		if c.Start != 0 {
			if e := t.EventAt(c.Start); e.Parent < e.Call {
				c.Parent = x.find(e.Proc, e.Parent)
			}
		}
		if c.Parent != 0 {
			p := &x.nodes[c.Parent-1]
			c.next, p.child = p.child, int32(i)+1
			continue
		}
		x.roots = append(x.roots, Call{t, int32(i) + 1})
	}
	slices.Reverse(x.roots)
	x.roots = slices.Clip(x.roots)
}

// Roots returns the calls that no recorded call made, in order. The list must
// not be changed.
func (t *Trace) Roots() []Call { return t.calls.roots }

// Call returns the call with an id, the zero Call where no record is of it.
func (t *Trace) Call(id int64) Call {
	if n := uint64(id) & (1<<procShift - 1); id > 0 && n <= wire.MaxNumber && id>>procShift <= maxProcs {
		return t.CallAt(t.calls.find(uint16(id>>procShift), uint32(n)))
	}
	return Call{}
}

// CallAt returns the call with a number, see Nodes.
func (t *Trace) CallAt(n int32) Call {
	if n == 0 {
		return Call{}
	}
	return Call{t, n}
}

// CallOf returns the call that an event is of, the zero Call for none.
func (t *Trace) CallOf(e *wire.Event) Call { return t.CallAt(t.NodeOf(e)) }

// NodeOf returns the number of that call, as Call's, 0 for none.
func (t *Trace) NodeOf(e *wire.Event) int32 { return t.calls.find(e.Proc, e.Call) }

// Nodes returns the table of the calls, each at its number less 1. It must not
// be changed.
func (t *Trace) Nodes() []node { return t.calls.nodes }

// BodyOf returns what an event's line holds besides its head.
func (t *Trace) BodyOf(e *wire.Event) wire.Body { return t.store.body(e.Off, e.Size) }

var noNode node

// Node returns the call's place in the tree of calls, an empty one for the zero
// Call.
func (c Call) Node() *node {
	if c.Index == 0 {
		return &noNode
	}
	return &c.t.calls.nodes[c.Index-1]
}

func (c Call) record(id int32) Record {
	if id == 0 {
		return Record{}
	}
	return c.t.Record(int(id))
}

// FirstEvent is an event that every call but the zero one has.
func (c Call) FirstEvent() *wire.Event {
	if c.Index == 0 {
		return &wire.Event{}
	}
	return c.t.EventAt(c.Node().first)
}

// ID returns the call's number, unique in the trace.
func (c Call) ID() int64 {
	e := c.FirstEvent()
	return int64(e.Call) | int64(e.Proc)<<procShift
}

// Code returns the function that was called; nil for the zero Call.
func (c Call) Code() *Code {
	if c.Index == 0 {
		return nil
	}
	return c.t.Code(c.FirstEvent())
}

// Parent returns the calling call in scope, the zero Call for none.
func (c Call) Parent() Call {
	if c.Index == 0 {
		return c
	}
	return c.t.CallAt(c.Node().Parent)
}

// Children returns the calls that c made, in order.
func (c Call) Children() []Call {
	var out []Call
	for n := c.Node().child; n != 0; n = c.t.calls.nodes[n-1].next {
		out = append(out, Call{c.t, n})
	}
	return out
}

// First returns the first record of the call, of whatever kind.
func (c Call) First() Record { return c.record(c.Node().first) }

// Start returns the record of the call, the zero Record where it was dropped.
func (c Call) Start() Record { return c.record(c.Node().Start) }

// End returns the record of the return or unwind, the zero Record where it was
// dropped or never came.
func (c Call) End() Record { return c.record(c.Node().End) }

// Events returns the call's raise, pass and handled records, in order.
func (c Call) Events() []Record {
	var out []Record
	for n := c.Node().noted; n != 0; n = c.t.calls.notes[n-1].next {
		out = append(out, c.record(c.t.calls.notes[n-1].record))
	}
	return out
}

// Path returns the calls from the outermost to c.
func (c Call) Path() []Call {
	var p []Call
	for ; c.Index != 0; c = c.Parent() {
		p = append(p, c)
	}
	slices.Reverse(p)
	return p
}
