package equality_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/trace/equality"
	"github.com/repaird/repaird/internal/trace/wire"
)

func decode(t *testing.T, text string) wire.Value {
	t.Helper()
	v := wire.Body(`"v":` + text + `}`).Value("v")
	if v == nil {
		t.Fatalf("no value: %s", text)
	}
	return *v
}

func TestWhatARecordTellsOfTwoValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, a, b string
		want       equality.Known
	}{
		{"equal literals are equal", `"'abc'"`, `"'abc'"`, equality.Equal},
		{"unequal literals differ", `"'abc'"`, `"'abd'"`, equality.Different},
		{"types differ", `"1"`, `"'1'"`, equality.Different},
		{"a list by its class and length tells nothing of its content", `{"t":"list","id":1,"n":2,"r":"[1, 2]","lit":1}`, `{"t":"list","id":1,"n":2,"cut":1}`, equality.Unknown},
		{"nor do two of them", `{"t":"list","id":1,"n":2,"cut":1}`, `{"t":"list","id":1,"n":2,"cut":1}`, equality.Unknown},
		{"another length differs", `{"t":"list","id":1,"n":2,"r":"[1, 2]","lit":1}`, `{"t":"list","id":1,"n":3,"cut":1}`, equality.Different},
		{"a literal and its items are one value", `{"t":"list","id":1,"n":2,"r":"[1, 'a, b']","lit":1}`, `{"t":"list","id":4,"n":2,"e":["1","'a, b'"]}`, equality.Equal},
		{"items that were recorded differ", `{"t":"list","n":90,"e":["1","2"],"cut":1}`, `{"t":"list","n":90,"e":["1","3"],"cut":1}`, equality.Different},
		{"items beyond the cut are not known", `{"t":"list","n":90,"e":["1","2"],"cut":1}`, `{"t":"list","n":90,"e":["1"],"cut":1}`, equality.Unknown},
		{"a tuple's length is counted", `"(1, 2)"`, `{"t":"tuple","n":3,"cut":1}`, equality.Different},
		{"a tuple of that length may be equal", `"(1, 2)"`, `{"t":"tuple","n":2,"cut":1}`, equality.Unknown},
		{"the text of a cut str is a beginning", `{"t":"str","r":"'ab'","n":9,"cut":1}`, `"'abcdefghi'"`, equality.Unknown},
		{"which the other may not have", `{"t":"str","r":"'ab'","n":9,"cut":1}`, `"'bbcdefghi'"`, equality.Different},
		{"or be too short for", `{"t":"str","r":"'ab'","n":9,"cut":1}`, `"'abc'"`, equality.Different},
		{"quotes depend on what was cut off", `{"t":"str","r":"\"it's\"","n":6,"cut":1}`, `"'it\\'s \"'"`, equality.Unknown},
		{"what a mask hides is not known", `{"t":"str","r":"'key <masked> a'","n":20,"cut":1}`, `"'key abcdefghijklmnop'"`, equality.Unknown},
		{"what stands before it is", `{"t":"str","r":"'key <masked> a'","n":20,"cut":1}`, `"'Key abcdefghijklmnop'"`, equality.Different},
		{"a masked value is not known", `{"t":"str","masked":1}`, `{"t":"str","masked":1}`, equality.Unknown},
		{"a text of a class of its own is cut without a mark", `{"t":"S","m":"a","r":"'ab'","n":9}`, `{"t":"S","m":"a","r":"'ab'","n":9}`, equality.Unknown},
		{"bits of large numbers differ", `{"t":"int","n":300,"cut":1}`, `{"t":"int","n":301,"cut":1}`, equality.Different},
		{"the order of a dict does not count", `{"t":"dict","n":2,"r":"{'a': 1, 'b': 2}","lit":1}`, `{"t":"dict","n":2,"kv":[["'b'","2"],["'a'","1"]]}`, equality.Equal},
		{"a key that is not shown may be there", `{"t":"dict","n":2,"kv":[["'a'","1"]],"cut":1}`, `{"t":"dict","n":2,"kv":[["'b'","1"]],"cut":1}`, equality.Unknown},
		{"a key that a whole dict lacks is not", `{"t":"dict","n":2,"kv":[["'a'","1"]],"cut":1}`, `{"t":"dict","n":2,"r":"{'b': 1, 'c': 2}","lit":1}`, equality.Different},
		{"the order of a set does not count", `{"t":"set","n":2,"r":"{1, 2}","lit":1}`, `{"t":"set","n":2,"r":"{2, 1}","lit":1}`, equality.Equal},
		{"a cut inside makes the whole unknown", `{"t":"list","n":1,"e":[{"t":"list","n":2,"cut":1}]}`, `{"t":"list","n":1,"r":"[[1, 2]]","lit":1}`, equality.Unknown},
		{"attributes differ", `{"t":"P","m":"a","id":1,"f":[["x","1"]]}`, `{"t":"P","m":"a","id":1,"f":[["x","2"]]}`, equality.Different},
		{"attributes are equal, identities do not count", `{"t":"P","m":"a","id":1,"f":[["x","1"]]}`, `{"t":"P","m":"a","id":2,"f":[["x","1"]]}`, equality.Equal},
		{"attributes that were left out are not known", `{"t":"P","m":"a","f":[["x","1"],["...",{"t":"?","cut":1}]],"cut":1}`, `{"t":"P","m":"a","f":[["x","1"],["y","1"]]}`, equality.Unknown},
		{"an object by its class alone tells nothing", `{"t":"P","m":"a","id":1}`, `{"t":"P","m":"a","id":1}`, equality.Unknown},
		{"an object that is its attributes alone may have none", `{"t":"P","m":"a","id":1,"new":"a.P"}`, `{"t":"P","m":"a","id":1,"new":"a.P"}`, equality.Equal},
		{"of an array the shape tells", `{"t":"ndarray","m":"numpy","id":1,"n":4,"sh":[2,2],"e":["1"],"cut":1}`, `{"t":"ndarray","m":"numpy","id":1,"n":4,"sh":[4],"e":["1"],"cut":1}`, equality.Different},
		{"an expression and its value are written in different ways", `{"t":"list","n":1,"r":"[datetime.date(2024, 1, 2)]","re":"x"}`, `{"t":"list","n":1,"e":[{"t":"date","m":"datetime","r":"date(2024, 1, 2)","re":"datetime.date(2024, 1, 2)"}]}`, equality.Unknown},
		{"an expression and another differ", `{"t":"list","n":1,"r":"[datetime.date(2024, 1, 2)]","re":"x"}`, `{"t":"list","n":1,"r":"[datetime.date(2024, 1, 3)]","re":"x"}`, equality.Different},
		{"a cycle to the same place is equal", `{"t":"N","m":"a","id":1,"f":[["up",{"t":"N","m":"a","id":1,"cyc":1}]]}`, `{"t":"N","m":"a","id":7,"f":[["up",{"t":"N","m":"a","id":7,"cyc":1}]]}`, equality.Equal},
		{"what the tracer could not read is not known", `{"t":"?","cut":1}`, `"1"`, equality.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := decode(t, c.a), decode(t, c.b)
			if got := equality.Compare(&a, &b); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
			if got := equality.Compare(&b, &a); got != c.want {
				t.Errorf("the other way round got %d, want %d", got, c.want)
			}
		})
	}
}

// A thing is a Python value that records are written of: nil, an int, a string, or
// one of parts.
type thing struct {
	kind  string // None int str list tuple dict set P
	n     int
	s     string
	parts []thing
	names []string // of the parts of a dict or an object
}

func makeThing(r *rand.Rand, depth int) thing {
	kinds := []string{"None", "int", "str", "str", "list", "tuple", "dict", "set", "P"}
	k := kinds[r.IntN(len(kinds))]
	if depth == 0 {
		k = kinds[r.IntN(4)]
	}
	x := thing{kind: k, n: r.IntN(4)}
	switch k {
	case "str":
		const letters = `ab'"\é,:[`
		for range r.IntN(7) {
			runes := []rune(letters)
			x.s += string(runes[r.IntN(len(runes))])
		}
	case "list", "tuple":
		for range r.IntN(4) {
			x.parts = append(x.parts, makeThing(r, depth-1))
		}
	case "dict", "P":
		for _, i := range r.Perm(4)[:r.IntN(4)] {
			x.names = append(x.names, string(rune('a'+i)))
			x.parts = append(x.parts, makeThing(r, depth-1))
		}
	case "set":
		for _, i := range r.Perm(4)[:1+r.IntN(3)] {
			x.parts = append(x.parts, thing{kind: "int", n: i})
		}
	}
	return x
}

// change changes one thing, so that near misses are frequent.
func change(r *rand.Rand, x thing) thing {
	x.parts, x.names = slices.Clone(x.parts), slices.Clone(x.names)
	if len(x.parts) > 0 && r.IntN(3) > 0 {
		i := r.IntN(len(x.parts))
		if x.kind == "set" {
			x.parts[i].n = 7
		} else {
			x.parts[i] = change(r, x.parts[i])
		}
		return x
	}
	switch x.kind {
	case "int":
		x.n++
	case "str":
		x.s += "b"
	default:
		return makeThing(r, 1)
	}
	return x
}

// canonical says all of a thing: equal things have equal ones.
func (x thing) canonical() string {
	var parts []string
	for i, p := range x.parts {
		name := ""
		if x.names != nil {
			name = x.names[i]
		}
		parts = append(parts, name+"="+p.canonical())
	}
	if x.kind == "dict" || x.kind == "set" || x.kind == "P" {
		slices.Sort(parts)
	}
	if x.kind != "int" {
		x.n = 0
	}
	return fmt.Sprintf("%s %d %q %q", x.kind, x.n, x.s, parts)
}

// text is a thing as Python writes it.
func (x thing) text() string {
	switch x.kind {
	case "None":
		return "None"
	case "int":
		return strconv.Itoa(x.n)
	case "str":
		return pythonText(x.s)
	}
	var parts []string
	for i, p := range x.parts {
		if x.names != nil {
			parts = append(parts, pythonText(x.names[i])+": "+p.text())
		} else {
			parts = append(parts, p.text())
		}
	}
	switch inside := strings.Join(parts, ", "); x.kind {
	case "list":
		return "[" + inside + "]"
	case "tuple":
		if len(parts) == 1 {
			inside += ","
		}
		return "(" + inside + ")"
	default:
		return "{" + inside + "}"
	}
}

func pythonText(s string) string {
	s = strings.ReplaceAll(s, `\`, `\\`)
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		return `"` + s + `"`
	}
	return "'" + strings.ReplaceAll(s, "'", `\'`) + "'"
}

func (x thing) literal() bool {
	return x.kind != "P" && !slices.ContainsFunc(x.parts, func(p thing) bool { return !p.literal() })
}

// record writes a thing down as a tracer might, with cuts at random where cuts is
// over 0: a value by its class and length, a text's beginning, the first items.
func record(r *rand.Rand, x thing, cuts float64) wire.Value {
	cut := r.Float64() < cuts
	switch x.kind {
	case "None", "int":
		if cut && r.IntN(2) == 0 {
			return wire.Value{Type: "?", Cut: true}
		}
		return wire.Value{Text: x.text(), Literal: true}
	case "str":
		n := len([]rune(x.s))
		switch {
		case cut && n > 0 && r.IntN(4) == 0:
			return wire.Value{Type: "str", Masked: true}
		case cut && n > 0:
			shown := []rune(x.s)[:r.IntN(n)]
			text := pythonText(string(shown))
			if r.IntN(3) == 0 {
				text = pythonText(string(shown) + "<masked>")
			}
			return wire.Value{Type: "str", Text: text, Len: n, Cut: true}
		}
		return wire.Value{Text: x.text(), Literal: true}
	}
	v := wire.Value{Type: x.kind, ID: 1 + r.IntN(9), Len: len(x.parts)}
	if x.kind == "P" {
		v.Len, v.Module = 0, "app"
	}
	if cut && len(x.parts) > 0 && r.IntN(2) == 0 { // a light value
		v.Cut = true
		return v
	}
	if x.literal() && r.IntN(2) == 0 && !cut {
		if x.kind == "tuple" {
			return wire.Value{Text: x.text(), Literal: true}
		}
		v.Text, v.Literal = x.text(), true
		return v
	}
	shown := len(x.parts)
	if cut && shown > 0 {
		shown = r.IntN(shown)
		v.Cut = x.kind == "P" || r.IntN(2) == 0 // where a length tells, the mark may be missing
	}
	for i, p := range x.parts[:shown] {
		part := record(r, p, cuts)
		switch x.kind {
		case "dict":
			v.Pairs = append(v.Pairs, [2]wire.Value{{Text: pythonText(x.names[i]), Literal: true}, part})
		case "P":
			v.Fields = append(v.Fields, wire.Var{Name: x.names[i], Value: part})
		default:
			v.Items = append(v.Items, part)
		}
	}
	return v
}

// opaque says whether an object without attributes is in it: nothing of it is
// recorded that could be equal.
func (x thing) opaque() bool {
	return x.kind == "P" && len(x.parts) == 0 || slices.ContainsFunc(x.parts, thing.opaque)
}

// TestACutNeverChangesWhatIsKnown compares records of random things, cut at
// random: what is known of them must be so of the things.
func TestACutNeverChangesWhatIsKnown(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 7))
	said := map[equality.Known]int{}
	for range 60_000 {
		x := makeThing(r, 3)
		y := x
		switch r.IntN(3) {
		case 0:
			y = change(r, x)
		case 1:
			y = makeThing(r, 2)
		}
		equal := x.canonical() == y.canonical()
		a, b := record(r, x, 0.3), record(r, y, 0.3)
		known := equality.Compare(&a, &b)
		if said[known]++; known == equality.Equal && !equal || known == equality.Different && equal {
			t.Fatalf("%s and %s, recorded as %s and %s: %d", x.canonical(), y.canonical(), asJSON(a), asJSON(b), known)
		}
		a, b = record(r, x, 0), record(r, y, 0)
		switch known := equality.Compare(&a, &b); {
		case known == equality.Equal && !equal || known == equality.Different && equal:
			t.Fatalf("in full %s and %s: %d", asJSON(a), asJSON(b), known)
		case known == equality.Unknown && !x.opaque():
			t.Fatalf("in full, nothing is known of %s and %s", asJSON(a), asJSON(b))
		}
	}
	for _, k := range []equality.Known{equality.Unknown, equality.Equal, equality.Different} {
		if said[k] < 3000 {
			t.Errorf("%d was said %d times", k, said[k])
		}
	}
}

func asJSON(v wire.Value) string {
	text, _ := json.Marshal(v)
	return string(text)
}
