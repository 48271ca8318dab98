package synth

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
)

// The number of frames at each end of the stack that are searched for
// candidates.
const (
	maxOuterFrames = 30
	maxInnerFrames = 10
)

// A call is a way to call the application as production did.
type call struct {
	sourced
	by       builder
	lenient  bool    // what the function did to its arguments before the crash does not count
	receiver rebuilt // the object to call a method on
	args     []argument
	how      string // how the arguments are known, for the docstring; "" from the report as they are
	guessed  string // as language.Candidate has it
}

// An argument of a call.
type argument struct {
	param param
	value incident.Value
}

// moduleBody is the function of a frame that runs a module.
const moduleBody = "<module>"

// follows reports whether the frame at i called the one at j itself, apart from
// frames of comprehensions.
func follows(frames []language.Frame, i, j int) bool {
	for _, f := range frames[i+1 : j] {
		switch incident.BareName(f.Function) {
		case "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>":
		default:
			return false
		}
	}
	return true
}

// callable picks the frames whose call may be reconstructed, outermost first,
// as indices.
func callable(frames []language.Frame) []int {
	var named []int
	for i, f := range frames {
		name := incident.BareName(f.Function)
		if f.Path != "" && name != "" && (!strings.HasPrefix(name, "<") || name == moduleBody) {
			named = append(named, i)
		}
	}
	if len(named) > maxOuterFrames+maxInnerFrames {
		named = append(named[:maxOuterFrames:maxOuterFrames], named[len(named)-maxInnerFrames:]...)
	}
	return named
}

// onInstance reports whether a call needs an instance.
func (fn function) onInstance() bool { return fn.Kind == "method" || fn.Kind == "property" }

func (src sourced) hurdle(format string, args ...any) *language.Hurdle {
	return &language.Hurdle{Frame: src.index, At: src.frame, What: fmt.Sprintf(format, args...)}
}

// calls writes the calls that prepare accepts, of each frame's function, outermost
// first.
func (r *reading) calls(prepare func(*call) *language.Hurdle) (made []language.Candidate, hurdles []language.Hurdle) {
	for _, src := range r.sources {
		if src.function.Name == "" && incident.BareName(src.frame.Function) == moduleBody {
			continue
		}
		if src.describes() { // recordedCalls has what the recorder described
			continue
		}
		c := &call{sourced: src, by: builder{known: r.known}}
		h := src.unreachable()
		if h == nil {
			h = prepare(c)
		}
		if h == nil {
			h = c.bind()
		}
		if h == passedOver {
			continue
		}
		if h != nil {
			hurdles = append(hurdles, *h)
			continue
		}
		for _, shape := range c.shapesOf() {
			if test, err := c.test(shape, r.story, r.folder); err == nil { // otherwise this shape cannot be written
				made = append(made, language.Candidate{Test: test, Called: c.dotted(), Frame: src.index, Cost: 1, Guessed: c.guessed})
			}
		}
	}
	return made, hurdles
}

// passedOver stands for a call that is left to another strategy.
var passedOver = &language.Hurdle{}

// unreachable says why a test cannot call the function by its name, nil when it can.
func (src sourced) unreachable() *language.Hurdle {
	fn := src.function
	switch {
	case fn.Error != "" || fn.Outside:
		return src.hurdle("the function is not at this position in the source")
	case fn.Nested:
		return src.hurdle("a nested function cannot be called from outside")
	case fn.Kind == "other":
		return src.hurdle("%s is not called by its own name", fn.Name)
	}
	return nil
}

// on has a method called on the object that was recorded, if it can be rebuilt.
func (c *call) on() *language.Hurdle {
	if !c.function.onInstance() {
		return nil
	}
	v, ok := c.local(c.self())
	if !ok {
		return c.hurdle("%s was not recorded", cmp.Or(c.self(), "self"))
	}
	r, l := c.by.rebuild(v, shapes[0])
	if l != nil {
		h := c.hurdle("%s %s", c.self(), l.why)
		h.Name, h.Loss = c.self(), l.kind
		return h
	}
	if v.Kind != incident.KindRepr {
		return c.hurdle("%s was recorded by its items, not by its class", c.self())
	}
	c.receiver = r
	return nil
}

// self is the name of the function's first parameter.
func (src sourced) self() string {
	if len(src.function.Params) == 0 {
		return ""
	}
	return src.function.Params[0].Name
}

// local is a recorded local of the frame.
func (src sourced) local(name string) (incident.Value, bool) {
	for _, v := range src.frame.Locals {
		if v.Name == name {
			return v.Value, true
		}
	}
	return incident.Value{}, false
}

// bind finds the argument of each parameter, or says which are not available.
func (c *call) bind() *language.Hurdle {
	fn, params := c.function, c.function.Params
	if fn.onInstance() || fn.Kind == "classmethod" || fn.Kind == "constructor" {
		if len(params) == 0 || params[0].Kind != "pos" && params[0].Kind != "posonly" {
			return c.hurdle("its first parameter cannot be bound")
		}
		params = params[1:]
	}
	if fn.Kind == "property" && len(params) > 0 {
		return c.hurdle("%s is assigned to, not called", fn.Name)
	}
	for _, p := range params {
		if h := c.argument(p); h != nil {
			return h
		}
	}
	return nil
}

// argument adds the value that production passed for p.
func (c *call) argument(p param) *language.Hurdle {
	bad := func(loss language.Loss, format string, args ...any) *language.Hurdle {
		h := c.hurdle("%s "+format, append([]any{p.Name}, args...)...)
		h.Name, h.Loss = p.Name, loss
		return h
	}
	v, has := c.local(p.Name)
	ch, changed := c.function.Changed[p.Name]
	if changed && ch.How == "rebound" {
		if !c.lenient {
			return bad(language.Unreadable, "is reassigned on line %d, before the crash", ch.Line)
		}
		c.how = fmt.Sprintf("%s as it was after line %d", p.Name, ch.Line)
	}
	if !has {
		if !c.frame.Cut && (p.Kind == "var" || p.Kind == "varkw") {
			return nil
		}
		return bad(language.Absent, "was not recorded")
	}
	r, l := c.by.rebuild(v, shapes[0])
	if l != nil {
		return bad(l.kind, "%s", l.why)
	}
	if changed && r.mutable && ch.How == "mutated" {
		if !c.lenient {
			return bad(language.Unreadable, "is modified on line %d, before the crash", ch.Line)
		}
		c.how = fmt.Sprintf("%s as it was after line %d", p.Name, ch.Line)
	}
	if p.Kind == "var" && v.Kind != incident.KindList || p.Kind == "varkw" && v.Kind != incident.KindDict {
		return bad(language.Unreadable, "was not recorded with its contents")
	}
	c.args = append(c.args, argument{p, v})
	return nil
}

// dotted is the dotted name of the called function.
func (c *call) dotted() string {
	switch c.function.Kind {
	case "constructor":
		return c.function.Class.Module + "." + c.function.Class.Name
	default:
		return c.module + "." + c.function.Qualname
	}
}

// shapesOf are the shapes worth trying for the call's arguments.
func (c *call) shapesOf() []shape {
	var tried []shape
	for i, s := range shapes {
		worth := i == 0
		for _, a := range c.args {
			worth = worth || ambiguous(a.value, s) && a.param.Kind != "var"
		}
		if worth {
			tried = append(tried, s)
		}
	}
	return tried
}
