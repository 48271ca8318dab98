package sentry

import (
	"strings"

	"github.com/repaird/repaird/internal/incident"
)

// A reader turns JSON leaves into values. Of local variables every leaf is a
// Python repr already; of request data and extra, strings are plain text.
type reader struct {
	plain  bool // strings are plain text, to be quoted
	raven  bool // the event is of the old raven client, whose null is Python's None
	silent bool // the SDK does not mark where it cuts local variables
}

// Current Python SDKs keep this many items of a container, and locals of a
// frame, and drop the remarks that would say so: they serialise local variables
// ahead of the event, and the remarks of that pass go nowhere.
const sdkBreadth = 10

// value reads n; meta is the node of _meta at the same place, which says what
// was cut or replaced.
func (r reader) value(n, meta *node) incident.Value {
	v := incident.Value{Kind: incident.KindRepr}
	switch {
	case n.null():
		v.Repr = "None"
		// The SDK writes None as a string; a null is a value that got lost.
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
		v.Trimmed = strings.HasSuffix(n.str, "...") // no repr ends so: a string's ends with its quote
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

// variables reads an object's members, at most limit of them.
func (r reader) variables(n, meta *node, limit int) []incident.Variable {
	var vars []incident.Variable
	n.pairs(func(k string, v *node) {
		if len(vars) < limit {
			vars = append(vars, incident.Variable{Name: k, Value: r.value(v, meta.get(k))})
		}
	})
	return vars
}

// marks reads the remarks of _meta at one place. A remark is [rule, type, …];
// the rules "!limit" and "!raw" mean that something was cut, any other that a
// scrubber acted, unless its type is "a", which only annotates. A length alone
// is the size before cutting.
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
		trimmed = true // the value was invalid and was dropped
	}
	return trimmed, filtered
}

// scrubbed recognises what SDKs and Sentry's server leave where they removed
// something, also where no remark says so.
func scrubbed(s string) bool {
	switch s {
	case "[Filtered]", "[filtered]", "[REDACTED]", "[ip]", "[email]", "[creditcard]", "[removed]", "********":
		return true
	}
	return false
}
