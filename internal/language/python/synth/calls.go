package synth

import (
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
	args []argument
}

// An argument of a call.
type argument struct {
	param param
	value incident.Value
}

// callable picks the frames whose call may be reconstructed, outermost first,
// as indices.
func callable(frames []language.Frame) []int {
	var named []int
	for i, f := range frames {
		name := incident.BareName(f.Function)
		if f.Path != "" && name != "" && !strings.HasPrefix(name, "<") {
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

func (src sourced) onInstance() bool { return src.function.onInstance() }

func (src sourced) hurdle(format string, args ...any) *language.Hurdle {
	return &language.Hurdle{Frame: src.index, At: src.frame, What: fmt.Sprintf(format, args...)}
}

// calls writes the calls of the functions that mine picks, outermost first.
// receiver says why the object to call it on is not available, nil if it is.
func (r *reading) calls(mine func(sourced) bool, receiver func(sourced) *language.Hurdle) (made []language.Candidate, hurdles []language.Hurdle) {
	for _, src := range r.sources {
		if src.describes() || !mine(src) { // recordedCalls has what the recorder described
			continue
		}
		h := src.unreachable()
		if h == nil {
			h = receiver(src)
		}
		c := &call{sourced: src}
		if h == nil {
			h = c.bind(r.known)
		}
		if h != nil {
			hurdles = append(hurdles, *h)
			continue
		}
		for _, shape := range c.shapesOf() {
			if test, err := testOf(c, shape, r.known, r.story, r.folder); err == nil { // otherwise this shape cannot be written
				made = append(made, language.Candidate{Test: test, Called: c.dotted(), Frame: src.index, Cost: 1})
			}
		}
	}
	return made, hurdles
}

// unreachable says why a test cannot call the function by its name, nil when it can.
func (src sourced) unreachable() *language.Hurdle {
	fn := src.function
	switch {
	case fn.Error != "" || fn.Outside:
		return src.hurdle("the function is not at this position in the source")
	case fn.Nested:
		return src.hurdle("a nested function cannot be called from outside")
	case strings.Contains(strings.TrimSuffix(fn.Qualname, "."+fn.Name), "."):
		return src.hurdle("nested classes are not supported")
	case fn.Kind == "other":
		return src.hurdle("%s is not called by its own name", fn.Name)
	}
	return nil
}

// bind finds the argument of each parameter, or says which are not available.
func (c *call) bind(known map[string]literal) *language.Hurdle {
	fn, params := c.function, c.function.Params
	if fn.onInstance() || fn.Kind == "classmethod" || fn.Kind == "constructor" {
		if len(params) == 0 || params[0].Kind != "pos" && params[0].Kind != "posonly" {
			return c.hurdle("its first parameter cannot be bound")
		}
		params = params[1:]
	}
	locals := map[string]incident.Value{}
	for _, v := range c.frame.Locals {
		locals[v.Name] = v.Value
	}
	for _, p := range params {
		v, has := locals[p.Name]
		if h := c.argument(p, v, has, known); h != nil {
			return h
		}
	}
	return nil
}

// argument adds the value that production passed for p.
func (c *call) argument(p param, v incident.Value, has bool, known map[string]literal) *language.Hurdle {
	bad := func(loss language.Loss, format string, args ...any) *language.Hurdle {
		h := c.hurdle("%s "+format, append([]any{p.Name}, args...)...)
		h.Name, h.Loss = p.Name, loss
		return h
	}
	ch, changed := c.function.Changed[p.Name]
	if changed && ch.How == "rebound" {
		return bad(language.Unreadable, "is reassigned on line %d, before the crash", ch.Line)
	}
	if !has {
		if !c.frame.Cut && (p.Kind == "var" || p.Kind == "varkw") {
			return nil
		}
		return bad(language.Absent, "was not recorded")
	}
	r, l := rebuild(v, known, shapes[0])
	if l != nil {
		return bad(l.kind, "%s", l.why)
	}
	if changed && r.mutable && ch.How == "mutated" {
		return bad(language.Unreadable, "is modified on line %d, before the crash", ch.Line)
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
		return c.module + "." + c.function.Class.Name
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
