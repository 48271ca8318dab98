package trace

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/repaird/repaird/internal/trace/wire"
	"github.com/repaird/repaird/internal/trace/wire/wiretest"
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
			out = append(out, wire.Clip(s, wire.MaxName))
		}
	}
	return out
}

// oracleVars decodes pairs of a name and a value.
func oracleVars(list []any, depth int) []wire.Var {
	var out []wire.Var
	for _, e := range list {
		pair, ok := e.([]any)
		if !ok || len(pair) != 2 {
			continue
		}
		name, ok := pair[0].(string)
		if !ok {
			continue
		}
		out = append(out, wire.Var{Name: wire.Clip(name, wire.MaxName), Value: oracleValue(pair[1], depth)})
	}
	return out
}

func oracleValues(list any, depth int) []wire.Value {
	items, _ := list.([]any)
	var out []wire.Value
	for _, e := range items {
		out = append(out, oracleValue(e, depth))
	}
	return out
}

// oracleValue decodes a value: a string is a literal, an object says more.
func oracleValue(v any, depth int) wire.Value {
	if s, ok := v.(string); ok {
		return wire.Value{Text: s, Literal: true}
	}
	m, ok := v.(map[string]any)
	if !ok || depth > wire.MaxValueDepth {
		return wire.Value{Type: "?", Cut: true}
	}
	out := wire.Value{ID: oracleNumber(m["id"]), Len: oracleNumber(m["n"])}
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
				out.Pairs = append(out.Pairs, [2]wire.Value{oracleValue(p[0], depth+1), oracleValue(p[1], depth+1)})
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

func oracleFrames(v any) (out []wire.Frame) {
	oracleObjects(v, func(m map[string]any) {
		f := wire.Frame{Line: oracleNumber(m["line"])}
		f.File, _ = m["file"].(string)
		f.Name, _ = m["name"].(string)
		loc, _ := m["loc"].([]any)
		f.Locals = oracleVars(loc, 0)
		out = append(out, f)
	})
	return out
}

func oracleWatches(v any) (out []wire.Watch) {
	oracleObjects(v, func(m map[string]any) {
		var x wire.Watch
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

// oracleLine returns all that a record of a line holds, "" if it is not a line of a record.
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
		if wire.KeyTypes[key] == wire.TypeHead && key != "t" && (n < 0 || n > wire.MaxNumber) {
			return ""
		}
	}
	return describeRecord(oracleRecord(m, ints))
}

// oracleType says whether the value of a key is of its type, and takes a number.
func oracleType(key string, raw json.RawMessage, ints map[string]int64) bool {
	want := wire.KeyTypes[key]
	if want == wire.TypeAny || key == "l" {
		return true
	}
	delete(ints, key)
	if string(raw) == "null" {
		return true
	}
	switch {
	case key == "k" || want == wire.TypeText:
		return raw[0] == '"'
	case want == wire.TypeList:
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
		return wire.Clip(s, limit)
	}
	kind := wire.Kind(text("k", 100))
	vars := func(key string, kinds ...wire.Kind) []wire.Var {
		list, _ := m[key].([]any)
		if !slices.Contains(kinds, kind) {
			return nil
		}
		return oracleVars(list, 0)
	}
	if wire.KindOf(string(kind)) == 0 || kind != wire.KindMark && kind != wire.KindSnapshot && (ints["i"] == 0 || ints["c"] == 0) {
		return nil
	}
	r := Record{Kind: kind, Thread: int(min(ints["th"], 65535)), Task: int(ints["ta"]), Call: ints["i"], Parent: ints["p"], Depth: int(min(ints["d"], 65535)),
		Micros: ints["t"], Line: oracleNumber(m["l"]), Late: ints["late"] == 1}
	if r.Line > math.MaxInt32 {
		r.Line = 0
	}
	switch kind {
	case wire.KindCall:
		r.Nth = int(ints["n"])
	case wire.KindRaise, wire.KindPass, wire.KindHandled, wire.KindUnwind:
		r.Exc = ints["e"]
	}
	out := map[string]any{"head": r, "code": ints["c"], "args": vars("a", wire.KindCall), "changed": vars("m", wire.KindReturn, wire.KindUnwind),
		"assigned": vars("s", wire.KindStep, wire.KindReturn, wire.KindUnwind), "type": text("x", wire.MaxName), "module": text("xm", wire.MaxName), "text": text("msg", 1<<20),
		"state": text("state", 200), "handler": int(ints["h"]), "after": int(ints["after"]), "gap": int(ints["gap"]), "to": int(ints["to"]),
		"outcome": "", "taken": false, "defaults": []string(nil), "value": (*wire.Value)(nil), "origin": (*wire.Origin)(nil), "context": int64(0), "snapshot": (*wire.Snapshot)(nil)}
	switch kind {
	case wire.KindCall:
		df, _ := m["df"].([]any)
		out["defaults"] = oracleTexts(df)
	case wire.KindRaise:
		out["args"] = vars("loc", wire.KindRaise)
	case wire.KindMark:
		out["text"] = text("name", wire.MaxName)
	case wire.KindHandled:
		out["outcome"] = text("o", 20)
	case wire.KindBranch:
		out["taken"] = oracleNumber(m["o"]) == 1
	case wire.KindSnapshot:
		s := &wire.Snapshot{N: int(ints["n"]), Why: text("why", 20), At: text("at", wire.MaxName), Hit: int(ints["hit"]), Line: r.Line, Type: text("x", wire.MaxName),
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
		out["origin"] = &wire.Origin{File: wire.Clip(file, wire.MaxName), Name: wire.Clip(name, wire.MaxName), Line: oracleNumber(o["line"])}
	}
	if n := ints["ctx"]; n > 0 && n <= wire.MaxNumber {
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
	var e wire.Event
	var rest []byte
	if wire.ScanEvent(line, &e) {
		rest = line[e.Off : e.Off+e.Size]
	} else {
		var d wire.Decoder
		var w wire.Line
		ok := d.DecodeLine(line, &w)
		if ok {
			e, ok = wire.EventOf(&w)
		}
		if !ok {
			return ""
		}
		rest = line[1:]
	}
	r := Record{}
	r.take(&e, wire.Body(rest))
	out := map[string]any{"code": e.Code, "args": r.Args(), "changed": r.Changed(), "assigned": r.Assigned(), "type": r.Type(), "module": r.Module(),
		"text": r.Text(), "state": r.State(), "handler": r.Handler(), "after": r.After(), "gap": r.Gap(), "to": r.To(), "outcome": r.Outcome(),
		"taken": r.Taken(), "defaults": r.Defaults(), "value": r.Value(), "origin": r.Origin(), "context": r.Context(), "snapshot": r.Snapshot()}
	r.Body = ""
	out["head"] = r
	return describeRecord(out)
}

// DiffersFromOracle reads the lines of a text with both decoders; "" when they
// agree.
func DiffersFromOracle(text []byte) string {
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

func TestTheScannerReadsLinesAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	lines := wiretest.OddLines
	for _, v := range wiretest.OddVars {
		lines = append(lines, `{"k":"call","i":5,"c":1,"a":[`+v+`,["y","2"]]}`, `{"k":"raise","i":5,"c":1,"loc":[`+v+`]}`, `{"k":"ret","i":5,"c":1,"v":"1","m":[["y","2"],`+v+`]}`)
	}
	for _, line := range lines {
		if d := DiffersFromOracle([]byte(line)); d != "" {
			t.Error(d)
		}
		for n := 0; n < len(line) && n < 300; n++ { // every kind of cut
			if d := DiffersFromOracle([]byte(line[:n])); d != "" {
				t.Error(d)
			}
		}
	}
}

func TestValuesOfALineAreBounded(t *testing.T) {
	t.Parallel()
	trace := read(t, strings.Replace(wiretest.Small, `["x","1"]`, strings.Repeat(`["x",{}],`, wire.MaxLineValues)+`["x","1"]`, 1))
	if n := len(trace.Record(2).Args()); n != wire.MaxLineValues || trace.Len() != 8 {
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

func read(t *testing.T, text string) *Trace {
	t.Helper()
	trace, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return trace
}
