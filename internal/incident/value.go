package incident

import (
	"slices"
	"strings"
)

// Text is a value roughly as Python source, for people: at most depth levels and
// count items of each container.
func (v Value) Text(depth, count int) string {
	if v.Kind == KindRepr || depth <= 0 {
		return v.Repr
	}
	var parts []string
	for _, x := range v.Items[:min(len(v.Items), count)] {
		parts = append(parts, x.Text(depth-1, count))
	}
	for i, f := range v.Fields[:min(len(v.Fields), count)] {
		name := f.Name + "="
		if v.Kind == KindDict {
			name = Quote(f.Name) + ": "
			if i < len(v.Keys) {
				name = v.Keys[i].Text(depth-1, count) + ": "
			}
		}
		parts = append(parts, name+f.Value.Text(depth-1, count))
	}
	if v.Base != nil {
		parts = append([]string{v.Base.Text(depth-1, count)}, parts...)
	}
	inside := strings.Join(parts, ", ")
	_, name, found := strings.Cut(v.Type, ":")
	if !found {
		name = v.Type
	}
	switch v.Kind {
	case KindList:
		return listText(v.Type, inside, len(parts))
	case KindDict:
		return "{" + inside + "}"
	case KindName:
		return name
	case KindMember:
		return inside + "." + name
	case KindRef:
		return "(the same object)"
	}
	return name + "(" + inside + ")"
}

func listText(kind, inside string, n int) string {
	switch {
	case kind == "tuple" && n == 1:
		return "(" + inside + ",)"
	case kind == "tuple":
		return "(" + inside + ")"
	case kind == "set" && n > 0:
		return "{" + inside + "}"
	case kind == "set":
		return "set()"
	case kind == "frozenset":
		return "frozenset([" + inside + "])"
	}
	return "[" + inside + "]"
}

// Plain is a value as an error tracker records it: what only the recorder tells
// apart becomes its repr, or is trimmed where that is not known. It is not for a
// test's input.
func (v Value) Plain() Value {
	switch v.Kind {
	case KindRepr, KindList, KindDict, "":
		return v
	}
	return Value{Kind: KindRepr, Repr: v.Repr, Trimmed: v.Trimmed || v.Repr == "", Filtered: v.Filtered}
}

// Described reports whether the recorder described a value: whether it tells more
// apart than an error tracker does.
func (v Value) Described() bool {
	switch v.Kind {
	case KindRepr, KindList, KindDict, "":
		return v.Type != "" || v.Keys != nil || v.ID != 0
	}
	return true
}

// Each calls f for each of the values in a value.
func (v *Value) Each(f func(*Value)) {
	for i := range v.Items {
		f(&v.Items[i])
	}
	for i := range v.Keys {
		f(&v.Keys[i])
	}
	for i := range v.Fields {
		f(&v.Fields[i].Value)
	}
	if v.Base != nil {
		f(v.Base)
	}
}

// Clone is a copy that shares nothing with the value.
func (v Value) Clone() Value {
	v.Items, v.Keys, v.Fields, v.Init = slices.Clone(v.Items), slices.Clone(v.Keys), slices.Clone(v.Fields), slices.Clone(v.Init)
	if v.Base != nil {
		base := *v.Base
		v.Base = &base
	}
	v.Each(func(part *Value) { *part = part.Clone() })
	return v
}

// Lost reports whether a value is known to be incomplete.
func (v Value) Lost() bool { return v.Trimmed || v.Filtered || v.Suspect }
