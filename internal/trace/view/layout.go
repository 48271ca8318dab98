package view

import (
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/trace/wire"
)

// An item is one thing that a tree shows. Kind says what: process, thread,
// call, loop (times repetitions of the calls below), nested (times further
// calls of a recursion that are left out), rest (times siblings that are left
// out), raise, handled, changed, mark, untraced, problem, more (the budget was
// reached).
type item struct {
	kind   string
	node   int32 // call, loop of one call (its first)
	last   int32 // loop of one call: its last
	times  int
	hidden int // calls below that are not shown
	record int // index, -1 for none
	text   string
	names  []tally // rest: functions
	kids   []*item
}

// A tally is a function and how many calls of it there are.
type tally struct {
	name  string
	calls int
}

// A detail is how much of a forest a tree shows.
type detail struct{ depth, siblings int }

// details shrink until the tree fits its budget.
var details = []detail{
	{1 << 20, 400}, {60, 100}, {40, 50}, {24, 24}, {16, 16}, {12, 10}, {8, 8}, {6, 6}, {5, 5}, {4, 4}, {3, 4}, {2, 3}, {1, 2},
}

const (
	foldLeast   = 3 // repetitions that are folded
	nestedShown = 3 // calls of a straight recursion that are shown before it is folded
)

// A layout decides what a tree shows.
type layout struct {
	f      *forest
	detail detail
	unfold bool
	left   int // items that may still be made
}

// arrange lays the forest out in at most lines items. roots restricts it to
// subtrees; nil means all, by process and thread.
func arrange(f *forest, o TreeOptions, roots []int32) []*item {
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
		var items []*item
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

func (l *layout) add(list []*item, it *item) []*item {
	if l.left--; l.left < 0 {
		if l.left == -1 {
			return append(list, &item{kind: "more", record: -1})
		}
		return list
	}
	return append(list, it)
}

// processes makes an item for each process and, where there are several, for
// each thread.
func (l *layout) processes() []*item {
	type place struct{ process, thread int }
	roots, marks := map[place][]int32{}, map[place][]int32{}
	var places []place
	note := func(p place) {
		if !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	for _, i := range l.f.roots {
		p := place{l.f.nodes[i].process, l.f.nodes[i].thread}
		note(p)
		roots[p] = append(roots[p], i)
	}
	for _, i := range l.f.marks {
		r := record(l.f.t, int(i))
		p := place{r.Process, r.Thread}
		note(p)
		marks[p] = append(marks[p], i)
	}
	var out []*item
	for n := range l.f.t.Processes {
		it := &item{kind: "process", record: -1, times: n}
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
				it.kids = l.siblings(nil, marks[p], roots[p], 0, 0)
				break
			}
			th := &item{kind: "thread", record: -1, times: p.thread, node: int32(n)}
			it.kids = l.add(it.kids, th)
			th.kids = l.siblings(nil, marks[p], roots[p], 0, 0)
		}
	}
	return append(out, l.absent()...)
}

// absent lists what the trace knows that it lacks.
func (l *layout) absent() []*item {
	var out []*item
	for _, text := range absences(l.f.t) {
		out = append(out, &item{kind: "untraced", record: -1, text: text})
	}
	return out
}

// siblings lays out calls with the events between them.
func (l *layout) siblings(out []*item, events, list []int32, depth, nested int) []*item {
	for _, e := range events {
		r := record(l.f.t, int(e))
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
		out = l.add(out, &item{kind: kind, record: int(e)})
	}
	return l.calls(out, list, depth, nested)
}

// first is the index of a call's first record.
func (f *forest) first(i int32) int32 {
	c := &f.nodes[i]
	switch {
	case c.start >= 0 && !record(f.t, int(c.start)).Late:
		return c.start
	case len(c.events) > 0:
		return c.events[0]
	case c.start >= 0:
		return c.start
	}
	return c.end
}

// calls lays out siblings, folded.
func (l *layout) calls(out []*item, list []int32, depth, nested int) []*item {
	if l.left < 0 || len(list) == 0 {
		return out
	}
	if l.unfold {
		for _, i := range list {
			out = l.call(out, i, depth, nested)
		}
		return out
	}
	groups := l.f.runs(list, foldLeast)
	limit := l.detail.siblings
	from, to := limit-limit/2, len(groups)-limit/2 // what lies between is left out
	var rest []int32
	loud := 0
	for n, g := range groups {
		if n >= from && n < to && (!l.f.nodes[list[g.from]].loud || loud >= limit) {
			rest = append(rest, list[g.from:g.from+g.period*g.times]...)
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

func (l *layout) rest(out []*item, list []int32) []*item {
	if len(list) == 0 {
		return out
	}
	it := &item{kind: "rest", record: -1, times: len(list)}
	counts := map[string]int{}
	for _, i := range list {
		c := &l.f.nodes[i]
		counts[c.code.Name]++
		it.hidden += int(c.below)
	}
	for name, n := range counts {
		it.names = append(it.names, tally{name, n})
	}
	slices.SortFunc(it.names, func(a, b tally) int {
		if a.calls != b.calls {
			return b.calls - a.calls
		}
		return strings.Compare(a.name, b.name)
	})
	return l.add(out, it)
}

func (l *layout) run(out []*item, list []int32, g run, depth, nested int) []*item {
	if g.times == 1 {
		for _, i := range list[g.from : g.from+g.period] {
			out = l.call(out, i, depth, nested)
		}
		return out
	}
	it := &item{kind: "loop", record: -1, times: g.times, node: list[g.from], last: list[g.from+g.period*g.times-1]}
	out = l.add(out, it)
	if g.period > 1 {
		it.node, it.last = -1, -1
		for _, i := range list[g.from : g.from+g.period] {
			it.kids = l.call(it.kids, i, depth+1, nested)
		}
		return out
	}
	l.fill(it, list[g.from], depth, nested)
	return out
}

func (l *layout) call(out []*item, i int32, depth, nested int) []*item {
	c := &l.f.nodes[i]
	if c.parent >= 0 && l.f.nodes[c.parent].code == c.code {
		nested++
	} else {
		nested = 0
	}
	if nested >= nestedShown && !l.unfold {
		below, n := l.f.bottom(i)
		switch {
		case n > 2 && (c.loud || int(c.below) == n): // straight, or with an exception in it
			out = l.add(out, &item{kind: "nested", record: -1, times: n, node: i})
			i = below
		case n > 2:
			return l.add(out, &item{kind: "nested", record: -1, times: int(c.below) + 1, node: i})
		}
	}
	it := &item{kind: "call", node: i, record: -1}
	out = l.add(out, it)
	l.fill(it, i, depth, nested)
	return out
}

// bottom follows a straight recursion down, and says how many calls that is.
func (f *forest) bottom(i int32) (last int32, n int) {
	for {
		next := int32(-1)
		for _, k := range f.nodes[i].kids {
			if f.nodes[k].code == f.nodes[i].code && (next < 0 || f.nodes[k].below > f.nodes[next].below || f.nodes[k].loud && !f.nodes[next].loud) {
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
func (l *layout) fill(it *item, i int32, depth, nested int) {
	c := &l.f.nodes[i]
	if depth+1 >= l.detail.depth && (!c.loud || depth > 3*l.detail.depth) {
		it.hidden = int(c.below)
	} else {
		it.kids = l.siblings(it.kids, c.events, c.kids, depth+1, nested)
	}
	if c.end >= 0 && it.kind == "call" {
		for range record(l.f.t, int(c.end)).Changed() {
			it.kids = l.add(it.kids, &item{kind: "changed", record: int(c.end), times: len(it.kids)})
		}
		l.number(it)
	}
}

// number tells items of changed arguments which one they are.
func (l *layout) number(it *item) {
	n := 0
	for _, k := range it.kids {
		if k.kind == "changed" {
			k.times = n
			n++
		}
	}
}
