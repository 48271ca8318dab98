package pytrace

import "slices"

// A Call is one call of the tree. The zero Call stands for none: its ID is 0.
// Calls of one trace can be compared with ==.
type Call struct {
	t *Trace
	n int32 // index in the table, from 1
}

// A node is one call in the table. Its numbers are ids of records and indices of
// calls, from 1, 0 for none.
type node struct {
	first      int32 // its first record of any kind
	start, end int32
	parent     int32
	child      int32 // first of those that it made
	next       int32 // of those of its parent
	noted      int32 // index in callTable.noted of its first raise, pass or handled, from 1
}

// A note is a raise, pass or handled of a call, and the call's next one.
type note struct{ record, next int32 }

// A callTable holds the call tree and finds calls by their ids. The calls of a
// process are numbered from 1, so that a list does; a hostile trace, whose
// numbers have gaps, gets a map.
type callTable struct {
	nodes  []node // in the order of their first records
	notes  []note
	roots  []Call
	dense  [][]int32 // process, number → index in nodes, from 1
	sparse map[int64]int32
}

func (x *callTable) find(process uint16, n uint32) int32 {
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
			e := &extents[piece[i].proc]
			e.last, e.records = max(e.last, int(piece[i].call)), e.records+1
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
			if e.call == 0 || e.code == 0 || x.find(e.proc, e.call) > 0 {
				continue
			}
			n++
			if table := x.dense[e.proc]; len(table) > 0 {
				table[e.call] = n
			} else {
				x.sparse[int64(e.proc)<<procShift|int64(e.call)] = n
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
			n := x.find(e.proc, e.call)
			if n == 0 || e.code == 0 {
				continue
			}
			c := &x.nodes[n-1]
			if c.first == 0 {
				c.first = id
			}
			switch e.kind {
			case kindCall:
				if c.start == 0 { // a late one repeats what the ring may have kept after all
					c.start = id
				}
			case kindReturn, kindUnwind:
				c.end = id
			case kindRaise, kindPass, kindHandled:
				x.notes = append(x.notes, note{record: id})
			}
		}
	}
	for i := len(x.notes) - 1; i >= 0; i-- { // backwards, since each is put before the others
		e := t.at(x.notes[i].record)
		c := &x.nodes[x.find(e.proc, e.call)-1]
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
		if c.start != 0 {
			if e := t.at(c.start); e.parent < e.call {
				c.parent = x.find(e.proc, e.parent)
			}
		}
		if c.parent != 0 {
			p := &x.nodes[c.parent-1]
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
	if n := uint64(id) & (1<<procShift - 1); id > 0 && n <= maxNumber && id>>procShift <= maxProcs {
		return t.callAt(t.calls.find(uint16(id>>procShift), uint32(n)))
	}
	return Call{}
}

func (t *Trace) callAt(n int32) Call {
	if n == 0 {
		return Call{}
	}
	return Call{t, n}
}

// callOf returns the call that an event is of, the zero Call for none.
func (t *Trace) callOf(e *event) Call { return t.callAt(t.calls.find(e.proc, e.call)) }

var noNode node

func (c Call) node() *node {
	if c.n == 0 {
		return &noNode
	}
	return &c.t.calls.nodes[c.n-1]
}

func (c Call) record(id int32) Record {
	if id == 0 {
		return Record{}
	}
	return c.t.Record(int(id))
}

// firstEvent is an event that every call but the zero one has.
func (c Call) firstEvent() *event {
	if c.n == 0 {
		return &event{}
	}
	return c.t.at(c.node().first)
}

// ID returns the call's number, unique in the trace.
func (c Call) ID() int64 {
	e := c.firstEvent()
	return int64(e.call) | int64(e.proc)<<procShift
}

// Code returns the function that was called; nil for the zero Call.
func (c Call) Code() *Code {
	if c.n == 0 {
		return nil
	}
	return c.t.code(c.firstEvent())
}

// Parent returns the calling call in scope, the zero Call for none.
func (c Call) Parent() Call {
	if c.n == 0 {
		return c
	}
	return c.t.callAt(c.node().parent)
}

// Children returns the calls that c made, in order.
func (c Call) Children() []Call {
	var out []Call
	for n := c.node().child; n != 0; n = c.t.calls.nodes[n-1].next {
		out = append(out, Call{c.t, n})
	}
	return out
}

// First returns the first record of the call, of whatever kind.
func (c Call) First() Record { return c.record(c.node().first) }

// Start returns the record of the call, the zero Record where it was dropped.
func (c Call) Start() Record { return c.record(c.node().start) }

// End returns the record of the return or unwind, the zero Record where it was
// dropped or never came.
func (c Call) End() Record { return c.record(c.node().end) }

// Events returns the call's raise, pass and handled records, in order.
func (c Call) Events() []Record {
	var out []Record
	for n := c.node().noted; n != 0; n = c.t.calls.notes[n-1].next {
		out = append(out, c.record(c.t.calls.notes[n-1].record))
	}
	return out
}

// Path returns the calls from the outermost to c.
func (c Call) Path() []Call {
	var p []Call
	for ; c.n != 0; c = c.Parent() {
		p = append(p, c)
	}
	slices.Reverse(p)
	return p
}
