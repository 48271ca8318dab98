package redact

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact/find"
	"github.com/repaird/repaird/internal/redact/shape"
)

const (
	maxDepth      = 64       // levels of one value
	maxEventBytes = 24 << 20 // of all texts of an event
	maxPlaces     = 5000     // in a report
	maxExceptions = 200
	maxFrames     = 4000
	maxItems      = 5000 // of any other list
)

// A walker redacts an event, field by field. The same walk learns the sensitive
// values first and replaces them afterwards.
type walker struct {
	scan
	report Report
	place  string
	seen   map[string]bool // places in report.Dropped; nil while learning
	bytes  int             // of the texts so far
	spent  int             // units of work on them
}

// exhausted counts a text and reports whether the event has exceeded its work
// budget: its parts together may not cost what each may cost alone.
func (w *walker) exhausted(n int) bool {
	w.bytes += n
	return w.bytes > maxEventBytes || w.spent > unitsPerByte/2*w.bytes+2<<20
}

func (w *walker) counted(rule string) {
	w.report.Replaced++
	if w.report.Rules == nil {
		w.report.Rules, w.report.Places = map[string]int{}, map[string]int{}
	}
	w.report.Rules[rule]++
	if _, there := w.report.Places[w.place]; there || len(w.report.Places) < maxPlaces {
		w.report.Places[w.place]++
	}
}

// dropped notes that the text at a place was not kept, and why.
func (w *walker) dropped(place, reason string) {
	entry := place + ": " + reason
	if w.seen == nil || w.seen[entry] || len(w.seen) >= maxPlaces {
		return
	}
	w.seen[entry] = true
	w.report.Dropped = append(w.report.Dropped, entry)
}

var (
	wordShape    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,30}$`)
	idShape      = regexp.MustCompile(`^[0-9a-fA-F]{32}$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$|^[A-Za-z0-9]{1,20}$`)
	traceShape   = regexp.MustCompile(`^[0-9a-fA-F]{16,32}$`)
	commitShape  = regexp.MustCompile(`^[0-9a-f]{7,40}$`)
	releaseShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,80}@[0-9][A-Za-z0-9.+_-]{0,60}$|^[0-9a-f]{7,40}$`)
	versionShape = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+!_-]{0,40}$`)
	nameShape    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,60}$`)
	typeShape    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]{0,200}$`)
	thingShape   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]{0,200}(:[A-Za-z_<][A-Za-z0-9_.<>]{0,200})?$`)
	zoneShape    = regexp.MustCompile(`^[A-Za-z]+([/_+-][A-Za-z0-9]+){0,4}$`)
)

// keepIdentifiers notes identifiers, which are kept although they look random.
func (k *Known) keepIdentifiers(e incident.Event) {
	for _, id := range []string{e.ID, e.TraceID, e.SpanID, e.Commit} {
		if idShape.MatchString(id) || commitShape.MatchString(id) || traceShape.MatchString(id) {
			k.keep[id] = true
		}
	}
	for _, s := range e.Spans {
		for _, id := range []string{s.TraceID, s.ID, s.ParentID} {
			if traceShape.MatchString(id) {
				k.keep[id] = true
			}
		}
	}
}

// shaped keeps a text of the given form and redacts any other.
func (w *walker) shaped(place, s string, shape *regexp.Regexp) string {
	if s == "" || shape.MatchString(s) {
		return s
	}
	return w.string(place, s)
}

// string redacts one text.
func (w *walker) string(place, s string) string {
	w.place = place
	if w.exhausted(len(s)) {
		w.dropped(place, "over budget")
		return withheld("over budget")
	}
	out, reason := w.scan.text(s)
	w.spent += unitsPerByte*len(s) + unitsPerText - w.work
	if reason != "" {
		w.dropped(place, reason)
	}
	return out
}

// inMode redacts one text in another mode than the walk's.
func (w *walker) inMode(m mode, place, s string) string {
	defer func(old mode) { w.mode = old }(w.mode)
	w.mode = m
	return w.string(place, s)
}

// location keeps a path, function or module, unless it holds a URL or an
// address, which such a thing does not.
func (w *walker) location(place, s string) string {
	if len(s) <= 4096 && utf8.ValidString(s) && !strings.Contains(s, "://") && !strings.Contains(s, "-----BEGIN") {
		return s
	}
	return w.inMode(program, place, s)
}

// named redacts a text that belongs to a name.
func (w *walker) named(place, name, s string) string {
	if find.SensitivityOf(name).Accepts(s, true) {
		return w.whole(place, s, "name:"+find.SensitivityOf(name).String())
	}
	return w.string(place, s)
}

// whole replaces all of a text.
func (w *walker) whole(place, s, rule string) string {
	w.place = place
	if s == "" {
		return s
	}
	if !utf8.ValidString(s) || len(s) > find.MaxValue {
		w.dropped(place, "malformed")
		return withheld("malformed")
	}
	if text, changed := w.replacement(find.Finding{Rule: rule, Firm: true}, s, nil); changed {
		return text
	}
	return s
}

// prefixed redacts a text as if "name: " stood before it.
func (w *walker) prefixed(place, name, s string) string {
	out := w.string(place, name+": "+s)
	if rest, ok := strings.CutPrefix(out, name+": "); ok {
		return rest
	}
	return out
}

// name redacts the key of a dictionary, which may be data.
func (w *walker) name(place, s string) string {
	if len(s) < 6 {
		return s
	}
	return w.string(place, s)
}

// under names a place below another; names that are not plain are not shown.
func under(place, name string) string {
	if nameShape.MatchString(name) && !shape.Random(name) {
		return place + "." + name
	}
	return place + ".*"
}

func (w *walker) event(e incident.Event) incident.Event {
	out := e
	out.ID = w.shaped("id", e.ID, idShape)
	out.Level = w.shaped("level", e.Level, wordShape)
	out.Platform = w.shaped("platform", e.Platform, wordShape)
	out.Logger = w.shaped("logger", e.Logger, wordShape)
	out.Transaction = w.string("transaction", e.Transaction)
	out.Message = w.string("message", e.Message)
	out.Release = w.shaped("release", e.Release, releaseShape)
	out.Commit = w.shaped("commit", e.Commit, commitShape)
	if !commitShape.MatchString(out.Commit) {
		out.Commit = ""
	}
	out.TraceID = w.shaped("trace_id", e.TraceID, traceShape)
	out.SpanID = w.shaped("span_id", e.SpanID, traceShape)
	out.Link = w.string("link", e.Link)
	out.Environment = w.environment(e.Environment)
	out.Exceptions = each(w, "exception", e.Exceptions, maxExceptions, w.exception)
	out.Request = w.request(e.Request)
	out.Logs = each(w, "logs", e.Logs, maxItems, w.log)
	out.Spans = each(w, "spans", e.Spans, maxItems, w.span)
	out.User = w.user(e.User)
	out.Tags = w.tags(e.Tags)
	out.Extra = w.variables("extra", e.Extra, w.r.allowsExtra)
	return out
}

// each redacts the members of a list. Of a list that is too long the end is
// kept, where the crash is.
func each[T any](w *walker, place string, list []T, most int, f func(string, T) T) []T {
	if list == nil {
		return nil
	}
	if len(list) > most {
		w.dropped(place, fmt.Sprintf("%d of %d", len(list)-most, len(list)))
		list = list[len(list)-most:]
	}
	out := make([]T, len(list))
	for i, item := range list {
		out[i] = f(place+"["+strconv.Itoa(i)+"]", item)
	}
	return out
}

func (w *walker) exception(place string, x incident.Exception) incident.Exception {
	x.Type = w.shaped(place+".type", x.Type, typeShape)
	x.Module = w.shaped(place+".module", x.Module, typeShape)
	x.Message = w.string(place+".message", x.Message)
	switch x.Relation {
	case "", incident.RelationCause, incident.RelationContext, incident.RelationGroup:
	default:
		x.Relation = ""
	}
	x.Frames = each(w, place+".frame", x.Frames, maxFrames, w.frame)
	return x
}

func (w *walker) frame(place string, f incident.Frame) incident.Frame {
	f.File = w.location(place+".file", f.File)
	f.AbsPath = w.location(place+".abs_path", f.AbsPath)
	f.Module = w.location(place+".module", f.Module)
	f.Function = w.location(place+".function", f.Function)
	line := func(place, s string) string { return w.inMode(sourceLine, place, s) }
	f.Code = line(place+".code", f.Code)
	f.Pre = each(w, place+".pre", f.Pre, maxItems, line)
	f.Post = each(w, place+".post", f.Post, maxItems, line)
	f.Locals = w.variables(place+".locals", f.Locals, nil)
	return f
}

func (w *walker) environment(env incident.Environment) incident.Environment {
	env.Name = w.string("environment.name", env.Name)
	env.Service = w.string("environment.service", env.Service)
	env.Server = w.string("environment.server", env.Server)
	env.Runtime = w.string("environment.runtime", env.Runtime)
	env.Python = w.shaped("environment.python", env.Python, versionShape)
	env.OS = w.string("environment.os", env.OS)
	env.SDK = w.string("environment.sdk", env.SDK)
	env.TimeZone = w.shaped("environment.time_zone", env.TimeZone, zoneShape)
	env.Repo = w.string("environment.repository_url", env.Repo)
	env.Task = w.string("environment.task", env.Task)
	env.Facts = w.variables("environment.facts", env.Facts, nil)
	if env.Modules != nil {
		modules := map[string]string{}
		for _, name := range sorted(env.Modules) {
			place := under("environment.modules", name)
			if !nameShape.MatchString(name) || len(modules) >= maxItems {
				w.dropped("environment.modules.*", "malformed name")
				continue
			}
			modules[name] = w.shaped(place, env.Modules[name], versionShape)
		}
		env.Modules = modules
	}
	return env
}

func (w *walker) request(req *incident.Request) *incident.Request {
	if req == nil {
		return nil
	}
	out := *req
	out.Method = w.shaped("request.method", req.Method, wordShape)
	out.URL = w.string("request.url", req.URL)
	out.Query = w.string("request.query", req.Query)
	out.Route = w.string("request.route", req.Route)
	out.Env = w.variables("request.env", req.Env, func(name string) bool { return allowedEnv[strings.ToLower(name)] })
	if req.Data != nil {
		v := w.value("request.data", *req.Data, find.Harmless, 0)
		out.Data = &v
	}
	out.Headers = nil
	for i, h := range req.Headers {
		name, place := strings.ToLower(h.Name), under("request.headers", h.Name)
		if i >= maxItems || !allowedHeaders[name] && !secretHeaders[name] && !w.r.allow[h.Name] {
			w.dropped(place, "not listed")
			w.overlooked(place, h.Name, h.Value)
			continue
		}
		if name == "authorization" || name == "proxy-authorization" || name == "cookie" || name == "set-cookie" {
			h.Value = w.prefixed(place, h.Name, h.Value)
		} else if secretHeaders[name] {
			h.Value = w.whole(place, h.Value, "header")
		} else {
			h.Value = w.string(place, h.Value)
		}
		out.Headers = append(out.Headers, h)
	}
	out.Cookies = each(w, "request.cookies", req.Cookies, maxItems, func(place string, c incident.Header) incident.Header {
		return incident.Header{Name: w.name(place, c.Name), Value: w.whole(place, c.Value, "cookie")}
	})
	return &out
}

// overlooked learns from what is dropped: a password there may occur elsewhere.
func (w *walker) overlooked(place, name, value string) {
	if w.learn != nil {
		w.named(place, name, value)
	}
}

func (w *walker) log(place string, l incident.Log) incident.Log {
	l.Level = w.shaped(place+".level", l.Level, wordShape)
	l.Category = w.string(place+".category", l.Category)
	l.Message = w.string(place+".message", l.Message)
	l.Data = w.variables(place+".data", l.Data, w.r.allowsData)
	return l
}

func (w *walker) span(place string, s incident.Span) incident.Span {
	s.TraceID = w.shaped(place+".trace_id", s.TraceID, traceShape)
	s.ID = w.shaped(place+".id", s.ID, traceShape)
	s.ParentID = w.shaped(place+".parent_id", s.ParentID, traceShape)
	s.Name = w.string(place+".name", s.Name)
	s.Kind = w.shaped(place+".kind", s.Kind, wordShape)
	s.Status = w.shaped(place+".status", s.Status, wordShape)
	s.Attrs = w.variables(place+".attrs", s.Attrs, w.r.allowsAttribute)
	return s
}

// userFields are the fields of a user that are kept, with replaced values.
var userFields = find.Set(`id email username ip_address name`)

func (w *walker) user(user map[string]string) map[string]string {
	if user == nil {
		return nil
	}
	out := map[string]string{}
	for _, name := range sorted(user) {
		place := under("user", name)
		if !userFields[name] {
			w.dropped(place, "not listed")
			w.overlooked(place, name, user[name])
			continue
		}
		out[name] = w.whole(place, user[name], "user")
	}
	return out
}

func (w *walker) tags(tags map[string]string) map[string]string {
	if tags == nil {
		return nil
	}
	out := map[string]string{}
	for _, name := range sorted(tags) {
		place := under("tags", name)
		if !w.r.allowsTag(name) || len(out) >= maxItems {
			w.dropped(place, "not listed")
			w.overlooked(place, name, tags[name])
			continue
		}
		out[name] = w.named(place, name, tags[name])
	}
	return out
}

// variables redacts named values; allowed says which may stay, nil all.
func (w *walker) variables(place string, vars []incident.Variable, allowed func(string) bool) []incident.Variable {
	if vars == nil {
		return nil
	}
	out := make([]incident.Variable, 0, len(vars))
	for _, v := range vars {
		at := under(place, v.Name)
		if allowed != nil && !allowed(v.Name) || len(out) >= maxItems {
			w.dropped(at, "not listed")
			if w.learn != nil {
				w.value(at, v.Value, find.SensitivityOf(v.Name), 0)
			}
			continue
		}
		name := w.name(at, v.Name)
		if statement(v.Name) && v.Value.Kind == incident.KindRepr {
			v.Value.Repr = w.statement(at, v.Value.Repr)
		}
		out = append(out, incident.Variable{Name: name, Value: w.value(at, v.Value, find.SensitivityOf(v.Name), 0), Entry: v.Entry})
	}
	return out
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
