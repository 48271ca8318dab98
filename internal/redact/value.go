package redact

import (
	"strings"
	"unicode/utf8"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/redact/encode"
	"github.com/repaird/repaird/internal/redact/find"
	"github.com/repaird/repaird/internal/redact/shape"
)

// withheldValue stands for a value that could not be redacted. It is marked as
// filtered, so that it never becomes a test's input; a value in which tokens stand
// is not.
func withheldValue(reason string) incident.Value {
	return incident.Value{Kind: incident.KindRepr, Repr: "'" + withheld(reason) + "'", Filtered: true}
}

// value redacts a recorded value. level is what its name says of it; a
// secret's or a person's fields are secret and personal too.
func (w *walker) value(place string, v incident.Value, level find.Sensitivity, depth int) incident.Value {
	if depth > maxDepth {
		w.dropped(place, "too deep")
		return withheldValue("too deep")
	}
	v.Type = w.shaped(place, v.Type, thingShape)
	if v.Kind == incident.KindRepr || v.Kind == "" {
		repr, reason := w.repr(place, v.Repr, level)
		if reason != "" {
			w.dropped(place, reason)
			return withheldValue(reason)
		}
		return incident.Value{Kind: v.Kind, Repr: repr, ID: v.ID, Trimmed: v.Trimmed, Filtered: v.Filtered, Suspect: v.Suspect}
	}
	v.Repr = w.shown(place, v, level)
	v.Items = w.items(place, v, level, depth)
	v.Fields, v.Keys = w.fields(place, &v, level, depth)
	if v.Base != nil {
		base := w.value(place, *v.Base, level, depth+1)
		v.Base = &base
	}
	v.Init = each(w, place, v.Init, maxItems, func(place, s string) string { return w.name(place, s) })
	return v
}

// shown redacts the repr that is known of a value beside its parts. Where it
// cannot be redacted, nobody needs it.
func (w *walker) shown(place string, v incident.Value, level find.Sensitivity) string {
	if v.Repr == "" || v.Kind == incident.KindList || v.Kind == incident.KindDict {
		return ""
	}
	repr, reason := w.repr(place, v.Repr, level)
	if reason != "" {
		w.dropped(place, reason)
		return ""
	}
	return repr
}

// items redacts the items of a list, or the arguments of a call.
func (w *walker) items(place string, v incident.Value, level find.Sensitivity, depth int) []incident.Value {
	before, pair := "", len(v.Items) == 2
	return each(w, place, v.Items, maxItems, func(_ string, item incident.Value) incident.Value {
		this := text(item)
		out := w.value(place, item, max(level, follows(before, this, pair)), depth+1)
		before = this
		return out
	})
}

// fields redacts the members of a dict, the attributes of an object, or the named
// arguments of a call.
func (w *walker) fields(place string, v *incident.Value, level find.Sensitivity, depth int) (fields []incident.Variable, keys []incident.Value) {
	for i, f := range v.Fields {
		if i >= maxItems {
			w.dropped(place, "too many")
			v.Trimmed = true
			break
		}
		below := find.SensitivityOf(f.Name)
		if level >= find.Strong {
			below = max(below, level)
		}
		at := under(place, f.Name)
		fields = append(fields, incident.Variable{Name: w.name(at, f.Name), Value: w.value(at, f.Value, below, depth+1)})
		if i < len(v.Keys) {
			keys = append(keys, w.value(at, v.Keys[i], level, depth+1))
		}
	}
	return fields, keys
}

// text returns what a recorded str or bytes literal holds, as it is escaped;
// "" for everything else.
func text(v incident.Value) string {
	if v.Kind == incident.KindRepr && len(v.Repr) < 300 {
		if open, end, ok := literal(v.Repr); ok {
			return v.Repr[open:end]
		}
	}
	return ""
}

// follows says how sensitive an item of a list is by the item before it: a
// command line's "--password", or a header's name where the list is a pair. A
// pair may also be two names, so that it is taken for name and value only where
// the name is a header's or the value looks random.
func follows(before, item string, pair bool) find.Sensitivity {
	name := strings.TrimLeft(before, "-")
	switch {
	case name == "" || strings.ContainsAny(name, "= ") || strings.HasPrefix(item, "-"):
		return find.Harmless
	case name != before:
		return find.SensitivityOf(name)
	case pair && secretHeaders[strings.ToLower(name)]:
		return find.Strong
	case pair:
		return min(find.SensitivityOf(name), find.Opaque)
	}
	return find.Harmless
}

// repr redacts the repr of a Python value, which stays a repr of its type.
func (w *walker) repr(place, s string, level find.Sensitivity) (out, reason string) {
	w.place = place
	if w.exhausted(len(s)) {
		return "", "over budget"
	}
	if !utf8.ValidString(s) || len(s) > maxText {
		return "", "malformed"
	}
	switch s {
	case "", "None", "True", "False", "''", `""`, "[]", "{}", "()", "...":
		return s, ""
	}
	w.work = unitsPerByte*len(s) + unitsPerText
	defer func() { w.spent += unitsPerByte*len(s) + unitsPerText - w.work }()
	if open, end, ok := literal(s); ok {
		content, ok := w.literal(s[open:end], level)
		if !ok {
			return "", "over budget"
		}
		return s[:open] + content + s[end:], ""
	}
	if level >= find.Weak && !structured(s) {
		if level.Accepts(s, shape.Of(s).Numeric(s) && len(s) > 2) {
			if text, changed := w.replacement(find.Finding{Rule: "name:" + level.String(), Firm: true}, s, nil); changed {
				return text, ""
			}
			return s, ""
		}
	}
	// What is left is a number or a text made by some __repr__. Under a secret
	// name, every literal in it is secret.
	prefix := ""
	if level >= find.Strong {
		prefix = "secret="
	}
	out, ok := w.layers(prefix+s, 0)
	if !ok {
		return "", "over budget"
	}
	return strings.TrimPrefix(out, prefix), ""
}

// literal recognises the repr of a str or bytes object: s[open:end] is between
// the quotes.
func literal(s string) (open, end int, ok bool) {
	for open < len(s) && open < 2 && strings.IndexByte("bBuU", s[open]) >= 0 {
		open++
	}
	if len(s) < open+2 || s[open] != '\'' && s[open] != '"' || s[len(s)-1] != s[open] {
		return 0, 0, false
	}
	q := s[open]
	open++
	end = len(s) - 1
	for i := open; i < end; i++ {
		switch s[i] {
		case '\\':
			if i++; i == end {
				return 0, 0, false // the last quote is escaped: the repr was cut
			}
		case q:
			return 0, 0, false
		}
	}
	return open, end, true
}

// literal redacts what is between the quotes of a literal.
func (w *walker) literal(s string, level find.Sensitivity) (string, bool) {
	var cells []encode.Cell
	value := s
	if strings.IndexByte(s, '\\') >= 0 {
		cells = encode.Escapes(s)
		value = encode.Text(cells)
	}
	if level.Accepts(value, true) {
		if cells == nil {
			if out, ok := w.schemed(s); ok {
				return out, true
			}
		}
		if text, changed := w.replacement(find.Finding{Rule: "name:" + level.String(), Firm: level != find.Opaque}, s, cells); changed {
			return text, true
		}
		return s, true
	}
	if cells == nil {
		return w.layers(s, 0)
	}
	out, ok := w.cells(cells)
	if ok && strings.IndexByte(out, '%') >= 0 {
		out, ok = w.percent(out)
	}
	if ok {
		out, ok = w.base64(out, 0)
	}
	return out, ok
}

// schemed redacts "Bearer …" and a list of cookies part by part, so that the
// parts get the tokens that they have elsewhere.
func (w *walker) schemed(s string) (string, bool) {
	prefix := ""
	for _, scheme := range find.AuthSchemes {
		if n := len(scheme); len(s) > n && s[n] == ' ' && strings.EqualFold(s[:n], scheme) {
			prefix = "Authorization: "
		}
	}
	if prefix == "" {
		return "", false
	}
	out, ok := w.layers(prefix+s, 0)
	return strings.TrimPrefix(out, prefix), ok
}

// structured reports whether a repr is that of an object or a container rather
// than a text by itself.
func structured(s string) bool {
	last := s[len(s)-1]
	switch s[0] {
	case '<':
		return last == '>'
	case '[', '(', '{':
		return last == ']' || last == ')' || last == '}' || strings.HasSuffix(s, "...")
	case '\'', '"':
		return true // a literal that was cut
	}
	n := strings.IndexByte(s, '(')
	return n > 0 && shape.IsName(s[:n]) && last == ')'
}

// statement replaces the literals of an SQL statement, which are data.
func (w *walker) statement(place, s string) string {
	open, end, ok := literal(s)
	if !ok {
		open, end = 0, len(s)
	}
	w.place = place
	var b strings.Builder
	body := s[open:end]
	b.WriteString(s[:open])
	for {
		from := strings.IndexByte(body, '\'')
		if from < 0 {
			break
		}
		to := strings.IndexByte(body[from+1:], '\'')
		if to < 0 {
			break
		}
		to += from + 1
		from++
		b.WriteString(strings.TrimSuffix(body[:from], `\'`))
		if strings.HasSuffix(body[:from], `\'`) {
			b.WriteString(`\'`)
		}
		value := strings.TrimSuffix(body[from:to], `\`)
		if text, changed := w.replacement(find.Finding{Rule: "sql-literal"}, "", encode.Escapes(value)); changed && value != "" {
			b.WriteString(text)
		} else {
			b.WriteString(value)
		}
		b.WriteString(body[from+len(value) : to+1])
		body = body[to+1:]
	}
	b.WriteString(body)
	b.WriteString(s[end:])
	return b.String()
}
