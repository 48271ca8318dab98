package synth

import (
	"context"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
)

// recordedCalls makes a frame's call with values that the recorder described in
// production, and a method's on the object that it was called on.
type recordedCalls struct{ *reading }

// Name implements language.Strategy.
func (recordedCalls) Name() string { return "recorded-objects" }

// Candidates implements language.Strategy.
func (s recordedCalls) Candidates(context.Context) ([]language.Candidate, []language.Hurdle, error) {
	var made []language.Candidate
	var hurdles []language.Hurdle
	for _, src := range s.sources {
		if !src.describes() {
			continue
		}
		c := &recordedCall{call: call{sourced: src}}
		if h := c.write(s.reading); h != nil {
			hurdles = append(hurdles, *h)
			continue
		}
		made = append(made, language.Candidate{Test: c.test(s.story, s.folder), Called: c.dotted(), Frame: src.index, Cost: 1, Guessed: c.guess()})
	}
	return made, hurdles, nil
}

// describes reports whether the recorder described a parameter of the frame.
func (src sourced) describes() bool {
	for _, p := range src.function.Params {
		if v, ok := src.local(p.Name); ok && v.Described() {
			return true
		}
	}
	return false
}

// variable is a recorded local with what the recorder says of it as a parameter.
func (src sourced) variable(name string) (incident.Variable, bool) {
	for _, v := range src.frame.Locals {
		if v.Name == name {
			return v, true
		}
	}
	return incident.Variable{}, false
}

// A recordedCall is a call while it is written.
type recordedCall struct {
	call
	w       *writer
	callee  string
	args    []string
	changed []string // parameters that were changed between the call and the crash
}

// guess says which arguments may not be what was passed, "" none.
func (c *recordedCall) guess() string {
	if len(c.changed) == 0 {
		return ""
	}
	return strings.Join(c.changed, " and ") + " as it was at the crash"
}

// write writes the callee and the arguments, or says what is in the way.
func (c *recordedCall) write(r *reading) *language.Hurdle {
	if h := c.unreachable(); h != nil {
		return h
	}
	fn, params := c.function, c.function.Params
	module, qualname := c.module, fn.Qualname
	if fn.Kind == "constructor" {
		module, qualname = fn.Class.Module, fn.Class.Name
	}
	imported, _, _ := strings.Cut(qualname, ".")
	c.w = newWriter(r.known, r.objects, r.ours, "test_repaird_"+r.story.Name, "asyncio", "collect")
	c.w.taken[imported] = module
	for _, p := range params {
		if v, ok := c.variable(p.Name); ok {
			c.w.count(v.Value)
		}
	}
	if fn.onInstance() || fn.Kind == "classmethod" || fn.Kind == "constructor" {
		if len(params) == 0 || params[0].Kind != "pos" && params[0].Kind != "posonly" {
			return c.hurdle("its first parameter cannot be bound")
		}
		if h := c.receiver(params[0]); h != nil {
			return h
		}
		params = params[1:]
	} else {
		c.callee = fn.Qualname
		c.w.imports[importOf(c.module, fn.Qualname)] = true
	}
	star := false
	for _, p := range params {
		v, ok := c.variable(p.Name)
		star = star || p.Kind == "var" && ok && len(v.Value.Items) > 0
	}
	for _, p := range params {
		if h := c.pass(p, star); h != nil {
			return h
		}
	}
	return nil
}

// receiver writes what the method is called on.
func (c *recordedCall) receiver(p param) *language.Hurdle {
	fn := c.function
	if fn.Kind == "constructor" {
		c.callee = fn.Class.Name
		c.w.imports[importOf(fn.Class.Module, fn.Class.Name)] = true
		return nil
	}
	v, ok := c.variable(p.Name)
	if !ok {
		return c.hurdle("%s was not recorded", p.Name)
	}
	source, l := c.w.expression(v.Value, incident.BareName(className(fn)), 0)
	if l != nil {
		h := c.hurdle("%s %s", p.Name, l.why)
		h.Name, h.Loss = p.Name, l.kind
		return h
	}
	if ch, changed := fn.Changed[p.Name]; changed && ch.How != "passed" {
		c.changed = append(c.changed, p.Name)
	}
	c.callee = source + "." + mangled(fn)
	return nil
}

// pass writes one argument.
func (c *recordedCall) pass(p param, star bool) *language.Hurdle {
	bad := func(loss language.Loss, format string, args ...any) *language.Hurdle {
		h := c.hurdle("%s "+format, append([]any{p.Name}, args...)...)
		h.Name, h.Loss = p.Name, loss
		return h
	}
	v, has := c.variable(p.Name)
	ch, changed := c.function.Changed[p.Name]
	switch {
	case changed && ch.How == "rebound" && !v.Entry:
		return bad(language.Unreadable, "is reassigned on line %d, before the crash", ch.Line)
	case !has && !c.frame.Cut && (p.Kind == "var" || p.Kind == "varkw"):
		return nil
	case !has:
		return bad(language.Absent, "was not recorded")
	case p.Kind == "var" && v.Value.Kind != incident.KindList || p.Kind == "varkw" && v.Value.Kind != incident.KindDict:
		return bad(language.Unreadable, "was not recorded with its contents")
	case p.Kind == "var" && len(v.Value.Items) == 0 && !v.Value.Lost() || p.Kind == "varkw" && len(v.Value.Fields) == 0 && !v.Value.Lost():
		return nil
	}
	c.w.mutable = false
	source, l := c.w.expression(v.Value, p.Name, 0)
	if l != nil {
		return bad(l.kind, "%s", l.why)
	}
	if changed && ch.How == "mutated" && c.w.mutable {
		c.changed = append(c.changed, p.Name)
	}
	switch {
	case p.Kind == "var":
		source = "*" + source
	case p.Kind == "varkw":
		source = "**" + source
	case p.Kind == "kwonly" || p.Kind == "pos" && !star:
		source = p.Name + "=" + source
	}
	c.args = append(c.args, source)
	return nil
}
