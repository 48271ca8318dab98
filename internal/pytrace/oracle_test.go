package pytrace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// This is the decoder of lines on encoding/json, which the hand-made one
// replaced: what the one accepts, rejects and makes of it, the other must, too.

type oracleRecord struct {
	K       string `json:"k"`
	I       int64  `json:"i"`
	P       int64  `json:"p"`
	C       int    `json:"c"`
	D       int    `json:"d"`
	N       int    `json:"n"`
	T       int64  `json:"t"`
	L       any    `json:"l"`
	Th      int    `json:"th"`
	Late    int    `json:"late"`
	Gap     int    `json:"gap"`
	A       []any  `json:"a"`
	M       []any  `json:"m"`
	Loc     []any  `json:"loc"`
	V       any    `json:"v"`
	Df      []any  `json:"df"`
	E       int64  `json:"e"`
	X       string `json:"x"`
	Xm      string `json:"xm"`
	Msg     string `json:"msg"`
	Ctx     int64  `json:"ctx"`
	H       int    `json:"h"`
	O       any    `json:"o"`
	After   int    `json:"after"`
	Name    string `json:"name"`
	State   string `json:"state"`
	File    string `json:"file"`
	F       string `json:"f"`
	Kind    string `json:"kind"`
	Args    []any  `json:"args"`
	Line    int    `json:"line"`
	PID     int    `json:"pid"`
	PPID    int    `json:"ppid"`
	Python  string `json:"python"`
	Engine  string `json:"engine"`
	Argv    []any  `json:"argv"`
	Cwd     string `json:"cwd"`
	Forked  int    `json:"forked"`
	Records int    `json:"records"`
	Written int    `json:"written"`
	Dropped int    `json:"dropped"`
	Uncall  int    `json:"uncalled"`
	Faults  int    `json:"faults"`
	Over    int    `json:"oversize"`
	Lost    string `json:"lost"`
	Dead    string `json:"dead"`
	Exe     string `json:"exe"`
	At      string `json:"at"`
	Why     string `json:"why"`
	How     string `json:"how"`
	Ta      int    `json:"ta"`
	To      int    `json:"to"`
	Hit     int    `json:"hit"`
	Min     int    `json:"min"`
	Ts      any    `json:"ts"`
	S       []any  `json:"s"`
	Stack   any    `json:"stack"`
	Frames  any    `json:"frames"`
	W       any    `json:"w"`
	From    *struct {
		File string `json:"file"`
		Name string `json:"name"`
		Line int    `json:"line"`
	} `json:"from"`
}

// oracleNumber returns a JSON number as an int, 0 for anything else or out of range.
func oracleNumber(v any) int {
	f, ok := v.(float64)
	if !ok || f != math.Trunc(f) || f < 0 || f > 1<<40 {
		return 0
	}
	return int(f)
}

func oracleNumbers(v any) []int {
	list, _ := v.([]any)
	out := make([]int, 0, len(list))
	for _, e := range list {
		if n := oracleNumber(e); n > 0 {
			out = append(out, n)
		}
	}
	return out
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

// oracleLine does what decoder.line does.
func oracleLine(line []byte, to *wireRecord) bool {
	w := &oracleRecord{}
	if err := json.Unmarshal(line, w); err != nil {
		return false
	}
	if w.I < 0 || w.P < 0 || w.C < 0 || w.N < 0 || w.E < 0 || w.Th < 0 || w.Ta < 0 || w.D < 0 || w.I > 1<<40 || w.P > 1<<40 || w.E > 1<<40 {
		return false
	}
	*to = wireRecord{K: w.K, I: w.I, P: w.P, C: w.C, D: w.D, N: w.N, T: w.T, L: oracleNumber(w.L), Ls: oracleNumbers(w.L), Th: w.Th,
		Late: w.Late, Gap: w.Gap, A: oracleVars(w.A, 0), M: oracleVars(w.M, 0), Loc: oracleVars(w.Loc, 0), Df: oracleTexts(w.Df),
		E: w.E, X: w.X, Xm: w.Xm, Msg: w.Msg, Ctx: w.Ctx, H: w.H, After: w.After, Name: w.Name, State: w.State, File: w.File,
		F: w.F, Kind: w.Kind, Args: oracleTexts(w.Args), Line: w.Line, PID: w.PID, PPID: w.PPID, Python: w.Python, Engine: w.Engine,
		Argv: oracleTexts(w.Argv), Cwd: w.Cwd, Forked: w.Forked, Records: w.Records, Written: w.Written, Dropped: w.Dropped,
		Uncall: w.Uncall, Faults: w.Faults, Over: w.Over, Lost: w.Lost, Dead: w.Dead,
		Exe: w.Exe, At: w.At, Why: w.Why, How: w.How, Ta: w.Ta, To: w.To, Hit: w.Hit, Min: w.Min, On: oracleNumber(w.O), S: oracleVars(w.S, 0),
		Stack: oracleFrames(w.Stack), Frames: oracleFrames(w.Frames), W: oracleWatches(w.W)}
	to.O, _ = w.O.(string)
	to.Ts, _ = w.Ts.(float64)
	if w.V != nil {
		v := oracleValue(w.V, 0)
		to.V = &v
	}
	if w.From != nil {
		to.From = &Origin{w.From.File, w.From.Name, w.From.Line}
	}
	return true
}

func oracleRead(text []byte) *Trace {
	b := newBuilder()
	b.decode = oracleLine
	if err := b.lines(bufio.NewReaderSize(bytes.NewReader(text), maxLine)); err != nil {
		panic(err) // a bytes.Reader has none
	}
	return b.finish()
}

// differsFromOracle reads text with both decoders; "" when they agree.
func differsFromOracle(text []byte) string {
	got, err := Read(bytes.NewReader(text))
	if err != nil {
		return err.Error()
	}
	if want := oracleRead(text); !reflect.DeepEqual(got, want) {
		return "got, want:\n" + describe(got) + "\n" + describe(want)
	}
	return ""
}

func describe(t *Trace) string {
	text, _ := json.Marshal([]any{t, slices.Collect(t.All())})
	lines, _ := json.Marshal(t.codes)
	return string(text) + string(lines)
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
		text := strings.Replace(small, `{"k":"unwind","i":3`, line+"\n"+`{"k":"unwind","i":3`, 1)
		if d := differsFromOracle([]byte(text)); d != "" {
			t.Errorf("line %.200s: %.3000s", line, d)
		}
		b := newBuilder()
		for n := 0; n < len(line) && n < 300; n++ { // every kind of cut
			var got, want wireRecord
			if b.decoder.line([]byte(line[:n]), &got) != oracleLine([]byte(line[:n]), &want) {
				t.Errorf("line %q is valid for one only", line[:n])
			}
		}
	}
}

func TestTheScannersBoundsAreSeen(t *testing.T) {
	t.Parallel()
	b := newBuilder()
	b.decoder.left = 3
	if err := b.lines(bufio.NewReader(strings.NewReader(small))); err != nil {
		t.Fatal(err)
	}
	trace := b.finish()
	if !trace.Footer.Cut || trace.Len() != 8 || trace.Footer.Skipped != 0 || len(trace.Record(8).Args()) != 0 {
		t.Errorf("footer %+v, %d records", trace.Footer, trace.Len())
	}
}
