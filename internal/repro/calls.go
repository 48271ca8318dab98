package repro

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/incident"
)

// Candidates are sought among so many frames at each end of the stack.
const (
	maxOuterFrames = 30
	maxInnerFrames = 10
)

// A call is a way to call the application as production did.
type call struct {
	frame    MappedFrame
	function function
	root     string // source root of the module
	module   string // dotted
	args     []argument
	strategy string
}

// An argument of a call.
type argument struct {
	param param
	value incident.Value
}

// A hurdle is why a frame's call cannot be rebuilt.
type hurdle struct {
	frame MappedFrame
	what  string // such as "rate was cut by the SDK"
	name  string // the variable, "" when it is not one
	kind  lostKind
}

func (h hurdle) String() string {
	where := h.frame.Path
	if where == "" {
		where = h.frame.File
	}
	return fmt.Sprintf("%s:%d %s: %s", where, h.frame.Line, incident.BareName(h.frame.Function), h.what)
}

// candidates picks the frames whose call may be rebuilt, outermost first.
func candidates(frames []MappedFrame) []MappedFrame {
	var named []MappedFrame
	for _, f := range frames {
		name := incident.BareName(f.Function)
		if f.Path != "" && name != "" && !strings.HasPrefix(name, "<") {
			named = append(named, f)
		}
	}
	if len(named) > maxOuterFrames+maxInnerFrames {
		named = append(named[:maxOuterFrames:maxOuterFrames], named[len(named)-maxInnerFrames:]...)
	}
	return named
}

// callOf decides whether a frame's call can be rebuilt from its locals.
func callOf(f MappedFrame, fn function, known map[string]literal) (*call, *hurdle) {
	no := func(format string, args ...any) (*call, *hurdle) {
		return nil, &hurdle{frame: f, what: fmt.Sprintf(format, args...)}
	}
	c := &call{frame: f, function: fn, strategy: StrategyLiteral}
	params := fn.Params
	switch {
	case fn.Error != "" || fn.Outside:
		return no("the function is not at this place in the source")
	case fn.Nested:
		return no("a nested function cannot be called from outside")
	case strings.Contains(strings.TrimSuffix(fn.Qualname, "."+fn.Name), "."):
		return no("a class inside a class is not sought")
	case fn.Kind == "other":
		return no("%s is not called by its name", fn.Name)
	case fn.Kind == "method" || fn.Kind == "property":
		if fn.Class == nil || !fn.Class.Free {
			return no("self was recorded as %s, and %s cannot be made without arguments", selfText(f, fn), className(fn))
		}
		c.strategy = StrategyInstance
	}
	if fn.Kind == "method" || fn.Kind == "property" || fn.Kind == "classmethod" || fn.Kind == "constructor" {
		if len(params) == 0 || params[0].Kind != "pos" && params[0].Kind != "posonly" {
			return no("its first parameter cannot be bound")
		}
		params = params[1:]
	}
	locals := map[string]incident.Value{}
	for _, v := range f.Locals {
		locals[v.Name] = v.Value
	}
	for _, p := range params {
		v, has := locals[p.Name]
		if h := c.argument(f, fn, p, v, has, known); h != nil {
			return nil, h
		}
	}
	return c, nil
}

// argument adds the value that production passed for p.
func (c *call) argument(f MappedFrame, fn function, p param, v incident.Value, has bool, known map[string]literal) *hurdle {
	bad := func(kind lostKind, format string, args ...any) *hurdle {
		return &hurdle{frame: f, name: p.Name, kind: kind, what: p.Name + " " + fmt.Sprintf(format, args...)}
	}
	ch, changed := fn.Changed[p.Name]
	if changed && ch.How == "rebound" {
		return bad(notLiteral, "is bound anew in line %d, before the crash", ch.Line)
	}
	if !has {
		if !f.Cut && (p.Kind == "var" || p.Kind == "varkw") {
			return nil
		}
		return bad(absent, "was not recorded")
	}
	r, l := rebuild(v, known, shapes[0])
	if l != nil {
		return bad(l.kind, "%s", l.why)
	}
	if changed && r.mutable && ch.How == "mutated" {
		return bad(notLiteral, "is changed in line %d, before the crash", ch.Line)
	}
	if p.Kind == "var" && v.Kind != incident.KindList || p.Kind == "varkw" && v.Kind != incident.KindDict {
		return bad(notLiteral, "was not recorded as its parts")
	}
	c.args = append(c.args, argument{p, v})
	return nil
}

func selfText(f MappedFrame, fn function) string {
	if len(fn.Params) > 0 {
		for _, v := range f.Locals {
			if v.Name == fn.Params[0].Name && v.Value.Kind == incident.KindRepr {
				return short(v.Value.Repr, 60)
			}
		}
	}
	return "nothing"
}

func className(fn function) string {
	if fn.Class == nil {
		return "its class"
	}
	return fn.Class.Name
}

// dotted is the name of what is called.
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
