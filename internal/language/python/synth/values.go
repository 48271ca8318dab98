package synth

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
)

// Limits of a value that becomes a test's input.
const (
	maxLeaves      = 5000
	maxLeafText    = 64 << 10
	maxValueSource = 64 << 10
	maxValueDepth  = 30
)

// A lost value cannot be a test's input: why, and what became of it.
type lost struct {
	why  string
	kind language.Loss
}

func (l *lost) Error() string { return l.why }

// leaves collects the texts of a value that have to be read as literals.
func leaves(v incident.Value, into map[string]bool, depth int) {
	if depth > maxValueDepth || len(into) > maxLeaves || v.Trimmed || v.Filtered {
		return
	}
	v.Each(func(part *incident.Value) { leaves(*part, into, depth+1) })
	if v.Kind == incident.KindRepr && len(v.Repr) <= maxLeafText {
		into[v.Repr] = true
	}
}

// A shape is how containers that sources do not distinguish are read.
type shape struct {
	list    string // list, tuple or set: what the outermost list of an argument was
	intKeys bool   // dictionary keys that look like integers are
}

// shapes are tried in order; the first is the usual one.
var shapes = []shape{{"list", false}, {"tuple", false}, {"set", false}, {"list", true}}

// ambiguous reports which shapes besides the first can make a difference for v.
func ambiguous(v incident.Value, s shape) bool {
	switch {
	case s.intKeys:
		return hasIntKeys(v, 0)
	case s.list != "list":
		return v.Kind == incident.KindList && v.Type == ""
	}
	return true
}

func hasIntKeys(v incident.Value, depth int) bool {
	if depth > maxValueDepth {
		return false
	}
	for i, f := range v.Fields {
		if i >= len(v.Keys) && isInt(f.Name) || hasIntKeys(f.Value, depth+1) {
			return true
		}
	}
	for _, item := range v.Items {
		if hasIntKeys(item, depth+1) {
			return true
		}
	}
	return false
}

func isInt(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil
}

// A rebuilt value is Python source: an expression, and what has to stand before it.
type rebuilt struct {
	source  string
	imports map[string]bool
	setup   []string // statements, each once
	mutable bool
}

// need adds what has to stand before an expression.
func (r *rebuilt) need(imports, setup []string) {
	for _, i := range imports {
		r.imports[i] = true
	}
	for _, s := range setup {
		if !slices.Contains(r.setup, s) {
			r.setup = append(r.setup, s)
		}
	}
}

// A builder turns recorded values into source.
type builder struct {
	known   map[string]literal // recorded text → what the source says of it
	objects *objects           // nil: an object of which only the class was recorded is lost
}

// rebuild returns the Python expression of a recorded value.
func (by builder) rebuild(v incident.Value, s shape) (rebuilt, *lost) {
	r := rebuilt{imports: map[string]bool{}}
	var b strings.Builder
	if l := r.write(&b, v, by, s, 0); l != nil {
		return rebuilt{}, l
	}
	r.source = b.String()
	return r, nil
}

func (r *rebuilt) write(b *strings.Builder, v incident.Value, by builder, s shape, depth int) *lost {
	switch {
	case v.Filtered:
		return &lost{"was replaced by a scrubber", language.Filtered}
	case v.Trimmed:
		return &lost{"was truncated by the SDK", language.Cut}
	case depth > maxValueDepth || b.Len() > maxValueSource:
		return &lost{"is too large", language.Unreadable}
	}
	switch v.Kind {
	case incident.KindObject, incident.KindCall, incident.KindName, incident.KindMember, incident.KindRef:
		return &lost{"is an object, which takes statements to rebuild", language.Unreadable}
	case incident.KindList:
		if v.Type != "" {
			s.list = v.Type
		}
		return r.list(b, v, by, s, depth)
	case incident.KindDict:
		r.mutable = true
		b.WriteString("{")
		for i, f := range v.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			if l := r.key(b, v, i, by, s, depth); l != nil {
				return l
			}
			b.WriteString(": ")
			if l := r.write(b, f.Value, by, shape{"list", s.intKeys}, depth+1); l != nil {
				return l
			}
		}
		b.WriteString("}")
		return nil
	}
	lit, ok := by.known[v.Repr]
	if ok && lit.Object != nil && by.objects != nil {
		made, l := by.objects.build(v.Repr, lit.Object, depth)
		if l != nil {
			return l
		}
		r.need(slices.Sorted(maps.Keys(made.imports)), made.setup)
		r.mutable = true
		b.WriteString(made.source)
		return nil
	}
	if !ok || lit.Error != "" {
		return &lost{"was recorded as " + text.Line(v.Repr, 60) + ", which is not a value", language.Unreadable}
	}
	r.need(lit.Imports, lit.Setup)
	r.mutable = r.mutable || lit.Mutable
	b.WriteString(lit.Source)
	return nil
}

// key writes the key of a dict's member i.
func (r *rebuilt) key(b *strings.Builder, v incident.Value, i int, by builder, s shape, depth int) *lost {
	name := v.Fields[i].Name
	switch {
	case i < len(v.Keys):
		return r.write(b, v.Keys[i], by, shapes[0], depth+1)
	case s.intKeys && isInt(name):
		b.WriteString(name)
	default:
		b.WriteString(quote(name))
	}
	return nil
}

func (r *rebuilt) list(b *strings.Builder, v incident.Value, by builder, s shape, depth int) *lost {
	open, end := "[", "]"
	switch s.list {
	case "tuple":
		open, end = "(", ")"
		if len(v.Items) == 1 {
			end = ",)"
		}
	case "set":
		open, end = "{", "}"
		if len(v.Items) == 0 {
			open, end = "set(", ")"
		}
	case "frozenset":
		open, end = "frozenset([", "])"
	}
	r.mutable = r.mutable || s.list != "tuple"
	b.WriteString(open)
	for i, item := range v.Items {
		if i > 0 {
			b.WriteString(", ")
		}
		if l := r.write(b, item, by, shape{"list", s.intKeys}, depth+1); l != nil {
			return l
		}
	}
	b.WriteString(end)
	return nil
}

// quote writes a Python string literal. The escapes of strconv are Python's
// too; invalid UTF-8 does not occur in decoded JSON.
func quote(s string) string {
	if q := strconv.QuoteToGraphic(strings.ToValidUTF8(s, "\uFFFD")); !strings.Contains(s, `"`) {
		return q
	} else if !strings.ContainsAny(s, `'\`) {
		return "'" + strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`) + "'"
	} else {
		return q
	}
}
