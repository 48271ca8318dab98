package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/trace/equality"
	"github.com/repaird/repaird/internal/trace/wire"
)

const (
	maxChanges     = 3 // of one argument that are told apart
	maxChangeDepth = 4
)

// A difference is one part of a value that a call changed.
type difference struct {
	path   string // such as self.items
	before *wire.Value
	after  *wire.Value
	added  string // text of items that were appended, where that is all

	unknown bool // what was recorded of the two does not tell whether they differ
}

// differences finds which parts of a value changed: attributes of an object,
// keys of a dict, items that were appended to a list.
func differences(out []difference, path string, a, b *wire.Value, depth int) []difference {
	if a.ID == b.ID && equality.Compare(a, b) == equality.Equal || Text(a, 2000, IdsPlain) == Text(b, 2000, IdsPlain) {
		return out
	}
	if a.ID == b.ID && equality.Compare(a, b) == equality.Unknown {
		return append(out, difference{path: path, before: a, after: b, unknown: true})
	}
	if depth < maxChangeDepth && a.ID == b.ID && a.Type == b.Type && !a.Cut && !b.Cut {
		switch {
		case len(b.Fields)+len(b.Shared) > 0:
			if list, ok := fieldDifferences(out, path, a, b, depth); ok {
				return list
			}
		case len(b.Pairs) > 0:
			if list, ok := pairDifferences(out, path, a, b, depth); ok {
				return list
			}
		default:
			if added := appended(a, b); added != "" {
				return append(out, difference{path: path, before: a, after: b, added: added})
			}
		}
	}
	return append(out, difference{path: path, before: a, after: b})
}

func fieldDifferences(out []difference, path string, a, b *wire.Value, depth int) ([]difference, bool) {
	n := len(out)
	before := map[string]*wire.Value{}
	for i := range a.Fields {
		before[a.Fields[i].Name] = &a.Fields[i].Value
	}
	for i := range b.Fields {
		f := &b.Fields[i]
		if old := before[f.Name]; old != nil {
			out = differences(out, path+"."+f.Name, old, &f.Value, depth+1)
			delete(before, f.Name)
		} else {
			out = append(out, difference{path: path + "." + f.Name, after: &f.Value})
		}
	}
	for i := range a.Fields {
		if f := &a.Fields[i]; before[f.Name] != nil {
			out = append(out, difference{path: path + "." + f.Name, before: &f.Value})
		}
	}
	for i := range b.Shared {
		for k := range a.Shared {
			if a.Shared[k].Name == b.Shared[i].Name {
				out = differences(out, b.Type+"."+b.Shared[i].Name, &a.Shared[k].Value, &b.Shared[i].Value, depth+1)
			}
		}
	}
	return out, len(out) > n
}

func pairDifferences(out []difference, path string, a, b *wire.Value, depth int) ([]difference, bool) {
	n := len(out)
	before := map[string]*wire.Value{}
	for i := range a.Pairs {
		before[Text(&a.Pairs[i][0], 200, IdsPlain)] = &a.Pairs[i][1]
	}
	for i := range b.Pairs {
		key := Text(&b.Pairs[i][0], 200, IdsPlain)
		if old := before[key]; old != nil {
			out = differences(out, path+"["+key+"]", old, &b.Pairs[i][1], depth+1)
			delete(before, key)
		} else {
			out = append(out, difference{path: path + "[" + key + "]", after: &b.Pairs[i][1]})
		}
	}
	if len(before) > 0 && len(a.Pairs) == 0 { // a literal dict before: keys are not known
		return out[:n], false
	}
	for i := range a.Pairs {
		key := Text(&a.Pairs[i][0], 200, IdsPlain)
		if before[key] != nil {
			out = append(out, difference{path: path + "[" + key + "]", before: &a.Pairs[i][1]})
		}
	}
	return out, len(out) > n && (len(a.Pairs) > 0 || a.Len == 0)
}

// appended returns the text of what was put behind the items of a list.
func appended(a, b *wire.Value) string {
	if b.Type != "list" {
		return ""
	}
	if len(b.Items) > 0 && (len(a.Items) > 0 || a.Text == "" || a.Text == "[]") && len(b.Items) > len(a.Items) {
		for i := range a.Items {
			if equality.Compare(&a.Items[i], &b.Items[i]) != equality.Equal || a.Items[i].ID != b.Items[i].ID {
				return ""
			}
		}
		var parts []string
		for i := len(a.Items); i < len(b.Items); i++ {
			parts = append(parts, Text(&b.Items[i], 200, IdsMarked))
		}
		return strings.Join(parts, ", ")
	}
	if a.Text == "" || b.Text == "" || !a.Literal || !b.Literal {
		return ""
	}
	head := strings.TrimSuffix(a.Text, "]")
	rest, ok := strings.CutPrefix(strings.TrimSuffix(b.Text, "]"), head)
	if !ok || rest == "" {
		return ""
	}
	if head == "[" {
		return Visible(rest)
	}
	if rest, ok = strings.CutPrefix(rest, ", "); !ok {
		return ""
	}
	return Visible(rest)
}

// ChangeText says how an argument was when the call began and when it ended.
func ChangeText(f *Forest, r Rec, v *wire.Var, room int) string {
	var before *wire.Value
	if i := f.Find(r.Call); i >= 0 && f.Nodes[i].Start >= 0 {
		for _, a := range Record(f.T, int(f.Nodes[i].Start)).Args() {
			if a.Name == v.Name {
				before = &a.Value
				break
			}
		}
	}
	name := Visible(v.Name)
	if before == nil {
		return name + " is now " + Text(&v.Value, max(room-len(name)-8, 40), IdsMarked)
	}
	all := differences(nil, v.Name, before, &v.Value, 0)
	all = slices.DeleteFunc(all, func(d difference) bool { return d.unknown && len(all) > 1 })
	if len(all) == 0 || len(all) == 1 && all[0].unknown {
		return name + " changed in a part that was not recorded: " + Text(&v.Value, max(room-len(name)-48, 40), IdsMarked)
	}
	var parts []string
	for i, d := range all {
		if i == maxChanges {
			parts = append(parts, fmt.Sprintf("%d more", len(all)-i))
			break
		}
		parts = append(parts, d.text(max(room/min(len(all), maxChanges), 40)))
	}
	return strings.Join(parts, "; ")
}

func (d difference) text(room int) string {
	path := Visible(d.path)
	room = max(room-len(path)-8, 32)
	if d.added != "" {
		room = max(room-16, 32)
	}
	switch {
	case d.before == nil:
		return path + " = " + Text(d.after, room, IdsMarked)
	case d.after == nil:
		return path + " deleted, was " + Text(d.before, room, IdsMarked)
	case d.added != "":
		id := ""
		if d.after.ID > 0 {
			id = fmt.Sprintf("%c#%d%c", TagOpen, d.after.ID, TagClose)
		}
		return path + id + " += " + Cut(d.added, room) + fmt.Sprintf(" (%s → %d)", length(d.before), d.after.Len)
	}
	after := Text(d.after, room/2, IdsMarked)
	return path + ": " + Text(d.before, max(room-len(Unmark(after)), 16), IdsMarked) + " → " + after
}

func length(v *wire.Value) string { return fmt.Sprintf("len %d", v.Len) }
