package synth

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
)

// rebuiltObjects makes a frame's call with objects whose class is all that the
// report shows. Their state is put together from what else it has: the values of
// locals that were read from them, or that have the names of the constructor's
// parameters in the frames around.
type rebuiltObjects struct{ *reading }

// Name implements language.Strategy.
func (rebuiltObjects) Name() string { return "rebuilt-objects" }

// Candidates implements language.Strategy.
func (s rebuiltObjects) Candidates(context.Context) (made []language.Candidate, hurdles []language.Hurdle, _ error) {
	for _, way := range ways {
		candidates, stuck := s.calls(func(c *call) *language.Hurdle {
			c.by.objects = &objects{reading: s.reading, of: c.sourced, way: way}
			c.guessed = "objects that are put together from what the error report recorded"
			c.how = c.guessed
			return c.on()
		})
		made, hurdles = append(made, candidates...), append(hurdles, stuck...)
	}
	return made, hurdles, nil
}

// A way to make an object.
type way string

const (
	byConstructor way = "constructor" // with what is known of its parameters
	byAttributes  way = "attributes"  // without it, and with the attributes that are known
)

var ways = []way{byConstructor, byAttributes}

// objects makes objects whose class is all that the report shows.
type objects struct {
	*reading
	of  sourced // the frame whose call is written
	way way
}

// build returns an object's variable, with the statements that make it.
func (o *objects) build(repr string, made *object, depth int) (rebuilt, *lost) {
	gone := func(why string) (rebuilt, *lost) {
		return rebuilt{}, &lost{fmt.Sprintf("was recorded as %s, and %s", text.Line(repr, 60), why), language.Unreadable}
	}
	if depth > maxObjects {
		return gone("it is one of too many objects in each other")
	}
	if !made.Inside {
		return gone("its class is a library's")
	}
	r := rebuilt{imports: map[string]bool{made.Import: true}, mutable: true}
	known := o.attributes(repr, depth)
	if o.way == byAttributes {
		return o.bare(r, repr, made, known, gone)
	}
	if made.Params == nil {
		return gone("its constructor is not in the tree")
	}
	var args []string
	for _, p := range made.Params {
		if p.Kind == "var" || p.Kind == "varkw" {
			continue
		}
		v, ok := known[attributeOf(made, p.Name)]
		if !ok {
			v, ok = o.named(p.Name, depth)
		}
		switch {
		case ok:
			r.need(slices.Sorted(maps.Keys(v.imports)), v.setup)
			args = append(args, p.Name+"="+v.source)
		case !p.Default:
			return gone(fmt.Sprintf("what it was created with (%s) is not known", p.Name))
		}
	}
	if len(args) == 0 {
		return gone("nothing is known of its state")
	}
	variable := o.variable(repr, made)
	r.need(nil, []string{variable + " = " + made.Name + "(" + strings.Join(args, ", ") + ")"})
	r.source = variable
	return r, nil
}

// bare makes an object without its constructor.
func (o *objects) bare(r rebuilt, repr string, made *object, known map[string]rebuilt, gone func(string) (rebuilt, *lost)) (rebuilt, *lost) {
	if len(known) == 0 {
		return gone("none of its attributes is known")
	}
	variable := o.variable(repr, made)
	setup := []string{fmt.Sprintf("%s = %s.__new__(%s)", variable, made.Name, made.Name)}
	set := func(attribute, source string) {
		if made.Guarded {
			setup = append(setup, fmt.Sprintf("object.__setattr__(%s, %q, %s)", variable, attribute, source))
		} else {
			setup = append(setup, fmt.Sprintf("%s.%s = %s", variable, attribute, source))
		}
	}
	for _, a := range slices.Sorted(maps.Keys(made.Initial)) {
		if _, ok := known[a]; !ok && made.Initial[a].Source != "" {
			set(a, made.Initial[a].Source)
		}
	}
	for _, a := range slices.Sorted(maps.Keys(known)) {
		r.need(slices.Sorted(maps.Keys(known[a].imports)), known[a].setup)
		set(a, known[a].source)
	}
	r.need(nil, setup)
	r.source = variable
	return r, nil
}

// maxObjects limits objects in each other.
const maxObjects = 6

// attributeOf is the attribute in which the constructor keeps a parameter.
func attributeOf(made *object, param string) string {
	for _, a := range slices.Sorted(maps.Keys(made.Initial)) {
		if made.Initial[a].Param == param {
			return a
		}
	}
	return param
}

// attributes are those of an object that locals were read from, in any frame that
// held it: the address in its repr tells.
func (o *objects) attributes(repr string, depth int) map[string]rebuilt {
	known := map[string]rebuilt{}
	for _, src := range o.sources {
		for _, v := range src.frame.Locals {
			if v.Value.Kind != incident.KindRepr || v.Value.Repr != repr {
				continue
			}
			of := src.function.Attributes[v.Name]
			for _, attribute := range slices.Sorted(maps.Keys(of)) {
				held, ok := src.local(of[attribute])
				if _, twice := known[attribute]; !ok || twice {
					continue
				}
				if r, l := o.rebuild(held, depth); l == nil {
					known[attribute] = r
				}
			}
		}
	}
	return known
}

// named is the value of a local of this name: in the frames outside the call, the
// nearest first, then in the others.
func (o *objects) named(name string, depth int) (rebuilt, bool) {
	var order []sourced
	for i := range slices.Backward(o.sources) {
		if o.sources[i].index < o.of.index {
			order = append(order, o.sources[i])
		}
	}
	for _, src := range o.sources {
		if src.index >= o.of.index {
			order = append(order, src)
		}
	}
	for _, src := range order {
		v, ok := src.local(name)
		if ch, changed := src.function.Changed[name]; !ok || changed && ch.How != "passed" {
			continue
		}
		if r, l := o.rebuild(v, depth); l == nil {
			return r, true
		}
	}
	return rebuilt{}, false
}

func (o *objects) rebuild(v incident.Value, depth int) (rebuilt, *lost) {
	r := rebuilt{imports: map[string]bool{}}
	var b strings.Builder
	if l := r.write(&b, v, builder{known: o.known, objects: o}, shapes[0], depth+1); l != nil {
		return rebuilt{}, l
	}
	r.source = b.String()
	return r, nil
}

var (
	humps = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	// addressed is what tells objects of one class apart.
	addressed = regexp.MustCompile(`0x[0-9a-fA-F]+`)
)

// variable is an object's name in the test: its class's, with a number where the
// report has several of the class.
func (o *objects) variable(repr string, made *object) string {
	name := strings.ToLower(humps.ReplaceAllString(incident.BareName(made.Name), "${1}_${2}"))
	name = strings.Trim(name, "_")
	var alike []string
	for t, lit := range o.known {
		if lit.Object != nil && lit.Object.Name == made.Name && lit.Object.Module == made.Module {
			alike = append(alike, addressed.FindString(t))
		}
	}
	slices.Sort(alike)
	alike = slices.Compact(alike)
	if n := slices.Index(alike, addressed.FindString(repr)); n > 0 {
		return fmt.Sprintf("%s_%d", name, n+1)
	}
	return name
}

// importOf is the statement that makes a qualified name of a module valid.
func importOf(module, name string) string {
	name, _, _ = strings.Cut(name, ".")
	return "from " + module + " import " + name
}
