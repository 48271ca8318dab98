package synth

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
)

// callers makes a frame's call as the frame outside it does: with the expression
// in that frame's source, and with that frame's locals. So a parameter that the
// called function has changed since is known, and an object that the caller made.
type callers struct{ *reading }

// Name implements language.Strategy.
func (callers) Name() string { return "caller-expression" }

// Candidates implements language.Strategy.
func (s callers) Candidates(context.Context) (made []language.Candidate, _ []language.Hurdle, _ error) {
	for i, src := range s.sources[:max(len(s.sources)-1, 0)] {
		callee := s.sources[i+1]
		if src.function.Calls == nil || callee.function.Error != "" || callee.function.Outside {
			continue
		}
		for _, way := range ways {
			w := caller{reading: s.reading, src: src, by: builder{known: s.known, objects: &objects{reading: s.reading, of: src, way: way}}}
			w.made.imports = map[string]bool{}
			if !w.prepare(src.function.Calls, 0) {
				continue
			}
			test := written{
				doc:     docstring(callee.function, fmt.Sprintf("the expression that %s has for it, and the values that the error report recorded there", incident.BareName(src.frame.Function)), s.story),
				imports: w.made.imports, setup: w.made.setup, call: src.function.Calls.Source,
				async: callee.function.Async, generator: callee.function.Generator,
			}.test(s.story, s.folder)
			dotted := (&call{sourced: callee}).dotted()
			made = append(made, language.Candidate{Test: test, Called: dotted, Frame: callee.index, Cost: 1})
			break
		}
	}
	return made, nil, nil
}

// caller writes what has to stand before a call expression.
type caller struct {
	*reading
	src  sourced
	by   builder
	made rebuilt
}

// maxAssigned limits how far assignments are followed.
const maxAssigned = 5

// prepare gives each local of the expression its value, and reports whether it can.
func (w *caller) prepare(e *expression, depth int) bool {
	if depth > maxAssigned {
		return false
	}
	w.made.need(e.Imports, nil)
	for _, name := range e.Locals {
		v, ok := w.src.local(name)
		before := e.Assigned[name]
		if before != nil && w.known[v.Repr].Object != nil { // as the caller made it, rather than put together
			attempt := *w
			attempt.made.imports, attempt.made.setup = maps.Clone(w.made.imports), slices.Clone(w.made.setup)
			if attempt.prepare(before, depth+1) {
				attempt.made.need(nil, []string{as(name) + " = " + before.Source})
				w.made = attempt.made
				continue
			}
		}
		if ok {
			if r, l := w.by.rebuild(v, shapes[0]); l == nil {
				w.made.need(slices.Sorted(maps.Keys(r.imports)), r.setup)
				if r.source != as(name) {
					w.made.need(nil, []string{as(name) + " = " + r.source})
				}
				continue
			}
		}
		if before == nil || !w.prepare(before, depth+1) {
			return false
		}
		w.made.need(nil, []string{as(name) + " = " + before.Source})
	}
	return true
}

// as is the name of a local in a test: a variable is not called self or cls there.
func as(name string) string {
	if name == "self" || name == "cls" {
		return "owner"
	}
	return name
}
