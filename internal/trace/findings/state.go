package findings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A sighting is one place where a mutable object was seen under an owner.
type sighting struct {
	record int32
	owner  int // the owner, see births
	name   string
	hash   uint64 // of its content
	length int
	cut    bool // parts of its content are not in the trace: only its length can be compared
	class  bool // an attribute of the class, not of the instance
}

// A sharedObject is what its sightings told of a mutable object so far.
type sharedObject struct {
	id      int
	first   sighting
	before  sighting // the last one
	changed int32    // record where it had first changed, 0 for none
	other   int32    // record that shows it with content under a second owner
	last    int32
	owners  []int
	inTree  bool // seen in the tree that crashed
	n       int
}

// maxSightings bounds those of one object: it may be everywhere.
const maxSightings = 400

// shared finds mutable objects that several owners hold and that changed:
// attributes of a class that its instances change, and lists or dicts that two
// objects have in common.
func (s *Scene) shared() []Finding {
	seen := map[[2]int32]*sharedObject{} // process, identity
	var order []*sharedObject
	names := map[[2]string]string{}
	p := &wire.Printer{}
	born := s.newBirths()
	for id, e := range s.t.EventsOf(wire.EventCall, wire.EventRaise, wire.EventReturn, wire.EventUnwind) {
		b := s.t.BodyOf(e)
		born.see(e, b)
		if !b.Contains(`"f":`) && !b.Contains(`"cf":`) {
			continue
		}
		inTree := len(s.Path) > 0 && s.sameRoot(s.t.CallOf(e))
		wire.WalkVars(s.values.Vars(b, valuesKey(e.Kind)), func(v, owner *wire.Value, field string, class bool) {
			if owner == nil || v.ID == 0 || owner.ID == 0 || (v.Type != "list" && v.Type != "dict" && v.Type != "set" && v.Type != "bytearray") {
				return
			}
			name, ok := names[[2]string{owner.Type, field}]
			if !ok {
				name = owner.Type + "." + field
				names[[2]string{owner.Type, field}] = name
			}
			key := [2]int32{int32(e.Proc), int32(v.ID)}
			o := seen[key]
			if o == nil {
				o = &sharedObject{id: v.ID}
				seen[key] = o
				order = append(order, o)
			}
			o.see(sighting{id, born.owner(e.Proc, owner.ID), name, v.PlainHash(p, s.seed), v.Len, v.Cut, class}, inTree)
		})
	}
	var out []Finding
	for _, o := range order {
		if o.changed != 0 && o.other != 0 {
			out = append(out, s.sharedOne(o))
		}
	}
	return out
}

// births tell instances apart that had the same address one after the other:
// where __init__ is called on one, it is a new one.
type births struct {
	s     *Scene
	init  []bool          // by code
	times map[[2]int]int  // process and identity → how many had it
	under map[int32]int64 // calls of __init__ → identity
}

func (s *Scene) newBirths() *births {
	b := &births{s: s, init: make([]bool, len(s.t.Codes())+1), times: map[[2]int]int{}, under: map[int32]int64{}}
	for i, c := range s.t.Codes() {
		b.init[i+1] = strings.HasSuffix(c.Name, ".__init__")
	}
	return b
}

// see takes an event. The __init__ of a base class, called by that of the
// class, begins nothing new.
func (x *births) see(e *wire.Event, b wire.Body) {
	if e.Kind != wire.EventCall || !x.init[e.Code] {
		return
	}
	id := b.SelfID()
	if id == 0 {
		return
	}
	c := x.s.t.CallOf(e)
	if x.under[c.Index] = id; x.under[c.Node().Parent] != id {
		x.times[[2]int{int(e.Proc), int(id)}]++
	}
}

func (x *births) owner(process uint16, id int) int {
	return id + x.times[[2]int{int(process), id}]<<32
}

// valuesKey is the key of a record's variables.
func valuesKey(k wire.EventKind) string {
	switch k {
	case wire.EventCall:
		return "a"
	case wire.EventRaise:
		return "loc"
	}
	return "m"
}

// see takes a sighting: shared is what was seen under two owners, changed in
// between, and carried content over to the second.
func (o *sharedObject) see(g sighting, inTree bool) {
	if o.n++; o.n > maxSightings {
		return
	}
	before := o.before
	o.before, o.last, o.inTree = g, g.record, o.inTree || inTree
	if o.n == 1 {
		o.first = g
		return
	}
	if g.name != o.first.name { // the address was reused, or it is handed around on purpose
		return
	}
	same := g.length == before.length && (g.cut || before.cut || g.hash == before.hash)
	if o.changed == 0 && !same {
		o.changed = g.record
	}
	if g.owner == o.first.owner || slices.Contains(o.owners, g.owner) {
		return
	}
	o.owners = append(o.owners, g.owner)
	if o.other == 0 && (g.class || o.changed != 0 && g.length > 0 && same) {
		o.other = g.record
	}
}

func (s *Scene) sharedOne(o *sharedObject) Finding {
	code := s.t.Code(s.t.EventAt(o.changed))
	weight, what := 0.72, "is one object, held by"
	if o.first.class {
		weight, what = 0.86, "is an attribute of the class, shared by"
		if !s.sameRoot(s.t.CallOf(s.t.EventAt(o.other))) && !s.sameRoot(s.t.CallOf(s.t.EventAt(o.last))) {
			weight -= 0.3
		}
	}
	if s.Raise.ID != 0 && o.inTree {
		weight += 0.1
	}
	if s.Raise.ID == 0 {
		weight = min(weight, unproved)
	}
	ids := uniqueInts([]int{int(o.first.record), int(o.changed), int(o.other), int(o.last)})
	return Finding{Kind: "shared", Records: ids, File: code.File, Line: code.Line, Name: code.Name, Weight: ClampWeight(weight),
		Text: fmt.Sprintf("%s %s %d instances: %s changed it from %s to %s through one of them, and another, seen in %s, then held %s.",
			wire.OneLine(o.first.name), what, len(o.owners)+1, code.Name, wire.CutText(s.content(o.first.record, o.id), 100), wire.CutText(s.content(o.changed, o.id), 140),
			s.t.Code(s.t.EventAt(o.other)).Name, wire.CutText(s.content(o.last, o.id), 160))}
}

// content renders an object as it is in a record.
func (s *Scene) content(record int32, id int) (text string) {
	e := s.t.EventAt(record)
	wire.WalkVars(s.t.BodyOf(e).Vars(valuesKey(e.Kind)), func(v, owner *wire.Value, _ string, _ bool) {
		if v.ID == id && owner != nil && text == "" {
			text = v.Plain()
		}
	})
	return text
}

// defaults finds mutable default arguments that kept content from an earlier call.
func (s *Scene) defaults() []Finding {
	type use struct {
		record trace.Record
		value  wire.Value
	}
	type param struct {
		code *trace.Code
		name string
	}
	firsts := map[param]use{}
	done := map[param]bool{}
	var out []Finding
	for id, e := range s.t.EventsOf(wire.EventCall) {
		if !s.t.BodyOf(e).Contains(`"df":`) {
			continue
		}
		r := s.t.Record(int(id))
		args := r.Args()
		for _, name := range r.Defaults() {
			p := param{r.Code, name}
			for _, a := range args {
				if a.Name != name || done[p] {
					continue
				}
				old, ok := firsts[p]
				if !ok {
					firsts[p] = use{r, a.Value}
					continue
				}
				if old.value.Plain() == a.Value.Plain() {
					continue
				}
				done[p] = true
				weight := 0.84
				if s.Raise.ID != 0 && s.sameRoot(s.t.Call(r.Call)) {
					weight = 0.93
				} else if s.Raise.ID == 0 {
					weight = unproved
				}
				out = append(out, Finding{Kind: "shared", Records: []int{old.record.ID, r.ID}, File: r.Code.File, Line: r.Code.Line, Name: r.Code.Name, Weight: weight,
					Text: fmt.Sprintf("The default value of %s's parameter %s is one object for all calls and kept content: it was %s in the first call that used it and %s at the start of a later one.",
						r.Code.Name, wire.OneLine(name), wire.CutText(old.value.String(), 100), wire.CutText(a.Value.String(), 160))})
			}
		}
	}
	return out
}

func uniqueInts(list []int) []int {
	slices.Sort(list)
	return slices.Compact(list)
}
