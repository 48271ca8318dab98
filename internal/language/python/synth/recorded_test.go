package synth

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/incident"
	"github.com/repaird/repaird/internal/language"
)

func leaf(s string) incident.Value { return incident.Value{Kind: incident.KindRepr, Repr: s} }

func attributes(names string, values ...incident.Value) []incident.Variable {
	var made []incident.Variable
	for i, name := range strings.Fields(names) {
		made = append(made, incident.Variable{Name: name, Value: values[i]})
	}
	return made
}

// written writes a value as a test would have it, in a tree with the module shop.
func writtenValue(v incident.Value) (source string, w *writer, l *lost) {
	objects, texts := map[int]incident.Value{}, map[string]bool{}
	collect(&v, objects)
	leaves(v, texts, 0)
	known := map[string]literal{}
	for text := range texts {
		known[text] = literal{Source: text}
		if strings.HasPrefix(text, "<") {
			known[text] = literal{Error: "not a value"}
		}
	}
	w = newWriter(known, objects, func(module string) bool { return module == "shop" || module == "shop.b" })
	w.count(v)
	source, l = w.expression(v, "order", 0)
	return source, w, l
}

func TestRecordedValuesBecomeSource(t *testing.T) {
	t.Parallel()
	object := func(class string, fields ...incident.Variable) incident.Value {
		return incident.Value{Kind: incident.KindObject, Type: class, Fields: fields}
	}
	line := object("shop:Line", attributes("sku qty", leaf("'a'"), leaf("2"))...)
	line.Init = []string{"sku", "qty"}
	renamed := object("shop:Line", attributes("_n note", leaf("1"), leaf("'x'"))...)
	renamed.Init = []string{"n=_n"}
	incomplete := object("shop:Line", attributes("sku", leaf("'a'"))...)
	incomplete.Init = []string{"sku", "qty"}
	shared := incident.Value{Kind: incident.KindList, Type: "list", Items: []incident.Value{leaf("1")}, ID: 1}
	ref := incident.Value{Kind: incident.KindRef, ID: 1}
	self := object("shop:Node", attributes("next", ref)...)
	self.ID = 1
	guarded := object("shop:Frozen", attributes("a", leaf("1"))...)
	guarded.Guarded = true
	table := object("shop:Table", attributes("extra", leaf("1"))...)
	table.Base = &incident.Value{Kind: incident.KindDict, Keys: []incident.Value{leaf("3")}, Fields: attributes("3", leaf("4"))}
	ordered := object("shop:Ordered")
	ordered.Base = &incident.Value{Kind: incident.KindDict, Type: "collections:OrderedDict", Keys: table.Base.Keys, Fields: table.Base.Fields}
	cents := object("shop:Cents")
	base := leaf("5")
	cents.Base = &base
	failure := object("shop:Failure", attributes("code", leaf("7"))...)
	failure.Items = []incident.Value{leaf("'no'")}
	for name, tt := range map[string]struct {
		value incident.Value
		want  string // imports, statements and the expression, on one line each
	}{
		"a tuple of one": {incident.Value{Kind: incident.KindList, Type: "tuple", Items: []incident.Value{leaf("1")}}, "(1,)"},
		"an empty set":   {incident.Value{Kind: incident.KindList, Type: "set"}, "set()"},
		"a frozen set":   {incident.Value{Kind: incident.KindList, Type: "frozenset", Items: []incident.Value{leaf("1")}}, "frozenset({1})"},
		"a dict":         {incident.Value{Kind: incident.KindDict, Keys: []incident.Value{leaf("None")}, Fields: attributes("None", leaf("1"))}, "{None: 1}"},
		"a member":       {incident.Value{Kind: incident.KindName, Type: "shop:Color.RED"}, "from shop import Color|Color.RED"},
		"a module":       {incident.Value{Kind: incident.KindName, Type: "json"}, "import json|json"},
		"a built-in":     {incident.Value{Kind: incident.KindName, Type: "builtins:len"}, "len"},
		"a pattern":      {incident.Value{Kind: incident.KindCall, Type: "re:compile", Items: []incident.Value{leaf("'a'")}}, "import re|re.compile('a')"},
		"a named tuple":  {incident.Value{Kind: incident.KindCall, Type: "shop:P", Fields: attributes("x", leaf("1"))}, "from shop import P|P(x=1)"},
		"a record":       {line, "from shop import Line|Line(sku='a', qty=2)"},
		"another attribute than the parameter, and one more": {renamed, "from shop import Line|order = Line(n=1)|order.note = 'x'|order"},
		"a record of which something is missing":             {incomplete, "from shop import Line|order = Line.__new__(Line)|order.sku = 'a'|order"},
		"one object twice":                                   {incident.Value{Kind: incident.KindList, Type: "list", Items: []incident.Value{shared, ref}}, "value = [1]|[value, value]"},
		"an object that refers to itself":                    {self, "from shop import Node|order = Node.__new__(Node)|order.next = order|order"},
		"an object that guards":                              {guarded, `from shop import Frozen|order = Frozen.__new__(Frozen)|object.__setattr__(order, "a", 1)|order`},
		"an instance of a dict's subclass":                   {table, "from shop import Table|order = Table.__new__(Table)|dict.update(order, {3: 4})|order.extra = 1|order"},
		"an instance of another mapping's":                   {ordered, "from collections import OrderedDict|from shop import Ordered|order = Ordered.__new__(Ordered)|OrderedDict.update(order, {3: 4})|order"},
		"an instance of an integer's":                        {cents, "from shop import Cents|order = int.__new__(Cents, 5)|order"},
		"an exception":                                       {failure, "from shop import Failure|order = Failure.__new__(Failure, 'no')|order.code = 7|order"},
		"a method":                                           {incident.Value{Kind: incident.KindMember, Type: "total", Items: []incident.Value{line}}, "from shop import Line|Line(sku='a', qty=2).total"},
		"two classes of one name":                            {incident.Value{Kind: incident.KindList, Type: "list", Items: []incident.Value{{Kind: incident.KindName, Type: "shop:A"}, {Kind: incident.KindName, Type: "shop.b:A"}}}, "from shop import A|import shop.b|[A, shop.b.A]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, w, l := writtenValue(tt.value)
			if l != nil {
				t.Fatal(l)
			}
			got := append(append(slices.Sorted(maps.Keys(w.imports)), w.setup...), source)
			if s := strings.Join(got, "|"); s != tt.want {
				t.Errorf("got  %s\nwant %s", s, tt.want)
			}
		})
	}
}

func TestWhatAnEventMayNotNameIsNotWritten(t *testing.T) {
	t.Parallel()
	call := func(name string) incident.Value { return incident.Value{Kind: incident.KindCall, Type: name} }
	name := func(name string) incident.Value { return incident.Value{Kind: incident.KindName, Type: name} }
	with := func(field string) incident.Value {
		return incident.Value{Kind: incident.KindObject, Type: "shop:A", Fields: attributes(field, leaf("1"))}
	}
	cyclic := incident.Value{Kind: incident.KindList, Type: "list", ID: 1, Items: []incident.Value{{Kind: incident.KindRef, ID: 1}}}
	argument := call("shop:A")
	argument.Fields = []incident.Variable{{Name: "a=__import__('os')", Value: leaf("1")}}
	for what, v := range map[string]incident.Value{
		"a call of the system":             call("os:system"),
		"a call of what may only be named": call("builtins:print"),
		"a function of the system":         name("subprocess:run"),
		"a module":                         name("ctypes"),
		"a dunder":                         name("shop:A.__subclasses__"),
		"a name that is code":              name("shop:A;import os"),
		"a module that is code":            name("shop\nimport os"),
		"a local class":                    {Kind: incident.KindObject, Type: "shop:<locals>.A"},
		"a library's object":               {Kind: incident.KindObject, Type: "requests:Session"},
		"an attribute that is code":        {Kind: incident.KindObject, Type: "shop:A", Fields: []incident.Variable{{Name: "a = 1; b", Value: leaf("1")}}},
		"an attribute that is a keyword":   with("class"),
		"an argument that is code":         argument,
		"a method that is code":            {Kind: incident.KindMember, Type: "a()", Items: []incident.Value{name("shop:A")}},
		"a method that is a dunder":        {Kind: incident.KindMember, Type: "__class__", Items: []incident.Value{name("shop:A")}},
		"a repr of an object":              leaf("<Session>"),
		"a list that contains itself":      cyclic,
		"a reference to nothing":           {Kind: incident.KindRef, ID: 9},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if source, w, l := writtenValue(v); l == nil {
				t.Errorf("wrote %s %q", source, w.setup)
			}
		})
	}
	for kind, v := range map[language.Loss]incident.Value{
		language.Filtered: {Kind: incident.KindObject, Type: "shop:A", Fields: []incident.Variable{{Name: "a", Value: incident.Value{Kind: incident.KindRepr, Filtered: true}}}},
		language.Cut:      {Kind: incident.KindList, Type: "list", Trimmed: true},
	} {
		if _, _, l := writtenValue(v); l == nil || l.kind != kind {
			t.Errorf("got %+v, want %d", l, kind)
		}
	}
}

func TestLongStatementsAreBrokenAtTheirItems(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 50)
	for in, want := range map[string]string{
		"f(a=1, b=2)":                                 "f(a=1, b=2)",
		"f(a='" + long + "', b='" + long + "')":       "f(\n        a='" + long + "',\n        b='" + long + "',\n    )",
		"x = ['(" + long + "', {1: '," + long + "'}]": "x = [\n        '(" + long + "',\n        {1: '," + long + "'},\n    ]",
	} {
		if got := broken(in, 4); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
