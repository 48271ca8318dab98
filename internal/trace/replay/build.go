package replay

import (
	"fmt"
	"strings"

	"github.com/repaird/repaird/internal/trace"
	"github.com/repaird/repaird/internal/trace/wire"
)

// A builder makes the Python text of one call's values. What it adds becomes
// the generator's only when all of the call could be built.
type builder struct {
	g       *generator
	process int
	module  string // of the call
	lines   []string
	pending map[object]*variable
	modules map[string]bool
}

// form says how a call is written: as a constructor, a method of its object, a
// property, or by its qualified name.
func (b *builder) form(c *call, module string) (f form, why string) {
	code, args := c.Code(), c.start.Args()
	owner, last := "", code.Name
	if at := strings.LastIndex(code.Name, "."); at > 0 {
		owner, last = code.Name[:at], code.Name[at+1:]
	}
	f.target = module + "." + code.Name
	first := wire.Var{}
	if owner != "" && len(args) > 0 {
		first = args[0]
	}
	switch {
	case first.Name == "self" && last == "__init__":
		if first.Value.Type != owner {
			return f, "it makes part of an object of another class"
		}
		made := first.Value
		f.target, f.made, args = module+"."+owner, &made, args[1:]
	case first.Name == "self":
		self, why := b.value(first.Value, 0)
		if why != "" {
			return f, "self: " + why
		}
		if first.Value.Type == owner {
			f.target = self + "." + last
		} else {
			f.args = append(f.args, self)
		}
		args = args[1:]
		if kind := decorated(code); kind == "property" && len(args) == 0 {
			f.getter = true
		} else if kind == "setter" {
			return f, "assignments to properties are not repeated"
		}
	case first.Name == "cls":
		args = args[1:]
	}
	for _, a := range args {
		text, why := b.value(a.Value, 0)
		if why != "" {
			return f, a.Name + ": " + why
		}
		f.args, why = b.argument(f.args, code, a.Name, text)
		if why != "" {
			return f, why
		}
	}
	return f, ""
}

// argument adds one argument in the way in which the function takes it.
func (b *builder) argument(args []string, code *trace.Code, name, text string) ([]string, string) {
	given := code.Given(name)
	switch {
	case given == trace.RestByPlace:
		if text == "()" {
			return args, ""
		}
		for i, a := range args { // what comes before * must be given by place
			at := strings.Index(a, "=")
			if at > 0 && identifier(a[:at]) && code.Given(a[:at]) != trace.ByName {
				args[i] = a[at+1:]
			}
		}
		return append(args, "*"+text), ""
	case given == trace.RestByName:
		if text == "{}" {
			return args, ""
		}
		return append(args, "**"+text), ""
	case !identifier(name):
		return args, "an argument has no Python name"
	case given == trace.ByPlace:
		return append(args, text), ""
	}
	return append(args, name+"="+text), ""
}

// value returns the text of a Python expression that makes the value, and adds
// the statements that it needs before; why it cannot be made otherwise.
func (b *builder) value(v wire.Value, depth int) (text, why string) {
	switch {
	case depth > 20:
		return "", "nested too deeply"
	case v.Masked:
		return "", "hidden as a secret"
	case v.Cycle:
		return "", "it contains itself"
	}
	o := object{b.process, v.ID}
	if known := b.known(o); known != nil && known.class == v.Type && v.Type != "" && (known.text == "" || known.text == v.Text) {
		return known.name, ""
	}
	if v.Cut {
		return "", fmt.Sprintf("%s was recorded in part", describe(v))
	}
	if v.Literal {
		return b.literal(v, o)
	}
	if v.Rebuild != "" {
		text, ok := b.rebuilt(v.Rebuild)
		if !ok {
			return "", describe(v) + " has no text to trust"
		}
		b.need(text, v.Module)
		return text, ""
	}
	if v.Type == "type" && dotted(v.Text) {
		return "", "classes as arguments are not rebuilt"
	}
	if v.New != "" {
		return b.object(v, o, depth)
	}
	return b.container(v, depth)
}

func (b *builder) known(o object) *variable {
	if o.id == 0 {
		return nil
	}
	if v := b.pending[o]; v != nil {
		return v
	}
	return b.g.objects[o]
}

// literal returns a literal's text, by a variable where the object can change.
func (b *builder) literal(v wire.Value, o object) (text, why string) {
	if !expression(v.Text, false) {
		return "", describe(v) + " has no text to trust"
	}
	if o.id == 0 {
		return v.Text, ""
	}
	name := &variable{name: b.g.names.next(v.Type), class: v.Type, text: v.Text}
	b.pending[o] = name
	b.lines = append(b.lines, name.name+" = "+v.Text)
	return name.name, ""
}

// object puts an object together from its recorded attributes.
func (b *builder) object(v wire.Value, o object, depth int) (text, why string) {
	class := b.settle(v.New)
	if !dotted(class) || !strings.Contains(class, ".") {
		return "", describe(v) + " is of a class without a Python name"
	}
	if !b.g.own(class, true) {
		return "", describe(v) + " is of a class outside of the traced program"
	}
	fields := make([]string, 0, len(v.Fields))
	name := &variable{name: b.g.names.next(v.Type), class: v.Type}
	if o.id != 0 {
		b.pending[o] = name // before its fields: one of them may be the object
	}
	for _, f := range v.Fields {
		text, why := b.value(f.Value, depth+1)
		if why != "" || !identifier(f.Name) {
			delete(b.pending, o)
			return "", fmt.Sprintf("%s of %s: %s", f.Name, describe(v), why)
		}
		fields = append(fields, fmt.Sprintf("%s.%s = %s", name.name, f.Name, text))
	}
	b.need(class, v.Module)
	b.lines = append(b.lines, fmt.Sprintf("%s = object.__new__(%s)", name.name, class))
	b.lines = append(b.lines, fields...)
	return name.name, ""
}

// container builds containers of values that are not literals.
func (b *builder) container(v wire.Value, depth int) (text, why string) {
	var parts []string
	for _, e := range v.Items {
		text, why := b.value(e, depth+1)
		if why != "" {
			return "", why
		}
		parts = append(parts, text)
	}
	switch {
	case v.Type == "tuple" && len(parts) == 1:
		return "(" + parts[0] + ",)", ""
	case v.Type == "tuple" && len(parts) > 0:
		return "(" + strings.Join(parts, ", ") + ")", ""
	case v.Type == "list":
		return "[" + strings.Join(parts, ", ") + "]", ""
	case v.Type == "set" && len(parts) == 0:
		return "set()", ""
	case v.Type == "set":
		return "{" + strings.Join(parts, ", ") + "}", ""
	case v.Type != "dict":
		return "", describe(v) + " cannot be rebuilt"
	}
	for _, kv := range v.Pairs {
		key, why := b.value(kv[0], depth+1)
		if why != "" {
			return "", why
		}
		val, why := b.value(kv[1], depth+1)
		if why != "" {
			return "", why
		}
		parts = append(parts, key+": "+val)
	}
	return "{" + strings.Join(parts, ", ") + "}", ""
}

// compare returns the text of a value that a result is compared with.
func (b *builder) compare(v *wire.Value) (string, bool) {
	if v == nil || v.Cut || v.Masked {
		return "", false
	}
	if v.Literal && expression(v.Text, false) {
		return v.Text, true
	}
	text, ok := b.rebuilt(v.Rebuild)
	if v.Rebuild == "" || !ok {
		return "", false
	}
	of := *b
	of.modules = map[string]bool{}
	of.need(text, v.Module)
	if b.g.claims(of.modules) != "" {
		return "", false
	}
	for m := range of.modules {
		b.g.modules[m] = true
	}
	return text, true
}

// need imports the modules of an expression's dotted names.
func (b *builder) need(expr, module string) {
	for _, name := range dottedNames(expr) {
		if module != "" && strings.HasPrefix(name, module+".") {
			b.modules[module] = true
			continue
		}
		parts := strings.Split(name, ".")
		n := len(parts) - 1
		for i, p := range parts[:n] {
			if p[0] >= 'A' && p[0] <= 'Z' { // by convention a class
				n = i
				break
			}
		}
		if n > 0 {
			b.modules[strings.Join(parts[:n], ".")] = true
		}
	}
}

func describe(v wire.Value) string {
	if v.Type == "" {
		return "a value"
	}
	return "a " + v.Type
}
