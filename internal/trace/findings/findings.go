// Package findings names what is odd in a trace, most telling first, each with
// the records that prove it: swallowed exceptions, shared objects, a value of an
// odd type on the way to the crash, and more.
package findings

import (
	"fmt"
	"sort"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A Finding is one thing that is odd in a trace, with its evidence.
//
// Kinds: swallowed (an exception was raised and swallowed), shared (one mutable
// object under several owners, or a default argument that calls share), chain
// (where a value at the crash came from), mutated (a callee changed its
// argument), recursion (without progress), none and type (an argument or a
// result that was None, or of another type, where other calls of the function
// had one type), unawaited (a coroutine never ran), exhausted (a generator was
// handed on when it had been read), race (two threads changed one object at the
// same time), uncaught (an exception that nobody caught, from its snapshot),
// hung (where the threads were when the time was up), hot (a function that was
// called very often, or again and again with the same arguments), untraced
// (processes that nothing is known of). Compare adds missing, extra and diverges.
//
// Where nothing failed, what is odd weighs at most 0.5, but for hung, recursion
// and uncaught. Findings that are about no record have an empty list of them.
//
// Identity (Value.ID) is an address: a later object may have the address, and
// so the number, of one that died. So shared asks for content that was carried
// over, not for equal numbers alone.
type Finding struct {
	Kind    string  `json:"kind"`
	Text    string  `json:"text"` // one or two sentences
	Records []int   `json:"records"`
	File    string  `json:"file"`
	Line    int     `json:"line"`
	Name    string  `json:"name"`   // function
	Weight  float64 `json:"weight"` // rank, highest first, at most 1
}

// MaxFindings bounds what is found in one trace.
const MaxFindings = 20

// unproved bounds the weight of what is odd where nothing failed.
const unproved = 0.5

// Find returns what is odd, most telling first, at most 20.
func Find(t *trace.Trace) []Finding { return NewScene(t).Findings() }

// Findings returns what is odd, most telling first.
func (s *Scene) Findings() []Finding {
	var all []Finding
	all = append(all, s.swallowed()...)
	all = append(all, s.shared()...)
	all = append(all, s.defaults()...)
	all = append(all, s.chain()...)
	all = append(all, s.recursion()...)
	all = append(all, s.oddTypes()...)
	all = append(all, s.mutated()...)
	all = append(all, s.flows()...)
	all = append(all, s.overlaps()...)
	all = append(all, s.hung()...)
	all = append(all, s.uncaught()...)
	all = append(all, s.untraced()...)
	all = append(all, s.hot()...)
	sort.SliceStable(all, func(i, j int) bool { return all[i].Weight > all[j].Weight })
	seen := map[string]bool{}
	var out []Finding
	for _, f := range all {
		if key := fmt.Sprint(f.Kind, f.File, f.Line, f.Name); !seen[key] && len(out) < MaxFindings {
			seen[key] = true
			out = append(out, f)
		}
	}
	return out
}

// swallowed weighs swallowed exceptions: those in the failing tree before the
// crash, after which nothing came back, and those that the failure itself
// names come first; often repeated ones are how the code works.
func (s *Scene) swallowed() []Finding {
	list := s.t.Swallows()
	type place struct {
		code    uint32
		handler int
		kind    string
	}
	times := map[place]int{}
	places := make([]place, len(list))
	for i, w := range list {
		e := s.t.EventAt(w.Handled)
		places[i] = place{e.Code, s.t.Record(int(w.Handled)).Handler(), s.t.Record(int(w.Raise)).Type()}
		times[places[i]]++
	}
	var out []Finding
	done := map[place]bool{}
	for i := len(list) - 1; i >= 0; i-- { // the last of each place is nearest to the crash
		if done[places[i]] {
			continue
		}
		if !s.sameRoot(s.t.CallOf(s.t.EventAt(list[i].Handled))) && s.Raise.ID != 0 && times[places[i]] < 2 && len(done) > 40 {
			continue
		}
		done[places[i]] = true
		out = append(out, s.swallow(s.t.Swallow(list[i]), times[places[i]]))
	}
	return out
}

func (s *Scene) swallow(w trace.Swallow, times int) Finding {
	weight := 0.5
	c := s.t.Call(w.HandlerCall)
	if s.sameRoot(c) {
		weight += 0.15
	}
	if v := c.End().Value(); v != nil && v.Nothing() {
		weight += 0.1
	}
	named := strings.Contains(s.crashText(), strings.ToLower(w.Type)) || (len(w.Message) > 8 && strings.Contains(s.crashText(), strings.ToLower(w.Message)))
	if named && s.Raise.ID != 0 && s.Raise.Exc != w.Exc {
		weight += 0.22
	}
	if s.Raise.ID != 0 && s.Raise.ID < w.Record {
		weight -= 0.2
	}
	if times > 20 {
		weight -= 0.3
	}
	if w.Call == w.HandlerCall && !named {
		weight -= 0.15 // to try and to go another way is how Python asks
	}
	if w.Outcome == "outside" && !s.fromFinalizer(w) {
		weight -= 0.25
	}
	if s.Raise.ID == 0 {
		weight *= 0.65
	}
	if inDir(w.Module, "importlib") || w.Type == "ImportError" || w.Type == "ModuleNotFoundError" {
		weight -= 0.3
	}
	where := fmt.Sprintf("the handler at line %d of %s", w.Handler, w.HandlerName)
	if w.Outcome == "outside" {
		where = fmt.Sprintf("code out of scope that %s had called", w.HandlerName)
	}
	text := fmt.Sprintf("%s was raised by %s (line %d) and swallowed by %s", wire.ExceptionText(w.Type, w.Message, 160), w.Name, w.Line, where)
	if w.Returned != "" {
		text += ", which returned " + wire.CutText(w.Returned, 120)
		if w.Outcome == "continue" {
			text = strings.Replace(text, ", which returned", "; "+w.HandlerName+" went on and returned", 1)
		}
	}
	text += "."
	if times > 1 {
		text += fmt.Sprintf(" It happened %s%d times.", s.atLeast(), times)
	}
	return Finding{Kind: "swallowed", Text: text, Records: w.Records, File: w.HandlerFile, Line: HandlerLine(w), Name: w.HandlerName, Weight: ClampWeight(weight)}
}

// fromFinalizer says whether an exception left a __del__, after which the
// interpreter goes on whatever it was.
func (s *Scene) fromFinalizer(w trace.Swallow) bool {
	for c := s.t.Call(w.Call); c.Index != 0 && c.ID() != w.HandlerCall; c = c.Parent() {
		if name := c.Code().Name; name == "__del__" || strings.HasSuffix(name, ".__del__") {
			return true
		}
	}
	return false
}

// HandlerLine is the line to name for a handler, where it is not known the one
// where it went on.
func HandlerLine(w trace.Swallow) int {
	if w.Handler > 0 {
		return w.Handler
	}
	return w.After
}

func inDir(module, prefix string) bool {
	return module == prefix || strings.HasPrefix(module, prefix+".")
}

// ClampWeight keeps a weight within its bounds.
func ClampWeight(w float64) float64 { return min(max(w, 0.01), 1) }

// mutated finds arguments that a callee changed in place. A changed self is
// what methods are for, so it is left out.
func (s *Scene) mutated() []Finding {
	var out []Finding
	done := make([]bool, len(s.t.Codes())+1)
	for id, e := range s.t.EventsOf(wire.EventReturn, wire.EventUnwind) {
		b := s.t.BodyOf(e)
		if done[e.Code] || !b.Contains(`"m":`) {
			continue
		}
		for i, m := range s.values.Vars(b, "m") {
			if m.Name == "self" || m.Name == "cls" {
				continue
			}
			done[e.Code] = true
			r := s.t.Record(int(id))
			out = append(out, s.mutation(r, r.Changed()[i]))
			break
		}
	}
	return out
}

func (s *Scene) mutation(r trace.Record, m wire.Var) Finding {
	c := s.t.Call(r.Call)
	weight := 0.25
	if s.inCrashOf(r.ID, m.Value.ID) {
		weight = 0.56
		if s.OnPath[c.ID()] || r.ID > s.Raise.ID { // it saw the change, or came too late for it
			weight = 0.3
		}
	}
	if !s.sameRoot(c) {
		weight -= 0.15
	}
	before := "?"
	if start := c.Start(); start.ID != 0 && !start.Late {
		before = argText(start.Args(), m.Name)
	}
	return Finding{Kind: "mutated", Records: RecordIDs(c, r), File: r.Code.File, Line: r.Code.Line, Name: r.Code.Name, Weight: weight,
		Text: fmt.Sprintf("%s changed its argument %s in place: %s → %s.", r.Code.Name, wire.OneLine(m.Name), wire.CutText(before, 120), wire.CutText(m.Value.String(), 120))}
}

func argText(args []wire.Var, name string) string {
	for _, a := range args {
		if a.Name == name {
			return a.Value.String()
		}
	}
	return "?"
}

// RecordIDs returns the record of a call, or what there is of it, and others.
func RecordIDs(c trace.Call, more ...trace.Record) []int {
	out := []int{}
	if id := c.Start().ID; id != 0 {
		out = append(out, id)
	} else if id := c.First().ID; id != 0 {
		out = append(out, id)
	}
	for _, r := range more {
		if r.ID != 0 {
			out = append(out, r.ID)
		}
	}
	return out
}
