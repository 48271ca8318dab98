package pytrace

import (
	"encoding/json"
	"errors"
	"math"
)

// Bounds of one line. The tracer keeps within them by far.
const (
	maxLine       = 256 << 10
	maxValueDepth = 12
	maxName       = 1000
)

// wireRecord is one line of any kind; SCHEMA.md says which keys go with which.
type wireRecord struct {
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
	O       string `json:"o"`
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
	From    *struct {
		File string `json:"file"`
		Name string `json:"name"`
		Line int    `json:"line"`
	} `json:"from"`
}

var errSchema = errors.New("does not fit the schema")

// number returns a JSON number as an int, 0 for anything else or out of range.
func number(v any) int {
	f, ok := v.(float64)
	if !ok || f != math.Trunc(f) || f < 0 || f > 1<<40 {
		return 0
	}
	return int(f)
}

func numbers(v any) []int {
	list, _ := v.([]any)
	out := make([]int, 0, len(list))
	for _, e := range list {
		if n := number(e); n > 0 {
			out = append(out, n)
		}
	}
	return out
}

func texts(list []any) []string {
	var out []string
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, clip(s, maxName))
		}
	}
	return out
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// decodeVars decodes pairs of a name and a value.
func decodeVars(list []any, depth int) []Var {
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
		out = append(out, Var{clip(name, maxName), decodeValue(pair[1], depth)})
	}
	return out
}

func decodeValues(list any, depth int) []Value {
	items, _ := list.([]any)
	var out []Value
	for _, e := range items {
		out = append(out, decodeValue(e, depth))
	}
	return out
}

// decodeValue decodes a value: a string is a literal, an object says more.
func decodeValue(v any, depth int) Value {
	if s, ok := v.(string); ok {
		return Value{Text: s, Literal: true}
	}
	m, ok := v.(map[string]any)
	if !ok || depth > maxValueDepth {
		return Value{Type: "?", Cut: true}
	}
	out := Value{ID: number(m["id"]), Len: number(m["n"])}
	out.Type, _ = m["t"].(string)
	if out.Type == "" {
		out.Type = "?"
	}
	out.Module, _ = m["m"].(string)
	out.Text, _ = m["r"].(string)
	out.Literal = number(m["lit"]) == 1
	out.Cut = number(m["cut"]) == 1 || m["err"] != nil
	out.Cycle = number(m["cyc"]) == 1
	out.Masked = number(m["masked"]) == 1
	out.Items = decodeValues(m["e"], depth+1)
	out.Args = decodeValues(m["a"], depth+1)
	if pairs, ok := m["kv"].([]any); ok {
		for _, e := range pairs {
			if p, ok := e.([]any); ok && len(p) == 2 {
				out.Pairs = append(out.Pairs, [2]Value{decodeValue(p[0], depth+1), decodeValue(p[1], depth+1)})
			}
		}
	}
	if f, ok := m["f"].([]any); ok {
		out.Fields = decodeVars(f, depth+1)
	}
	if f, ok := m["cf"].([]any); ok {
		out.Shared = decodeVars(f, depth+1)
	}
	return out
}

// decodeLine decodes one line.
func decodeLine(line []byte) (*wireRecord, error) {
	w := &wireRecord{}
	if err := json.Unmarshal(line, w); err != nil {
		return nil, err
	}
	if w.I < 0 || w.P < 0 || w.C < 0 || w.N < 0 || w.E < 0 || w.Th < 0 || w.D < 0 || w.I > 1<<40 || w.P > 1<<40 || w.E > 1<<40 {
		return nil, errSchema
	}
	return w, nil
}
