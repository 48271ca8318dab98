package sentry

import (
	"strings"

	"github.com/repaird/repaird/internal/incident"
)

// A reader converts JSON to values. In local variables every leaf is already a
// Python repr; in request data and extra, strings are plain text.
type reader struct {
	plain  bool // strings are plain text and need quoting
	raven  bool // event from the old raven client, whose null is Python's None
	silent bool // the SDK truncates local variables without marking it
}

// Current Python SDKs keep this many items of a container and locals of a frame,
// without a remark: they serialise local variables before the event and discard
// the remarks of that pass.
const sdkBreadth = 10

// value converts n; meta is the _meta node at the same place, which says what was
// truncated or replaced.
func (r reader) value(n, meta *node) incident.Value {
	v := incident.Value{Kind: incident.KindRepr}
	switch {
	case n.null():
		v.Repr = "None"
		// The SDK sends None as a string; a null is a lost value.
		v.Trimmed = !r.plain && !r.raven
	case n.kind == '[':
		v.Kind = incident.KindList
		v.Items = make([]incident.Value, len(n.items))
		for i, item := range n.items {
			v.Items[i] = r.value(item, meta.at(i))
		}
		v.Suspect = r.silent && len(v.Items) == sdkBreadth
	case n.kind == '{':
		v.Kind = incident.KindDict
		v.Fields = make([]incident.Variable, len(n.keys))
		for i, k := range n.keys {
			v.Fields[i] = incident.Variable{Name: k, Value: r.value(n.items[i], meta.get(k))}
		}
		v.Suspect = r.silent && len(v.Fields) == sdkBreadth
	case n.kind == 's' && r.plain:
		v.Repr = incident.Quote(n.str)
		v.Filtered = scrubbed(n.str)
	case n.kind == 's':
		v.Repr = n.str
		v.Filtered = scrubbed(strings.Trim(n.str, `'"`))
		v.Trimmed = strings.HasSuffix(n.str, "...") // no repr ends like this: a string's ends with its quote
	case n.kind == 'b':
		v.Repr = strings.ToUpper(n.str[:1]) + n.str[1:]
	default:
		v.Repr = n.str
	}
	trimmed, filtered := marks(meta)
	v.Filtered = v.Filtered || filtered
	v.Trimmed = v.Trimmed || trimmed
	return v
}

// variables converts at most limit members of an object.
func (r reader) variables(n, meta *node, limit int) []incident.Variable {
	var vars []incident.Variable
	n.pairs(func(k string, v *node) {
		if len(vars) < limit {
			vars = append(vars, incident.Variable{Name: k, Value: r.value(v, meta.get(k))})
		}
	})
	return vars
}

// marks reads the _meta remarks at one place. A remark is [rule, type, …]. The
// rules "!limit" and "!raw" mean truncation; any other rule means scrubbing,
// unless its type is "a", a mere annotation. A lone length is the size before
// truncation.
func marks(meta *node) (trimmed, filtered bool) {
	own := meta.get("")
	for _, rem := range own.get("rem").list() {
		rule, kind := "", ""
		if len(rem.items) > 0 {
			rule = rem.items[0].text()
		}
		if len(rem.items) > 1 {
			kind = rem.items[1].text()
		}
		switch {
		case kind == "a":
		case rule == "!limit" || rule == "!raw":
			trimmed = true
		default:
			filtered = true
		}
	}
	if !own.get("len").null() && !filtered {
		trimmed = true
	}
	if len(own.get("err").list()) > 0 {
		trimmed = true // an invalid value was dropped
	}
	return trimmed, filtered
}

// scrubbed recognises the placeholders of SDKs and Sentry's server for removed
// values, even without a remark.
func scrubbed(s string) bool {
	switch s {
	case "[Filtered]", "[filtered]", "[REDACTED]", "[ip]", "[email]", "[creditcard]", "[removed]", "********":
		return true
	}
	return false
}
