package pytrace

import (
	"fmt"
	"slices"
)

// A sighting is one place where a mutable object was seen under an owner.
type sighting struct {
	record int32
	owner  int // identity of the owner
	name   string
	text   string
	empty  bool
	class  bool // an attribute of the class, not of the instance
}

// shared finds mutable objects that several owners hold and that changed:
// attributes of a class that its instances change, and lists or dicts that two
// objects have in common.
func (s *scene) shared() []Finding {
	seen := map[[2]int][]sighting{} // process, identity
	var order [][2]int
	for id, e := range s.t.of(kindCall, kindRaise, kindReturn, kindUnwind) {
		if b := s.t.store.body(e.off, e.size); !b.contains(`"f":`) && !b.contains(`"cf":`) {
			continue
		}
		r := s.t.Record(int(id))
		note := func(v, owner *Value, field string, class bool) {
			if owner == nil || v.ID == 0 || owner.ID == 0 || (v.Type != "list" && v.Type != "dict" && v.Type != "set" && v.Type != "bytearray") {
				return
			}
			key := [2]int{r.Process, v.ID}
			old := seen[key]
			if len(old) == 0 {
				order = append(order, key)
			}
			if len(old) < 400 {
				seen[key] = append(old, sighting{id, owner.ID, owner.Type + "." + field, v.plain(), v.Len == 0, class})
			}
		}
		for _, a := range r.Args() {
			a.Value.walk(nil, "", false, note)
		}
		for _, a := range r.Changed() {
			a.Value.walk(nil, "", false, note)
		}
	}
	var out []Finding
	for _, key := range order {
		if f, ok := s.sharedOne(seen[key]); ok {
			out = append(out, f)
		}
	}
	return out
}

// sharedOne judges the sightings of one object: it must have been seen under
// two owners, changed in between, and carried content over to the second.
func (s *scene) sharedOne(list []sighting) (Finding, bool) {
	first := list[0]
	var changed, other *sighting
	owners := map[int]bool{first.owner: true}
	for i := 1; i < len(list); i++ {
		g := &list[i]
		if g.name != first.name { // the address was reused, or it is handed around on purpose
			continue
		}
		if changed == nil && g.text != list[i-1].text {
			changed = g
		}
		if !owners[g.owner] {
			owners[g.owner] = true
			if other == nil && (g.class || (changed != nil && !g.empty && g.text == list[i-1].text)) {
				other = g
			}
		}
	}
	if changed == nil || other == nil {
		return Finding{}, false
	}
	last := list[len(list)-1]
	code := s.t.code(s.t.at(changed.record))
	weight, what := 0.72, "is one object, held by"
	if first.class {
		weight, what = 0.86, "is an attribute of the class, shared by"
		if !s.sameRoot(s.callOf(other)) && !s.sameRoot(s.callOf(&last)) {
			weight -= 0.3
		}
	}
	if s.raise.ID != 0 && s.inCrashPath(list) {
		weight += 0.1
	}
	ids := uniqueInts([]int{int(first.record), int(changed.record), int(other.record), int(last.record)})
	return Finding{Kind: "shared", Records: ids, File: code.File, Line: code.Line, Name: code.Name, Weight: clampWeight(weight),
		Text: fmt.Sprintf("%s %s %d instances: %s changed it from %s to %s through one of them, and another, seen in %s, then held %s.",
			oneLine(first.name), what, len(owners), code.Name, cutText(first.text, 100), cutText(changed.text, 140),
			s.t.code(s.t.at(other.record)).Name, cutText(last.text, 160))}, true
}

func (s *scene) callOf(g *sighting) Call { return s.t.callOf(s.t.at(g.record)) }

// inCrashPath says whether one of the sightings belongs to the failing tree.
func (s *scene) inCrashPath(list []sighting) bool {
	for i := range list {
		if s.sameRoot(s.callOf(&list[i])) {
			return true
		}
	}
	return false
}

// defaults finds mutable default arguments that kept content from an earlier call.
func (s *scene) defaults() []Finding {
	type use struct {
		record Record
		value  Value
	}
	type param struct {
		code *Code
		name string
	}
	firsts := map[param]use{}
	done := map[param]bool{}
	var out []Finding
	for id, e := range s.t.of(kindCall) {
		if !s.t.store.body(e.off, e.size).contains(`"df":`) {
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
				if old.value.plain() == a.Value.plain() {
					continue
				}
				done[p] = true
				weight := 0.84
				if s.raise.ID != 0 && s.sameRoot(s.t.Call(r.Call)) {
					weight = 0.93
				}
				out = append(out, Finding{Kind: "shared", Records: []int{old.record.ID, r.ID}, File: r.Code.File, Line: r.Code.Line, Name: r.Code.Name, Weight: weight,
					Text: fmt.Sprintf("The default value of %s's parameter %s is one object for all calls and kept content: it was %s in the first call that used it and %s at the start of a later one.",
						r.Code.Name, oneLine(name), cutText(old.value.String(), 100), cutText(a.Value.String(), 160))})
			}
		}
	}
	return out
}

func uniqueInts(list []int) []int {
	slices.Sort(list)
	return slices.Compact(list)
}
