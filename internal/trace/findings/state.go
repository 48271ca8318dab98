package findings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/equality"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A sighting is one place where a mutable object was seen under an owner.
type sighting struct {
	record int32
	owner  int // the owner, see births
	name   string
	hash   uint64 // of its content, as far as it was recorded
	length int
	class  bool // an attribute of the class, not of the instance
}

// A sharedObject is what its sightings told of a mutable object so far.
type sharedObject struct {
	id      int
	first   sighting
	before  sighting // the last one
	changed int32    // record where it had first changed, 0 for none
	prior   int32    // the last one that shows it as it was
	other   int32    // record that shows it with content under a second owner
	pending int32    // record that shows it under a second owner, with content of which not all is known
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
			if !class && o.n > 0 && !(born.complete(owner) && s.t.Unbroken(int(o.last), int(id))) {
				*o = sharedObject{id: v.ID} // another one may have the address by now
			}
			s.see(o, sighting{id, born.owner(e.Proc, owner.ID), name, v.PlainHash(p, s.seed), v.Len, class}, inTree)
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
	seen  []int           // by code: calls that were recorded so far
	times map[[2]int]int  // process and identity → how many had it
	gaps  map[string]bool // classes of which not every __init__ was recorded
	under map[int32]int64 // calls of __init__ → identity
}

func (s *Scene) newBirths() *births {
	b := &births{s: s, init: make([]bool, len(s.t.Codes())+1), seen: make([]int, len(s.t.Codes())+1), gaps: map[string]bool{}, times: map[[2]int]int{}, under: map[int32]int64{}}
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
	code := x.s.t.Code(e)
	if x.seen[e.Code]++; int(e.Num) > x.seen[e.Code] {
		x.gaps[className(code)] = true
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

// className is the bare name of the class of an __init__.
func className(c *trace.Code) string {
	name := strings.TrimSuffix(c.Name, ".__init__")
	return name[strings.LastIndexByte(name, '.')+1:]
}

// complete reports whether every instance of a class created so far was seen
// being created, as far as its class has an __init__ in scope.
func (x *births) complete(owner *wire.Value) bool {
	return !x.gaps[owner.Type[strings.LastIndexByte(owner.Type, '.')+1:]]
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
// between, and carried content over to the second. That content was carried over
// is known where all of it was recorded, or where the object is seen under an
// owner that it had before: that one had it all the time.
func (s *Scene) see(o *sharedObject, g sighting, inTree bool) {
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
	known := func() equality.Known {
		return equality.Compare(s.object(before.record, o.id), s.object(g.record, o.id))
	}
	if o.changed == 0 && (g.length != before.length || g.hash != before.hash) && known() == equality.Different {
		o.changed, o.prior = g.record, before.record
	}
	if g.owner == o.first.owner || slices.Contains(o.owners, g.owner) {
		if o.other == 0 && g.owner != before.owner {
			o.other = o.pending
		}
		return
	}
	o.owners = append(o.owners, g.owner)
	switch {
	case o.other != 0:
	case g.class:
		o.other = g.record
	case o.changed != 0 && g.length > 0:
		switch known() {
		case equality.Equal:
			o.other = g.record
		case equality.Unknown:
			o.pending = g.record
		}
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
	text := func(record int32, n int) string { return wire.CutText(s.object(record, o.id).Plain(), n) }
	change := fmt.Sprintf("%s changed it from %s to %s through one of them", code.Name, text(o.first.record, 100), text(o.changed, 140))
	if !s.changedBy(o) {
		change = fmt.Sprintf("it was %s, and %s when it was seen in %s", text(o.first.record, 100), text(o.changed, 140), code.Name)
	}
	return Finding{Kind: "shared", Records: ids, File: code.File, Line: code.Line, Name: code.Name, Weight: ClampWeight(weight),
		Text: fmt.Sprintf("%s %s %s%d instances: %s, and another, seen in %s, then held %s.",
			wire.OneLine(o.first.name), what, s.atLeast(), len(o.owners)+1, change, s.t.Code(s.t.EventAt(o.other)).Name, text(o.last, 160))}
}

// changedBy says whether the call that shows the change at its end made it, itself
// or by what it called: it had begun when the object was as before.
func (s *Scene) changedBy(o *sharedObject) bool {
	e := s.t.EventAt(o.changed)
	start := s.t.CallOf(e).Node().Start
	return (e.Kind == wire.EventReturn || e.Kind == wire.EventUnwind) && start != 0 && start <= o.prior && s.t.Unbroken(int(o.prior), int(o.changed))
}

// object is a shared object as it is in a record.
func (s *Scene) object(record int32, id int) *wire.Value {
	found := &wire.Value{Type: "?", Cut: true}
	e := s.t.EventAt(record)
	wire.WalkVars(s.t.BodyOf(e).Vars(valuesKey(e.Kind)), func(v, owner *wire.Value, _ string, _ bool) {
		if v.ID == id && owner != nil && found.ID == 0 {
			found = v
		}
	})
	return found
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
				if equality.Compare(&old.value, &a.Value) != equality.Different {
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
