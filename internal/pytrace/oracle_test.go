package pytrace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// This decodes lines with encoding/json: what it accepts, rejects and makes of
// them, the hand-made scanner must, too.

// oracleNumber returns a JSON number as an int, 0 for anything else or out of range.
func oracleNumber(v any) int {
	f, ok := v.(float64)
	if !ok || f != math.Trunc(f) || f < 0 || f > 1<<40 {
		return 0
	}
	return int(f)
}

func oracleTexts(list []any) []string {
	var out []string
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, clip(s, maxName))
		}
	}
	return out
}

// oracleVars decodes pairs of a name and a value.
func oracleVars(list []any, depth int) []Var {
	var out []Var
	for _, e := range list {
		pair, ok := e.([]any)
		if !ok || len(pair) != 2 {
			continue
		}
		name, ok := pair[0].(string)
		if !ok {
			continue
		}
		out = append(out, Var{clip(name, maxName), oracleValue(pair[1], depth)})
	}
	return out
}

func oracleValues(list any, depth int) []Value {
	items, _ := list.([]any)
	var out []Value
	for _, e := range items {
		out = append(out, oracleValue(e, depth))
	}
	return out
}

// oracleValue decodes a value: a string is a literal, an object says more.
func oracleValue(v any, depth int) Value {
	if s, ok := v.(string); ok {
		return Value{Text: s, Literal: true}
	}
	m, ok := v.(map[string]any)
	if !ok || depth > maxValueDepth {
		return Value{Type: "?", Cut: true}
	}
	out := Value{ID: oracleNumber(m["id"]), Len: oracleNumber(m["n"])}
	out.Type, _ = m["t"].(string)
	if out.Type == "" {
		out.Type = "?"
	}
	out.Module, _ = m["m"].(string)
	out.Text, _ = m["r"].(string)
	out.Rebuild, _ = m["re"].(string)
	out.New, _ = m["new"].(string)
	out.DType, _ = m["dt"].(string)
	if shape, ok := m["sh"].([]any); ok {
		for _, e := range shape {
			if len(out.Shape) < 32 {
				out.Shape = append(out.Shape, oracleNumber(e))
			}
		}
	}
	out.Literal = oracleNumber(m["lit"]) == 1
	out.Cut = oracleNumber(m["cut"]) == 1 || m["err"] != nil
	out.Cycle = oracleNumber(m["cyc"]) == 1
	out.Masked = oracleNumber(m["masked"]) == 1
	out.Items = oracleValues(m["e"], depth+1)
	out.Args = oracleValues(m["a"], depth+1)
	if pairs, ok := m["kv"].([]any); ok {
		for _, e := range pairs {
			if p, ok := e.([]any); ok && len(p) == 2 {
				out.Pairs = append(out.Pairs, [2]Value{oracleValue(p[0], depth+1), oracleValue(p[1], depth+1)})
			}
		}
	}
	if f, ok := m["f"].([]any); ok {
		out.Fields = oracleVars(f, depth+1)
	}
	if f, ok := m["cf"].([]any); ok {
		out.Shared = oracleVars(f, depth+1)
	}
	return out
}

func oracleObjects(v any, f func(map[string]any)) {
	list, _ := v.([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		f(m)
	}
}

func oracleFrames(v any) (out []Frame) {
	oracleObjects(v, func(m map[string]any) {
		f := Frame{Line: oracleNumber(m["line"])}
		f.File, _ = m["file"].(string)
		f.Name, _ = m["name"].(string)
		loc, _ := m["loc"].([]any)
		f.Locals = oracleVars(loc, 0)
		out = append(out, f)
	})
	return out
}

func oracleWatches(v any) (out []Watch) {
	oracleObjects(v, func(m map[string]any) {
		var x Watch
		x.Expr, _ = m["x"].(string)
		x.Err, _ = m["err"].(string)
		if m["v"] != nil {
			value := oracleValue(m["v"], 0)
			x.Value = &value
		}
		out = append(out, x)
	})
	return out
}

// oracleLine returns all that a record of a line holds, "" where it is no line of
// a record.
func oracleLine(line []byte) string {
	var m map[string]any
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &m) != nil {
		return ""
	}
	ints := map[string]int64{}
	d := json.NewDecoder(bytes.NewReader(line))
	_, _ = d.Token() // the bracket
	for d.More() {   // keys that come twice, too
		token, err := d.Token()
		var raw json.RawMessage
		if key, _ := token.(string); err != nil || d.Decode(&raw) != nil || !oracleType(key, raw, ints) {
			return ""
		}
	}
	for key, n := range ints {
		if wireTypes[key] == typeHead && key != "t" && (n < 0 || n > maxNumber) {
			return ""
		}
	}
	return describeRecord(oracleRecord(m, ints))
}

// oracleType says whether the value of a key is of its type, and takes a number.
func oracleType(key string, raw json.RawMessage, ints map[string]int64) bool {
	want := wireTypes[key]
	if want == typeAny || key == "l" {
		return true
	}
	delete(ints, key)
	if string(raw) == "null" {
		return true
	}
	switch {
	case key == "k" || want == typeText:
		return raw[0] == '"'
	case want == typeList:
		return raw[0] == '['
	}
	var n int64
	err := json.Unmarshal(raw, &n)
	ints[key] = n
	return err == nil
}

// oracleRecord fills in what the methods of Record return.
func oracleRecord(m map[string]any, ints map[string]int64) map[string]any {
	text := func(key string, limit int) string {
		s, _ := m[key].(string)
		return clip(s, limit)
	}
	kind := Kind(text("k", 100))
	vars := func(key string, kinds ...Kind) []Var {
		list, _ := m[key].([]any)
		if !slices.Contains(kinds, kind) {
			return nil
		}
		return oracleVars(list, 0)
	}
	if kindOf(string(kind)) == 0 || kind != KindMark && kind != KindSnapshot && (ints["i"] == 0 || ints["c"] == 0) {
		return nil
	}
	r := Record{Kind: kind, Thread: int(min(ints["th"], 65535)), Task: int(ints["ta"]), Call: ints["i"], Parent: ints["p"], Depth: int(min(ints["d"], 65535)),
		Micros: ints["t"], Line: oracleNumber(m["l"]), Late: ints["late"] == 1}
	if r.Line > math.MaxInt32 {
		r.Line = 0
	}
	switch kind {
	case KindCall:
		r.Nth = int(ints["n"])
	case KindRaise, KindPass, KindHandled, KindUnwind:
		r.Exc = ints["e"]
	}
	out := map[string]any{"head": r, "code": ints["c"], "args": vars("a", KindCall), "changed": vars("m", KindReturn, KindUnwind),
		"assigned": vars("s", KindStep, KindReturn, KindUnwind), "type": text("x", maxName), "module": text("xm", maxName), "text": text("msg", 1<<20),
		"state": text("state", 200), "handler": int(ints["h"]), "after": int(ints["after"]), "gap": int(ints["gap"]), "to": int(ints["to"]),
		"outcome": "", "taken": false, "defaults": []string(nil), "value": (*Value)(nil), "origin": (*Origin)(nil), "context": int64(0), "snapshot": (*Snapshot)(nil)}
	switch kind {
	case KindCall:
		df, _ := m["df"].([]any)
		out["defaults"] = oracleTexts(df)
	case KindRaise:
		out["args"] = vars("loc", KindRaise)
	case KindMark:
		out["text"] = text("name", maxName)
	case KindHandled:
		out["outcome"] = text("o", 20)
	case KindBranch:
		out["taken"] = oracleNumber(m["o"]) == 1
	case KindSnapshot:
		s := &Snapshot{N: int(ints["n"]), Why: text("why", 20), At: text("at", maxName), Hit: int(ints["hit"]), Line: r.Line, Type: text("x", maxName),
			Text: text("msg", 1<<20), Stack: oracleFrames(m["stack"]), Watches: oracleWatches(m["w"])}
		s.Time, _ = m["ts"].(float64)
		s.More = oracleNumber(m["more"])
		out["snapshot"] = s
	}
	if m["v"] != nil {
		v := oracleValue(m["v"], 0)
		out["value"] = &v
	}
	if o, ok := m["from"].(map[string]any); ok {
		file, _ := o["file"].(string)
		name, _ := o["name"].(string)
		out["origin"] = &Origin{clip(file, maxName), clip(name, maxName), oracleNumber(o["line"])}
	}
	if n := ints["ctx"]; n > 0 && n <= maxNumber {
		out["context"] = n
	}
	return out
}

func describeRecord(m map[string]any) string {
	if m == nil {
		return ""
	}
	head := m["head"].(Record)
	m["head"] = fmt.Sprintf("%+v", head)
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// describeLine reads a line as the builder does.
func describeLine(line []byte) string {
	if len(line) == 0 {
		return ""
	}
	var e event
	var rest []byte
	if scanEvent(line, &e) {
		rest = line[e.off : e.off+e.size]
	} else {
		var d decoder
		var w wireRecord
		ok := d.line(line, &w)
		if ok {
			e, ok = eventOf(&w)
		}
		if !ok {
			return ""
		}
		rest = line[1:]
	}
	r := Record{}
	r.take(&e, body(rest))
	out := map[string]any{"code": e.code, "args": r.Args(), "changed": r.Changed(), "assigned": r.Assigned(), "type": r.Type(), "module": r.Module(),
		"text": r.Text(), "state": r.State(), "handler": r.Handler(), "after": r.After(), "gap": r.Gap(), "to": r.To(), "outcome": r.Outcome(),
		"taken": r.Taken(), "defaults": r.Defaults(), "value": r.Value(), "origin": r.Origin(), "context": r.Context(), "snapshot": r.Snapshot()}
	r.body = ""
	out["head"] = r
	return describeRecord(out)
}

// differsFromOracle reads the lines of a text with both decoders; "" when they
// agree.
func differsFromOracle(text []byte) string {
	for line := range bytes.Lines(text) {
		from, to := trim(line, 0, len(line))
		line = line[from:to]
		if got, want := describeLine(line), oracleLine(line); got != want {
			return fmt.Sprintf("%.300q: got, want:\n%s\n%s", line, got, want)
		}
	}
	return ""
}

// oddLines are on the border of what is valid, oddVars are such elements of
// a list of variables.
var oddLines = []string{
	"", "null", "true", "5", `"x"`, "[]", "{}", "{", "}", `{"k"}`, `{"k":}`, `{"k":"call",}`, `{,"k":"call"}`, `{"k":"call"}x`, `{"k":"call" "i":1}`,
	`{"k":"call","i":5,"c":1}`, `{"K":"call","I":5,"C":1}`, `{"c":1,"a":[["x","1"]],"i":5,"k":"call"}`, `{"k":"ret","a":[["x","1"]],"k":"call","c":1,"i":5}`,
	`{"k":"call","i":5,"i":null,"c":1}`, `{"k":"call","i":1.0,"c":1}`, `{"k":"call","i":1e1,"c":1}`, `{"k":"call","i":-0,"c":1,"d":-0}`, `{"k":"call","i":01,"c":1}`,
	`{"k":"call","i":5,"c":1,"t":9223372036854775807}`, `{"k":"call","i":5,"c":1,"t":9223372036854775808}`, `{"k":"call","i":5,"c":1,"t":-9223372036854775808}`,
	`{"k":"call","i":1099511627776,"c":1}`, `{"k":"call","i":1099511627777,"c":1}`, `{"k":"call","i":1099511627775,"c":1,"p":4}`, `{"k":"call","i":5,"c":-1}`,
	`{"k":"call","i":5,"c":1,"z":1e999}`, `{"k":"call","i":5,"c":1,"a":[1e999]}`, `{"k":"ret","i":5,"c":1,"v":"1","a":[1e999]}`, `{"k":"call","i":5,"c":1,"l":1e999}`,
	`{"k":"call","i":5,"c":1,"l":3.0}`, `{"k":"call","i":5,"c":1,"l":3.5}`, `{"k":"call","i":5,"c":1,"l":-3}`, `{"k":"call","i":5,"c":1,"l":1e12}`, `{"k":"call","i":5,"c":1,"l":1e13}`,
	`{"k":"call","i":5,"c":1,"l":0.3e1}`, `{"k":"call","i":5,"c":1,"l":.5}`, `{"k":"call","i":5,"c":1,"l":5.}`, `{"k":"call","i":5,"c":1,"l":+5}`, `{"k":"call","i":5,"c":1,"l":5e}`,
	`{"k":"call","i":5,"c":1,"l":"3"}`, `{"k":"call","i":5,"c":1,"l":[3]}`, `{"k":"call","i":5,"c":1,"l":null}`, `{"k":"lines","c":1,"l":[1,2.0,"3",[4],null,-5]}`, `{"k":"lines","c":1,"l":7}`, `{"k":"line","c":1,"l":7}`,
	`{"k":"ret","i":5,"c":1,"v":null}`, `{"k":"ret","i":5,"c":1,"v":5}`, `{"k":"ret","i":5,"c":1,"v":[1,{"a":2}]}`, `{"k":"ret","i":5,"c":1,"v":{}}`, `{"k":"ret","i":5,"c":1,"v":"1","v":"2"}`, `{"k":"ret","i":5,"c":1,"v":"1","v":null}`,
	`{"k":"ret","i":5,"c":1,"v":""}`, `{"k":"call","i":5,"c":1,"a":{}}`, `{"k":"call","i":5,"c":1,"a":"x"}`, `{"k":"ret","i":5,"c":1,"v":"1","a":{}}`, `{"k":"call","i":5,"c":1,"a":[["x","1"]],"a":null}`,
	`{"k":"raise","i":5,"c":1,"e":3,"ctx":-1,"from":{"file":"f","File":"g","line":3},"from":{"name":"n"}}`, `{"k":"raise","i":5,"c":1,"from":null}`, `{"k":"raise","i":5,"c":1,"from":[]}`, `{"k":"raise","i":5,"c":1,"from":{"line":"3"}}`,
	`{"k":"raise","i":5,"c":1,"loc":[["x",{"t":"L"}]],"x":"X","xm":"m","msg":"\u2028\n"}`, `{"k":"call","i":5,"c":1,"df":["a",1,null,"b"]}`, `{"k":"call","i":5,"c":1,"df":null}`, `{"k":"call","i":5,"c":1,"df":"x"}`,
	`{"k":"mark","name":"\ud800","state":"\ud83d\ude00"}`, `{"k":"mark","name":"\ud800\u0041","state":"\ud800\ud800\udc00"}`, `{"k":"mark","name":"\ud800\u00zz"}`, `{"k":"mark","name":"\u12"}`, `{"k":"mark","name":"\'"}`,
	"{\"k\":\"mark\",\"name\":\"a\x01b\"}", "{\"k\":\"mark\",\"name\":\"a\xffb\xe2\x80\"}", "{\"k\":\"mark\",\"name\":\"\x7f\u00e9\"}", "{\"k\" : \"mark\" ,\t\"name\":\r\"a\" }", `{"k":"mark","name":"a`, `{"k":"mark","name":"a\`, `{"k":"mark","name":"a"}}`,
	`{"\u006b":"mark","name":"escaped key"}`, `{"k":"mark","ſtate":"folded","\u212a":"mark"}`, `{"k":"mark","name":"` + strings.Repeat("é", 600) + `"}`, `{"k":5}`, `{"k":null}`, `{"k":"mark","name":nul}`, `{"k":"mark","zz":tru}`, `{"k":"mark","zz":[1,]}`, `{"k":"mark","zz":{"a":1,}}`, `{"k":"mark","zz":{"a" 1}}`, `{"k":"mark","zz":{a:1}}`,
	`{"k":"step","i":5,"c":1,"l":7,"t":3,"s":[["x","1"]],"ta":4}`, `{"k":"br","i":5,"c":1,"l":7,"to":9,"o":1}`, `{"k":"br","i":5,"c":1,"o":"1","to":1.5}`, `{"k":"unwind","i":5,"c":1,"e":0,"s":{},"x":"StopIteration"}`,
	`{"k":"snap","n":1,"at":"a.py:3","hit":2,"i":5,"c":1,"l":3,"t":9,"ts":1700000000.25,"th":0,"stack":[{"file":"a.py","name":"f","line":3,"loc":[["x","1"]]},{"file":5},7,{}],"w":[{"x":"len(x)","v":"3"},{"x":"y","err":"NameError: y"},{"v":null},{"v":5}],"why":"breakpoint","x":"","msg":"m"}`,
	`{"k":"pass","i":1,"c":1,"H":1,"A":2,"l":12}`, "{\"k\":\"pass\",\"i\":1,\"c\":1,\"\x01\":1}", `{"k":"snap","stack":{},"w":5,"ts":"x"}`, `{"k":"call","i":5,"c":1,"late":1,"late":0}`, `{"k":"call","i":5,"c":1,"late":0,"late":1,"gap":3}`, `{"k":"call","i":5,"c":1,"late":11}`, `{"k":"call","i":4294967296,"c":1}`, `{"k":"call","i":4294967295,"c":1,"p":4294967295,"d":70000,"th":70000}`,
	`{"k":"mark","zz":` + strings.Repeat("[", 9999) + strings.Repeat("]", 9999) + `}`, `{"k":"mark","zz":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`,
	`{"k":"mark","zz":` + strings.Repeat(`{"a":`, 9999) + "1" + strings.Repeat("}", 9999) + `}`, `{"k":"call","i":5,"c":1,"a":[["x",` + strings.Repeat("[", 9997) + strings.Repeat("]", 9997) + `]]}`, `{"k":"call","i":5,"c":1,"a":[["x",` + strings.Repeat("[", 9998) + strings.Repeat("]", 9998) + `]]}`,
}

var oddVars = []string{
	`["x","1"]`, `["x"]`, `["x","1","2"]`, `[]`, `[5,"1"]`, `["x",5]`, `["x",null]`, `["x",true]`, `["x",[1,[2]]]`, `"x"`, `5`, `{}`, `null`, `["x",{"t":5,"r":"a"}]`, `["x",{"t":"A","t":5}]`, `["x",{"T":"A","r":"b"}]`,
	`["x",{"t":"A","lit":1,"cut":1,"cyc":1,"masked":1,"id":7,"n":8}]`, `["x",{"lit":1,"lit":0}]`, `["x",{"lit":1.0,"cut":true,"id":"7","n":-1}]`, `["x",{"err":null}]`, `["x",{"err":0}]`, `["x",{"cut":1,"err":null}]`, `["x",{"err":"e","err":null}]`,
	`["x",{"e":["1",{"t":"L"},5,null]}]`, `["x",{"e":5,"a":{},"kv":"","f":1,"cf":null}]`, `["x",{"e":["1"],"e":5}]`, `["x",{"kv":[["1","2"],["1"],["1","2","3"],5,[1,{"t":"D"}]]}]`, `["x",{"kv":[["1","2"]],"kv":[]}]`, `["x",{"f":[["a","1"],["b"],[1,"2"]],"cf":[["c",{"t":"dict","e":[]}]]}]`,
	`["x",{"a":["1"],"zz":[{"t":[1e5,2E-3]}]}]`, `["x",{"n":1e999}]`, `["x",{"zz":1` + strings.Repeat("0", 400) + `}]`, `["x",{"zz":1` + strings.Repeat("0", 300) + `}]`, `["` + strings.Repeat("n", 1500) + `","` + strings.Repeat("v", 9000) + `"]`,
	`["x",` + strings.Repeat(`{"e":[`, 12) + `{"e":["1"]}` + strings.Repeat("]}", 12) + "]", `["x",` + strings.Repeat(`{"e":[`, 13) + `{"e":["1"]}` + strings.Repeat("]}", 13) + "]", `["x",` + strings.Repeat(`{"f":[["a",`, 13) + `"1"` + strings.Repeat("]]}", 13) + "]", `["x",` + strings.Repeat(`{"kv":[["1",`, 13) + `"1"` + strings.Repeat("]]}", 13) + "]",
}

func TestTheScannerReadsLinesAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	lines := oddLines
	for _, v := range oddVars {
		lines = append(lines, `{"k":"call","i":5,"c":1,"a":[`+v+`,["y","2"]]}`, `{"k":"raise","i":5,"c":1,"loc":[`+v+`]}`, `{"k":"ret","i":5,"c":1,"v":"1","m":[["y","2"],`+v+`]}`)
	}
	for _, line := range lines {
		if d := differsFromOracle([]byte(line)); d != "" {
			t.Error(d)
		}
		for n := 0; n < len(line) && n < 300; n++ { // every kind of cut
			if d := differsFromOracle([]byte(line[:n])); d != "" {
				t.Error(d)
			}
		}
	}
}

func TestValuesOfALineAreBounded(t *testing.T) {
	t.Parallel()
	trace := read(t, strings.Replace(small, `["x","1"]`, strings.Repeat(`["x",{}],`, maxLineValues)+`["x","1"]`, 1))
	if n := len(trace.Record(2).Args()); n != maxLineValues || trace.Len() != 8 {
		t.Errorf("%d values of %d records", n, trace.Len())
	}
}

// describe renders all of a trace.
func describe(t *Trace) string {
	text, err := json.Marshal([]any{t, slices.Collect(t.All()), t.Codes(), t.Stacks(), t.Children(), t.Problems(), t.Executed(), t.Executable()})
	if err != nil {
		return err.Error()
	}
	return string(text)
}
