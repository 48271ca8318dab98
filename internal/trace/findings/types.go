package findings

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/equality"
	"github.com/repaird/repaird/internal/trace/wire"
)

// maxSlots bounds the types that are told apart of one parameter: what has more
// takes anything.
const maxSlots = 4

// A typeSlot counts the values of one type that a parameter or a result had.
type typeSlot struct {
	name   string
	n      int
	last   int32 // record of the last of them before the crash
	inTree bool  // which is in the tree that crashed
}

// typeCounts are the types of one parameter, or of the results, of a function.
type typeCounts struct {
	name  string // of the parameter
	slots []typeSlot
	more  bool // there are more than maxSlots types
}

func (y *typeCounts) add(name []byte) *typeSlot {
	if len(name) == 0 || string(name) == "?" {
		return nil // it was not recorded
	}
	for i := range y.slots {
		if y.slots[i].name == string(name) {
			y.slots[i].n++
			return &y.slots[i]
		}
	}
	if len(y.slots) >= maxSlots {
		y.more = true
		return nil
	}
	y.slots = append(y.slots, typeSlot{name: string(name), n: 1})
	return &y.slots[len(y.slots)-1]
}

// odd returns the slot of a type that is rare here, and what the others are:
// one type, which was there more often.
func (y *typeCounts) odd(name string) (odd, usual *typeSlot, n int) {
	if y.more {
		return nil, nil, 0
	}
	for i := range y.slots {
		s := &y.slots[i]
		if s.name == name {
			odd = s
			continue
		}
		n += s.n
		if usual == nil || s.n > usual.n {
			usual = s
		}
	}
	if odd == nil || usual == nil || odd.n >= usual.n || usual.n*10 < n*9 {
		return nil, nil, 0
	}
	return odd, usual, n
}

// maxNear is how many of the innermost calls of the crash are asked for what was
// odd in their arguments.
const maxNear = 50

// types are the types that each function was given and that it returned.
type types struct {
	params  [][]typeCounts // by code
	returns []typeCounts
}

// countTypes goes once through the heads of the values that calls returned, and
// that functions on the way to the crash were given.
func (s *Scene) countTypes() *types {
	wanted := make([]bool, len(s.t.Codes())+1)
	for i := max(len(s.Path)-maxNear, 0); i < len(s.Path); i++ {
		wanted[s.Path[i].FirstEvent().Code] = true
	}
	y := &types{params: make([][]typeCounts, len(s.t.Codes())+1), returns: make([]typeCounts, len(s.t.Codes())+1)}
	for id, e := range s.t.EventsOf(wire.EventCall, wire.EventReturn) {
		b := s.t.BodyOf(e)
		if e.Kind == wire.EventReturn {
			if kind := s.t.Codes()[e.Code-1].Kind; kind == "" || kind == "coroutine" {
				s.note(y.returns[e.Code].add(b.ReturnType()), id, e)
			}
			continue
		}
		if !wanted[e.Code] {
			continue
		}
		list := y.params[e.Code]
		n := 0
		b.ArgTypes(func(name, typ []byte) {
			if n == len(list) {
				list = append(list, typeCounts{name: string(name)})
			}
			if list[n].name == string(name) {
				s.note(list[n].add(typ), id, e)
			}
			n++
		})
		y.params[e.Code] = list
	}
	return y
}

func (s *Scene) note(slot *typeSlot, id int32, e *wire.Event) {
	if slot == nil || slot.n > 8 || s.Raise.ID != 0 && int(id) > s.Raise.ID { // what is frequent is not odd
		return
	}
	slot.last, slot.inTree = id, s.sameRoot(s.t.CallOf(e))
}

// oddTypes finds arguments and results that are None, or of another type, where
// the other calls of the function had one type. What the frames of the crash
// held tells most, and of these the innermost.
func (s *Scene) oddTypes() []Finding {
	out := s.oddReturns()
	for i := len(s.Path) - 1; i >= max(len(s.Path)-maxNear, 0); i-- {
		if f, ok := s.oddArgument(s.Path[i], len(s.Path)-1-i); ok {
			out = append(out, f)
			break // those of its callers are the same value, or lead to it
		}
	}
	return out
}

// oddArgument finds the argument of a call of the crash's path that is odd;
// near is how many calls the crash is further in.
func (s *Scene) oddArgument(c trace.Call, near int) (Finding, bool) {
	start := c.Start()
	if start.ID == 0 {
		return Finding{}, false
	}
	e := s.t.EventAt(int32(start.ID))
	params := s.typesOf().params[e.Code]
	for i, a := range start.Args() {
		if i >= len(params) || a.Name == "self" || a.Name == "cls" {
			continue
		}
		name := a.Value.TypeName()
		odd, usual, n := params[i].odd(name)
		if odd == nil {
			continue
		}
		weight := 0.4
		if near == 0 {
			weight += 0.1
		}
		if s.crashNames(name) {
			weight += 0.1
		} else if isNumber := numeric(name) && numeric(usual.name); isNumber {
			weight -= 0.2
		}
		return Finding{Kind: kindOfType(name), Records: RecordIDs(c, s.Raise), File: start.Code.File, Line: start.Code.Line, Name: start.Code.Name, Weight: weight,
			Text: fmt.Sprintf("%s was called with %s=%s, which is %s; %d of its %d recorded calls had %s there.", start.Code.Name, wire.OneLine(a.Name),
				wire.CutText(a.Value.String(), 100), typeWord(name), usual.n, n+odd.n, typeWord(usual.name))}, true
	}
	return Finding{}, false
}

// oddReturns finds functions that returned None or another type than their
// other calls did.
func (s *Scene) oddReturns() []Finding {
	var out []Finding
	for i := range s.typesOf().returns {
		y := &s.typesOf().returns[i]
		if i == 0 || len(y.slots) < 2 || y.more || s.t.Codes()[i-1].Kind != "" && s.t.Codes()[i-1].Kind != "coroutine" {
			continue
		}
		for k := range y.slots {
			odd, usual, n := y.odd(y.slots[k].name)
			if odd != nil && odd.last != 0 && (odd.inTree || len(s.Path) == 0) {
				out = append(out, s.oddReturn(odd, usual, n))
			}
		}
	}
	return out
}

func (s *Scene) oddReturn(odd, usual *typeSlot, others int) Finding {
	last := s.t.Record(int(odd.last))
	c := s.t.Call(last.Call)
	v := last.Value()
	weight := 0.3
	if s.Raise.ID != 0 {
		weight = 0.4
	}
	if numeric(odd.name) && numeric(usual.name) && !s.crashNames(odd.name) {
		weight -= 0.15
	}
	if s.OnPath[c.Parent().ID()] {
		weight += 0.05
	}
	reached := ""
	if name := s.atCrash(v, last.ID); name != "" {
		reached = ", and " + isOrEquals(v) + " " + wire.OneLine(name) + " at the crash"
		weight = 0.6
		if s.crashNames(odd.name) {
			weight = 0.75
		}
	}
	return Finding{Kind: kindOfType(odd.name), Records: RecordIDs(c, last), File: last.Code.File, Line: last.Line, Name: last.Code.Name, Weight: weight,
		Text: fmt.Sprintf("%s(%s) returned %s at line %d%s; %d of its %d recorded calls returned %s.", last.Code.Name,
			wire.RenderVars(c.Start().Args(), 60, 160, true), s.described(v, odd.name), last.Line, reached, usual.n, others+odd.n, typeWord(usual.name))}
}

func (s *Scene) described(v *wire.Value, name string) string {
	if name == "NoneType" || v == nil {
		return "None"
	}
	return wire.CutText(v.String(), 80) + ", of type " + wire.OneLine(wire.Clip(name, 60))
}

// atCrash returns the variable of the frame that crashed that holds a value,
// where equality is more than chance.
func (s *Scene) atCrash(v *wire.Value, record int) string {
	if v == nil || s.Raise.ID == 0 {
		return ""
	}
	for i := range s.crashVars {
		w := &s.crashVars[i].Value
		switch {
		case v.ID > 0 || w.ID > 0:
			if v.ID == w.ID && v.TypeName() == w.TypeName() && s.t.Unbroken(record, s.Raise.ID) {
				return s.crashVars[i].Name
			}
		case v.Telling() && equality.Compare(v, w) == equality.Equal:
			return s.crashVars[i].Name
		}
	}
	return ""
}

// crashNames says whether the message of the crash speaks of a type.
func (s *Scene) crashNames(typ string) bool {
	if s.Raise.ID == 0 || len(typ) < 2 {
		return false
	}
	text := s.raiseText
	return strings.Contains(text, "'"+typ+"'") || typ == "NoneType" && strings.Contains(text, "None") || strings.Contains(text, "not "+typ)
}

func numeric(name string) bool {
	return name == "int" || name == "float" || name == "bool" || name == "complex"
}

func kindOfType(name string) string {
	if name == "NoneType" {
		return "none"
	}
	return "type"
}

func typeWord(name string) string {
	if name == "NoneType" {
		return "None"
	}
	return "a value of type " + wire.OneLine(wire.Clip(name, 60))
}
