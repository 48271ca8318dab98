package pytrace

import (
	"fmt"
	"sort"
	"strings"
)

// A Finding is one thing that is odd in a trace, with its evidence.
//
// Kinds: swallowed (an exception was raised and swallowed), shared (one mutable
// object under several owners, or a default argument that calls share), chain
// (where a value at the crash came from), mutated (a callee changed its
// argument), recursion (without progress), none (None or empty where other
// calls of the function returned more).
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

// Findings returns what is odd, most telling first, at most 20.
func (t *Trace) Findings() []Finding {
	s := newScene(t)
	var all []Finding
	all = append(all, s.swallowed()...)
	all = append(all, s.shared()...)
	all = append(all, s.defaults()...)
	all = append(all, s.chain()...)
	all = append(all, s.recursion()...)
	all = append(all, s.nothing()...)
	all = append(all, s.mutated()...)
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
	path    []*call // outermost to the frame that raised
	onPath  map[int64]bool
	raise   *event
	inCrash map[int]bool // identities of values that the crash path's frames held
}

func newScene(t *Trace) *scene {
	s := &scene{t: t, onPath: map[int64]bool{}, inCrash: map[int]bool{}}
	s.path, s.raise = t.crash()
	note := func(v, _ *Value, _ string, _ bool) {
		if v.ID > 0 {
			s.inCrash[v.ID] = true
		}
	}
	for _, c := range s.path {
		s.onPath[c.id] = true
		if c.start != nil {
			for _, a := range c.start.Args {
				a.Value.walk(nil, "", false, note)
			}
		}
	}
	if s.raise != nil {
		for _, a := range s.raise.Args {
			a.Value.walk(nil, "", false, note)
		}
	}
	return s
}

// crashText is the failure's type and message in lower case.
func (s *scene) crashText() string {
	if s.raise == nil {
		return ""
	}
	return strings.ToLower(s.raise.Type + ": " + s.raise.Text)
}

// sameRoot says whether a call belongs to the tree that crashed.
func (s *scene) sameRoot(id int64) bool {
	if len(s.path) == 0 {
		return true
	}
	c := s.t.call(id)
	for c != nil && c.parent != nil {
		c = c.parent
	}
	return c == s.path[0]
}

// swallowed weighs swallowed exceptions: those in the failing tree before the
// crash, after which nothing came back, and those that the failure itself
// names come first; often repeated ones are how the code works.
func (s *scene) swallowed() []Finding {
	list := s.t.Swallowed()
	times := map[string]int{}
	place := func(w Swallow) string { return fmt.Sprint(w.HandlerFile, ":", w.Handler, w.Type) }
	for _, w := range list {
		times[place(w)]++
	}
	var out []Finding
	done := map[string]bool{}
	for i := len(list) - 1; i >= 0; i-- { // the last of each place is nearest to the crash
		w := list[i]
		if done[place(w)] {
			continue
		}
		if !s.sameRoot(w.HandlerCall) && s.raise != nil && times[place(w)] < 2 && len(done) > 40 {
			continue
		}
		done[place(w)] = true
		out = append(out, s.swallow(w, times[place(w)]))
	}
	return out
}

func (s *scene) swallow(w Swallow, times int) Finding {
	weight := 0.5
	if s.sameRoot(w.HandlerCall) {
		weight += 0.15
	}
	c := s.t.call(w.HandlerCall)
	if c != nil && c.end != nil && c.end.Value != nil && c.end.Value.nothing() {
		weight += 0.1
	}
	named := strings.Contains(s.crashText(), strings.ToLower(w.Type)) || (len(w.Message) > 8 && strings.Contains(s.crashText(), strings.ToLower(w.Message)))
	if named && s.raise != nil && s.raise.Exc != w.Exc {
		weight += 0.22
	}
	if s.raise != nil && s.raise.ID < w.Record {
		weight -= 0.2
	}
	if times > 20 {
		weight -= 0.3
	}
	if w.Outcome == "outside" {
		weight -= 0.25
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
	times := map[*Code]int{}
	for i := range s.t.records {
		r := &s.t.records[i]
		for _, m := range r.Changed {
			if m.Name == "self" || m.Name == "cls" || times[r.Code] > 0 {
				continue
			}
			times[r.Code]++
			before := ""
			if c := s.t.call(r.Call); c != nil && c.start != nil {
				before = argText(c.start.Args, m.Name)
			}
			weight := 0.25
			if s.inCrash[m.Value.ID] && m.Value.ID > 0 {
				weight = 0.5
			}
			if !s.sameRoot(r.Call) {
				weight -= 0.15
			}
			out = append(out, Finding{Kind: "mutated", Records: recordIDs(s.t.call(r.Call), r), File: r.Code.File, Line: r.Code.Line, Name: r.Code.Name, Weight: weight,
				Text: fmt.Sprintf("%s changed its argument %s in place: %s → %s.", r.Code.Name, oneLine(m.Name), cutText(before, 120), cutText(m.Value.String(), 120))})
		}
	}
	return out
}

func argText(args []Var, name string) string {
	for _, a := range args {
		if a.Name == name {
			return a.Value.String()
		}
	}
	return "?"
}

func recordIDs(c *call, more ...*event) []int {
	var out []int
	if c != nil && c.start != nil {
		out = append(out, c.start.ID)
	}
	for _, r := range more {
		if r != nil {
			out = append(out, r.ID)
		}
	}
	return out
}

// nothing finds functions that returned None or empty where other calls of
// them returned more.
func (s *scene) nothing() []Finding {
	type tally struct {
		some, none int
		last       *event
	}
	tallies := map[*Code]*tally{}
	var order []*Code
	for i := range s.t.records {
		r := &s.t.records[i]
		if r.Kind != KindReturn || r.Value == nil || r.Code.Kind != "" {
			continue
		}
		y := tallies[r.Code]
		if y == nil {
			y = &tally{}
			tallies[r.Code] = y
			order = append(order, r.Code)
		}
		if r.Value.Text == "None" && r.Value.Literal {
			y.none++
			if s.sameRoot(r.Call) {
				y.last = r
			}
		} else {
			y.some++
		}
	}
	var out []Finding
	for _, code := range order {
		y := tallies[code]
		if y.none == 0 || y.some == 0 || y.last == nil {
			continue
		}
		weight := 0.35
		if y.none <= y.some && s.raise != nil {
			weight = 0.45
		}
		c := s.t.call(y.last.Call)
		args := ""
		if c != nil && c.start != nil {
			args = renderVars(c.start.Args, 60, 160, true)
		}
		out = append(out, Finding{Kind: "none", Records: recordIDs(c, y.last), File: code.File, Line: y.last.Line, Name: code.Name, Weight: weight,
			Text: fmt.Sprintf("%s(%s) returned None at line %d; %d of its %d recorded calls returned a value.", code.Name, args, y.last.Line, y.some, y.some+y.none)})
	}
	return out
}
