package sentry

import (
	"regexp"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/incident"
)

// Limits on one event. Excess frames are dropped from the middle, as in Python's
// own tracebacks.
const (
	maxExceptions = 100
	maxFrames     = 2000
	maxLocals     = 200
)

// exceptions reads exception.values, oldest cause first, or a lone stack trace
// as sent by raven clients.
func exceptions(e, meta *node, r reader) []incident.Exception {
	values, metas := e.get("exception").list(), meta.get("exception", "values")
	if len(values) == 0 && e.get("exception").get("type") != nil {
		values, metas = []*node{e.get("exception")}, nil // a bare exception
	}
	if len(values) == 0 {
		return loneStack(e, meta, r)
	}
	first := 0
	if len(values) > maxExceptions {
		first = len(values) - maxExceptions
	}
	var out []incident.Exception
	for i, v := range values[first:] {
		if v.kind != '{' {
			continue
		}
		x := incident.Exception{
			Type:    v.get("type").text(),
			Module:  v.get("module").text(),
			Message: v.get("value").text(),
			Frames:  frames(v.get("stacktrace"), metas.at(first+i).get("stacktrace"), r),
		}
		if x.Type == "" && x.Message == "" && x.Frames == nil {
			continue
		}
		mechanism(&x, v.get("mechanism"))
		out = append(out, x)
	}
	guessRelations(out)
	return out
}

var typeAndMessage = regexp.MustCompile(`^([A-Za-z_][\w.]*)(?:: ((?s:.*)))?$`)

// loneStack reads a top-level stacktrace. Its exception's type is in the metadata
// or a prefix of the message.
func loneStack(e, meta *node, r reader) []incident.Exception {
	fs := frames(e.get("stacktrace"), meta.get("stacktrace"), r)
	if fs == nil {
		return nil
	}
	x := incident.Exception{Type: e.get("metadata", "type").text(), Message: e.get("metadata", "value").text(), Frames: fs}
	if x.Type == "" {
		m := typeAndMessage.FindStringSubmatch(message(e))
		if m == nil {
			return nil
		}
		x.Module, x.Type = incident.SplitType(m[1])
		x.Message = m[2]
	}
	return []incident.Exception{x}
}

func mechanism(x *incident.Exception, m *node) {
	if h := m.get("handled"); h != nil && h.kind == 'b' {
		handled := h.str == "true"
		x.Handled = &handled
	}
	x.ID, x.ParentID = m.get("exception_id").integer(), m.get("parent_id").integer()
	switch source := m.get("source").text(); {
	case source == "__cause__":
		x.Relation = incident.RelationCause
	case source == "__context__":
		x.Relation = incident.RelationContext
	case strings.HasPrefix(source, "exceptions["):
		x.Relation = incident.RelationGroup
	}
}

var raiseFrom = regexp.MustCompile(`\braise\b.*\bfrom\b`)

// guessRelations fills in what SDKs omit for a plain chain: every exception but
// the last is a cause if the next was raised with "from", else a context;
// positions count from the raised exception.
func guessRelations(chain []incident.Exception) {
	numbered := slices.ContainsFunc(chain, func(x incident.Exception) bool { return x.ID != 0 })
	for i := 0; i+1 < len(chain); i++ {
		if chain[i].Relation != "" {
			continue
		}
		if !numbered {
			chain[i].ID = len(chain) - 1 - i
			chain[i].ParentID = chain[i].ID - 1
		}
		chain[i].Relation = incident.RelationContext
		if fs := chain[i+1].Frames; len(fs) > 0 && raiseFrom.MatchString(fs[len(fs)-1].Code) {
			chain[i].Relation = incident.RelationCause
		}
	}
}

func frames(stack, meta *node, r reader) []incident.Frame {
	list := stack.get("frames")
	if list == nil || list.kind != '[' {
		return nil
	}
	metas := meta.get("frames")
	var out []incident.Frame
	var said []*bool
	for i, f := range list.items {
		if len(list.items) > maxFrames && i >= maxFrames/2 && i < len(list.items)-maxFrames/2 {
			continue
		}
		if f.kind != '{' {
			continue
		}
		out = append(out, frame(f, metas.at(i), r))
		said = append(said, clientInApp(f))
	}
	markInApp(out, said)
	return out
}

func frame(f, meta *node, r reader) incident.Frame {
	out := incident.Frame{
		File:     f.get("filename").text(),
		AbsPath:  f.get("abs_path").text(),
		Module:   f.get("module").text(),
		Function: f.get("function").text(),
		Line:     max(f.get("lineno").integer(), 0),
		Code:     f.get("context_line").text(),
		Pre:      texts(f.get("pre_context")),
		Post:     texts(f.get("post_context")),
	}
	if out.File == "" {
		out.File = out.AbsPath
	}
	vars := f.get("vars")
	if vars == nil || vars.kind != '{' {
		out.Cut = meta.get("vars").get("") != nil
		return out
	}
	out.HasVars = true
	out.Locals = r.variables(vars, meta.get("vars"), maxLocals)
	for i := range out.Locals {
		out.Locals[i].Name = unquoteName(out.Locals[i].Name)
	}
	trimmed, filtered := marks(meta.get("vars"))
	out.Cut = trimmed || filtered || len(vars.keys) > maxLocals || (r.silent && len(vars.keys) == sdkBreadth)
	return out
}

// unquoteName removes the quotes that old raven clients put around names.
func unquoteName(name string) string {
	if len(name) > 2 && (name[0] == '\'' || name[0] == '"') && name[len(name)-1] == name[0] {
		return name[1 : len(name)-1]
	}
	return name
}

// clientInApp returns the client's original in_app flag of a frame, before
// Sentry's server changed it, or nil if the client did not set it.
func clientInApp(f *node) *bool {
	said := func(b bool) *bool { return &b }
	switch f.get("data", "orig_in_app").text() {
	case "1", "true":
		return said(true)
	case "0", "false":
		return said(false)
	case "-1":
		return nil
	}
	if in := f.get("in_app"); in != nil && in.kind == 'b' {
		return said(in.str == "true")
	}
	return nil
}

// markInApp sets InApp from the client's flags. They are ignored if every frame is
// flagged in-app and some plainly are not: SDKs before 1.16 flag all frames unless
// configured. Without a flag the path decides.
func markInApp(fs []incident.Frame, said []*bool) {
	path := func(f incident.Frame) bool {
		if f.AbsPath != "" {
			return !incident.LibraryPath(f.AbsPath)
		}
		return !incident.LibraryPath(f.File)
	}
	allTrue, inside, outside := len(fs) > 0, false, false
	for i, f := range fs {
		allTrue = allTrue && said[i] != nil && *said[i]
		if path(f) {
			inside = true
		} else {
			outside = true
		}
	}
	meaningless := allTrue && inside && outside
	for i := range fs {
		if said[i] != nil && !meaningless {
			fs[i].InApp = *said[i]
		} else {
			fs[i].InApp = path(fs[i])
		}
	}
}

func texts(n *node) []string {
	items := n.list()
	if len(items) > 50 {
		items = items[:50]
	}
	var out []string
	for _, t := range items {
		out = append(out, t.text())
	}
	return out
}
