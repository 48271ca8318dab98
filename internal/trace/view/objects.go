package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/trace/wire"
)

const (
	maxObjects = 8    // lines about objects below a tree
	maxWalked  = 5000 // calls whose values are looked through for them
)

// An object is one that calls share by their class or by a default argument.
type object struct {
	process, id int
	name        string // Cart.items, or unique(seen=…)
	owners      []string
	calls       []int64
}

// shared lists, below a tree, the objects that several instances or calls
// have in common without being handed them.
func (p *treePainter) shared(items []*item) {
	var nodes []int32
	var walk func([]*item)
	walk = func(list []*item) {
		for _, it := range list {
			if (it.kind == "call" || it.kind == "loop" && it.node >= 0) && len(nodes) < maxWalked {
				nodes = append(nodes, it.node)
			}
			walk(it.kids)
		}
	}
	walk(items)
	n := 0
	for _, o := range sharedObjects(p.f, nodes) {
		if len(o.calls) < 2 {
			continue
		}
		if n++; n > maxObjects {
			break
		}
		owners := ""
		if len(o.owners) > 1 {
			owners = " of " + listed(o.owners, 6)
		}
		var calls []string
		for _, id := range o.calls {
			calls = append(calls, callName(id))
		}
		p.line("36", "one object for all: %c#%d%c %s%s, in %s %s", tagOpen, o.id, tagClose, o.name, owners, plural(len(calls), "call"), listed(calls, 8))
	}
}

func listed(list []string, n int) string {
	if len(list) > n {
		return strings.Join(list[:n], ", ") + fmt.Sprintf(" and %d more", len(list)-n)
	}
	return strings.Join(list, ", ")
}

// sharedObjects returns the class attributes and default arguments in the
// arguments of calls, in the order of their first appearance.
func sharedObjects(f *forest, nodes []int32) []*object {
	type key struct{ process, id int }
	all := map[key]*object{}
	var order []*object
	note := func(c *node, id int, name, owner string) {
		k := key{c.process, id}
		o := all[k]
		if o == nil {
			o = &object{process: c.process, id: id, name: name}
			all[k] = o
			order = append(order, o)
		}
		if owner != "" && !slices.Contains(o.owners, owner) {
			o.owners = append(o.owners, owner)
		}
		if n := len(o.calls); n == 0 || o.calls[n-1] != c.id {
			o.calls = append(o.calls, c.id)
		}
	}
	for _, i := range nodes {
		c := &f.nodes[i]
		if c.start < 0 {
			continue
		}
		r := record(f.t, int(c.start))
		defaults := r.Defaults()
		for _, a := range r.Args() {
			if slices.Contains(defaults, a.Name) && a.Value.ID > 0 {
				note(c, a.Value.ID, visible("default "+a.Name+" of "+c.code.Name), "")
			}
			eachObject(&a.Value, func(v *wire.Value) {
				for k := range v.Shared {
					if id := v.Shared[k].Value.ID; id > 0 {
						note(c, id, visible(v.Type+"."+v.Shared[k].Name), visible(fmt.Sprintf("%s#%d", v.Type, v.ID)))
					}
				}
			})
		}
	}
	return order
}

// eachObject calls f for a value and those in it.
func eachObject(v *wire.Value, f func(*wire.Value)) {
	f(v)
	for i := range v.Items {
		eachObject(&v.Items[i], f)
	}
	for i := range v.Pairs {
		eachObject(&v.Pairs[i][1], f)
	}
	for i := range v.Fields {
		eachObject(&v.Fields[i].Value, f)
	}
}
