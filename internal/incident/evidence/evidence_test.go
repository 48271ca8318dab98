package evidence

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/repaird/repaird/internal/fault"
	"github.com/repaird/repaird/internal/incident"
)

// document is one with a frame that has a local called v.
func document(node string) string {
	return `{"version":1,"exceptions":[{"type":"builtins:KeyError","frames":[
		{"file":"/srv/shop/cart.py","function":"Cart.total","line":7,"locals":[["v",` + node + `]],"entry":["v"]}]}]}`
}

func event() incident.Event {
	return incident.Event{Exceptions: []incident.Exception{{Type: "KeyError", Frames: []incident.Frame{
		{File: "manage.py", Function: "<module>", Line: 3},
		{File: "shop/cart.py", Function: "total", Line: 7, Cut: true},
	}}}}
}

// value decodes a node into the value of the event's local.
func value(t *testing.T, node string, locals ...incident.Variable) incident.Value {
	t.Helper()
	doc, err := Decode([]byte(document(node)))
	if err != nil {
		t.Fatal(err)
	}
	e := event()
	e.Exceptions[0].Frames[1].Locals = locals
	doc.AddTo(&e)
	f := e.Exceptions[0].Frames[1]
	if len(f.Locals) != 1 || f.Cut || !f.HasVars || !f.Locals[0].Entry {
		t.Fatalf("the frame is %+v", f)
	}
	return f.Locals[0].Value
}

func repr(s string) incident.Value { return incident.Value{Kind: incident.KindRepr, Repr: s} }

func TestNodesBecomeValues(t *testing.T) {
	t.Parallel()
	one := []incident.Value{repr("1")}
	for name, tt := range map[string]struct {
		node string
		want incident.Value
	}{
		"a text":              {`"it's"`, repr(`"it's"`)},
		"a number":            {`-1.5e300`, repr("-1.5e300")},
		"a large number":      {`123456789012345678901234567890`, repr("123456789012345678901234567890")},
		"none":                {`null`, repr("None")},
		"true":                {`true`, repr("True")},
		"source":              {`{"repr":"Decimal('1')"}`, repr("Decimal('1')")},
		"a tuple":             {`{"tuple":[1]}`, incident.Value{Kind: incident.KindList, Type: "tuple", Items: one}},
		"a list that was cut": {`{"list":[1],"len":9}`, incident.Value{Kind: incident.KindList, Type: "list", Items: one, Trimmed: true}},
		"a dict": {`{"dict":[[{"tuple":[1]},2],["k",1]]}`, incident.Value{
			Kind: incident.KindDict, Keys: []incident.Value{{Kind: incident.KindList, Type: "tuple", Items: one}, repr("'k'")},
			Fields: []incident.Variable{{Name: "(1,)", Value: repr("2")}, {Name: "k", Value: repr("1")}},
		}},
		"a name":      {`{"name":"shop:Color.RED"}`, incident.Value{Kind: incident.KindName, Type: "shop:Color.RED"}},
		"a method":    {`{"method":"total","self":1}`, incident.Value{Kind: incident.KindMember, Type: "total", Items: one}},
		"a call":      {`{"call":"re:compile","args":[1],"kwargs":[["flags",2]]}`, incident.Value{Kind: incident.KindCall, Type: "re:compile", Items: one, Fields: []incident.Variable{{Name: "flags", Value: repr("2")}}}},
		"a reference": {`{"ref":3}`, incident.Value{Kind: incident.KindRef, ID: 3}},
		"an object": {`{"object":"shop:Line","init":["sku",["n","_n"]],"attrs":[["sku",1]],"id":3,"guarded":true}`, incident.Value{
			Kind: incident.KindObject, Type: "shop:Line", Init: []string{"sku", "n=_n"}, Fields: []incident.Variable{{Name: "sku", Value: repr("1")}}, ID: 3, Guarded: true,
		}},
		"an instance of a dict's subclass": {`{"object":"shop:Table","dict":[]}`, incident.Value{
			Kind: incident.KindObject, Type: "shop:Table", Base: &incident.Value{Kind: incident.KindDict, Keys: []incident.Value{}},
		}},
		"an instance of another mapping's subclass": {`{"object":"shop:Table","dict":[],"mapping":"collections:OrderedDict"}`, incident.Value{
			Kind: incident.KindObject, Type: "shop:Table", Base: &incident.Value{Kind: incident.KindDict, Type: "collections:OrderedDict", Keys: []incident.Value{}},
		}},
		"a named tuple": {`{"object":"shop:Point","tuple":[1],"fields":["x"]}`, incident.Value{
			Kind: incident.KindCall, Type: "shop:Point", Fields: []incident.Variable{{Name: "x", Value: repr("1")}},
		}},
		"an object with some attributes left out": {`{"object":"shop:A","missing":3}`, incident.Value{Kind: incident.KindObject, Type: "shop:A", Trimmed: true}},
		"a generator":              {`{"opaque":"builtins:generator"}`, repr("<builtins.generator object>")},
		"what was too deep":        {`{"cut":"depth","type":"shop:A"}`, incident.Value{Kind: incident.KindRepr, Repr: "<shop.A object>", Trimmed: true}},
		"a text that was too long": {`{"cut":"length","head":"abc","len":9}`, incident.Value{Kind: incident.KindRepr, Repr: "'abc'", Trimmed: true}},
		"a secret":                 {`{"cut":"secret"}`, incident.Value{Kind: incident.KindRepr, Repr: "'[Filtered]'", Filtered: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, value(t, tt.node)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTheBetterOfTwoRecordsIsKept(t *testing.T) {
	t.Parallel()
	local := func(v incident.Value) incident.Variable { return incident.Variable{Name: "v", Value: v} }
	for name, tt := range map[string]struct {
		sdk  incident.Value
		node string
		want incident.Value
	}{
		"the recorder's, with the SDK's repr": {
			repr("<Cart object at 0x7f>"), `{"object":"shop:Cart"}`,
			incident.Value{Kind: incident.KindObject, Type: "shop:Cart", Repr: "<Cart object at 0x7f>"},
		},
		"the recorder's, where the SDK cut": {
			incident.Value{Kind: incident.KindList, Items: []incident.Value{repr("1")}, Suspect: true}, `{"list":[1,2]}`,
			incident.Value{Kind: incident.KindList, Type: "list", Items: []incident.Value{repr("1"), repr("2")}},
		},
		"the reprs of a container's items": {
			incident.Value{Kind: incident.KindDict, Fields: []incident.Variable{{Name: "'k'", Value: repr("<A>")}}}, `{"dict":[["k",{"object":"m:A"}]]}`,
			incident.Value{
				Kind: incident.KindDict, Keys: []incident.Value{repr("'k'")},
				Fields: []incident.Variable{{Name: "k", Value: incident.Value{Kind: incident.KindObject, Type: "m:A", Repr: "<A>"}}},
			},
		},
		"the SDK's, where the recorder had no time":      {repr("5"), `{"cut":"time"}`, repr("5")},
		"the SDK's repr of what the recorder cannot see": {repr("<Session 5>"), `{"opaque":"m:Session"}`, repr("<Session 5>")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, value(t, tt.node, local(tt.sdk))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestFramesWithoutACounterpartAreLeftOut(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*incident.Event){
		"another line":      func(e *incident.Event) { e.Exceptions[0].Frames[1].Line = 8 },
		"another function":  func(e *incident.Event) { e.Exceptions[0].Frames[1].Function = "count" },
		"another file":      func(e *incident.Event) { e.Exceptions[0].Frames[1].File = "shop/order.py" },
		"another exception": func(e *incident.Event) { e.Exceptions[0].Type = "ValueError" },
		"no exception":      func(e *incident.Event) { e.Exceptions = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, err := Decode([]byte(document("1")))
			if err != nil {
				t.Fatal(err)
			}
			e := event()
			change(&e)
			doc.AddTo(&e)
			for _, x := range e.Exceptions {
				if f := x.Frames[1]; f.HasVars || !f.Cut {
					t.Errorf("the frame became %+v", f)
				}
			}
		})
	}
}

func TestEachOfARecursionsFramesGetsItsOwnValues(t *testing.T) {
	t.Parallel()
	frame := `{"file":"a.py","function":"f","line":2,"locals":[["n",%d]]}`
	doc, err := Decode(fmt.Appendf(nil, `{"version":1,"exceptions":[{"type":"builtins:KeyError","frames":[`+frame+`,`+frame+`]}],"task":"nightly","facts":[["beta",true]]}`, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	f := incident.Frame{File: "a.py", Function: "f", Line: 2}
	e := incident.Event{Exceptions: []incident.Exception{{Type: "KeyError", Frames: []incident.Frame{f, f, f}}}}
	doc.AddTo(&e)
	var got []string
	for _, f := range e.Exceptions[0].Frames {
		for _, v := range f.Locals {
			got = append(got, v.Name+"="+v.Value.Repr)
		}
	}
	if s := strings.Join(got, " "); s != "n=1 n=2" || e.Exceptions[0].Frames[0].Locals != nil {
		t.Errorf("got %s", s)
	}
	if e.Environment.Task != "nightly" || len(e.Environment.Facts) != 1 {
		t.Errorf("got %+v", e.Environment)
	}
}

func TestHostileDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		kind fault.Kind
	}{
		"no JSON":             {"{", fault.Invalid},
		"another version":     {`{"version":2}`, fault.Invalid},
		"an unknown node":     {document(`{"magic":1}`), fault.Invalid},
		"a bare list":         {document(`[1]`), fault.Invalid},
		"a dict of no pairs":  {document(`{"dict":[1]}`), fault.Invalid},
		"nested without end":  {document(strings.Repeat(`{"list":[`, 2000) + strings.Repeat(`]}`, 2000)), fault.Budget},
		"too many values":     {document(`{"list":[` + strings.Repeat(`{"tuple":[`+strings.TrimSuffix(strings.Repeat("1,", 4000), ",")+`]},`, 30) + `1]}`), fault.Budget},
		"too large a list":    {document(`{"list":[` + strings.Repeat("1,", 6000) + `1]}`), fault.Budget},
		"more than a million": {document(`"` + strings.Repeat("x", MaxBytes) + `"`), fault.Budget},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Decode([]byte(tt.text)); fault.KindOf(err) != tt.kind {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, node := range []string{`1`, `{"object":"m:A","attrs":[["a",{"ref":1}]],"id":1}`, `{"dict":[[1,2]]}`, `{"cut":"secret","head":"x"}`, `{"method":"f","self":{"name":"m"}}`} {
		f.Add([]byte(document(node)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Decode(data)
		if err != nil {
			return
		}
		e := event()
		doc.AddTo(&e)
		for _, v := range e.Exceptions[0].Frames[1].Locals {
			if strings.ContainsRune(v.Name+v.Value.Text(5, 10), 0) {
				t.Errorf("NUL in %q", v.Value.Text(5, 10))
			}
		}
	})
}
