package synth

import (
	"context"

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
		made = append(made, language.Candidate{Test: c.test(s.story, s.folder), Called: c.dotted(), Frame: src.index, Cost: 1})
	}
	return made, hurdles, nil
}

// describes reports whether the recorder described a parameter of the frame.
func (src sourced) describes() bool {
	for _, p := range src.function.Params {
		if v, ok := src.local(p.Name); ok && v.Value.Described() {
			return true
		}
	}
	return false
}

func (src sourced) local(name string) (incident.Variable, bool) {
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

// write writes the callee and the arguments, or says what is in the way.
func (c *recordedCall) write(r *reading) *language.Hurdle {
	if h := c.unreachable(); h != nil {
		return h
	}
	fn, params := c.function, c.function.Params
	imported := fn.Name
	if fn.Class != nil {
		imported = fn.Class.Name
	}
	c.w = newWriter(r.known, r.objects, r.ours, "test_repaird_"+r.story.Name, "asyncio", "collect")
	c.w.taken[imported] = c.module
	for _, p := range params {
		if v, ok := c.local(p.Name); ok {
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
		c.w.imports["from "+c.module+" import "+imported] = true
	}
	star := false
	for _, p := range params {
		v, ok := c.local(p.Name)
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
		c.w.imports["from "+c.module+" import "+fn.Class.Name] = true
		return nil
	}
	v, ok := c.local(p.Name)
	if !ok {
		return c.hurdle("%s was not recorded", p.Name)
	}
	source, l := c.w.expression(v.Value, fn.Class.Name, 0)
	if l != nil {
		h := c.hurdle("%s %s", p.Name, l.why)
		h.Name, h.Loss = p.Name, l.kind
		return h
	}
	if ch, changed := fn.Changed[p.Name]; changed && ch.How != "passed" {
		c.changed = append(c.changed, p.Name)
	}
	c.callee = source + "." + fn.Name
	return nil
}

// pass writes one argument.
func (c *recordedCall) pass(p param, star bool) *language.Hurdle {
	bad := func(loss language.Loss, format string, args ...any) *language.Hurdle {
		h := c.hurdle("%s "+format, append([]any{p.Name}, args...)...)
		h.Name, h.Loss = p.Name, loss
		return h
	}
	v, has := c.local(p.Name)
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
