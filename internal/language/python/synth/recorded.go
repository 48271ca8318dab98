package synth

import (
	"fmt"
	"maps"
	"regexp"
	"strings"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
)

// A writer turns values that the recorder described (sdk/python) into source:
// expressions, and statements before them for objects that have to be put together
// or that occur more than once.
//
//	line = Line(sku='a', qty=2)
//	order = Order.__new__(Order)
//	order.lines = [line]
//	order.first = line
//
// What an event names is imported and called only if it is of the tree, or is a
// constructor of the standard library's that does nothing else: an event is
// untrusted.
type writer struct {
	known   map[string]literal       // recorded text → value
	objects map[int]incident.Value   // by their ids
	ours    func(module string) bool // whether a module is the tree's
	uses    map[int]int              // id → mentions in what is written
	names   map[int]string           // id → variable, "" while it has none
	taken   map[string]string        // name in the test → what it stands for
	imports map[string]bool          // statements
	setup   []string                 // statements
	size    int                      // of the source so far, in bytes
	mutable bool                     // whether the last value can have been changed since it was passed
}

// newWriter returns a writer for the values of some frames. reserved are names
// that the test uses.
func newWriter(known map[string]literal, objects map[int]incident.Value, ours func(string) bool, reserved ...string) *writer {
	w := &writer{known: known, objects: objects, ours: ours, uses: map[int]int{}, names: map[int]string{}, taken: map[string]string{}, imports: map[string]bool{}}
	for _, name := range reserved {
		w.taken[name] = "reserved"
	}
	return w
}

// collect gathers the objects that others refer to.
func collect(v *incident.Value, into map[int]incident.Value) {
	if v.ID != 0 && v.Kind != incident.KindRef {
		if _, there := into[v.ID]; !there {
			into[v.ID] = *v
		}
	}
	v.Each(func(part *incident.Value) { collect(part, into) })
}

// count counts the mentions of objects in a value, and in what it refers to.
func (w *writer) count(v incident.Value) {
	if v.ID != 0 {
		w.uses[v.ID]++
		if w.uses[v.ID] > 1 {
			return
		}
		v = w.objects[v.ID]
	}
	v.Each(func(part *incident.Value) { w.count(*part) })
}

// Constructors of the standard library's that an event may call, with names that
// need no import as builtins.
var constructors = words(`re:compile collections:OrderedDict collections:Counter collections:defaultdict collections:deque
	types:SimpleNamespace functools:partial logging:getLogger datetime:datetime datetime:time threading:Lock threading:RLock
	builtins:object builtins:slice ipaddress:IPv4Address ipaddress:IPv6Address ipaddress:IPv4Network ipaddress:IPv6Network
	ipaddress:IPv4Interface ipaddress:IPv6Interface`)

// Names of the standard library's that an event may mention: they do nothing to
// anything but their arguments.
var mentionable = words(`builtins:int builtins:str builtins:float builtins:bool builtins:bytes builtins:list builtins:dict builtins:set
	builtins:tuple builtins:frozenset builtins:object builtins:len builtins:sum builtins:min builtins:max builtins:sorted builtins:abs
	builtins:repr builtins:print builtins:any builtins:all builtins:round builtins:isinstance builtins:type builtins:complex
	decimal:Decimal fractions:Fraction datetime:datetime datetime:date datetime:time datetime:timedelta uuid:UUID collections:OrderedDict
	collections:Counter collections:deque collections:defaultdict json:loads json:dumps math:sqrt math:floor math:ceil operator:add
	operator:sub operator:mul operator:truediv operator:itemgetter operator:attrgetter re:RegexFlag.IGNORECASE re:RegexFlag.MULTILINE
	re:RegexFlag.DOTALL re:RegexFlag.VERBOSE re:RegexFlag.ASCII json math re datetime decimal operator collections`)

func words(s string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		m[w] = true
	}
	return m
}

var (
	thing      = regexp.MustCompile(`^([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*))?$`)
	identifier = regexp.MustCompile(`^[A-Za-z_]\w*$`)
)

func unreadable(format string, args ...any) *lost {
	return &lost{fmt.Sprintf(format, args...), language.Unreadable}
}

// expression returns the source of a value. hint is what a variable for it would
// be called.
func (w *writer) expression(v incident.Value, hint string, depth int) (string, *lost) {
	switch {
	case v.Filtered:
		return "", &lost{"was replaced by a scrubber", language.Filtered}
	case v.Trimmed:
		return "", &lost{"was cut by the recorder", language.Cut}
	case depth > maxValueDepth || w.size > maxValueSource:
		return "", unreadable("is too large")
	case v.ID != 0:
		return w.shared(v.ID, hint, depth)
	}
	return w.fresh(v, hint, depth)
}

// shared returns an object's variable, where it is mentioned more than once.
func (w *writer) shared(id int, hint string, depth int) (string, *lost) {
	if name, ok := w.names[id]; ok {
		if name == "" {
			return "", unreadable("refers to itself")
		}
		return name, nil
	}
	v, ok := w.objects[id]
	if !ok {
		return "", unreadable("refers to an object that was not recorded")
	}
	v.ID = 0
	if v.Lost() {
		return w.expression(v, hint, depth)
	}
	if w.uses[id] < 2 {
		return w.fresh(v, hint, depth)
	}
	w.names[id] = ""
	if v.Kind == incident.KindObject {
		return w.object(v, hint, depth, id)
	}
	source, l := w.fresh(v, hint, depth)
	if l != nil {
		return "", l
	}
	if v.Kind == incident.KindName {
		w.names[id] = source
		return source, nil
	}
	w.names[id] = w.variable(v, hint)
	w.state("%s = %s", w.names[id], source)
	return w.names[id], nil
}

// fresh writes a value in full.
func (w *writer) fresh(v incident.Value, hint string, depth int) (string, *lost) {
	switch v.Kind {
	case incident.KindList:
		return w.list(v, hint, depth)
	case incident.KindDict:
		return w.dict(v, hint, depth)
	case incident.KindName:
		return w.name(v.Type, mentionable)
	case incident.KindCall:
		callee, l := w.name(v.Type, constructors)
		if l != nil {
			return "", l
		}
		return w.call(callee, v, depth)
	case incident.KindMember:
		return w.member(v, hint, depth)
	case incident.KindObject:
		return w.object(v, hint, depth, 0)
	}
	lit, ok := w.known[v.Repr]
	if !ok || lit.Error != "" {
		return "", unreadable("was recorded as %s, which is not a value", text.Line(v.Repr, 60))
	}
	for _, i := range lit.Imports {
		w.imports[i] = true
	}
	w.mutable = w.mutable || lit.Mutable
	return w.sized(lit.Source), nil
}

func (w *writer) sized(source string) string {
	w.size += len(source)
	return source
}

func (w *writer) all(items []incident.Value, hint string, depth int) ([]string, *lost) {
	var made []string
	for _, item := range items {
		source, l := w.expression(item, singular(hint), depth+1)
		if l != nil {
			return nil, l
		}
		made = append(made, source)
	}
	return made, nil
}

func (w *writer) list(v incident.Value, hint string, depth int) (string, *lost) {
	items, l := w.all(v.Items, hint, depth)
	if l != nil {
		return "", l
	}
	w.mutable = w.mutable || v.Type != "tuple" && v.Type != "frozenset"
	inside := strings.Join(items, ", ")
	switch {
	case v.Type == "tuple" && len(items) == 1:
		return w.sized("(" + inside + ",)"), nil
	case v.Type == "tuple":
		return w.sized("(" + inside + ")"), nil
	case v.Type == "set" && len(items) > 0:
		return w.sized("{" + inside + "}"), nil
	case v.Type == "set":
		return w.sized("set()"), nil
	case v.Type == "frozenset" && len(items) > 0:
		return w.sized("frozenset({" + inside + "})"), nil
	case v.Type == "frozenset":
		return w.sized("frozenset()"), nil
	}
	return w.sized("[" + inside + "]"), nil
}

func (w *writer) dict(v incident.Value, hint string, depth int) (string, *lost) {
	var pairs []string
	for i, f := range v.Fields {
		key := quote(f.Name)
		var l *lost
		if i < len(v.Keys) {
			if key, l = w.expression(v.Keys[i], "key", depth+1); l != nil {
				return "", l
			}
		}
		value, l := w.expression(f.Value, cmpName(f.Name, singular(hint)), depth+1)
		if l != nil {
			return "", l
		}
		pairs = append(pairs, key+": "+value)
	}
	w.mutable = true
	return w.sized("{" + strings.Join(pairs, ", ") + "}"), nil
}

// name imports what an event names, if it may.
func (w *writer) name(typ string, allowed map[string]bool) (string, *lost) {
	m := thing.FindStringSubmatch(typ)
	if m == nil || strings.Contains("."+m[1]+"."+m[2]+".", ".__") {
		return "", unreadable("is %s, which cannot be imported", text.Line(typ, 80))
	}
	module, qualname := m[1], m[2]
	if !allowed[typ] && !w.ours(module) {
		return "", unreadable("is %s, which is not of this repository", text.Line(typ, 80))
	}
	if module == "builtins" {
		return w.sized(qualname), nil
	}
	first, _, _ := strings.Cut(qualname, ".")
	bare := !w.ours(module) && strings.ToLower(first) == first // compile says less than re.compile
	if qualname == "" || bare || w.taken[first] != "" && w.taken[first] != module {
		w.imports["import "+module] = true
		return w.sized(strings.TrimSuffix(module+"."+qualname, ".")), nil
	}
	w.taken[first] = module
	w.imports["from "+module+" import "+first] = true
	return w.sized(qualname), nil
}

func (w *writer) call(callee string, v incident.Value, depth int) (string, *lost) {
	args, l := w.all(v.Items, "", depth)
	if l != nil {
		return "", l
	}
	named, l := w.named(v.Fields, depth)
	w.mutable = true
	return w.sized(callee + "(" + strings.Join(append(args, named...), ", ") + ")"), l
}

func (w *writer) named(fields []incident.Variable, depth int) ([]string, *lost) {
	var made []string
	for _, f := range fields {
		if !identifier.MatchString(f.Name) || keyword[f.Name] {
			return nil, unreadable("has an argument called %s", text.Line(f.Name, 40))
		}
		source, l := w.expression(f.Value, f.Name, depth+1)
		if l != nil {
			return nil, l
		}
		made = append(made, f.Name+"="+source)
	}
	return made, nil
}

func (w *writer) member(v incident.Value, hint string, depth int) (string, *lost) {
	if !identifier.MatchString(v.Type) || strings.HasPrefix(v.Type, "__") || len(v.Items) != 1 {
		return "", unreadable("is a method called %s", text.Line(v.Type, 40))
	}
	owner := v.Items[0]
	source, l := w.expression(owner, "", depth+1)
	return source + "." + v.Type, l
}

// object writes an instance: by its constructor, where that keeps what it is given
// and all of it was recorded; else without it, one attribute after the other, which
// may refer to the object itself.
func (w *writer) object(v incident.Value, hint string, depth, id int) (string, *lost) {
	class, l := w.name(v.Type, nil)
	if l != nil {
		return "", l
	}
	w.mutable = true
	if source, rest, ok := w.constructed(class, v, depth); ok {
		if id == 0 && len(rest) == 0 {
			return source, nil
		}
		return w.assigned(v, source, rest, hint, depth, id)
	}
	source, l := w.bare(class, v, hint, depth)
	if l != nil {
		return "", l
	}
	return w.assigned(v, source, v.Fields, hint, depth, id)
}

// constructed is the constructor's call and the attributes that it does not take.
func (w *writer) constructed(class string, v incident.Value, depth int) (source string, rest []incident.Variable, ok bool) {
	if v.Init == nil || v.Base != nil || len(v.Items) > 0 {
		return "", nil, false
	}
	values, taken := map[string]incident.Value{}, map[string]bool{}
	for _, f := range v.Fields {
		values[f.Name] = f.Value
	}
	var fields []incident.Variable
	for _, p := range v.Init {
		param, attr, renamed := strings.Cut(p, "=")
		if !renamed {
			attr = param
		}
		value, there := values[attr]
		if !there {
			return "", nil, false
		}
		taken[attr] = true
		fields = append(fields, incident.Variable{Name: param, Value: value})
	}
	before := w.mark()
	args, l := w.named(fields, depth)
	if l != nil {
		w.restore(before)
		return "", nil, false
	}
	for _, f := range v.Fields {
		if !taken[f.Name] && !strings.HasPrefix(f.Name, "__") { // a library's own, which its constructor sees to
			rest = append(rest, f)
		}
	}
	return w.sized(class + "(" + strings.Join(args, ", ") + ")"), rest, true
}

// bare is an instance's creation without its constructor.
func (w *writer) bare(class string, v incident.Value, hint string, depth int) (string, *lost) {
	args, l := w.all(v.Items, "", depth)
	if l != nil {
		return "", l
	}
	maker := class
	if v.Base != nil {
		if maker = immutableBase(*v.Base); maker != "" {
			base := *v.Base
			source, l := w.expression(base, hint, depth+1)
			return w.sized(maker + ".__new__(" + class + ", " + source + ")"), l
		}
		maker = class
	}
	return w.sized(maker + ".__new__(" + strings.Join(append([]string{class}, args...), ", ") + ")"), nil
}

// immutableBase is the built-in type whose content an instance gets when it is
// created, "" for those that are filled afterwards.
func immutableBase(base incident.Value) string {
	switch base.Kind {
	case incident.KindList:
		if base.Type == "tuple" || base.Type == "frozenset" {
			return base.Type
		}
	case incident.KindRepr:
		switch r := base.Repr; {
		case strings.HasPrefix(r, "b"):
			return "bytes"
		case strings.HasPrefix(r, "'") || strings.HasPrefix(r, `"`):
			return "str"
		case strings.ContainsAny(r, ".en"):
			return "float"
		}
		return "int"
	}
	return ""
}

// assigned gives an instance a variable, its content and its attributes.
func (w *writer) assigned(v incident.Value, source string, attrs []incident.Variable, hint string, depth, id int) (string, *lost) {
	name := w.variable(v, hint)
	if id != 0 {
		w.names[id] = name
	}
	w.state("%s = %s", name, source)
	if v.Base != nil && immutableBase(*v.Base) == "" {
		if l := w.filled(name, *v.Base, hint, depth); l != nil {
			return "", l
		}
	}
	for _, a := range attrs {
		if !identifier.MatchString(a.Name) || keyword[a.Name] {
			return "", unreadable("has an attribute called %s", text.Line(a.Name, 40))
		}
		value, l := w.expression(a.Value, a.Name, depth+1)
		if l != nil {
			return "", within(a.Name, l)
		}
		if v.Guarded || strings.HasPrefix(a.Name, "__") {
			w.state("object.__setattr__(%s, %s, %s)", name, quote(a.Name), value)
		} else {
			w.state("%s.%s = %s", name, a.Name, value)
		}
	}
	return name, nil
}

// within says in which attribute something was lost.
func within(attribute string, l *lost) *lost {
	const has = "has the attribute "
	if rest, deeper := strings.CutPrefix(l.why, has); deeper {
		return &lost{has + text.Line(attribute, 40) + "." + rest, l.kind}
	}
	return &lost{has + text.Line(attribute, 40) + ", which " + l.why, l.kind}
}

// filled puts into an instance of a container's subclass what it holds.
func (w *writer) filled(name string, base incident.Value, hint string, depth int) *lost {
	content, l := w.fresh(base, hint, depth)
	if l != nil {
		return l
	}
	method := map[string]string{"list": "list.extend", "set": "set.update"}[base.Type]
	if base.Kind == incident.KindDict {
		method = "dict.update"
		if base.Type != "" {
			mapping, l := w.name(base.Type, mentionable)
			if l != nil {
				return l
			}
			method = mapping + ".update"
		}
	}
	w.state("%s(%s, %s)", method, name, content)
	return nil
}

func (w *writer) state(format string, args ...any) {
	w.setup = append(w.setup, w.sized(fmt.Sprintf(format, args...)))
}

// variable returns a new name for a value: that of the attribute or variable it
// was found in, else its class's.
func (w *writer) variable(v incident.Value, hint string) string {
	base := snake(hint)
	if base == "" || base == "self" || base == "cls" {
		_, class, _ := strings.Cut(v.Type, ":")
		base = snake(incident.BareName(class))
	}
	if base == "" || keyword[base] {
		base = "value"
	}
	name := base
	for n := 2; w.taken[name] != ""; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	w.taken[name] = "variable"
	return name
}

// mark and restore undo what an attempt has written.
type mark struct {
	setup   int
	names   map[int]string
	imports map[string]bool
	mutable bool
}

func (w *writer) mark() mark {
	return mark{len(w.setup), maps.Clone(w.names), maps.Clone(w.imports), w.mutable}
}

func (w *writer) restore(m mark) {
	w.setup, w.names, w.imports, w.mutable = w.setup[:m.setup], m.names, m.imports, m.mutable
}

var wordEnd = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// snake is a name in the form of variables, "" if it cannot be one.
func snake(name string) string {
	name = strings.Trim(strings.ToLower(wordEnd.ReplaceAllString(name, "${1}_$2")), "_")
	if !identifier.MatchString(name) || len(name) > 40 {
		return ""
	}
	return name
}

// singular is what an item of a container is called.
func singular(name string) string {
	if len(name) > 3 && strings.HasSuffix(name, "s") && !strings.HasSuffix(name, "ss") {
		return strings.TrimSuffix(name, "s")
	}
	return ""
}

func cmpName(name, other string) string {
	if snake(name) != "" {
		return name
	}
	return other
}

var keyword = words(`False None True and as assert async await break class continue def del elif else except finally for from global if import
	in is lambda nonlocal not or pass raise return try while with yield`)

// broken breaks a statement that is too long after the items of its outermost
// brackets.
func broken(statement string, indent int) string {
	if indent+len(statement) <= maxTestLine {
		return statement
	}
	var cuts []int
	depth, quoteMark := 0, byte(0)
	for i := 0; i < len(statement); i++ {
		c := statement[i]
		switch {
		case quoteMark != 0 && c == '\\':
			i++
		case quoteMark != 0:
			if c == quoteMark {
				quoteMark = 0
			}
		case c == '\'' || c == '"':
			quoteMark = c
		case c == '(' || c == '[' || c == '{':
			if depth++; depth == 1 {
				cuts = append(cuts, i+1)
			}
		case c == ')' || c == ']' || c == '}':
			if depth--; depth == 0 {
				cuts = append(cuts, i)
			}
		case c == ',' && depth == 1:
			cuts = append(cuts, i+1)
		}
	}
	if len(cuts) < 3 || quoteMark != 0 || strings.Count(statement, "\n") > 0 {
		return statement
	}
	pad := strings.Repeat(" ", indent)
	var b strings.Builder
	last := 0
	for i, cut := range cuts {
		part := strings.TrimSpace(statement[last:cut])
		if i > 0 && part != "" {
			b.WriteString("\n" + pad + "    ")
		}
		b.WriteString(part)
		if i == len(cuts)-1 && part != "" && !strings.HasSuffix(part, ",") {
			b.WriteString(",")
		}
		last = cut
	}
	b.WriteString("\n" + pad + statement[last:])
	return b.String()
}
