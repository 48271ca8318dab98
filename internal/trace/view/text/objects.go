package text

import (
	"fmt"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/trace/view"
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
func (p *treePainter) shared(items []*view.Item) {
	var nodes []int32
	var walk func([]*view.Item)
	walk = func(list []*view.Item) {
		for _, it := range list {
			if (it.Kind == "call" || it.Kind == "loop" && it.Node >= 0) && len(nodes) < maxWalked {
				nodes = append(nodes, it.Node)
			}
			walk(it.Kids)
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
			calls = append(calls, view.CallName(id))
		}
		p.Line("36", "one object for all: %c#%d%c %s%s, in %s %s", view.TagOpen, o.id, view.TagClose, o.name, owners, view.Plural(len(calls), "call"), listed(calls, 8))
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
func sharedObjects(f *view.Forest, nodes []int32) []*object {
	type key struct{ process, id int }
	all := map[key]*object{}
	var order []*object
	note := func(c *view.Node, id int, name, owner string) {
		k := key{c.Process, id}
		o := all[k]
		if o == nil {
			o = &object{process: c.Process, id: id, name: name}
			all[k] = o
			order = append(order, o)
		}
		if owner != "" && !slices.Contains(o.owners, owner) {
			o.owners = append(o.owners, owner)
		}
		if n := len(o.calls); n == 0 || o.calls[n-1] != c.Id {
			o.calls = append(o.calls, c.Id)
		}
	}
	for _, i := range nodes {
		c := &f.Nodes[i]
		if c.Start < 0 {
			continue
		}
		r := view.Record(f.T, int(c.Start))
		defaults := r.Defaults()
		for _, a := range r.Args() {
			if slices.Contains(defaults, a.Name) && a.Value.ID > 0 {
				note(c, a.Value.ID, view.Visible("default "+a.Name+" of "+c.Code.Name), "")
			}
			eachObject(&a.Value, func(v *wire.Value) {
				for k := range v.Shared {
					if id := v.Shared[k].Value.ID; id > 0 {
						note(c, id, view.Visible(v.Type+"."+v.Shared[k].Name), view.Visible(fmt.Sprintf("%s#%d", v.Type, v.ID)))
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
