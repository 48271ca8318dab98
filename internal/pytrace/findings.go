package pytrace

import (
	"fmt"
	"hash/maphash"
	"sort"
	"strings"
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

const maxFindings = 20

// unproved bounds the weight of what is odd where nothing failed.
const unproved = 0.5

// Findings returns what is odd, most telling first, at most 20.
func (t *Trace) Findings() []Finding { return newScene(t).findings() }

func (s *scene) findings() []Finding {
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
		if key := fmt.Sprint(f.Kind, f.File, f.Line, f.Name); !seen[key] && len(out) < maxFindings {
			seen[key] = true
			out = append(out, f)
		}
	}
	return out
}

// A scene is what all findings look at: the trace and its crash.
type scene struct {
	t       *Trace
	path    []Call // outermost to the frame that raised
	onPath  map[int64]bool
	raise   Record       // ID 0 where nothing crashed
	inCrash map[int]bool // identities of values that the crash path's frames held
	seed    maphash.Seed
	values  *varReader
	inTree  []int8 // of calls: 1 in the tree that crashed, -1 not, 0 not yet known

	crashVars []Var  // variables of the frame that crashed
	raiseText string // message of the crash
	kinds     *types // see typesOf
}

func newScene(t *Trace) *scene {
	s := &scene{t: t, onPath: map[int64]bool{}, inCrash: map[int]bool{}, seed: maphash.MakeSeed(), values: newVarReader(),
		inTree: make([]int8, len(t.calls.nodes))}
	s.path, s.raise = t.Crash()
	note := func(v, _ *Value, _ string, _ bool) {
		if v.ID > 0 {
			s.inCrash[v.ID] = true
		}
	}
	for _, c := range s.path {
		s.onPath[c.ID()] = true
		walkVars(c.Start().Args(), note)
	}
	s.crashVars, s.raiseText = s.raise.Args(), s.raise.Text()
	if len(s.crashVars) == 0 && len(s.path) > 0 {
		s.crashVars = s.path[len(s.path)-1].Start().Args()
	}
	walkVars(s.crashVars, note)
	return s
}

// typesOf counts types when they are first asked for.
func (s *scene) typesOf() *types {
	if s.kinds == nil {
		s.kinds = s.countTypes()
	}
	return s.kinds
}

// crashText is the failure's type and message in lower case.
func (s *scene) crashText() string {
	if s.raise.ID == 0 {
		return ""
	}
	return strings.ToLower(s.raise.Type() + ": " + s.raise.Text())
}

// sameRoot says whether a call belongs to the tree that crashed.
func (s *scene) sameRoot(c Call) bool {
	if len(s.path) == 0 {
		return true
	}
	if c.n == 0 {
		return false
	}
	in, nodes := int8(-1), s.t.calls.nodes
	root := s.path[0].n
	for n := c.n; n != 0; n = nodes[n-1].parent {
		if n == root {
			in = 1
		}
		if s.inTree[n-1] != 0 {
			in = s.inTree[n-1]
			break
		}
	}
	for n := c.n; n != 0 && s.inTree[n-1] == 0; n = nodes[n-1].parent {
		s.inTree[n-1] = in
	}
	return in == 1
}

// swallowed weighs swallowed exceptions: those in the failing tree before the
// crash, after which nothing came back, and those that the failure itself
// names come first; often repeated ones are how the code works.
func (s *scene) swallowed() []Finding {
	list := s.t.swallows()
	type place struct {
		code    uint32
		handler int
		kind    string
	}
	times := map[place]int{}
	places := make([]place, len(list))
	for i, w := range list {
		e := s.t.at(w.handled)
		places[i] = place{e.code, s.t.Record(int(w.handled)).Handler(), s.t.Record(int(w.raise)).Type()}
		times[places[i]]++
	}
	var out []Finding
	done := map[place]bool{}
	for i := len(list) - 1; i >= 0; i-- { // the last of each place is nearest to the crash
		if done[places[i]] {
			continue
		}
		if !s.sameRoot(s.t.callOf(s.t.at(list[i].handled))) && s.raise.ID != 0 && times[places[i]] < 2 && len(done) > 40 {
			continue
		}
		done[places[i]] = true
		out = append(out, s.swallow(s.t.swallow(list[i]), times[places[i]]))
	}
	return out
}

func (s *scene) swallow(w Swallow, times int) Finding {
	weight := 0.5
	c := s.t.Call(w.HandlerCall)
	if s.sameRoot(c) {
		weight += 0.15
	}
	if v := c.End().Value(); v != nil && v.nothing() {
		weight += 0.1
	}
	named := strings.Contains(s.crashText(), strings.ToLower(w.Type)) || (len(w.Message) > 8 && strings.Contains(s.crashText(), strings.ToLower(w.Message)))
	if named && s.raise.ID != 0 && s.raise.Exc != w.Exc {
		weight += 0.22
	}
	if s.raise.ID != 0 && s.raise.ID < w.Record {
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
	if s.raise.ID == 0 {
		weight *= 0.65
	}
	if inDir(w.Module, "importlib") || w.Type == "ImportError" || w.Type == "ModuleNotFoundError" {
		weight -= 0.3
	}
	where := fmt.Sprintf("the handler at line %d of %s", w.Handler, w.HandlerName)
	if w.Outcome == "outside" {
		where = fmt.Sprintf("code out of scope that %s had called", w.HandlerName)
	}
	text := fmt.Sprintf("%s was raised by %s (line %d) and swallowed by %s", exceptionText(w.Type, w.Message, 160), w.Name, w.Line, where)
	if w.Returned != "" {
		text += ", which returned " + cutText(w.Returned, 120)
		if w.Outcome == "continue" {
			text = strings.Replace(text, ", which returned", "; "+w.HandlerName+" went on and returned", 1)
		}
	}
	text += "."
	if times > 1 {
		text += fmt.Sprintf(" It happened %d times.", times)
	}
	return Finding{Kind: "swallowed", Text: text, Records: w.Records, File: w.HandlerFile, Line: handlerLine(w), Name: w.HandlerName, Weight: clampWeight(weight)}
}

// fromFinalizer says whether an exception left a __del__, after which the
// interpreter goes on whatever it was.
func (s *scene) fromFinalizer(w Swallow) bool {
	for c := s.t.Call(w.Call); c.n != 0 && c.ID() != w.HandlerCall; c = c.Parent() {
		if name := c.Code().Name; name == "__del__" || strings.HasSuffix(name, ".__del__") {
			return true
		}
	}
	return false
}

func handlerLine(w Swallow) int {
	if w.Handler > 0 {
		return w.Handler
	}
	return w.After
}

func inDir(module, prefix string) bool {
	return module == prefix || strings.HasPrefix(module, prefix+".")
}

func clampWeight(w float64) float64 { return min(max(w, 0.01), 1) }

func exceptionText(kind, message string, limit int) string {
	if message == "" {
		return oneLine(kind)
	}
	return oneLine(kind + ": " + cutText(message, limit))
}

// mutated finds arguments that a callee changed in place. A changed self is
// what methods are for, so it is left out.
func (s *scene) mutated() []Finding {
	var out []Finding
	done := make([]bool, len(s.t.codes)+1)
	for id, e := range s.t.of(kindReturn, kindUnwind) {
		b := s.t.store.body(e.off, e.size)
		if done[e.code] || !b.contains(`"m":`) {
			continue
		}
		for i, m := range s.values.vars(b, "m") {
			if m.Name == "self" || m.Name == "cls" {
				continue
			}
			done[e.code] = true
			r := s.t.Record(int(id))
			out = append(out, s.mutation(r, r.Changed()[i]))
			break
		}
	}
	return out
}

func (s *scene) mutation(r Record, m Var) Finding {
	c := s.t.Call(r.Call)
	weight := 0.25
	if s.inCrash[m.Value.ID] && m.Value.ID > 0 {
		weight = 0.56
		if s.onPath[c.ID()] || r.ID > s.raise.ID { // it saw the change, or came too late for it
			weight = 0.3
		}
	}
	if !s.sameRoot(c) {
		weight -= 0.15
	}
	before := ""
	if start := c.Start(); start.ID != 0 {
		before = argText(start.Args(), m.Name)
	}
	return Finding{Kind: "mutated", Records: recordIDs(c, r), File: r.Code.File, Line: r.Code.Line, Name: r.Code.Name, Weight: weight,
		Text: fmt.Sprintf("%s changed its argument %s in place: %s → %s.", r.Code.Name, oneLine(m.Name), cutText(before, 120), cutText(m.Value.String(), 120))}
}

func argText(args []Var, name string) string {
	for _, a := range args {
		if a.Name == name {
			return a.Value.String()
		}
	}
	return "?"
}

// recordIDs returns the record of a call, or what there is of it, and others.
func recordIDs(c Call, more ...Record) []int {
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
