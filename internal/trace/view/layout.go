package view

import (
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/trace/wire"
)

// An Item is one thing that a tree shows. Kind says what: process, thread,
// call, loop (times repetitions of the calls below), nested (times further
// calls of a recursion that are left out), rest (times siblings that are left
// out), raise, handled, changed, mark, untraced, problem, more (the budget was
// reached).
type Item struct {
	Kind   string
	Node   int32 // call, loop of one call (its first)
	Last   int32 // loop of one call: its last
	Times  int
	Hidden int // calls below that are not shown
	Record int // index, -1 for none
	Text   string
	Names  []tally // rest: functions
	Kids   []*Item
}

// A tally is a function and how many calls of it there are.
type tally struct {
	Name  string
	Calls int
}

// A detail is how much of a forest a tree shows.
type detail struct{ depth, siblings int }

// details shrink until the tree fits its budget.
var details = []detail{
	{1 << 20, 400}, {60, 100}, {40, 50}, {24, 24}, {16, 16}, {12, 10}, {8, 8}, {6, 6}, {5, 5}, {4, 4}, {3, 4}, {2, 3}, {1, 2},
}

const (
	FoldLeast   = 3 // repetitions that are folded
	nestedShown = 3 // calls of a straight recursion that are shown before it is folded
)

// A layout decides what a tree shows.
type layout struct {
	f      *Forest
	detail detail
	unfold bool
	left   int // items that may still be created
}

// Arrange lays the forest out in at most lines items. roots restricts it to
// subtrees; nil means all, by process and thread.
func Arrange(f *Forest, o TreeOptions, roots []int32) []*Item {
	budget := o.lines()
	for n, d := range details {
		if o.Depth > 0 {
			d.depth = min(d.depth, o.Depth)
		}
		if o.Unfold || budget > 1<<20 {
			d = detail{1 << 20, 1 << 30}
			if o.Depth > 0 {
				d.depth = o.Depth
			}
		}
		l := &layout{f: f, detail: d, unfold: o.Unfold, left: budget}
		var items []*Item
		if roots != nil {
			items = l.siblings(nil, nil, roots, 0, 0)
		} else {
			items = l.processes()
		}
		if l.left >= 0 || n == len(details)-1 || o.Unfold {
			return items
		}
	}
	return nil
}

func (l *layout) add(list []*Item, it *Item) []*Item {
	if l.left--; l.left < 0 {
		if l.left == -1 {
			return append(list, &Item{Kind: "more", Record: -1})
		}
		return list
	}
	return append(list, it)
}

// processes makes an item for each process and, where there are several, for
// each thread.
func (l *layout) processes() []*Item {
	type place struct{ process, thread int }
	roots, marks := map[place][]int32{}, map[place][]int32{}
	var places []place
	note := func(p place) {
		if !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	for _, i := range l.f.Roots {
		p := place{l.f.Nodes[i].Process, l.f.Nodes[i].Thread}
		note(p)
		roots[p] = append(roots[p], i)
	}
	for _, i := range l.f.marks {
		r := Record(l.f.T, int(i))
		p := place{r.Process, r.Thread}
		note(p)
		marks[p] = append(marks[p], i)
	}
	var out []*Item
	for n := range l.f.T.Processes {
		it := &Item{Kind: "process", Record: -1, Times: n}
		out = l.add(out, it)
		var own []place
		for _, p := range places {
			if p.process == n {
				own = append(own, p)
			}
		}
		slices.SortFunc(own, func(a, b place) int { return a.thread - b.thread })
		for _, p := range own {
			if len(own) == 1 && p.thread == 0 {
				it.Kids = l.siblings(nil, marks[p], roots[p], 0, 0)
				break
			}
			th := &Item{Kind: "thread", Record: -1, Times: p.thread, Node: int32(n)}
			it.Kids = l.add(it.Kids, th)
			th.Kids = l.siblings(nil, marks[p], roots[p], 0, 0)
		}
	}
	return append(out, l.absent()...)
}

// absent lists what the trace knows that it lacks.
func (l *layout) absent() []*Item {
	var out []*Item
	for _, text := range Absences(l.f.T) {
		out = append(out, &Item{Kind: "untraced", Record: -1, Text: text})
	}
	return out
}

// siblings lays out calls with the events between them.
func (l *layout) siblings(out []*Item, events, list []int32, depth, nested int) []*Item {
	for _, e := range events {
		r := Record(l.f.T, int(e))
		var kind string
		switch r.Kind {
		case wire.KindRaise:
			kind = "raise"
		case wire.KindHandled:
			kind = "handled"
		case wire.KindMark:
			kind = "mark"
		default:
			continue
		}
		n := 0
		for n < len(list) && l.f.first(list[n]) < e {
			n++
		}
		out = l.calls(out, list[:n], depth, nested)
		list = list[n:]
		out = l.add(out, &Item{Kind: kind, Record: int(e)})
	}
	return l.calls(out, list, depth, nested)
}

// first is the index of a call's first record.
func (f *Forest) first(i int32) int32 {
	c := &f.Nodes[i]
	switch {
	case c.Start >= 0 && !Record(f.T, int(c.Start)).Late:
		return c.Start
	case len(c.Events) > 0:
		return c.Events[0]
	case c.Start >= 0:
		return c.Start
	}
	return c.End
}

// calls lays out siblings, folded.
func (l *layout) calls(out []*Item, list []int32, depth, nested int) []*Item {
	if l.left < 0 || len(list) == 0 {
		return out
	}
	if l.unfold {
		for _, i := range list {
			out = l.call(out, i, depth, nested)
		}
		return out
	}
	groups := l.f.Runs(list, FoldLeast)
	limit := l.detail.siblings
	from, to := limit-limit/2, len(groups)-limit/2 // what lies between is left out
	var rest []int32
	loud := 0
	for n, g := range groups {
		if n >= from && n < to && (!l.f.Nodes[list[g.From]].Loud || loud >= limit) {
			rest = append(rest, list[g.From:g.From+g.Period*g.Times]...)
			continue
		}
		if n >= from && n < to {
			loud++
		}
		out, rest = l.rest(out, rest), nil
		out = l.run(out, list, g, depth, nested)
	}
	return l.rest(out, rest)
}

func (l *layout) rest(out []*Item, list []int32) []*Item {
	if len(list) == 0 {
		return out
	}
	it := &Item{Kind: "rest", Record: -1, Times: len(list)}
	counts := map[string]int{}
	for _, i := range list {
		c := &l.f.Nodes[i]
		counts[c.Code.Name]++
		it.Hidden += int(c.Below)
	}
	for name, n := range counts {
		it.Names = append(it.Names, tally{name, n})
	}
	slices.SortFunc(it.Names, func(a, b tally) int {
		if a.Calls != b.Calls {
			return b.Calls - a.Calls
		}
		return strings.Compare(a.Name, b.Name)
	})
	return l.add(out, it)
}

func (l *layout) run(out []*Item, list []int32, g run, depth, nested int) []*Item {
	if g.Times == 1 {
		for _, i := range list[g.From : g.From+g.Period] {
			out = l.call(out, i, depth, nested)
		}
		return out
	}
	it := &Item{Kind: "loop", Record: -1, Times: g.Times, Node: list[g.From], Last: list[g.From+g.Period*g.Times-1]}
	out = l.add(out, it)
	if g.Period > 1 {
		it.Node, it.Last = -1, -1
		for _, i := range list[g.From : g.From+g.Period] {
			it.Kids = l.call(it.Kids, i, depth+1, nested)
		}
		return out
	}
	l.fill(it, list[g.From], depth, nested)
	return out
}

func (l *layout) call(out []*Item, i int32, depth, nested int) []*Item {
	c := &l.f.Nodes[i]
	if c.Parent >= 0 && l.f.Nodes[c.Parent].Code == c.Code {
		nested++
	} else {
		nested = 0
	}
	if nested >= nestedShown && !l.unfold {
		below, n := l.f.bottom(i)
		switch {
		case n > 2 && (c.Loud || int(c.Below) == n): // straight, or with an exception in it
			out = l.add(out, &Item{Kind: "nested", Record: -1, Times: n, Node: i})
			i = below
		case n > 2:
			return l.add(out, &Item{Kind: "nested", Record: -1, Times: int(c.Below) + 1, Node: i})
		}
	}
	it := &Item{Kind: "call", Node: i, Record: -1}
	out = l.add(out, it)
	l.fill(it, i, depth, nested)
	return out
}

// bottom follows a straight recursion down, and says how many calls that is.
func (f *Forest) bottom(i int32) (last int32, n int) {
	for {
		next := int32(-1)
		for _, k := range f.Nodes[i].Kids {
			if f.Nodes[k].Code == f.Nodes[i].Code && (next < 0 || f.Nodes[k].Below > f.Nodes[next].Below || f.Nodes[k].Loud && !f.Nodes[next].Loud) {
				next = k
			}
		}
		if next < 0 {
			return i, n
		}
		i = next
		n++
	}
}

// fill adds what is below a call.
func (l *layout) fill(it *Item, i int32, depth, nested int) {
	c := &l.f.Nodes[i]
	if depth+1 >= l.detail.depth && (!c.Loud || depth > 3*l.detail.depth) {
		it.Hidden = int(c.Below)
	} else {
		it.Kids = l.siblings(it.Kids, c.Events, c.Kids, depth+1, nested)
	}
	if c.End >= 0 && it.Kind == "call" {
		for range Record(l.f.T, int(c.End)).Changed() {
			it.Kids = l.add(it.Kids, &Item{Kind: "changed", Record: int(c.End), Times: len(it.Kids)})
		}
		l.number(it)
	}
}

// number tells items of changed arguments which one they are.
func (l *layout) number(it *Item) {
	n := 0
	for _, k := range it.Kids {
		if k.Kind == "changed" {
			k.Times = n
			n++
		}
	}
}

// TreeOptions shape a Tree. The zero value is usable.
type TreeOptions struct {
	Options
	Lines  int   // at most so many, default 200; -1 for all that there is
	Depth  int   // calls deeper than this are counted, not shown; 0 for no limit
	Unfold bool  // each call by itself
	Times  bool  // how long calls took
	Call   int64 // only this call and what it called; 0 for all
}

const defaultLines = 200

func (o TreeOptions) lines() int {
	switch {
	case o.Lines < 0:
		return 1 << 30
	case o.Lines == 0:
		return defaultLines
	}
	return o.Lines
}
