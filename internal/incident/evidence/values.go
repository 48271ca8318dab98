package evidence

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
)

// A decoder converts nodes to values; left is how many it still may.
type decoder struct {
	left    int
	objects map[int]incident.Value
	err     error
}

func (d *decoder) fail(kind fault.Kind, format string, args ...any) incident.Value {
	if d.err == nil {
		d.err = fault.Errorf(kind, format, args...)
	}
	return lost("")
}

func lost(repr string) incident.Value {
	return incident.Value{Kind: incident.KindRepr, Repr: repr, Trimmed: true}
}

// variables converts pairs of a name and a node.
func (d *decoder) variables(pairs []json.RawMessage, entry []string) []incident.Variable {
	var made []incident.Variable
	for _, raw := range pairs[:min(len(pairs), maxLocals)] {
		v, err := parse(raw)
		if err != nil {
			d.fail(fault.Invalid, "not JSON: %w", err)
			break
		}
		pair, _ := v.([]any)
		if name, node, ok := named(pair); ok {
			made = append(made, incident.Variable{Name: name, Value: d.value(node, 0), Entry: slices.Contains(entry, name)})
		}
	}
	return made
}

func named(pair []any) (name string, node any, ok bool) {
	if len(pair) != 2 {
		return "", nil, false
	}
	name, ok = pair[0].(string)
	return clean(name), pair[1], ok
}

// value converts one node. Scalars stand for themselves; everything else is an
// object whose first member says what it is.
func (d *decoder) value(node any, depth int) incident.Value {
	if d.left--; d.left < 0 {
		return d.fail(fault.Budget, "more than %d values", maxValues)
	}
	if depth > maxDepth {
		return d.fail(fault.Budget, "values deeper than %d levels", maxDepth)
	}
	v := incident.Value{Kind: incident.KindRepr}
	switch n := node.(type) {
	case nil:
		v.Repr = "None"
	case bool:
		v.Repr = map[bool]string{true: "True", false: "False"}[n]
	case json.Number:
		v.Repr = n.String()
	case string:
		v.Repr = incident.Quote(n)
	case map[string]any:
		return d.node(n, depth)
	default:
		return d.fail(fault.Invalid, "a list is not a value")
	}
	return v
}

func (d *decoder) node(n map[string]any, depth int) incident.Value {
	v := d.what(n, depth)
	if id := number(n["id"]); id > 0 {
		v.ID = id
	}
	v.Guarded = n["guarded"] == true
	v.Trimmed = v.Trimmed || n["len"] != nil || n["missing"] != nil
	if v.ID != 0 && v.Kind != incident.KindRef {
		d.objects[v.ID] = v
	}
	return v
}

// what converts a node but for what all have in common.
func (d *decoder) what(n map[string]any, depth int) incident.Value {
	switch {
	case n["cut"] != nil:
		return cut(n)
	case n["ref"] != nil:
		return incident.Value{Kind: incident.KindRef, ID: number(n["ref"])}
	case text(n["repr"]) != "":
		return incident.Value{Kind: incident.KindRepr, Repr: text(n["repr"])}
	case text(n["opaque"]) != "":
		return incident.Value{Kind: incident.KindRepr, Repr: display(text(n["opaque"]))}
	case text(n["name"]) != "":
		return incident.Value{Kind: incident.KindName, Type: text(n["name"])}
	case text(n["method"]) != "":
		return incident.Value{Kind: incident.KindMember, Type: text(n["method"]), Items: []incident.Value{d.value(n["self"], depth+1)}}
	case text(n["call"]) != "":
		return incident.Value{Kind: incident.KindCall, Type: text(n["call"]), Items: d.items(n["args"], depth), Fields: d.fields(n["kwargs"], depth)}
	case text(n["object"]) != "":
		return d.object(n, depth)
	}
	if v, ok := d.container(n, depth); ok {
		return v
	}
	return d.fail(fault.Invalid, "an unknown kind of value")
}

// cut is a value that the recorder left out, but for its beginning or its type.
func cut(n map[string]any) incident.Value {
	head, typ := text(n["head"]), text(n["type"])
	v := lost("")
	switch {
	case head != "":
		v.Repr = incident.Quote(head)
	case typ != "":
		v.Repr = display(typ)
	}
	if n["cut"] == "secret" {
		v.Trimmed, v.Filtered = false, true
		if head == "" {
			v.Repr = "'[Filtered]'"
		}
	}
	return v
}

// container converts the content of a built-in container.
func (d *decoder) container(n map[string]any, depth int) (incident.Value, bool) {
	for _, kind := range []string{"list", "tuple", "set", "frozenset"} {
		if n[kind] != nil {
			v := incident.Value{Kind: incident.KindList, Type: kind, Items: d.items(n[kind], depth)}
			v.Trimmed = n["len"] != nil
			return v, true
		}
	}
	if n["dict"] == nil {
		return incident.Value{}, false
	}
	v := incident.Value{Kind: incident.KindDict, Keys: []incident.Value{}, Trimmed: n["len"] != nil}
	for _, p := range d.list(n["dict"]) {
		pair, _ := p.([]any)
		if len(pair) != 2 {
			return d.fail(fault.Invalid, "a pair of a dict is not one"), true
		}
		key := d.value(pair[0], depth+1)
		name, isText := pair[0].(string)
		if !isText {
			name = key.Text(3, 10)
		}
		v.Keys = append(v.Keys, key)
		v.Fields = append(v.Fields, incident.Variable{Name: clean(name), Value: d.value(pair[1], depth+1)})
	}
	return v, true
}

func (d *decoder) object(n map[string]any, depth int) incident.Value {
	v := incident.Value{Kind: incident.KindObject, Type: text(n["object"]), Items: d.items(n["args"], depth), Fields: d.fields(n["attrs"], depth)}
	if base, ok := d.container(n, depth); ok {
		if names, _ := n["fields"].([]any); len(names) > 0 && len(names) == len(base.Items) && len(v.Fields) == 0 {
			return record(v.Type, names, base)
		}
		if mapping := text(n["mapping"]); mapping != "" {
			base.Type = mapping
		}
		v.Base = &base
	} else if n["value"] != nil {
		base := d.value(n["value"], depth+1)
		v.Base = &base
	}
	if params, ok := n["init"].([]any); ok {
		v.Init = []string{}
		for _, p := range params[:min(len(params), maxLocals)] {
			if pair, _ := p.([]any); len(pair) == 2 {
				v.Init = append(v.Init, text(pair[0])+"="+text(pair[1]))
			} else {
				v.Init = append(v.Init, text(p))
			}
		}
	}
	return v
}

// record is a named tuple: a call with its fields by name.
func record(typ string, names []any, base incident.Value) incident.Value {
	v := incident.Value{Kind: incident.KindCall, Type: typ, Trimmed: base.Trimmed}
	for i, item := range base.Items {
		v.Fields = append(v.Fields, incident.Variable{Name: text(names[i]), Value: item})
	}
	return v
}

func (d *decoder) items(node any, depth int) []incident.Value {
	var made []incident.Value
	for _, item := range d.list(node) {
		made = append(made, d.value(item, depth+1))
	}
	return made
}

func (d *decoder) fields(node any, depth int) []incident.Variable {
	var made []incident.Variable
	for _, p := range d.list(node) {
		pair, _ := p.([]any)
		if name, inner, ok := named(pair); ok {
			made = append(made, incident.Variable{Name: name, Value: d.value(inner, depth+1)})
		}
	}
	return made
}

// list is a node's items; more than the recorder sends are not read.
func (d *decoder) list(node any) []any {
	list, _ := node.([]any)
	if len(list) > maxItems {
		d.fail(fault.Budget, "a container of more than %d items", maxItems)
		return nil
	}
	return list
}

func text(node any) string {
	s, _ := node.(string)
	return strings.ToValidUTF8(clean(s), "\uFFFD")
}

func number(node any) int {
	n, _ := node.(json.Number)
	i, err := n.Int64()
	if err != nil || i < 0 || i > 1<<30 {
		return 0
	}
	return int(i)
}
